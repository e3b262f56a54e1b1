/**
 * The version of this program, from its package.json three folders above the compiled file.
 */
import { readFileSync } from 'node:fs';

/** For example `0.1.0`. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
