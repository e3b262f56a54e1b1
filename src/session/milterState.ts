/**
 * The state of a milter connection, and how long each part is kept.
 *
 *     connection   Agreement: what was negotiated                                survives everything, QUIT_NC too
 *     session      Client: who connected; macros not yet used up                 until QUIT_NC
 *     message      Message: sender, TLS, recipients, headers, body               until verdict, ABORT, MAIL, HELO, QUIT_NC
 *
 * Macros of a stage are kept until the event of that stage uses them. So nothing of one message can appear in
 * the next, even without the ABORT that Sendmail omits. States are replaced, never changed. Lists grow as
 * chains that share their earlier part, so the cost of a step does not depend on the length of the message.
 *
 * Sources: libmilter `engine.c` (its table of states); the transcripts in the tests say what real MTAs send.
 */
import type { EnvelopeAddress } from '../core/address.ts';
import type { HeaderField } from '../core/messageEdit.ts';
import type { RuleRecipient, ToldByMta } from '../core/rule.ts';
import type { PolicyTable } from '../core/table.ts';
import type { TlsState } from '../core/tls.ts';
import type { Stage, Transaction } from '../core/transaction.ts';
import type { Verdict } from '../core/verdict.ts';
import { MAX_MILTER_PACKET } from '../wire/milterFrame.ts';
import type { BodyDigest, EventsAnswer } from './queries.ts';

export interface MilterLimits {
  /** Longest packet, command byte and payload. */
  readonly maxPacketBytes: number;
  /** Accepted recipients of one message; those above are deferred. */
  readonly maxRecipients: number;
}

export const MILTER_LIMITS: MilterLimits = { maxPacketBytes: MAX_MILTER_PACKET, maxRecipients: 10_000 };

/**
 * Header fields kept of one message, names and values with an overhead for each field; beyond it the message
 * is refused.
 */
export const MAX_HEADER_BYTES = 1_048_576;
/** Overhead of a field in addition to its text. */
export const HEADER_FIELD_COST = 64;

/** Recipients kept of one message, with their verdicts; those above are deferred. */
export const MAX_RECIPIENT_BYTES = 16 * 1_048_576;
/** What was settled at negotiation. */
export interface Agreement {
  readonly limits: MilterLimits;
  readonly version: number;
  /** SMFIF bits we may use. */
  readonly actions: number;
  /** SMFIP bits in force. */
  readonly protocol: number;
  /** Our own macro lists were sent. */
  readonly listsSent: boolean;
  /** Is each RCPT judged on its own? */
  readonly judges: boolean;
  readonly headers: 'none' | 'all' | readonly string[];
  /** Lower-case names of the fields that are read, if the decoder may pass over the others; null: it may not. */
  readonly readFields: readonly string[] | null;
  readonly bodyLimitBytes: number;
  /** Of an empty body; null: no digest is wanted. */
  readonly bodyDigest: BodyDigest | null;
  readonly routes: EventsAnswer['routes'];
  readonly nextHops: boolean;
}

/** One SMTP session as described by CONNECT and HELO. */
export interface Client {
  readonly arrival: Transaction['arrival'];
  readonly address: string;
  readonly name: string;
  readonly port: number;
  /** The server's end of the connection, `address port`; '' if the MTA did not send it. */
  readonly server: string;
  readonly heloName: string;
  /** Macro `j`. */
  readonly mtaName: string;
  /** Does macro `v` name Postfix? */
  readonly postfix: boolean;
  /** Macro `v`, `Postfix 3.10.13`; cut. */
  readonly mta: string;
  /** Macros of the last HELO. */
  readonly heloMacros: string;
  /** Was there an earlier session on this connection? */
  readonly later: boolean;
}

/** Macros that were received before their event, by its letter. */
interface PendingMacros {
  readonly C: string;
  readonly H: string;
  readonly M: string;
  readonly R: string;
  readonly E: string;
}

/** A list that grows at its end; `length` counts `before` too. */
interface Chain<T> {
  readonly last: T;
  readonly before: Chain<T> | null;
  readonly length: number;
}

export interface Accepted {
  readonly recipient: EnvelopeAddress;
  /** null if RCPT is not judged on its own. */
  readonly verdict: Verdict | null;
  /** As the MTA sent it; null if that was not requested. */
  readonly shown: RuleRecipient | null;
}

export interface Message {
  readonly sender: EnvelopeAddress;
  /** Bytes that sender, parameters and TLS state take. */
  readonly envelopeBytes: number;
  /** Of MAIL; none without rules. */
  readonly mailParameters: readonly string[];
  readonly told: ToldByMta;
  readonly tls: TlsState;
  readonly saslUsername: string;
  /** '' until the MTA named one. */
  readonly queueId: string;
  /** The table this message is decided by, from the first answer on. */
  readonly table: PolicyTable | null;
  readonly recipients: Chain<Accepted> | null;
  /** Bytes of the recipients. */
  readonly recipientBytes: number;
  /** Was a recipient dropped that could not be refused? */
  readonly recipientsLost: boolean;
  readonly headers: Chain<HeaderField> | null;
  readonly headerBytes: number;
  /** Could the body be read for one of the recipients? */
  readonly readsBody: boolean;
  readonly body: Chain<Uint8Array> | null;
  readonly bodyBytes: number;
  readonly bodyDigest: BodyDigest | null;
}

interface Session {
  readonly agreement: Agreement;
  readonly client: Client;
  readonly waiting: PendingMacros;
}

/** Waiting for the MTA; no message, or one in progress. */
export interface Idle extends Session {
  readonly at: 'between';
}
export interface InMessage extends Session {
  readonly at: 'message';
  readonly message: Message;
}
/** The reply to RCPT is pending. */
export interface AtRecipient extends Session {
  readonly at: 'recipient';
  readonly message: Message;
  readonly recipient: EnvelopeAddress;
  /** Those of the message, this recipient included. */
  readonly recipientBytes: number;
  readonly shown: RuleRecipient | null;
}
/** The verdict is pending. */
export interface AtEnd extends Session {
  readonly at: 'end';
  readonly message: Message;
}

export type MilterState =
  | { readonly at: 'start'; readonly limits: MilterLimits }
  /** The negotiation reply is pending. */
  | {
      readonly at: 'negotiation';
      readonly limits: MilterLimits;
      readonly version: number;
      readonly actions: number;
      readonly protocol: number;
    }
  | Idle
  | InMessage
  | AtRecipient
  | AtEnd
  | { readonly at: 'closed' };

export const NO_CLIENT: Client = {
  arrival: 'smtp',
  address: '',
  name: '',
  port: 0,
  server: '',
  heloName: '',
  mtaName: '',
  postfix: false,
  mta: '',
  heloMacros: '',
  later: false,
};

/** No client at present, after QUIT_NC. */
export const NO_CLIENT_NOW: Client = { ...NO_CLIENT, later: true };

export const NONE_WAITING: PendingMacros = { C: '', H: '', M: '', R: '', E: '' };

export function chain<T>(before: Chain<T> | null, last: T): Chain<T> {
  return { last, before, length: before === null ? 1 : before.length + 1 };
}

/** The chain in order. */
export function listOf<T>(end: Chain<T> | null): T[] {
  const list = new Array<T>(end === null ? 0 : end.length);
  for (let link = end; link !== null; link = link.before) list[link.length - 1] = link.last;
  return list;
}

/** Bytes that a connection holds between its reads. */
export function heldBytes(state: MilterState): number {
  if (state.at === 'start' || state.at === 'negotiation' || state.at === 'closed') return 0;
  const { waiting, client } = state;
  const { C, H, M, R, E } = waiting;
  const told = client.name.length + client.address.length + client.heloName.length + client.mtaName.length;
  const held = C.length + H.length + M.length + R.length + E.length + client.heloMacros.length + told;
  if (state.at === 'between') return held;
  const { message } = state;
  const { envelopeBytes, recipientBytes, headers, headerBytes, body, bodyBytes } = message;
  return (
    held +
    envelopeBytes +
    recipientBytes +
    (headers === null ? 0 : headerBytes) +
    (body === null ? 0 : bodyBytes)
  );
}

/** The session with this message in it, and these macros. */
export function inMessage(
  { agreement, client }: Session,
  waiting: PendingMacros,
  message: Message,
): InMessage {
  return { at: 'message', agreement, client, waiting, message };
}

/** What waits when these macros have come; the same, and they are not read, if their stage has no use for them. */
export function withMacros(
  waiting: PendingMacros,
  told: { readonly stage: string; readonly macros: string },
): PendingMacros {
  const { C, H, M, R, E } = waiting;
  switch (told.stage) {
    case 'C':
      return { C: told.macros, H, M, R, E };
    case 'H':
      return { C, H: told.macros, M, R, E };
    case 'M':
      return { C, H, M: told.macros, R, E };
    case 'R':
      return { C, H, M, R: told.macros, E };
    case 'E':
      return { C, H, M, R, E: told.macros };
    default:
      return waiting;
  }
}

/** No message: after the verdict, ABORT, HELO. The macros of this message's stages are dropped with it. */
export function between(state: Session): Idle {
  const { C, H } = state.waiting;
  const waiting = C === '' && H === '' ? NONE_WAITING : { C, H, M: '', R: '', E: '' };
  return { at: 'between', agreement: state.agreement, client: state.client, waiting };
}

/** The transaction at RCPT (the one recipient) or END-OF-MESSAGE (all of them). */
export function transactionAt(
  stage: Stage,
  client: Client,
  message: Message,
  recipients: readonly EnvelopeAddress[],
): Transaction {
  return {
    protocol: 'milter',
    stage,
    arrival: client.arrival,
    clientAddress: client.address,
    clientName: client.name,
    clientPort: client.port,
    server: client.server,
    heloName: client.heloName,
    sender: message.sender,
    recipients,
    // without any recipient that was shown to us, or after dropping one, there are unseen recipients
    unseenRecipients: message.recipientsLost || recipients.length === 0,
    queueId: message.queueId,
    saslUsername: message.saslUsername,
    mtaName: client.mtaName,
    tls: message.tls,
    laterSession: client.later,
  };
}
