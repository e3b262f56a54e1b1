/**
 * What is counted of mail, in whatever part of it: a day, a partner, everything.
 *
 * The unit is a message per recipient: a message to three people counts three times. What travelled is in one of five
 * levels of TLS, of which `unknown` is one of its own: it is never counted as TLS and never as plaintext. What was
 * refused, put off, returned or still waits did not travel and is in no level.
 */

/** By the TLS that a message is known to have used on the hop to or from this host, the strongest first. */
export const LEVELS = ['tls13', 'tls12', 'older', 'plain', 'unknown'] as const;
export type Level = (typeof LEVELS)[number];
export type ByLevel = Readonly<Record<Level, number>>;

/** `in`: to this host, counted by the sender's domain; `out`: from it, by the recipient's domain. */
export const WAYS = ['in', 'out'] as const;
export type Way = (typeof WAYS)[number];

/** Every number of messages per recipient that there is; the levels count what travelled. */
export interface Counts extends ByLevel {
  /** Of what travelled: the other side proved who it is. */
  readonly verified: number;
  /** Inbound: answers that refused for good: attempts, for nobody knows which are the same mail. */
  readonly refused: number;
  /** Inbound: answers that put off; attempts, too. */
  readonly putOff: number;
  /** Outbound: came back for want of TLS. */
  readonly returned: number;
  /** Outbound: still waits for TLS at the end of what was read. */
  readonly waiting: number;
  /** Outbound: came back for another reason: an unknown user, a full mailbox. */
  readonly otherFailed: number;
  /** Never left this host, or came from it: a local mailbox, a filter, a trusted client. In no share. */
  readonly inside: number;
  /** Travelled under a row or a level that requires TLS, which was met. */
  readonly kept: number;
  /** It was not met, or nobody can tell, and travelled all the same: an exception, a row that observes or tags. */
  readonly passed: number;
  /** Of `refused`, `putOff`, `returned` and `waiting`, what was under such a requirement. */
  readonly requiredRefused: number;
  readonly requiredPutOff: number;
  readonly requiredReturned: number;
  readonly requiredWaiting: number;
}

export type WritableCounts = { -readonly [K in keyof Counts]: Counts[K] };

export function noCounts(): WritableCounts {
  return {
    tls13: 0,
    tls12: 0,
    older: 0,
    plain: 0,
    unknown: 0,
    verified: 0,
    refused: 0,
    putOff: 0,
    returned: 0,
    waiting: 0,
    otherFailed: 0,
    inside: 0,
    kept: 0,
    passed: 0,
    requiredRefused: 0,
    requiredPutOff: 0,
    requiredReturned: 0,
    requiredWaiting: 0,
  };
}

/** Adds `more` to `counts`; what is not there is 0. */
export function addCounts(counts: WritableCounts, more: Partial<Counts>): void {
  for (const name in more) counts[name as keyof Counts] += more[name as keyof Counts] ?? 0;
}

/** Without those that are 0. */
export function someCounts(counts: Counts): Partial<Counts> {
  return Object.fromEntries(Object.entries(counts).filter(([, value]) => value !== 0));
}

/** Under a requirement, and not met. */
export function notKept({
  passed = 0,
  requiredRefused = 0,
  requiredPutOff = 0,
  requiredReturned = 0,
  requiredWaiting = 0,
}: Partial<Counts>): number {
  return passed + requiredRefused + requiredPutOff + requiredReturned + requiredWaiting;
}

/** All messages of one domain or of all. */
export function volumeOf(counts: Counts): number {
  const { refused, putOff, returned, waiting, otherFailed, inside } = counts;
  return travelled(counts) + refused + putOff + returned + waiting + otherFailed + inside;
}

export function travelled({ tls13, tls12, older, plain, unknown }: Counts): number {
  return tls13 + tls12 + older + plain + unknown;
}

/** Of what travelled; plaintext, which is known, is weaker than what is not known. null: nothing did. */
export function weakestOf(counts: Counts): Level | null {
  for (const level of ['plain', 'unknown', 'older', 'tls12', 'tls13'] as const)
    if (counts[level] > 0) return level;
  return null;
}
