/**
 * `smtp_delivery_status_filter` of the transport clones: a delivery that failed because the server cannot do
 * what the message requires bounces at once, with a text that its author understands, instead of after five
 * days of retries.
 *
 * Postfix sends the status as it would log it, and uses the answer in its place:
 *
 *   4.7.4 TLS is required, but was not offered by host mx.plain.example[192.0.2.1]     the server has no STARTTLS
 *   4.7.5 Server certificate not trusted                                                no chain to a trusted issuer
 *   4.7.5 Server certificate not verified                                               a chain, but to another name
 *   4.7.5 no TLSA records found                                                         dane-only, and none published
 *
 * All other failures stay temporary: a temporary refusal of STARTTLS, a failed handshake, DNS errors, and
 * above all our own failures ("client TLS configuration problem", "our TLS engine is unavailable") may be
 * gone at the next attempt. A server's reply cannot look like one of these, because Postfix puts "host NAME
 * said:" before it. Of several MX hosts the status is that of the last one tried.
 *
 * Sources: Postfix smtp_delivery_status_filter in postconf(5), `src/global/dsn_filter.c`,
 * `src/smtp/smtp_proto.c`.
 */
import { canonicalDomain, canonicalLiteral } from '../core/domain.ts';
import type { RuleLevel } from '../core/rule.ts';
import { NOTFOUND, type SocketmapReply } from '../wire/socketmapEncode.ts';

/** A server that did not meet the requirement. */
export interface TlsFailure {
  /** Canonical name, or an address literal if the server has no name; null if the status does not name it. */
  readonly host: string | null;
  /** The lowest level that it failed: a server that fails `encrypt` fails `verify`, too. */
  readonly level: RuleLevel;
  /** A clause about the server: "did not offer it". */
  readonly why: string;
}

export interface RouteAnswer {
  readonly reply: SocketmapReply;
  /** What a failed delivery shows about the server; null for all other statuses. */
  readonly failure: TlsFailure | null;
}

const NOT_OFFERED =
  /^4\.7\.4 TLS is required, but was not offered by host ([^[\]\s]{1,255})\[([0-9A-Fa-f:.]{2,45})\](?::[0-9]{1,5})?$/;
const CERTIFICATE = /^4\.7\.5 Server certificate not (trusted|verified)$/;
/** Without `non DNSSEC destination`, because our own resolver may fail to validate at the moment. */
const NO_DANE = '4.7.5 no TLSA records found';
const ADVICE = 'ask your mail administrator, or send it another way';
const NOTHING: RouteAnswer = { reply: NOTFOUND, failure: null };

/** The answer; `key` has one character a byte. Total. */
export function answerStatus(key: string, level: RuleLevel): RouteAnswer {
  const plain = NOT_OFFERED.exec(key);
  if (plain !== null) {
    const [, name = '', address = ''] = plain;
    const host = canonicalDomain(name) ?? literalOf(address);
    if (host === null) return NOTHING;
    const text = `This message must be sent under TLS, and the mail server ${host} does not offer it; ${ADVICE}`;
    return {
      reply: { status: 'OK', value: `5.7.4 ${text}` },
      failure: { host, level: 'encrypt', why: 'did not offer it' },
    };
  }
  if (key === NO_DANE) {
    const text = `This message must be sent under TLS to a server that DANE authenticates, and its domain publishes no TLSA records; ${ADVICE}`;
    const why = 'must be authenticated by DANE, and its domain published no TLSA records';
    return {
      reply: { status: 'OK', value: `5.7.5 ${text}` },
      failure: { host: null, level: 'encrypt', why },
    };
  }
  const certificate = CERTIFICATE.exec(key);
  // at `encrypt` no certificate is required; if the row requires one, its own retries apply
  if (certificate === null || level !== 'verify') return NOTHING;
  const what =
    certificate[1] === 'trusted' ? 'no certificate of a trusted issuer' : 'a certificate for another name';
  const text = `This message must be sent under TLS to a server that proves its name, and the server has ${what}; ${ADVICE}`;
  return {
    reply: { status: 'OK', value: `5.7.5 ${text}` },
    failure: { host: null, level: 'verify', why: `had ${what}` },
  };
}

function literalOf(address: string): string | null {
  return canonicalLiteral(`[${address}]`) ?? canonicalLiteral(`[IPv6:${address}]`);
}
