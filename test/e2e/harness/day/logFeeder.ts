/**
 * Hands the log of an MTA to `tlsward collect --stdin` as rsyslog's omprog does with confirmMessages="on": a line at a
 * time, the next one when the program has answered OK; what was not confirmed is sent again to the next process.
 */
import type { ChildProcess } from 'node:child_process';
import { pause, until } from '../deadline.ts';

const POLL_MS = 20;
/** Stamp of a line as syslog(3) writes it, without a host. */
const STAMP = /^\w{3} [ \d]\d \d\d:\d\d:\d\d /;

export class LogFeeder {
  /** Times of the first line that each process was given: milliseconds since the epoch. */
  readonly starts: number[] = [];
  readonly #text: () => string;
  readonly #lines: string[] = [];
  /** Characters of the log that are in `#lines`. */
  #taken = 0;
  #confirmed = 0;
  #child: ChildProcess | null = null;

  /** `text`: the whole log so far. */
  constructor(text: () => string) {
    this.#text = text;
  }

  /** For CollectorProcess: begins to send to this process. */
  readonly attach = (child: ChildProcess): void => {
    this.#child = child;
    child.stdin?.on('error', () => {});
    void this.#send(child);
  };

  /** Dies, as rsyslog would: the collector sees the end of its input, and what it has not confirmed is not lost. */
  kill(): void {
    this.#child?.stdin?.destroy();
    this.#child = null;
  }

  /** Resolves when every line of the log is confirmed. */
  async drained(ms: number): Promise<void> {
    const left = (): number => {
      this.#take();
      return this.#lines.length - this.#confirmed;
    };
    await until(
      ms,
      'confirmation of the whole log',
      () => left() === 0,
      () => `${left()} lines are left`,
      100,
    );
  }

  async #send(child: ChildProcess): Promise<void> {
    let answers = 0;
    let wake = (): void => {};
    child.stdout?.on('data', (chunk: Buffer) => {
      answers += chunk.toString().split('OK\n').length - 1;
      wake();
    });
    child.once('exit', () => wake());
    const isOver = (): boolean =>
      this.#child !== child || child.exitCode !== null || child.signalCode !== null;
    const answered = async (count: number): Promise<boolean> => {
      while (answers < count && !isOver())
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      return answers >= count;
    };
    // the first one says that it is ready
    for (let sent = 0; await answered(sent + 1); sent++) {
      if (sent > 0) this.#confirmed++;
      const line = await this.#next(isOver);
      if (line === null) return;
      // rsyslog adds the host
      const stamp = STAMP.exec(line)?.[0] ?? '';
      if (sent === 0) this.starts.push(Date.parse(`${stamp}${new Date().getFullYear()}`));
      child.stdin?.write(`${stamp}mx ${line.slice(stamp.length)}\n`, 'latin1');
    }
  }

  /** The first line that is not confirmed, once there is one. */
  async #next(isOver: () => boolean): Promise<string | null> {
    while (!isOver()) {
      this.#take();
      const line = this.#lines[this.#confirmed];
      if (line !== undefined) return line;
      await pause(POLL_MS);
    }
    return null;
  }

  #take(): void {
    const text = this.#text();
    const end = text.lastIndexOf('\n') + 1;
    if (end <= this.#taken) return;
    this.#lines.push(...text.slice(this.#taken, end - 1).split('\n'));
    this.#taken = end;
  }
}
