/**
 * The questions of the mail protocols, and their answers. The handler with the name of the question answers
 * it (`src/daemon/verdictService.ts`); sessions know only these types.
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
  /** The table that decides this transaction; null in its first question, then that of the first answer. */
  readonly table: PolicyTable | null;
  /**
   * Identifies the questions of one transaction in the policy protocol (`instance`); '' if the session has
   * state.
   */
  readonly instance: string;
  /** Verdict of an earlier recipient of the message, by `table`. */
  readonly before?: Verdict | null;
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
  /** Milter: for this sender and recipient nothing would be read in the body or changed in it. */
  readonly ignoresBody?: true;
  /** Policy service: ask Postfix for REQUIRETLS (RFC 8689) for the message. */
  readonly requireTls?: true;
}

/** The digest of a body so far; `with` returns a new value that includes one more chunk. */
export interface BodyDigest {
  with(chunk: Uint8Array): BodyDigest;
  /** The digest if the body ends here. */
  value(): string;
}

/** Milter, at negotiation: what does the table in use need? */
export interface EventsQuery {
  readonly kind: 'events';
  /** What this MTA does not offer, as text; empty when it offers everything. */
  readonly missing: readonly string[];
  /** May a filter add and delete recipients? */
  readonly changesRecipients: boolean;
}

export interface EventsAnswer {
  readonly kind: 'events';
  /** Can a row refuse, so that RCPT must be answered? */
  readonly judges: boolean;
  /** Header fields to collect: none, those with these lower-case names, or all. */
  readonly headers: 'none' | 'all' | readonly string[];
  /** Most bytes of the body to keep; 0: the body is not needed. */
  readonly bodyLimitBytes: number;
  /** The digest of an empty body, if a digest of every body is needed, whatever its size. */
  readonly bodyDigest?: BodyDigest;
  /**
   * How messages that a rule applies to are sent on: by other recipients, or by a header. `none`: there are
   * no rules.
   */
  readonly routes: 'none' | 'recipient' | 'header';
  /** Is the route of each recipient needed even without rules? */
  readonly nextHops?: boolean;
}

/** Milter, at end of message: all that was collected. */
export interface MessageQuery {
  readonly kind: 'message';
  /** Stage END-OF-MESSAGE; the recipients that were accepted. */
  readonly transaction: Transaction;
  readonly table: PolicyTable | null;
  /** Verdicts of the accepted recipients, in order; empty if RCPT was not judged. */
  readonly verdicts: readonly Verdict[];
  /** Collected fields in order of arrival; null if headers were not requested at negotiation. */
  readonly headers: readonly HeaderField[] | null;
  /** What was requested at negotiation; a table that has come into force since may need more. */
  readonly shown: EventsAnswer['headers'];
  /** Null if the body was not requested, or was larger than the limit. */
  readonly body: readonly Uint8Array[] | null;
  /** Digest of the body as received, of any size; null if none was requested at negotiation. */
  readonly bodyDigest: string | null;
  /** May we replace the body? */
  readonly replacesBody: boolean;
  /** Parameters of MAIL as received; none if there were no rules at negotiation. */
  readonly mailParameters: readonly string[];
  /** What the MTA reports about its configuration; nothing if there were no rules at negotiation. */
  readonly told: ToldByMta;
  /** The recipients of `transaction` as the MTA sent them; null if that was not requested at negotiation. */
  readonly shownRecipients: readonly RuleRecipient[] | null;
  /** Does the MTA call itself Postfix? */
  readonly postfix: boolean;
  /** Its name and version, `Postfix 3.10.13` or `8.17.1.9`; '' if unknown. */
  readonly mta: string;
}

export interface MessageAnswer {
  readonly kind: 'message';
  readonly verdict: Verdict;
  readonly reply: Reply | null;
  readonly holdReason: string;
  readonly edits: readonly Edit[];
  /** Edits without which the message must not pass: if one was not granted at negotiation, it is deferred. */
  readonly routes: readonly Edit[];
}

/**
 * For each kind of question that a session asks, the function that answers it, under the same name: at once,
 * or as work that can be interrupted.
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
