/**
 * `tlsward evidence consistency FILE`: does a head that somebody kept still lead to the one that is there now? FILE holds
 * signed notes, as they were mailed or logged; the last one counts, or that of `--day`.
 */
import { splitNotes } from '../archive/checkpoints.ts';
import { proveConsistency } from '../archive/prove.ts';
import { EndlessLineError } from '../archive/readDay.ts';
import { escapeText } from '../core/escape.ts';
import { type Checkpoint, originOf, parseCheckpoint } from '../evidence/checkpoint.ts';
import { formatVerifier, type NoteVerifier, openNote } from '../evidence/note.ts';
import { checkProofFile, formatConsistency } from '../evidence/proof.ts';
import { readGuardedSync } from '../files/guardedReader.ts';
import { asciiJson } from './asciiJson.ts';
import { EXIT, type Io, paint, reportError, unreadable } from './command.ts';
import { keyedStreams, keyText, keyWords } from './evidenceKeys.ts';
import { putProof } from './evidenceOutput.ts';

const MAX_BYTES = 1 << 20;

interface KeptHead {
  readonly note: string;
  readonly day: string;
  readonly checkpoint: Checkpoint;
}

export async function runConsistency(
  directories: readonly string[],
  keys: readonly NoteVerifier[] | null,
  file: string,
  values: { readonly day?: string | undefined; readonly output?: string | undefined; readonly json: boolean },
  io: Io,
): Promise<number> {
  const { json } = values;
  const fail = (code: number, words: string): number => {
    reportError(io, json, words);
    return code;
  };
  let text: string;
  try {
    const found = readGuardedSync(file, { maxBytes: MAX_BYTES, followLinks: true, refuse: () => null });
    if (found.kind !== 'read')
      return fail(EXIT.data, `${escapeText(file, 300)}: is not a file of signed heads`);
    text = found.bytes.toString().replaceAll('\r\n', '\n');
  } catch (error) {
    return unreadable(io, json, file, error);
  }
  for (const stream of keyedStreams(directories, keys)) {
    const { verifier, folder } = stream;
    const kept = typeof verifier === 'string' ? null : keptHead(text, verifier, values.day);
    if (kept === null || typeof verifier === 'string') continue;
    const { checkpoint: old, day } = kept;
    try {
      const made = proveConsistency(folder, day, old, verifier);
      if ('why' in made) return fail(made.why === 'fails' ? EXIT.no : EXIT.cannotTell, made.words);
      const proof = formatConsistency({
        key: formatVerifier(verifier),
        old: kept.note,
        new: made.note,
        path: made.path,
      });
      const checked = checkProofFile(Buffer.from(proof), [verifier]);
      if ('error' in checked)
        return fail(
          EXIT.no,
          `the ${old.size} lines that were signed then are not the first ones that are signed now`,
        );
      if (values.output !== undefined) {
        const code = await putProof(values.output, proof, json, io);
        if (code !== EXIT.yes) return code;
      }
      const heads = { origin: old.origin, old: old.size, new: made.head.size };
      if (json)
        io.out(`${asciiJson({ ok: true, ...heads, key: keyText(verifier), keyFrom: stream.keyFrom })}\n`);
      else {
        const holds = paint(io, 'green', 'consistent');
        io.out(`${escapeText(old.origin, 600)}: ${holds}: ${old.size} lines then, ${made.head.size} now\n`);
        io.out(`  key ${escapeText(keyText(verifier), 600)}, ${keyWords(stream)}\n`);
      }
      return EXIT.yes;
    } catch (error) {
      if (error instanceof EndlessLineError) return fail(EXIT.no, escapeText(error.message, 500));
      return unreadable(io, json, folder, error);
    }
  }
  const which = values.day === undefined ? '' : ` of ${values.day}`;
  return fail(EXIT.cannotTell, `${escapeText(file, 300)}: no head${which} is signed by the key of a stream`);
}

/** The last head in the text that the key signed. */
function keptHead(text: string, verifier: NoteVerifier, only: string | undefined): KeptHead | null {
  for (const note of notesIn(text, verifier.name).reverse()) {
    const body = openNote(note, verifier);
    const checkpoint = body === null ? null : parseCheckpoint(body);
    const day = checkpoint?.origin.slice(-'2026-11-30'.length) ?? '';
    if (checkpoint === null || checkpoint.origin !== originOf(verifier.name, day)) continue;
    if (only === undefined || only === day) return { note, day, checkpoint };
  }
  return null;
}

/** Notes may stand in other text, as in a mail: each begins with the line of its origin. */
function notesIn(text: string, name: string): string[] {
  const origin = `${name}/`;
  return splitNotes(text).notes.map((note) => note.slice(note.lastIndexOf(`\n${origin}`) + 1));
}
