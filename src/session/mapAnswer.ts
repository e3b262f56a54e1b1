/**
 * The maps that are served over socketmap, and what each answers to a key.
 *
 *   deliver           Postfix smtp_tls_policy_maps: the row's own level, NOTFOUND where the table does not say
 *   deliver-encrypt   the stricter of the row and `encrypt`: for clones of the smtp transport that must use TLS
 *   deliver-verify    the stricter of the row and `verify`
 *   tls_rcpt, access  Sendmail's access map, of which only `tls_rcpt:user@domain` has an answer
 *
 * The maps of marked mail (`transport`, `generic`, `status-encrypt`, `status-verify`) are in transportMap.ts.
 *
 * NOTFOUND means "the table does not say", never "something is wrong": then both MTAs go on by their own defaults. Whatever
 * is wrong is TEMP, an unknown map included, and mail waits; PERM is not used, because Sendmail takes it for "not found".
 *
 * Postfix asks `.parent` after NOTFOUND, Sendmail `user@`, `domain` and parents after `user@domain`. Rows for those were
 * looked at with the first key, so they are NOTFOUND at once: a second answer could only contradict the first.
 *
 * Sendmail cannot say everything: a level that TLS_Rcpt has no words for is TEMP, not the nearest weaker one. DANE where
 * published is left to Sendmail, which without it goes on as at `may`.
 */
import { parsePath } from '../core/address.ts';
import { type DeliverDecision, decideNextHop, decideRecipient } from '../core/deliver.ts';
import type { DeliverFloor } from '../core/deliverLevel.ts';
import type { PolicyTable } from '../core/table.ts';
import { utf8OrLatin1 } from '../wire/foreignText.ts';
import { NOTFOUND, type SocketmapReply } from '../wire/socketmapEncode.ts';
import { formatTlsPolicy, type PostfixVersion } from '../wire/tlsPolicyValue.ts';
import { formatTlsRcpt, type TlsRcptValue } from '../wire/tlsRcptValue.ts';
import { ROUTE_MAPS } from './transportMap.ts';

/** What a map answers in. */
export type MapKind =
  | { readonly words: 'postfix'; readonly floor: DeliverFloor }
  | { readonly words: 'sendmail' };

export const MAPS: ReadonlyMap<string, MapKind> = new Map<string, MapKind>([
  ['deliver', { words: 'postfix', floor: 'none' }],
  ['deliver-encrypt', { words: 'postfix', floor: 'encrypt' }],
  ['deliver-verify', { words: 'postfix', floor: 'verify' }],
  ['tls_rcpt', { words: 'sendmail' }],
  ['access', { words: 'sendmail' }],
]);

export interface MapAnswer {
  readonly reply: SocketmapReply;
  /** null: the key needed none. */
  readonly decision: DeliverDecision | null;
}

/** The answer; `key` has one character a byte. Total: trouble of any kind is TEMP. */
export function answerMap(map: string, key: string, table: PolicyTable, version: PostfixVersion): MapAnswer {
  const kind = MAPS.get(map);
  if (kind === undefined) {
    const reason = `tlsward has no map of this name; there are ${[...MAPS.keys(), ...ROUTE_MAPS].join(', ')}`;
    return { reply: { status: 'TEMP', reason }, decision: null };
  }
  const text = utf8OrLatin1(key);
  if (kind.words === 'postfix') {
    const decision = decideNextHop(table, text, kind.floor);
    return answered(decision, (policy) => ({ status: 'OK', value: formatTlsPolicy(policy, version) }));
  }
  const recipient = /^tls_rcpt:(.*@[^@]+)$/is.exec(text)?.[1];
  if (recipient === undefined) return { reply: NOTFOUND, decision: null };
  return answered(decideRecipient(table, parsePath(recipient), 'none'), inSendmailWords);
}

type Policy = Extract<DeliverDecision, { kind: 'policy' }>['policy'];

function answered(decision: DeliverDecision, words: (policy: Policy) => SocketmapReply): MapAnswer {
  switch (decision.kind) {
    case 'policy':
      return { reply: words(decision.policy), decision };
    case 'silent':
      return { reply: NOTFOUND, decision };
    case 'trouble': {
      const { row, why } = decision;
      const at = row === null ? '' : ` (row ${row.pattern})`;
      return { reply: { status: 'TEMP', reason: `tlsward: ${why}${at}` }, decision };
    }
  }
}

function inSendmailWords(policy: Policy): SocketmapReply {
  const cannot = (why: string): SocketmapReply => ({
    status: 'TEMP',
    reason: `tlsward: deliver = ${policy.level}: ${why}`,
  });
  // with 0 bits a session without TLS would do
  const bits = Math.max(1, policy.minBits);
  const ok = (value: TlsRcptValue): SocketmapReply => ({ status: 'OK', value: formatTlsRcpt(value) });
  switch (policy.level) {
    case 'none':
    case 'may':
    case 'dane':
      return NOTFOUND;
    case 'encrypt':
      return ok({ require: 'ENCR', bits, commonName: null });
    case 'verify':
    case 'secure': {
      const [name, ...more] = policy.match;
      if (name === undefined && policy.level === 'verify')
        return ok({ require: 'VERIFY', bits, commonName: 'peer' });
      if (name === undefined || name.startsWith('.') || more.length > 0)
        return cannot('Sendmail compares one name; give one host in server-names');
      return ok({ require: 'VERIFY', bits, commonName: { name } });
    }
    case 'dane-only':
    case 'fingerprint':
      return cannot('Sendmail has no words for it in TLS_Rcpt');
  }
}
