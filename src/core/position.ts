/** A position in a configuration file, and its text form. */
import { escapeText } from './escape.ts';

/** Longest path that is shown, in characters. */
const MAX_PATH = 400;

export interface Position {
  /** As named on the command line or by `include`. */
  readonly file: string;
  /** From 1; 0 means the whole file. */
  readonly line: number;
}

/** `tls.ini:14`; for the whole file `tls.ini`. */
export function formatPosition({ file, line }: Position): string {
  const path = escapeText(file, MAX_PATH);
  return line === 0 ? path : `${path}:${line}`;
}
