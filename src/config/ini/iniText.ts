/**
 * One half of a `key = value` line, or a section name: from the text as written to the text as meant.
 *
 * Decoding is the `ini` package's `unsafe`: white space around the text goes, an unquoted `;` or `#` begins a
 * comment, `\;`, `\#` and `\\` are those characters, text wholly in double quotes is a JSON string, text in
 * single quotes is taken as it is. Text that `ini` would silently change is refused here: single-quoted text
 * that JSON reads as a number, boolean, list or object; double quotes that are no JSON string; quotes
 * followed by a comment, which `ini` keeps as part of the value.
 */
import { unsafe } from 'ini';
import { Invalid, quote } from './problem.ts';

/** Names that every JavaScript object has or treats specially; never used as section, key, policy or row. */
export function reserved(name: string): boolean {
  return name === 'prototype' || name in Object.prototype;
}

function wholeQuoted(text: string): boolean {
  const first = text[0];
  return (first === '"' || first === "'") && text.length > 1 && text.endsWith(first);
}

/** The text meant by `raw`, or what is wrong with it. */
export function decodeIniText(raw: string): string | Invalid {
  const text = raw.trim();
  const decoded: unknown = unsafe(text);
  if (typeof decoded !== 'string') {
    return new Invalid(
      `${quote(text)}, which is not text to the ini format`,
      'text',
      'write it without single quotes',
    );
  }
  if (text === '"' || text === "'") return new Invalid(quote(text), 'a quote at both ends, or at none');
  if (!wholeQuoted(text)) {
    if (!wholeQuoted(decoded)) return decoded;
    return new Invalid('a comment after a quoted value', 'the comment on a line of its own', 'or no quotes');
  }
  if (text.startsWith('"') && decoded === text) {
    return new Invalid(quote(text), 'a JSON string between double quotes', 'a backslash is written \\\\');
  }
  // escapes in a JSON string can produce characters that no line may contain
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(decoded)) return new Invalid(quote(decoded), 'no control characters');
  return decoded;
}

/** Index of the first `;` or `#` that begins a comment, -1 when there is none or all is quoted. */
export function commentStart(raw: string): number {
  if (wholeQuoted(raw.trim())) return -1;
  for (let i = 0; i < raw.length; i++) {
    const char = raw[i];
    if (char === '\\') i++;
    else if (char === ';' || char === '#') return i;
  }
  return -1;
}
