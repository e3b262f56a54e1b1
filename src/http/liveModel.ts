/**
 * What the live page says, as texts: the sentence on top, the figures and the tables. The page is made from it once,
 * and every two seconds a stream sends it again. Pure.
 */
import { count } from '../core/plural.ts';
import { type LiveFacts, notReady } from './liveFacts.ts';
import type { WaitingFacts } from './waitingMail.ts';

/** A text, or one that names harm. */
export type Cell = string | { readonly bad: string };

interface Figure {
  readonly id: string;
  readonly label: string;
  readonly value: Cell;
  /** The part of the page behind it. */
  readonly part: string;
}

export type Rows = readonly (readonly Cell[])[];

export interface LiveModel {
  readonly answer: Cell;
  readonly lead: string;
  readonly figures: readonly Figure[];
  /** Rows by the id of their table. */
  readonly tables: Readonly<Record<string, Rows>>;
}

/** Rows of one table; one more says how many are left out. */
const MAX_ROWS = 100;

/** `waiting`: null: no part about it. */
export function liveModel(facts: LiveFacts, streamsOpen: number, waiting: WaitingFacts | null): LiveModel {
  const { status } = facts;
  const { verdicts } = status;
  const all = verdicts.accept + verdicts.hold + verdicts.defer + verdicts.reject;
  return {
    answer: answerOf(facts),
    lead: `${number(all)} verdicts since ${minute(status.startedAt)}. Table ${status.table.hash.slice(0, 16)} in force since ${minute(status.table.loadedAt)}.`,
    figures: [...figuresOf(facts, all), ...waitingFigures(waiting), ...reportedFigures(facts.alarms)],
    tables: {
      attention: bounded(facts.findings, ({ text }) => [text]),
      ...(facts.alarms === null ? null : { alarms: alarmRows(facts.alarms.firing) }),
      ...(waiting === null ? null : { waiting: waitingRows(waiting, facts.collector) }),
      exceptions: bounded(facts.exceptions, (one) => exceptionRow(one, facts.today)),
      policies: bounded(facts.policies, policyRow),
      connections: connectionRows(facts, streamsOpen),
      memory: status.memory.map(({ name, used, limit }) => [name, kibibytes(used), kibibytes(limit)]),
    },
  };
}

function answerOf(facts: LiveFacts): Cell {
  const why = notReady(facts);
  if (why.length > 0) return { bad: `Not ready: ${why[0]}.` };
  const { findings, alarms } = facts;
  if (alarms !== null && alarms.firing.length > 0)
    return { bad: `${count(alarms.firing.length, 'alarm')} now.` };
  if (alarms !== null && isLate(alarms, facts.nowMs))
    return { bad: 'It serves, and nobody looks for alarms.' };
  if (findings.length > 0) return `It serves, with ${count(findings.length, 'thing')} to look at.`;
  return 'It serves, and there is nothing to look at.';
}

function figuresOf({ status, alarms, exceptions, nowMs }: LiveFacts, all: number): Figure[] {
  const { verdicts, maps, evidence, loopDelay, log, openFiles } = status;
  const refused = verdicts.reject + verdicts.defer;
  const open = sum(
    Object.entries(status.connections).flatMap(([name, one]) => (isMail(name) ? [one.open] : [])),
  );
  const figures: Figure[] = [
    { id: 'f-refused', label: 'Refused or put off', value: share(refused, all), part: 'verdicts' },
    { id: 'f-held', label: 'Held', value: share(verdicts.hold, all), part: 'verdicts' },
    {
      id: 'f-would',
      label: 'Would be refused (observe)',
      value: share(verdicts.wouldRefuse, all),
      part: 'verdicts',
    },
    { id: 'f-plain', label: 'On sessions without TLS', value: share(plainOf(status), all), part: 'verdicts' },
    { id: 'f-maps', label: 'Answers that make outbound mail wait', value: number(maps.temp), part: 'links' },
    {
      id: 'f-open',
      label: 'Connections of mail servers',
      value: `${number(open)} of ${number(openFiles.connections)}`,
      part: 'links',
    },
    { id: 'f-exceptions', label: 'Exceptions', value: number(exceptions.length), part: 'dated' },
    { id: 'f-evidence', label: 'Evidence', value: evidenceText(evidence), part: 'keeping' },
    {
      id: 'f-delay',
      label: 'Longest wait of all connections',
      value: `${loopDelay.longestMs} ms`,
      part: 'keeping',
    },
    {
      id: 'f-log',
      label: 'Lost lines of the log',
      value: log.dropped > 0 ? { bad: number(log.dropped) } : '0',
      part: 'keeping',
    },
  ];
  if (alarms !== null)
    figures.unshift({
      id: 'f-alarms',
      label: 'Alarms',
      value: alarmsValue(alarms, nowMs),
      part: 'attention',
    });
  return figures;
}

/** What a look of ten minutes ago says is history. */
const LATE_MS = 600_000;

/** Nor is a look that is yet to come one: a clock was set back. */
function isLate({ lookedAtMs }: NonNullable<LiveFacts['alarms']>, nowMs: number): boolean {
  return Math.abs(nowMs - lookedAtMs) > LATE_MS;
}

function alarmsValue(alarms: NonNullable<LiveFacts['alarms']>, nowMs: number): Cell {
  const { firing, lookedAtMs } = alarms;
  if (isLate(alarms, nowMs))
    return { bad: `nobody looked since ${minute(new Date(lookedAtMs).toISOString())}` };
  return firing.length > 0 ? { bad: number(firing.length) } : '0';
}

function isMail(protocol: string): boolean {
  return protocol !== 'control' && protocol !== 'http';
}

function plainOf({ verdictsByTls }: LiveFacts['status']): number {
  return sum(
    Object.values(verdictsByTls).map(({ plain }) => (plain === undefined ? 0 : sum(Object.values(plain)))),
  );
}

function evidenceText(evidence: LiveFacts['status']['evidence']): Cell {
  if (evidence === null) return 'none is kept';
  if (evidence.failure !== '') return { bad: 'cannot be written' };
  const gaps = evidence.gaps === 0 ? '' : `, ${count(evidence.gaps, 'gap')}`;
  const text = `${number(evidence.records)} records of ${evidence.day}${gaps}`;
  return gaps === '' ? text : { bad: text };
}

function alarmRows(alarms: NonNullable<LiveFacts['alarms']>['firing']): Rows {
  return bounded(alarms, ({ since, subject, text }) => [minute(since), subject, { bad: text }]);
}

function waitingFigures(waiting: WaitingFacts | null): Figure[] {
  if (waiting === null) return [];
  const { read } = waiting;
  const value = read === null ? 'not known' : `${number(read.recipients)} at ${clock(read.atMs)}`;
  return [{ id: 'f-waiting', label: 'Recipients that wait', value, part: 'waiting' }];
}

/** A claim of others, which is in no other figure; nothing where no report was ever read. */
function reportedFigures(alarms: LiveFacts['alarms']): Figure[] {
  if (alarms === null || alarms.reported === null) return [];
  const { reporters, successful, failed } = alarms.reported.week;
  const text = `${number(failed)} of ${number(successful + failed)}, by ${count(reporters, 'reporter')}`;
  const value = reporters === 0 ? 'no report' : failed > 0 ? { bad: text } : text;
  return [
    { id: 'f-reported', label: 'Sessions to us that others report failed, 7 days', value, part: 'attention' },
  ];
}

/** The last row says how old it is. */
function waitingRows({ read, trouble }: WaitingFacts, collector: LiveFacts['collector']): Rows {
  if (collector === null) return [['No collector has run here: tlsward collect.']];
  const late: Cell[][] =
    collector === 'absent' ? [[{ bad: 'No collector runs now: what came since is not known.' }]] : [];
  if (read === null) return [...late, [trouble === '' ? 'The records are being read.' : { bad: trouble }]];
  const { groups, others } = read;
  return [
    ...groups.map(({ domain, cause, tls, level, recipients, since }) => [
      domain === '' ? 'no domain' : domain,
      tls ? { bad: cause } : cause,
      level,
      number(recipients),
      minute(since),
    ]),
    ...(others === 0 ? [] : [[`and ${number(others)} more`]]),
    ...late,
    ...(trouble === '' ? [] : [[{ bad: trouble }]]),
    [
      `From the records at ${minute(new Date(read.atMs).toISOString())}${groups.length === 0 ? ': none was put off last.' : '.'}`,
    ],
  ];
}

/** `06:11 UTC`. */
function clock(ms: number): string {
  return `${new Date(ms).toISOString().slice(11, 16)} UTC`;
}

function exceptionRow(
  { pattern, until, changes, reason }: LiveFacts['exceptions'][number],
  today: string,
): Cell[] {
  return [pattern, until < today ? { bad: `${until}, overdue` } : until, changes.join('; '), reason];
}

function policyRow({ domain, mode, expiresAt, trouble }: LiveFacts['policies'][number]): Cell[] {
  return [domain, mode, minute(new Date(expiresAt).toISOString()), trouble === '' ? '' : { bad: trouble }];
}

function connectionRows({ status }: LiveFacts, streamsOpen: number): Cell[][] {
  return Object.entries(status.connections).map(([name, one]) => {
    const own = status.listeners.filter((listener) => listener.name === name);
    const trouble = own.find((listener) => listener.trouble !== undefined)?.trouble;
    const where = own.map(({ address }) => address).join(', ');
    const broken = one.wireErrors + one.bugs;
    const open = name === 'http' ? `${number(one.open)}, ${streamsOpen} of them streams` : number(one.open);
    return [
      name,
      trouble === undefined ? where || 'not open' : { bad: `${where}: ${trouble}` },
      open,
      number(one.messages),
      number(one.refused),
      broken > 0 ? { bad: number(broken) } : '0',
    ];
  });
}

/** Makes only the rows that are shown: there may be as many exceptions as rows in the table. */
function bounded<T>(all: readonly T[], rowOf: (one: T) => readonly Cell[]): Rows {
  const rows = all.slice(0, MAX_ROWS).map(rowOf);
  return all.length <= MAX_ROWS ? rows : [...rows, [`and ${number(all.length - MAX_ROWS)} more`]];
}

function share(part: number, whole: number): Cell {
  return whole === 0 ? number(part) : `${number(part)} of ${number(whole)}`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, one) => total + one, 0);
}

/** `2026-11-30 06:11 UTC`, of a time in ISO 8601. */
function minute(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;
}

/** `12,345`. */
function number(value: number): string {
  return value.toLocaleString('en-US');
}

function kibibytes(bytes: number): string {
  return number(Math.ceil(bytes / 1024));
}
