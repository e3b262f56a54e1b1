/**
 * The fast path for `[domains]`: recognises `name = word` on bytes, so that a million rows make no string and
 * no object.
 *
 *   row     = *blank [ "." ] name *blank "=" *blank word [ 1*blank (";" / "#") comment ] *blank line-end
 *   name    = label 1*( "." label )        ; canonical already: lower case, at most 253 bytes
 *   label   = 1..63 of a-z 0-9 - _         ; no "-" at its ends, no "--"; the last begins with a letter and has no "_"
 *   word    = 1*( a-z 0-9 - _ )
 *
 * A line that does not match exactly is left to the slow path, which parses it or reports its mistake. This
 * grammar may therefore be narrower than the language, but must never be wider. `--` is excluded because of
 * `xn--` labels, and suffixes of one or two labels because these are compared with public suffixes.
 */
import { MAX_LINE_BYTES } from './limits.ts';

const LETTER = 1;
const DIGIT = 2;
const UNDERSCORE = 3;
const HYPHEN = 4;
const DOT = 5;

const LF = 0x0a;
const CR = 0x0d;

const KIND = new Uint8Array(256);
for (let byte = 0x61; byte <= 0x7a; byte++) KIND[byte] = LETTER;
for (let byte = 0x30; byte <= 0x39; byte++) KIND[byte] = DIGIT;
KIND[0x5f] = UNDERSCORE;
KIND[0x2d] = HYPHEN;
KIND[0x2e] = DOT;

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09;
}

/** Scans one line at a time; the fields tell about the line last recognised, as offsets into the bytes. */
export class RowScanner {
  nameStart = 0;
  nameEnd = 0;
  wordStart = 0;
  wordEnd = 0;
  /** Of the word's bytes, for finding it without making a string. */
  wordHash = 0;
  /** Where the next line begins. */
  next = 0;

  /** Is the line that begins at `from` a plain row? */
  scan(bytes: Uint8Array, from: number): boolean {
    let at = from;
    while (isBlank(bytes[at])) at++;
    this.nameStart = at;
    at = this.#name(bytes, at);
    if (at < 0) return false;
    this.nameEnd = at;
    while (isBlank(bytes[at])) at++;
    if (bytes[at] !== 0x3d) return false;
    at++;
    while (isBlank(bytes[at])) at++;
    this.wordStart = at;
    let hash = 0;
    for (
      let kind = KIND[bytes[at]!]!;
      at < bytes.length && kind >= LETTER && kind <= HYPHEN;
      kind = KIND[bytes[at]!]!
    ) {
      hash = (Math.imul(hash, 31) + bytes[at]!) | 0;
      at++;
    }
    if (at === this.wordStart) return false;
    this.wordEnd = at;
    this.wordHash = hash;
    return this.#lineEnd(bytes, at, from);
  }

  /** End of the name that begins at `from`, or -1. */
  #name(bytes: Uint8Array, from: number): number {
    let at = from;
    const suffix = bytes[at] === 0x2e;
    if (suffix) at++;
    const start = at;
    let labels = 0;
    let labelStart = at;
    let underscores = false;
    let previous = DOT;
    for (; at < bytes.length; at++) {
      const kind = KIND[bytes[at]!]!;
      if (kind === 0) break;
      if (kind === DOT) {
        if (previous === DOT || previous === HYPHEN || at - labelStart > 63) return -1;
        labels++;
        labelStart = at + 1;
        underscores = false;
      } else if (kind === HYPHEN) {
        if (previous === DOT || previous === HYPHEN) return -1;
      } else if (kind === UNDERSCORE) {
        underscores = true;
      }
      previous = kind;
    }
    if (previous === DOT || previous === HYPHEN || at - labelStart > 63 || at - start > 253) return -1;
    if (labels < (suffix ? 2 : 1) || underscores || KIND[bytes[labelStart]!] !== LETTER) return -1;
    return at;
  }

  #lineEnd(bytes: Uint8Array, from: number, lineStart: number): boolean {
    let at = from;
    while (isBlank(bytes[at])) at++;
    if (bytes[at] === 0x3b || bytes[at] === 0x23) {
      // a comment without white space before it is worth a notice
      if (at === from) return false;
      while (at < bytes.length && bytes[at] !== LF && bytes[at] !== CR) at++;
    }
    if (at - lineStart > MAX_LINE_BYTES) return false;
    if (bytes[at] === CR && bytes[at + 1] === LF) at++;
    if (at < bytes.length && bytes[at] !== LF) return false;
    this.next = at + 1;
    return true;
  }
}
