/**
 * `tlsward evidence consistency FILE`: does a head that somebody kept still lead to the one that is there now? FILE holds
 * signed notes, as they were mailed or logged; the last one counts, or that of `--day`.
 */
import { splitNotes } from '../archive/checkpoints.ts';
import { proveConsistency } from '../archive/prove.ts';
import { escapeText } from '../core/escape.ts';
import { type Checkpoint, originOf, parseCheckpoint } from '../evidence/checkpoint.ts';
import { formatVerifier, type NoteVerifier, openNote } from '../evidence/note.ts';
import { checkProofFile, formatConsistency } from '../evidence/proof.ts';
import { readGuardedSync } from '../files/guardedReader.ts';
import { asciiJson } from './asciiJson.ts';
import { EXIT, type Io, paint } from './command.ts';
import { type KeyedStream, keyedStreams, keyText, keyWords } from './evidenceKeys.ts';
import { NoProofError, orSayWhyNot, putProof } from './evidenceOutput.ts';

const MAX_BYTES = 1 << 20;

interface KeptHead {
  readonly note: string;
  readonly day: string;
  readonly checkpoint: Checkpoint;
}

export function runConsistency(
  directories: readonly string[],
  keys: readonly NoteVerifier[] | null,
  file: string,
  values: { readonly day?: string | undefined; readonly output?: string | undefined; readonly json: boolean },
  io: Io,
): Promise<number> {
  return orSayWhyNot(io, values.json, async () => {
    const { stream, verifier, kept } = keptIn(file, keyedStreams(directories, keys), values.day);
    const { checkpoint: old } = kept;
    const made = proveConsistency(stream.folder, kept.day, old, verifier);
    if ('why' in made) throw new NoProofError(made.why === 'fails' ? EXIT.no : EXIT.cannotTell, made.words);
    const key = formatVerifier(verifier);
    const proof = formatConsistency({ key, old: kept.note, new: made.note, path: made.path });
    const checked = checkProofFile(Buffer.from(proof), [verifier]);
    if ('error' in checked)
      throw new NoProofError(
        EXIT.no,
        `the ${old.size} lines that were signed then are not the first ones that are signed now`,
      );
    if (values.output !== undefined) await putProof(values.output, proof, io);
    const { size } = made.head;
    if (values.json) {
      const heads = { origin: old.origin, old: old.size, new: size };
      io.out(`${asciiJson({ ok: true, ...heads, key: keyText(verifier), keyFrom: stream.keyFrom })}\n`);
    } else {
      const holds = paint(io, 'green', 'consistent');
      io.out(`${escapeText(old.origin, 600)}: ${holds}: ${old.size} lines then, ${size} now\n`);
      io.out(`  key ${escapeText(keyText(verifier), 600)}, ${keyWords(stream)}\n`);
    }
    return EXIT.yes;
  });
}

/** The head in the file, and the stream whose key signed it. */
function keptIn(file: string, streams: readonly KeyedStream[], day: string | undefined) {
  const found = readGuardedSync(file, { maxBytes: MAX_BYTES, followLinks: true, refuse: () => null });
  const shown = escapeText(file, 300);
  if (found.kind !== 'read') throw new NoProofError(EXIT.data, `${shown}: is not a file of signed heads`);
  const text = found.bytes.toString().replaceAll('\r\n', '\n');
  for (const stream of streams) {
    const { verifier } = stream;
    if (typeof verifier === 'string') continue;
    const kept = keptHead(text, verifier, day);
    if (kept !== null) return { stream, verifier, kept };
  }
  const which = day === undefined ? '' : ` of ${day}`;
  throw new NoProofError(EXIT.cannotTell, `${shown}: no head${which} is signed by the key of a stream`);
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
