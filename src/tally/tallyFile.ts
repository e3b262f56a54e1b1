/**
 * DAY.tally: a day of a stream, counted, beside its lines.
 *
 *   tlsward-tally 1 {"bytes":N,"modified":MS,"head":"SIZE ROOT","told":[...],"length":N,"sha256":"HEX"}
 *   {...}       the tally as JSON (dayTally.ts), without its partners
 *   [{...}]     a part of its partners, a line each
 *
 * The file is one of convenience: it is used only while its head is that of the day's last checkpoint, and the lines
 * have the size and the time of modification that they had; the same holds for the daemon's lines that tell what was
 * demanded (`told`). SHA-256 of what follows the first line finds a file that was cut or changed. Otherwise the day is counted again. The
 * number behind the name changes whenever the same lines are counted in another way.
 */
import { createHash } from 'node:crypto';
import { statSync, writeSync } from 'node:fs';
import { besideFile, writeBeside } from '../archive/besideFile.ts';
import { checkpointFile, linesFile } from '../archive/layout.ts';
import { readGuardedSync } from '../files/guardedReader.ts';
import { lastHead } from '../trace/lastHead.ts';
import { folderOf, otherFiles, type StreamDay } from './countDay.ts';
import type { DayPartner, DayTally, ReadTally } from './dayTally.ts';

const MAGIC = 'tlsward-tally 1 ';
const MAX_BYTES = 256 * 1024 * 1024;
const MAX_HEADER = 4096;
const LF = 10;
/** Partners of one line. */
const PIECE = 200;
const KIND = 'tally';

/** What the lines are like that were counted. */
interface Counted {
  readonly bytes: number;
  readonly modified: number;
  readonly head: string;
  readonly told: readonly (readonly [bytes: number, modified: number] | null)[];
}

interface Header extends Counted {
  readonly length: number;
  readonly sha256: string;
}

function tallyFile(one: StreamDay): string {
  return besideFile(folderOf(one), one.day, KIND);
}

/** What a tally must be of. Take it before the lines are read. Throws the error of stat(2). */
export function countedNow(one: StreamDay): Counted {
  const { size, mtimeMs } = statSync(linesFile(folderOf(one), one.day));
  const told = otherFiles(one).map((file) => {
    const found = statSync(file, { throwIfNoEntry: false });
    return found === undefined ? null : ([found.size, found.mtimeMs] as const);
  });
  return { bytes: size, modified: mtimeMs, head: lastHead(checkpointFile(folderOf(one), one.day)), told };
}

/** null: there is none, it cannot be read, or it is not of this day as it is now. */
export function readTally(one: StreamDay): ReadTally | null {
  const body = bodyOf(one);
  if (body === null) return null;
  const end = body.indexOf(LF);
  return { ...JSON.parse(body.toString('utf8', 0, end)), partners: partnersOf(body, end + 1) } as ReadTally;
}

/** Piece by piece, because all of them at once would be most of what a report takes. */
function* partnersOf(body: Buffer, from: number): Generator<DayPartner> {
  for (let at = from; at < body.length; ) {
    const end = body.indexOf(LF, at);
    yield* JSON.parse(body.toString('utf8', at, end)) as DayPartner[];
    at = end + 1;
  }
}

/** What a tally is written as, behind the first line. */
export function bodyText({ partners, ...rest }: DayTally): string {
  const lines = [JSON.stringify(rest)];
  for (let i = 0; i < partners.length; i += PIECE) lines.push(JSON.stringify(partners.slice(i, i + PIECE)));
  return `${lines.join('\n')}\n`;
}

/** The body of a tally that fits; null: there is none. */
export function bodyOf(one: StreamDay): Buffer | null {
  try {
    const guards = { maxBytes: MAX_BYTES, followLinks: false, refuse: () => null } as const;
    const found = readGuardedSync(tallyFile(one), guards);
    if (found.kind !== 'read') return null;
    const { bytes } = found;
    const end = bytes.subarray(0, MAX_HEADER).indexOf(LF);
    const line = bytes.toString('latin1', 0, end);
    if (!line.startsWith(MAGIC)) return null;
    const { length, sha256, ...counted } = JSON.parse(line.slice(MAGIC.length)) as Header;
    const body = bytes.subarray(end + 1);
    const fits = JSON.stringify(counted) === JSON.stringify(countedNow(one));
    return fits && body.length === length && sha256Of(body) === sha256 ? body : null;
  } catch {
    return null;
  }
}

function sha256Of(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex');
}

/** Writes the tally in place of an older one; `counted`: of before the lines were read. Throws the error of the system. */
export function writeTally(one: StreamDay, counted: Counted, tally: DayTally): void {
  const folder = folderOf(one);
  const body = Buffer.from(bodyText(tally));
  const { bytes, modified, head, told } = counted;
  const header: Header = { bytes, modified, head, told, length: body.length, sha256: sha256Of(body) };
  writeBeside(folder, one.day, KIND, linesFile(folder, one.day), (fd) => {
    writeAll(fd, Buffer.from(`${MAGIC}${JSON.stringify(header)}\n`));
    writeAll(fd, body);
  });
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}
