/**
 * Verdicts to messages per recipient on their way in. Pure, one verdict at a time.
 *
 * An MTA may ask several times about one recipient: the policy service at RCPT for each recipient, at DATA or
 * END-OF-MESSAGE for all of them, and a milter at the end of the message. An answer about the whole message replaces
 * what was accepted of it before: answers with the same queue id, and answers without one (Postfix has none yet for
 * the first recipient) of the same connection, or, where no port is known, about the same client, sender and recipient
 * within an hour. Refused recipients, and messages that were put off, count as attempts, each by itself: nobody knows
 * which of them are the same mail.
 *
 * What is open is held for an hour, in bounded maps; then it counts as it stands.
 */
import { isLoopback } from '../core/network.ts';
import type { VerdictEvidence } from '../evidence/record.ts';
import { domainOf } from '../trace/recordKeys.ts';
import { verdictCause } from './causes.ts';
import type { OpenItem } from './dayTally.ts';
import { cipherOf, type Item, type ItemRow, levelOf } from './item.ts';
import { keyOf } from './keyOf.ts';
import { dropOldest, keptOf } from './oldest.ts';

const SESSION_MS = 3_600_000;
/** Messages that are held, and answers without a queue id. */
const MAX_OPEN = 50_000;
/** Before and after midnight: what one day leaves to the next. */
const CROSS_MS = 600_000;
const MAX_CROSS = 2000;
/** Answers about one message or connection that are looked through for a recipient. */
const MAX_LOOK = 1000;
const EXPIRE_MS = 300_000;
const NONE: readonly never[] = [];
/** Rows that are held as one object each. */
const MAX_ROWS = 20_000;

/** An accepted recipient, or a whole message. */
interface Answer {
  readonly item: Item;
  readonly time: number;
  readonly recipient: string;
  readonly protocol: string;
  /** By what it is found without a queue id. */
  readonly loose: string;
  /** Counted, or replaced. */
  gone: boolean;
}

interface Message {
  time: number;
  /** Accepted, by recipient; those that `privacy` does not tell apart stand in `more`. */
  recipients: Map<string, Answer> | null;
  more: Answer[];
  /** The last answer about all of it; `final`: nothing follows it. */
  whole: { readonly item: Item; readonly time: number; readonly final: boolean } | null;
}

/** Answers in order of time, of which those before `first` are gone. */
interface Loose {
  readonly answers: Answer[];
  first: number;
}

export class Inbound {
  readonly #settle: (item: Item) => void;
  readonly #beginMs: number;
  readonly #endMs: number;
  readonly #messages = new Map<string, Message>();
  /** Without a queue id, by connection or addresses. */
  readonly #loose = new Map<string, Loose>();
  #order: Answer[] = [];
  #first = 0;
  /** Answers in `#order` that were replaced. */
  #gone = 0;
  readonly #rows = new Map<string, ItemRow>();
  readonly #early = new Set<string>();
  #cut = false;
  #expired = 0;

  /** `day`: of the file; `settle`: takes what counts. */
  constructor(day: string, settle: (item: Item) => void) {
    this.#settle = settle;
    this.#beginMs = Date.parse(`${day}T00:00:00Z`);
    this.#endMs = this.#beginMs + 86_400_000;
  }

  add(verdict: VerdictEvidence): void {
    const { stage, action, queueId, recipientCount } = verdict;
    const time = Date.parse(verdict.time);
    this.#expire(time - SESSION_MS);
    const whole = stage === 'DATA' || stage === 'END-OF-MESSAGE';
    const took = action === 'accept' || action === 'hold';
    // at MAIL nothing is known of recipients: they are asked about later, unless it was refused
    if (!whole && took && recipientCount === 0) return;
    if (verdict.notJudged === 'no-mail') return;
    const key = queueId === undefined ? '' : `${verdict.host}\n${queueId}`;
    const loose = looseOf(verdict);
    if (whole) this.#whole(verdict, key, loose, time);
    else if (took) this.#recipient(verdict, key, loose, time);
    else {
      this.#refusedLater(verdict, key, loose);
      this.#settle(this.#item(verdict, Math.max(1, recipientCount)));
    }
  }

  /** An accepted recipient. */
  #recipient(verdict: VerdictEvidence, key: string, loose: readonly string[], time: number): void {
    const [recipient = ''] = verdict.recipients;
    const { protocol, recipientCount } = verdict;
    const answer: Answer = {
      item: this.#item(verdict, recipientCount),
      time,
      recipient,
      protocol,
      loose: loose[0] ?? '',
      gone: false,
    };
    if (key === '') {
      this.#hold(answer);
      const known = this.#loose.get(answer.loose);
      if (known === undefined) this.#loose.set(answer.loose, { answers: [answer], first: 0 });
      else known.answers.push(answer);
      return;
    }
    const message = this.#message(key, time);
    // `@bank.example` may be any of them
    if (recipient === '' || recipient.startsWith('@')) message.more.push(answer);
    else {
      message.recipients ??= new Map();
      message.recipients.set(recipient, answer);
    }
  }

  #whole(verdict: VerdictEvidence, key: string, loose: readonly string[], time: number): void {
    const before = key === '' ? undefined : this.#messages.get(key);
    let counted = (before?.recipients?.size ?? 0) + (before?.more.length ?? 0);
    counted = Math.max(counted, before?.whole?.item.count ?? 0);
    const taken = loose.flatMap((name) => this.#takeLoose(name, verdict));
    counted += taken.length;
    // Postfix does not say at DATA how many recipients a message has
    const count = verdict.recipientCount > 0 ? verdict.recipientCount : Math.max(1, counted);
    const item = this.#item(verdict, count);
    if (before === undefined && taken.length === 0 && time < this.#beginMs + CROSS_MS)
      this.#foundEarly(key === '' ? loose : [key, ...loose]);
    // Postfix asks a milter last of all, so that nothing of the message follows
    const last = verdict.protocol === 'milter' && verdict.stage === 'END-OF-MESSAGE';
    if (key === '' || last) {
      this.#messages.delete(key);
      this.#settle(item);
      return;
    }
    const message = this.#message(key, time);
    message.recipients = null;
    message.more = [];
    message.whole = { item, time, final: verdict.stage === 'END-OF-MESSAGE' };
  }

  /** What it replaces may stand in the day before. */
  #foundEarly(names: readonly string[]): void {
    if (this.#early.size >= MAX_CROSS) this.#cut = true;
    else for (const name of names) this.#early.add(keyOf(name));
  }

  /** A recipient that one interface accepted and another refuses afterwards. */
  #refusedLater({ recipients, protocol }: VerdictEvidence, key: string, loose: readonly string[]): void {
    const [recipient] = recipients;
    if (recipient === undefined) return;
    const other = (answer: Answer): boolean =>
      !answer.gone && answer.recipient === recipient && answer.protocol !== protocol;
    const message = key === '' ? undefined : this.#messages.get(key);
    const known = message?.recipients?.get(recipient);
    if (known !== undefined && other(known)) message!.recipients!.delete(recipient);
    else if (message !== undefined && takeLast(message.more, other)) return;
    else
      for (const name of loose)
        if (hideLast(this.#loose.get(name)?.answers ?? NONE, other)) {
          this.#gone++;
          return;
        }
  }

  /**
   * Accepted answers without a queue id that a whole message replaces: all of its connection, which has one message at
   * a time, or the last one about a recipient.
   */
  #takeLoose(name: string, { clientPort }: VerdictEvidence): Answer[] {
    const known = this.#loose.get(name);
    if (known === undefined) return [];
    const taken: Answer[] = [];
    while (known.answers.length > known.first && (clientPort !== undefined || taken.length === 0)) {
      const answer = known.answers.pop()!;
      if (answer.gone) continue;
      answer.gone = true;
      taken.push(answer);
    }
    if (known.answers.length <= known.first) this.#loose.delete(name);
    this.#gone += taken.length;
    if (this.#gone > 1000 && 2 * this.#gone > this.#order.length) {
      this.#order = this.#order.slice(this.#first).filter(({ gone }) => !gone);
      this.#first = 0;
      this.#gone = 0;
    }
    return taken;
  }

  #message(key: string, time: number): Message {
    const message = this.#messages.get(key) ?? { time, recipients: null, more: [], whole: null };
    message.time = time;
    this.#messages.delete(key);
    this.#messages.set(key, message);
    if (this.#messages.size > MAX_OPEN)
      dropOldest(
        this.#messages,
        (_, left) => left > keptOf(MAX_OPEN),
        (old) => this.#count(old),
      );
    return message;
  }

  /** It counts as it stands. */
  #count({ recipients, more, whole }: Message): void {
    for (const { item } of recipients?.values() ?? NONE) this.#settle(item);
    for (const { item } of more) this.#settle(item);
    if (whole !== null) this.#settle(whole.item);
  }

  #hold(answer: Answer): void {
    this.#order.push(answer);
    if (this.#order.length - this.#first > MAX_OPEN) this.#release();
  }

  /** The oldest answer without a queue id counts as it stands. */
  #release(): void {
    const answer = this.#order[this.#first]!;
    this.#first++;
    if (2 * this.#first > this.#order.length && this.#first > 1000) {
      this.#order.splice(0, this.#first);
      this.#first = 0;
    }
    if (answer.gone) {
      this.#gone--;
      return;
    }
    answer.gone = true;
    this.#settle(answer.item);
    const known = this.#loose.get(answer.loose);
    if (known === undefined) return;
    while (known.answers[known.first]?.gone === true) known.first++;
    if (known.first >= known.answers.length) this.#loose.delete(answer.loose);
  }

  #expire(before: number): void {
    while (this.#first < this.#order.length && this.#order[this.#first]!.time < before) this.#release();
    if (before < this.#expired + EXPIRE_MS) return;
    this.#expired = before;
    dropOldest(
      this.#messages,
      ({ time }) => time < before,
      (old) => this.#count(old),
    );
  }

  /** Ends the day: what may go on is returned, the rest counts. */
  finish(): { readonly open: readonly OpenItem[]; readonly early: readonly string[]; readonly cut: boolean } {
    const left: { readonly key: string; readonly item: Item; readonly time: number }[] = [];
    for (const [key, { recipients, more, whole }] of this.#messages) {
      for (const { item, time } of recipients?.values() ?? NONE) left.push({ key, item, time });
      for (const { item, time } of more) left.push({ key, item, time });
      if (whole?.final === true) this.#settle(whole.item);
      else if (whole != null) left.push({ key, item: whole.item, time: whole.time });
    }
    for (const { loose: key, item, time, gone } of this.#order.slice(this.#first))
      if (!gone) left.push({ key, item, time });
    const open = left.filter(({ time }) => Math.abs(time - this.#endMs) <= CROSS_MS);
    const cut = open.splice(0, Math.max(0, open.length - MAX_CROSS));
    this.#cut ||= cut.length > 0;
    const goesOn = new Set(open);
    for (const one of left) if (!goesOn.has(one)) this.#settle(one.item);
    return {
      open: open.map(({ key, item }) => ({ key: keyOf(key), item })),
      early: [...this.#early],
      cut: this.#cut,
    };
  }

  #item(verdict: VerdictEvidence, count: number): Item {
    const { action, client = '', code, tls, time, row } = verdict;
    const took = action === 'accept' || action === 'hold';
    const level = levelOf(tls);
    const required = row !== undefined && (row.level === 'encrypt' || row.level === 'verify');
    const broken = verdict.would !== undefined || verdict.tagged === true || verdict.breach !== undefined;
    const kept = required && !broken && level !== 'plain' && level !== 'unknown';
    const inside = verdict.notJudged !== undefined || isLoopback(client);
    const outcome = inside ? 'inside' : took ? 'travelled' : action === 'defer' ? 'putOff' : 'refused';
    return {
      way: 'in',
      domain: senderOf(verdict),
      count,
      outcome,
      level,
      verified: tls.certificate === 'trusted' && level !== 'plain',
      required: required && !inside,
      kept,
      row: row === undefined ? null : this.#row(row),
      cause: inside || (took && (kept || !required)) ? '' : causeOf(verdict, level),
      time,
      example: code,
      peer: client,
      cipher: took && !inside ? cipherOf(tls) : '',
    };
  }

  #row({ pattern, at, level, mode }: NonNullable<VerdictEvidence['row']>): ItemRow {
    const key = `${pattern}\n${at}\n${level}\n${mode}`;
    const known = this.#rows.get(key);
    if (known !== undefined) return known;
    const row = { pattern, at, level, mode };
    if (this.#rows.size < MAX_ROWS) this.#rows.set(key, row);
    return row;
  }
}

function causeOf(verdict: VerdictEvidence, level: Item['level']): string {
  const cause = verdictCause(verdict);
  if (cause !== '') return cause;
  return level === 'plain' ? 'plaintext' : level === 'unknown' ? 'TLS not reported by the MTA' : 'let pass';
}

/** Takes the last one of which it is true out of the list. */
function takeLast(list: Answer[], fits: (answer: Answer) => boolean): boolean {
  for (let i = list.length - 1; i >= Math.max(0, list.length - MAX_LOOK); i--)
    if (fits(list[i]!)) {
      list.splice(i, 1);
      return true;
    }
  return false;
}

/** The same for a list whose order others rely on. */
function hideLast(list: readonly Answer[], fits: (answer: Answer) => boolean): boolean {
  for (let i = list.length - 1; i >= Math.max(0, list.length - MAX_LOOK); i--)
    if (fits(list[i]!)) {
      list[i]!.gone = true;
      return true;
    }
  return false;
}

/** '<>' is the null sender, '' none that is known. */
function senderOf({ sender, senderDomain }: VerdictEvidence): string {
  if (senderDomain !== undefined) return senderDomain;
  return sender === '<>' ? sender : sender === undefined ? '' : domainOf(sender);
}

/** By what answers without a queue id are found: the connection, or each recipient from this client and sender. */
function looseOf({ host, client = '', clientPort, sender = '', recipients }: VerdictEvidence): string[] {
  if (clientPort !== undefined) return [`${host}\n${client}\n${clientPort}`];
  const found = new Set<string>();
  for (const recipient of recipients) found.add(`${host}\n${client}\n${sender}\n${recipient}`);
  return [...found];
}
