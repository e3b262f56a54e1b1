/**
 * Proof files: JSON that proves records to whoever has the public key of their stream, and nothing else of it.
 *
 *   {"format":"tlsward-proof/1","proofs":[{
 *     "key":        verifier key of the stream, as in evidence.pub
 *     "line":       the record, byte by byte as it was written, without its LF
 *     "index":      its place in its day, from 0
 *     "size":       how many lines the checkpoint covers
 *     "path":       the audit path in that tree, base64
 *     "checkpoint": the signed note
 *     "next":       null, or the first line of the next day, which names this checkpoint:
 *                   {"line","index","size","path","checkpoint"} as above
 *   }, ...]}
 *
 *   {"format":"tlsward-consistency/1","key","old","new","path"}    two signed notes: the newer tree begins with the older
 *
 * Every field must be there and no other may be. contrib/verify has two more programs that check the same files.
 */
import { escapeText } from '../core/escape.ts';
import { isNestedDeeper } from '../core/jsonDepth.ts';
import { type Checkpoint, originOf, parseCheckpoint } from './checkpoint.ts';
import { HASH_BYTES, isConsistent, leafHash, rootOfInclusion } from './merkle.ts';
import { formatVerifier, type NoteVerifier, openNote, parseBase64 } from './note.ts';

const PROOF_FORMAT = 'tlsward-proof/1';
const CONSISTENCY_FORMAT = 'tlsward-consistency/1';
/** Longest proof file that is read. */
export const MAX_PROOF_BYTES = 16 << 20;

/** A line under a signed checkpoint. */
export interface ProvenLine {
  readonly line: string;
  readonly index: number;
  readonly size: number;
  readonly path: readonly string[];
  readonly checkpoint: string;
}

export interface RecordProof extends ProvenLine {
  readonly key: string;
  readonly next: ProvenLine | null;
}

interface ConsistencyProof {
  readonly key: string;
  readonly old: string;
  readonly new: string;
  readonly path: readonly string[];
}

/** What a file proves. */
export type Proven =
  | {
      readonly kind: 'record';
      readonly key: NoteVerifier;
      readonly line: string;
      readonly index: number;
      readonly checkpoint: Checkpoint;
      /** The day whose first line names the checkpoint; null: no later day is in the file. */
      readonly next: string | null;
    }
  | {
      readonly kind: 'consistency';
      readonly key: NoteVerifier;
      readonly old: Checkpoint;
      readonly new: Checkpoint;
    };

export function formatProofs(proofs: readonly RecordProof[]): string {
  return `${JSON.stringify({ format: PROOF_FORMAT, proofs }, null, 1)}\n`;
}

export function formatConsistency(proof: ConsistencyProof): string {
  return `${JSON.stringify({ format: CONSISTENCY_FORMAT, ...proof }, null, 1)}\n`;
}

/** It proves nothing; the message says why. */
class Unproven extends Error {}

/** What the file proves by one of the keys, at least one thing; or why it proves nothing. */
export function checkProofFile(
  bytes: Uint8Array,
  keys: readonly NoteVerifier[],
): readonly Proven[] | { readonly error: string } {
  try {
    const file = parse(bytes);
    if (file.format === CONSISTENCY_FORMAT) return [checkConsistency(file, keys)];
    if (file.format !== PROOF_FORMAT) throw new Unproven('it is not a proof file of this version');
    exactly(file, ['format', 'proofs']);
    if (!Array.isArray(file.proofs) || file.proofs.length === 0) throw new Unproven('it has no proofs');
    return file.proofs.map((proof) => checkRecord(proof, keys));
  } catch (error) {
    if (error instanceof Unproven) return { error: error.message };
    throw error;
  }
}

/** More than a proof has, or will. */
const MAX_DEPTH = 16;

function parse(bytes: Uint8Array): Record<string, unknown> {
  if (bytes.length > MAX_PROOF_BYTES) throw new Unproven('it is too long');
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    const file: unknown = isNestedDeeper(text, MAX_DEPTH) ? null : JSON.parse(text);
    if (isObject(file)) return file;
  } catch {
    // not UTF-8 or not JSON
  }
  throw new Unproven('it is not a JSON object');
}

function checkRecord(proof: unknown, keys: readonly NoteVerifier[]): Proven {
  exactly(proof, ['key', 'line', 'index', 'size', 'path', 'checkpoint', 'next']);
  const key = keyOf(proof.key, keys);
  const { line, index, checkpoint, day } = checkLine(proof, key);
  if (proof.next === null) return { kind: 'record', key, line, index, checkpoint, next: null };
  exactly(proof.next, ['line', 'index', 'size', 'path', 'checkpoint']);
  const next = checkLine(proof.next, key);
  if (next.index !== 0 || next.day <= day || !names(next.line, day, checkpoint))
    throw new Unproven('the line of the next day does not name the checkpoint');
  return { kind: 'record', key, line, index, checkpoint, next: next.day };
}

interface CheckedLine {
  readonly line: string;
  readonly index: number;
  readonly checkpoint: Checkpoint;
  readonly day: string;
}

function checkLine(proof: Readonly<Record<string, unknown>>, key: NoteVerifier): CheckedLine {
  const { line, index, size } = proof;
  if (typeof line !== 'string' || line.includes('\n') || Buffer.from(line).toString() !== line)
    throw new Unproven('"line" is not a line');
  if (!isIndex(index) || !isIndex(size)) throw new Unproven('"index" or "size" is not a number of lines');
  if (!line.startsWith(`{"v":1,"n":${index},`)) throw new Unproven('the line does not have this index');
  const { checkpoint, day } = checkNote(proof.checkpoint, key);
  if (checkpoint.size !== size) throw new Unproven('the checkpoint is of another size');
  const root = rootOfInclusion(leafHash(line), index, size, hashesOf(proof.path));
  if (root?.equals(checkpoint.root) !== true)
    throw new Unproven('the path does not lead from the line to the root');
  return { line, index, checkpoint, day };
}

function checkNote(
  note: unknown,
  key: NoteVerifier,
): { readonly checkpoint: Checkpoint; readonly day: string } {
  const text = typeof note === 'string' ? openNote(note, key) : null;
  if (text === null) throw new Unproven('a checkpoint is not signed by the key');
  const checkpoint = parseCheckpoint(text);
  const day = checkpoint?.origin.slice(-DAY_LENGTH) ?? '';
  if (checkpoint === null || !/^\d{4}-\d\d-\d\d$/.test(day) || checkpoint.origin !== originOf(key.name, day))
    throw new Unproven('what is signed is not a checkpoint of the stream');
  return { checkpoint, day };
}

const DAY_LENGTH = '2026-11-30'.length;

/** Does the first line of a day say that the day before it ended so? */
function names(line: string, day: string, { size, root }: Checkpoint): boolean {
  try {
    const record: unknown = JSON.parse(line);
    if (!isObject(record) || record.type !== 'day' || !isObject(record.previous)) return false;
    const { previous } = record;
    return previous.day === day && previous.size === size && previous.root === root.toString('base64');
  } catch {
    return false;
  }
}

function checkConsistency(file: unknown, keys: readonly NoteVerifier[]): Proven {
  exactly(file, ['format', 'key', 'old', 'new', 'path']);
  const key = keyOf(file.key, keys);
  const older = checkNote(file.old, key);
  const newer = checkNote(file.new, key);
  if (older.day !== newer.day) throw new Unproven('the checkpoints are of different days');
  const [a, b] = [older.checkpoint, newer.checkpoint];
  if (!isConsistent(a.size, a.root, b.size, b.root, hashesOf(file.path)))
    throw new Unproven('the newer tree is not proven to begin with the older');
  return { kind: 'consistency', key, old: a, new: b };
}

/** The key that the file names, if it is one of those that the reader trusts. */
function keyOf(named: unknown, keys: readonly NoteVerifier[]): NoteVerifier {
  const key = keys.find((one) => formatVerifier(one) === named);
  if (key !== undefined) return key;
  throw new Unproven(`it is by another key: ${escapeText(typeof named === 'string' ? named : 'none', 600)}`);
}

function hashesOf(path: unknown): Buffer[] {
  if (!Array.isArray(path) || path.length > 128) throw new Unproven('"path" is not a list of hashes');
  return path.map((text: unknown) => {
    const hash = typeof text === 'string' ? parseBase64(text) : null;
    if (hash?.length !== HASH_BYTES) throw new Unproven('"path" is not a list of hashes');
    return hash;
  });
}

function isIndex(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function exactly(value: unknown, fields: readonly string[]): asserts value is Record<string, unknown> {
  const names = isObject(value) ? Object.keys(value) : [];
  if (names.length === fields.length && fields.every((field) => names.includes(field))) return;
  throw new Unproven(`expected the fields ${fields.join(', ')} and no other`);
}
