/**
 * The questions that the mail protocols put to the core and the answers they get. The driver's handler turns one into
 * the other (`src/net/judge.ts`); sessions only ever see these types.
 */
import type { PolicyTable } from '../core/table.ts';
import type { Transaction } from '../core/transaction.ts';
import type { Verdict } from '../core/verdict.ts';
import type { Reply } from '../core/words.ts';

export interface JudgeQuery {
  readonly transaction: Transaction;
  /** The table this transaction is decided by; null at its first question, then what the answer gave. */
  readonly table: PolicyTable | null;
  /** What joins the questions of one transaction in the policy protocol (`instance`); '' where the session holds state. */
  readonly instance: string;
}

export interface JudgeAnswer {
  readonly verdict: Verdict;
  readonly table: PolicyTable;
  /** What `tlsward lookup` finds again; part of every reply text. */
  readonly code: string;
  /** The SMTP reply when the verdict's action is defer or reject; null otherwise. */
  readonly reply: Reply | null;
  /** Why a held message is held, one printable line; '' otherwise. */
  readonly holdReason: string;
}
