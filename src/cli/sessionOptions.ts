/**
 * The options by which `explain` and `simulate` are told of an SMTP session.
 *
 *   --from ADDRESS   `<>` is the null sender         --to ADDRESS (several)
 *   --tls "PROTOCOL CIPHER BITS" | none | unknown    --cert CN | untrusted | none   --issuer NAME   --fingerprint DIGEST
 *   --client ADDRESS                                 --auth LOGIN
 *   --header "Name: value" (several; bytes as typed)
 */
import type { HeaderField } from '../core/messageEdit.ts';
import type { ClientCertificate, TlsState } from '../core/tls.ts';
import { UsageError } from './command.ts';

function parseCertificate(cert: string, issuer: string, fingerprints: readonly string[]): ClientCertificate {
  const digests = fingerprints.map((digest) => digest.toUpperCase());
  if (cert === 'none')
    return digests.length === 0 ? { kind: 'none' } : { kind: 'untrusted', fingerprints: digests };
  if (cert === 'untrusted') return { kind: 'untrusted', fingerprints: digests };
  return { kind: 'trusted', commonName: cert, issuer, fingerprints: digests };
}

function parseTls(text: string, certificate: ClientCertificate): TlsState {
  if (text === 'none') return { kind: 'plain' };
  if (text === 'unknown') return { kind: 'unknown', why: 'asked with --tls unknown' };
  const [protocol = '', cipher = '', bits = ''] = text.trim().split(/\s+/);
  if (!/^(SSL|TLS)/.test(protocol))
    throw new UsageError(`--tls: found "${text}", expected "PROTOCOL CIPHER BITS", none or unknown`);
  return { kind: 'tls', protocol, cipher, bits: /^[0-9]+$/.test(bits) ? Number(bits) : null, certificate };
}

/** The TLS state of the options; throws UsageError. */
export function sessionTls(values: {
  readonly tls: string;
  readonly cert: string;
  readonly issuer: string;
  readonly fingerprint?: string[] | undefined;
}): TlsState {
  return parseTls(values.tls, parseCertificate(values.cert, values.issuer, values.fingerprint ?? []));
}

/** A `--header` option as a milter would show the field; throws UsageError. */
export function headerOption(text: string): HeaderField {
  const match = /^([!-9;-~]+[ \t]*):[ ]?([\s\S]*)$/.exec(text);
  if (match === null) throw new UsageError(`--header: found "${text}", expected "Name: value"`);
  return {
    name: match[1]!,
    value: Buffer.from(match[2]!.replace(/\r?\n/g, '\n'), 'utf8').toString('latin1'),
  };
}
