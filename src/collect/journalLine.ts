/**
 * One entry of `journalctl --output json`: https://systemd.io/JOURNAL_EXPORT_FORMATS/#journal-json-format. Pure.
 *
 * A field that is not valid UTF-8 is an array of bytes, one that is too long is null, one that occurs twice is an
 * array of its values.
 *
 * Every user can write lines in the name of any program (`logger -t postfix/smtp`), but journald itself says whose a
 * process is (`_UID`): a person's is none of Postfix.
 */
import type { LogLine } from './logLine.ts';

interface JournalEntry {
  readonly cursor: string;
  /** null: its text cannot be read, or it is forged. */
  readonly line: LogLine | null;
  /** A person wrote it in the name of a service. */
  readonly forged?: true;
}

/** What people are numbered, https://systemd.io/UIDS-GIDS/. */
const FIRST_PERSON = 1000;
const LAST_PERSON = 60_513;
/** Programs that run as root or a user of the system. Sendmail's own `sendmail` runs as whoever submits mail. */
const SERVICE = /\/|^(?:sm-mta|systemd-journald|rsyslogd)$/;

function isForged(program: string, uid: string | null): boolean {
  if (uid === null || !/^[0-9]{1,10}$/.test(uid) || !SERVICE.test(program)) return false;
  return Number(uid) >= FIRST_PERSON && Number(uid) <= LAST_PERSON;
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
  if (isForged(program, textOf(fields._UID))) return { cursor, line: null, forged: true };
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
