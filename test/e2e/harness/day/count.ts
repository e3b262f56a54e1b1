/**
 * Compares the records of how mail left with what the receivers saw, the Maildir holds, and the clients heard, recipient by
 * recipient. Each function returns what does not agree, in words; nothing: all does.
 *
 * Only what the MTA has logged can be recorded. A process that is killed after the server's answer and before its
 * line is written logs nothing: such an attempt may be missing where `MayMiss` says so, and is counted as `excused`.
 */
import { mayBeUnlogged, type Trouble } from './chaos.ts';
import type { Try } from './clients.ts';
import type { Attempt } from './receivers.ts';
import type { DayRecord, Delivery, Evidence } from './records.ts';

export interface Compared {
  readonly mistakes: string[];
  /** What agrees. */
  readonly count: number;
  /** What may be missing, and is. */
  readonly excused: number;
}

/** May what was said at this time be missing? `logged`: its process lived to log it. */
export type MayMiss = (at: number, logged: boolean) => boolean;

/** A process that was killed had its line in the socket of its logger, or was about to write it. */
const MOMENT_MS = 2000;
/** Stamps are whole seconds, and a session takes some. */
const SECONDS_MS = 2000;
const SESSION_MS = 5000;

/** Where something of the MTA was killed, if a gap of the collector tells of it. */
export function byGaps(evidence: Evidence, troubles: readonly Trouble[]): MayMiss {
  const gaps = evidence.gaps('collector');
  const told = (at: number): boolean =>
    gaps.some(({ from, to }) => at >= from - SESSION_MS && at <= to + SECONDS_MS);
  return (at, logged) => (!logged || mayBeUnlogged(troubles, at, MOMENT_MS)) && told(at);
}

/** One thing that happened, and one that is recorded: equal keys are the same. */
interface Seen {
  readonly key: string;
  /** The key without the TLS of the session. */
  readonly loose?: string;
  readonly at: number;
  /** May it be missing? */
  readonly mayMiss: boolean;
}

/** For so long the collector does not know of a process whose lines it has not read from the beginning. */
const UNSURE_MS = 8000;

/**
 * Recorded may not be more than seen, and less only by what may be missing. `unsure`: loose keys of records that may
 * rightly not know the TLS of the session.
 */
function compare(
  seen: readonly Seen[],
  recorded: readonly string[],
  unsure: readonly string[] = [],
): Compared {
  const left = countsOf(recorded);
  const loose = countsOf(unsure);
  const mistakes: string[] = [];
  let count = 0;
  let excused = 0;
  // what must be there first, so that it takes the records
  const order = [...seen].sort((a, b) => Number(a.mayMiss) - Number(b.mayMiss));
  const unmatched = order.filter(({ key }) => !take(left, key));
  count += order.length - unmatched.length;
  for (const one of unmatched) {
    if (take(loose, one.loose ?? '')) count++;
    else if (one.mayMiss) excused++;
    else mistakes.push(`not recorded: ${one.key} at ${new Date(one.at).toISOString()}`);
  }
  for (const [key, more] of [...left, ...loose])
    if (more > 0) mistakes.push(`recorded ${more} times more than seen: ${key}`);
  return { mistakes, count, excused };
}

function countsOf(keys: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}

/** One of this key less; false: there is none. */
function take(counts: Map<string, number>, key: string): boolean {
  const here = counts.get(key) ?? 0;
  if (here > 0) counts.set(key, here - 1);
  return here > 0;
}

/**
 * Deliveries to servers. `portOf`: which a record is of; null: none. `readFrom`: when the collector began to read without
 * knowledge of what was before, milliseconds since the epoch.
 */
export function compareDeliveries(
  attempts: readonly Attempt[],
  evidence: Evidence,
  mayMiss: MayMiss,
  portOf: (record: Delivery) => number | null,
  readFrom: readonly number[],
): Compared {
  const seen = attempts.map(({ port, recipient, protocol, outcome, at, logged }): Seen => {
    // that nothing was handed over in plaintext proves no plaintext
    const state = protocol ?? (outcome === 'sent' ? 'plain' : 'unknown');
    const loose = `${recipient} at ${port}: ${outcome}`;
    return { key: `${loose}, ${state}`, loose, at, mayMiss: mayMiss(at, logged) };
  });
  const recorded: string[] = [];
  const unsure: string[] = [];
  for (const record of evidence.ofType<Delivery>('collector', 'delivery')) {
    const port = portOf(record);
    if (port === null) continue;
    const { tls, recipient, time, reply } = record;
    // what a server refused waits all the same when bounce(8) was killed
    const outcome = reply === 'bounce or trace service failure' ? 'bounced' : record.outcome;
    const key = `${evidence.addressOf(recipient)} at ${port}: ${outcome}`;
    const at = Date.parse(time);
    const early = readFrom.some((from) => at >= from - SECONDS_MS && at < from + UNSURE_MS);
    // the same process may have had the message before, in a session that the log does not say was over
    const again = tls.why === 'the TLS line of this process belongs to an earlier attempt';
    if (tls.state === 'unknown' && (early || again)) unsure.push(key);
    else recorded.push(`${key}, ${tls.state === 'tls' ? tls.protocol : tls.state}`);
  }
  return compare(seen, recorded, unsure);
}

export interface LocalMail {
  readonly recipient: string;
  /** '' of a notice. */
  readonly sender: string;
  readonly at: number;
}

/** Deliveries to the Maildir, notices among them. */
export function compareLocal(mails: readonly LocalMail[], evidence: Evidence, mayMiss: MayMiss): Compared {
  const seen = mails.map(({ recipient, sender, at }): Seen => {
    return { key: `${recipient} of <${sender}>: unknown`, at, mayMiss: mayMiss(at, true) };
  });
  const recorded = evidence
    .ofType<Delivery>('collector', 'delivery')
    .filter(({ agent, outcome }) => agent.endsWith('/virtual') && outcome === 'sent')
    .map(({ recipient, sender, tls }) => {
      const from = sender === '<>' ? sender : `<${evidence.addressOf(sender)}>`;
      return `${evidence.addressOf(recipient)} of ${from}: ${tls.state}`;
    });
  return compare(seen, recorded);
}

/** Recipients that Postfix refused, by itself or because it was told to. */
export function compareRefusals(tries: readonly Try[], evidence: Evidence, mayMiss: MayMiss): Compared {
  const seen = tries.flatMap(({ rcpt }) =>
    rcpt.flatMap(({ recipient, said }): Seen[] => {
      if (said === null || said.code < 400) return [];
      const key = `${recipient}: ${Math.floor(said.code / 100)}`;
      return [{ key, at: said.at, mayMiss: mayMiss(said.at, true) }];
    }),
  );
  const recorded = evidence
    .ofType<DayRecord & { recipient?: string; dsn?: string; stage?: string }>('collector', 'refusal')
    .filter(({ recipient, stage }) => recipient !== undefined && stage === 'RCPT')
    .map(({ recipient, dsn }) => `${evidence.addressOf(recipient!)}: ${dsn?.[0]}`);
  const heard = new Set(
    tries.flatMap(({ rcpt }) => rcpt.filter(({ said }) => said === null)).map(({ recipient }) => recipient),
  );
  // a reply that was lost with the connection
  const known = recorded.filter((key) => seen.some((one) => one.key === key) || !heard.has(key.slice(0, -3)));
  return compare(seen, known);
}
