/**
 * Compares the records of how mail left with what the receivers saw, the Maildir holds, and the clients heard, recipient by
 * recipient. Each function returns what does not agree, in words; nothing: all does.
 *
 * Only what Postfix has logged can be recorded. A process that is killed after the server's answer and before its
 * line is written logs nothing: such an attempt may be missing, and is counted as `excused`.
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

/** One thing that happened, and one that is recorded: equal keys are the same. */
interface Seen {
  readonly key: string;
  readonly at: number;
  /** May it be missing? */
  readonly mayMiss: boolean;
}

/** A process that was killed had its line in the socket of postlogd, or was about to write it. */
const MOMENT_MS = 1000;
const UNSURE_MS = 8000;

/** Recorded may not be more than seen, and less only by what may be missing. */
export function compare(seen: readonly Seen[], recorded: readonly string[]): Compared {
  const left = new Map<string, number>();
  for (const key of recorded) left.set(key, (left.get(key) ?? 0) + 1);
  const mistakes: string[] = [];
  let count = 0;
  let excused = 0;
  // what must be there first, so that it takes the records
  for (const { key, at, mayMiss } of [...seen].sort((a, b) => Number(a.mayMiss) - Number(b.mayMiss))) {
    const here = left.get(key) ?? 0;
    if (here > 0) {
      left.set(key, here - 1);
      count++;
    } else if (mayMiss) excused++;
    else mistakes.push(`not recorded: ${key} at ${new Date(at).toISOString()}`);
  }
  for (const [key, more] of left)
    if (more > 0) mistakes.push(`recorded ${more} times more than seen: ${key}`);
  return { mistakes, count, excused };
}

/**
 * Deliveries to servers on these ports. `readFrom`: when the collector began to read, milliseconds since the epoch; for
 * some seconds it cannot say of a process without a TLS line that it had none before.
 */
export function compareDeliveries(
  attempts: readonly Attempt[],
  evidence: Evidence,
  troubles: readonly Trouble[],
  readFrom: number,
): Compared {
  const ports = new Set(attempts.map(({ port }) => port));
  const seen = attempts.map(({ port, recipient, protocol, outcome, at, logged }): Seen => {
    // that nothing was handed over in plaintext proves no plaintext
    const state = protocol ?? (outcome === 'sent' ? 'plain' : 'unknown');
    const mayMiss = !logged || mayBeUnlogged(troubles, at, MOMENT_MS);
    return { key: `${recipient} at ${port}: ${outcome}, ${state}`, at, mayMiss };
  });
  const recorded = evidence
    .ofType<Delivery>('collector', 'delivery')
    .filter(({ relay }) => relay?.port !== undefined && ports.has(relay.port))
    .map((record) => {
      const { tls, outcome, relay, recipient, time } = record;
      const early = Date.parse(time) < readFrom + UNSURE_MS && tls.state === 'unknown' && outcome === 'sent';
      const state = tls.state === 'tls' ? tls.protocol : early ? 'plain' : tls.state;
      return `${evidence.addressOf(recipient)} at ${relay?.port}: ${outcome}, ${state}`;
    });
  return compare(seen, recorded);
}

export interface LocalMail {
  readonly recipient: string;
  /** '' of a notice. */
  readonly sender: string;
  readonly at: number;
}

/** Deliveries to the Maildir, notices among them. */
export function compareLocal(
  mails: readonly LocalMail[],
  evidence: Evidence,
  troubles: readonly Trouble[],
): Compared {
  const seen = mails.map(({ recipient, sender, at }): Seen => {
    const mayMiss = mayBeUnlogged(troubles, at, MOMENT_MS);
    return { key: `${recipient} of <${sender}>: unknown`, at, mayMiss };
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
export function compareRefusals(
  tries: readonly Try[],
  evidence: Evidence,
  troubles: readonly Trouble[],
): Compared {
  const seen = tries.flatMap(({ rcpt }) =>
    rcpt.flatMap(({ recipient, said }): Seen[] => {
      if (said === null || said.code < 400) return [];
      const mayMiss = mayBeUnlogged(troubles, said.at, MOMENT_MS);
      return [{ key: `${recipient}: ${Math.floor(said.code / 100)}`, at: said.at, mayMiss }];
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
