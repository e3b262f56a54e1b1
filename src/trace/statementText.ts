/** A statement as text for a terminal or a file. Pure. Texts of records are escaped again. */
import { escapeLine } from '../core/escape.ts';
import { wrapWords } from '../core/wrapWords.ts';
import type { Section, Statement } from './statement.ts';
import { sectionsOf } from './statementSections.ts';
import { tableLines } from './textTable.ts';

const WIDTH = 100;

export function statementText(statement: Statement): string {
  const { domain, from, to, madeAt, version } = statement;
  const head = [`Mail with ${domain}, ${from} to ${to} (UTC)`, `made ${madeAt} by tlsward ${version}`];
  return `${[...head, ...sectionsOf(statement).flatMap(sectionLines)].join('\n')}\n`;
}

function sectionLines({ title, sentences, tables }: Section): string[] {
  return [
    '',
    title.toUpperCase(),
    ...sentences.flatMap((text) => wrapWords(escapeLine(text, 4000), WIDTH)),
    ...tables.flatMap(({ columns, rows }) => tableLines(columns, rows)),
  ];
}
