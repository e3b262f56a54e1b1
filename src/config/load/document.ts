/**
 * What all files together say: the rows, and the sections that still need each other (policies are often defined in a
 * file that is read later than the rows that use them).
 *
 * Rows go straight into a `TableBuilder` under a tag. A tag stands for a word (the policy named by any number of
 * `[domains]` lines) or for one `[domain]` section, and gets its settings when every file has been read.
 */

import { Buffer } from 'node:buffer';
import type { Position } from '../../core/position.ts';
import { TableBuilder } from '../../core/tableBuilder.ts';
import { estimateRows, walkLines } from '../ini/lines.ts';
import type { Report } from '../ini/problem.ts';
import type { RowScanner } from '../ini/rowScanner.ts';
import type { Section } from '../ini/section.ts';
import type { Placed, Written } from './exceptionSections.ts';
import { FileReader } from './fileReader.ts';

/** A policy named by rows, with the first of them: enough to report, however many rows there are. */
export interface Word {
  readonly text: string;
  readonly uses: (Position & { readonly pattern: string })[];
  count: number;
}

export type Target = { readonly word: Word } | { readonly section: Section } | { readonly exception: Placed };

/** A row whose pattern names no domain, which `receive = verify` must be told names for. */
export interface Domainless extends Position {
  readonly tag: number;
  readonly where: string;
}

export class Document {
  readonly files: string[] = [];
  readonly policies: Section[] = [];
  readonly rules: Section[] = [];
  readonly exceptions: Written[] = [];
  /** One for each file that has it, the main file's first. */
  readonly services: Section[] = [];
  readonly targets: Target[] = [];
  readonly domainless: Domainless[] = [];
  readonly report: Report;
  #builder: TableBuilder | null = null;
  readonly #tagOfText = new Map<string, number>();
  /** Tag by hash of the word's bytes; a second word of the same hash is looked up as text. */
  readonly #tagOfHash = new Map<number, { readonly bytes: Uint8Array; readonly tag: number }>();

  constructor(report: Report) {
    this.report = report;
  }

  /** Takes in one file, which may have to hold exceptions alone; returns its `[service]` section, if it has one. */
  read(file: string, bytes: Uint8Array, onlyExceptions = false): Section | null {
    this.files.push(file);
    this.#builder ??= new TableBuilder(estimateRows(bytes), bytes.length);
    const reader = new FileReader(this, file, this.files.length - 1, onlyExceptions);
    walkLines(bytes, reader);
    return reader.service;
  }

  get builder(): TableBuilder {
    this.#builder ??= new TableBuilder();
    return this.#builder;
  }

  /** The tag for a policy named in a row. */
  tagOfWord(text: string): number {
    let tag = this.#tagOfText.get(text);
    if (tag === undefined) {
      tag = this.targets.push({ word: { text, uses: [], count: 0 } }) - 1;
      this.#tagOfText.set(text, tag);
    }
    return tag;
  }

  /** The same from bytes, without a string for a word that was seen before. */
  tagOfPlain(bytes: Uint8Array, plain: RowScanner): number {
    const known = this.#tagOfHash.get(plain.wordHash);
    if (known !== undefined && same(known.bytes, bytes, plain.wordStart, plain.wordEnd)) return known.tag;
    const text = Buffer.from(bytes.subarray(plain.wordStart, plain.wordEnd)).toString('latin1');
    const tag = this.tagOfWord(text);
    if (known === undefined) this.#tagOfHash.set(plain.wordHash, { bytes: Buffer.from(text, 'latin1'), tag });
    return tag;
  }
}

function same(word: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (word.length !== end - start) return false;
  for (let i = 0; i < word.length; i++) if (word[i] !== bytes[start + i]) return false;
  return true;
}
