/**
 * Tags for the policies that rows name: one for each name. The tag of a row is found by the bytes of the
 * name, without making a string.
 */
import { Buffer } from 'node:buffer';
import type { RowScanner } from '../ini/rowScanner.ts';
import type { Target } from './document.ts';

export class PolicyTags {
  readonly #targets: Target[];
  readonly #tagOfText = new Map<string, number>();
  /** Tag by hash of the word's bytes; a second word of the same hash is looked up as text. */
  readonly #tagOfHash = new Map<number, { readonly bytes: Uint8Array; readonly tag: number }>();

  /** `targets` gets an element for each new name. */
  constructor(targets: Target[]) {
    this.#targets = targets;
  }

  /** The tag for a policy named in a row. */
  ofWord(text: string): number {
    let tag = this.#tagOfText.get(text);
    if (tag === undefined) {
      tag = this.#targets.push({ word: { text, uses: [], count: 0 } }) - 1;
      this.#tagOfText.set(text, tag);
    }
    return tag;
  }

  /** The tag for the policy named in these bytes; makes a string only for a new name. */
  ofRow(bytes: Uint8Array, plain: RowScanner): number {
    const known = this.#tagOfHash.get(plain.wordHash);
    if (known !== undefined && same(known.bytes, bytes, plain.wordStart, plain.wordEnd)) return known.tag;
    const text = Buffer.from(bytes.subarray(plain.wordStart, plain.wordEnd)).toString('latin1');
    const tag = this.ofWord(text);
    if (known === undefined) this.#tagOfHash.set(plain.wordHash, { bytes: Buffer.from(text, 'latin1'), tag });
    return tag;
  }
}

function same(word: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (word.length !== end - start) return false;
  for (let i = 0; i < word.length; i++) if (word[i] !== bytes[start + i]) return false;
  return true;
}
