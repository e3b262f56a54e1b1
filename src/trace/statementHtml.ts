/**
 * A statement as one HTML page that needs nothing else: no script, its one style allowed by its hash, readable on a
 * telephone, in the dark and on paper. Pure. Every text passes `html`.
 */
import { createHash } from 'node:crypto';
import { escapeLine, htmlEntities } from '../core/escape.ts';
import type { Section, Statement } from './statement.ts';
import { sectionsOf } from './statementSections.ts';
import { STATEMENT_STYLE } from './statementStyle.ts';

const MAX_CELL = 400;
/** A cell that is no longer stands in one line. */
const MAX_SHORT = 20;

/** Printable ASCII as text or as the value of an attribute in quotes. */
function html(text: string): string {
  return htmlEntities(escapeLine(text, MAX_CELL * 10));
}

export function statementHtml(statement: Statement): string {
  const { domain, from, to, madeAt, version, counts, heads } = statement;
  const hash = createHash('sha256').update(STATEMENT_STYLE).digest('base64');
  const title = `Mail with ${domain}, ${from} to ${to}`;
  const failing = heads.some(({ days }) => days.some(({ result }) => result === 'fails'));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${html(title)}</title>
<style>${STATEMENT_STYLE}</style>
</head>
<body>
<main>
<header>
<h1>Mail with ${html(domain)}</h1>
<p><time datetime="${html(from)}">${html(from)}</time> to <time datetime="${html(to)}">${html(to)}</time> (UTC days); made <time datetime="${html(madeAt)}">${html(madeAt)}</time> by tlsward ${html(version)} from ${counts.records} records</p>
</header>
${sectionsOf(statement)
  .map((section, i) => sectionHtml(section, i, failing && i === 0))
  .join('\n')}
</main>
</body>
</html>
`;
}

function sectionHtml({ title, sentences, tables }: Section, i: number, alarming: boolean): string {
  const id = `s${i}`;
  const list =
    sentences.length > 1
      ? `<ul>\n${sentences.map((one) => `<li>${html(one)}</li>`).join('\n')}\n</ul>`
      : sentences.map((one) => `<p>${html(one)}</p>`).join('\n');
  return `<section aria-labelledby="${id}"${alarming ? ' class="alarm"' : ''}>
<h2 id="${id}">${html(title)}</h2>
${list}
${tables.map(tableHtml).join('\n')}
</section>`;
}

/** Each cell carries the name of its column, which a narrow screen shows in front of it. */
function tableHtml({ caption, columns, rows }: Section['tables'][number]): string {
  const isNumber = (cell: string | undefined): boolean => cell !== undefined && /^[0-9]+$/.test(cell);
  const head = columns
    .map(
      (name, i) =>
        `<th scope="col"${rows.some((row) => isNumber(row[i])) ? ' class="n"' : ''}>${html(name)}</th>`,
    )
    .join('');
  const body = rows.map((row) => {
    const cells = row.map((cell, i) => {
      const kinds = [...(isNumber(cell) ? ['n'] : []), ...(cell.length <= MAX_SHORT ? ['s'] : [])].join(' ');
      const kind = kinds === '' ? '' : ` class="${kinds}"`;
      if (i === 0) return `<th scope="row"${kind}>${value(cell)}</th>`;
      return `<td data-name="${html(columns[i] ?? '')}"${kind}>${value(cell)}</td>`;
    });
    return `<tr>${cells.join('')}</tr>`;
  });
  return `<table>
<caption>${html(caption)}</caption>
<thead><tr>${head}</tr></thead>
<tbody>
${body.join('\n')}
</tbody>
</table>`;
}

function value(cell: string): string {
  return html(cell.length > MAX_CELL ? `${cell.slice(0, MAX_CELL)}...` : cell);
}
