/**
 * How a line leaves: as JSON or as text (`log-format`), and behind a priority where the journal reads it.
 *
 * systemd-journald takes `<N>` at the beginning of a line for its priority and removes it (sd-daemon(3),
 * SyslogLevelPrefix= of systemd.exec(5)): `journalctl -p warning` then finds warnings, and `journalctl -o
 * cat` prints the JSON as it was written. That standard output is the journal is told by JOURNAL_STREAM,
 * which has device and inode of the stream.
 */
import { fstatSync } from 'node:fs';
import { type Fields, readableLine } from './readableLine.ts';

export type LogFormat = 'json' | 'text';

/** Priorities of syslog(3) by the level of pino. */
const PRIORITIES: Readonly<Record<string, number>> = { 10: 7, 20: 7, 30: 6, 40: 4, 50: 3, 60: 2 };

/** Does the journal read this descriptor? */
export function isJournal(fd: number, env: NodeJS.ProcessEnv): boolean {
  const stream = env.JOURNAL_STREAM ?? '';
  if (stream === '') return false;
  try {
    const { dev, ino } = fstatSync(fd, { bigint: true });
    return stream === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

/** One line of pino with its line end, in the shape in which it is written. */
export function shapeLine(line: string, format: LogFormat, journal: boolean): string {
  const level = /^\{"level":([0-9]{2}),/.exec(line)?.[1] ?? '';
  const prefix = journal ? `<${PRIORITIES[level] ?? 6}>` : '';
  // the journal has the time
  const text = format === 'json' ? line : `${readableLine(JSON.parse(line) as Fields, !journal).text}\n`;
  return `${prefix}${text}`;
}
