/**
 * The stub resolver: sends DNS questions to the given servers. There are three outcomes (see resolver.ts); it
 * never rejects.
 *
 * Servers are asked in order, each for `attemptMs`, repeatedly until one answers or `totalMs` have passed.
 * One that fails (SERVFAIL, REFUSED, ...) or sends a malformed answer is not asked again for this question;
 * when none is left, the outcome is `unknown` at once, with the reason of the first server, because the
 * administrator listed that one first.
 *
 * `trusted` is the configuration's assertion that each of the servers validates and that the path to them
 * cannot be tampered with; without it no answer is ever `secure`, regardless of the AD flag.
 *
 * With `proofs` an answer without AD is `secure: false` only when they show that its server validates;
 * otherwise it does not count as an answer.
 *
 * Concurrent identical questions share one answer. At most 256 questions are in progress and 4096 wait for
 * their turn; more are `unknown` at once. The time limit includes the waiting. One owner of names gets a
 * quarter of the places (fairGate.ts), and a question that has had a place for a second makes room when all
 * are taken. Answers are not cached here: the callers do that, because they know how long an answer is of
 * use.
 * Sources: RFC 1035 section 7, RFC 4035 section 4.9, RFC 7672 section 2.1.
 */
import { formatAddress } from '../core/network.ts';
import { siteOf } from '../core/site.ts';
import type { DnsRecord } from '../wire/dnsDecode.ts';
import type { DnsQuestion } from '../wire/dnsEncode.ts';
import type { DnsType } from '../wire/dnsNumbers.ts';
import { readAnswer } from './answer.ts';
import { type DnsServer, exchange, serverName } from './exchange.ts';
import { FairGate, sharesOf } from './fairGate.ts';
import type { Proofs } from './proofs.ts';
import type { LookupResult, MxRecord, Resolver, TlsaRecord } from './resolver.ts';

export interface StubOptions {
  /** At least one, tried in this order. */
  readonly servers: readonly DnsServer[];
  /** Whether the AD flag of each of them is trusted. */
  readonly trusted: boolean;
  /** Timeout of one attempt at one server. Default 2000. */
  readonly attemptMs?: number;
  /** Total time of a question, including the wait for its turn. Default 6000. */
  readonly totalMs?: number;
  /** Default: answers count as received. */
  readonly proofs?: Proofs;
}

const ATTEMPT_MS = 2000;
const TOTAL_MS = 6000;
/** Each needs a descriptor and a port. */
const MAX_AT_ONCE = 256;
const MAX_WAITING = 4096;
export const MAX_DNS_QUESTIONS = MAX_AT_ONCE + MAX_WAITING;
/** Of one that is asked or waits, with its promises, timers, socket and a long name (measured: 2.4 KB). */
export const DNS_QUESTION_BYTES = 3072;
/** Useful answers come sooner, unless a packet was lost. */
const OLD_MS = 1000;
/** A shorter attempt is not worth a packet. */
const MIN_MS = 50;
/** The question can never be encoded, so it need not be retried. */
const NO_NAME: LookupResult<DnsRecord> = { kind: 'absent', secure: false, ttlSeconds: 3600 };
const CLOSED = 'not asked, because tlsward is shutting down';
const TOO_MANY = 'too many DNS lookups at once';

export class StubResolver implements Resolver {
  readonly trusted: boolean;
  readonly servers: readonly DnsServer[];
  readonly #attemptMs: number;
  readonly #totalMs: number;
  /** Type and name to the pending answer. */
  readonly #asked = new Map<string, Promise<LookupResult<DnsRecord>>>();
  readonly #gate: FairGate;
  readonly #proofs: Proofs | null;
  #closed = false;

  /** Throws RangeError without servers. */
  constructor(options: StubOptions) {
    if (options.servers.length === 0) throw new RangeError('a resolver without servers');
    this.servers = options.servers;
    this.trusted = options.trusted;
    this.#attemptMs = options.attemptMs ?? ATTEMPT_MS;
    this.#totalMs = options.totalMs ?? TOTAL_MS;
    this.#proofs = options.proofs ?? null;
    this.#gate = new FairGate({
      most: MAX_AT_ONCE,
      mostWaiting: MAX_WAITING,
      patienceMs: this.#totalMs,
      oldMs: OLD_MS,
    });
  }

  /** Questions in progress, and those that wait for their turn. */
  get load(): { readonly asking: number; readonly waiting: number } {
    return { asking: this.#gate.size, waiting: this.#gate.waiting };
  }

  async txt(name: string): Promise<LookupResult<string>> {
    return only(await this.#ask(name, 'TXT'), (record) => (record.type === 'TXT' ? record.text : null));
  }

  async mx(name: string): Promise<LookupResult<MxRecord>> {
    return only(await this.#ask(name, 'MX'), (record) =>
      record.type === 'MX' ? { preference: record.preference, exchange: record.exchange } : null,
    );
  }

  async addresses(name: string): Promise<LookupResult<string>> {
    const [v4, v6] = await Promise.all([this.#ask(name, 'A'), this.#ask(name, 'AAAA')]);
    const one = only(v4, addressOf);
    const other = only(v6, addressOf);
    if (one.kind === 'found' && other.kind === 'found')
      return {
        kind: 'found',
        records: [...one.records, ...other.records],
        secure: one.secure && other.secure,
        ttlSeconds: Math.min(one.ttlSeconds, other.ttlSeconds),
        name: one.name,
      };
    if (one.kind === 'found') return one;
    if (other.kind === 'found') return other;
    if (one.kind === 'unknown') return one;
    if (other.kind === 'unknown') return other;
    return {
      kind: 'absent',
      secure: one.secure && other.secure,
      ttlSeconds: Math.min(one.ttlSeconds, other.ttlSeconds),
    };
  }

  async tlsa(name: string): Promise<LookupResult<TlsaRecord>> {
    return only(await this.#ask(name, 'TLSA'), (record) => {
      if (record.type !== 'TLSA') return null;
      const { usage, selector, matching, data } = record;
      return { usage, selector, matching, data };
    });
  }

  async cname(name: string): Promise<LookupResult<string>> {
    return only(await this.#ask(name, 'CNAME'), (record) => (record.type === 'CNAME' ? record.target : null));
  }

  /** SOA lookup for the test whether a resolver validates (`''`: the root). */
  async soa(name: string): Promise<LookupResult<number>> {
    return only(await this.#ask(name, 'SOA'), (record) =>
      record.type === 'SOA' ? record.minimumSeconds : null,
    );
  }

  /** Ends what is in progress; every question is `unknown` from now on. */
  close(): void {
    this.#closed = true;
    this.#gate.close();
  }

  #ask(name: string, type: DnsType): Promise<LookupResult<DnsRecord>> {
    if (this.#closed) return Promise.resolve({ kind: 'unknown', why: CLOSED });
    const key = `${type} ${name}`;
    const shared = this.#asked.get(key);
    if (shared !== undefined) return shared;
    const answer = this.#inTurn({ name, type })
      // a name that is not canonical is a bug in the caller, which still gets an answer
      .catch(
        (error: unknown): LookupResult<DnsRecord> => ({ kind: 'unknown', why: `${key}: ${String(error)}` }),
      )
      .finally(() => this.#asked.delete(key));
    this.#asked.set(key, answer);
    return answer;
  }

  async #inTurn(question: DnsQuestion): Promise<LookupResult<DnsRecord>> {
    const deadline = performance.now() + this.#totalMs;
    const place = await this.#gate.enter(sharesOf(siteOf(question.name), MAX_AT_ONCE));
    if (place === null) return { kind: 'unknown', why: this.#closed ? CLOSED : TOO_MANY };
    const own = new Set<() => void>();
    place.signal.addEventListener('abort', () => {
      for (const stop of [...own]) stop();
    });
    try {
      return await this.#tryServers(question, deadline, own, place.signal);
    } finally {
      place.leave();
    }
  }

  async #tryServers(
    question: DnsQuestion,
    deadline: number,
    running: Set<() => void>,
    signal: AbortSignal,
  ): Promise<LookupResult<DnsRecord>> {
    const over = (): boolean => this.#closed || signal.aborted;
    const left = (): number => deadline - performance.now();
    const patience = (): number => Math.min(this.#attemptMs, left());
    /** The latest failure of each server. */
    const troubles = new Map<DnsServer, string>();
    const useless = new Set<DnsServer>();
    for (let i = 0; useless.size < this.servers.length && left() > MIN_MS && !over(); i++) {
      const server = this.servers[i % this.servers.length]!;
      if (useless.has(server)) continue;
      const result = await exchange(server, question, patience, running);
      if (result.kind === 'no-name') return NO_NAME;
      const name = serverName(server);
      if (result.kind === 'failed') {
        const about = `asked for ${question.type} of ${question.name === '' ? '.' : question.name}`;
        troubles.set(server, `${name}, ${about}, ${result.what}`);
        if (!result.late) useless.add(server);
        continue;
      }
      const lookup = readAnswer(result.answer, question, this.trusted, name);
      const why = lookup.kind === 'unknown' ? lookup.why : await this.#doubtful(lookup, server);
      if (lookup.kind !== 'unknown' && why === null) return lookup;
      if (why !== null) troubles.set(server, why);
      useless.add(server);
    }
    if (over()) return { kind: 'unknown', why: this.#closed ? CLOSED : TOO_MANY };
    const [why = 'no time was left to ask'] = this.servers.flatMap((one) => troubles.get(one) ?? []);
    return { kind: 'unknown', why };
  }

  /** Why an answer without AD does not count; null when it counts. */
  async #doubtful(
    lookup: Exclude<LookupResult<DnsRecord>, { kind: 'unknown' }>,
    server: DnsServer,
  ): Promise<string | null> {
    if (this.#proofs === null || !this.trusted || lookup.secure) return null;
    const proof = await this.#proofs.after(server);
    return proof.kind === 'validates' ? null : proof.why;
  }
}

function addressOf(record: DnsRecord): string | null {
  if (record.type === 'AAAA') return formatAddress(record.bytes);
  if (record.type !== 'A') return null;
  return record.bytes.join('.');
}

/** The lookup with its records converted; records that cannot be converted are omitted. */
function only<Data>(
  lookup: LookupResult<DnsRecord>,
  form: (record: DnsRecord) => Data | null,
): LookupResult<Data> {
  if (lookup.kind !== 'found') return lookup;
  return { ...lookup, records: lookup.records.map(form).filter((data) => data !== null) };
}
