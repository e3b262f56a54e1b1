/**
 * What a candidate table answers to a recorded transaction, by the same decision as the daemon: one answer, or the range
 * of answers that what is not recorded leaves open. Pure.
 *
 * The findings about each address are independent of each other and the strictest counts, so the range for a
 * transaction is that of its addresses, each looked at by itself.
 */
import type { EnvelopeAddress } from '../core/address.ts';
import type { TlsState } from '../core/tls.ts';
import type { Transaction } from '../core/transaction.ts';
import { type Finding, type Verdict, verdictOf } from '../core/verdict.ts';
import { decide, isPostmaster } from '../receive/decide.ts';
import type { Candidate } from './candidate.ts';
import type { Choices } from './recorded.ts';
import { otherSessions } from './sessions.ts';

/** From the least strict to the strictest. */
export const OUTCOMES = ['ok', 'tag', 'hold', 'defer', 'reject'] as const;
const OK = 0;
const DEFER = 3;
const REJECT = 4;

/** Why an answer may be one of several. */
type Doubt = 'address' | 'certificate' | 'recipients' | 'ambiguous';

/** Places in OUTCOMES, both included. */
interface Range {
  readonly least: number;
  readonly most: number;
}

export interface Answers {
  /** What rows in enforce mode do, and what those in observe mode would do. */
  readonly enforced: Range;
  readonly observed: Range;
  /** The finding that decides, if what is not recorded changes nothing. */
  readonly decisive: Finding | null;
  /** null: there is one answer. */
  readonly doubt: Doubt | null;
}

const NOTHING: Range = { least: OK, most: OK };
const ANYTHING: Range = { least: OK, most: REJECT };

/** `recipients`: null when the question was about none. */
export function judge(
  candidate: Candidate,
  transaction: Transaction,
  senders: Choices,
  recipients: Choices,
  ambiguous: boolean,
): Answers {
  const first = { ...transaction, sender: senders?.[0] ?? null, recipients: recipients?.slice(0, 1) ?? [] };
  const verdict = decide(first, candidate.table, candidate.facts);
  if (verdict.judged !== 'judged') return exactly(verdict);
  const certain = !ambiguous && senders?.length === 1 && recipients !== null && recipients.length <= 1;
  if (certain && !verdict.findings.some(asksForCertificate)) return exactly(verdict);
  return whole(possible(candidate, first, senders, recipients, ambiguous && candidate.table.judges), verdict);
}

function asksForCertificate({ row }: Finding): boolean {
  return row?.settings.receive === 'verify';
}

function exactly(verdict: Verdict): Answers {
  const [enforced, observed] = outcomesOf(verdict);
  return {
    enforced: { least: enforced, most: enforced },
    observed: { least: observed, most: observed },
    decisive: verdict.decisive,
    doubt: null,
  };
}

/** What the rows in enforce mode do, and what those in observe mode would. */
function outcomesOf({ action, tagged, wouldBe }: Verdict): [number, number] {
  const enforced = tagged ? 'tag' : action === 'accept' ? 'ok' : action;
  return [OUTCOMES.indexOf(enforced), OUTCOMES.indexOf(wouldBe ?? 'ok')];
}

type Ranges = Pick<Answers, 'enforced' | 'observed' | 'doubt'>;

function whole(ranges: Ranges, { decisive }: Verdict): Answers {
  return { ...ranges, decisive, doubt: isOne(ranges) ? null : ranges.doubt };
}

/** Is there one answer? */
function isOne({ enforced, observed }: Ranges): boolean {
  if (enforced.least !== enforced.most) return false;
  return observed.least === observed.most || observed.most <= enforced.least;
}

function possible(
  candidate: Candidate,
  transaction: Transaction,
  senders: Choices,
  recipients: Choices,
  ambiguous: boolean,
): Ranges {
  const ranges: Ranges[] = [];
  if (ambiguous) ranges.push({ enforced: ANYTHING, observed: ANYTHING, doubt: 'ambiguous' });
  const sides = [
    ['sender', senders, 'address'],
    ['recipient', recipients, recipients !== null && isAboutSeveral(recipients) ? 'recipients' : 'address'],
  ] as const;
  for (const [side, choices, doubt] of sides) {
    if (choices === null) {
      const anything = candidate.table.judges ? ANYTHING : NOTHING;
      ranges.push({
        enforced: anything,
        observed: anything,
        doubt: side === 'sender' ? doubt : 'recipients',
      });
      continue;
    }
    const of = choices.flatMap((choice) =>
      (side === 'sender' ? contextsOf(transaction, recipients) : [transaction]).map((context) =>
        ofChoice(candidate, context, side, choice),
      ),
    );
    if (of.length > 0) ranges.push(either(of, doubt));
    else if (side === 'recipient') ranges.push(ofChoice(candidate, transaction, side, null));
  }
  return ranges.reduce(strictest, { enforced: NOTHING, observed: NOTHING, doubt: null });
}

/** A sender is judged more leniently where the recipient is `<postmaster>` (decide.ts). */
function contextsOf(transaction: Transaction, recipients: Choices): Transaction[] {
  const kinds = [recipients?.find(isPostmaster), recipients?.find((one) => !isPostmaster(one))];
  const found = kinds.flatMap((one) => (one === undefined ? [] : [{ ...transaction, recipients: [one] }]));
  return found.length === 0 ? [transaction] : found;
}

/** Are there recipients of more than one domain? */
function isAboutSeveral(choices: readonly EnvelopeAddress[]): boolean {
  return choices.some(({ domain }) => domain !== choices[0]!.domain);
}

/** `choice`: null for recipients that the MTA did not name. */
function ofChoice(
  candidate: Candidate,
  transaction: Transaction,
  side: 'sender' | 'recipient',
  choice: EnvelopeAddress | null,
): Ranges {
  const { table, facts } = candidate;
  const tx: Transaction =
    choice === null
      ? transaction
      : side === 'sender'
        ? { ...transaction, sender: choice }
        : { ...transaction, recipients: [choice] };
  const rangesOf = (tls: TlsState): Ranges => {
    const { findings } = decide({ ...tx, tls }, table, facts);
    return exactly(
      verdictOf(
        findings.filter((one) => one.side === side),
        tls,
      ),
    );
  };
  const found = decide(tx, table, facts).findings.filter((one) => one.side === side);
  const sessions = found.flatMap(({ row }) => (row === null ? [] : otherSessions(tx, row)));
  const all = [tx.tls, ...sessions].map(rangesOf);
  return sessions.length === 0 ? all[0]! : either(all, 'certificate');
}

function either(ranges: readonly Ranges[], doubt: Doubt): Ranges {
  const [first] = ranges;
  if (first !== undefined && ranges.length === 1) return first;
  const enforced = span(ranges.map((one) => one.enforced));
  const observed = span(ranges.map((one) => one.observed));
  const inner = ranges.find((one) => one.doubt !== null)?.doubt ?? null;
  const joined: Ranges = { enforced, observed, doubt: inner ?? doubt };
  return isOne(joined) ? { ...joined, doubt: null } : joined;
}

function span(ranges: readonly Range[]): Range {
  return {
    least: Math.min(...ranges.map(({ least }) => least)),
    most: Math.max(...ranges.map(({ most }) => most)),
  };
}

/** Both apply: the strictest counts. */
export function strictest(one: Ranges, other: Ranges): Ranges {
  return {
    enforced: both(one.enforced, other.enforced),
    observed: both(one.observed, other.observed),
    doubt: one.doubt ?? other.doubt,
  };
}

function both(one: Range, other: Range): Range {
  return { least: Math.max(one.least, other.least), most: Math.max(one.most, other.most) };
}

/** `refused`, `not`, or `open` when both may be. */
export function refuses({ enforced }: Pick<Answers, 'enforced'>): 'refused' | 'not' | 'open' {
  if (enforced.least >= DEFER) return 'refused';
  return enforced.most < DEFER ? 'not' : 'open';
}

export { isOne };
