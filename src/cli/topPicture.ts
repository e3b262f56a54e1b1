/**
 * The picture of `tlsward top` as lines of text: figures, with whom mail was not as required, and the last verdicts, cut
 * to the size of a terminal. Pure. All text is printable ASCII, because it comes from outside and goes to a terminal.
 */
import { escapeLine } from '../core/escape.ts';
import { count } from '../core/plural.ts';
import type { StatusReply } from '../daemon/controlReplies.ts';
import { statusFindings } from '../daemon/statusFindings.ts';
import { type ShownVerdict, shownVerdict } from '../http/shownVerdict.ts';
import type { VerdictFields } from '../log/verdictFields.ts';

type Tone = 'red' | 'yellow' | 'green' | 'bold' | null;

/** A line; a tone is for all of it. */
export interface Line {
  readonly text: string;
  readonly tone: Tone;
}

/** Mail of one domain that was not as its row requires. */
interface FailingDomain {
  readonly domain: string;
  /** Refused, put off or held. */
  readonly stopped: number;
  /** Let through by rows in observe mode, or tagged. */
  readonly passed: number;
  /** ISO 8601. */
  readonly last: string;
  readonly because: string;
}

export interface Picture {
  readonly status: StatusReply;
  /** The newest first. */
  readonly verdicts: readonly ShownVerdict[];
  readonly failing: readonly FailingDomain[];
  /** Verdicts a second since the picture before; null: there is none. */
  readonly rate: number | null;
}

const WINDOW_MS = 3_600_000;

/** What the two answers of the daemon say; `before`: the picture before this, and how many seconds ago. */
export function pictureOf(
  status: StatusReply,
  fields: readonly VerdictFields[],
  nowMs: number,
  before: { readonly verdicts: number; readonly seconds: number } | null,
): Picture {
  // with domains a line says enough, and a screenshot of it may be sent on
  const verdicts = fields.map((one) => shownVerdict(one, String(one.time), 'domains'));
  const rate =
    before === null || before.seconds <= 0 ? null : (allOf(status) - before.verdicts) / before.seconds;
  return {
    status,
    verdicts,
    failing: failingOf(verdicts, nowMs),
    rate: rate === null ? null : Math.max(0, rate),
  };
}

/** Verdicts since the start. */
export function allOf({ verdicts }: StatusReply): number {
  return verdicts.accept + verdicts.hold + verdicts.defer + verdicts.reject;
}

function failingOf(verdicts: readonly ShownVerdict[], nowMs: number): FailingDomain[] {
  const found = new Map<string, FailingDomain>();
  for (const { time, action, remark, from, because } of verdicts) {
    const stopped = action === 'accept' ? 0 : 1;
    const passed = stopped === 0 && (remark === 'tagged' || remark.startsWith('observe')) ? 1 : 0;
    if (stopped + passed === 0 || nowMs - Date.parse(time) > WINDOW_MS) continue;
    const one = found.get(from) ?? { domain: from, stopped: 0, passed: 0, last: time, because };
    found.set(from, { ...one, stopped: one.stopped + stopped, passed: one.passed + passed });
  }
  return [...found.values()].sort((a, b) => b.stopped - a.stopped || b.passed - a.passed);
}

/** As many lines as there are rows; without `rows`, all there is. */
export function pictureLines(picture: Picture, columns: number, rows: number | null, nowMs: number): Line[] {
  const { status, failing, verdicts } = picture;
  const lines: Line[] = [...headLines(picture, nowMs), plain('')];
  const room = rows === null ? Number.POSITIVE_INFINITY : rows - lines.length;
  const most = Math.max(2, Math.floor(room / 3) - 2);
  lines.push({ text: 'Not as required in the last hour, of the recent verdicts', tone: 'bold' });
  if (failing.length === 0) lines.push(plain('nothing'));
  for (const one of failing.slice(0, most)) lines.push(failingLine(one, columns));
  if (failing.length > most) lines.push(plain(`and ${count(failing.length - most, 'more domain')}`));
  lines.push(plain(''), { text: verdictHead(columns), tone: 'bold' });
  const left = rows === null ? verdicts.length : Math.max(0, rows - lines.length);
  for (const one of verdicts.slice(0, left)) lines.push(verdictLine(one, columns));
  if (status.listeners.length === 0) lines.push(plain('no listener is open'));
  const cut = rows === null ? lines : lines.slice(0, rows);
  return cut.map(({ text, tone }) => ({ text: escapeLine(text, 1000).slice(0, columns), tone }));
}

function plain(text: string): Line {
  return { text, tone: null };
}

function headLines({ status, rate }: Picture, nowMs: number): Line[] {
  const { verdicts, maps, table, evidence, loopDelay, openFiles } = status;
  const findings = statusFindings(status);
  const uptime = span((nowMs - Date.parse(status.startedAt)) / 1000);
  const open = Object.entries(status.connections).map(([name, one]) => `${name} ${one.open}`);
  const perSecond = rate === null ? '' : `, ${rate.toFixed(1)}/s`;
  return [
    {
      text: `tlsward ${status.version}  ${new Date(nowMs).toISOString().slice(11, 19)} UTC  up ${uptime}  ${count(table.rows, 'row')} ${table.hash.slice(0, 8)}`,
      tone: 'bold',
    },
    findings.length === 0
      ? { text: 'serves, nothing to look at', tone: 'green' }
      : {
          text: `${count(findings.length, 'finding')} (tlsward status --check): ${findings[0]!.text}`,
          tone: 'yellow',
        },
    plain(
      `verdicts ${allOf(status)}${perSecond}: accept ${verdicts.accept}, hold ${verdicts.hold}, defer ${verdicts.defer}, reject ${verdicts.reject}; would refuse ${verdicts.wouldRefuse}, tagged ${verdicts.tagged}`,
    ),
    plain(`by TLS: ${tlsWords(status)}`),
    plain(`outbound: ok ${maps.ok}, no row ${maps.notFound}, mail waits ${maps.temp}`),
    plain(`open: ${open.join(', ')} (room for ${openFiles.connections})`),
    plain(
      `longest wait ${loopDelay.longestMs} ms, ${status.memoryMiB} MiB, evidence ${evidenceWords(evidence)}`,
    ),
  ];
}

function tlsWords({ verdictsByTls }: StatusReply): string {
  const sums = new Map<string, number>();
  for (const byTls of Object.values(verdictsByTls))
    for (const [tls, actions] of Object.entries(byTls)) {
      const sum = Object.values(actions).reduce((all, one) => all + one, 0);
      sums.set(tls, (sums.get(tls) ?? 0) + sum);
    }
  return sums.size === 0 ? 'nothing yet' : [...sums].map(([tls, sum]) => `${tls} ${sum}`).join(', ');
}

function evidenceWords(evidence: StatusReply['evidence']): string {
  if (evidence === null) return 'is not kept';
  if (evidence.failure !== '') return `cannot be written: ${evidence.failure}`;
  return count(evidence.records, 'record');
}

/** `3 h 12 min`. */
function span(seconds: number): string {
  const minutes = Math.max(0, Math.floor(seconds / 60));
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d`;
}

function failingLine({ domain, stopped, passed, last, because }: FailingDomain, columns: number): Line {
  const width = Math.max(16, Math.min(32, columns - 44));
  const counts = `stopped ${String(stopped).padStart(3)}  passed ${String(passed).padStart(3)}`;
  return {
    text: `${fit(domain, width)}  ${counts}  ${last.slice(11, 19)}  ${because}`,
    tone: stopped > 0 ? 'red' : 'yellow',
  };
}

/** Widths of the columns; those that find no room are left out. */
function columnsFor(columns: number): {
  readonly name: number;
  readonly tls: boolean;
  readonly row: boolean;
} {
  const tls = columns >= 64;
  const row = columns >= 100;
  // time, action and code take 8 + 7 + 8 with two blanks each
  const rest = columns - 29 - (tls ? 10 : 0) - (row ? 22 : 0);
  return { name: Math.max(10, Math.floor((rest - 2) / 2)), tls, row };
}

function verdictHead(columns: number): string {
  return columnText(columns, ['Time', 'Verdict', 'Code', 'From', 'To', 'TLS', 'Row']);
}

function verdictLine(one: ShownVerdict, columns: number): Line {
  const { time, action, remark, code, from, to, tls, row } = one;
  const word =
    action === 'accept' && remark.startsWith('observe') ? 'observe' : remark === 'tagged' ? 'tagged' : action;
  const text = columnText(columns, [time.slice(11, 19), word, code, from, to, tls, row]);
  const stopped = action === 'reject' || action === 'defer';
  return { text, tone: stopped ? 'red' : word === 'accept' ? null : 'yellow' };
}

function columnText(
  columns: number,
  cells: readonly [string, string, string, string, string, string, string],
): string {
  const [time, verdict, code, from, to, tls, row] = cells;
  const { name, tls: hasTls, row: hasRow } = columnsFor(columns);
  const parts = [fit(time, 8), fit(verdict, 7), fit(code, 8), fit(from, name), fit(to, name)];
  if (hasTls) parts.push(fit(tls, 8));
  if (hasRow) parts.push(fit(row, 20));
  return parts.join('  ').trimEnd();
}

function fit(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}~` : text.padEnd(width);
}
