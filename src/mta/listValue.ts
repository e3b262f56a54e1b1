/**
 * Splits values of Postfix's configuration as Postfix does: at white space and commas, with what stands in
 * braces kept together (mystrtokq(3) of Postfix's util library, with CHARS_COMMA_SP and CHARS_BRACE).
 */

/**
 * The elements of a list: `a, { b c } d` is `a`, `{ b c }`, `d`. A brace that is never closed reaches to the
 * end.
 */
export function listOf(value: string): string[] {
  return tokensOf(value, ', \t\r\n');
}

/** The same with separators of the caller's choice. */
export function tokensOf(value: string, separators: string): string[] {
  const tokens: string[] = [];
  let depth = 0;
  let start = -1;
  for (let i = 0; i < value.length; i++) {
    const char = value[i]!;
    if (depth === 0 && separators.includes(char)) {
      if (start >= 0) tokens.push(value.slice(start, i));
      start = -1;
      continue;
    }
    if (start < 0) start = i;
    if (char === '{') depth++;
    else if (char === '}' && depth > 0) depth--;
  }
  if (start >= 0) tokens.push(value.slice(start));
  return tokens;
}

/** `{ text }` is `text`; null when `token` is not one pair of braces. */
export function insideBraces(token: string): string | null {
  if (!token.startsWith('{')) return null;
  return closingBrace(token, 0) === token.length - 1 ? token.slice(1, -1).trim() : null;
}

/** Where the brace at `at` is closed; -1 when it is not. Also for parentheses, as `$(name)` has them. */
export function closingBrace(text: string, at: number): number {
  const open = text[at];
  const close = open === '(' ? ')' : '}';
  let depth = 0;
  for (let i = at; i < text.length; i++) {
    if (text[i] === open) depth++;
    else if (text[i] === close && --depth === 0) return i;
  }
  return -1;
}
