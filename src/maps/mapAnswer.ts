/**
 * The maps that are served over socketmap, and what each answers to a key.
 *
 *   deliver           Postfix smtp_tls_policy_maps: the row's own level, NOTFOUND where the table does not say
 *   deliver-encrypt   the stricter of the row and `encrypt`: for clones of the smtp transport that must use TLS
 *   deliver-verify    the stricter of the row and `verify`
 *   tls_rcpt, access  Sendmail's access map, of which only `tls_rcpt:user@domain` has an answer
 *   sts               Sendmail's FEATURE(`sts'): `secure match=a:b servername=hostname` for an enforced MTA-STS policy
 *                     behind a row with `auto`
 *
 * The maps of marked mail (`transport`, `generic`, `status-encrypt`, `status-verify`) are in transportMap.ts.
 *
 * NOTFOUND means "the table does not say", never "something is wrong": then both MTAs go on by their own defaults. Whatever
 * is wrong is TEMP, an unknown map included, and mail waits; PERM is not used, because Sendmail takes it for "not found".
 *
 * Postfix asks `.parent` after NOTFOUND, Sendmail `user@`, `domain` and parents after `user@domain`. Rows for those were
 * looked at with the first key, so they are NOTFOUND at once: a second answer could only contradict the first.
 *
 * What Sendmail has no words for is TEMP, not the nearest weaker thing; see sendmailWords.ts.
 *
 * A row with `auto` needs to know what the domain publishes. Without that the answer is TEMP and comes with the question;
 * whoever can find out asks again with what was found.
 */
import { parsePath } from '../core/address.ts';
import type { Published, PublishedQuestion } from '../core/publishedFacts.ts';
import type { PolicyTable } from '../core/table.ts';
import { type DeliverDecision, decideNextHop, decideRecipient, questionIn } from '../deliver/deliver.ts';
import type { DeliverFloor } from '../deliver/level.ts';
import { utf8OrLatin1 } from '../wire/foreignText.ts';
import { NOTFOUND, type SocketmapReply } from '../wire/socketmapEncode.ts';
import { formatTlsPolicy, type PostfixVersion } from '../wire/tlsPolicyValue.ts';
import { inAccessMapGrammar } from './accessMap.ts';
import { answerSts } from './stsAnswer.ts';
import { ROUTE_MAPS } from './transportMap.ts';

/** What a map answers in. */
export type MapKind =
  | { readonly words: 'postfix'; readonly floor: DeliverFloor }
  | { readonly words: 'sendmail' }
  | { readonly words: 'sts' };

export const MAPS: ReadonlyMap<string, MapKind> = new Map<string, MapKind>([
  ['deliver', { words: 'postfix', floor: 'none' }],
  ['deliver-encrypt', { words: 'postfix', floor: 'encrypt' }],
  ['deliver-verify', { words: 'postfix', floor: 'verify' }],
  ['tls_rcpt', { words: 'sendmail' }],
  ['access', { words: 'sendmail' }],
  ['sts', { words: 'sts' }],
]);

export interface MapAnswer {
  readonly reply: SocketmapReply;
  /** null: the key needed none. */
  readonly decision: DeliverDecision | null;
  /** What to find out before asking again; the reply is TEMP until then. */
  readonly question?: PublishedQuestion | null;
}

/**
 * The answer; `key` has one character a byte. `published`: what was found out for the question of an earlier answer; null:
 * nothing yet. Total: trouble of any kind is TEMP.
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
    return { reply: { status: 'TEMP', reason }, decision: null };
  }
  const text = utf8OrLatin1(key);
  if (kind.words === 'postfix') {
    const decision = decideNextHop(table, text, kind.floor, published);
    return answered(decision, ({ policy }) => ({ status: 'OK', value: formatTlsPolicy(policy, version) }));
  }
  if (kind.words === 'sts') return answerSts(table, text, published);
  const recipient = /^tls_rcpt:(.*@[^@]+)$/is.exec(text)?.[1];
  if (recipient === undefined) return { reply: NOTFOUND, decision: null };
  return answered(decideRecipient(table, parsePath(recipient), 'none', published), inAccessMapGrammar);
}

type Decided = Extract<DeliverDecision, { kind: 'policy' }>;

function answered(decision: DeliverDecision, words: (decided: Decided) => SocketmapReply): MapAnswer {
  switch (decision.kind) {
    case 'policy':
      return { reply: words(decision), decision };
    case 'silent':
      return { reply: NOTFOUND, decision };
    case 'trouble': {
      const { row, why } = decision;
      const at = row === null ? '' : ` (row ${row.pattern})`;
      const reply: SocketmapReply = { status: 'TEMP', reason: `tlsward: ${why}${at}` };
      return { reply, decision, question: questionIn(decision) };
    }
  }
}
