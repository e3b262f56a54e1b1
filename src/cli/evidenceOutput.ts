/** Where proofs go (a new file, never one that is there, or standard output), and how it is said that there is none. */
import { basename } from 'node:path';
import { EndlessLineError } from '../archive/readDay.ts';
import { escapeText } from '../core/escape.ts';
import { writeAtomically } from '../files/atomicWriter.ts';
import { fileError } from '../files/systemError.ts';
import { EXIT, type Io, reportError } from './command.ts';

/** There is no proof; the message says why. */
export class NoProofError extends Error {
  readonly exit: number;

  constructor(exit: number, words: string) {
    super(words);
    this.exit = exit;
  }
}

/** Runs the work; says what keeps it from a proof, errors of the system included, and returns the exit status. */
export async function orSayWhyNot(io: Io, json: boolean, work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (error instanceof NoProofError) {
      reportError(io, json, error.message);
      return error.exit;
    }
    if (error instanceof EndlessLineError) {
      reportError(io, json, escapeText(error.message, 500));
      return EXIT.no;
    }
    if (!('code' in error)) throw error;
    const path = 'path' in error ? String(error.path) : 'the evidence';
    reportError(io, json, `${escapeText(path, 300)}: cannot be read (${fileError(error)})`);
    return EXIT.data;
  }
}

/** Throws NoProofError with status 73 when the file cannot be made. */
export async function putProof(file: string | undefined, text: string, io: Io): Promise<void> {
  if (file === undefined) {
    io.out(text);
    return;
  }
  try {
    await writeAtomically(file, text, { how: 'create', draft: `.${basename(file)}.`, syncFolder: false });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    throw new NoProofError(
      EXIT.cannotCreate,
      `${escapeText(file, 300)}: cannot be made (${fileError(error)})`,
    );
  }
}
