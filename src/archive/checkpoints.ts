/**
 * The checkpoints of a day: DAY.ckpt holds signed notes one behind the other, each a text, an empty line and the
 * lines of its signatures. A crash can leave the beginning of one at the end: it is no note, and counted in bytes.
 */
import { type Checkpoint, originOf, parseCheckpoint } from '../evidence/checkpoint.ts';
import { type NoteVerifier, openNote } from '../evidence/note.ts';
import { readGuardedSync } from '../files/guardedReader.ts';
import { codeOf } from '../files/systemError.ts';
import { checkpointFile } from './layout.ts';

/** The writer replaces the file by its last note when it has more than 64 KiB. */
const MAX_BYTES = 1 << 20;
const SIGNATURE = '\u2014 ';

interface SignedCheckpoint extends Checkpoint {
  /** The note as it stands in the file. */
  readonly note: string;
}

export interface DayCheckpoints {
  /** Signed by the key, and of this day; smallest first. */
  readonly signed: readonly SignedCheckpoint[];
  /** Notes that are not. */
  readonly unsigned: number;
  /** Bytes after the last whole note. */
  readonly rest: number;
}

/** The notes that stand one behind the other, and what follows the last whole one. */
export function splitNotes(text: string): { readonly notes: readonly string[]; readonly rest: string } {
  const notes: string[] = [];
  let from = 0;
  for (;;) {
    let end = text.indexOf(`\n\n${SIGNATURE}`, from);
    if (end < 0) break;
    end += 2;
    while (text.startsWith(SIGNATURE, end)) {
      const line = text.indexOf('\n', end);
      // the last signature is not whole
      if (line < 0) return { notes, rest: text.slice(from) };
      end = line + 1;
    }
    notes.push(text.slice(from, end));
    from = end;
  }
  return { notes, rest: text.slice(from) };
}

/** The checkpoints of a day; null without such a file. Throws the error of open(2) or read(2). */
export function readCheckpoints(stream: string, day: string, verifier: NoteVerifier): DayCheckpoints | null {
  const text = textOf(checkpointFile(stream, day));
  if (text === null) return null;
  const { notes, rest } = splitNotes(text);
  const signed = notes.flatMap((note) => {
    const body = openNote(note, verifier);
    const checkpoint = body === null ? null : parseCheckpoint(body);
    return checkpoint?.origin === originOf(verifier.name, day) ? [{ ...checkpoint, note }] : [];
  });
  return {
    signed: signed.sort((a, b) => a.size - b.size),
    unsigned: notes.length - signed.length,
    rest: Buffer.byteLength(rest),
  };
}

function textOf(file: string): string | null {
  try {
    const found = readGuardedSync(file, { maxBytes: MAX_BYTES, followLinks: false, refuse: () => null });
    if (found.kind === 'read') return found.bytes.toString();
    throw Object.assign(new Error(`${file}: ${found.kind}`), { code: 'EFBIG' });
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}
