/**
 * Makes proofs from a day: the audit paths of lines under its last signed checkpoint, and that the day goes on from a
 * head that somebody kept. The tree is recomputed on the way: nothing is proven from a day that does not hold.
 */
import type { Checkpoint } from '../evidence/checkpoint.ts';
import {
  consistencyRanges,
  HASH_BYTES,
  inclusionRanges,
  RangeRoots,
  sha256Into,
} from '../evidence/merkle.ts';
import type { NoteVerifier } from '../evidence/note.ts';
import type { ProvenLine } from '../evidence/proof.ts';
import { readCheckpoints } from './checkpoints.ts';
import { firstLine, previousIn } from './dayRecord.ts';
import { daysOf, linesFile } from './layout.ts';
import { chunksOf } from './readDay.ts';

/** Why there is no proof: `not-yet` is not signed so far, `fails` is a day that does not hold. */
interface NoProof {
  readonly why: 'not-yet' | 'fails';
  readonly words: string;
}

const LF = 10;

/** The first `size` lines of a file, each with its leaf hash; both are valid until the next is asked for. */
function* leavesOf(file: string, size: number): Generator<{ readonly leaf: Buffer; readonly line: Buffer }> {
  const leaf = Buffer.alloc(HASH_BYTES);
  let left = size;
  for (const { bytes, start, end } of chunksOf(file)) {
    for (let at = start; at < end && left > 0; left--) {
      const stop = bytes.indexOf(LF, at);
      bytes[at - 1] = 0;
      sha256Into(bytes.subarray(at - 1, stop), leaf, 0);
      yield { leaf, line: bytes.subarray(at, stop) };
      at = stop + 1;
    }
    if (left === 0) return;
  }
}

/** Proofs of lines of a day, in the order of `indexes`. Throws what `chunksOf` and `readCheckpoints` do. */
export function proveLines(
  stream: string,
  day: string,
  indexes: readonly number[],
  verifier: NoteVerifier,
): ProvenLine[] | NoProof {
  const head = readCheckpoints(stream, day, verifier)?.signed.at(-1);
  if (head === undefined) return { why: 'not-yet', words: `no checkpoint of ${day} is signed by the key` };
  const late = indexes.find((index) => index >= head.size);
  if (late !== undefined)
    return {
      why: 'not-yet',
      words: `the last checkpoint of ${day} is of ${head.size} lines, without n ${late}`,
    };
  const paths = indexes.map((index) => inclusionRanges(index, head.size));
  const tree = new RangeRoots(paths.flat());
  const lines = new Map<number, string>();
  const wanted = new Set(indexes);
  for (const { leaf, line } of leavesOf(linesFile(stream, day), head.size)) {
    if (wanted.has(tree.size)) lines.set(tree.size, line.toString());
    tree.add(leaf);
  }
  if (tree.size !== head.size || !tree.root().equals(head.root)) return doesNotHold(day);
  const roots = base64(tree.roots());
  return indexes.map((index, i) => ({
    line: lines.get(index)!,
    index,
    size: head.size,
    path: roots.splice(0, paths[i]!.length),
    checkpoint: head.note,
  }));
}

/** The proof that the next day names the last head of this one; null as long as there is none. */
export function proveNext(stream: string, day: string, verifier: NoteVerifier): ProvenLine | null {
  const next = daysOf(stream).find((one) => one > day);
  const head = readCheckpoints(stream, day, verifier)?.signed.at(-1);
  if (next === undefined || head === undefined) return null;
  const line = firstLine(linesFile(stream, next));
  const previous = line === null ? 'unreadable' : previousIn(line);
  if (typeof previous === 'string' || previous.day !== day || previous.size !== head.size) return null;
  if (!previous.root.equals(head.root)) return null;
  const proofs = proveLines(stream, next, [0], verifier);
  return Array.isArray(proofs) ? proofs[0]! : null;
}

/** The path from an older head of a day to its last one. Throws what `chunksOf` and `readCheckpoints` do. */
export function proveConsistency(
  stream: string,
  day: string,
  old: Checkpoint,
  verifier: NoteVerifier,
): { readonly note: string; readonly head: Checkpoint; readonly path: string[] } | NoProof {
  const head = readCheckpoints(stream, day, verifier)?.signed.at(-1);
  if (head === undefined) return { why: 'not-yet', words: `no checkpoint of ${day} is signed by the key` };
  if (head.size < old.size)
    return {
      why: 'fails',
      words: `${old.size} lines were signed, and the last checkpoint is of ${head.size}`,
    };
  // the same head needs no path, so the lines may be gone
  if (head.size === old.size) return { note: head.note, head, path: [] };
  const tree = new RangeRoots(consistencyRanges(old.size, head.size));
  for (const { leaf } of leavesOf(linesFile(stream, day), head.size)) tree.add(leaf);
  if (tree.size !== head.size || !tree.root().equals(head.root)) return doesNotHold(day);
  return { note: head.note, head, path: base64(tree.roots()) };
}

function doesNotHold(day: string): NoProof {
  return { why: 'fails', words: `the lines of ${day} are not those that were signed` };
}

function base64(hashes: readonly Buffer[]): string[] {
  return hashes.map((hash) => hash.toString('base64'));
}
