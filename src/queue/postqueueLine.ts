/**
 * A line of `postqueue -j` (Postfix 3.1 and later; postqueue(1), "JSON OBJECT FORMAT") to a message. Pure.
 *
 *   {"queue_name":"deferred","queue_id":"4XyZ...","arrival_time":1795996800,"message_size":327,"forced_expire":false,
 *    "sender":"a@example.org","recipients":[{"address":"b@bank.example","delay_reason":"TLS is required, but ..."}]}
 */
import { isNestedDeeper } from '../core/jsonDepth.ts';
import {
  MAX_REASON,
  MAX_RECIPIENTS,
  MAX_SENDER,
  type QueuedMessage,
  type QueuedRecipient,
} from './queued.ts';

/** Longest line that is parsed, in characters: a message may have 50,000 recipients. */
export const MAX_LINE = 16 * 1_048_576;
/** A message, its recipients, each of them; more for releases to come. */
const MAX_DEPTH = 16;

const STATES: ReadonlyMap<unknown, QueuedMessage['state']> = new Map([
  ['hold', 'hold'],
  ['active', 'active'],
  ['incoming', 'active'],
  ['maildrop', 'active'],
  ['deferred', 'deferred'],
]);

type Fields = Readonly<Record<string, unknown>>;

/** null: it is none. */
export function parsePostqueueLine(line: string): QueuedMessage | null {
  if (line.length > MAX_LINE || isNestedDeeper(line, MAX_DEPTH)) return null;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  if (!isFields(value) || typeof value.queue_id !== 'string' || !Array.isArray(value.recipients)) return null;
  const state = STATES.get(value.queue_name);
  const arrived = value.arrival_time;
  // the largest Date is 8.64e12 seconds off
  if (state === undefined || !Number.isSafeInteger(arrived) || Math.abs(arrived as number) > 8.64e12)
    return null;
  const recipients = value.recipients.slice(0, MAX_RECIPIENTS);
  return {
    id: value.queue_id.slice(0, 64),
    state,
    arrived: 1000 * (arrived as number),
    sender: senderOf(value.sender),
    recipients: recipients.flatMap(recipientOf),
    moreRecipients: value.recipients.length - recipients.length,
  };
}

/** showq(8) writes the null sender as the word that mailq(1) prints, which is no address. */
function senderOf(value: unknown): string {
  return typeof value === 'string' && value.length <= MAX_SENDER && value.includes('@') ? value : '';
}

function recipientOf(value: unknown): QueuedRecipient[] {
  if (!isFields(value) || typeof value.address !== 'string') return [];
  const reason = typeof value.delay_reason === 'string' ? value.delay_reason : '';
  return [{ address: value.address, reason: reason.slice(0, MAX_REASON) }];
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
