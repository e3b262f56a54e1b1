/**
 * The milter session as a `Protocol`: an MTA's events to transactions, verdicts to replies.
 *
 * Each event that expects a reply gets exactly one: Postfix would take another reply for the verdict of a
 * later event. ABORT, QUIT, QUIT_NC and macros are never answered. Of the other events only RCPT and the end
 * of the message are answered, and those for which the MTA did not allow us to omit the reply (see
 * milterNegotiation.ts).
 *
 * Each RCPT is judged on its own, and the message is judged again at its end, with the verdicts of the
 * accepted recipients. The table of the first answer is passed on with each later question, so one message is
 * decided by one table.
 *
 * What each event does is in milterEvents.ts. An event out of order makes `step` throw WireError. `step` must
 * not be called while an answer is pending. The fail-safe is a temporary failure if the MTA expects a reply.
 * Otherwise the connection is closed, and the MTA then defers, too. (Which MTA does what: MILTER_README
 * "milter_default_action", Sendmail INPUT_MAIL_FILTER F=T.)
 *
 * Sources: libmilter `engine.c`, Postfix `milter8.c`, `smtpd.c` and `cleanup_milter.c`, Sendmail `milter.c`
 * and `srvrsmtp.c`.
 */

import { type MilterCommand, MilterDecoder } from '../wire/milterDecode.ts';
import { CONTINUE, encodeReply, type MilterReply, TEMPFAIL } from '../wire/milterEncode.ts';
import * as on from './milterEvents.ts';
import {
  CLOSED,
  GO_ON,
  type MilterAnswer,
  type MilterQuery,
  type MilterStep,
  NOTHING,
} from './milterEvents.ts';
import { withRecipient, withTable } from './milterMessage.ts';
import { agree } from './milterNegotiation.ts';
import {
  type Accepted,
  type AtRecipient,
  between,
  heldBytes,
  type Idle,
  type InMessage,
  inMessage,
  MILTER_LIMITS,
  type MilterLimits,
  type MilterState,
  NO_CLIENT,
  NONE_WAITING,
} from './milterState.ts';
import { repliesToMessage, replyToRecipient } from './milterVerdict.ts';
import type { Decoder, Protocol } from './protocol.ts';
import type { JudgeAnswer } from './queries.ts';

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

function first(limits: MilterLimits, input: MilterCommand): MilterStep {
  if (input.kind === 'QUIT') return on.close();
  if (input.kind === 'OPTNEG') return on.negotiate(limits, input);
  throw on.outOfOrder(input, 'negotiation first');
}

function event(state: Idle | InMessage, input: MilterCommand): MilterStep {
  switch (input.kind) {
    case 'MACRO':
      return on.macros(state, input);
    case 'HEADER':
      return on.header(state, input);
    case 'BODY':
      return on.body(state, input);
    case 'RCPT':
      return on.envrcpt(state, input);
    case 'BODYEOB':
      return on.eom(state, input);
    case 'MAIL':
      return on.envfrom(state, input);
    case 'ABORT':
      return on.abort(state);
    case 'HELO':
      return on.helo(state, input);
    case 'CONNECT':
      return on.connect(state, input);
    case 'DATA':
      return on.data(state, input);
    case 'EOH':
      return on.eoh(state, input);
    case 'UNKNOWN':
      return on.unknown(state);
    case 'QUIT':
      return on.close();
    case 'QUIT_NC':
      return on.closeSession(state);
    case 'OPTNEG':
      throw on.outOfOrder(input, 'no second negotiation');
    case 'OTHER':
      // it is not known whether the MTA expects a reply, and a wrong guess may let mail pass unchecked
      throw on.outOfOrder(input, 'a command of the protocol');
    default:
      return input satisfies never;
  }
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
  const { agreement, waiting, recipient, recipientBytes, shown } = state;
  const reply = replyToRecipient(given, agreement.actions);
  const message = withTable(state.message, given.table);
  if (reply !== CONTINUE) return { state: inMessage(state, waiting, message), out: [reply] };
  const accepted: Accepted = { recipient, verdict: given.verdict, shown };
  const next = withRecipient(message, accepted, recipientBytes, given.ignoresBody !== true);
  return { state: inMessage(state, waiting, next), out: GO_ON };
}

/** A temporary failure for the event that expects a reply; otherwise the connection can only be closed. */
function failSafe(state: MilterState): MilterStep {
  switch (state.at) {
    case 'recipient':
      return { state: inMessage(state, state.waiting, state.message), out: [TEMPFAIL] };
    case 'end':
      return { state: between(state), out: [TEMPFAIL] };
    default:
      return { state: CLOSED, out: NOTHING, close: true };
  }
}

/** Passes over the header fields that the session does not read; MTAs send all fields of every message. */
class SessionDecoder extends MilterDecoder implements Decoder<MilterCommand, MilterState> {
  override next(state?: MilterState): MilterCommand | null {
    return this.nextRead(state?.at === 'message' ? state.agreement.readFields : null);
  }
}

function idle(state: MilterState): boolean {
  return state.at === 'between' || state.at === 'start' || state.at === 'closed';
}

/** The milter protocol with these limits; the value holds no state of any connection. */
export function milterProtocol(
  limits: MilterLimits = MILTER_LIMITS,
): Protocol<MilterState, MilterCommand, MilterReply, MilterQuery, MilterAnswer> {
  const start: MilterState = { at: 'start', limits };
  return {
    name: 'milter',
    largePackets: true,
    decoder: () => new SessionDecoder(limits.maxPacketBytes),
    start: () => start,
    step,
    answer,
    failSafe,
    encode: encodeReply,
    idle,
    held: heldBytes,
  };
}
