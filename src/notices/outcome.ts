/**
 * What became of a message that is no longer in the queue, by the records of the collector. Pure.
 *
 * The queue itself does not tell a message that was delivered from one that came back or was taken out by hand. A domain
 * counts as sent only when each recipient there was, as far as records tell them apart, and none came back.
 */
import type { DeliveryRecord } from '../evidence/record.ts';

/** How it left; `unknown`: not all of it is known to be the one or the other. */
type Protection = 'tls' | 'plain' | 'unknown';

export interface Outcome {
  /** Domains to which it was sent. */
  readonly sent: ReadonlyMap<string, Protection>;
  /** Domains from which something came back, so that the MTA has told the author. */
  readonly returned: ReadonlySet<string>;
}

interface Tallied {
  /** Last outcome of each recipient, as records name it. */
  readonly last: Map<string, DeliveryRecord['outcome']>;
  sent: number;
  returned: boolean;
  readonly tls: Set<string>;
}

/** Recipients of a message that are told apart. */
const MAX_RECIPIENTS = 1000;
/** A queue id may have been that of another message before. */
const SLACK_MS = 2000;

/**
 * `records`: deliveries with its queue id, in order. `arrivedMs`: of the message. `waited`: domains of the recipients
 * that waited, one for each.
 */
export function outcomeOf(
  records: Iterable<DeliveryRecord>,
  arrivedMs: number,
  waited: readonly string[],
): Outcome {
  const tallied = new Map<string, Tallied>();
  for (const { time, recipientDomain = '', recipient, outcome, tls } of records) {
    if (Date.parse(time) < arrivedMs - SLACK_MS || !waited.includes(recipientDomain)) continue;
    const one = tallied.get(recipientDomain) ?? {
      last: new Map(),
      sent: 0,
      returned: false,
      tls: new Set(),
    };
    tallied.set(recipientDomain, one);
    // beyond the limit none is the last one of all
    one.last.set(one.last.size < MAX_RECIPIENTS || one.last.has(recipient) ? recipient : '', outcome);
    if (outcome === 'bounced' || outcome === 'expired') one.returned = true;
    if (outcome !== 'sent') continue;
    one.sent++;
    one.tls.add(tls.state);
  }
  const sent = new Map<string, Protection>();
  const returned = new Set<string>();
  for (const [domain, one] of tallied) {
    const wanted = waited.filter((name) => name === domain).length;
    if (one.returned) returned.add(domain);
    else if (one.sent >= wanted && [...one.last.values()].every((outcome) => outcome === 'sent'))
      sent.set(domain, protectionOf(one.tls));
  }
  return { sent, returned };
}

function protectionOf(states: ReadonlySet<string>): Protection {
  const [state = 'unknown'] = states;
  return states.size === 1 && (state === 'tls' || state === 'plain') ? state : 'unknown';
}
