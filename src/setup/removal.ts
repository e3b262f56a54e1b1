/**
 * `--remove`: takes every question to tlsward out of main.cf and master.cf, however it came in: names that
 * begin with `tlsward_`, entries that begin with `tlsward-`, and elements of lists that lead to one of its
 * sockets. What else stands in those lists stays.
 *
 * While mail with an address of a rule waits in the queue, its way out stays, too: without its entry and the
 * suffix taken off it could not be delivered.
 */
import { count } from '../core/plural.ts';
import type { MasterEntry, PostfixConfig } from '../mta/postfixConfig.ts';
import { Draft, serviceOf } from './draft.ts';
import { asksUs, type Element, isOurFilter, ourMap, plainElements, restrictionElements } from './lists.ts';
import { hasFenceWords } from './messages.ts';
import type { Plan } from './plan.ts';
import type { Wanted } from './wanted.ts';

/** What general settings of Postfix setup may have written; they stay. */
const STAYS =
  'Settings that do not name tlsward stay as they are (logging, smtp_tls_security_level, smtp_tls_CAfile and the like); "tlsward setup postfix --undo" takes back what setup wrote.';

/** `waiting`: messages in the queue whose recipients have a suffix of tlsward. */
export function removalPlan(config: PostfixConfig, wanted: Wanted, waiting: number): Plan {
  const draft = new Draft(config);
  const stays = waiting > 0 ? exitsOf(config) : new Set<string>();
  for (const name of [...config.set.keys()]) {
    if (name.startsWith('tlsward_') || stays.has(name)) continue;
    const after = without(draft.config, wanted, name, config.set.get(name)!);
    if (after !== null) draft.main('inbound', name, after === '' ? null : after, whyOf(after));
  }
  for (const entry of config.entries) {
    if (isOurs(entry)) continue;
    for (const [name, value] of entry.overrides) {
      const now = draft.config.entries.find((one) => serviceOf(one) === serviceOf(entry))!;
      const after = without(draft.config, wanted, name, value, now);
      // an override that was empty before ours came must not turn into none
      if (after !== null && !stays.has(name)) draft.override('inbound', now, name, after, whyOf(after));
    }
  }
  if (waiting === 0) {
    for (const entry of config.entries.filter(isOurs))
      draft.entry('inbound', serviceOf(entry), null, 'No mail is sent there any more.');
    for (const name of [...config.set.keys()].filter((one) => one.startsWith('tlsward_')))
      draft.main('inbound', name, null, 'Nothing uses it any more.');
    noteLeft(draft);
  } else
    draft.warn(
      'inbound',
      `${count(waiting, 'message')} in the queue ${waiting === 1 ? 'has' : 'have'} recipients with a suffix of tlsward. Their way out stays for now, and tlsward must go on running: when postqueue -p shows none of them, run this again.`,
    );
  if (draft.plan().changes.length > 0) draft.note('inbound', STAYS);
  return { ...draft.plan(), heading: 'remove: Postfix stops asking tlsward' };
}

/** Parameters by which mail with a suffix leaves. */
function exitsOf(config: PostfixConfig): Set<string> {
  const asked = ['transport_maps', 'smtp_header_checks', 'smtp_delivery_status_filter', 'smtp_generic_maps'];
  return new Set(asked.filter((name) => config.set.has(name)));
}

function isOurs(entry: MasterEntry): boolean {
  return (
    entry.name.startsWith('tlsward-') || entry.overrides.get('milter_macro_daemon_name') === 'tlsward-again'
  );
}

/** The value without what is ours, '' when nothing else is in it; null when nothing of ours is in it. */
function without(
  config: PostfixConfig,
  wanted: Wanted,
  name: string,
  value: string,
  entry?: MasterEntry,
): string | null {
  if (name === 'cleanup_service_name') return value.startsWith('tlsward-') ? 'cleanup' : null;
  return name.endsWith('_restrictions')
    ? keep(restrictionElements(config, value, entry), (one) => asksUs(config, wanted, one))
    : keep(
        plainElements(config, value, entry),
        (text) => isOurFilter(config, wanted, text) || ourMap(config, wanted, text) !== null,
      );
}

/** Names of ours: in a value, in a macro that the milter is told, in a table. */
const NAMES = /\$[({]?tlsward_|\{tlsward_|tlsward-again:|FILTER tlsward-/;

function keep<P>(elements: readonly Element<P>[], ours: (parsed: P) => boolean): string | null {
  const others = elements.filter(
    ({ text, parsed }) =>
      !NAMES.test(text) && !hasFenceWords(text) && !(parsed.length > 0 && parsed.every(ours)),
  );
  if (others.length === elements.length) return null;
  return others.map(({ text }) => text).join(', ');
}

function whyOf(after: string): string {
  return after === '' ? 'Nothing else was in it.' : 'The rest stays as it is.';
}

/** What still names tlsward and was not understood. */
function noteLeft(draft: Draft): void {
  const { config } = draft;
  const mentions = (value: string): boolean =>
    /tlsward_|\btlsward-(?:encrypt|verify|row|fallback|again|in)\b|tlsward\/[a-z]+\.sock/.test(value);
  const left = [
    ...[...config.set].filter(([, value]) => mentions(value)).map(([name]) => name),
    ...config.entries.flatMap((entry) =>
      [...entry.overrides]
        .filter(([, value]) => mentions(value))
        .map(([name]) => `${serviceOf(entry)} -o ${name}`),
    ),
  ];
  if (left.length > 0)
    draft.warn('inbound', `These still name tlsward, and are for you to change: ${left.join(', ')}.`);
}
