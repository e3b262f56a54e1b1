/**
 * Reads a page of `reportPage` without a browser: its elements in order, its texts, its tables. Strict about
 * markup.
 */

const VOID = ['meta', 'br'];
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };

export interface Element {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
}

export interface Read {
  readonly elements: readonly Element[];
  /** Of style and script. */
  readonly raw: ReadonlyMap<string, string>;
  /** All text, white space as one blank. */
  readonly text: string;
  /** By id without `-rows`: the cells of each row, head and foot included. */
  readonly tables: ReadonlyMap<string, readonly (readonly string[])[]>;
}

/** Throws where a tag is not closed, is closed twice, or an attribute is not in quotes. */
export function readPage(page: string): Read {
  const elements: Element[] = [];
  const raw = new Map<string, string>();
  const tables = new Map<string, string[][]>();
  const open: string[] = [];
  let table: string[][] | null = null;
  let text = '';
  let at = page.indexOf('<html');
  while (at < page.length) {
    if (page[at] !== '<') {
      const end = page.indexOf('<', at);
      const piece = decoded(page.slice(at, end === -1 ? page.length : end));
      text += piece;
      const row = table?.at(-1);
      if (row !== undefined && row.length > 0) row[row.length - 1] += piece;
      at = end === -1 ? page.length : end;
      continue;
    }
    const [whole, close, name = '', rest = ''] =
      /^<(\/?)([a-z][a-z0-9]*)((?:\s+[a-zA-Z-]+(?:="[^"<>]*")?)*)\s*\/?>/.exec(page.slice(at, at + 20_000)) ??
      [];
    if (whole === undefined) throw new Error(`no tag: ${page.slice(at, at + 60)}`);
    at += whole.length;
    if (close === '/') {
      if (open.pop() !== name) throw new Error(`</${name}> closes nothing before ${page.slice(at, at + 60)}`);
      if (name === 'table') table = null;
      text += ' ';
      continue;
    }
    const attributes = new Map<string, string>();
    for (const [, key = '', value = ''] of rest.matchAll(/([a-zA-Z-]+)(?:="([^"]*)")?/g))
      attributes.set(key, decoded(value));
    elements.push({ name, attributes });
    if (name === 'table') {
      table = [];
      tables.set((attributes.get('id') ?? '').replace(/-rows$/, ''), table);
    }
    if (name === 'tr') table?.push([]);
    if (name === 'td' || name === 'th') table?.at(-1)?.push('');
    if (!VOID.includes(name) && !whole.endsWith('/>')) open.push(name);
    if (name === 'style' || name === 'script') {
      const end = page.indexOf(`</${name}>`, at);
      raw.set(name, page.slice(at, end));
      at = end;
    }
  }
  if (open.length > 0) throw new Error(`not closed: ${open.join(' ')}`);
  for (const rows of tables.values())
    for (const row of rows) for (const [i, cell] of row.entries()) row[i] = one(cell);
  return { elements, raw, text: one(text), tables };
}

function decoded(text: string): string {
  return text.replace(/&([^;&\s]*);?/g, (whole, name) => {
    const char = ENTITIES[name];
    if (char === undefined) throw new Error(`no entity: ${whole}`);
    return char;
  });
}

function one(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
