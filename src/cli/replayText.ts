/** What a replay found, as lines and as JSON. */
import { escapeText } from '../core/escape.ts';
import { count } from '../core/plural.ts';
import { type Group, KINDS, type Kind } from '../replay/changes.ts';
import { tableLines } from '../trace/textTable.ts';
import { type Io, label, paint } from './command.ts';
import { judgedIn, type TriedTable } from './replayLoaded.ts';

/** Lines of one kind that are printed; JSON has all. */
const MAX_LINES = 40;

const HEADINGS: Readonly<Record<Kind | 'unknown', string>> = {
  rejected: 'newly rejected',
  deferred: 'newly put off',
  waits: 'would have waited',
  held: 'newly held',
  accepted: 'newly accepted',
  observed: 'accepted as before, and observed or tagged otherwise',
  unknown: 'cannot be told',
};

/** Why the records do not tell. */
const UNKNOWN: Readonly<Record<string, string>> = {
  address: 'rows for single addresses may apply, and local parts are not recorded',
  recipients: 'not all recipients are named',
  certificate: 'issuer or digests of the client certificate are not recorded',
  ambiguous: 'an address may mean another one',
  rule: 'a rule may have decided',
  published: 'depends on what the domain publishes',
  tls: 'how it left is not known',
  cipher: 'another cipher might have been chosen',
  'server certificate': "the server's certificate was not compared in this way",
  'mta level': 'no row answers any more: the level of the MTA itself decides',
  'next hop': 'the next hop is not recorded',
};

/** For a terminal. */
export function* replayLines(tried: TriedTable, io: Io): Generator<string> {
  const { file, hash, rows, rules, range, partner, result } = tried;
  const { totals, records, gaps, missing, unreadable } = result;
  yield `${label('candidate')}${escapeText(file, 300)}, ${count(rows, 'row')}, ${hash.slice(0, 12)}`;
  const only = partner === null ? '' : `, only ${partner}`;
  yield `${label('records')}${range.from} to ${range.to}${only}: ${count(records, 'record')}`;
  for (const [way, name] of [
    ['in', 'came'],
    ['out', 'left'],
  ] as const) {
    const { unchanged, changed, unknown } = totals[way];
    yield `${label(name)}${unchanged} unchanged, ${changed} different, ${unknown} cannot be told`;
  }
  for (const kind of [...KINDS, 'unknown'] as const) {
    const groups = result.groups.filter((one) => one.kind === kind);
    if (groups.length === 0) continue;
    const sum = groups.reduce((all, one) => all + one.count, 0);
    const bad = kind === 'rejected' || kind === 'deferred' || kind === 'waits';
    yield '';
    yield paint(io, bad && sum > 0 ? 'red' : 'bold', `${HEADINGS[kind]}: ${sum}`);
    for (const line of tableLines(
      COLUMNS[kind === 'unknown' ? 'unknown' : 'changed'],
      groups.slice(0, MAX_LINES).map(cellsOf),
    ))
      yield `  ${line}`;
    if (groups.length > MAX_LINES) yield `  and ${groups.length - MAX_LINES} more; --json has all`;
  }
  yield '';
  if (rules > 0)
    yield `${count(rules, 'rule')} of the candidate not replayed: a rule needs the message itself`;
  if (result.attempts > 0)
    yield `${count(result.attempts, 'attempt')} to deliver that did not succeed not judged: there was no session to judge`;
  if (gaps > 0)
    yield `${count(gaps, 'gap')} in the records${missing > 0 ? `, at least ${count(missing, 'record')} missing` : ''}: what is missing is not judged`;
  if (unreadable > 0)
    yield paint(
      io,
      'red',
      `${count(unreadable, 'line')} of the records cannot be read: tlsward evidence verify`,
    );
  if (result.contradicted > 0)
    yield paint(
      io,
      'red',
      `${count(result.contradicted, 'answer')} of this very table would now be another one, which is a mistake of tlsward: ${result.contradictions.join(' ')}`,
    );
  yield closing(tried);
}

/** What is not known is no part of the answer, and is said with it. */
function closing(tried: TriedTable): string {
  const { stopped, totals, unreadable } = tried.result;
  if (judgedIn(tried) === 0) return 'nothing can be told: no record could be judged';
  const said = stopped === 0 ? 'nothing more' : count(stopped, 'message more', 'messages more');
  const open = [
    ...counted(totals.in.unknown + totals.out.unknown, 'message'),
    ...counted(unreadable, 'line'),
  ].join(' and ');
  const rest = open === '' ? '' : `, of what can be told; ${open} cannot be told`;
  return `${said} would have been refused or kept waiting${rest}`;
}

function counted(n: number, word: string): string[] {
  return n === 0 ? [] : [count(n, word)];
}

const COLUMNS = {
  changed: ['partner', 'count', 'was', 'would be', 'because', 'row', 'example'],
  unknown: ['partner', 'way', 'count', 'because', 'example'],
} as const;

function cellsOf({
  partner,
  kind,
  way,
  before,
  after,
  row,
  at,
  why,
  count: number,
  example,
}: Group): string[] {
  const name = partner === '' ? '-' : partner;
  if (kind === 'unknown') return [name, way, String(number), UNKNOWN[why] ?? why, example];
  return [name, String(number), before, after, why, row === '' ? '' : `${row} (${at})`, example];
}

/** The fields are in contrib/doc/json.md. */
export function replayJson(tried: TriedTable): object {
  const { file, hash, rows, rules, range, partner, result } = tried;
  const { groups, totals, ...counts } = result;
  return {
    ok: result.stopped === 0 && result.unreadable === 0 && judgedIn(tried) > 0,
    table: file,
    hash,
    rows,
    rules,
    ...range,
    partner,
    ...counts,
    in: totals.in,
    out: totals.out,
    changes: groups.filter(({ kind }) => kind !== 'unknown'),
    unknown: groups
      .filter(({ kind }) => kind === 'unknown')
      .map(({ kind: _, before, after, row, at, ...rest }) => rest),
  };
}
