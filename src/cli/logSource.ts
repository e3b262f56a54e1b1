/**
 * Where `tlsward log` and `tlsward test-mail` have their lines from: a file, which may be followed through
 * rotation, standard input, or the journal by journalctl(1).
 */
import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';

/** A line that is longer is not one of ours; it is left out. */
const MAX_LINE = 1024 * 1024;
const POLL_MS = 250;

/** The journal cannot be read. */
export class JournalError extends Error {}

/** Lines of a stream, without their ends. */
async function* linesOf(chunks: AsyncIterable<Buffer | string>): AsyncGenerator<string> {
  const split = new LineSplitter();
  for await (const chunk of chunks) yield* split.push(chunk.toString('latin1'));
  yield* split.push('\n');
}

/** Chunks, one character a byte, to lines as UTF-8. */
class LineSplitter {
  #held = '';
  #tooLong = false;

  *push(chunk: string): Generator<string> {
    const parts = chunk.split('\n');
    for (const [i, part] of parts.entries()) {
      if (this.#held.length + part.length > MAX_LINE) this.#tooLong = true;
      this.#held = this.#tooLong ? '' : this.#held + part;
      if (i === parts.length - 1) break;
      if (!this.#tooLong && this.#held !== '') yield Buffer.from(this.#held, 'latin1').toString('utf8');
      this.#held = '';
      this.#tooLong = false;
    }
  }
}

/** The lines of a file; with `follow` those that come later too, without end. */
export async function* fileLines(file: string, follow: boolean): AsyncGenerator<string> {
  if (follow) yield* followedLines(file);
  else yield* linesOf(createReadStream(file));
}

/** The lines of a file from a byte on, and those that come later, until `signal` is aborted. */
export async function* followedLines(file: string, from = 0, signal?: AbortSignal): AsyncGenerator<string> {
  for (let at = from; signal?.aborted !== true; at = 0) yield* untilReplaced(file, at, signal);
}

/** Follows one file until another lies in its place, or it was cut. */
async function* untilReplaced(file: string, from: number, signal?: AbortSignal): AsyncGenerator<string> {
  const handle = await open(file);
  const split = new LineSplitter();
  try {
    const { ino } = await handle.stat();
    const buffer = Buffer.alloc(65_536);
    for (let at = from; signal?.aborted !== true; ) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
      at += bytesRead;
      yield* split.push(buffer.toString('latin1', 0, bytesRead));
      if (bytesRead > 0) continue;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      const now = await stat(file).catch(() => null);
      // between a rename and the new file there is none: the old one may still be written
      if (now !== null && (now.ino !== ino || now.size < at)) {
        const rest = await handle.read(buffer, 0, buffer.length, at);
        yield* split.push(`${buffer.toString('latin1', 0, rest.bytesRead)}\n`);
        return;
      }
    }
  } finally {
    await handle.close();
  }
}

export function stdinLines(): AsyncGenerator<string> {
  return linesOf(process.stdin);
}

/** What a unit wrote, as journalctl prints it; rejects with JournalError. */
export function journalLines(unit: string, sinceMs: number | null, follow: boolean): AsyncGenerator<string> {
  return journal(['--unit', unit, '--output', 'cat'], sinceMs, follow);
}

/** What was logged for the facility mail, with time, host and writer, until `signal` is aborted; the same. */
export function mailJournal(sinceMs: number, signal: AbortSignal): AsyncGenerator<string> {
  return journal(['SYSLOG_FACILITY=2', '--output', 'short'], sinceMs, true, signal);
}

async function* journal(
  what: readonly string[],
  sinceMs: number | null,
  follow: boolean,
  signal?: AbortSignal,
): AsyncGenerator<string> {
  const args = [...what, '--no-pager', '--all'];
  if (sinceMs !== null) args.push('--since', `@${Math.floor(sinceMs / 1000)}`);
  if (follow) args.push('--follow', ...(sinceMs === null ? [] : ['--no-tail']));
  const child = spawn('journalctl', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    if (said.length < 1000) said += chunk.toString();
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', (error) => reject(new JournalError(`journalctl cannot be run: ${error.message}`)));
    child.once('close', resolve);
  });
  ended.catch(() => {});
  const stop = () => child.kill();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    yield* linesOf(child.stdout);
    const code = await ended;
    if (code !== 0 && signal?.aborted !== true)
      throw new JournalError(`journalctl ended with status ${code}: ${said.trim()}`);
  } finally {
    signal?.removeEventListener('abort', stop);
    if (child.exitCode === null) child.kill();
  }
}
