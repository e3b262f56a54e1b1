/**
 * One message as it grows: sender and TLS at MAIL, then header fields and body as far as they are needed.
 *
 * Each function returns the message after the event, without side effects. The bytes of a chunk or field are
 * valid only until the next read, so what is kept is copied; what is not needed is not read at all.
 */
import type { EnvelopeAddress } from '../core/address.ts';
import type { HeaderField } from '../core/messageEdit.ts';
import { NOT_TOLD, type ToldByMta } from '../core/rule.ts';
import type { PolicyTable } from '../core/table.ts';
import { type HeaderCommand, isNamed } from '../wire/milterDecode.ts';
import { macroValue } from '../wire/milterMacros.ts';
import { addressOf, loginOf, NO_PARAMETERS, parametersOf } from './milterEnvelope.ts';
import {
  type Accepted,
  type Agreement,
  type Client,
  chain,
  HEADER_FIELD_COST,
  MAX_HEADER_BYTES,
  type Message,
} from './milterState.ts';
import { tlsOf } from './milterTls.ts';

/**
 * Overhead of a recipient in addition to its texts: an address, a verdict of two findings, a link of the
 * chain; 1.1 KB were measured.
 */
const RECIPIENT_COST = 1200;
/** Overhead of a message in addition to its texts. */
const MESSAGE_COST = 1024;

/** Memory of a string that was received with one character a byte, and of everything made from it. */
function textCost(text: string): number {
  return 4 * text.length;
}

/** Bytes of an accepted recipient; `args` are those of RCPT. */
export function recipientCost(args: readonly string[], macros: string, address: EnvelopeAddress): number {
  let cost = RECIPIENT_COST + macros.length;
  for (const arg of args) cost += textCost(arg);
  for (const reading of address.readings) cost += 32 + reading.length;
  return cost;
}

/** Bytes of a message before its first recipient; `args` are those of MAIL. */
function envelopeCost(
  client: Client,
  macros: string,
  args: readonly string[],
  sender: EnvelopeAddress,
): number {
  let cost = MESSAGE_COST + textCost(macros) + client.heloMacros.length;
  for (const arg of args) cost += textCost(arg);
  for (const reading of sender.readings) cost += 32 + reading.length;
  return cost;
}

/**
 * The message that MAIL begins. The TLS state is recorded now: at the end of the message Postfix no longer
 * sends it.
 */
export function beginMessage(
  agreement: Agreement,
  client: Client,
  mailMacros: string,
  args: readonly string[],
): Message {
  const { heloMacros, postfix } = client;
  const sender = addressOf(args[0]!);
  return {
    sender,
    envelopeBytes: envelopeCost(client, mailMacros, args, sender),
    mailParameters: agreement.routes === 'none' ? NO_PARAMETERS : parametersOf(args),
    told: agreement.routes === 'none' ? NOT_TOLD : toldBy(mailMacros),
    tls: tlsOf({ heloMacros, mailMacros, listsSent: agreement.listsSent, postfix }),
    saslUsername: loginOf(macroValue(mailMacros, 'auth_authen'), postfix),
    queueId: macroValue(mailMacros, 'i') ?? '',
    table: null,
    recipients: null,
    recipientBytes: 0,
    recipientsLost: false,
    headers: null,
    headerBytes: 0,
    readsBody: false,
    body: null,
    bodyBytes: 0,
    bodyDigest: agreement.bodyDigest,
  };
}

function toldBy(mailMacros: string): ToldByMta {
  return {
    headerChecks: macroValue(mailMacros, 'tlsward_fence') ?? '',
    contentFilter: macroValue(mailMacros, 'tlsward_filter') ?? '',
  };
}

/**
 * A copy, to be completed at once. Written out here and in milterState.ts, because in Node.js 20 a spread takes ten times
 * as long, and a message makes twenty of them.
 */
function copyOf(message: Message): { -readonly [Name in keyof Message]: Message[Name] } {
  return {
    sender: message.sender,
    envelopeBytes: message.envelopeBytes,
    mailParameters: message.mailParameters,
    told: message.told,
    tls: message.tls,
    saslUsername: message.saslUsername,
    queueId: message.queueId,
    table: message.table,
    recipients: message.recipients,
    recipientBytes: message.recipientBytes,
    recipientsLost: message.recipientsLost,
    headers: message.headers,
    headerBytes: message.headerBytes,
    readsBody: message.readsBody,
    body: message.body,
    bodyBytes: message.bodyBytes,
    bodyDigest: message.bodyDigest,
  };
}

/** The MTA may send the queue ID late, or again, but it never withdraws one. */
export function withQueueId(message: Message, queueId: string | null): Message {
  if (queueId === null || queueId === message.queueId) return message;
  const next = copyOf(message);
  next.queueId = queueId;
  return next;
}

/** One more recipient was accepted; `recipientBytes` are those of all. Does it need the body? */
export function withRecipient(
  message: Message,
  accepted: Accepted,
  recipientBytes: number,
  readsBody: boolean,
): Message {
  const next = copyOf(message);
  next.recipients = chain(message.recipients, accepted);
  next.readsBody ||= readsBody;
  next.recipientBytes = recipientBytes;
  return next;
}

/** The table by which the message is decided. */
export function withTable(message: Message, table: PolicyTable): Message {
  if (table === message.table) return message;
  const next = copyOf(message);
  next.table = table;
  return next;
}

/** Keeps the field if it is wanted and there is room; otherwise `headerBytes` is above its limit. */
export function withHeader(message: Message, wanted: Agreement['headers'], field: HeaderCommand): Message {
  if (wanted === 'none' || message.headerBytes > MAX_HEADER_BYTES) return message;
  if (wanted !== 'all' && !wanted.some((name) => isNamed(field, name))) return message;
  const { name, value } = field;
  const headerBytes = message.headerBytes + name.length + value.length + HEADER_FIELD_COST;
  const headers =
    headerBytes > MAX_HEADER_BYTES ? null : chain<HeaderField>(message.headers, { name, value });
  const next = copyOf(message);
  next.headers = headers;
  next.headerBytes = headerBytes;
  return next;
}

/** How much of the body is kept: none if all recipients are known and no one needs it. */
export function bodyLimitOf({ bodyLimitBytes }: Agreement, message: Message): number {
  const unknown = message.recipients === null || message.recipientsLost;
  return message.readsBody || unknown ? bodyLimitBytes : 0;
}

/**
 * Keeps a copy of the chunk while the body is within its limit, and drops all of it beyond; the digest
 * continues.
 */
export function withBody(message: Message, limitBytes: number, chunk: Uint8Array): Message {
  if (chunk.length === 0) return message;
  const bodyDigest = message.bodyDigest?.with(chunk) ?? null;
  if (message.bodyBytes > limitBytes && bodyDigest === null) return message;
  const next = copyOf(message);
  next.bodyDigest = bodyDigest;
  if (message.bodyBytes > limitBytes) return next;
  next.bodyBytes += chunk.length;
  next.body = next.bodyBytes > limitBytes ? null : chain(message.body, new Uint8Array(chunk));
  return next;
}
