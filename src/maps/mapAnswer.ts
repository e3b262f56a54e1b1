/**
 * The maps that are served over socketmap, and their answers.
 *
 *   deliver           Postfix smtp_tls_policy_maps: the row's own level, NOTFOUND where the table does not say
 *   deliver-encrypt   the stricter of the row and `encrypt`: for clones of the smtp transport that must use TLS
 *   deliver-verify    the stricter of the row and `verify`
 *   tls_rcpt, access  Sendmail's access map, of which only `tls_rcpt:user@domain` has an answer
 *   sts               Sendmail's FEATURE(`sts'): `secure match=a:b servername=hostname` for an enforced MTA-STS policy
 *                     behind a row with `auto`
 *
 * The maps of routed mail (`transport`, `generic`, `status-encrypt`, `status-verify`) are in transportMap.ts.
 *
 * NOTFOUND means "the table does not say", never "something is wrong": both MTAs then use their own defaults.
 * Any error is TEMP, including an unknown map, and mail waits. PERM is not used, because Sendmail takes it
 * for "not found".
 *
 * Postfix asks `.parent` after NOTFOUND, Sendmail `user@`, `domain` and parents after `user@domain`. The
 * answer to the first key already took rows for these into account, so they are NOTFOUND at once: a second
 * answer could only contradict the first.
 *
 * What Sendmail cannot express is TEMP, not the nearest weaker level; see accessMap.ts.
 *
 * A row with `auto` depends on what the domain publishes. Without that there is no reply yet, only the
 * question; the caller looks it up and asks again with the result.
 */
import { parsePath } from '../core/address.ts';
import type { PostfixVersion } from '../core/postfixVersion.ts';
import type { Published, PublishedQuestion } from '../core/publishedFacts.ts';
import type { PolicyTable } from '../core/table.ts';
import { type DeliverDecision, decideNextHop, decideRecipient } from '../deliver/deliver.ts';
import type { DeliverFloor } from '../deliver/level.ts';
import { utf8OrLatin1 } from '../wire/foreignText.ts';
import { NOTFOUND, type SocketmapReply } from '../wire/socketmapEncode.ts';
import { formatTlsPolicy } from '../wire/tlsPolicyValue.ts';
import { inAccessMapGrammar } from './accessMap.ts';
import { answerSts } from './stsAnswer.ts';
import { ROUTE_MAPS } from './transportMap.ts';

/** The grammar of a map's answers. */
type MapKind =
  | { readonly grammar: 'postfix'; readonly floor: DeliverFloor }
  | { readonly grammar: 'sendmail' }
  | { readonly grammar: 'sts' };

export const MAPS: ReadonlyMap<string, MapKind> = new Map<string, MapKind>([
  ['deliver', { grammar: 'postfix', floor: 'none' }],
  ['deliver-encrypt', { grammar: 'postfix', floor: 'encrypt' }],
  ['deliver-verify', { grammar: 'postfix', floor: 'verify' }],
  ['tls_rcpt', { grammar: 'sendmail' }],
  ['access', { grammar: 'sendmail' }],
  ['sts', { grammar: 'sts' }],
]);

export type MapAnswer =
  /** `decision`: null if the key needed none. */
  | { readonly kind: 'reply'; readonly reply: SocketmapReply; readonly decision: DeliverDecision | null }
  /** What to find out before asking again. */
  | { readonly kind: 'needs'; readonly question: PublishedQuestion };

/**
 * The answer; `key` has one character a byte. `published`: the result for the question of an earlier answer,
 * with which there is always a reply; null: none yet. Total: any error is TEMP.
 */
export function answerMap(
  map: string,
  key: string,
  table: PolicyTable,
  version: PostfixVersion,
  published: Published | null = null,
): MapAnswer {
  const kind = MAPS.get(map);
  if (kind === undefined) {
    const reason = `tlsward has no map of this name; there are ${[...MAPS.keys(), ...ROUTE_MAPS].join(', ')}`;
    return { kind: 'reply', reply: { status: 'TEMP', reason }, decision: null };
  }
  const text = utf8OrLatin1(key);
  if (kind.grammar === 'postfix') {
    const decision = decideNextHop(table, text, kind.floor, published);
    return answered(decision, ({ policy }) => ({ status: 'OK', value: formatTlsPolicy(policy, version) }));
  }
  if (kind.grammar === 'sts') return answerSts(table, text, published);
  const recipient = /^tls_rcpt:(.*@[^@]+)$/is.exec(text)?.[1];
  if (recipient === undefined) return { kind: 'reply', reply: NOTFOUND, decision: null };
  return answered(decideRecipient(table, parsePath(recipient), 'none', published), inAccessMapGrammar);
}

type Decided = Extract<DeliverDecision, { kind: 'policy' }>;

function answered(decision: DeliverDecision, format: (decided: Decided) => SocketmapReply): MapAnswer {
  switch (decision.kind) {
    case 'policy':
      return { kind: 'reply', reply: format(decision), decision };
    case 'silent':
      return { kind: 'reply', reply: NOTFOUND, decision };
    case 'trouble': {
      const { row, why } = decision;
      const at = row === null ? '' : ` (row ${row.pattern})`;
      const reply: SocketmapReply = { status: 'TEMP', reason: `tlsward: ${why}${at}` };
      return { kind: 'reply', reply, decision };
    }
    case 'needs':
      return { kind: 'needs', question: decision.question };
  }
}
