/**
 * The parent's side of fileRunner.ts: hands one file at a time to a process and gathers what it prints.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Job } from './fileRunner.ts';
import { root } from './root.ts';

const RUNNER = fileURLToPath(new URL('./fileRunner.js', import.meta.url));
/** How long what a file has left open may keep its process. */
const END_MS = 10_000;

/** What a process that runs tests gets: tap waits 30 s in it unless told. */
export function testEnvironment(seconds: number): NodeJS.ProcessEnv {
  return { ...process.env, TAP_TYPE_STRIP_ONLY: '1', TAP_TIMEOUT: String(seconds) };
}

interface Current {
  readonly file: string;
  readonly lines: string[];
  readonly begun: number;
  readonly done: (tap: string) => void;
}

export class TestProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown[]>;
  #current: Current | null = null;
  #failed = false;
  /** A result that belongs to no file: an assertion outside of every test. */
  #stray = '';
  /** Files so far. */
  readonly files: string[] = [];

  constructor(seconds: number) {
    const env = { ...testEnvironment(seconds), TAP_REPORTER: '' };
    this.#child = fork(RUNNER, [], {
      cwd: fileURLToPath(root),
      env,
      execArgv: ['--enable-source-maps'],
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    // not readline, for which a carriage return in a name would end a line
    let rest = '';
    const stdout = this.#child.stdout as Readable;
    stdout.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop()!;
      for (const line of lines) this.#line(line);
    });
    this.#ended = once(this.#child, 'exit');
    // what it printed last may come after its end
    this.#child.once('exit', (code, signal) => setTimeout(() => this.#gone(`${code ?? signal}`), 500));
  }

  /** Can it take another file? */
  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null && this.#child.connected;
  }

  /** Resolves to the TAP of the file, which is complete unless the process has ended over it or was too slow. */
  async run(file: string, ms: number): Promise<string> {
    this.files.push(file);
    // the process gives up by itself, unless it computes
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), ms + END_MS);
    const tap = await new Promise<string>((done) => {
      this.#current = { file, lines: [], begun: performance.now(), done };
      const job: Job = { file, ms };
      this.#child.send(job, (error) => {
        if (error !== null) this.#gone(error.message);
      });
    });
    clearTimeout(timer);
    return tap;
  }

  /** Ends the process when all its files have run; resolves to what is wrong with that end, or ''. */
  async end(): Promise<string> {
    if (this.#child.connected) this.#child.disconnect();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), END_MS);
    const [code, signal] = await this.#ended;
    clearTimeout(timer);
    if (this.#stray === '' && (this.#failed || code === 0)) return '';
    let how = signal === 'SIGKILL' ? 'something was left open' : `it ended with ${code ?? signal}`;
    if (this.#stray !== '') how = `an assertion stands outside of every test (${this.#stray})`;
    return `${how}, after ${this.files.join(', ')}`;
  }

  #line(line: string): void {
    const current = this.#current;
    const ours = current !== null && line.includes(` - ${current.file}`);
    if (/^(?:not )?ok \d/.test(line) && !ours) this.#stray ||= `${line} in ${current?.file ?? 'no file'}`;
    if (current === null) return;
    if (/^# Subtest: /.test(line) || line === 'TAP version 14') return;
    const [, result = ''] = /^((?:not )?ok) \d+ - /.exec(line) ?? [];
    if (result === '' || !ours) {
      current.lines.push(line.startsWith('    ') ? line.slice(4) : line);
      return;
    }
    if (result !== 'ok') this.#failed = true;
    this.#finish();
  }

  #gone(how: string): void {
    if (this.#current === null) return;
    this.#current.lines.push('', `not ok - the process of this file ended before it: ${how}`);
    this.#failed = true;
    this.#finish();
  }

  #finish(): void {
    const { lines, begun, done } = this.#current!;
    this.#current = null;
    if (!lines.some((line) => /^(?:not )?ok /.test(line))) {
      lines.length = 0;
      lines.push('not ok 1 - no test is in this file', '1..1');
    }
    done(`TAP version 14\n${lines.join('\n')}\n# time=${Math.round(performance.now() - begun)}ms\n`);
  }
}
