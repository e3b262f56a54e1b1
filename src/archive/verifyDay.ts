/**
 * Does a day of a stream hold? Compares its lines with every checkpoint that the key signed, and with what the first
 * line of the next day says of it.
 *
 *   holds         every line up to the last checkpoint is the one that was signed
 *   fails         some are not, or something was signed that is not there
 *   cannot-tell   nothing that the key signed is there to compare with, or the file cannot be read
 *   gone          the lines were deleted, as retention does; the head is still there
 */
import { count } from '../core/plural.ts';
import type { NoteVerifier } from '../evidence/note.ts';
import { codeOf, fileError } from '../files/systemError.ts';
import { type DayCheckpoints, readCheckpoints } from './checkpoints.ts';
import type { Head } from './dayRecord.ts';
import { type HashedDay, hashDay, type Mark } from './hashDay.ts';
import { checkpointFile, linesFile } from './layout.ts';
import { type Finding, locate } from './locate.ts';
import { EndlessLineError } from './readDay.ts';

export interface DayReport {
  readonly day: string;
  readonly result: 'holds' | 'fails' | 'cannot-tell' | 'gone';
  /** Whole lines in the file. */
  readonly lines: number;
  /** Lines, from the first, that are the signed ones. */
  readonly proven: number;
  /** Checkpoints that the key signed. */
  readonly checkpoints: number;
  /** The last of those, base64 of the root. */
  readonly head: { readonly size: number; readonly root: string } | null;
  readonly findings: readonly Finding[];
  /** What keeps a day from being told, or a reader should know. */
  readonly notes: readonly string[];
}

/** A day with what the next must say of it: the tree of its lines, or its last head when the lines are gone. */
interface VerifiedDay {
  readonly report: DayReport;
  readonly tree: Head | null;
}

export interface DayQuestion {
  readonly stream: string;
  readonly day: string;
  readonly verifier: NoteVerifier;
  /** What the first line of the next day says of this one; null: there is no next day, or it says nothing. */
  readonly next: { readonly by: string; readonly head: Head; readonly proven: boolean } | null;
  /** Is there a later day? Then nothing more is written to this one. */
  readonly closed: boolean;
  /** Are the lines there? */
  readonly hasLines: boolean;
}

const NOTHING = { lines: 0, proven: 0, checkpoints: 0, head: null, findings: [], notes: [] } as const;

export function verifyDay(question: DayQuestion): VerifiedDay {
  const { stream, day, verifier } = question;
  try {
    const checkpoints = readCheckpoints(stream, day, verifier);
    return question.hasLines ? verifyLines(question, checkpoints) : verifyHead(question, checkpoints);
  } catch (error) {
    if (codeOf(error) === '') throw error;
    const notes = [`cannot be read (${fileError(error)})`];
    return { report: { ...NOTHING, day, result: 'cannot-tell', notes }, tree: null };
  }
}

/** A day whose lines are gone: its last checkpoint must be the head that the next day names. */
function verifyHead({ day, next }: DayQuestion, found: DayCheckpoints | null): VerifiedDay {
  const findings = checkpointFindings(day, found, true);
  const last = found?.signed.at(-1);
  const tree = last === undefined ? null : { day, size: last.size, root: last.root };
  if (tree !== null && next !== null && !same(tree, next.head)) findings.push(otherHead(next, tree));
  const result = findings.length > 0 ? 'fails' : 'gone';
  const notes = last === undefined ? ['the lines are gone, and no checkpoint by the key is there'] : [];
  const report = {
    ...NOTHING,
    day,
    checkpoints: found?.signed.length ?? 0,
    head: headOf(last),
    findings,
    notes,
  };
  return {
    report: { ...report, result: last === undefined && result === 'gone' ? 'cannot-tell' : result },
    tree,
  };
}

function verifyLines(question: DayQuestion, found: DayCheckpoints | null): VerifiedDay {
  const { stream, day, next, closed } = question;
  const signed = found?.signed ?? [];
  const file = linesFile(stream, day);
  const findings = checkpointFindings(day, found, closed);
  const notes: string[] = [];
  const hashed = hashOrEndless(file, signed);
  if (hashed === null) {
    findings.push({ kind: 'rest', words: 'a line does not end where it must' }, ...locate(file, signed));
    const report = { ...NOTHING, day, checkpoints: signed.length, head: headOf(signed.at(-1)), findings };
    return { report: { ...report, result: 'fails' }, tree: null };
  }
  const last = signed.at(-1);
  const size = last?.size ?? 0;
  const broken = hashed.fits.includes(false) || !hashed.counted;
  if (size > hashed.lines)
    findings.push({
      kind: 'size',
      words: `${count(size, 'line')} ${size === 1 ? 'was' : 'were'} signed, ${hashed.lines} are there`,
    });
  if (broken) findings.push(...locate(file, signed));
  if (broken && findings.length === 0)
    findings.push({ kind: 'checkpoint', words: 'a signed checkpoint does not fit the lines' });
  const tree = { day, size: hashed.lines, root: hashed.root };
  if (next !== null && !same(tree, next.head)) findings.push(otherHead(next, tree));
  if (hashed.rest > 0) {
    const words = `${count(hashed.rest, 'byte')} after the last line are no line`;
    if (closed) findings.push({ kind: 'rest', words });
    else notes.push(words);
  }
  const sealed = next?.proven === true && same(tree, next.head);
  if (hashed.lines > size && !sealed && !broken) {
    const words = `lines after the last checkpoint, not proven: ${hashed.lines - size}`;
    // what is written to a closed day has been signed before the next began
    if (closed) findings.push({ kind: 'size', words });
    else notes.push(size === 0 ? words : `${words}, as long as no later one is written`);
  }
  const proven = provenLines(hashed, signed, sealed);
  const report = {
    day,
    lines: hashed.lines,
    proven,
    checkpoints: signed.length,
    head: headOf(last),
    findings,
    notes: last === undefined ? [...notes, 'no checkpoint by the key is there'] : notes,
  };
  const untold = last === undefined || (!closed && (found?.rest ?? 0) > 0);
  const result = findings.length > 0 ? 'fails' : untold ? 'cannot-tell' : 'holds';
  if (!closed && (found?.rest ?? 0) > 0)
    report.notes.push(
      `${checkpointFile('', day)} ends in ${count(found!.rest, 'byte')} that are no whole note`,
    );
  return { report: { ...report, result }, tree };
}

function hashOrEndless(file: string, marks: readonly Mark[]): HashedDay | null {
  try {
    return hashDay(file, marks);
  } catch (error) {
    if (error instanceof EndlessLineError) return null;
    throw error;
  }
}

function provenLines({ fits, lines }: HashedDay, marks: readonly Mark[], sealed: boolean): number {
  const size = marks.findLast((_, i) => fits[i])?.size ?? 0;
  return sealed && !fits.includes(false) && size > 0 ? lines : size;
}

function checkpointFindings(day: string, found: DayCheckpoints | null, closed: boolean): Finding[] {
  const file = checkpointFile('', day);
  const findings: Finding[] = [];
  const unsigned = found?.unsigned ?? 0;
  if (unsigned > 0)
    findings.push({
      kind: 'checkpoint',
      words: `${count(unsigned, 'note')} in ${file} ${unsigned === 1 ? 'is' : 'are'} no checkpoint of this day by the key`,
    });
  if (closed && (found?.rest ?? 0) > 0)
    findings.push({
      kind: 'checkpoint',
      words: `${file} ends in ${count(found!.rest, 'byte')} that are no note`,
    });
  return findings;
}

function otherHead({ by, head, proven }: NonNullable<DayQuestion['next']>, tree: Head): Finding {
  const sizes = head.size === tree.size ? 'another root' : `${count(head.size, 'line')}, not ${tree.size}`;
  return {
    kind: 'chain',
    words: `the first line of ${by}${proven ? '' : ', itself not proven,'} says that this day ended with ${sizes}`,
  };
}

function same(a: Head, b: Head): boolean {
  return a.day === b.day && a.size === b.size && a.root.equals(b.root);
}

function headOf(mark: Mark | undefined): DayReport['head'] {
  return mark === undefined ? null : { size: mark.size, root: mark.root.toString('base64') };
}
