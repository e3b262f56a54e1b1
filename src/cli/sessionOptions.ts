/**
 * The options by which `explain` and `simulate` are told of an SMTP session.
 *
 *   --from ADDRESS   `<>` is the null sender         --to ADDRESS (several)
 *   --tls "PROTOCOL CIPHER BITS" | none | unknown    --cert CN | untrusted | none   --issuer NAME   --fingerprint DIGEST
 *   --client ADDRESS                                 --auth LOGIN
 *   --header "Name: value" (several; bytes as typed)
 */
import { Invalid, quote } from '../config/ini/problem.ts';
import { parseFingerprint } from '../config/keys/values.ts';
import { type EnvelopeAddress, NULL_ADDRESS, parsePath } from '../core/address.ts';
import type { HeaderField } from '../core/messageEdit.ts';
import { parseAddress } from '../core/network.ts';
import type { ClientCertificate, TlsState } from '../core/tls.ts';
import { UsageError } from './command.ts';
import type { SESSION, Values } from './options.ts';

type SessionValues = Values<typeof SESSION>;

/** What the options say of the envelope and of TLS. */
interface SessionFacts {
  readonly sender: EnvelopeAddress;
  /** As they were typed. */
  readonly from: string;
  readonly to: readonly string[];
  readonly recipients: readonly EnvelopeAddress[];
  readonly tls: TlsState;
}

/** The session of the options; throws UsageError where it would not be judged as intended. */
export function sessionFacts(values: SessionValues): SessionFacts {
  const { from, to } = values;
  if (from === undefined) throw new UsageError('--from is missing (use --from "<>" for the null sender)');
  if (to === undefined) throw new UsageError('--to is missing');
  if (parseAddress(values.client) === null)
    throw new UsageError(`--client: found ${quote(values.client)}, expected an IP address`);
  const sender = from === '<>' ? NULL_ADDRESS : addressOption('--from', from);
  const recipients = to.map((text) => addressOption('--to', text));
  return { sender, from, to, recipients, tls: sessionTls(values) };
}

/**
 * A word without `@` is a local part to an MTA, and a domain in the head of who types it. Paths in brackets
 * are taken as they are, and so is the postmaster of RFC 5321 section 4.5.1.
 */
function addressOption(flag: string, text: string): EnvelopeAddress {
  const address = parsePath(text);
  if (address.kind !== 'domainless' || text.startsWith('<') || /^postmaster$/i.test(text)) return address;
  const meant = text.includes('.') ? `someone@${text}` : `${text}@example.org`;
  throw new UsageError(
    `${flag}: found ${quote(text)}, which has no @, expected an address such as ${quote(meant)}`,
  );
}

function parseCertificate(cert: string, issuer: string, fingerprints: readonly string[]): ClientCertificate {
  const digests = fingerprints.map((text) => {
    const digest = parseFingerprint(text);
    if (!(digest instanceof Invalid)) return digest;
    throw new UsageError(
      `--fingerprint: found ${digest.found}, expected ${digest.expected} (${digest.hint})`,
    );
  });
  if (cert === 'none')
    return digests.length === 0 ? { kind: 'none' } : { kind: 'untrusted', fingerprints: digests };
  if (cert === 'untrusted') return { kind: 'untrusted', fingerprints: digests };
  return { kind: 'trusted', commonName: cert, issuer, fingerprints: digests };
}

function sessionTls({ tls: text, cert, issuer, fingerprint = [] }: SessionValues): TlsState {
  const certificate = parseCertificate(cert, issuer, fingerprint);
  if (text === 'none' || text === 'unknown') {
    if (certificate.kind !== 'none')
      throw new UsageError(
        'a client certificate is shown in a TLS session only: say with --tls how it is protected',
      );
    return text === 'none' ? { kind: 'plain' } : { kind: 'unknown', why: 'asked with --tls unknown' };
  }
  const [protocol = '', cipher = '', bits = '', ...more] = text.trim().split(/\s+/);
  if (!/^(?:SSL|TLS)/.test(protocol) || !/^[0-9]{1,5}$/.test(bits) || more.length > 0)
    throw new UsageError(
      `--tls: found ${quote(text)}, expected protocol, cipher and bits in one argument, ` +
        'such as "TLSv1.3 TLS_AES_256_GCM_SHA384 256"; or none, or unknown',
    );
  return { kind: 'tls', protocol, cipher, bits: Number(bits), certificate };
}

/** A `--header` option as a milter would show the field; throws UsageError. */
export function headerOption(text: string): HeaderField {
  const match = /^([!-9;-~]+[ \t]*):[ ]?([\s\S]*)$/.exec(text);
  if (match === null) throw new UsageError(`--header: found ${quote(text)}, expected "Name: value"`);
  return {
    name: match[1]!,
    value: Buffer.from(match[2]!.replace(/\r?\n/g, '\n'), 'utf8').toString('latin1'),
  };
}
