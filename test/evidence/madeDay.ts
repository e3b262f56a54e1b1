/**
 * Streams of evidence for tests, laid out as src/archive/layout.ts says: days of records, a checkpoint every few lines,
 * each day naming the head of the one before.
 */
import { createHash, createPrivateKey, createPublicKey } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkpointFile, linesFile, PUBLIC_KEY_FILE } from '../../src/archive/layout.ts';
import { formatCheckpoint, keyNameOf, originOf } from '../../src/evidence/checkpoint.ts';
import { Frontier, leafHash } from '../../src/evidence/merkle.ts';
import { formatVerifier, type NoteKey, signNote } from '../../src/evidence/note.ts';

/** The same key for the same name, so that made files do not differ from run to run. */
export function madeKey(name = keyNameOf('mx.example.org', 'daemon'), secret = ''): NoteKey {
  const seed = createHash('sha256')
    .update(name + secret)
    .digest();
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' });
  return { name, privateKey, publicKey: Buffer.from(x!, 'base64url') };
}

const REST =
  '"leg":"inbound","protocol":"policy","stage":"RCPT","recipients":[],"recipientDomains":[],"recipientCount":0,' +
  `"tls":{"state":"plain"},"table":{"hash":"${'0'.repeat(64)}","generation":1},"action":"accept"}`;

/** The rest of a record, behind `{"v":1,"n":N,`. Its code is of that day only, its queue id of every day. */
export function madeRecord(day: string, i: number): string {
  const code = `C${day.slice(-2)}${String(i).padStart(5, '0')}`;
  const queueId = `4Zq${i.toString(36).padStart(9, '0')}z`;
  return `"time":"${day}T01:02:03.456Z","type":"verdict","host":"mx.example.org","code":"${code}","queueId":"${queueId}",${REST}`;
}

export interface MadeDay {
  readonly lines: readonly string[];
  readonly notes: readonly string[];
  readonly root: Buffer;
}

/** Signs the lines of a day as a stream would; a checkpoint after every `every` lines and after the last. */
export function signedDay(
  day: string,
  lines: readonly string[],
  key: NoteKey,
  every = lines.length,
): MadeDay {
  const tree = new Frontier();
  const notes: string[] = [];
  let bytes = 0;
  for (const [i, line] of lines.entries()) {
    tree.add(leafHash(line));
    bytes += Buffer.byteLength(line) + 1;
    if ((i + 1) % every !== 0 && i + 1 !== lines.length) continue;
    const head = { origin: originOf(key.name, day), size: tree.size, root: tree.root(), bytes };
    notes.push(signNote(formatCheckpoint({ ...head, frontier: tree.hashes() }), key));
  }
  return { lines, notes, root: tree.root() };
}

export function writeDay(
  stream: string,
  day: string,
  { lines, notes }: Pick<MadeDay, 'lines' | 'notes'>,
): void {
  writeFileSync(linesFile(stream, day), lines.map((line) => `${line}\n`).join(''));
  writeFileSync(checkpointFile(stream, day), notes.join(''));
}

/** Writes `DIRECTORY/daemon` with such days of so many lines, the first of which is the `day` record of each. */
export function madeStream(
  directory: string,
  days: Readonly<Record<string, number>>,
  { key = madeKey(), every = 10 }: { readonly key?: NoteKey; readonly every?: number } = {},
): { readonly stream: string; readonly days: ReadonlyMap<string, MadeDay>; readonly verifier: string } {
  const stream = join(directory, 'daemon');
  mkdirSync(stream, { recursive: true });
  const verifier = formatVerifier(key);
  writeFileSync(join(stream, PUBLIC_KEY_FILE), `${verifier}\n`);
  const made = new Map<string, MadeDay>();
  let previous = '';
  for (const [day, count] of Object.entries(days)) {
    const lines = Array.from({ length: count }, (_, n) =>
      n === 0
        ? `{"v":1,"n":0,"time":"${day}T00:00:00.000Z","type":"day","host":"mx.example.org"${previous},"key":"${verifier}"}`
        : `{"v":1,"n":${n},${madeRecord(day, n)}`,
    );
    const written = signedDay(day, lines, key, every);
    writeDay(stream, day, written);
    made.set(day, written);
    previous = `,"previous":{"day":"${day}","size":${count},"root":"${written.root.toString('base64')}"}`;
  }
  return { stream, days: made, verifier };
}
