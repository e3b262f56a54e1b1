/**
 * Looks one key up in the main configuration file without parsing the rest, so that a command finds the
 * daemon while the file is full of mistakes, and at once when the table has a million rows.
 */
import { readFileSync, statSync } from 'node:fs';
import { quotePath } from '../config/ini/problem.ts';
import { codeOf } from '../files/systemError.ts';
import { ConfigError } from './command.ts';

/**
 * Throws ConfigError when there is no such file: a question about a missing configuration must not be
 * answered by a daemon that was started with another one.
 */
export function mustExist(file: string): void {
  try {
    statSync(file);
  } catch (error) {
    // that it cannot be looked at is for the daemon's answer to show: `status` needs no more than the socket
    if (!['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return;
    throw new ConfigError(`there is no configuration ${quotePath(file)}; --config FILE names another`);
  }
}

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

/** Is the key there, with nothing behind it? */
export function isEmptyKey(file: string, key: string): boolean {
  try {
    return new RegExp(`^[ \\t]*${key}[ \\t]*=[ \\t]*(?:""[ \\t]*)?(?:[;#].*)?\\r?$`, 'm').test(
      readFileSync(file, 'utf8'),
    );
  } catch {
    return false;
  }
}
