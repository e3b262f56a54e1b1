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
import { randomInt } from 'node:crypto';
import type { Test } from 'tap';
import { keyDigest } from '../dns/dns.ts';
import { freePorts } from '../processes.ts';
import type { Certificate, CertificateAuthority } from './ca.ts';
import { TlsSink } from './tls-sink.ts';

export interface ServerSpec {
  /** `null` (default): no STARTTLS. */
  readonly certificate?: 'right' | 'wrong' | 'self' | 'expired' | null;
  readonly requireTls?: boolean;
  readonly starttls?: 'refused' | 'garbled';
  /** TLSA 3 1 1 of its key or of another one, or 1 1 1, which says nothing to a mail server. Default none. */
  readonly tlsa?: 'right' | 'wrong' | 'unusable' | null;
}

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
    const sink = await TlsSink.start({
      host,
      port: this.port,
      tls: certificate === null ? null : { cert: certificate.cert, key: certificate.key },
      ...(spec.requireTls === undefined ? {} : { requireTls: spec.requireTls }),
      ...(spec.starttls === undefined ? {} : { starttls: spec.starttls }),
    });
    this.#t.teardown(() => sink.stop());
    for (const name of names) {
      this.records.push(`${name}. A ${host}`);
      const data = this.#tlsa(spec, certificate?.cert ?? null);
      if (data === null) continue;
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

  #tlsa({ tlsa = null }: ServerSpec, cert: string | null): string | null {
    const digest = cert === null ? '00'.repeat(32) : keyDigest(cert);
    switch (tlsa) {
      case null:
        return null;
      case 'right':
        return `3 1 1 ${digest}`;
      case 'wrong':
        return `3 1 1 ${'0123456789abcdef'.repeat(4)}`;
      case 'unusable':
        return `1 1 1 ${digest}`;
    }
  }
}
