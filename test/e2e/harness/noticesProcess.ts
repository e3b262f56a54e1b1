/** `tlsward notices run` as a child process that is ended and started again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until, within } from './deadline.ts';
import { exited, guardProcess } from './processes.ts';
import { mainFile } from './program.ts';

const END_MS = 30_000;
const WAIT_MS = 60_000;

/** A line of its log. */
export interface NoticeLine {
  readonly event: string;
  readonly kind?: string;
  readonly domain?: string;
  readonly messages?: number;
  readonly [field: string]: unknown;
}

export class NoticesProcess {
  readonly #argv: readonly string[];
  readonly #state: string;
  #child: ChildProcess | null = null;
  #guard: { release(): void } | null = null;
  /** What it wrote, over all starts. */
  text = '';

  /** `state`: the folder of `--state`; `among`: the command line that runs a program beside the MTA. */
  constructor(
    options: readonly string[],
    state: string,
    among: (argv: readonly string[]) => readonly string[] = (argv) => argv,
  ) {
    this.#state = state;
    this.#argv = among([process.execPath, mainFile(), 'notices', 'run', '--state', state, ...options]);
  }

  start(): void {
    const [program = '', ...args] = this.#argv;
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#guard = guardProcess(child.pid!);
    for (const out of [child.stdout!, child.stderr!])
      out.on('data', (chunk: Buffer) => {
        this.text += chunk.toString();
      });
  }

  /** Resolves to the exit status; null when the signal itself ended it, or it did not run. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child === null) return null;
    this.#child = null;
    child.kill(signal);
    await within(END_MS, 'end of tlsward notices', exited(child));
    this.#guard?.release();
    return child.exitCode;
  }

  /** Its log so far: events of this name. */
  logged(event: string): readonly NoticeLine[] {
    return this.text
      .split('\n')
      .flatMap((line) => (line.startsWith('{') && line.endsWith('}') ? [JSON.parse(line) as NoticeLine] : []))
      .filter((line) => line.event === event);
  }

  /** Waits for so many events of a name that satisfy `wanted`. */
  async logs(
    event: string,
    count: number,
    wanted: (line: NoticeLine) => boolean = () => true,
  ): Promise<void> {
    await until(
      WAIT_MS,
      `${count} ${event}`,
      () => this.logged(event).filter(wanted).length >= count,
      () => this.text.slice(-4000),
    );
  }

  /** Waits until the whole queue was read `looks` more times. */
  async looks(looks: number): Promise<void> {
    const at = (): number => {
      const file = join(this.#state, 'notices', 'state.json');
      return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { lookedAt: number }).lookedAt : 0;
    };
    for (let i = 0; i < looks; i++) {
      const before = at();
      await until(
        WAIT_MS,
        'a look',
        () => at() > before,
        () => this.text.slice(-4000),
      );
    }
  }
}
