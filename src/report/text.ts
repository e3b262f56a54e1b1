/**
 * A report as text for a terminal, a mail or a printer of fixed pitch: 80 columns, in the order of the page. Pure. Long
 * lists are cut, and say so; CSV and JSON have them whole.
 */
import { escapeLine } from '../core/escape.ts';
import { pasteLine, wrap } from './columns.ts';
import type { Finding, Report } from './report.ts';
import { partLines } from './textParts.ts';
import { reportedLines } from './textReported.ts';
import { shareLines } from './textShare.ts';
import { counted, dayWords, listWords, rangeWords } from './words.ts';

const MAX_PASTE = 40;

/** The text, with a line end behind its last line. */
export function reportText(report: Report): string {
  const lines = [
    ...head(report),
    '',
    ...findingLines(report),
    ...shareLines(report),
    ...partLines(report),
    ...reportedLines(report),
    ...foot(report),
  ];
  return `${lines.join('\n')}\n`;
}

function head(report: Report): string[] {
  const { hosts, from, to, partner, way, answer, lead, records, gaps, tables } = report;
  const about = partner === null ? '' : ` with ${partner}`;
  const ways = way === null ? '' : way === 'in' ? ', inbound' : ', outbound';
  const lines = [
    ...wrap(`How mail${about} was protected${ways}: ${listWords(hosts, 4)}, ${rangeWords(from, to)} (UTC)`),
    '',
    ...wrap(answer.map(({ text }) => text).join('')),
    '',
    ...wrap(lead),
    '',
    ...wrap(`Records: ${counted(records, 'record')}, ${counted(gaps.length, 'gap')}.`),
    ...tables
      .slice(0, 4)
      .flatMap(({ host, hash, since }) =>
        wrap(`Table of ${host}: ${hash.slice(0, 16)}, since ${dayWords(since)}.`),
      ),
    ...(tables.length > 4 ? [`Tables of ${tables.length - 4} other hosts: see JSON.`] : []),
    ...wrap('Counted are messages per recipient: one message to three people counts three times.'),
  ];
  return lines;
}

function findingLines({ findings }: Report): string[] {
  if (findings.length === 0) return [];
  const title = findings.length === 1 ? 'DO THIS' : `DO THESE ${findings.length} THINGS, BY HARM`;
  return [title, '', ...findings.flatMap((finding, i) => [...oneFinding(finding, i + 1), ''])];
}

function oneFinding({ title, count, unit, text, paste, rows }: Finding, n: number): string[] {
  const paper = paste === '' ? [] : paste.replace(/\n$/, '').split('\n');
  const more = paper.length - MAX_PASTE;
  const shown =
    more > 0 ? [...paper.slice(0, MAX_PASTE), `; and ${more} more lines: tlsward suggest`] : paper;
  return [
    ...wrap(`${n}. ${title}`).map((line, i) => (i === 0 ? line : `   ${line}`)),
    ...wrap(
      `${counted(count, unit, unit)}; see ${rows.part}${rows.key === '' ? '' : `, ${rows.key}`}`,
      '   ',
    ),
    ...wrap(text, '   '),
    ...(shown.length === 0 ? [] : ['']),
    ...shown.map((line) => `     ${pasteLine(line)}`),
  ];
}

function foot({ heads, notes, command, made }: Report): string[] {
  const check = [
    'CHECK IT YOURSELF',
    '',
    ...wrap('Are the records those that were written then? Compare them with their signed heads:'),
    `  tlsward evidence verify${(command.match(/ --evidence \S+/g) ?? []).map((word) => pasteLine(word)).join('')}`,
    ...wrap('Does this report say what the records say? Count every record again:'),
    `  ${escapeLine(command, 1000)} --check`,
    ...wrap('Was nothing rewritten later? Compare with a head that was kept elsewhere, such as:'),
    ...heads.slice(0, 4).flatMap(({ stream, day, note }) => [
      `  ${stream}, ${day}:`,
      ...note
        .trimEnd()
        .split('\n')
        .map((line) => `    ${pasteLine(line)}`),
    ]),
    ...(heads.length === 0 ? ['  There is no signed head.'] : []),
  ];
  const unknown = notes.flatMap((note) =>
    wrap(note, '  ').map((line, i) => (i === 0 ? line.replace(/^ {2}/, '- ') : line)),
  );
  return [
    ...(unknown.length === 0 ? [] : ['WHAT THE FIGURES CANNOT SAY', '', ...unknown, '']),
    ...check,
    '',
    ...wrap(`Made ${made.slice(0, 16).replace('T', ' ')} UTC by: ${command}`),
  ];
}
