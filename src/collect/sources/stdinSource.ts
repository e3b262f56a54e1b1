/**
 * Lines on standard input from rsyslog's omprog with `confirmMessages="on"`: `OK` at the start, and one `OK` for
 * each line, written when what was made of it is on disk. Until then rsyslog keeps the line and sends it again to
 * the next process. So it also waits when the disk is full.
 *
 * The place of a line is a digest of it: a line comes again if we ended between the sync and the `OK`, and not always
 * first: what rsyslog had in its queue when it was stopped may come before it.
 */
import { createHash } from 'node:crypto';
import { MAX_LINE } from '../logLine.ts';
import { ByteLines } from './byteLines.ts';
import type { Batch, Source, SourceLine } from './source.ts';

export class StdinSource implements Source {
  readonly kind = 'stdin';
  readonly silenceMs = 0;
  readonly givesLineAgain = false;
  readonly name = 'stdin';
  readonly #input: AsyncIterable<Buffer> & { destroy?(): void };
  readonly #answer: ((text: string) => void) | null;
  #recorded: ReadonlySet<string> = new Set();

  /** `answer`: writes to the program that sends the lines; null: it wants no confirmation. */
  constructor(input: AsyncIterable<Buffer> & { destroy?(): void }, answer: ((text: string) => void) | null) {
    this.#input = input;
    this.#answer = answer;
  }

  remember(positions: ReadonlySet<string>): void {
    this.#recorded = positions;
  }

  async *batches(from: string | null, signal: AbortSignal): AsyncGenerator<Batch> {
    const split = new ByteLines(MAX_LINE);
    const stop = (): void => this.#input.destroy?.();
    signal.addEventListener('abort', stop, { once: true });
    let next = from ?? '';
    const batch = (texts: readonly string[]): Batch => {
      const lines: SourceLine[] = [];
      for (const text of texts) {
        const position = digestOf(text);
        next = position;
        if (!this.#recorded.has(position)) lines.push({ position, line: text });
      }
      const count = texts.length;
      return { lost: [], lines, next, caughtUp: true, confirm: () => this.#answer?.('OK\n'.repeat(count)) };
    };
    this.#answer?.('OK\n');
    try {
      for await (const chunk of this.#input) {
        const texts = split.push(chunk);
        if (texts.length > 0) yield batch(texts);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      signal.removeEventListener('abort', stop);
    }
    const rest = split.rest();
    if (rest !== null && !signal.aborted) yield batch([rest]);
  }
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest().toString('base64url', 0, 15);
}
