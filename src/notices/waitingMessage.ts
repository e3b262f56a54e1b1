/**
 * Which recipients of a message in the queue wait because a rule or a row demands TLS, as its author may be told. Pure.
 *
 * That the MTA could not ask for the policy counts, too: then it waits for tlsward itself. Mail on hold does not: the
 * queue does not say who holds it, and why.
 */
import { escapeText } from '../core/escape.ts';
import { type Demand, nextHopOfAddress } from '../queue/demand.ts';
import type { QueuedMessage } from '../queue/queued.ts';
import { waitCause } from '../queue/waitCause.ts';

export interface WaitingRecipient {
  /** Without the suffix that a rule gave it; escaped. */
  readonly address: string;
  /** Canonical, escaped. */
  readonly domain: string;
  /** As `tlsward queue` names it. */
  readonly cause: string;
}

export interface WaitingMessage {
  /** The same at each look, and of no other message. */
  readonly key: string;
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly arrived: number;
  readonly recipients: readonly WaitingRecipient[];
  /** Recipients that wait alike and are not listed. */
  readonly more: number;
}

/** Recipients of one message that are listed. */
const MAX_RECIPIENTS = 5;
const MAX_ADDRESS = 254;
/** Sendmail's mailq cuts recipients; what is as long may be part of another address. */
const MAILQ_CUTS = 70;

/** Postfix uses queue ids again; those of Sendmail hold the time. */
export function keyOf({ id, arrived }: QueuedMessage, sendmail: boolean): string {
  return sendmail ? id : `${id}.${Math.floor(arrived / 1000)}`;
}

/** The queue id of such a key. */
export function queueIdOf(key: string): string {
  return key.split('.')[0]!;
}

/** null: none of them does. */
export function waitingOf(
  message: QueuedMessage,
  demandOf: (domain: string, rule: string) => Demand,
  sendmail: boolean,
): WaitingMessage | null {
  if (message.state === 'hold') return null;
  const recipients: WaitingRecipient[] = [];
  let more = 0;
  for (const { address, reason } of message.recipients) {
    if (reason === '' || (sendmail && address.length >= MAILQ_CUTS)) continue;
    const { cause, tls } = waitCause(reason, sendmail);
    if (!tls) continue;
    const { domain, rule } = nextHopOfAddress(address);
    if (domain === '' || !isDemanded(cause, demandOf(domain, rule))) continue;
    if (recipients.length >= MAX_RECIPIENTS) more++;
    else
      recipients.push({
        address: escapeText(shownAddress(address, domain), MAX_ADDRESS),
        domain: escapeText(domain, MAX_ADDRESS),
        cause,
      });
  }
  if (recipients.length === 0) return null;
  return { key: keyOf(message, sendmail), id: message.id, arrived: message.arrived, recipients, more };
}

/** Does it wait for what a rule or a row says? */
function isDemanded(cause: string, { level, pattern, byRule }: Demand): boolean {
  if (byRule || cause === 'TLS policy not known') return true;
  if (cause === 'the server asks for TLS') return pattern !== '';
  return level !== '' && level !== 'none' && level !== 'may';
}

function shownAddress(address: string, domain: string): string {
  return `${address.slice(0, address.lastIndexOf('@'))}@${domain}`;
}
