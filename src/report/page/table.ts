/**
 * A table of the page: caption, a head whose every column says in a line what it counts, rows up to a bound,
 * one row for those beyond it, and a foot with the totals of all. It stands in a region that scrolls by
 * keyboard where it is too wide.
 */

import { number } from '../words.ts';
import { type Html, html, NOTHING } from './markup.ts';

export interface Column<Row> {
  readonly head: string;
  /** What the column says, for a reader who does not run mail servers. */
  readonly gloss: string;
  readonly figure?: boolean;
  /** Long words that may break anywhere. */
  readonly said?: boolean;
  readonly cell: (row: Row, index: number) => Html;
  /** What the rows sort by, where it is not what the cell shows. */
  readonly by?: (row: Row) => number;
  /** A choice of the values of this column stands above the table, under this label. */
  readonly pick?: string;
}

interface Table<Row> {
  /** Rows are `ID-1` and so on, the table `ID-rows`. */
  readonly id: string;
  /** Name of the region; differs from those of all others. */
  readonly label: string;
  readonly caption: Html;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  /** Rows that are shown; the others are one row. */
  readonly most: number;
  /** The row of those that are not shown: what they are called, and the cells after the first. */
  readonly others?: (hidden: readonly Row[]) => { readonly name: string; readonly cells: Html };
  readonly foot?: Html;
  /** Label of the search above the table, which is there from `SEARCH_FROM` rows on. */
  readonly find?: string;
  readonly sort?: boolean;
  readonly style?: 'dense' | 'days';
  /** The id of a row; that of the table and its number unless told. */
  readonly rowId?: (row: Row, index: number) => string;
}

/** With fewer rows a search is in the way. */
const SEARCH_FROM = 8;

export function table<Row>(it: Table<Row>): Html {
  const shown = it.rows.slice(0, it.most);
  const hidden = it.rows.slice(it.most);
  const search = it.find !== undefined && shown.length >= SEARCH_FROM && html` data-find="${it.find}"`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Table: ${it.label}">
<table id="${it.id}-rows"${it.style && html` class="${it.style}"`}${it.sort !== false && html` data-sort`}${search}>
<caption>${it.caption}</caption>
<thead><tr>${it.columns.map(head)}</tr></thead>
<tbody>
${shown.map((row, i) => rowOf(it, row, i))}</tbody>
${hidden.length > 0 && it.others !== undefined && others(it.others(hidden))}${it.foot && html`<tfoot>${it.foot}</tfoot>`}
</table></div>
`;
}

function head<Row>(column: Column<Row>): Html {
  const pick = column.pick !== undefined && html` data-pick="${column.pick}"`;
  return html`<th scope="col"${column.figure && html` class="n"`}${pick}><span class="label">${column.head}</span> <small>${column.gloss}</small></th>`;
}

function rowOf<Row>(it: Table<Row>, row: Row, index: number): Html {
  const cells = it.columns.map((column, at) => {
    const by = column.by === undefined ? NOTHING : html` data-by="${column.by(row)}"`;
    if (at === 0) return html`<th scope="row"${by}>${column.cell(row, index)}</th>`;
    const kind = column.figure ? html` class="n"` : column.said ? html` class="said"` : NOTHING;
    return html`<td${kind}${by}>${column.cell(row, index)}</td>`;
  });
  return html`<tr id="${it.rowId?.(row, index) ?? `${it.id}-${index + 1}`}">${cells}</tr>\n`;
}

function others({ name, cells }: { readonly name: string; readonly cells: Html }): Html {
  return html`<tbody><tr><th scope="row" class="soft">${name}</th>${cells}</tr></tbody>`;
}

/** Cells of a foot: figures stay in their columns, `span` empty ones before or after. */
export function figures(...counts: readonly number[]): Html {
  return html`${counts.map((count) => html`<td class="n">${number(count)}</td>`)}`;
}

export function empty(span: number): Html {
  return html`<td colspan="${span}"></td>`;
}
