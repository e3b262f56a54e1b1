/**
 * Reads a datagram socket that systemd holds and handed over (`ListenDatagram=`): node core has no unix datagram
 * sockets, but read(2) on the descriptor gives one datagram a call. The descriptor must not block (`NonBlocking=yes` in the
 * unit), or a read would hold the process; so it is looked at now and then, often while something comes.
 */
import { fstatSync, readFileSync, readSync } from 'node:fs';
import { pause } from './pause.ts';

const BUSY_MS = 20;
const IDLE_MS = 200;
/** Datagrams at one look; more wait in the kernel. */
const AT_ONCE = 512;
/** O_NONBLOCK of Linux. */
const NONBLOCK = 0o4000;

/** Why the descriptor cannot be read here; null: it can. */
export function unfitDescriptor(fd: number): string | null {
  if (!fstatSync(fd).isSocket()) return `descriptor ${fd} is no socket`;
  const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
  const nonBlocking = flags !== undefined && (Number.parseInt(flags, 8) & NONBLOCK) !== 0;
  return nonBlocking ? null : `descriptor ${fd} blocks: NonBlocking=yes is missing in the unit`;
}

/**
 * Hands over datagrams in batches until `signal` is aborted; null in place of one that is longer than `limit`
 * bytes. Throws the error of read(2).
 */
export async function* datagramsOf(
  fd: number,
  limit: number,
  signal: AbortSignal,
): AsyncGenerator<readonly (string | null)[]> {
  const buffer = Buffer.allocUnsafe(limit + 1);
  let quiet = 0;
  while (!signal.aborted) {
    const batch: (string | null)[] = [];
    for (let length = receive(fd, buffer); length !== null; length = receive(fd, buffer)) {
      batch.push(length > limit ? null : buffer.toString('utf8', 0, length));
      if (batch.length === AT_ONCE) break;
    }
    if (batch.length > 0) yield batch;
    quiet = batch.length > 0 ? 0 : quiet + 1;
    await pause(quiet * BUSY_MS < 1000 ? BUSY_MS : IDLE_MS, signal);
  }
}

/** Bytes of the next datagram; null: there is none. */
function receive(fd: number, buffer: Buffer): number | null {
  try {
    return readSync(fd, buffer, 0, buffer.length, null);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EAGAIN' || code === 'EINTR') return null;
    throw error;
  }
}
