/**
 * Looks one key up in the main configuration file without parsing the rest, so that a command finds the
 * daemon while the file is full of mistakes, and at once when the table has a million rows.
 */
import { readFileSync } from 'node:fs';

/**
 * The first word of the key's value, the first of a list; null when the key is absent or the file cannot be
 * read.
 */
export function peekKey(file: string, key: string): string | null {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return null;
  }
  return new RegExp(`^[ \\t]*${key}[ \\t]*=[ \\t]*"?([^\\s;#",]+)`, 'm').exec(text)?.[1] ?? null;
}
