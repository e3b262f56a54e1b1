/**
 * The mail that carries our own reports, whose sessions are not counted: a report about the delivery of a report would
 * bring another one every day (RFC 8460 section 5.3). Pure.
 *
 * Its Message-ID ends in `@tlsward-tlsrpt.DOMAIN`, which stands in the record of the message whatever `privacy` keeps, and
 * its sender is the null one; so no list of what was sent is needed, and none can be lost. A handshake that Postfix reported
 * has no queue id: for each session of such a message one handshake with its domain at its time is left out. Which of
 * several at that time it was makes no difference to the counts of the day.
 */

import type { EvidenceRecord } from '../../evidence/record.ts';
import { domainOf } from '../../trace/recordKeys.ts';

export const OWN_LABEL = 'tlsward-tlsrpt.';

type Message = Extract<EvidenceRecord, { type: 'message' }>;

/** Is it the record of a message that carries a report of ours? `submitter`: the domain that sends reports. */
export function isOwnReport({ messageId = '', sender }: Message, submitter: string): boolean {
  return sender === '<>' && domainOf(messageId) === `${OWN_LABEL}${submitter}`;
}

/** A session of such a message. */
interface OwnSession {
  readonly from: number;
  readonly to: number;
  used: boolean;
}

/** Before a delivery is logged its session may have gone on for so long. */
const MAX_DELAY_MS = 600_000;
/** The log may have whole seconds, and the collector looks for datagrams now and then. */
const SLACK_MS = 3000;

export class OwnSessions {
  readonly #byDomain = new Map<string, OwnSession[]>();

  /** A delivery that began a session. `delayMs`: since the message came. */
  add(domain: string, timeMs: number, delayMs: number): void {
    const known = this.#byDomain.get(domain) ?? [];
    const from = timeMs - Math.min(delayMs, MAX_DELAY_MS) - SLACK_MS;
    known.push({ from, to: timeMs + SLACK_MS, used: false });
    this.#byDomain.set(domain, known);
  }

  /** Is a handshake at this time one of them? Each is so once. */
  takes(domain: string, timeMs: number): boolean {
    const found = this.#byDomain
      .get(domain)
      ?.find(({ from, to, used }) => !used && timeMs >= from && timeMs <= to);
    if (found === undefined) return false;
    found.used = true;
    return true;
  }
}
