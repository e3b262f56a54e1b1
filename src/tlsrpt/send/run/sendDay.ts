/**
 * Sends the reports of a day that are due: each is prepared, written down as being sent, handed over, and what came of it is
 * written down. What fails for a while is tried again by a later run.
 */

import { escapeText } from '../../../core/escape.ts';
import { count } from '../../../core/plural.ts';
import type { Handed } from '../../../mta/handOver.ts';
import type { Place } from '../../../trace/places.ts';
import type { Destination } from '../destinations.ts';
import { type Entry, hostsOf, planOf } from '../plan.ts';
import { reportMessage } from '../reportMessage.ts';
import { dueAt, expiresAt, MAX_TRIES } from '../schedule.ts';
import type { SentLine, SentLog } from '../sentLog.ts';
import type { PlanHead, SentWriter } from './dayFiles.ts';
import { type Lookups, lookUpTlsrpt, type Prepared, packed, prepare, type Rules } from './prepare.ts';
import { readDay } from './readDay.ts';

/** Reports at once; the mail server of this host takes a few. */
const AT_ONCE = 8;
const LOOKUPS_AT_ONCE = 64;
/** Reports of a day to one destination: somebody may own a million domains that name another's address. */
export const MAX_TO_ONE = 1000;

export interface Sending {
  readonly day: string;
  readonly rules: Rules;
  readonly lookups: Lookups;
  readonly mail: (to: string, message: string) => Promise<Handed>;
  readonly post: (destination: Extract<Destination, { kind: 'https' }>, gzip: Uint8Array) => Promise<Handed>;
  /** Only about these; null: all. */
  readonly only: ReadonlySet<string> | null;
  readonly spreadMs: number;
  readonly log: SentLog;
  readonly writer: SentWriter;
  readonly now: () => number;
  readonly signal: AbortSignal;
  /** For people: what was written down. */
  readonly say: (line: SentLine) => void;
}

export interface SendCounts {
  /** Reports that are over: at least one destination took it; nobody wants it; given up. */
  sent: number;
  none: number;
  givenUp: number;
  /** Not over: a later run goes on. */
  again: number;
  /** Their time has not come. */
  waiting: number;
}

/** Counts the day, and finds out which MX hosts have a record of their own. Throws the error of the system. */
export async function makePlan(
  places: readonly Place[],
  day: string,
  submitter: string,
  { resolver }: Lookups,
): Promise<{ readonly head: PlanHead; readonly entries: readonly Entry[] }> {
  const { counts, ...facts } = readDay(places, day, submitter);
  const bare = new Set<string>();
  await inParallel(hostsOf(counts), LOOKUPS_AT_ONCE, async (host) => {
    if ((await lookUpTlsrpt(resolver, host)).kind === 'absent') bare.add(host);
  });
  return { head: { v: 1, day, ...facts }, entries: planOf(counts, bare) };
}

/** Where the numbers come from, in a sentence. */
export function sourceWords({ sources, left, unknown }: PlanHead): string {
  const hosts = (source: string): string =>
    sources
      .filter((one) => one.source === source)
      .map(({ host }) => escapeText(host))
      .join(', ');
  const said: string[] = [];
  const handshakes = hosts('handshakes');
  const deliveries = hosts('deliveries');
  if (handshakes !== '') said.push(`handshakes that Postfix reported on ${handshakes}`);
  if (deliveries !== '') said.push(`deliveries in the mail log of ${deliveries}, as far as it proves TLS`);
  const more: string[] = [];
  if (left > 0) more.push(`${count(left, 'session')} found no room`);
  if (unknown > 0) more.push(`the policy of ${count(unknown, 'session')} with any domain is not known`);
  const tail = more.length === 0 ? '' : ` Not counted: ${more.join(', ')}.`;
  return `Counted from ${said.length === 0 ? 'nothing' : said.join(' and ')}.${tail}`;
}

/** Rejects with the error of the system when the log cannot be written. */
export async function sendDay(
  head: PlanHead,
  entries: Iterable<Entry>,
  sending: Sending,
): Promise<SendCounts> {
  const { day, log, only, rules, spreadMs, now, signal } = sending;
  const counts: SendCounts = { sent: 0, none: 0, givenUp: 0, again: 0, waiting: 0 };
  const expired = now() >= expiresAt(day);
  function* due(): Generator<Entry> {
    for (const entry of entries) {
      const { domain } = entry;
      if (signal.aborted) return;
      if ((only !== null && !only.has(domain)) || log.isOver(domain)) continue;
      const waits = now() < dueAt(day, domain, rules.reporter.host, spreadMs);
      if (waits) counts.waiting++;
      else if (!expired && !log.isDue(domain, now())) counts.again++;
      else yield entry;
    }
  }
  await inParallel(due(), AT_ONCE, async (entry) => {
    if (!signal.aborted) counts[await new Report(entry, head, sending).send(expired)]++;
  });
  return counts;
}

class Report {
  readonly #entry: Entry;
  readonly #head: PlanHead;
  readonly #sending: Sending;

  constructor(entry: Entry, head: PlanHead, sending: Sending) {
    this.#entry = entry;
    this.#head = head;
    this.#sending = sending;
  }

  async send(expired: boolean): Promise<keyof SendCounts> {
    const { day, rules, lookups, log } = this.#sending;
    const { domain } = this.#entry;
    if (expired) return this.#giveUp('two days have passed');
    const tries = log.laterOf(domain);
    const prepared = await prepare(this.#entry, day, rules, lookups, tries + 2 < MAX_TRIES);
    if (prepared.kind === 'none') {
      this.#write('', 'none', prepared.why, false);
      return 'none';
    }
    if (prepared.kind === 'later') {
      this.#write('', 'later', prepared.why, false);
      return tries + 1 < MAX_TRIES ? 'again' : this.#giveUp(prepared.why);
    }
    const gzip = packed(prepared.json);
    for (const destination of prepared.chosen.destinations)
      if (log.isOpen(domain, destination.uri)) await this.#handOver(destination, prepared, gzip);
    return this.#conclude(prepared);
  }

  #conclude({ chosen }: Extract<Prepared, { kind: 'ready' }>): keyof SendCounts {
    const { log } = this.#sending;
    const { domain } = this.#entry;
    if (chosen.destinations.some(({ uri }) => log.isOpen(domain, uri))) return 'again';
    const states = log.destinationsOf(domain).map(({ state }) => state);
    if (states.includes('taken')) {
      this.#write('', 'done', '', true);
      return 'sent';
    }
    if (states.length > 0) {
      const lost = states.some((state) => state === 'unknown' || state === 'sending');
      return this.#giveUp(lost ? 'whether it was taken is not known' : 'nobody takes it');
    }
    const why = chosen.left.map((one) => `${one.uri}: ${one.why}`).join('; ');
    this.#write('', 'none', why.slice(0, 1000), false);
    return 'none';
  }

  async #handOver(
    destination: Destination,
    prepared: Extract<Prepared, { kind: 'ready' }>,
    gzip: Uint8Array,
  ): Promise<void> {
    const { log, mail, post } = this.#sending;
    const { uri } = destination;
    // what is counted is on its way before anything is waited for
    if (log.countTo(uri) >= MAX_TO_ONE) {
      this.#write(uri, 'unknown', `${MAX_TO_ONE} reports of the day went there already`, false);
      return;
    }
    this.#write(uri, 'sending', '', true);
    let handed: Handed;
    if (destination.kind === 'https') handed = await post(destination, gzip);
    else {
      handed = await mail(destination.address, this.#message(destination.address, prepared, gzip, true));
      // where TLS is required for the address, tlsward lets no author waive it (tls-required-no)
      if (handed.kind === 'refused' && handed.message)
        handed = await mail(destination.address, this.#message(destination.address, prepared, gzip, false));
    }
    const why = handed.kind === 'taken' ? handed.said : handed.why;
    this.#write(uri, handed.kind, escapeText(why, 400), true);
  }

  #message(
    to: string,
    { successful, failed }: Extract<Prepared, { kind: 'ready' }>,
    gzip: Uint8Array,
    tlsOptional: boolean,
  ): string {
    const { day, rules, now } = this.#sending;
    const { domain } = this.#entry;
    const source = sourceWords(this.#head);
    const { reporter } = rules;
    return reportMessage({
      reporter,
      day,
      domain,
      to,
      gzip,
      successful,
      failed,
      source,
      tlsOptional,
      nowMs: now(),
    });
  }

  #giveUp(why: string): 'givenUp' {
    this.#write('', 'given-up', why, true);
    return 'givenUp';
  }

  #write(to: string, state: SentLine['state'], why: string, sync: boolean): void {
    const { log, writer, now, say } = this.#sending;
    const line: SentLine = { at: new Date(now()).toISOString(), domain: this.#entry.domain, to, state, why };
    writer.write(line, sync);
    log.add(line);
    say(line);
  }
}

/** At most so many at once, in order; rejects with the first error when all that began has ended. */
export async function inParallel<T>(
  items: Iterable<T>,
  most: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  let failed = false;
  const lane = async (): Promise<void> => {
    while (!failed) {
      const next = iterator.next();
      if (next.done === true) return;
      try {
        await work(next.value);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: most }, lane));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}
