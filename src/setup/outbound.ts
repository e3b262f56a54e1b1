/**
 * `--outbound`: Postfix asks tlsward how mail to a next hop must leave. As contrib/postfix/deliver.main.cf
 * has it.
 *
 * Maps that are there stay in front of ours: what they answer counts, so nothing that is enforced today
 * becomes weaker. A level that is set stays, unless it is empty.
 */
import { since } from '../core/postfixVersion.ts';
import { listOf } from '../mta/listValue.ts';
import { sendingEntries } from '../mta/mailEntries.ts';
import {
  expandText,
  isParameter,
  isYes,
  type PostfixConfig,
  valueFor,
  writtenValue,
} from '../mta/postfixConfig.ts';
import { type Draft, serviceOf } from './draft.ts';
import { ourMap, plainElements, withElement } from './lists.ts';
import { nameSocket } from './sockets.ts';
import type { Wanted } from './wanted.ts';

const MAPS = 'smtp_tls_policy_maps';

/** Plans it, and remarks on what hides or weakens it. */
export function planOutbound(draft: Draft, wanted: Wanted): void {
  const senders = sendingEntries(draft.config);
  if (senders.length === 0) {
    draft.note('outbound', 'No entry of master.cf sends mail by SMTP: nothing is planned.');
    return;
  }
  if (!since(draft.config.version, 3, 7)) {
    draft.obstacle(
      'outbound',
      `Postfix ${draft.config.release} is too old: 3.7 is the oldest that is supported.`,
    );
    return;
  }
  if (valueFor(draft.config, MAPS) === '' && valueFor(draft.config, 'smtp_tls_per_site') !== '') {
    draft.obstacle(
      'outbound',
      'smtp_tls_per_site is in use, and Postfix ignores it as soon as smtp_tls_policy_maps is set: what it enforces would end. Move its lines to a table of smtp_tls_policy_maps (or to rows) and remove it first.',
    );
    return;
  }
  const socket = nameSocket(draft.config, wanted, 'socketmap', senders);
  if (!socket.ok) {
    draft.obstacle('outbound', socket.why);
    return;
  }
  planMaps(draft, wanted, `socketmap:${socket.name}:deliver`);
  planLevel(draft);
  planRest(draft, wanted);
  for (const entry of senders) {
    if (
      entry.overrides.has(MAPS) &&
      !asksUs(draft.config, wanted, listOf(valueFor(draft.config, MAPS, entry)))
    )
      draft.note(
        'outbound',
        `${serviceOf(entry)} has -o ${MAPS}=${entry.overrides.get(MAPS)} of its own: what leaves by it does not follow the table. That is left as it is.`,
      );
    if (isYes(draft.config, 'tls_required_enable', entry) && isParameter(draft.config, 'tls_required_enable'))
      draft.warn(
        'outbound',
        `${serviceOf(entry)} has -o tls_required_enable=yes: an author who writes "TLS-Required: no" switches every row off there. Take it out.`,
      );
  }
  noteRoutes(draft);
}

/** Does one of these tables ask us how mail must leave? */
function asksUs(config: PostfixConfig, wanted: Wanted, tables: readonly string[]): boolean {
  return tables.some((table) => ourMap(config, wanted, table)?.startsWith('deliver') === true);
}

function planMaps(draft: Draft, wanted: Wanted, table: string): void {
  const { config } = draft;
  const elements = plainElements(config, writtenValue(config, MAPS) ?? '');
  const ours = elements.findIndex(({ parsed }) => asksUs(config, wanted, parsed));
  const before = (ours < 0 ? elements : elements.slice(0, ours)).flatMap(({ parsed }) => parsed);
  if (ours < 0)
    draft.main(
      'outbound',
      MAPS,
      withElement(elements, elements.length, table),
      before.length === 0
        ? 'Postfix asks tlsward for the next hop of each delivery; while it does not answer, mail waits in the queue (4.7.5).'
        : 'Behind the maps that are there, so that nothing they enforce becomes weaker; while tlsward does not answer, mail that they do not know waits in the queue (4.7.5).',
    );
  for (const map of before) draft.note('outbound', shadowWords(map));
}

/** What a map before ours means. */
function shadowWords(map: string): string {
  const file = /^(?:proxy:)?(?:texthash|hash|btree|lmdb|cdb|dbm|sdbm):(.+)$/.exec(map)?.[1];
  if (file !== undefined)
    return `${map} is asked first: for the next hops in it, it counts and not the row. "tlsward import postfix ${file}" turns it into rows; then it can go.`;
  if (/^(?:proxy:)?socketmap:/.test(map))
    return `${map} is asked first: where it answers, its answer counts and not the row. Rows with deliver = auto can ask it instead (published = ${map.replace(/^proxy:/, '')} in tlsward.ini); then it can go.`;
  return `${map} is asked first: where it answers, its answer counts and not the row.`;
}

function planLevel(draft: Draft): void {
  const level = valueFor(draft.config, 'smtp_tls_security_level');
  if (level === 'none')
    draft.warn(
      'outbound',
      'smtp_tls_security_level = none: where the table says nothing, mail leaves in plain text. It stays as you wrote it; may is better.',
    );
  if (level !== '') return;
  // the older parameters count where the newer one is empty, and would not any more
  if (isYes(draft.config, 'smtp_enforce_tls')) {
    draft.warn(
      'outbound',
      'smtp_enforce_tls = yes is in force, which smtp_tls_security_level would replace: write the level that you mean (encrypt, verify or secure) in its place. It stays as it is.',
    );
    return;
  }
  if (isYes(draft.config, 'smtp_use_tls')) return;
  draft.main(
    'outbound',
    'smtp_tls_security_level',
    'may',
    'The level where the table says nothing: TLS where the other side offers it.',
  );
}

function planRest(draft: Draft, wanted: Wanted): void {
  const value = (name: string): string => valueFor(draft.config, name);
  const trusts = value('smtp_tls_CAfile') !== '' || value('smtp_tls_CApath') !== '';
  if (!trusts && !isYes(draft.config, 'tls_append_default_CA')) {
    if (wanted.caFile === null)
      draft.warn(
        'outbound',
        'smtp_tls_CAfile is empty and no file of CA certificates was found: rows with verify or secure make mail wait for ever. Install ca-certificates and run setup again.',
      );
    else
      draft.main(
        'outbound',
        'smtp_tls_CAfile',
        wanted.caFile,
        'The CAs that rows with verify or secure trust; without them such mail would wait for ever.',
      );
  }
  if (wanted.needs.dane && value('smtp_dns_support_level') !== 'dnssec')
    draft.main(
      'outbound',
      'smtp_dns_support_level',
      'dnssec',
      'Rows with dane, dane-only or auto need it, and a validating resolver in /etc/resolv.conf.',
    );
  if (wanted.needs.fingerprints && value('smtp_tls_fingerprint_digest') !== 'sha256') planDigest(draft);
  if (!since(draft.config.version, 3, 10)) planCache(draft);
  if (isParameter(draft.config, 'tls_required_enable') && isYes(draft.config, 'tls_required_enable'))
    draft.main(
      'outbound',
      'tls_required_enable',
      'no',
      'Otherwise the author of a message switches every row off for it with "TLS-Required: no" (RFC 8689).',
    );
  if (value('smtp_tls_loglevel') === '0')
    draft.main('outbound', 'smtp_tls_loglevel', '1', 'One line in the mail log for each TLS connection.');
}

function planDigest(draft: Draft): void {
  const digest = valueFor(draft.config, 'smtp_tls_fingerprint_digest');
  const others = plainElements(draft.config, writtenValue(draft.config, MAPS) ?? '');
  if (others.length > 1)
    draft.warn(
      'outbound',
      `smtp_tls_fingerprint_digest is ${digest}, and other maps in ${MAPS} may use it: rows with fingerprint need sha256. Change it together with those maps.`,
    );
  else
    draft.main(
      'outbound',
      'smtp_tls_fingerprint_digest',
      'sha256',
      'Pins in the table are SHA-256 digests; nothing else here uses them.',
    );
}

/** Before 3.10 a connection that is kept goes on as its row was when it was opened. */
function planCache(draft: Draft): void {
  if (isYes(draft.config, 'smtp_connection_cache_on_demand'))
    draft.main(
      'outbound',
      'smtp_connection_cache_on_demand',
      'no',
      'This version goes on using an open connection, even a plain one, after its row has become stricter.',
    );
  const kept = valueFor(draft.config, 'smtp_connection_cache_destinations');
  if (kept !== '')
    draft.warn(
      'outbound',
      `smtp_connection_cache_destinations keeps connections to ${kept} open: a row for them that becomes stricter counts only for new ones. Empty it, or reload Postfix after such a change.`,
    );
  if (isYes(draft.config, 'smtp_tls_connection_reuse'))
    draft.warn(
      'outbound',
      'smtp_tls_connection_reuse = yes keeps connections open: a row that becomes stricter counts only for new ones. Reload Postfix after such a change.',
    );
}

/** Where the next hop that the table is asked for is not the recipient's domain. */
function noteRoutes(draft: Draft): void {
  const { config } = draft;
  const relayhost = expandText(config, valueFor(config, 'relayhost'));
  if (relayhost !== '')
    draft.note(
      'outbound',
      `relayhost = ${relayhost}: Postfix asks the table for that next hop and never for the domain of a recipient. A row for it says how mail must reach it: [domain ${relayhost}] with deliver = encrypt or better.`,
    );
  const routed = [
    'transport_maps',
    'sender_dependent_relayhost_maps',
    'sender_dependent_default_transport_maps',
  ];
  const used = routed.filter((name) =>
    plainElements(config, writtenValue(config, name) ?? '').some(({ parsed }) =>
      parsed.some((table) => !table.includes('socketmap:unix:tlsward/')),
    ),
  );
  if (used.length > 0)
    draft.note(
      'outbound',
      `${used.join(' and ')} may name other next hops than the domain of a recipient: where they do, the table is asked for those.`,
    );
}
