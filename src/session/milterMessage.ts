/**
 * One message as it grows: sender and TLS at MAIL, then header fields and body as far as they are needed.
 *
 * Each function returns the message after the event, without side effects. The bytes of a chunk or field are
 * valid only until the next read, so what is kept is copied; what is not needed is not read at all.
 */
import type { HeaderField } from '../core/messageEdit.ts';
import { NOT_TOLD, type ToldByMta } from '../core/rule.ts';
import { type HeaderCommand, isNamed } from '../wire/milterDecode.ts';
import { macroValue } from '../wire/milterMacros.ts';
import { addressOf, loginOf, NO_PARAMETERS, parametersOf } from './milterEnvelope.ts';
import {
  type Agreement,
  type Client,
  chain,
  envelopeCost,
  HEADER_FIELD_COST,
  MAX_HEADER_BYTES,
  type Message,
} from './milterState.ts';
import { tlsOf } from './milterTls.ts';

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

/** The MTA may send the queue ID late, or again, but it never withdraws one. */
export function withQueueId(message: Message, queueId: string | null): Message {
  return queueId === null || queueId === message.queueId ? message : { ...message, queueId };
}

/** Keeps the field if it is wanted and there is room; otherwise `headerBytes` is above its limit. */
export function withHeader(message: Message, wanted: Agreement['headers'], field: HeaderCommand): Message {
  if (wanted === 'none' || message.headerBytes > MAX_HEADER_BYTES) return message;
  if (wanted !== 'all' && !wanted.some((name) => isNamed(field, name))) return message;
  const { name, value } = field;
  const headerBytes = message.headerBytes + name.length + value.length + HEADER_FIELD_COST;
  const headers =
    headerBytes > MAX_HEADER_BYTES ? null : chain<HeaderField>(message.headers, { name, value });
  return { ...message, headers, headerBytes };
}

/**
 * Keeps a copy of the chunk while the body is within its limit, and drops all of it beyond; the digest
 * continues.
 */
export function withBody(message: Message, limitBytes: number, chunk: Uint8Array): Message {
  if (chunk.length === 0) return message;
  const bodyDigest = message.bodyDigest?.with(chunk) ?? null;
  if (message.bodyBytes > limitBytes) return bodyDigest === null ? message : { ...message, bodyDigest };
  const bodyBytes = message.bodyBytes + chunk.length;
  const body = bodyBytes > limitBytes ? null : chain(message.body, new Uint8Array(chunk));
  return { ...message, body, bodyBytes, bodyDigest };
}
