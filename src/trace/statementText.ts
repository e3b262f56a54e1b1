/** A statement as text for a terminal or a file. Pure. Texts of records are escaped again. */
import { escapeLine } from '../core/escape.ts';
import { type Section, type Statement, sectionsOf } from './statement.ts';

const WIDTH = 100;
const MAX_CELL = 200;

export function statementText(statement: Statement): string {
  const { domain, from, to, madeAt, version } = statement;
  const head = [`Mail with ${domain}, ${from} to ${to} (UTC)`, `made ${madeAt} by tlsward ${version}`];
  return `${[...head, ...sectionsOf(statement).flatMap(sectionLines)].join('\n')}\n`;
}

function sectionLines({ title, sentences, tables }: Section): string[] {
  return ['', title.toUpperCase(), ...sentences.flatMap(wrapped), ...tables.flatMap(tableLines)];
}

function wrapped(sentence: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of escapeLine(sentence, 4000).split(' ')) {
    if (line !== '' && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** Numbers to the right; the last column is not padded. */
function tableLines({ columns, rows }: Section['tables'][number]): string[] {
  const all = [columns, ...rows].map((row) => row.map((cell) => escapeLine(cell, MAX_CELL)));
  const widths = columns.map((_, i) => Math.max(...all.map((row) => row[i]?.length ?? 0)));
  return all.map((row) =>
    row
      .map((cell, i) => (isNumber(cell) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
}

function isNumber(cell: string): boolean {
  return /^[0-9]+$/.test(cell);
}
