/**
 * Compares a day on the server with what the keys of the streams have signed: how many records there are, and the root of
 * the tree over the very lines that the server holds. Where the day's file is there, too, the first line that
 * differs is named.
 */
import { linesFile } from '../archive/layout.ts';
import { linesOf } from '../archive/readDay.ts';
import { count } from '../core/plural.ts';
import type { Checkpoint } from '../evidence/checkpoint.ts';
import { Frontier, leafHash } from '../evidence/merkle.ts';
import { codeOf } from '../files/systemError.ts';
import { AwayError, ask, sqlText } from './clickhouse.ts';
import { headOf, hostOf, verifierOf } from './head.ts';
import type { Server } from './server.ts';
import type { Stream } from './shipStream.ts';
import type { Position } from './state.ts';

/** `behind`: not all has been sent yet, and what was sent is there. */
export type Comparison = 'same' | 'differs' | 'behind' | 'nothing';

export interface Compared {
  readonly result: Comparison;
  readonly host: string;
  /** What was found, in words. */
  readonly text: string;
}

/** Records asked for at once, and the longest answer: each has a length of at most 3 bytes in front. */
const STEP = 1000;
const MAX_ANSWER_BYTES = STEP * (65_536 + 4 + 3);

/** `position`: how far the stream was sent. Rejects with AwayError or RefusedError, or with the error of a file. */
export async function verifyDay(
  stream: Stream,
  server: Server,
  day: string,
  position: Position | null,
): Promise<Compared> {
  const verifier = verifierOf(stream.folder);
  const host = verifier === null ? '' : hostOf(verifier);
  if (verifier === null) return { result: 'nothing', host, text: 'the stream has no key' };
  const where = `day = ${sqlText(day)} AND host = ${sqlText(host)} AND stream = ${sqlText(stream.name)}`;
  // before the head is read: what is sent meanwhile is then not taken for more than was signed
  const there = await countsOf(server, where);
  const head = headOf(stream.folder, day, verifier);
  const result = (result: Comparison, text: string): Compared => ({ result, host, text });
  if (head === null)
    return there.rows === 0
      ? result('nothing', 'no records of that day')
      : result('differs', `${count(there.rows, 'record')} on the server, and its key has signed none`);
  if (there.next > head.size)
    return result('differs', `record ${there.next - 1} is on the server, and only ${head.size} are signed`);
  const tree = new Frontier();
  const wrong = await firstWrong(server, {
    where,
    tree,
    file: linesFile(stream.folder, day),
    size: head.size,
  });
  if (wrong === null && tree.root().equals(head.root))
    return result('same', `${count(head.size, 'record')}, with the root that is signed`);
  const sent = position === null || position.day < day ? 0 : position.day === day ? position.sent : head.size;
  if (wrong?.kind === 'missing' && wrong.n >= sent && wrong.n === there.rows)
    return result('behind', `${there.rows} of ${count(head.size, 'record')}; the others are not sent yet`);
  return result('differs', wordsOf(wrong, there.rows, head));
}

interface Wrong {
  readonly kind: 'missing' | 'changed';
  readonly n: number;
}

function wordsOf(wrong: Wrong | null, rows: number, head: Checkpoint): string {
  if (wrong === null) return `${rows} records, which have not the root that is signed`;
  const what = wrong.kind === 'missing' ? 'is not on the server' : 'is another on the server';
  return `record ${wrong.n} ${what} (${rows} of ${head.size} are there)`;
}

async function countsOf(
  server: Server,
  where: string,
): Promise<{ readonly rows: number; readonly next: number }> {
  const query = `SELECT toString(count()), toString(max(n)) FROM ${tableOf(server)} FINAL WHERE ${where} FORMAT TabSeparated`;
  const answer = (await ask(server.target, { query })).toString();
  const match = /^([0-9]{1,15})\t([0-9]{1,15})\n$/.exec(answer);
  if (match === null) throw new AwayError('the server does not say how many records it has');
  const rows = Number(match[1]);
  return { rows, next: rows === 0 ? 0 : Number(match[2]) + 1 };
}

interface Wanted {
  readonly where: string;
  /** Gets the lines of the server, up to the first that is missing. */
  readonly tree: Frontier;
  readonly file: string;
  readonly size: number;
}

/** The first record that is missing, or is not the line of the file; without the file only what is missing. */
async function firstWrong(server: Server, { where, tree, file, size }: Wanted): Promise<Wrong | null> {
  const ours = linesIn(file);
  let changed: Wrong | null = null;
  try {
    for (let from = 0; from < size; from += STEP) {
      const to = Math.min(from + STEP, size);
      const query = `SELECT n, line FROM ${tableOf(server)} FINAL WHERE ${where} AND n >= ${from} AND n < ${to} ORDER BY n FORMAT RowBinary`;
      const rows = rowsOf(await ask(server.target, { query, maxBytes: MAX_ANSWER_BYTES }));
      for (let n = from; n < to; n++) {
        const row = rows[n - from];
        if (row?.n !== n) return changed ?? { kind: 'missing', n };
        const own = ours.next();
        if (own.done !== true && !row.line.equals(own.value)) changed ??= { kind: 'changed', n };
        tree.add(leafHash(row.line));
      }
    }
  } finally {
    ours.return(0);
  }
  return changed;
}

/** None when the file is gone. */
function* linesIn(file: string): Generator<Uint8Array, number> {
  try {
    return yield* linesOf(file);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    return 0;
  }
}

function tableOf({ target: { database, table } }: Server): string {
  return `${database}.${table}`;
}

/** RowBinary of UInt32 and String: four bytes, little-endian; a length of 7 bits a byte, lowest first; the bytes. */
function rowsOf(bytes: Buffer): { readonly n: number; readonly line: Buffer }[] {
  const rows: { readonly n: number; readonly line: Buffer }[] = [];
  for (let at = 0; at < bytes.length; ) {
    const n = at + 5 <= bytes.length ? bytes.readUInt32LE(at) : -1;
    at += 4;
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined || shift > 28) throw new AwayError('the answer of the server was cut');
      length += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    if (at + length > bytes.length) throw new AwayError('the answer of the server was cut');
    rows.push({ n, line: bytes.subarray(at, at + length) });
    at += length;
  }
  return rows;
}
