/**
 * Mistakes and notices about configuration files. They are collected and not thrown, so that an administrator
 * gets all of them at once.
 *
 * A table with a problem cannot be used; a notice is only information. Both have a position and print as one
 * line:
 *
 *   tls.ini:14: [domain x] receive: found "encrpyt", expected one of none, may, encrypt, verify (did you mean encrypt?)
 *
 * Line 0 is the file as a whole. Text from files is cut and escaped before it is printed (core/escape.ts).
 * The first MAX_REPORTED of each kind are kept and the rest are counted, because a million rows can contain a
 * million mistakes.
 */
import { escapeText } from '../../core/escape.ts';
import { count } from '../../core/plural.ts';
import { formatPosition, type Position } from '../../core/position.ts';

/** A mistake in one value, without its position. Parsers return it instead of a value. */
export class Invalid {
  /** What was found, as it is printed; text from the file goes through `quote`. */
  readonly found: string;
  readonly expected: string;
  /** A likely fix; '' when there is none to offer. */
  readonly hint: string;
  /** Further mistakes in the same value, such as other elements of a list. */
  readonly others: readonly Invalid[];

  constructor(found: string, expected: string, hint = '', others: readonly Invalid[] = []) {
    this.found = found;
    this.expected = expected;
    this.hint = hint;
    this.others = others;
  }

  /** Several as one; null for none. */
  static all(list: readonly Invalid[]): Invalid | null {
    const [first, ...others] = list;
    return first === undefined ? null : new Invalid(first.found, first.expected, first.hint, others);
  }
}

export interface Problem extends Position {
  /** `[domain x] receive`, `[domains] bank.example`; '' for the file as a whole. */
  readonly where: string;
  readonly found: string;
  readonly expected: string;
  readonly hint: string;
}

type NoticeKind =
  /** A row's `until` has passed. */
  | 'overdue'
  /** A key without effect, in this version or because of other keys. */
  | 'no-effect'
  /** Allowed, but perhaps a mistake. */
  | 'suspect'
  /** About the file: who can write to it, or what it lacks. */
  | 'file';

export interface Notice extends Position {
  readonly kind: NoticeKind;
  readonly where: string;
  readonly text: string;
}

/** Most problems, and most notices, that are kept; the rest are counted. */
const MAX_REPORTED = 1000;
/** Characters of foreign text shown in one place. */
const MAX_SHOWN = 80;
/** The same for paths, whose end matters most. */
const MAX_PATH = 400;

/** Foreign text, escaped, in double quotes; `nothing` when there is none. */
export function quote(text: string, limit = MAX_SHOWN): string {
  if (text === '') return 'nothing';
  return `"${escapeText(text, limit)}"`;
}

/** A path in double quotes. */
export function quotePath(path: string): string {
  return quote(path, MAX_PATH);
}

/** One line, without its line end. */
export function formatProblem(problem: Problem): string {
  const where = problem.where === '' ? '' : `${problem.where}: `;
  const hint = problem.hint === '' ? '' : ` (${problem.hint})`;
  return `${formatPosition(problem)}: ${where}found ${problem.found}, expected ${problem.expected}${hint}`;
}

/** A problem as JSON shows it: in parts, and as the line that is printed. */
export interface ShownProblem extends Problem {
  readonly text: string;
}

/** With its line. */
export function shownProblem(problem: Problem): ShownProblem {
  return { ...problem, text: formatProblem(problem) };
}

/** One line, without its line end. */
export function formatNotice(notice: Notice): string {
  const where = notice.where === '' ? '' : `${notice.where}: `;
  return `${formatPosition(notice)}: ${where}${notice.text}`;
}

/** Collects problems and notices while one set of files is loaded. */
export class Report {
  readonly #problems: Problem[] = [];
  readonly #notices: Notice[] = [];
  #problemCount = 0;
  #noticeCount = 0;

  get failed(): boolean {
    return this.#problemCount > 0;
  }

  /** Are further problems only counted? Then their hints need not be worked out. */
  get full(): boolean {
    return this.#problems.length >= MAX_REPORTED;
  }

  problem(at: Position, where: string, wrong: Invalid): void {
    for (const { found, expected, hint } of [wrong, ...wrong.others]) {
      this.#problemCount++;
      if (this.#problems.length >= MAX_REPORTED) continue;
      this.#problems.push({ file: at.file, line: at.line, where, found, expected, hint });
    }
  }

  notice(kind: NoticeKind, at: Position, where: string, text: string): void {
    this.#noticeCount++;
    if (this.#notices.length >= MAX_REPORTED) return;
    this.#notices.push({ kind, file: at.file, line: at.line, where, text });
  }

  /**
   * Sorted by file, in the order in which files were read, then line; the last one counts what was left out.
   */
  problems(files: readonly string[]): Problem[] {
    const sorted = sortedBy(this.#problems, files);
    const more = this.#problemCount - sorted.length;
    const last = sorted.at(-1);
    if (more > 0 && last !== undefined) {
      sorted.push({
        file: last.file,
        line: 0,
        where: '',
        found: count(more, 'more mistake'),
        expected: 'none',
        hint: '',
      });
    }
    return sorted;
  }

  notices(files: readonly string[]): Notice[] {
    const sorted = sortedBy(this.#notices, files);
    const more = this.#noticeCount - sorted.length;
    const last = sorted.at(-1);
    if (more > 0 && last !== undefined) {
      sorted.push({ kind: last.kind, file: last.file, line: 0, where: '', text: `${more} more notices` });
    }
    return sorted;
  }
}

function sortedBy<T extends Position>(all: readonly T[], files: readonly string[]): T[] {
  const order = new Map(files.map((file, i) => [file, i]));
  const rank = (at: T) => order.get(at.file) ?? files.length;
  return [...all].sort((a, b) => rank(a) - rank(b) || a.line - b.line);
}
