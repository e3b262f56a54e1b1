/**
 * The part of `tlsward explain` that says what the client hears at each interface, recipient by recipient,
 * and what becomes of the message: receive/interfaces.ts in the words of the MTA.
 *
 *   policy     carol@x.example: 250
 *              bob@bank.example: 530 5.7.0 <bob@bank.example>: Recipient address rejected: ...
 *   milter     ...
 *   both       as policy
 *   sendmail   only where Sendmail's milter, which is told other things of a certificate, gives another answer
 *
 * A recipient that is accepted is `250`; nothing is printed where all are, at every interface.
 */

import { escapeLine, escapeText } from '../core/escape.ts';
import type { PolicyTable } from '../core/table.ts';
import type { Transaction } from '../core/transaction.ts';
import type { Action, Verdict } from '../core/verdict.ts';
import type { Facts } from '../receive/decide.ts';
import { answerAt, INTERFACES, type Interface, type RecipientAnswer } from '../receive/interfaces.ts';
import { type Reply, replyFor } from '../receive/smtpReply.ts';
import { type Io, label } from './command.ts';

interface ExplainedRecipient {
  readonly recipient: string;
  readonly verdict: Action;
  /** In observe mode, what would have been done. */
  readonly would: Verdict['wouldBe'];
  /** As the client hears it, or would; null where it hears 250. */
  readonly reply: Reply | null;
}

interface ExplainedMessage {
  readonly verdict: Action;
  readonly tagged: boolean;
  readonly would: Verdict['wouldBe'];
  /** To the end of the message. */
  readonly reply: Reply | null;
  /** The header that is added; null at the policy service, which adds none. */
  readonly header: string | null;
}

export interface ExplainedInterface {
  readonly recipients: readonly ExplainedRecipient[];
  /** null: no recipient passed. */
  readonly message: ExplainedMessage | null;
}

export type ExplainedInterfaces = Readonly<Record<Interface, ExplainedInterface>>;

/** How the end of a message is worked out, which takes more than the table. */
interface MessageEnd {
  /** The header that the milter adds; null: none. */
  header(transaction: Transaction, verdict: Verdict): string | null;
  /** What the rules make of the message. */
  outcome(
    transaction: Transaction,
    verdict: Verdict,
  ): Promise<{ readonly action: Action; readonly reply: Reply | null }>;
}

/** Every interface's answers; `transaction` holds all there is to know of the session. */
export async function explainInterfaces(
  transaction: Transaction,
  table: PolicyTable,
  facts: Facts,
  code: string,
  end: MessageEnd,
): Promise<ExplainedInterfaces> {
  const explained = async (where: Interface): Promise<ExplainedInterface> => {
    const answer = answerAt(where, transaction, table, facts);
    const recipients = answer.recipients.map((one) => recipientAt(where, one, code));
    const verdict = answer.message;
    if (verdict === null) return { recipients, message: null };
    const { tagged, wouldBe: would } = verdict;
    if (where === 'policy')
      return { recipients, message: { verdict: verdict.action, tagged, would, reply: null, header: null } };
    const { action, reply } = await end.outcome(answer.transaction, verdict);
    const passes = action === 'accept' || action === 'hold';
    const header = passes ? end.header(answer.transaction, verdict) : null;
    return { recipients, message: { verdict: action, tagged, would, reply, header } };
  };
  const [policy, milter, both, sendmail] = await Promise.all(INTERFACES.map(explained));
  return { policy: policy!, milter: milter!, both: both!, sendmail: sendmail! };
}

function recipientAt(
  where: Interface,
  { recipient, by, verdict }: RecipientAnswer,
  code: string,
): ExplainedRecipient {
  const shown = recipient.text.replace(/^<|>$/g, '');
  if (verdict === null) return { recipient: shown, verdict: 'accept', would: null, reply: null };
  const { action, wouldBe, decisive, tls } = verdict;
  const said = action === 'accept' ? wouldBe : action;
  const ours =
    decisive !== null && (said === 'defer' || said === 'reject') ? replyFor(decisive, said, tls, code) : null;
  const reply = ours === null ? null : { ...ours, text: framed(where, by, shown, ours) };
  return { recipient: shown, verdict: action, would: wouldBe, reply };
}

/** RFC 5321 section 4.5.3.1.3, and more than an MTA takes. */
const MAX_ADDRESS = 1000;

/**
 * The MTA's own words around our text. Postfix shows the address in its internal form, without quotes;
 * Sendmail shows it as typed, with 450 and 550 only (seen with 8.17.1). So a backslash stays one.
 */
function framed(where: Interface, by: 'policy' | 'milter', recipient: string, { code, text }: Reply): string {
  if (by === 'policy') return `<${internalForm(recipient)}>: Recipient address rejected: ${text}`;
  return where === 'sendmail' && code % 100 === 50
    ? `<${escapeLine(recipient, MAX_ADDRESS)}>... ${text}`
    : text;
}

/** `"a b"@x` to `a b@x`, without a route; what a terminal must not be sent becomes `?`, as in Postfix. */
function internalForm(path: string): string {
  const address = path.startsWith('@') ? path.slice(path.indexOf(':') + 1) : path;
  const quoted = /^"((?:[^"\\]|\\.)*)"(@.*)?$/s.exec(address);
  const bare = quoted === null ? address : `${quoted[1]!.replace(/\\(.)/gs, '$1')}${quoted[2] ?? ''}`;
  return bare.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
}

function words({ verdict, would, reply }: ExplainedRecipient): string {
  if (reply !== null) return `${would === null ? '' : 'would be: '}${reply.code} ${reply.dsn} ${reply.text}`;
  return verdict === 'hold' ? '250, and the message is held' : '250';
}

function linesOf({ recipients }: ExplainedInterface): string[] {
  const several = recipients.length > 1;
  return recipients.map((one) => `${several ? `${escapeText(one.recipient)}: ` : ''}${words(one)}`);
}

/** Verdicts and codes, without the words that each MTA puts around our text. */
function gist({ recipients }: ExplainedInterface): string {
  return JSON.stringify(
    recipients.map(({ verdict, would, reply }) => [verdict, would, reply?.code, reply?.dsn]),
  );
}

/** Prints the lines; none where every recipient is accepted everywhere. */
export function printInterfaces(io: Io, interfaces: ExplainedInterfaces): void {
  const { policy, milter, both, sendmail } = interfaces;
  const all = [policy, milter, both, sendmail];
  if (all.every(({ recipients }) => recipients.every(({ reply }) => reply === null))) return;
  const print = (name: string, lines: readonly string[]): void => {
    for (const [i, line] of lines.entries()) io.out(`${label(i === 0 ? name : '')}${line}\n`);
  };
  const atPolicy = linesOf(policy);
  const atMilter = linesOf(milter);
  const atBoth = linesOf(both);
  print('policy', atPolicy);
  print('milter', atMilter);
  if (atBoth.join('\n') === atPolicy.join('\n')) print('both', ['as policy']);
  else print('both', atBoth.join('\n') === atMilter.join('\n') ? ['as milter'] : atBoth);
  if (gist(sendmail) !== gist(milter)) print('sendmail', linesOf(sendmail));
}
