/**
 * Estimates the memory that kept data takes: the unit of all memory limits.
 *
 * A string takes one byte per character, or two if any character is beyond U+00FF. A slice keeps the whole
 * longer string alive, so code that limits bytes must keep copies. Objects are counted by constants that were
 * measured on 64-bit systems and rounded up.
 */

/** Memory in use for one purpose, and its limit, in bytes. `status` shows it under its name. */
export interface MemoryUse {
  readonly name: string;
  readonly used: number;
  readonly limit: number;
}

/** A map entry with a small object as its value, without its strings. */
export const ENTRY_BYTES = 256;

const NARROW = /^[\0-\xff]*$/;

/** Bytes of a string. */
export function textBytes(text: string): number {
  return NARROW.test(text) ? text.length : 2 * text.length;
}

/** A copy of the text: a slice would keep the longer string alive. */
export function ownText(text: string): string {
  const encoding = NARROW.test(text) ? 'latin1' : 'utf16le';
  return Buffer.from(text, encoding).toString(encoding);
}
