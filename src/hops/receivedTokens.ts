/**
 * The pieces of a Received field's value: words, comments, semicolons. One pass, linear time, never fails.
 *
 * Words end at white space, `(` and `;`; text in `"..."`, `<...>` or `[...]` belongs to its word if it is
 * closed, so a recipient such as `<"x by y"@z>` is one word. Comments nest and hold quoted pairs (RFC 5322
 * section 3.2.2); an unclosed one runs to the end of the value. Quotes have no meaning inside a comment.
 *
 * Limits: the first 32,768 characters and the first 1,000 pieces are read.
 */

export interface Piece {
  readonly kind: 'word' | 'comment' | 'semicolon';
  /** A comment without its outer brackets, white space in it reduced to single spaces. */
  readonly text: string;
}

const MAX_VALUE = 32_768;
const MAX_PIECES = 1000;
/** Longest `<...>`: RFC 5321 allows 256, and quoting can double it. */
const MAX_BRACKETED = 1024;
const BLANK = ' \t\r\n';

/**
 * Where the comment that opens at `start` ends: the index after its closing parenthesis, or the end of the
 * text.
 */
function commentEnd(text: string, start: number): number {
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    const char = text[i];
    if (char === '\\') i++;
    else if (char === '(') depth++;
    else if (char === ')' && --depth === 0) return i + 1;
  }
  return text.length;
}

/**
 * The closing partner of `"`, `<` or `[` at `start`, or -1 when white space comes first; a quoted string (in
 * `<...>` too) may hold white space.
 */
function closing(text: string, start: number): number {
  const close = text[start] === '"' ? '"' : text[start] === '<' ? '>' : ']';
  let quoted = close === '"';
  for (let i = start + 1; i < text.length && i < start + MAX_BRACKETED; i++) {
    const char = text[i]!;
    if (char === '\\' && quoted) i++;
    else if (char === close && (!quoted || close === '"')) return i;
    else if (char === '"' && close === '>') quoted = !quoted;
    else if (!quoted && BLANK.includes(char)) return -1;
  }
  return -1;
}

/** Where the word that begins at `start` ends. */
function wordEnd(text: string, start: number): number {
  let i = start;
  while (i < text.length && !`${BLANK}(;`.includes(text[i]!)) {
    const end = '"<['.includes(text[i]!) ? closing(text, i) : -1;
    // a bracket that is not closed in its word is an ordinary character; it is checked only once per word
    if (end < 0 && '"<['.includes(text[i]!)) return plainEnd(text, i);
    i = end < 0 ? i + 1 : end + 1;
  }
  return i;
}

function plainEnd(text: string, start: number): number {
  let i = start;
  while (i < text.length && !`${BLANK}(;`.includes(text[i]!)) i++;
  return i;
}

export function receivedPieces(value: string): Piece[] {
  const text = value.slice(0, MAX_VALUE);
  const pieces: Piece[] = [];
  for (let i = 0; i < text.length && pieces.length < MAX_PIECES; ) {
    const char = text[i]!;
    if (BLANK.includes(char)) i++;
    else if (char === ';') {
      pieces.push({ kind: 'semicolon', text: ';' });
      i++;
    } else if (char === '(') {
      const end = commentEnd(text, i);
      const inner = text.slice(i + 1, text[end - 1] === ')' && end - 1 > i ? end - 1 : end);
      pieces.push({
        kind: 'comment',
        text: inner
          .split(/[ \t\r\n]+/)
          .join(' ')
          .trim(),
      });
      i = end;
    } else {
      const end = Math.max(wordEnd(text, i), i + 1);
      pieces.push({ kind: 'word', text: text.slice(i, end) });
      i = end;
    }
  }
  return pieces;
}
