/**
 * A header value on lines that every MTA stores and hands on as they are (RFC 5322 sections 2.1.1, 2.2.3 and 3.2.2).
 *
 * What senders write and MTAs show a filter may not be written back: a continuation line of blanks (some readers take it
 * for the end of the header), a line break that is no fold, a bare CR, a line that is longer than SMTP allows. Here a
 * blank line goes, a stray CR or NUL becomes a blank, a line after a stray LF gets a blank in front, and a long line is
 * folded at a blank or between encoded words; where there is neither in MAX_LINE characters it is broken there, as an
 * SMTP client would. Nothing but white space changes; a value without any of these comes back as it is. One pass.
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

/** A line in pieces of at most MAX_LINE characters, all but the first with one blank in front. */
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
    // blanks at the end of a line are the fold itself
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

/** Where a piece without blanks is broken: white space between encoded words is not shown (RFC 2047 section 6.2). */
function breakIn(piece: string): number {
  const between = piece.lastIndexOf('?==?', MAX_LINE - 4);
  return between > 0 ? between + 2 : MAX_LINE - 1;
}
