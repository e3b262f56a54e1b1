/**
 * The first line of a day's file, a record of the type `day`: it names the head of the day before, so that each
 * signed head covers all days before it.
 */
import { HASH_BYTES } from '../evidence/merkle.ts';
import { parseBase64 } from '../evidence/note.ts';
import { isDay } from './layout.ts';
import { EndlessLineError, linesOf } from './readDay.ts';

/** What a day ended with. */
export interface Head {
  readonly day: string;
  /** Lines. */
  readonly size: number;
  readonly root: Buffer;
}

/** `none`: it is the first day of its stream; `unreadable`: it is no record of the type `day`. */
export type Previous = Head | 'none' | 'unreadable';

/** What a line says of the day before. */
export function previousIn(line: string): Previous {
  try {
    const record = JSON.parse(line) as { type?: unknown; previous?: Record<string, unknown> } | null;
    if (record?.type !== 'day') return 'unreadable';
    if (record.previous === undefined) return 'none';
    const { day, size, root } = record.previous;
    const hash = typeof root === 'string' ? parseBase64(root) : null;
    const whole =
      typeof day === 'string' && isDay(day) && Number.isSafeInteger(size) && hash?.length === HASH_BYTES;
    return whole ? { day, size: size as number, root: hash } : 'unreadable';
  } catch {
    return 'unreadable';
  }
}

/** The first line of a file, or null if there is none. Throws the error of open(2) or read(2). */
export function firstLine(file: string): string | null {
  const lines = linesOf(file);
  try {
    const first = lines.next();
    return first.done === true ? null : Buffer.from(first.value).toString();
  } catch (error) {
    if (error instanceof EndlessLineError) return null;
    throw error;
  } finally {
    lines.return(0);
  }
}
