/**
 * Edits the file of exceptions as text: one `[exception PATTERN]` section is put in, changed or taken out, and every byte
 * that does not belong to it stays as it is.
 *
 *   [exception bank.example]
 *   until   = 2026-12-31
 *   reason  = "ticket 4711; their certificate ran out"
 *   receive = may
 *
 * A section is changed in place: its entries are replaced, comments between them stay behind the new ones. A new one comes
 * last, after an empty line, and taking it out takes that line too. What is a section and an entry is decided by the walker
 * that the loader uses, so both always mean the same lines. Line ends are those the file has.
 */
import { Buffer } from 'node:buffer';
import { decodeIniText } from '../ini/iniText.ts';
import { walkLines } from '../ini/lines.ts';
import { Invalid } from '../ini/problem.ts';
import { parsePattern } from '../keys/pattern.ts';

/** Lines of one section, counted from 0; comments behind its last entry are not its own. */
interface Span {
  readonly header: number;
  readonly entries: readonly number[];
}

/** The text as it must be written so that it is read as `text`; null when no spelling is. */
export function formatHalf(text: string): string | null {
  // what the walker refuses, and what cannot be seen, is refused here too
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text)) return null;
  if (/^[\p{L}\p{N}<*.@_/-][^"';#\\=[\]]*$/u.test(text) && decodeIniText(text) === text) return text;
  const quoted = JSON.stringify(text);
  return decodeIniText(quoted) === text ? quoted : null;
}

/** Where the section of this canonical pattern stands. */
function findSpan(text: string, pattern: string): Span | null {
  let header = -1;
  let inside = false;
  const entries: number[] = [];
  walkLines(Buffer.from(text), {
    header(raw, line) {
      const name = decodeIniText(raw);
      const match = name instanceof Invalid ? null : /^exception\s+(.*)$/su.exec(name);
      const found = match === null ? null : parsePattern(match[1]!.trim());
      inside = found !== null && !(found instanceof Invalid) && found.text === pattern;
      if (inside) header = line - 1;
      return false;
    },
    entry(_key, _value, line) {
      if (inside) entries.push(line - 1);
    },
    row() {},
    wrong() {},
    notice() {},
  });
  return header < 0 ? null : { header, entries };
}

/** Lines with their line ends. */
function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** The text with a section of this canonical pattern and these entries, put in or changed; null: it cannot be written. */
export function withException(
  text: string,
  pattern: string,
  entries: readonly (readonly [key: string, value: string])[],
): string | null {
  const lines = linesOf(text);
  const span = findSpan(text, pattern);
  const end = text.includes('\r\n') ? '\r\n' : '\n';
  const width = Math.max(...entries.map(([key]) => key.length));
  const written: string[] = [];
  for (const [key, value] of entries) {
    const half = formatHalf(value);
    if (half === null) return null;
    written.push(`${key.padEnd(width)} = ${half}${end}`);
  }
  if (span !== null) {
    const own = new Set(span.entries);
    const header = lines[span.header]!;
    return lines
      .flatMap((line, i) => {
        if (i === span.header) return [header.endsWith('\n') ? header : `${header}${end}`, ...written];
        return own.has(i) ? [] : [line];
      })
      .join('');
  }
  const name = formatHalf(`exception ${pattern}`) ?? `exception ${pattern}`;
  const gap = text === '' ? '' : text.endsWith('\n') ? end : end + end;
  return `${text}${gap}[${name}]${end}${written.join('')}`;
}

/** The text without the section of this canonical pattern; null when there is none. */
export function withoutException(text: string, pattern: string): string | null {
  const span = findSpan(text, pattern);
  if (span === null) return null;
  const lines = linesOf(text);
  const last = span.entries.at(-1) ?? span.header;
  const gap = span.header > 0 && lines[span.header - 1]!.trim() === '' ? 1 : 0;
  return [...lines.slice(0, span.header - gap), ...lines.slice(last + 1)].join('');
}
