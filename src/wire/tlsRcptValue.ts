/**
 * The value of an `OK` answer to Sendmail's access map for `TLS_Rcpt:` keys.
 *
 *   value = "TEMP+" ( "ENCR:" bits / "VERIFY:" bits [ "+CN" [ ":" name ] ] )
 *
 * `VERIFY` alone checks only the chain: any certificate of any trusted issuer passes (tested). `+CN` requires
 * the certificate's CN to be the name of the host that Sendmail connected to, `+CN:name` requires that name.
 * `TEMP+` makes a violation temporary (403 4.7.0) regardless of sendmail.cf; `PERM+` would bounce.
 * Sources: Sendmail cf/README, "TLS-related rulesets"; cf/m4/proto.m4, ruleset TLS_connection.
 */
import { isComparedName } from '../core/domain.ts';

interface TlsRcptValue {
  readonly require: 'ENCR' | 'VERIFY';
  readonly bits: number;
  /** VERIFY: `peer` is the name of the host connected to; null compares no name. */
  readonly commonName: 'peer' | { readonly name: string } | null;
}

/** The value. Throws RangeError for what must not be sent. */
export function formatTlsRcpt({ require, bits, commonName }: TlsRcptValue): string {
  if (!Number.isInteger(bits) || bits < 0 || bits > 999) throw new RangeError(`no number of bits: ${bits}`);
  if (commonName !== null && require === 'ENCR') throw new RangeError('a name to compare without VERIFY');
  const head = `TEMP+${require}:${bits}`;
  if (commonName === null) return head;
  if (commonName === 'peer') return `${head}+CN`;
  if (commonName.name.startsWith('.') || !isComparedName(commonName.name))
    throw new RangeError('a name to match that is not a domain name');
  return `${head}+CN:${commonName.name}`;
}
