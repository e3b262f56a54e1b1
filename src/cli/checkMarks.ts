/**
 * The marks of one saved message: do they verify, and do they belong to this message? Pure; printing is
 * `verifyMark.ts`.
 *
 * The HMAC is bound to the domain of the envelope sender. That is what was told, else the topmost
 * Return-Path, else the From_ line of an mbox. The From header is never taken for it: it says nothing about
 * the envelope.
 * An address without a domain gets one of the MTA's own after the milter has seen it; so where the sender's
 * domain is that of the mark's host, a mark made for no domain counts, too.
 * The queue id in a mark must stand in one of the Received lines, or the mark was copied from another message
 * of that sender domain, and fails. A mark with a digest of the body fails on another body; one without says
 * nothing of it.
 * Without a queue id or a Received line with an id, this is said and does not count.
 */
import { parsePath } from '../core/address.ts';
import { parseReceived } from '../hops/receivedField.ts';
import type { SavedMessage } from '../mailfile/readMessages.ts';
import type { MarkFields } from '../mark/markFields.ts';
import { type MarkKey, type MarkRefusal, verifyMark } from '../mark/signMark.ts';
import { fieldNameKey } from '../mark/stripMarks.ts';
import { utf8OrLatin1 } from '../wire/foreignText.ts';

/** Whose envelope it was, and how that is known. */
export interface Sender {
  readonly domain: string;
  readonly from: '--sender' | 'Return-Path' | 'From_ line';
}

/** Does the queue id of the mark stand in a Received line, and did the mark's host write that line? */
export type Fit = 'same-host' | 'other-name' | 'differs' | 'not-told';

/** Is the body the one that the mark binds? `not-bound`: it binds none. */
export type BodyFit = 'same' | 'differs' | 'unread' | 'not-bound';

export interface CheckedMark {
  readonly verifies: boolean;
  readonly reason: MarkRefusal | 'queue-id' | 'body' | null;
  readonly detail: string;
  readonly keyId: string | null;
  readonly fit: Fit;
  readonly body: BodyFit;
  readonly fields: MarkFields | null;
}

export interface CheckedMessage {
  readonly message: string;
  readonly result: 'verifies' | 'fails' | 'no-mark' | 'no-sender';
  readonly sender: Sender | null;
  readonly marks: readonly CheckedMark[];
}

/**
 * The domain of a path (one character a byte) with or without brackets; comments behind it, which some write,
 * are dropped.
 */
function senderDomain(path: string): string {
  const text = utf8OrLatin1(path).replace(/\s+/g, ' ').trim();
  const end = text.lastIndexOf('>');
  return parsePath(text.startsWith('<') && end > 0 ? text.slice(0, end + 1) : text).domain;
}

function senderOf(message: SavedMessage, known: string | null): Sender | null {
  if (known !== null) return { domain: known, from: '--sender' };
  const returnPath = message.headers.find((field) => fieldNameKey(field.name) === 'return-path');
  if (returnPath !== undefined) return { domain: senderDomain(returnPath.value), from: 'Return-Path' };
  const address = message.fromLine?.split(' ')[1] ?? '-';
  if (address === 'MAILER-DAEMON') return { domain: '', from: 'From_ line' };
  return address.includes('@') ? { domain: senderDomain(address), from: 'From_ line' } : null;
}

/** The domain of an address, a bare domain or `<>`, as a person gives it; null for anything else. */
export function domainOfOption(text: string): string | null {
  if (text === '<>' || text === '') return '';
  const address = parsePath(text.includes('@') ? text : `x@${text}`);
  return address.kind === 'mailbox' ? address.domain : null;
}

function fitOf(fields: MarkFields, message: SavedMessage): Fit {
  const received = message.headers
    .filter((field) => fieldNameKey(field.name) === 'received')
    .map((field) => parseReceived(field.value));
  const told = received.filter((field) => field.id !== '');
  if (fields.queueId === '' || told.length === 0) return 'not-told';
  const same = told.filter((field) => field.id === fields.queueId);
  if (same.length === 0) return 'differs';
  return same.some((field) => field.by.toLowerCase() === fields.host.toLowerCase())
    ? 'same-host'
    : 'other-name';
}

function bodyFitOf({ bodyDigest }: MarkFields, { bodyDigests }: SavedMessage): BodyFit {
  if (bodyDigest === '') return 'not-bound';
  if (bodyDigests === null) return 'unread';
  return bodyDigests.includes(bodyDigest) ? 'same' : 'differs';
}

function checkMark(
  value: string,
  domain: string,
  message: SavedMessage,
  keys: readonly MarkKey[],
): CheckedMark {
  const first = verifyMark(value, domain, keys);
  const host = first.fields?.host.toLowerCase() ?? '';
  const completed = !first.ok && domain !== '' && `.${host}`.endsWith(`.${domain}`);
  const again = completed ? verifyMark(value, '', keys) : first;
  const check = again.ok ? again : first;
  const { fields, keyId } = check;
  const fit = fields === null ? 'not-told' : fitOf(fields, message);
  const body = fields === null ? 'not-bound' : bodyFitOf(fields, message);
  const facts = { keyId, fit, body, fields };
  if (!check.ok) return { verifies: false, reason: check.reason, detail: check.detail, ...facts };
  if (fit === 'differs') {
    const detail = 'its queue id is in no Received line: it was made for another message';
    return { verifies: false, reason: 'queue-id', detail, ...facts };
  }
  if (body === 'same' || body === 'not-bound') return { verifies: true, reason: null, detail: '', ...facts };
  const detail =
    body === 'differs'
      ? 'the body is not the one that it was made for'
      : 'it covers the body, and it is not known where the body of this message begins';
  return { verifies: false, reason: 'body', detail, ...facts };
}

/** All marks of one message against one set of keys; `known` is the sender's domain where it was told. */
export function checkMessage(
  message: SavedMessage,
  name: string,
  known: string | null,
  keys: readonly MarkKey[],
): CheckedMessage {
  const values = message.headers
    .filter((field) => fieldNameKey(field.name) === fieldNameKey(name))
    .map((field) => field.value);
  const sender = senderOf(message, known);
  const head = { message: message.label, sender };
  if (values.length === 0) return { ...head, result: 'no-mark', marks: [] };
  if (sender === null) return { ...head, result: 'no-sender', marks: [] };
  const marks = values.map((value) => checkMark(value, sender.domain, message, keys));
  return { ...head, result: marks.every((mark) => mark.verifies) ? 'verifies' : 'fails', marks };
}
