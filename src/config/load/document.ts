/**
 * The contents of all files as plain data: the rows, and the sections, which are resolved later because a
 * policy is often defined in a file that is read after the rows that use it. `documentReader.ts` makes it.
 *
 * Rows go straight into a `TableBuilder`, each with a tag. A tag is an index of `targets`: it stands for a
 * policy name (in any number of `[domains]` lines) or for one section. Tags get their settings after every
 * file has been read.
 */
import type { Position } from '../../core/position.ts';
import type { TableBuilder } from '../../core/tableBuilder.ts';
import type { Section } from '../ini/section.ts';
import type { Pattern } from '../keys/pattern.ts';

/** A policy named by rows, with the first of these rows, for the report of a mistake. */
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

/** A row whose pattern contains no domain: with `receive = verify` it must list names. */
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
  /** At most one. */
  readonly alarms: Section[];
  readonly targets: Target[];
  readonly domainless: Domainless[];
  readonly builder: TableBuilder;
}
