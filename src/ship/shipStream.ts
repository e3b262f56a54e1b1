/**
 * One pass over a stream: sends what its key has signed and the server has not acknowledged yet, day after day.
 *
 * A full block is sent whole; of the tail of a day only the records that are new, until it is full and goes whole once
 * more. After each acknowledged block the position is saved. A day is left behind when there is a later one.
 */
import { isUtf8 } from 'node:buffer';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { daysOf, linesFile } from '../archive/layout.ts';
import type { Checkpoint } from '../evidence/checkpoint.ts';
import type { NoteVerifier } from '../evidence/note.ts';
import { codeOf, fileError } from '../files/systemError.ts';
import { AwayError, ask } from './clickhouse.ts';
import { type RowKey, rowText } from './columns.ts';
import { headOf, hostOf, UnsoundError, verifierOf } from './head.ts';
import { type Block, DAY_START, planBlocks, readBlock, TreeError } from './plan.ts';
import type { Server } from './server.ts';
import type { Position } from './state.ts';

export interface Stream {
  readonly name: string;
  readonly folder: string;
}

interface Pass {
  /** Where to go on; null: at the first day there is. */
  readonly position: Position | null;
  /** Called after each acknowledged block. */
  readonly save: (position: Position) => Promise<void>;
  /** A day that is left out, because it does not hold; later ones are sent. */
  readonly leaveOut: (why: string) => void;
  /** Only this day, from its beginning. */
  readonly only?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Resolves to how many records were acknowledged. Rejects with UnsoundError, AwayError or RefusedError: what was
 * acknowledged before has been saved.
 */
export async function shipStream(stream: Stream, server: Server, pass: Pass): Promise<number> {
  const { folder } = stream;
  const verifier = attempt(folder, () => verifierOf(folder));
  if (verifier === null) return 0; // its writer has not begun
  let { position } = pass;
  let acknowledged = 0;
  const days = attempt(folder, () => knownDays(folder, position?.day)).filter((day) =>
    pass.only === undefined ? position === null || day >= position.day : day === pass.only,
  );
  for (const day of days) {
    if (position?.day !== day) position = { day, block: DAY_START, sent: 0 };
    try {
      const head = attempt(folder, () => headOf(folder, day, verifier));
      // the newest day may not have one yet
      if (head === null && day === days.at(-1) && pass.only === undefined) break;
      for (const block of blocksOf(linesFile(folder, day), position, head)) {
        const from = Math.max(block.start.index, block.full ? 0 : position.sent);
        await post(stream, server, { day, verifier, block, from, signal: pass.signal });
        acknowledged += block.end.index - Math.max(block.start.index, position.sent);
        position = { day, block: block.full ? block.end : block.start, sent: block.end.index };
        await pass.save(position);
      }
    } catch (error) {
      // what is wrong with a day that has ended will not be mended, and must not keep back the days after it
      if (!(error instanceof UnsoundError) || day === days.at(-1)) throw error;
      pass.leaveOut(error.message);
    }
  }
  return acknowledged;
}

function blocksOf(file: string, position: Position, head: Checkpoint | null): Block[] {
  if (head === null) throw new UnsoundError(`${file}: its key has signed nothing of it`);
  if (head.size < position.sent)
    throw new UnsoundError(`${file}: ${head.size} records are signed, and ${position.sent} were sent before`);
  return head.size === position.sent ? [] : attempt(file, () => planBlocks(file, position.block, head));
}

/** Days with lines, and those after `from` with a checkpoint only: one that was removed unsent must be told. */
function knownDays(folder: string, from: string | undefined): string[] {
  const signed = from === undefined ? [] : daysOf(folder, '.ckpt').filter((day) => day >= from);
  return [...new Set([...daysOf(folder), ...signed])].sort();
}

/** What went wrong with a file becomes UnsoundError. */
function attempt<T>(file: string, what: () => T): T {
  try {
    return what();
  } catch (error) {
    if (error instanceof TreeError) throw new UnsoundError(error.message);
    if (codeOf(error) === '') throw error;
    throw new UnsoundError(`${file}: cannot be read (${fileError(error)})`);
  }
}

interface Post {
  readonly day: string;
  readonly verifier: NoteVerifier;
  readonly block: Block;
  /** The first record that is sent; those of the block before it are there. */
  readonly from: number;
  readonly signal: AbortSignal | undefined;
}

/** Rows have much in common: the quickest level makes a tenth of them. */
const LEVEL = 1;
/** Characters of rows that are compressed at once. */
const PIECE = 65_536;

async function post(stream: Stream, server: Server, what: Post): Promise<void> {
  const { day, block, from, signal } = what;
  const file = linesFile(stream.folder, day);
  const lines = attempt(file, () => readBlock(file, block)).slice(from - block.start.index);
  const key = { day, host: hostOf(what.verifier), stream: stream.name };
  const body = await compressed(rowsOf(file, key, from, lines));
  const { database, table } = server.target;
  const query = `INSERT INTO ${database}.${table} FORMAT JSONEachRow`;
  const answer = await ask(server.target, { query, settings: server.settings, body, signal });
  if (answer.length > 0)
    throw new AwayError('the answer to INSERT has a text, so it is not that of the server');
}

/** The rows of lines from record `from` on, in pieces, so that a block is never in memory as rows. */
function* rowsOf(
  file: string,
  key: Omit<RowKey, 'n'>,
  from: number,
  lines: readonly Buffer[],
): Generator<string> {
  let piece = '';
  for (const [i, line] of lines.entries()) {
    const n = from + i;
    const row = isUtf8(line) ? rowText({ ...key, n }, line.toString()) : null;
    if (row === null) throw new UnsoundError(`${file}: line ${n + 1} is no record ${n}`);
    piece += `${row}\n`;
    if (piece.length < PIECE) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}

async function compressed(pieces: Iterable<string>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  await pipeline(pieces, createGzip({ level: LEVEL }), async (source: AsyncIterable<Buffer>) => {
    for await (const chunk of source) chunks.push(chunk);
  });
  return Buffer.concat(chunks);
}
