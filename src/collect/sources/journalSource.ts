/**
 * Reads the journal through journalctl(1): what was logged for the facility mail, and what journald says of lines
 * that it suppressed. A place is the cursor of the last entry that was read; the entry itself is read again at the
 * start, so that a cursor whose entry is gone (vacuumed) is noticed.
 */
import { spawn, spawnSync } from 'node:child_process';
import { parseJournalEntry } from '../journalLine.ts';
import { MAX_LINE } from '../logLine.ts';
import { ByteLines } from './byteLines.ts';
import { type Batch, type Source, SourceError, type SourceLine } from './source.ts';

/** SD_MESSAGE_JOURNAL_DROPPED of sd-messages(3). */
const DROPPED = 'MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e';
const MATCHES = ['SYSLOG_FACILITY=2', '+', DROPPED];
const FIELDS = 'MESSAGE,SYSLOG_IDENTIFIER,SYSLOG_PID,_PID,_UID,_COMM,_HOSTNAME,_SOURCE_REALTIME_TIMESTAMP';
/** An array of byte values takes up to 5 characters a byte. */
const MAX_JSON = 8 * MAX_LINE;
/** Entries come one by one; when none came for so long, all are read. */
const IDLE_MS = 100;
/** Until then it may be that the disk is slow. */
const SILENCE_MS = 10_000;

export class JournalSource implements Source {
  readonly kind = 'journal';
  readonly silenceMs: number;
  readonly givesLineAgain = false;
  readonly name = 'journal';
  readonly #once: boolean;
  readonly #program: string;

  constructor(once: boolean, program = 'journalctl', silenceMs = SILENCE_MS) {
    this.silenceMs = silenceMs;
    this.#once = once;
    this.#program = program;
  }

  /** Asked once at the start; true also when it cannot be asked, which reading says then. */
  has(place: string): boolean {
    const args = ['--output=json', '--output-fields=_PID', '--lines=1', '--no-pager', '--quiet'];
    const asked = spawnSync(this.#program, [...args, `--cursor=${place}`, ...MATCHES], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return asked.status !== 0 || parseJournalEntry(asked.stdout.split('\n', 1)[0]!)?.cursor === place;
  }

  async *batches(from: string | null, signal: AbortSignal): AsyncGenerator<Batch> {
    const args = ['--output=json', `--output-fields=${FIELDS}`, '--all', '--no-pager', '--quiet'];
    // the first time with what was logged since the host was started
    args.push(from === null ? '--boot' : `--cursor=${from}`);
    if (!this.#once) args.push('--follow', '--no-tail');
    args.push(...MATCHES);
    const child = spawn(this.#program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      if (said.length < 1000) said += chunk.toString();
    });
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once('error', (error) => reject(new SourceError(`journalctl cannot be run: ${error.message}`)));
      child.once('close', resolve);
    });
    ended.catch(() => {});
    const stop = (): void => void child.kill();
    signal.addEventListener('abort', stop, { once: true });
    const split = new ByteLines(MAX_JSON);
    let next = from;
    // the entry at the cursor was read before
    let expected = from;
    try {
      for await (const chunk of idleMarked(child.stdout)) {
        if (chunk === null) {
          if (next !== null) yield { lost: [], lines: [], next, caughtUp: true };
          continue;
        }
        const lost: { why: string; count: number | null }[] = [];
        const lines: SourceLine[] = [];
        for (const text of split.push(chunk)) {
          const entry = parseJournalEntry(text);
          if (entry === null) {
            lost.push({ why: 'journal: an entry cannot be read', count: 1 });
            continue;
          }
          const isExpected = entry.cursor === expected;
          if (expected !== null && !isExpected)
            lost.push({ why: 'journal: the entry that was read last is gone', count: null });
          expected = null;
          next = entry.cursor;
          if (isExpected || entry.forged === true) continue;
          if (entry.line === null) lost.push({ why: 'journal: an entry has no readable text', count: 1 });
          else lines.push({ position: entry.cursor, line: entry.line });
        }
        if (next !== null) yield { lost, lines, next, caughtUp: false };
      }
      const code = await ended;
      if (signal.aborted) return;
      if (code !== 0) throw new SourceError(`journalctl ended with status ${code}: ${said.trim()}`);
      if (next !== null) yield { lost: [], lines: [], next, caughtUp: true };
      if (!this.#once) throw new SourceError('journalctl ended');
    } finally {
      signal.removeEventListener('abort', stop);
      if (child.exitCode === null) child.kill();
    }
  }
}

/** The chunks, and null as long as none comes: soon after a chunk, then once a second. */
async function* idleMarked(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer | null> {
  const iterator = chunks[Symbol.asyncIterator]();
  let wait = 1000;
  for (let next = iterator.next(); ; ) {
    let timer: NodeJS.Timeout | undefined;
    const idle = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), wait);
    });
    const got = await Promise.race([next, idle]);
    clearTimeout(timer);
    if (got === null) {
      wait = 1000;
      yield null;
      continue;
    }
    if (got.done === true) return;
    wait = IDLE_MS;
    yield got.value;
    next = iterator.next();
  }
}
