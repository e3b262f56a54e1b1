/**
 * The files of an evidence directory.
 *
 *   DIRECTORY/daemon/, collector/, alarms/    a stream each, with one writer each
 *   DIRECTORY/pseudonyms/2026-11.key          the key of a month for addresses, shared by the streams
 *
 *   STREAM/2026-11-30.jsonl    lines; the UTC day is that of the file's first line
 *   STREAM/2026-11-30.ckpt     signed checkpoints, one behind the other; the last whole one counts
 *   STREAM/2026-11-30.torn-1   the end of a line that a crash cut off
 *   STREAM/2026-11-30.index    where `tlsward trace` finds a message
 *   STREAM/2026-11-30.tally    what `tlsward report` counts
 *   STREAM/evidence.key, evidence.pub   the key that signs, and the one that checks
 *
 * Only regular files and folders with such names are seen: no symbolic link is followed.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The streams that a directory may have, in the order in which they are shown. */
export const STREAMS = ['daemon', 'collector', 'alarms'] as const;
type StreamName = (typeof STREAMS)[number];

/** The verifier key of a stream; one line (c2sp.org/signed-note). */
export const PUBLIC_KEY_FILE = 'evidence.pub';

/** No line of a record is longer, without its LF. */
export const MAX_LINE_BYTES = 65536;

const DAY = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/;

/** Is this a day as files are named, `2026-11-30`? */
export function isDay(text: string): boolean {
  return DAY.test(text);
}

export function linesFile(stream: string, day: string): string {
  return join(stream, `${day}.jsonl`);
}

export function checkpointFile(stream: string, day: string): string {
  return join(stream, `${day}.ckpt`);
}

/** The days of a stream's folder that have such a file, oldest first. Throws the error of readdir(3). */
export function daysOf(stream: string, suffix: '.jsonl' | '.ckpt' | '.index' = '.jsonl'): string[] {
  return readdirSync(stream, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(suffix))
    .map((entry) => entry.name.slice(0, -suffix.length))
    .filter(isDay)
    .sort();
}

/** The folders of the streams that there are. Throws the error of readdir(3). */
export function streamsOf(directory: string): { readonly name: StreamName; readonly folder: string }[] {
  const entries = readdirSync(directory, { withFileTypes: true });
  const folders = new Set(entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name));
  return STREAMS.filter((name) => folders.has(name)).map((name) => ({ name, folder: join(directory, name) }));
}
