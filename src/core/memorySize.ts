/**
 * How much memory things take that are kept, as far as a program can know: what bounds are counted in.
 *
 * A string takes one byte a character, two when it has one beyond U+00FF, and a part of a longer string keeps all of that
 * alive: who bounds bytes keeps copies. Objects around it are counted by constants that were measured on 64 bits and rounded up.
 */

/** What is kept for one purpose, and how much at most; in bytes. `status` shows it under its name. */
export interface MemoryUse {
  readonly name: string;
  readonly used: number;
  readonly limit: number;
}

/** A map entry with a small object behind it, its strings apart. */
export const ENTRY_BYTES = 256;

const NARROW = /^[\0-\xff]*$/;

/** Bytes of a string. */
export function textBytes(text: string): number {
  return NARROW.test(text) ? text.length : 2 * text.length;
}

/** The same text in memory of its own: a slice of a longer one would keep that alive. */
export function ownText(text: string): string {
  const encoding = NARROW.test(text) ? 'latin1' : 'utf16le';
  return Buffer.from(text, encoding).toString(encoding);
}
