/**
 * Edits the file of exceptions as text: adds, changes or removes one `[exception PATTERN]` section. Every
 * byte outside that section stays as it is.
 *
 *   [exception bank.example]
 *   until   = 2026-12-31
 *   reason  = "ticket 4711; their certificate ran out"
 *   receive = may
 *
 * A section is changed in place: its entries are replaced, and comments between them stay after the new ones.
 * A new section is added at the end, after an empty line, and removing it removes that line, too. The
 * loader's own walker finds sections and entries, so both always mean the same lines. New lines end like the
 * other lines of the file.
 */
import { Buffer } from 'node:buffer';
import { decodeIniText } from '../ini/iniText.ts';
import { walkLines } from '../ini/lines.ts';
import { Invalid } from '../ini/problem.ts';
import { parsePattern } from '../keys/pattern.ts';

/** Lines of one section, counted from 0; comments after its last entry do not belong to it. */
interface Span {
  readonly header: number;
  readonly entries: readonly number[];
}

/** How to write `text` so that the loader reads it back unchanged; null when there is no way. */
export function formatHalf(text: string): string | null {
  // control characters and everything else that the walker refuses are refused here, too
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

/** Adds or changes the section of this canonical pattern; null when an entry cannot be written. */
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

/** Removes the section of this canonical pattern; null when there is none. */
export function withoutException(text: string, pattern: string): string | null {
  const span = findSpan(text, pattern);
  if (span === null) return null;
  const lines = linesOf(text);
  const last = span.entries.at(-1) ?? span.header;
  const gap = span.header > 0 && lines[span.header - 1]!.trim() === '' ? 1 : 0;
  return [...lines.slice(0, span.header - gap), ...lines.slice(last + 1)].join('');
}
