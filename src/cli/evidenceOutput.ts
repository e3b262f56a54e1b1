/** Where proofs go: a new file, never one that is there; or standard output. */
import { basename } from 'node:path';
import { escapeText } from '../core/escape.ts';
import { writeAtomically } from '../files/atomicWriter.ts';
import { fileError } from '../files/systemError.ts';
import { EXIT, type Io, reportError } from './command.ts';

/** Returns an exit status: 0, or 73 when the file cannot be made; what failed is then said. */
export async function putProof(
  file: string | undefined,
  text: string,
  json: boolean,
  io: Io,
): Promise<number> {
  if (file === undefined) {
    io.out(text);
    return EXIT.yes;
  }
  try {
    await writeAtomically(file, text, { how: 'create', draft: `.${basename(file)}.`, syncFolder: false });
    return EXIT.yes;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    reportError(io, json, `${escapeText(file, 300)}: cannot be made (${fileError(error)})`);
    return EXIT.cannotCreate;
  }
}
