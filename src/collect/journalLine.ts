/**
 * One entry of `journalctl --output json`: https://systemd.io/JOURNAL_EXPORT_FORMATS/#journal-json-format. Pure.
 *
 * A field that is not valid UTF-8 is an array of bytes, one that is too long is null, one that occurs twice is an
 * array of its values.
 */
import type { LogLine } from './logLine.ts';

interface JournalEntry {
  readonly cursor: string;
  /** null: its text cannot be read. */
  readonly line: LogLine | null;
}

/** null: no entry. */
export function parseJournalEntry(text: string): JournalEntry | null {
  let entry: unknown;
  try {
    entry = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof entry !== 'object' || entry === null) return null;
  const fields = entry as Readonly<Record<string, unknown>>;
  const cursor = fields.__CURSOR;
  if (typeof cursor !== 'string' || !/^[!-~]{1,400}$/.test(cursor)) return null;
  const message = textOf(fields.MESSAGE);
  const time = Number(fields._SOURCE_REALTIME_TIMESTAMP ?? fields.__REALTIME_TIMESTAMP) / 1000;
  const program = textOf(fields.SYSLOG_IDENTIFIER) ?? textOf(fields._COMM);
  if (message === null || program === null || !Number.isFinite(time)) return { cursor, line: null };
  const pid = textOf(fields.SYSLOG_PID) ?? textOf(fields._PID) ?? '';
  const host = textOf(fields._HOSTNAME) ?? '';
  return { cursor, line: { time: Math.floor(time), host, program, pid, text: message } };
}

function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return null;
  if (typeof value[0] === 'string') return value[0];
  if (!value.every((byte) => Number.isInteger(byte) && byte >= 0 && byte <= 255)) return null;
  return Buffer.from(value as number[]).toString('utf8');
}
