/**
 * Errors of system calls, as code and in words.
 */
import { getSystemErrorMap } from 'node:util';

/** An error's code such as `ENOENT`; '' when it has none that is made of capitals, digits and underscores. */
export function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return /^[A-Z0-9_]{1,60}$/.test(code) ? code : '';
}

/** What the system says of it: "no such file or directory". */
export function fileError(error: unknown): string {
  const { errno, code } = error as NodeJS.ErrnoException;
  return getSystemErrorMap().get(errno ?? 0)?.[1] ?? code ?? String(error);
}
