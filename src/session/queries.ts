/**
 * The questions that the mail protocols put to the core and the answers they get. A question is answered by the handler of
 * its name (`src/daemon/verdictService.ts`); sessions only ever see these types.
 */
import type { Edit, HeaderField } from '../core/messageEdit.ts';
import type { RuleRecipient, ToldByMta } from '../core/rule.ts';
import type { PolicyTable } from '../core/table.ts';
import type { Transaction } from '../core/transaction.ts';
import type { Verdict } from '../core/verdict.ts';
import type { Work } from '../core/work.ts';
import type { Reply } from '../receive/smtpReply.ts';

/** Judge one transaction at its stage. */
export interface JudgeQuery {
  readonly kind: 'judge';
  readonly transaction: Transaction;
  /** The table this transaction is decided by; null at its first question, then what the answer gave. */
  readonly table: PolicyTable | null;
  /** What joins the questions of one transaction in the policy protocol (`instance`); '' where the session holds state. */
  readonly instance: string;
  /** Recipients that the MTA accepted, where it counts them instead of naming them. */
  readonly recipientCount?: number;
}

export interface JudgeAnswer {
  readonly kind: 'judge';
  readonly verdict: Verdict;
  readonly table: PolicyTable;
  /** The SMTP reply when the verdict's action is defer or reject; null otherwise. */
  readonly reply: Reply | null;
  /** Why a held message is held, one printable line; '' otherwise. */
  readonly holdReason: string;
  /** Policy service: ask Postfix for REQUIRETLS (RFC 8689) for the message. */
  readonly requireTls?: true;
}

/** What was seen of a body so far; `with` gives the value for one more chunk and changes nothing. */
export interface BodyDigest {
  with(chunk: Uint8Array): BodyDigest;
  /** The digest if nothing follows. */
  value(): string;
}

/** Milter, at negotiation: what does the table in use need to see? */
export interface EventsQuery {
  readonly kind: 'events';
  /** What this MTA cannot do for us, in words; empty when it offers all. */
  readonly missing: readonly string[];
  /** Does it let a filter add and delete recipients? */
  readonly changesRecipients: boolean;
}

export interface EventsAnswer {
  readonly kind: 'events';
  /** Can a row refuse, so that RCPT must be answered? */
  readonly judges: boolean;
  /** Header fields to collect: none, those with these lower-case names, or all. */
  readonly headers: 'none' | 'all' | readonly string[];
  /** Is the body needed, and up to how many bytes is it kept? 0: not asked for. */
  readonly bodyLimitBytes: number;
  /** Of an empty body, where a digest of every body is wanted, whatever its size. */
  readonly bodyDigest?: BodyDigest;
  /** How messages that a rule applies to are sent on: by other recipients, or by a header. `none`: there are no rules. */
  readonly routes: 'none' | 'recipient' | 'header';
  /** Is it to be shown without rules, too, where the MTA would send each recipient? */
  readonly nextHops?: boolean;
}

/** Milter, at end of message: all that was collected. */
export interface MessageQuery {
  readonly kind: 'message';
  /** Stage END-OF-MESSAGE; the recipients that were accepted. */
  readonly transaction: Transaction;
  readonly table: PolicyTable | null;
  /** Verdicts of the accepted recipients, in order; empty when RCPT was not asked about. */
  readonly verdicts: readonly Verdict[];
  /** Collected fields in order of arrival; null when headers were not asked for at negotiation. */
  readonly headers: readonly HeaderField[] | null;
  /** What was asked for at negotiation; a table that came into force since may need to see more. */
  readonly shown: EventsAnswer['headers'];
  /** Null when the body was not asked for, or was larger than the limit. */
  readonly body: readonly Uint8Array[] | null;
  /** Digest of the body as it came, however large; null when none was asked for at negotiation. */
  readonly bodyDigest: string | null;
  /** May we replace the body? */
  readonly replacesBody: boolean;
  /** Parameters of MAIL as they came; none when there were no rules at negotiation. */
  readonly mailParameters: readonly string[];
  /** What the MTA says of its own configuration; nothing when there were no rules at negotiation. */
  readonly told: ToldByMta;
  /** Like the recipients of `transaction`, as the MTA showed them; null when that was not asked for at negotiation. */
  readonly shownRecipients: readonly RuleRecipient[] | null;
  /** Does the MTA call itself Postfix? */
  readonly postfix: boolean;
  /** What it calls itself, `Postfix 3.10.13` or `8.17.1.9`; '' when it does not say. */
  readonly mta: string;
}

export interface MessageAnswer {
  readonly kind: 'message';
  readonly verdict: Verdict;
  readonly reply: Reply | null;
  readonly holdReason: string;
  readonly edits: readonly Edit[];
  /** Edits without which the message must not be let through: where the MTA gave no right to one, it is deferred. */
  readonly routes: readonly Edit[];
}

/**
 * For each kind of question that a session asks, the function that answers it, under the same name: at once, or as work
 * that can be interrupted.
 */
export type Handlers<Query extends Named, Answer extends Named, Peer> = {
  readonly [Kind in Query['kind']]: (
    query: Of<Query, Kind>,
    peer: Peer,
  ) => Of<Answer, Kind> | Work<Of<Answer, Kind>>;
};

interface Named {
  readonly kind: string;
}

type Of<Union extends Named, Kind> = Extract<Union, { readonly kind: Kind }>;

/** One function for all kinds of questions: calls the handler that has the name of the question. */
export function handlerOf<Query extends Named, Answer extends Named, Peer>(
  handlers: Handlers<Query, Answer, Peer>,
): (query: Query, peer: Peer) => Answer | Work<Answer> {
  // TypeScript does not see that a question and the handler of its name belong together
  const byName = handlers as unknown as Readonly<
    Record<string, (query: Query, peer: Peer) => Answer | Work<Answer>>
  >;
  return (query, peer) => byName[query.kind]!(query, peer);
}
