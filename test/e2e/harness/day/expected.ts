/**
 * What a report must say of a day, counted from what clients heard and receivers saw, and from nothing else. For a day on
 * which nothing was killed: then there is one right number for each.
 */
import { byRow, type Try } from './clients.ts';
import { PARTNERS, RECEIVERS, type ReceiverSpec } from './plan.ts';
import type { Attempt } from './receivers.ts';

const LEVELS = ['tls13', 'tls12', 'older', 'plain', 'unknown'] as const;
type Level = (typeof LEVELS)[number];
type Way = 'in' | 'out';

/** Mail of one way with one domain, or all of it: messages per recipient. */
export interface Expected {
  readonly travelled: Record<Level, number>;
  refused: number;
  putOff: number;
  waiting: number;
  otherFailed: number;
  kept: number;
  passed: number;
  /** Of what was not kept, by outcome and cause. */
  readonly causes: Map<string, number>;
}

function none(): Expected {
  return {
    travelled: { tls13: 0, tls12: 0, older: 0, plain: 0, unknown: 0 },
    refused: 0,
    putOff: 0,
    waiting: 0,
    otherFailed: 0,
    kept: 0,
    passed: 0,
    causes: new Map(),
  };
}

function levelOf(protocol: string | null): Level {
  if (protocol === null) return 'plain';
  return protocol === 'TLSv1.3' ? 'tls13' : protocol === 'TLSv1.2' ? 'tls12' : 'older';
}

const domainOf = (address: string): string => address.slice(address.lastIndexOf('@') + 1);

export class ExpectedDay {
  readonly ways: Readonly<Record<Way, Map<string, Expected>>> = { in: new Map(), out: new Map() };
  /** Connections on which a recipient was named, and those with TLS. */
  sessions = 0;
  tlsSessions = 0;

  of(way: Way, domain: string): Expected {
    const known = this.ways[way].get(domain) ?? none();
    this.ways[way].set(domain, known);
    return known;
  }

  /** Answers to clients, or messages that left. */
  messages(way: Way): number {
    const { travelled, refused, putOff } = this.total(way);
    return refused + putOff + Object.values(travelled).reduce((sum, count) => sum + count, 0);
  }

  total(way: Way): Expected {
    const sum = none();
    for (const one of this.ways[way].values()) {
      for (const level of LEVELS) sum.travelled[level] += one.travelled[level];
      for (const name of ['refused', 'putOff', 'waiting', 'otherFailed', 'kept', 'passed'] as const)
        sum[name] += one[name];
    }
    return sum;
  }
}

/**
 * `tries`: of all clients; `attempts`: at all receivers; `untold`: recipients of which the log does not tell how their mail
 * left.
 */
export function expectedOf(
  tries: readonly Try[],
  attempts: readonly Attempt[],
  untold: ReadonlySet<string>,
): ExpectedDay {
  const day = new ExpectedDay();
  for (const one of tries) came(day, one);
  const sessions = new Map(
    tries.flatMap(({ session, protocol, rcpt }) => (rcpt.length > 0 ? [[session, protocol]] : [])),
  );
  day.sessions = sessions.size;
  day.tlsSessions = [...sessions.values()].filter((protocol) => protocol !== null).length;
  const last = new Map<string, Attempt>();
  for (const one of [...attempts].sort((a, b) => a.at - b.at)) last.set(one.recipient, one);
  for (const [recipient, { protocol, outcome }] of last) {
    const domain = domainOf(recipient);
    const counts = day.of('out', domain);
    if (outcome === 'bounced') counts.otherFailed++;
    if (outcome !== 'sent') continue;
    const level = untold.has(recipient) ? 'unknown' : levelOf(protocol);
    counts.travelled[level]++;
    if (!/deliver = (?:encrypt|secure|verify)/.test(specOf(domain).row)) continue;
    if (level !== 'unknown') counts.kept++;
    else not(counts, 'passed', 'let pass: TLS not known');
  }
  // what must never leave was seen by nobody
  for (const { rcpt, end } of tries)
    for (const { recipient, said } of rcpt) {
      const { never, certificate } = specOf(domainOf(recipient));
      if (end?.code !== 250 || said?.code !== 250 || never !== true) continue;
      const cause = certificate === null ? 'no STARTTLS offered' : 'certificate of another name';
      not(day.of('out', domainOf(recipient)), 'waiting', `waiting: ${cause}`);
    }
  return day;
}

function not(counts: Expected, how: 'refused' | 'putOff' | 'waiting' | 'passed', cause: string): void {
  counts[how]++;
  counts.causes.set(cause, (counts.causes.get(cause) ?? 0) + 1);
}

function specOf(domain: string): ReceiverSpec {
  return (RECEIVERS as Readonly<Record<string, ReceiverSpec>>)[domain] ?? { certificate: null, row: '' };
}

function came(day: ExpectedDay, { message, protocol, rcpt, end }: Try): void {
  const domain = domainOf(message.sender);
  const counts = day.of('in', domain);
  const row = (PARTNERS as Readonly<Record<string, { row: string }>>)[domain]?.row ?? '';
  for (const { said } of rcpt) {
    if (said === null) continue;
    if (byRow(said)) {
      const [how, word] =
        said.code >= 500 ? (['refused', 'refused'] as const) : (['putOff', 'put off'] as const);
      not(counts, how, `${word}: plaintext`);
    } else if (said.code === 250 && end?.code === 250) {
      counts.travelled[levelOf(protocol)]++;
      if (!row.includes('receive = encrypt')) continue;
      if (protocol !== null) counts.kept++;
      else not(counts, 'passed', 'let pass: plaintext');
    }
  }
}
