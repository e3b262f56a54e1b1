/**
 * One line of a system log: who wrote it, when, and what. Pure.
 *
 *   Nov 22 18:47:31 mx postfix/smtp[4711]: TEXT                       RFC 3164, and Postfix's maillog_file
 *   <22>Nov 22 18:47:31 sendmail[4711]: TEXT                          the same as sent to /dev/log
 *   2026-11-22T18:47:31.123456+01:00 mx postfix/smtp[4711]: TEXT      rsyslog's own format
 *   <22>1 2026-11-22T18:47:31.123456+01:00 mx postfix/smtp 4711 - - TEXT    RFC 5424
 *
 * Lines are read from the left, so that TEXT, in which strangers have a say, is never taken for a head.
 */
import type { LogClock } from './logClock.ts';

/** Longest line that is looked at, in characters; the rest of a longer one is cut off. */
export const MAX_LINE = 65_536;

export interface LogLine {
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** '' when the line names none. */
  readonly host: string;
  /** `postfix/smtp`, `postfix-out/smtp`, `sm-mta`. */
  readonly program: string;
  /** Decimal; '' when the line has none. */
  readonly pid: string;
  readonly text: string;
}

const RFC3164_STAMP = 15;
const MAX_HEAD = 600;

/** null: not a line of a system log. */
export function parseLogLine(line: string, clock: LogClock): LogLine | null {
  let at = afterPriority(line);
  if (line.startsWith('1 ', at)) return rfc5424(line, at + 2, clock);
  const digit = line.charCodeAt(at);
  let stamp: string;
  if (digit >= 0x30 && digit <= 0x39) {
    const space = line.indexOf(' ', at);
    if (space < 0 || space - at > 40) return null;
    stamp = line.slice(at, space);
    at = space + 1;
  } else {
    stamp = line.slice(at, at + RFC3164_STAMP);
    if (line[at + RFC3164_STAMP] !== ' ') return null;
    at += RFC3164_STAMP + 1;
  }
  const time = clock.read(stamp);
  if (time === null) return null;
  const end = line.indexOf(' ', at);
  if (end < 0 || end - at > MAX_HEAD) return null;
  // without a host the writer stands in its place
  if (line[end - 1] === ':') return written(line, at, end - 1, time, '');
  const colon = line.indexOf(': ', end + 1);
  const tagEnd = line.indexOf(' ', end + 1);
  if (colon < 0 || colon + 1 !== tagEnd || colon - end > MAX_HEAD) return null;
  return written(line, end + 1, colon, time, line.slice(at, end));
}

/** `PROGRAM[PID]` from `at` to `colon`, the text behind it. */
function written(line: string, at: number, colon: number, time: number, host: string): LogLine | null {
  const bracket = line[colon - 1] === ']' ? line.lastIndexOf('[', colon) : -1;
  const named = bracket > at;
  const program = line.slice(at, named ? bracket : colon);
  if (program === '') return null;
  const pid = named ? line.slice(bracket + 1, colon - 1) : '';
  return { time, host, program, pid, text: line.slice(colon + 2) };
}

/** RFC 5424 section 6: VERSION is read already. */
function rfc5424(line: string, start: number, clock: LogClock): LogLine | null {
  const words: string[] = [];
  let at = start;
  for (let i = 0; i < 5; i++) {
    const space = line.indexOf(' ', at);
    if (space < 0 || space - at > MAX_HEAD) return null;
    words.push(line.slice(at, space));
    at = space + 1;
  }
  const time = clock.read(words[0]!);
  if (time === null) return null;
  const data = afterData(line, at);
  if (data < 0) return null;
  const text = line.charCodeAt(data) === 0xfeff ? line.slice(data + 1) : line.slice(data);
  const given = (word: string): string => (word === '-' ? '' : word);
  const program = given(words[2]!);
  if (program === '') return null;
  return { time, host: given(words[1]!), program, pid: given(words[3]!), text };
}

/** Behind the structured data and its space; -1: it does not end. */
function afterData(line: string, start: number): number {
  if (line.startsWith('- ', start)) return start + 2;
  let quotedValue = false;
  for (let i = start; i < line.length; i++) {
    const char = line[i];
    if (quotedValue && char === '\\') i++;
    else if (char === '"') quotedValue = !quotedValue;
    else if (!quotedValue && char === ']' && line[i + 1] === ' ') return i + 2;
  }
  return -1;
}

/** Behind `<PRI>`, which is at most three digits (RFC 5424 section 6.2.1). */
function afterPriority(line: string): number {
  if (line.charCodeAt(0) !== 0x3c) return 0;
  const end = line.indexOf('>');
  return end > 0 && end <= 4 ? end + 1 : 0;
}
