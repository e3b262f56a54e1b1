/**
 * The events of a milter connection, one function for each, named as libmilter names its callbacks without
 * `xxfi_` (libmilter/docs/api.html). Each takes the state and what the MTA sent, and returns the next state,
 * the replies, and the question, if any.
 *
 * Replies are left out where the MTA agreed at negotiation not to wait for them (`SMFIP_NR_*`). An event out
 * of order throws WireError.
 *
 * Sources: libmilter `engine.c` (its table of states), Postfix `milter8.c`, Sendmail `milter.c`.
 */
import type { RuleRecipient } from '../core/rule.ts';
import type { HeaderCommand, MacroCommand, MilterCommand } from '../wire/milterDecode.ts';
import { CONTINUE, type MilterReply } from '../wire/milterEncode.ts';
import { macroValue } from '../wire/milterMacros.ts';
import { byteName, MILTER_VERSION_MIN, SMFIC, SMFIF, SMFIP } from '../wire/milterNames.ts';
import { WireError } from '../wire/wireError.ts';
import { clientOf, recipientOf, shownRecipient } from './milterEnvelope.ts';
import {
  beginMessage,
  bodyLimitOf,
  recipientCost,
  withBody,
  withHeader,
  withQueueId,
  withRecipient,
} from './milterMessage.ts';
import { changesRecipients, degradations } from './milterNegotiation.ts';
import {
  type Accepted,
  type AtEnd,
  type AtRecipient,
  between,
  type Idle,
  type InMessage,
  inMessage,
  listOf,
  MAX_HEADER_BYTES,
  MAX_RECIPIENT_BYTES,
  type Message,
  type MilterLimits,
  type MilterState,
  NO_CLIENT,
  NO_CLIENT_NOW,
  NONE_WAITING,
  transactionAt,
  withMacros,
} from './milterState.ts';
import { HEADER_TOO_LARGE, TOO_MANY_RECIPIENTS } from './milterVerdict.ts';
import type { Step } from './protocol.ts';
import type {
  EventsAnswer,
  EventsQuery,
  JudgeAnswer,
  JudgeQuery,
  MessageAnswer,
  MessageQuery,
} from './queries.ts';

export type MilterQuery = EventsQuery | JudgeQuery | MessageQuery;
export type MilterAnswer = EventsAnswer | JudgeAnswer | MessageAnswer;
export type MilterStep = Step<MilterState, MilterReply, MilterQuery>;
/** The states in which an event may come. */
type Open = Idle | InMessage;
type Of<Kind extends MilterCommand['kind']> = Extract<MilterCommand, { readonly kind: Kind }>;

export const NOTHING: readonly MilterReply[] = [];
export const GO_ON: readonly MilterReply[] = [CONTINUE];
const NO_MORE: readonly MilterReply[] = [{ kind: 'SKIP' }];
const WORKING: readonly MilterReply[] = [{ kind: 'PROGRESS' }];
/**
 * A body of this size takes more than some milliseconds to edit: PROGRESS is sent first, to restart the MTA's
 * timeout.
 */
const LONG_BODY_BYTES = 1024 * 1024;
export const CLOSED: MilterState = { at: 'closed' };
const EVENTS: EventsQuery = { kind: 'events', missing: [], changesRecipients: true };

/** The first event: what the MTA offers. The question is what the table needs. */
export function negotiate(limits: MilterLimits, input: Of<'OPTNEG'>): MilterStep {
  const { version, actions, protocol } = input;
  if (version < MILTER_VERSION_MIN) {
    throw new WireError('milter-version', 0, `version ${MILTER_VERSION_MIN} or later`, String(version));
  }
  return {
    state: { at: 'negotiation', limits, version, actions, protocol },
    out: NOTHING,
    ask: eventsQuery(input.actions),
  };
}

/**
 * The question of a negotiation; MTAs that offer everything, which is nearly every connection, share one
 * value.
 */
function eventsQuery(actions: number): EventsQuery {
  const missing = degradations(actions);
  const changes = changesRecipients(actions);
  return missing.length === 0 && changes ? EVENTS : { kind: 'events', missing, changesRecipients: changes };
}

/** A client connected; on a connection that is used again (QUIT_NC), a later session. */
export function connect(state: Open, input: Of<'CONNECT'>): MilterStep {
  const later = state.client !== NO_CLIENT;
  const client = { ...clientOf(input, state.waiting.C), later };
  const next: Idle = { at: 'between', agreement: state.agreement, client, waiting: NONE_WAITING };
  return { state: next, out: onwards(state, SMFIP.NR_CONN) };
}

/**
 * A greeting ends a message in progress (RFC 5321 section 4.1.4); ABORT comes before it, after it, or not at
 * all.
 */
export function helo(state: Open, input: Of<'HELO'>): MilterStep {
  const { agreement, waiting } = state;
  const client = { ...state.client, heloName: input.name, heloMacros: waiting.H };
  const next: Idle = {
    at: 'between',
    agreement,
    client,
    waiting: { C: waiting.C, H: '', M: '', R: '', E: '' },
  };
  return { state: next, out: onwards(state, SMFIP.NR_HELO) };
}

/** A new message, even if the one before has no end; it keeps the macros of MAIL. */
export function envfrom(state: Open, input: Of<'MAIL' | 'RCPT'>): MilterStep {
  const { agreement, client, waiting } = state;
  const message = beginMessage(agreement, client, waiting.M, input.args);
  const left = { C: waiting.C, H: waiting.H, M: '', R: '', E: '' };
  return {
    state: { at: 'message', agreement, client, waiting: left, message },
    out: onwards(state, SMFIP.NR_MAIL),
  };
}

/** A recipient: judged on its own if the MTA waits for the reply, and kept for the end of the message. */
export function envrcpt(before: Open, input: Of<'MAIL' | 'RCPT'>): MilterStep {
  const state = messageOf(before, input);
  const { args } = input;
  const { agreement, client } = state;
  const macros = state.waiting.R;
  const message = withQueueId(state.message, macroValue(state.waiting.R, 'i'));
  const { C, H, M, E } = state.waiting;
  const waiting = { C, H, M, R: '', E };
  const { protocol, limits } = agreement;
  const answers = (protocol & SMFIP.NR_RCPT) === 0;
  const address = recipientOf(args[0]!);
  const recipientBytes = message.recipientBytes + recipientCost(args, macros, address);
  const full =
    recipientBytes > MAX_RECIPIENT_BYTES ||
    (message.recipients !== null && message.recipients.length >= limits.maxRecipients);
  if (full) {
    if (answers) return { state: inMessage(state, waiting, message), out: [TOO_MANY_RECIPIENTS] };
    return { state: inMessage(state, waiting, { ...message, recipientsLost: true }), out: NOTHING };
  }
  const shown = agreement.nextHops ? shownRecipient(args, address, macros) : null;
  if (!agreement.judges || !answers) {
    const kept = withRecipient(message, { recipient: address, verdict: null, shown }, recipientBytes, true);
    return { state: inMessage(state, waiting, kept), out: onwards(state, SMFIP.NR_RCPT) };
  }
  const asking: AtRecipient = {
    at: 'recipient',
    agreement,
    client,
    waiting,
    message,
    recipient: address,
    recipientBytes,
    shown,
  };
  const transaction = transactionAt('RCPT', client, message, [address]);
  const earlier = message.recipients?.last.verdict ?? null;
  return {
    state: asking,
    out: NOTHING,
    ask: { kind: 'judge', transaction, table: message.table, instance: '', before: earlier },
  };
}

export function data(state: Open, input: MilterCommand): MilterStep {
  return { state: messageOf(state, input), out: onwards(state, SMFIP.NR_DATA) };
}

export function header(before: Open, input: HeaderCommand): MilterStep {
  const state = messageOf(before, input);
  const message = withHeader(state.message, state.agreement.headers, input);
  return { state: withMessage(state, message), out: onwards(state, SMFIP.NR_HDR) };
}

export function eoh(state: Open, input: MilterCommand): MilterStep {
  return { state: messageOf(state, input), out: onwards(state, SMFIP.NR_EOH) };
}

/** A chunk of the body; beyond what is kept, the MTA may skip the rest. */
export function body(before: Open, input: Of<'BODY' | 'BODYEOB'>): MilterStep {
  const state = messageOf(before, input);
  const limitBytes = bodyLimitOf(state.agreement, state.message);
  const message = withBody(state.message, limitBytes, input.chunk);
  const enough = (state.agreement.protocol & SMFIP.SKIP) !== 0 && message.bodyBytes > limitBytes;
  return { state: withMessage(state, message), out: enough ? NO_MORE : onwards(state, SMFIP.NR_BODY) };
}

/** The end of the message, perhaps with the last chunk of the body: the whole message is judged. */
export function eom(before: Open, input: Of<'BODY' | 'BODYEOB'>): MilterStep {
  const state = messageOf(before, input);
  const { agreement, client, waiting } = state;
  const limitBytes = bodyLimitOf(agreement, state.message);
  const whole = withBody(state.message, limitBytes, input.chunk);
  if (whole.headerBytes > MAX_HEADER_BYTES) return { state: between(state), out: [HEADER_TOO_LARGE] };
  const message = withQueueId(whole, macroValue(waiting.E, 'i'));
  const accepted = listOf(message.recipients);
  const verdicts = [];
  for (const { verdict } of accepted) if (verdict !== null) verdicts.push(verdict);
  const recipients = accepted.map((one) => one.recipient);
  const bodyKept = limitBytes > 0 && message.bodyBytes <= limitBytes;
  const asking: AtEnd = { at: 'end', agreement, client, waiting, message };
  const ask: MessageQuery = {
    kind: 'message',
    transaction: transactionAt('END-OF-MESSAGE', client, message, recipients),
    table: message.table,
    verdicts,
    headers: agreement.headers === 'none' ? null : listOf(message.headers),
    shown: agreement.headers,
    body: bodyKept ? listOf(message.body) : null,
    bodyDigest: message.bodyDigest?.value() ?? null,
    replacesBody: (agreement.actions & SMFIF.CHGBODY) !== 0,
    mailParameters: message.mailParameters,
    told: message.told,
    shownRecipients: agreement.nextHops ? shownOf(accepted) : null,
    postfix: client.postfix,
    mta: client.mta,
  };
  return { state: asking, out: bodyKept && message.bodyBytes > LONG_BODY_BYTES ? WORKING : NOTHING, ask };
}

function shownOf(accepted: readonly Accepted[]): readonly RuleRecipient[] {
  const list: RuleRecipient[] = [];
  for (const { shown } of accepted) if (shown !== null) list.push(shown);
  return list;
}

/** The message, if there was one, ends without a verdict; the connection goes on. */
export function abort(state: Open): MilterStep {
  return { state: between(state), out: NOTHING };
}

/** An SMTP command that the MTA does not know. */
export function unknown(state: Open): MilterStep {
  return { state, out: onwards(state, SMFIP.NR_UNKN) };
}

/** The SMTP session is over, and the MTA closes the milter connection with it (QUIT). */
export function close(): MilterStep {
  return { state: CLOSED, out: NOTHING, close: true };
}

/** The SMTP session is over, and another may begin on the same milter connection (QUIT_NC). */
export function closeSession({ agreement }: Open): MilterStep {
  return { state: { at: 'between', agreement, client: NO_CLIENT_NOW, waiting: NONE_WAITING }, out: NOTHING };
}

/** Macros wait for their event. Those of events that are not asked for, or not read, are dropped. */
export function macros(state: Open, input: MacroCommand): MilterStep {
  const waiting = withMacros(state.waiting, input);
  if (waiting === state.waiting) return { state, out: NOTHING };
  if (state.at === 'message') return { state: inMessage(state, waiting, state.message), out: NOTHING };
  const { agreement, client } = state;
  return { state: { at: 'between', agreement, client, waiting }, out: NOTHING };
}

function messageOf(state: Open, input: MilterCommand): InMessage {
  if (state.at === 'message') return state;
  throw outOfOrder(input, 'MAIL before it');
}

/** The state with another message; the same state when that is the same. */
function withMessage(state: InMessage, message: Message): InMessage {
  return message === state.message ? state : inMessage(state, state.waiting, message);
}

/** The reply to an event that is not judged: CONTINUE, or none if that was negotiated. */
function onwards(state: Open, waiver: number): readonly MilterReply[] {
  return (state.agreement.protocol & waiver) === 0 ? GO_ON : NOTHING;
}

/** The error for an event that is not allowed in this state. */
export function outOfOrder(input: MilterCommand, expected: string): WireError {
  const name = input.kind === 'OTHER' ? byteName(SMFIC, input.command) : input.kind;
  return new WireError(
    input.kind === 'OTHER' ? 'milter-unknown-command' : 'milter-out-of-order',
    0,
    expected,
    name,
  );
}
