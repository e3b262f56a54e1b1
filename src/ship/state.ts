/**
 * How far a stream has been sent to a target: a file in the folder `ship` of the evidence directory, replaced as a
 * whole after each block that the server has acknowledged. A process that is killed between the two sends that block
 * once more, which changes nothing in the table.
 *
 * It belongs to the owner of the evidence, also when root has written it. Without the file, and when it is not one of
 * ours, everything is sent again.
 */
import { lchownSync, lstatSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isDay } from '../archive/layout.ts';
import { HASH_BYTES } from '../evidence/merkle.ts';
import { writeAtomically } from '../files/atomicWriter.ts';
import { readGuardedSync } from '../files/guardedReader.ts';
import { codeOf } from '../files/systemError.ts';
import type { BlockStart } from './plan.ts';
import { type Target, targetId, targetText } from './target.ts';

export interface Position {
  readonly day: string;
  /** Of the block that is not complete yet. */
  readonly block: BlockStart;
  /** Records of the day that the server has acknowledged. */
  readonly sent: number;
}

export interface Problem {
  readonly text: string;
  /** ISO 8601. */
  readonly since: string;
}

export interface State {
  readonly position: Position | null;
  /** When the server acknowledged a block last, ISO 8601. */
  readonly acknowledged: string | null;
  /** What keeps records from being sent. */
  readonly problem: Problem | null;
}

const FOLDER = 'ship';
const MAX_BYTES = 65_536;
const NOTHING_SENT: State = { position: null, acknowledged: null, problem: null };

export function stateFile(directory: string, stream: string, target: Target): string {
  return join(directory, FOLDER, `${stream}-${targetId(target)}.json`);
}

/** Rejects with the error of the system call. */
export async function writeState(file: string, target: Target, state: State): Promise<void> {
  const { position, acknowledged, problem } = state;
  const block = position?.block;
  const text = JSON.stringify({
    v: 1,
    target: targetText(target),
    ...(position !== null && block !== undefined
      ? {
          day: position.day,
          sent: position.sent,
          index: block.index,
          offset: block.offset,
          frontier: block.frontier.map((hash) => hash.toString('base64')),
        }
      : {}),
    acknowledged,
    problem,
  });
  const folder = dirname(file);
  mkdirSync(folder, { recursive: true, mode: 0o750 });
  await writeAtomically(file, `${text}\n`, { how: 'replace', draft: '.ship-', syncFolder: true });
  if (process.getuid?.() !== 0) return;
  // what root has sent by hand, the unit goes on with: both belong to whom the evidence belongs to
  const { uid, gid } = lstatSync(dirname(folder));
  for (const path of [folder, file]) lchownSync(path, uid, gid);
}

/** Throws the error of open(2) or read(2), except that there is no such file. */
export function readState(file: string): State {
  let found: ReturnType<typeof readGuardedSync<null>>;
  try {
    found = readGuardedSync(file, { maxBytes: MAX_BYTES, followLinks: false, refuse: () => null });
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return NOTHING_SENT;
    throw error;
  }
  return (found.kind === 'read' ? parseState(found.bytes.toString()) : null) ?? NOTHING_SENT;
}

function parseState(text: string): State | null {
  let value: Readonly<Record<string, unknown>>;
  try {
    value = JSON.parse(text) as typeof value;
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null || value.v !== 1) return null;
  const { acknowledged, problem } = value;
  return {
    position: positionOf(value),
    acknowledged: typeof acknowledged === 'string' ? acknowledged : null,
    problem: isProblem(problem) ? problem : null,
  };
}

function positionOf({
  day,
  sent,
  index,
  offset,
  frontier,
}: Readonly<Record<string, unknown>>): Position | null {
  if (typeof day !== 'string' || !isDay(day) || !isCount(sent) || !isCount(index) || !isCount(offset))
    return null;
  if (!Array.isArray(frontier) || frontier.length > 64 || sent < index) return null;
  const hashes = frontier.map((hash) => Buffer.from(String(hash), 'base64'));
  const ones = BigInt(index).toString(2).replaceAll('0', '').length;
  if (hashes.length !== ones || hashes.some(({ length }) => length !== HASH_BYTES)) return null;
  return { day, sent, block: { index, offset, frontier: hashes } };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isProblem(value: unknown): value is Problem {
  const { text, since } = (value ?? {}) as Partial<Problem>;
  return typeof text === 'string' && typeof since === 'string';
}
