/**
 * The verdict as milter replies. `test/session/milterVerdict.test.ts` has the whole table.
 *
 *     verdict          at RCPT                              at end of message
 *     accept           CONTINUE                             edits, CONTINUE
 *     hold             CONTINUE; the message is held later  edits, QUARANTINE, CONTINUE
 *     hold, no right   REPLYCODE 451                        REPLYCODE 451
 *     routed, no right                                      REPLYCODE 451
 *     defer, reject    REPLYCODE                            REPLYCODE
 *
 * ACCEPT is never sent: at RCPT it would accept the whole message, and elsewhere CONTINUE has the same
 * effect. An edit that was not granted at negotiation is left out, unless the message must not pass without
 * it (`routes`). QUARANTINE is always followed by its verdict.
 *
 * Everything is checked here, while the MTA still waits for its answer: anything that the encoder would
 * refuse throws now.
 * Sources: Sendmail `milter.c`, Postfix `milter8.c`; RFC 3463 for X.3.5 (system incorrectly configured),
 * X.5.3, X.3.4.
 */
import type { Edit } from '../core/messageEdit.ts';
import type { Reply } from '../receive/smtpReply.ts';
import {
  addHeader,
  CONTINUE,
  changeHeader,
  deleteHeader,
  insertHeader,
  type MilterReply,
  quarantine,
  REJECT,
  replaceBody,
  replyCode,
  TEMPFAIL,
} from '../wire/milterEncode.ts';
import { SMFIF } from '../wire/milterNames.ts';
import { addRecipient, deleteRecipient } from '../wire/milterRecipient.ts';
import type { JudgeAnswer, MessageAnswer } from './queries.ts';

/** A hold without the right to QUARANTINE: the message is deferred, neither accepted nor rejected. */
export const CANNOT_HOLD = replyCode(451, '4.3.5', 'The mail server does not let its filter hold messages');
/**
 * A route of a rule without the right to set it: the message must not leave unprotected, so it is deferred.
 */
const CANNOT_ROUTE = replyCode(
  451,
  '4.3.5',
  'The mail server does not let its filter route this message as its rule requires (milter_protocol = 6)',
);
/**
 * More recipients than are kept; the client sends the others in another transaction (RFC 5321 section
 * 4.5.3.1.10).
 */
export const TOO_MANY_RECIPIENTS = replyCode(452, '4.5.3', 'Too many recipients');
export const HEADER_TOO_LARGE = replyCode(552, '5.3.4', 'Message header exceeds the limit');

function refusal(action: 'defer' | 'reject', reply: Reply | null): MilterReply {
  if (reply === null) return action === 'reject' ? REJECT : TEMPFAIL;
  return replyCode(reply.code, reply.dsn, reply.text);
}

/** The reply to one recipient; it stays in the message when that is CONTINUE. */
export function replyToRecipient(answer: JudgeAnswer, actions: number): MilterReply {
  const { action } = answer.verdict;
  switch (action) {
    case 'accept':
      return CONTINUE;
    case 'hold':
      return (actions & SMFIF.QUARANTINE) !== 0 ? CONTINUE : CANNOT_HOLD;
    case 'defer':
    case 'reject':
      return refusal(action, answer.reply);
  }
}

/** All that goes out at the end of a message: edits in order, then the verdict. */
export function repliesToMessage(answer: MessageAnswer, actions: number): readonly MilterReply[] {
  const { action } = answer.verdict;
  switch (action) {
    case 'accept':
      if (!maySend(answer.routes, actions)) return [CANNOT_ROUTE];
      return [...edits(answer.edits, actions), ...edits(answer.routes, actions), CONTINUE];
    case 'hold':
      if ((actions & SMFIF.QUARANTINE) === 0) return [CANNOT_HOLD];
      if (!maySend(answer.routes, actions)) return [CANNOT_ROUTE];
      return [
        ...edits(answer.edits, actions),
        ...edits(answer.routes, actions),
        quarantine(answer.holdReason),
        CONTINUE,
      ];
    case 'defer':
    case 'reject':
      return [refusal(action, answer.reply)];
  }
}

/** The action (SMFIF bit) that an edit needs. */
function rightFor(edit: Edit): number {
  switch (edit.kind) {
    case 'deleteHeader':
    case 'changeHeader':
      return SMFIF.CHGHDRS;
    case 'insertHeader':
    case 'addHeader':
      return SMFIF.ADDHDRS;
    case 'replaceBody':
      return SMFIF.CHGBODY;
    case 'addRecipient':
      return edit.parameters === '' ? SMFIF.ADDRCPT : SMFIF.ADDRCPT_PAR;
    case 'deleteRecipient':
      return SMFIF.DELRCPT;
  }
}

function maySend(wanted: readonly Edit[], actions: number): boolean {
  return wanted.every((edit) => (actions & rightFor(edit)) !== 0);
}

/** The edits that were granted at negotiation, as replies. */
function edits(wanted: readonly Edit[], actions: number): MilterReply[] {
  const out: MilterReply[] = [];
  for (const edit of wanted) {
    if ((actions & rightFor(edit)) === 0) continue;
    switch (edit.kind) {
      case 'deleteHeader':
        out.push(deleteHeader(edit.index, edit.name));
        break;
      case 'changeHeader':
        out.push(changeHeader(edit.index, edit.name, edit.value));
        break;
      case 'insertHeader':
        out.push(insertHeader(edit.index, edit.name, edit.value));
        break;
      case 'addHeader':
        out.push(addHeader(edit.name, edit.value));
        break;
      case 'addRecipient':
        out.push(addRecipient(edit.path, edit.parameters));
        break;
      case 'deleteRecipient':
        out.push(deleteRecipient(edit.path));
        break;
      case 'replaceBody':
        out.push(...replaceBody(edit.chunks));
        break;
    }
  }
  return out;
}
