/** A writer of a stream for tests: files as the real one makes them, killed when it is told to be. */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RecordWriter } from '../../../src/collect/run/runCollector.ts';
import { finishedLine } from '../../../src/evidence/lineText.ts';
import { addressOf } from '../../../src/evidence/pseudonym.ts';

/** Killed. */
export class Killed extends Error {}

const DAY = '2026-11-30.jsonl';

export class FakeWriter implements RecordWriter {
  readonly #file: string;
  readonly #kill: (where: string) => boolean;
  #held: string[] = [];
  /** The disk is full. */
  refuses = false;
  /** Times that it refused. */
  refused = 0;

  /** `kill`: is the process killed here? */
  constructor(stream: string, kill: (where: string) => boolean = () => false) {
    mkdirSync(stream, { recursive: true });
    this.#file = join(stream, DAY);
    this.#kill = kill;
  }

  append(texts: string): number {
    const lines = texts.split('\n');
    for (const text of lines) this.#held.push(finishedLine(0, text, (one) => addressOf(one, 'full', null))!);
    this.#at('append');
    return lines.length;
  }

  commit(): boolean {
    if (this.refuses) {
      this.refused++;
      return false;
    }
    this.#at('before the write');
    // some of the lines may be written when it is killed
    for (const line of this.#held.splice(0)) {
      appendFileSync(this.#file, `${line}\n`);
      this.#at('between lines');
    }
    this.#at('after the write');
    return true;
  }

  tick(): void {}

  #at(where: string): void {
    if (this.#kill(where)) throw new Killed(where);
  }
}

export function recordsOf(stream: string): Record<string, unknown>[] {
  const file = join(stream, DAY);
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Record<string, unknown>);
}
