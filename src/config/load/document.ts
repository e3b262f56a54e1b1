/**
 * What all files together say, as plain data: the rows, and the sections that still need each other (policies are often
 * defined in a file that is read later than the rows that use them). `documentReader.ts` makes it.
 *
 * Rows go straight into a `TableBuilder` under a tag. A tag is an index of `targets`: it stands for a word (the policy named
 * by any number of `[domains]` lines) or for one section, and gets its settings when every file has been read.
 */
import type { Position } from '../../core/position.ts';
import type { TableBuilder } from '../../core/tableBuilder.ts';
import type { Section } from '../ini/section.ts';
import type { Pattern } from '../keys/pattern.ts';

/** A policy named by rows, with the first of them: enough to report, however many rows there are. */
interface Word {
  readonly text: string;
  readonly uses: (Position & { readonly pattern: string })[];
  count: number;
}

/** An exception as written. */
interface WrittenException {
  readonly section: Section;
  readonly pattern: Pattern;
  /** Index of its file. */
  readonly file: number;
}

/** An exception at its place in the table. */
export interface PlacedException {
  readonly section: Section;
  /** What it starts from; null: the built-in `may`. */
  readonly base: { readonly tag: number; readonly pattern: string } | null;
}

export type Target =
  | { readonly word: Word }
  | { readonly section: Section }
  | { readonly exception: PlacedException };

/** A row whose pattern names no domain, which `receive = verify` must be told names for. */
interface Domainless extends Position {
  readonly tag: number;
  readonly where: string;
}

export interface Document {
  /** Names, in the order in which they were read. */
  readonly files: string[];
  readonly policies: Section[];
  readonly rules: Section[];
  readonly exceptions: WrittenException[];
  /** One for each file that has it, the main file's first. */
  readonly services: Section[];
  readonly targets: Target[];
  readonly domainless: Domainless[];
  readonly builder: TableBuilder;
}
