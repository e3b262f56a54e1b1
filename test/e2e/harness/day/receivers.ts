/**
 * The receivers of a day: each on a port of its own, with the TLS and the answers of its plan, and what they saw: one
 * `Attempt` for each recipient that was named to one of them.
 */
import { performance } from 'node:perf_hooks';
import type { Test } from 'tap';
import type { CertificateAuthority } from '../peers/ca.ts';
import type { ContentFilter } from '../peers/content-filter.ts';
import { type Received, TlsSink } from '../peers/tls-sink.ts';
import { demeanourOf, RECEIVERS, type ReceiverSpec } from './plan.ts';

export interface Attempt {
  readonly port: number;
  readonly recipient: string;
  /** As the server negotiated it; null: plaintext. */
  readonly protocol: string | null;
  readonly outcome: 'sent' | 'deferred' | 'bounced';
  /** Milliseconds since the epoch, at MAIL. */
  readonly at: number;
  /** The client went on with something else, before which it logs what became of the message. */
  readonly logged: boolean;
}

const DOMAINS = Object.entries(RECEIVERS as Readonly<Record<string, ReceiverSpec>>);

/** Where each receiver listens in a network of the test's own (network.ts), at port 25, as its domain. */
export const ADDRESSES: Readonly<Record<string, string>> = Object.fromEntries(
  DOMAINS.map(([domain], i) => [domain, `203.0.113.${10 + i}`]),
);

export class DayReceivers {
  readonly #sinks = new Map<string, TlsSink>();
  readonly #ownNetwork: boolean;

  constructor(ownNetwork: boolean) {
    this.#ownNetwork = ownNetwork;
  }

  /** Ends with the test. `ownNetwork`: at ADDRESSES; else each on a port of localhost. */
  static async start(t: Test, ca: CertificateAuthority, ownNetwork: boolean): Promise<DayReceivers> {
    const receivers = new DayReceivers(ownNetwork);
    for (const [domain, spec] of DOMAINS) {
      const sink = await TlsSink.start({
        ...(ownNetwork ? { host: ADDRESSES[domain]!, port: 25 } : {}),
        tls: tlsOf(domain, spec, ca, ownNetwork ? domain : 'localhost'),
        answer: answers(),
        ...(spec.sometimes ? { offers: (connection: number) => connection % 3 !== 0 } : {}),
      });
      t.teardown(() => sink.stop());
      receivers.#sinks.set(domain, sink);
    }
    return receivers;
  }

  sink(domain: string): TlsSink {
    return this.#sinks.get(domain)!;
  }

  get ports(): number[] {
    return [...this.#sinks.values()].map(({ port }) => port);
  }

  /** Of those that must see no envelope. */
  get neverPorts(): ReadonlySet<number> {
    return new Set(DOMAINS.filter(([, { never }]) => never).map(([domain]) => this.sink(domain).port));
  }

  /** Lines of a transport table. */
  get transports(): string {
    if (this.#ownNetwork) return '';
    return [...this.#sinks].map(([domain, { port }]) => `${domain} smtp:[localhost]:${port}\n`).join('');
  }

  get rows(): string {
    const hop = (domain: string): string =>
      this.#ownNetwork ? domain : `[localhost]:${this.sink(domain).port}`;
    return DOMAINS.map(([domain, { row }]) => `[domain ${hop(domain)}]\n${row}\n`).join('');
  }

  /** Envelopes that reached those that must see none. */
  get leaked(): readonly Received[] {
    return DOMAINS.filter(([, { never }]) => never).flatMap(([domain]) => this.sink(domain).received);
  }

  get attempts(): Attempt[] {
    return [...this.#sinks.values()].flatMap(attemptsOf);
  }
}

/** What one server saw. */
export function attemptsOf({ port, received }: TlsSink): Attempt[] {
  return received.flatMap(({ protocol, recipients, refused, reply, at, wentOn }) => {
    const common = { port, protocol, at: performance.timeOrigin + at, logged: wentOn };
    const taken = reply === null ? [] : recipients;
    return [
      ...refused.map(([recipient, said]) => ({ ...common, recipient, outcome: outcomeOf(said) })),
      ...taken.map((recipient) => ({ ...common, recipient, outcome: outcomeOf(reply ?? '') })),
    ];
  });
}

/** The same of a content filter, which has no TLS. */
export function filterAttempts({ port, seen }: ContentFilter): Attempt[] {
  return seen.flatMap(({ recipients, reply, wentOn, at }) =>
    reply === null
      ? []
      : recipients.map((recipient) => ({
          port,
          recipient,
          protocol: null,
          outcome: outcomeOf(reply),
          at: performance.timeOrigin + at,
          logged: wentOn,
        })),
  );
}

function outcomeOf(reply: string): Attempt['outcome'] {
  if (reply.startsWith('2')) return 'sent';
  return reply.startsWith('4') ? 'deferred' : 'bounced';
}

/** Answers as recipients' local parts ask for; what is put off is taken the next time. */
export function answers(): (recipient: string, mail: Received) => string | null {
  const before = new Set<string>();
  const once = (what: string, reply: string): string | null => {
    if (before.has(what)) return null;
    before.add(what);
    return reply;
  };
  return (recipient, { recipients }) => {
    if (recipient !== '') {
      switch (demeanourOf(recipient)) {
        case 'later':
          return once(recipient, '450 4.2.0 not yet');
        case 'gone':
          return '550 5.1.1 no such user, status=sent (250 2.0.0 kept)';
        case 'never':
          return '451 4.3.0 never';
        default:
          return null;
      }
    }
    if (recipients.some((one) => demeanourOf(one) === 'badend')) return '554 5.7.1 not this';
    const late = recipients.filter((one) => demeanourOf(one) === 'lateend');
    return late.length === 0 ? null : once(late.join(), '451 4.3.0 not now');
  };
}

function tlsOf(
  domain: string,
  { certificate, maxVersion }: ReceiverSpec,
  ca: CertificateAuthority,
  right: string,
): { cert: string; key: string } | null {
  if (certificate === null) return null;
  const name = certificate === 'wrong' ? 'mx.other.example' : right;
  const issuer = certificate === 'self' ? 'self' : 'ca';
  const { cert, key } = ca.issue(`mx-${domain}`, { subject: `/CN=${name}`, san: [name], issuer });
  return { cert, key, ...(maxVersion === undefined ? {} : { maxVersion }) };
}
