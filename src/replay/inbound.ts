/**
 * Recorded answers about mail on its way in, judged again by the candidate. Pure, one record at a time.
 *
 * Counted are messages per recipient. With a policy service and a milter there are several answers about one of them:
 * a later one about the same message takes the place of the answer that accepted the recipient, unless that one would
 * have refused it already.
 */
import type { VerdictEvidence } from '../evidence/record.ts';
import type { Candidate } from './candidate.ts';
import type { Changes, Counted, Kind, Message } from './changes.ts';
import { type Answers, isOne, judge, OUTCOMES, refuses, strictest } from './judge.ts';
import { recipientsOf, senderOf, type ToldRecipient, transactionOf } from './recorded.ts';

/** Answers that accepted a recipient and may have a later one; some 300 bytes each. */
const MAX_OPEN = 50_000;
/** Of a message, from its first recipient to its end. */
const MESSAGE_MS = 3_600_000;
/** Codes of answers that the same table would not have given. */
const MAX_CONTRADICTIONS = 20;
const NOTHING_SAID: Answers = {
  enforced: { least: 0, most: 0 },
  observed: { least: 0, most: 0 },
  decisive: null,
  doubt: null,
};

interface Open {
  readonly time: number;
  readonly counted: Counted;
  /** The candidate would have refused it. */
  readonly refused: boolean;
  /** An earlier one of the same sender and recipient. */
  readonly earlier: Open | undefined;
}

/** A recipient and what the candidate says of it. */
interface Judged {
  readonly recipient: ToldRecipient | null;
  readonly count: number;
  readonly answers: Answers;
}

export class Inbound {
  /** Answers about mail that is never judged: of this host itself, or without mail. */
  inside = 0;
  /** Answers of the very table that is the candidate which it would not give again: a mistake of tlsward. */
  contradicted = 0;
  readonly contradictions: string[] = [];
  readonly #candidate: Candidate;
  readonly #changes: Changes;
  readonly #open = new Map<string, Open>();

  constructor(candidate: Candidate, changes: Changes) {
    this.#candidate = candidate;
    this.#changes = changes;
  }

  /** `place`: where the record is from; answers are put together only within one. */
  add(record: VerdictEvidence, place: string): void {
    if (record.notJudged !== undefined && record.notJudged !== 'trusted-client') {
      this.inside++;
      return;
    }
    const transaction = transactionOf(record);
    const senders = senderOf(record, this.#candidate);
    const told = recipientsOf(record, this.#candidate);
    const ambiguous = record.ambiguous === true;
    const judgeOne = (recipient: ToldRecipient | null): Judged => ({
      recipient,
      count: recipient?.count ?? 1,
      answers: judge(
        this.#candidate,
        transaction,
        senders,
        recipient === null ? [] : recipient.choices,
        ambiguous,
      ),
    });
    const judged = told.length === 0 ? [judgeOne(null)] : told.map(judgeOne);
    const later = isLater(record);
    const waiting = later ? judged.filter((one) => !this.#replaced(record, place, one)) : judged;
    const counted = this.#compare(record, waiting);
    if (!later && record.stage === 'RCPT' && isAccepted(record))
      this.#remember(record, place, judged, counted);
  }

  /**
   * Takes back what an earlier answer about this recipient counted; true when that one counts, because the candidate
   * would have refused the recipient there.
   */
  #replaced(record: VerdictEvidence, place: string, { recipient }: Judged): boolean {
    const key = recipient === null ? null : keyOf(record, place, recipient);
    const open = key === null ? undefined : this.#open.get(key);
    if (key === null || open === undefined) return false;
    if (open.earlier === undefined) this.#open.delete(key);
    else this.#open.set(key, open.earlier);
    if (Date.parse(record.time) - open.time > MESSAGE_MS) return false;
    if (!open.refused) this.#changes.takeBack(open.counted);
    return open.refused;
  }

  #remember(
    record: VerdictEvidence,
    place: string,
    judged: readonly Judged[],
    counted: Counted | null,
  ): void {
    const [one] = judged;
    const key = one?.recipient == null ? null : keyOf(record, place, one.recipient);
    if (key === null || one === undefined || counted === null) return;
    const refused = refuses(one.answers) === 'refused';
    const earlier = this.#open.get(key);
    this.#open.delete(key);
    const time = Date.parse(record.time);
    const kept = earlier !== undefined && time - earlier.time <= MESSAGE_MS ? earlier : undefined;
    this.#open.set(key, { time, counted, refused, earlier: kept });
    if (this.#open.size <= MAX_OPEN) return;
    for (const oldest of this.#open.keys()) {
      this.#open.delete(oldest);
      break;
    }
  }

  /** Counts the difference; the result is that of the only recipient. */
  #compare(record: VerdictEvidence, judged: readonly Judged[]): Counted | null {
    const [one] = judged;
    if (one === undefined) return null;
    if (judged.length === 1) return this.#compareOne(record, one.answers, one.count);
    const count = judged.reduce((sum, { count }) => sum + count, 0);
    const all = together(judged);
    if (isSame(record, all)) return this.#changes.unchanged('in', count);
    if (record.table.hash === this.#candidate.table.hash) return this.#compareOne(record, all, count);
    if (!isAccepted(record)) {
      for (const { answers, count } of judged) this.#compareOne(record, answers, count);
      return null;
    }
    // each recipient would have been answered by itself; the message goes on with the others
    const rest: Judged[] = [];
    for (const each of judged) {
      if (refuses(each.answers) === 'not') rest.push(each);
      else this.#compareOne(record, each.answers, each.count);
    }
    const left = rest.reduce((sum, { count }) => sum + count, 0);
    if (left > 0) this.#compareOne(record, together(rest), left);
    return null;
  }

  #compareOne(record: VerdictEvidence, answers: Answers, count: number): Counted | null {
    const changes = this.#changes;
    const sameTable = record.table.hash === this.#candidate.table.hash;
    const message = messageOf(record);
    const before = OUTCOMES.indexOf(outcomeOf(record));
    if (answers.doubt !== null)
      return sameTable ? changes.unchanged('in', count) : changes.unknown(message, answers.doubt, count);
    // a rule of the table of that time may have had the last word
    const byRule = record.rule !== undefined && record.action !== 'accept';
    const after = answers.enforced.least;
    if (byRule && after <= before) {
      if (after === before || sameTable) return changes.unchanged('in', count);
      return changes.unknown(message, 'rule', count);
    }
    if (isSame(record, answers)) return changes.unchanged('in', count);
    if (sameTable) {
      this.contradicted += count;
      if (this.contradictions.length < MAX_CONTRADICTIONS) this.contradictions.push(record.code);
      return null;
    }
    const kind = kindOf(record, after);
    const words: [string, string] = [wordsOf(recordedOf(record)), wordsOf(answers)];
    return changes.changed(message, kind, ...words, answers.decisive, count);
  }
}

/** What comes of all of them together. */
function together(judged: readonly Judged[]): Answers {
  let all: Answers = NOTHING_SAID;
  for (const { answers } of judged) {
    const next = strictest(all, answers);
    const decides = answers.enforced.least > all.enforced.least || all.decisive === null;
    all = { ...next, decisive: decides ? answers.decisive : all.decisive };
  }
  return { ...all, doubt: isOne(all) ? null : (all.doubt ?? 'address') };
}

/** An answer that may be about recipients that were accepted before. */
function isLater({ protocol, stage }: VerdictEvidence): boolean {
  return protocol === 'milter' || stage === 'DATA' || stage === 'END-OF-MESSAGE';
}

function isAccepted({ action }: VerdictEvidence): boolean {
  return action === 'accept' || action === 'hold';
}

function keyOf(
  { client = '', sender = '', host }: VerdictEvidence,
  place: string,
  { text }: ToldRecipient,
): string | null {
  return text === '' ? null : `${place}\n${host}\n${client}\n${sender}\n${text}`;
}

function outcomeOf({ action, tagged }: VerdictEvidence): (typeof OUTCOMES)[number] {
  if (action === 'accept') return tagged === true ? 'tag' : 'ok';
  return action;
}

function recordedOf(record: VerdictEvidence): Answers {
  const enforced = OUTCOMES.indexOf(outcomeOf(record));
  const observed = OUTCOMES.findIndex((word) => word === (record.would ?? 'ok'));
  return {
    enforced: { least: enforced, most: enforced },
    observed: { least: observed, most: observed },
    decisive: null,
    doubt: null,
  };
}

function isSame(record: VerdictEvidence, answers: Answers): boolean {
  return isOne(answers) && wordsOf(recordedOf(record)) === wordsOf(answers);
}

function kindOf(record: VerdictEvidence, after: number): Kind {
  const word = OUTCOMES[after]!;
  const action = word === 'ok' || word === 'tag' ? 'accept' : word;
  if (action === record.action) return 'observed';
  return action === 'reject'
    ? 'rejected'
    : action === 'defer'
      ? 'deferred'
      : action === 'hold'
        ? 'held'
        : 'accepted';
}

/** `accept`, `accept, tagged`, `accept (would reject)`. */
function wordsOf({ enforced, observed }: Answers): string {
  const word = OUTCOMES[enforced.least]!;
  const said = word === 'ok' ? 'accept' : word === 'tag' ? 'accept, tagged' : word;
  return observed.least > enforced.least ? `${said} (would ${OUTCOMES[observed.least]})` : said;
}

function messageOf(record: VerdictEvidence): Message {
  const { sender, senderDomain, code, time, host } = record;
  const partner = senderDomain ?? (sender === '<>' ? '<>' : '');
  return { way: 'in', partner, time, example: code, host };
}
