/**
 * The mail servers of other domains: each on a loopback address of its own, all on one port (Postfix's `smtp_tcp_port`), with
 * the A and TLSA records by which they are found.
 *
 *   const receivers = await Receivers.start(t, ca);
 *   const { sink } = await receivers.add(['mx.good.example'], { certificate: 'right', tlsa: 'right' });
 *   await startDns(t, { records: ['good.example. MX 10 mx.good.example.', ...receivers.records] });
 *
 * A server has one certificate for all its names. TLSA records are published for port 25, where DANE has them and where
 * tlsward looks, and for the port of the test, where Postfix looks because it connects there.
 */
import { createHash, randomInt, X509Certificate } from 'node:crypto';
import type { Test } from 'tap';
import { keyDigest } from '../dns/dns.ts';
import { freePorts } from '../processes.ts';
import type { Certificate, CertificateAuthority } from './ca.ts';
import { type SinkOptions, TlsSink } from './tls-sink.ts';

export interface ServerSpec {
  /** `null` (default): no STARTTLS. */
  readonly certificate?: 'right' | 'wrong' | 'self' | 'expired' | null;
  readonly requireTls?: boolean;
  readonly starttls?: SinkOptions['starttls'];
  /** Does it send the certificate of its CA, too? */
  readonly chain?: true;
  /** Default none. */
  readonly tlsa?: keyof typeof TLSA | null;
}

/** Lines of records about a server's certificate; without one, about no certificate. */
const TLSA = {
  /** Of its key, or of another one. */
  right: ({ key }: Digests) => [`3 1 1 ${key}`],
  wrong: () => [`3 1 1 ${OTHER}`],
  /** A usage that says nothing to a mail server. */
  unusable: ({ key }: Digests) => [`1 1 1 ${key}`],
  /** Of the certificate itself; with SHA-512; as a whole. */
  certificate: ({ certificate }: Digests) => [`3 0 1 ${certificate}`],
  long: ({ long }: Digests) => [`3 1 2 ${long}`],
  whole: ({ whole }: Digests) => [`3 1 0 ${whole}`],
  /** The right one of several; a weaker digest, which does not count beside a stronger. */
  several: ({ key }: Digests) => [`3 1 1 ${OTHER}`, `1 1 1 ${key}`, `3 1 1 ${key}`],
  weaker: ({ key }: Digests) => [`3 1 2 ${OTHER}${OTHER}`, `3 1 1 ${key}`],
  /** Of the CA: its certificate, its key, another CA's. */
  anchor: ({ issuer }: Digests) => [`2 0 1 ${issuer}`],
  anchorkey: ({ issuerKey }: Digests) => [`2 1 1 ${issuerKey}`],
  otheranchor: () => [`2 1 1 ${OTHER}`],
} satisfies Readonly<Record<string, (digests: Digests) => readonly string[]>>;

interface Digests {
  readonly key: string;
  readonly long: string;
  readonly whole: string;
  readonly certificate: string;
  readonly issuer: string;
  readonly issuerKey: string;
}

const OTHER = '0123456789abcdef'.repeat(4);

export interface Receiver {
  readonly sink: TlsSink;
  readonly certificate: Certificate | null;
}

export class Receivers {
  /** Lines for the zone: addresses and TLSA records of all servers so far. */
  readonly records: string[] = [];
  readonly port: number;
  readonly #t: Test;
  readonly #ca: CertificateAuthority;
  /** So that the tests of two runs at the same time do not meet. */
  readonly #net = `127.${randomInt(160, 250)}.${randomInt(0, 255)}`;
  #count = 0;

  private constructor(t: Test, ca: CertificateAuthority, port: number) {
    this.#t = t;
    this.#ca = ca;
    this.port = port;
  }

  static async start(t: Test, ca: CertificateAuthority): Promise<Receivers> {
    const [port] = await freePorts(1);
    return new Receivers(t, ca, port!);
  }

  /** One more server; ends with the test. */
  async add(names: readonly string[], spec: ServerSpec = {}): Promise<Receiver> {
    const number = ++this.#count;
    const host = `${this.#net}.${number}`;
    const certificate = this.#issue(`mx-${number}`, names, spec);
    const above = spec.chain === true ? this.#ca.ca : '';
    const sink = await TlsSink.start({
      host,
      port: this.port,
      tls: certificate === null ? null : { cert: `${certificate.cert}${above}`, key: certificate.key },
      ...(spec.requireTls === undefined ? {} : { requireTls: spec.requireTls }),
      ...(spec.starttls === undefined ? {} : { starttls: spec.starttls }),
    });
    this.#t.teardown(() => sink.stop());
    for (const name of names) {
      this.records.push(`${name}. A ${host}`);
      for (const data of this.#tlsa(spec, certificate?.cert ?? null))
        for (const port of [25, this.port]) this.records.push(`_${port}._tcp.${name}. TLSA ${data}`);
    }
    return { sink, certificate };
  }

  #issue(file: string, names: readonly string[], { certificate = null }: ServerSpec): Certificate | null {
    if (certificate === null) return null;
    const san = certificate === 'wrong' ? ['mx.other.example'] : names;
    const issuer = certificate === 'self' ? 'self' : 'ca';
    return this.#ca.issue(file, {
      subject: `/CN=${san[0]}`,
      san,
      issuer,
      expired: certificate === 'expired',
    });
  }

  #tlsa({ tlsa = null }: ServerSpec, cert: string | null): readonly string[] {
    if (tlsa === null) return [];
    const none = '00'.repeat(32);
    const bytes = cert === null ? null : new X509Certificate(cert);
    const key = bytes?.publicKey.export({ type: 'spki', format: 'der' });
    const issuer = new X509Certificate(this.#ca.ca);
    return TLSA[tlsa]({
      key: cert === null ? none : keyDigest(cert),
      long: key === undefined ? `${none}${none}` : createHash('sha512').update(key).digest('hex'),
      whole: key?.toString('hex') ?? none,
      certificate: bytes === null ? none : createHash('sha256').update(bytes.raw).digest('hex'),
      issuer: createHash('sha256').update(issuer.raw).digest('hex'),
      issuerKey: keyDigest(this.#ca.ca),
    });
  }
}
