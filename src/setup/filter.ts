/**
 * The milter in smtpd_milters: of main.cf, and of entries of master.cf that have filters of their own. As
 * contrib/postfix/milter.main.cf has it.
 *
 * Ours comes last. Filters that verify signatures then see the message as it arrived, before a banner or tag
 * changes it; and with rules, which put recipients back under another address, a filter that refuses single
 * recipients must have been asked before (MILTER_README: filters are asked in the order of the list).
 */
import { parseEndpoint } from '../mta/endpoint.ts';
import { listOf } from '../mta/listValue.ts';
import { type MasterEntry, type PostfixConfig, valueFor, writtenValue } from '../mta/postfixConfig.ts';
import { type Draft, serviceOf } from './draft.ts';
import { type Element, isOurFilter, plainElements, withElement, withElementReplaced } from './lists.ts';
import type { Wanted } from './wanted.ts';

const LIST = 'smtpd_milters';
const MACRO = '$tlsward_milter';
/** The version of the milter protocol that tlsward needs: since 6 it can ask for the macros that it reads. */
const PROTOCOL = 6;

/** What is not `accept`: mail waits or is refused while the filter is down. */
const FAIL_SAFE = new Set(['tempfail', 'reject', 'shutdown', 'quarantine']);

/** The filter, by the name of its socket. */
function milterElement(socket: string, protocol = PROTOCOL): string {
  const old = protocol < PROTOCOL ? `, protocol=${PROTOCOL}` : '';
  return `{ ${socket}, default_action=tempfail, connect_timeout=5s, command_timeout=10s, content_timeout=30s${old} }`;
}

/** Is our filter asked about mail that comes in by an entry? */
export function entryAsksMilter(config: PostfixConfig, wanted: Wanted, entry: MasterEntry): boolean {
  if (skipsMilters(config, entry)) return false;
  return listOf(valueFor(config, LIST, entry)).some((text) => isOurFilter(config, wanted, text));
}

/** `receive_override_options = no_milters` */
export function skipsMilters(config: PostfixConfig, entry?: MasterEntry): boolean {
  return listOf(valueFor(config, 'receive_override_options', entry)).includes('no_milters');
}

/** The definition, and the list of main.cf. */
export function planFilter(draft: Draft, wanted: Wanted, socket: string): void {
  const { config } = draft;
  const elements = plainElements(config, writtenValue(config, LIST) ?? '');
  const ours = indexOfOurs(config, wanted, elements);
  const sound = ours >= 0 && elements[ours]!.parsed.every((text) => isSound(config, wanted, text));
  if (!sound || elements[ours]!.text === MACRO) {
    define(draft, wanted, socket);
    if (ours < 0)
      draft.main(
        'inbound',
        LIST,
        withElement(elements, elements.length, MACRO),
        whyLast(elements.length > 0),
      );
    else if (elements[ours]!.text !== MACRO)
      draft.main(
        'inbound',
        LIST,
        withElementReplaced(elements, ours, MACRO),
        `The filter that stands there fails open or speaks an old protocol: milter_default_action is ${valueFor(config, 'milter_default_action')}, milter_protocol ${valueFor(config, 'milter_protocol')}.`,
      );
  }
  if (ours >= 0 && ours < elements.length - 1 && wanted.wishes.has('messages'))
    draft.warn(
      'messages',
      `${LIST} has filters behind tlsward: one that refuses single recipients must come before it, because a rule gives recipients another address. The order stays as it is; those that only sign or mark may stay behind.`,
    );
  noteOthers(draft, wanted, elements);
}

/** An entry that has filters of its own. */
export function planFilterOverride(draft: Draft, wanted: Wanted, socket: string, entry: MasterEntry): void {
  define(draft, wanted, socket);
  if (entryAsksMilter(draft.config, wanted, entry)) return;
  const elements = plainElements(draft.config, entry.overrides.get(LIST) ?? '', entry);
  const has = elements.length === 0 ? 'asks no filter' : 'has filters of its own';
  draft.override(
    'inbound',
    entry,
    LIST,
    withElement(elements, elements.length, MACRO),
    `${serviceOf(entry)} ${has}, so that mail which comes in there would not be judged by anything.`,
  );
}

function define(draft: Draft, wanted: Wanted, socket: string): void {
  const { config } = draft;
  const there = config.set.get('tlsward_milter');
  const parsed = there === undefined ? [] : plainElements(config, there).flatMap((one) => one.parsed);
  if (
    parsed.some((text) => isOurFilter(config, wanted, text)) &&
    parsed.every((text) => isSound(config, wanted, text))
  )
    return;
  const protocol = Number(valueFor(config, 'milter_protocol'));
  const old =
    protocol < PROTOCOL
      ? ` protocol=${PROTOCOL}, because milter_protocol is ${protocol} for the others.`
      : '';
  draft.main(
    'inbound',
    'tlsward_milter',
    milterElement(socket, protocol),
    `How tlsward filters; while it does not answer, the client hears 451 4.7.1 and comes back, whatever milter_default_action says.${old}`,
  );
}

function indexOfOurs(config: PostfixConfig, wanted: Wanted, elements: readonly Element<string>[]): number {
  return elements.findIndex(
    ({ text: written, parsed }) =>
      written === MACRO || parsed.some((text) => isOurFilter(config, wanted, text)),
  );
}

/** Of ours: does mail wait while it is down, and is the protocol new enough? Of others nothing is asked. */
function isSound(config: PostfixConfig, wanted: Wanted, text: string): boolean {
  if (!isOurFilter(config, wanted, text)) return true;
  const endpoint = parseEndpoint(text);
  if ('invalid' in endpoint) return false;
  const action = endpoint.options.get('default_action') ?? valueFor(config, 'milter_default_action');
  const protocol = endpoint.options.get('protocol') ?? valueFor(config, 'milter_protocol');
  return FAIL_SAFE.has(action) && Number(protocol) >= PROTOCOL;
}

function whyLast(others: boolean): string {
  return others
    ? 'Last, so that filters which verify signatures see the message as it arrived, and filters which refuse recipients have done so.'
    : 'Refuses what rows forbid, and adds the header field that says what was seen.';
}

function noteOthers(draft: Draft, wanted: Wanted, elements: readonly Element<string>[]): void {
  const { config } = draft;
  const others = elements
    .flatMap(({ parsed }) => parsed)
    .filter((text) => !isOurFilter(config, wanted, text));
  const open = others.filter((text) => {
    const endpoint = parseEndpoint(text);
    const own = 'invalid' in endpoint ? undefined : endpoint.options.get('default_action');
    return (own ?? valueFor(config, 'milter_default_action')) === 'accept';
  });
  if (open.length > 0)
    draft.note(
      'inbound',
      `While a filter with default_action = accept is down, mail passes it unfiltered: ${open.join(', ')}. Not so with tlsward, which has a default_action of its own.`,
    );
  if (/\$[({]?smtpd_milters\b/.test(writtenValue(config, 'non_smtpd_milters') ?? ''))
    draft.note(
      'inbound',
      'non_smtpd_milters repeats smtpd_milters, so mail from sendmail(1) passes tlsward, too. It does not judge such mail: there is no session.',
    );
  if (valueFor(config, 'smtpd_milter_maps') !== '')
    draft.warn(
      'inbound',
      'smtpd_milter_maps replaces smtpd_milters for clients that its tables name: add $tlsward_milter to the answers, or that mail passes unjudged by the milter.',
    );
}
