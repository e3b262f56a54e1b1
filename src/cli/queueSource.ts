/**
 * Where `tlsward queue` has its lines from: `postqueue -j`, else `mailq -v` of Sendmail, or what one of them printed
 * into a file. Line by line: a queue of a million messages takes no more memory than its longest line.
 */
import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { escapeText } from '../core/escape.ts';
import { fileError } from '../files/systemError.ts';
import { MAX_LINE } from '../queue/postqueueLine.ts';

/** The queue cannot be read; the message says why. */
export class QueueError extends Error {
  /** There is no such program. */
  readonly absent: boolean;

  constructor(message: string, absent = false) {
    super(message);
    this.absent = absent;
  }
}

/** Where programs of an MTA are that are named without a path. */
const PROGRAM_PATH = '/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin';
/** Longest time that it may take in all. */
const LIMIT_MS = 10 * 60_000;

/** A line without its end; null: one that was too long. */
type Line = string | null;

/** Lines of what a program prints. Rejects with QueueError. */
export async function* programLines(program: string, args: readonly string[]): AsyncGenerator<Line> {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: PROGRAM_PATH, LC_ALL: 'C', ...(process.env.TZ === undefined ? {} : { TZ: process.env.TZ }) },
  });
  const limit = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    if (said.length < 1000) said += chunk.toString();
  });
  const called = escapeText([program, ...args].join(' '));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) =>
      reject(new QueueError(`${called}: cannot be run (${fileError(error)})`, error.code === 'ENOENT')),
    );
    child.once('close', resolve);
  });
  ended.catch(() => {});
  try {
    yield* linesOf(child.stdout);
    const status = await ended;
    const why = escapeText(said.trim().split('\n').at(-1) ?? '', 300);
    if (status !== 0)
      throw new QueueError(`${called}: ended with status ${status}${why === '' ? '' : `: ${why}`}`);
  } finally {
    clearTimeout(limit);
    if (child.exitCode === null) child.kill('SIGKILL');
  }
}

/** Lines of a file, `-` for standard input. Rejects with the error of open(2) or read(2). */
export function savedLines(file: string): AsyncGenerator<Line> {
  return linesOf(file === '-' ? process.stdin : createReadStream(file));
}

async function* linesOf(chunks: AsyncIterable<Buffer | string>): AsyncGenerator<Line> {
  let held: string[] = [];
  let length = 0;
  const take = (): Line => {
    const line = length > MAX_LINE ? null : Buffer.from(held.join(''), 'latin1').toString('utf8');
    held = [];
    length = 0;
    return line === null ? null : line.replace(/\r$/, '');
  };
  for await (const chunk of chunks) {
    const parts = (typeof chunk === 'string' ? Buffer.from(chunk) : chunk).toString('latin1').split('\n');
    for (const [i, part] of parts.entries()) {
      length += part.length;
      if (length <= MAX_LINE) held.push(part);
      else held = [];
      if (i < parts.length - 1) yield take();
    }
  }
  if (length > 0) yield take();
}
