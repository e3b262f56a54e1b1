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

/** Every number of messages per recipient that there is. */
export const COUNTED = [
  ...LEVELS,
  /** Of what travelled: the other side proved who it is. It is in a level of TLS, too. */
  'verified',
  /** Inbound: answers that refused for good, and that put off: attempts, for nobody knows which are the same mail. */
  'refused',
  'putOff',
  /** Outbound: came back for want of TLS; still waits for it at the end of what was read. */
  'returned',
  'waiting',
  /** Outbound: came back for another reason: an unknown user, a full mailbox. */
  'otherFailed',
  /** Never left this host, or came from it: a local mailbox, a filter, a trusted client. In no share. */
  'inside',
  /** Of all above, what was under a row or a level that requires TLS. Met: */
  'kept',
  /** Not met, or nobody can tell, and travelled all the same: an exception, a row that observes or tags. */
  'passed',
  'requiredRefused',
  'requiredPutOff',
  'requiredReturned',
  'requiredWaiting',
] as const;
type Counted = (typeof COUNTED)[number];
export type Counts = Readonly<Record<Counted, number>>;
