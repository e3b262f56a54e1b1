/** A message in the queue of the MTA, as its own command shows it. All texts are foreign, and not escaped yet. */

export interface QueuedMessage {
  readonly id: string;
  /** `hold`: nobody tries to deliver it; `active`: a try is under way; `deferred`: it waits for the next one. */
  readonly state: 'hold' | 'active' | 'deferred';
  /** Milliseconds since the epoch. */
  readonly arrived: number;
  /** Envelope sender as the command shows it; '' when it does not, or the null sender. */
  readonly sender: string;
  readonly recipients: readonly QueuedRecipient[];
  /** Recipients that are left out. */
  readonly moreRecipients: number;
}

export interface QueuedRecipient {
  readonly address: string;
  /** Why the last try failed; '' when the MTA does not say, or did not try yet. */
  readonly reason: string;
  /** What the log said of the session before; left out where only the queue was asked. */
  readonly noted?: string;
}

/** Recipients of one message that are looked at. */
export const MAX_RECIPIENTS = 50_000;
/** Of one sender, in characters: what is longer is no address (RFC 5321 section 4.5.3.1.3) and is left out. */
export const MAX_SENDER = 320;
/** Of one reason, in characters. */
export const MAX_REASON = 600;
