/**
 * `--messages`: rules for single messages, by recipient. As contrib/postfix/message-recipient.main.cf,
 * .master.cf and message-fence.main.cf have it; those say what each line is for.
 */
import { listOf } from '../mta/listValue.ts';
import { sendingEntries } from '../mta/mailEntries.ts';
import { type PostfixConfig, valueFor, writtenValue } from '../mta/postfixConfig.ts';
import { fenceStands, fenceTable } from '../rules/fence.ts';
import { type Draft, serviceOf } from './draft.ts';
import { ourMap, plainElements, withElement } from './lists.ts';
import { isClone, planClones } from './messageClones.ts';
import { nameSocket } from './sockets.ts';
import type { Wanted } from './wanted.ts';

const FENCE = '$tlsward_fence';
const CHECKS = 'smtp_header_checks';
const STATUS = 'smtp_delivery_status_filter';

/** By these words the table is known again, whatever an administrator changed around them. */
const FENCE_WORDS = 'copy of it or an alias leads to';

/**
 * Fails every delivery that meets the field of the fence with a sentence for its author; to the letter that
 * of message-fence.main.cf.
 */
const FENCE_STATUS = `regexp:{{/^4\\.3\\.0 local data error while talking to (.*)$$/ 5.7.10 This message must be sent under TLS, and a ${FENCE_WORDS} $$1 by a path that does not ensure this, so it was not sent there; ask your mail administrator}}`;

/** Is the sentence for authors in this value of smtp_delivery_status_filter? */
export function hasFenceWords(value: string): boolean {
  return value.includes(FENCE_WORDS);
}

/** Macros that tell the milter what stands: parameter of main.cf by name of the macro. */
const TOLD = { tlsward_fence: CHECKS, tlsward_filter: 'content_filter' } as const;

/** Plans it; inbound and outbound are planned before. */
export function planMessages(draft: Draft, wanted: Wanted): void {
  if (wanted.messageRoute === 'header') {
    draft.obstacle(
      'messages',
      `${wanted.configFile} has message-route = header, which needs changes to listeners that setup does not make: see contrib/postfix/message-header.main.cf.`,
    );
    return;
  }
  if (wanted.listen.milter.length === 0) {
    draft.obstacle('messages', `${wanted.configFile} has no milter-listen, and rules need the milter.`);
    return;
  }
  const askers = draft.config.entries.filter(
    ({ command }) => command === 'smtp' || command === 'trivial-rewrite',
  );
  const socket = nameSocket(draft.config, wanted, 'socketmap', askers);
  if (!socket.ok) {
    draft.obstacle('messages', socket.why);
    return;
  }
  const table = `socketmap:${socket.name}`;
  planDefinitions(draft, wanted.routeHeader);
  planFence(draft, wanted.routeHeader);
  planClones(draft, wanted, table);
  planTransport(draft, wanted, `${table}:transport`);
  noteMail(draft);
}

function planDefinitions(draft: Draft, header: string): void {
  define(
    draft,
    'tlsward_fence',
    fenceTable(header),
    'A check that stops a message of a rule from leaving by any other way; it needs no daemon.',
  );
  define(
    draft,
    'tlsward_clean',
    `regexp:{{/^${header}[[:space:]]*:/ IGNORE} {/^(Received:.*)[[:space:]]for <[^>]*\\.tlsward-[a-z]+>(;.*)$$/ REPLACE $$1$$2}}`,
    'Takes the route field, which $tlsward_fence looks for, off where a message may leave.',
  );
  define(
    draft,
    'tlsward_unmark',
    'regexp:{{/^(.+@)([0-9.]+)\\.tlsward-literal\\.[^@]+$$/ $$1[$$2]} {/^(.+@)ipv6-([^-@]+)-([^-@]+)-([^-@]+)-([^-@]+)-([^-@]+)-([^-@]+)-([^-@]+)-([^-.@]+)\\.tlsward-literal\\.[^@]+$$/ $$1[IPv6:$$2:$$3:$$4:$$5:$$6:$$7:$$8:$$9]} {/^(.+@.+)\\.tlsward-via\\.[^@]+\\.tlsward-(encrypt|verify|row)$$/ $$1} {/^(.+@.+)\\.tlsward-(encrypt|verify|row)$$/ $$1} {/^(.+@.+)\\.[^.@]+\\.tlsward-fallback$$/ $$1}}',
    'Takes the suffix off an address where it leaves.',
  );
}

/** One of our tables; tables that the administrator has put after it stay there. */
function define(draft: Draft, name: string, table: string, why: string): void {
  const [, ...others] = listOf(draft.config.set.get(name) ?? '');
  draft.main('messages', name, [table, ...others].join(', '), why);
}

/**
 * First in smtp_header_checks, of main.cf and of every entry that has checks of its own; and the milter is
 * told.
 */
function planFence(draft: Draft, header: string): void {
  if (!fenceStands(valueFor(draft.config, CHECKS), header)) {
    const checks = plainElements(draft.config, writtenValue(draft.config, CHECKS) ?? '');
    draft.main(
      'messages',
      CHECKS,
      withElement(checks, 0, FENCE),
      'First, because the first check that fits decides: copies and aliases of a message that must be sent under TLS do not leave in plain text.',
    );
  }
  const filter = filterService(draft.config);
  for (const entry of sendingEntries(draft.config)) {
    if (isClone(entry)) continue;
    const own = entry.overrides.get(CHECKS);
    if (serviceOf(entry) === filter) {
      draft.override(
        'messages',
        entry,
        CHECKS,
        '',
        `${serviceOf(entry)} hands mail to the content filter, which must get it with the route field still in it.`,
      );
    } else if (
      own !== undefined &&
      own !== '' &&
      !fenceStands(valueFor(draft.config, CHECKS, entry), header)
    ) {
      const checks = plainElements(draft.config, own, entry);
      draft.override(
        'messages',
        entry,
        CHECKS,
        withElement(checks, 0, FENCE),
        `${serviceOf(entry)} has header checks of its own; without $tlsward_fence in front a copy could leave by it in plain text.`,
      );
    } else if (own === '')
      draft.warn(
        'messages',
        `${serviceOf(entry)} has -o ${CHECKS}= and so not the check $tlsward_fence: right only if it leads to a content filter on this host.`,
      );
  }
  const told = writtenValue(draft.config, 'milter_macro_defaults') ?? '';
  const missing = Object.entries(TOLD).filter(([macro]) => !told.includes(`{${macro}}`));
  if (missing.length > 0)
    draft.main(
      'messages',
      'milter_macro_defaults',
      [told, ...missing.map(([macro, name]) => `{ {${macro}} = $${name} }`)]
        .filter((one) => one !== '')
        .join(' '),
      'Postfix tells the milter that $tlsward_fence is the first header check, and whether a content filter comes next.',
    );
  if (!hasFenceWords(valueFor(draft.config, STATUS))) {
    const written = writtenValue(draft.config, STATUS) ?? '';
    const others = valueFor(draft.config, STATUS) === '' ? [] : listOf(written);
    draft.main(
      'messages',
      STATUS,
      [FENCE_STATUS, ...others].join(', '),
      'What $tlsward_fence stops comes back to its author at once, with the reason.',
    );
  }
}

/** The entry of master.cf that content_filter of main.cf names: `smtp-amavis/unix`; null: none. */
function filterService(config: PostfixConfig): string | null {
  const filter = valueFor(config, 'content_filter');
  const transport = filter.slice(0, filter.indexOf(':'));
  return transport === '' ? null : `${transport}/unix`;
}

function planTransport(draft: Draft, wanted: Wanted, table: string): void {
  const maps = plainElements(draft.config, writtenValue(draft.config, 'transport_maps') ?? '');
  const first = maps[0]?.parsed[0];
  if (first !== undefined && ourMap(draft.config, wanted, first) === 'transport') return;
  if (maps.some(({ parsed }) => parsed.some((one) => ourMap(draft.config, wanted, one) === 'transport'))) {
    draft.warn(
      'messages',
      'transport_maps asks another table before tlsward: one with "*" in it takes the mail of rules. Put the map of tlsward first.',
    );
    return;
  }
  draft.main(
    'messages',
    'transport_maps',
    withElement(maps, 0, table),
    'First; it knows only addresses with a suffix of tlsward, and sends each to the entry of that name. While tlsward is down every RCPT is answered 451 4.3.0.',
  );
}

function noteMail(draft: Draft): void {
  draft.note(
    'messages',
    'What aliases lead to on other hosts, and copies (always_bcc and the like), $tlsward_fence stops and returns: contrib/postfix/message-again.main.cf has them sent, too.',
  );
  if (!/tlsward_milter|smtpd_milters/.test(writtenValue(draft.config, 'non_smtpd_milters') ?? ''))
    draft.note(
      'messages',
      'Rules do not see mail from sendmail(1): that needs $tlsward_milter in non_smtpd_milters, and local-domains and relayhost in tlsward.ini.',
    );
}
