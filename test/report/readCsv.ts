/** Reads CSV (RFC 4180) into objects by the names of the first line; throws when a line has another number of cells. */
export function readCsv(text: string): Record<string, string>[] {
  const rows: string[][] = [[]];
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r]*))(,|\r\n)/gy;
  for (let match = cell.exec(text); match !== null; match = cell.exec(text)) {
    const [, quoted, plain = '', end] = match;
    rows.at(-1)!.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end !== ',') rows.push([]);
  }
  const [names = [], ...lines] = rows.slice(0, -1);
  return lines.map((cells) => {
    if (cells.length !== names.length) throw new Error(`${cells.length} cells: ${cells.join('|')}`);
    return Object.fromEntries(names.map((name, i) => [name, cells[i]!]));
  });
}
