/** Where something is written in a configuration file, and how it is shown. */
import { escapeText } from './escape.ts';

/** Characters of a path that is shown. */
const MAX_PATH = 400;

export interface Position {
  /** As named on the command line or by `include`. */
  readonly file: string;
  /** From 1; 0 is the file as a whole. */
  readonly line: number;
}

/** `tls.ini:14`; for the file as a whole `tls.ini`. */
export function formatPosition({ file, line }: Position): string {
  const path = escapeText(file, MAX_PATH);
  return line === 0 ? path : `${path}:${line}`;
}
