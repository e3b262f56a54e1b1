/**
 * The milter session as a `Protocol`: an MTA's events to transactions, verdicts to replies.
 *
 * One reply for each event that awaits one, never another: Postfix would take a surplus reply for the verdict of a later
 * event. ABORT, QUIT, QUIT_NC and macros are never answered; of the rest only RCPT and the end of the message are, and
 * whatever the MTA did not let us leave unanswered (see milterNegotiation.ts).
 *
 * RCPT is judged on its own, the message once more at its end with the verdicts of the recipients it kept. The table of
 * the first answer is passed back with each later question, so one message is decided by one table.
 *
 * A peer that leaves the order of events gets WireError from `step`; with an answer outstanding nothing may be stepped.
 * The fail-safe is a temporary failure where a reply is owed, and to close the connection where none is: the MTA then
 * defers too. (Which MTA does what: MILTER_README "milter_default_action", Sendmail INPUT_MAIL_FILTER F=T.)
 *
 * Sources: libmilter `engine.c`, Postfix `milter8.c`, `smtpd.c` and `cleanup_milter.c`, Sendmail `milter.c` and `srvrsmtp.c`.
 */

import type { RuleRecipient } from '../core/rule.ts';
import { type MacroCommand, type MilterCommand, MilterDecoder } from '../wire/milterDecode.ts';
import { CONTINUE, encodeReply, type MilterReply, TEMPFAIL } from '../wire/milterEncode.ts';
import { macroValue } from '../wire/milterMacros.ts';
import { byteName, MILTER_VERSION_MIN, SMFIC, SMFIF, SMFIP } from '../wire/milterNames.ts';
import { WireError } from '../wire/wireError.ts';
import { clientOf, recipientOf, shownRecipient } from './milterEnvelope.ts';
import { beginMessage, withBody, withHeader, withQueueId } from './milterMessage.ts';
import { agree, changesRecipients, degradations } from './milterNegotiation.ts';
import {
  type Accepted,
  type AtEnd,
  type AtRecipient,
  between,
  chain,
  heldBytes,
  type Idle,
  type InMessage,
  listOf,
  MAX_HEADER_BYTES,
  MAX_RECIPIENT_BYTES,
  type Message,
  MILTER_LIMITS,
  type MilterLimits,
  type MilterState,
  NO_CLIENT,
  NO_CLIENT_NOW,
  NONE_WAITING,
  type PendingMacros,
  recipientCost,
  transactionAt,
} from './milterState.ts';
import {
  HEADER_TOO_LARGE,
  repliesToMessage,
  replyToRecipient,
  TOO_MANY_RECIPIENTS,
} from './milterVerdict.ts';
import type { Protocol, Step } from './protocol.ts';
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
type Open = Idle | InMessage;

const NOTHING: readonly MilterReply[] = [];
const GO_ON: readonly MilterReply[] = [CONTINUE];
const NO_MORE: readonly MilterReply[] = [{ kind: 'SKIP' }];
const WORKING: readonly MilterReply[] = [{ kind: 'PROGRESS' }];
/** A body that takes more than some milliseconds to edit: the MTA is told first, which starts its clock again. */
const LONG_BODY_BYTES = 1024 * 1024;
const CLOSED: MilterState = { at: 'closed' };
const EVENTS: EventsQuery = { kind: 'events', missing: [], changesRecipients: true };

function step(state: MilterState, input: MilterCommand): MilterStep {
  switch (state.at) {
    case 'message':
    case 'between':
      return event(state, input);
    case 'start':
      return first(state.limits, input);
    case 'closed':
      return { state, out: NOTHING };
    default:
      throw new Error(`milter: ${input.kind} was stepped while an answer is owed (${state.at})`);
  }
}

/** The question of a negotiation; one value for the MTAs that offer all, which is nearly every connection. */
function eventsQuery(actions: number): EventsQuery {
  const missing = degradations(actions);
  const changes = changesRecipients(actions);
  return missing.length === 0 && changes ? EVENTS : { kind: 'events', missing, changesRecipients: changes };
}

function first(limits: MilterLimits, input: MilterCommand): MilterStep {
  if (input.kind === 'QUIT') return { state: CLOSED, out: NOTHING, close: true };
  if (input.kind !== 'OPTNEG') throw outOfOrder(input, 'negotiation first');
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

function outOfOrder(input: MilterCommand, expected: string): WireError {
  const name = input.kind === 'OTHER' ? byteName(SMFIC, input.command) : input.kind;
  return new WireError(
    input.kind === 'OTHER' ? 'milter-unknown-command' : 'milter-out-of-order',
    0,
    expected,
    name,
  );
}

/** What an event gets that may not be refused here: nothing if we were let off the reply. */
function onwards(state: Open, waiver: number): readonly MilterReply[] {
  return (state.agreement.protocol & waiver) === 0 ? GO_ON : NOTHING;
}

function event(state: Open, input: MilterCommand): MilterStep {
  switch (input.kind) {
    case 'MACRO':
      return macros(state, input);
    case 'HEADER': {
      const inside = inMessage(state, input);
      const message = withHeader(inside.message, state.agreement.headers, input);
      return { state: withMessage(inside, message), out: onwards(state, SMFIP.NR_HDR) };
    }
    case 'BODY': {
      const inside = inMessage(state, input);
      const { bodyLimitBytes, protocol } = state.agreement;
      const message = withBody(inside.message, bodyLimitBytes, input.chunk);
      const enough = (protocol & SMFIP.SKIP) !== 0 && message.bodyBytes > bodyLimitBytes;
      return { state: withMessage(inside, message), out: enough ? NO_MORE : onwards(state, SMFIP.NR_BODY) };
    }
    case 'RCPT':
      return recipient(inMessage(state, input), input.args);
    case 'BODYEOB':
      return end(inMessage(state, input), input.chunk);
    case 'MAIL':
      return { state: mail(state, input.args), out: onwards(state, SMFIP.NR_MAIL) };
    case 'ABORT':
      return { state: between(state), out: NOTHING };
    case 'HELO': {
      // a new greeting ends a message in progress (RFC 5321 section 4.1.4); ABORT comes before or after, or not at all
      const { agreement, waiting } = state;
      const client = { ...state.client, heloName: input.name, heloMacros: waiting.H };
      const next: Idle = { at: 'between', agreement, client, waiting: { ...NONE_WAITING, C: waiting.C } };
      return { state: next, out: onwards(state, SMFIP.NR_HELO) };
    }
    case 'CONNECT': {
      const later = state.client !== NO_CLIENT;
      const client = { ...clientOf(input, state.waiting.C), later };
      const next: Idle = { at: 'between', agreement: state.agreement, client, waiting: NONE_WAITING };
      return { state: next, out: onwards(state, SMFIP.NR_CONN) };
    }
    case 'DATA':
      return { state: inMessage(state, input), out: onwards(state, SMFIP.NR_DATA) };
    case 'EOH':
      return { state: inMessage(state, input), out: onwards(state, SMFIP.NR_EOH) };
    case 'UNKNOWN':
      return { state, out: onwards(state, SMFIP.NR_UNKN) };
    case 'QUIT':
      return { state: CLOSED, out: NOTHING, close: true };
    case 'QUIT_NC': {
      const { agreement } = state;
      const client = NO_CLIENT_NOW;
      return { state: { at: 'between', agreement, client, waiting: NONE_WAITING }, out: NOTHING };
    }
    case 'OPTNEG':
      throw outOfOrder(input, 'no second negotiation');
    case 'OTHER':
      // whether it awaits a reply cannot be known, and a wrong guess either way may pass mail unseen
      throw outOfOrder(input, 'a command of the protocol');
    default:
      return input satisfies never;
  }
}

function inMessage(state: Open, input: MilterCommand): InMessage {
  if (state.at === 'message') return state;
  throw outOfOrder(input, 'MAIL before it');
}

/** Macros wait for their event. Those of events that are not asked for, or not read, are dropped. */
function macros(state: Open, input: MacroCommand): MilterStep {
  const { C, H, M, R, E } = state.waiting;
  let waiting: PendingMacros;
  // spelled out, because a computed key makes the copy several times dearer
  switch (input.stage) {
    case 'C':
      waiting = { C: input.macros, H, M, R, E };
      break;
    case 'H':
      waiting = { C, H: input.macros, M, R, E };
      break;
    case 'M':
      waiting = { C, H, M: input.macros, R, E };
      break;
    case 'R':
      waiting = { C, H, M, R: input.macros, E };
      break;
    case 'E':
      waiting = { C, H, M, R, E: input.macros };
      break;
    default:
      return { state, out: NOTHING };
  }
  return { state: { ...state, waiting }, out: NOTHING };
}

/** A new message, whatever became of the one before; the macros of MAIL go into it. */
function mail(state: Open, args: readonly string[]): InMessage {
  const { agreement, client, waiting } = state;
  const message = beginMessage(agreement, client, waiting.M, args);
  const left = { C: waiting.C, H: waiting.H, M: '', R: '', E: '' };
  return { at: 'message', agreement, client, waiting: left, message };
}

/** The state with another message; the same state when that is the same. */
function withMessage(state: InMessage, message: Message): InMessage {
  return message === state.message ? state : { ...state, message };
}

function recipient(state: InMessage, args: readonly string[]): MilterStep {
  const { agreement, client } = state;
  const macros = state.waiting.R;
  const message = withQueueId(state.message, macroValue(state.waiting.R, 'i'));
  const waiting = { ...state.waiting, R: '' };
  const { protocol, limits } = agreement;
  const answers = (protocol & SMFIP.NR_RCPT) === 0;
  const address = recipientOf(args[0]!);
  const recipientBytes = message.recipientBytes + recipientCost(args, macros, address);
  const full =
    recipientBytes > MAX_RECIPIENT_BYTES ||
    (message.recipients !== null && message.recipients.length >= limits.maxRecipients);
  if (full) {
    if (answers) return { state: { ...state, waiting, message }, out: [TOO_MANY_RECIPIENTS] };
    return { state: { ...state, waiting, message: { ...message, recipientsLost: true } }, out: NOTHING };
  }
  const shown = agreement.nextHops ? shownRecipient(args, address, macros) : null;
  if (!agreement.judges || !answers) {
    const recipients = chain<Accepted>(message.recipients, { recipient: address, verdict: null, shown });
    return {
      state: { ...state, waiting, message: { ...message, recipients, recipientBytes } },
      out: onwards(state, SMFIP.NR_RCPT),
    };
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
  return {
    state: asking,
    out: NOTHING,
    ask: { kind: 'judge', transaction, table: message.table, instance: '' },
  };
}

function end(state: InMessage, chunk: Uint8Array): MilterStep {
  const { agreement, client, waiting } = state;
  const whole = withBody(state.message, agreement.bodyLimitBytes, chunk);
  if (whole.headerBytes > MAX_HEADER_BYTES) return { state: between(state), out: [HEADER_TOO_LARGE] };
  const message = withQueueId(whole, macroValue(waiting.E, 'i'));
  const accepted = listOf(message.recipients);
  const verdicts = [];
  for (const { verdict } of accepted) if (verdict !== null) verdicts.push(verdict);
  const recipients = accepted.map((one) => one.recipient);
  const bodyKept = agreement.bodyLimitBytes > 0 && message.bodyBytes <= agreement.bodyLimitBytes;
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

function answer(state: MilterState, given: MilterAnswer): MilterStep {
  if (state.at === 'recipient' && given.kind === 'judge') return answerRecipient(state, given);
  if (state.at === 'end' && given.kind === 'message') {
    return { state: between(state), out: repliesToMessage(given, state.agreement.actions) };
  }
  if (state.at === 'negotiation' && given.kind === 'events') {
    const { agreement, reply } = agree(state, given);
    return { state: { at: 'between', agreement, client: NO_CLIENT, waiting: NONE_WAITING }, out: [reply] };
  }
  throw new Error(`milter: an answer of kind ${given.kind} was not asked for (${state.at})`);
}

function answerRecipient(state: AtRecipient, given: JudgeAnswer): MilterStep {
  const { agreement, client, waiting, message, recipientBytes } = state;
  const reply = replyToRecipient(given, agreement.actions);
  const kept =
    reply === CONTINUE
      ? {
          recipients: chain<Accepted>(message.recipients, {
            recipient: state.recipient,
            verdict: given.verdict,
            shown: state.shown,
          }),
          recipientBytes,
        }
      : null;
  const next: InMessage = {
    at: 'message',
    agreement,
    client,
    waiting,
    message: { ...message, ...kept, table: given.table },
  };
  return { state: next, out: reply === CONTINUE ? GO_ON : [reply] };
}

/** A temporary failure for the event that awaits a reply; otherwise nothing is left but to close. */
function failSafe(state: MilterState): MilterStep {
  switch (state.at) {
    case 'recipient': {
      const { agreement, client, waiting, message } = state;
      return { state: { at: 'message', agreement, client, waiting, message }, out: [TEMPFAIL] };
    }
    case 'end':
      return { state: between(state), out: [TEMPFAIL] };
    default:
      return { state: CLOSED, out: NOTHING, close: true };
  }
}

function idle(state: MilterState): boolean {
  return state.at === 'between' || state.at === 'start' || state.at === 'closed';
}

/** The milter protocol with these limits; the value holds nothing of any connection. */
export function milterProtocol(
  limits: MilterLimits = MILTER_LIMITS,
): Protocol<MilterState, MilterCommand, MilterReply, MilterQuery, MilterAnswer> {
  const start: MilterState = { at: 'start', limits };
  return {
    name: 'milter',
    decoder: () => new MilterDecoder(limits.maxPacketBytes),
    start: () => start,
    step,
    answer,
    failSafe,
    encode: encodeReply,
    idle,
    held: heldBytes,
  };
}
