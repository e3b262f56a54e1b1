/**
 * The text of a checkpoint, as at c2sp.org/tlog-checkpoint: what the first lines of a day were, in one hash.
 *
 *   tlsward/mx.example.org/daemon/2026-11-30     origin: the name of the key, a slash, the day
 *   1234                                         how many lines
 *   CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I= root of their tree
 *   bytes 567890                                 how many bytes they are in the file, with their LF
 *   frontier HASH HASH ...                       roots of the complete subtrees, largest first
 *
 * The last two are extension lines: whoever only checks need not know them; a writer that starts again goes on
 * from them without reading the day. It becomes evidence when a key has signed it (note.ts).
 */
import { Frontier, HASH_BYTES } from './merkle.ts';
import { parseBase64 } from './note.ts';

export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
  readonly bytes: number;
  readonly frontier: readonly Buffer[];
}

/** The name of the key of a stream: `tlsward/HOST/STREAM`. */
export function keyNameOf(host: string, stream: string): string {
  return `tlsward/${host}/${stream}`;
}

/** The origin of a day's checkpoints; `name`: that of the key which signs them. */
export function originOf(name: string, day: string): string {
  return `${name}/${day}`;
}

export function formatCheckpoint({ origin, size, root, bytes, frontier }: Checkpoint): string {
  const hashes = frontier.map((hash) => ` ${hash.toString('base64')}`).join('');
  return `${origin}\n${size}\n${root.toString('base64')}\nbytes ${bytes}\nfrontier${hashes}\n`;
}

/** Null unless the text is exactly that of a checkpoint, and its frontier has its root. */
export function parseCheckpoint(text: string): Checkpoint | null {
  const [origin = '', size = '', root = '', bytes = '', frontier = ''] = text.split('\n', 5);
  const hashes = frontier.split(' ').slice(1).map(parseBase64);
  const rootBytes = parseBase64(root);
  if (origin === '' || rootBytes === null || !areHashes(hashes)) return null;
  const checkpoint = {
    origin,
    size: Number(size),
    root: rootBytes,
    bytes: Number(bytes.slice('bytes '.length)),
    frontier: hashes,
  };
  if (!Number.isSafeInteger(checkpoint.size) || !Number.isSafeInteger(checkpoint.bytes)) return null;
  if (formatCheckpoint(checkpoint) !== text) return null;
  return rootOf(checkpoint)?.equals(rootBytes) === true ? checkpoint : null;
}

function areHashes(hashes: readonly (Buffer | null)[]): hashes is Buffer[] {
  return hashes.length <= 64 && hashes.every((hash) => hash?.length === HASH_BYTES);
}

function rootOf({ size, frontier }: Checkpoint): Buffer | null {
  try {
    return new Frontier(size, frontier).root();
  } catch {
    return null; // not as many hashes as the size has bits
  }
}
