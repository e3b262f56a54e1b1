/**
 * Folds a header value so that every MTA stores and relays it unchanged (RFC 5322 sections 2.1.1, 2.2.3 and
 * 3.2.2).
 *
 * Some values that MTAs pass to a filter must not be written back as they are: a blank continuation line
 * (some readers take it for the end of the header), a line break that is not a fold, a bare CR, a line longer
 * than SMTP allows. Here a blank line is removed, a stray CR or NUL becomes a space, a line after a stray LF
 * gets a space in front, and a long line is folded at a space or between encoded words; if there is neither
 * within MAX_LINE characters, it is broken there, as an SMTP client would. Only white space changes; a value
 * without any of these is returned as it is. One pass.
 */

/** Characters of one line: 998 less room for the name of the field. */
const MAX_LINE = 960;

/** `value`: one character a byte, folds as LF or CRLF and white space. */
export function refold(value: string): string {
  const [first = '', ...others] = value
    .replaceAll('\r\n', '\n')
    .replace(/[\r\0]/g, ' ')
    .split('\n');
  const folded = others.map((line) => (/^[ \t]/.test(line) ? line : ` ${line}`));
  const [top = '', ...below] = [first, ...folded].flatMap(shortLines);
  return [top, ...below.filter((line) => line.trim() !== '')].join('\n');
}

/** A line in pieces of at most MAX_LINE characters, all but the first with one space in front. */
function shortLines(line: string): string[] {
  if (line.length <= MAX_LINE) return [line];
  const lines: string[] = [];
  let made = '';
  for (const [piece] of line.matchAll(/[ \t]+|[^ \t]+/g)) {
    if (made.length + piece.length <= MAX_LINE) {
      made += piece;
      continue;
    }
    lines.push(made.trimEnd());
    made = ' ';
    // spaces at the end of a line are the fold itself
    if (piece[0] === ' ' || piece[0] === '\t') continue;
    let rest = piece;
    while (rest.length >= MAX_LINE) {
      const at = breakIn(rest);
      lines.push(` ${rest.slice(0, at)}`);
      rest = rest.slice(at);
    }
    made += rest;
  }
  return [...lines, made];
}

/**
 * Where a piece without spaces is broken: white space between encoded words is not shown (RFC 2047 section
 * 6.2).
 */
function breakIn(piece: string): number {
  const between = piece.lastIndexOf('?==?', MAX_LINE - 4);
  return between > 0 ? between + 2 : MAX_LINE - 1;
}
