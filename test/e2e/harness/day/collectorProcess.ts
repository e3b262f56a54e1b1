/** `tlsward collect` as a child process that is killed and started again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { pause, within } from '../deadline.ts';
import { exited, guardProcess } from '../processes.ts';
import { mainFile } from '../program.ts';

const END_MS = 60_000;
const AGAIN_MS = 200;

export class CollectorProcess {
  readonly #args: readonly string[];
  readonly #onStart: (child: ChildProcess) => void;
  /** How often it ended by itself. */
  restarts = 0;
  #child: ChildProcess | null = null;
  #wanted = false;
  #guard: { release(): void } | null = null;
  /** What it said on standard error. */
  text = '';

  /** `onStart`: is given each process, with its standard input and output as pipes. */
  constructor(args: readonly string[], onStart: (child: ChildProcess) => void = () => {}) {
    this.#args = args;
    this.#onStart = onStart;
  }

  /** Starts it, and again when it ends by itself, as a service manager does. */
  start(): void {
    if (this.#child !== null) throw new Error('the collector is running');
    const child = this.#spawn(this.#args);
    this.#child = child;
    this.#guard = guardProcess(child.pid!);
    void exited(child).then(async () => {
      if (this.#child !== child) return;
      this.#guard?.release();
      this.#child = null;
      this.restarts++;
      await pause(AGAIN_MS);
      if (this.#child === null && this.#wanted) this.start();
    });
    this.#wanted = true;
    this.#onStart(child);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.#wanted = false;
    const child = this.#child;
    if (child === null) return;
    this.#child = null;
    child.kill(signal);
    await within(END_MS, `end of the collector after ${signal}`, exited(child));
    this.#guard?.release();
  }

  /** Reads all that is there; resolves to the exit status. */
  async once(): Promise<number | null> {
    const child = this.#spawn([...this.#args, '--once']);
    child.stdin?.end();
    child.stdout?.resume();
    await within(END_MS, 'end of the collector', exited(child));
    return child.exitCode;
  }

  #spawn(args: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, [mainFile(), 'collect', ...args], { stdio: 'pipe' });
    child.stderr.on('data', (chunk: Buffer) => {
      this.text += chunk.toString();
    });
    return child;
  }
}
