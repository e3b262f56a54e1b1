/**
 * A decision about a delivery as Sendmail's access map answers `tls_rcpt:user@domain`.
 *
 * Not every level can be expressed: a level that TLS_Rcpt lacks is TEMP, not the nearest weaker level.
 * `dane` of a row is left to Sendmail, which without DANE behaves as at `may`.
 *
 * For a row with `auto`, any requirement of TLS becomes ENCR: the names of an MTA-STS policy are compared
 * through the map `sts`, and a Sendmail without DANE cannot use TLSA records. With `deliver-floor = verify`
 * the answer is the floor.
 * Source: Sendmail cf/README, "TLS-related rulesets".
 */
import type { DeliverDecision } from '../deliver/deliver.ts';
import { mandatory } from '../deliver/level.ts';
import { NOTFOUND, type SocketmapReply } from '../wire/socketmapEncode.ts';
import { formatTlsRcpt } from '../wire/tlsRcptValue.ts';

type Decided = Extract<DeliverDecision, { kind: 'policy' }>;

/** The reply to a `tls_rcpt:` key. */
export function inAccessMapGrammar({ row, policy, found }: Decided): SocketmapReply {
  const { level } = policy;
  const settings = row?.settings;
  const auto = settings?.deliver === 'auto' && settings.mode === 'enforce';
  // with 0 bits a session without TLS would pass; `dane` in Postfix has no floor, and is ENCR here
  const bits = Math.max(1, auto ? settings.minBits : policy.minBits);
  const encrypted: SocketmapReply = {
    status: 'OK',
    value: formatTlsRcpt({ require: 'ENCR', bits, commonName: null }),
  };
  if (auto) {
    if (settings.deliverFloor === 'verify') return verified(level, settings.serverNames, bits, 'peer');
    const elsewhere = level === 'secure' || level === 'dane-only' || (level === 'dane' && found);
    if (elsewhere || level === 'encrypt') return encrypted;
    return mandatory(level) ? cannot(level, 'the names that the other policy server gives') : NOTFOUND;
  }
  switch (level) {
    case 'none':
    case 'may':
    case 'dane':
      return NOTFOUND;
    case 'encrypt':
      return encrypted;
    case 'verify':
      return verified(level, policy.match, bits, 'peer');
    case 'secure':
      return verified(level, policy.match, bits, null);
    case 'dane-only':
    case 'fingerprint':
      return cannot(level, 'Sendmail has no words for it in TLS_Rcpt');
  }
}

/**
 * A certificate with one name; `unnamed`: what is compared when no name is given, null for what Sendmail
 * cannot.
 */
function verified(
  level: string,
  match: readonly string[],
  bits: number,
  unnamed: 'peer' | null,
): SocketmapReply {
  const [name, ...more] = match;
  const commonName = name === undefined ? unnamed : { name };
  if (commonName === null || name?.startsWith('.') || more.length > 0)
    return cannot(level, 'Sendmail compares one name; give one host in server-names');
  return { status: 'OK', value: formatTlsRcpt({ require: 'VERIFY', bits, commonName }) };
}

function cannot(level: string, why: string): SocketmapReply {
  return { status: 'TEMP', reason: `tlsward: deliver = ${level}: ${why}` };
}
