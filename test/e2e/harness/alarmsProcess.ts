/** `tlsward alarms run` as a child process that is ended and started again, with a command that keeps what it is told. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Daemon } from './daemon.ts';
import { until, within } from './deadline.ts';
import { exited, guardProcess } from './processes.ts';
import { mainFile } from './program.ts';

const END_MS = 10_000;
const WAIT_MS = 12_000;
const AGAIN_MS = 3000;

/** `tlsward alarms run` as a unit would run it. */
export class AlarmsProcess {
  readonly #daemon: Daemon;
  readonly #options: readonly string[];
  #child: ChildProcess | null = null;
  #guard: { release(): void } | null = null;
  /** What it wrote, over all starts. */
  text = '';

  constructor(daemon: Daemon, options: readonly string[]) {
    this.#daemon = daemon;
    this.#options = options;
  }

  start(): void {
    const args = [mainFile(), 'alarms', 'run', '--config', this.#daemon.configFile, ...this.#options];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
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
    await within(END_MS, 'end of tlsward alarms', exited(child));
    this.#guard?.release();
    return child.exitCode;
  }

  /** How often an event of a kind was logged. */
  logged(event: string, kind: string): number {
    const lines = this.text.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
    return lines.filter((line) => line.event === event && line.kind === kind).length;
  }
}

/** The command of `[alarms]`, and what it was told. */
export class ToldCommand {
  /** Value of the key `command`. */
  readonly program: string;
  readonly #file: string;
  readonly #ignored: readonly string[];
  readonly #explain: () => string;

  /** `ignored`: kinds that are not in play; `explain`: what is said when a wait has run out. */
  constructor(folder: string, ignored: readonly string[], explain: () => string) {
    this.#file = join(folder, 'told');
    this.program = join(folder, 'tell');
    this.#ignored = ignored;
    this.#explain = explain;
    writeFileSync(this.#file, '');
    const line = `{ printf '%s %s ' "$ALARM_KIND" "$ALARM_STATE"; cat; } >>${this.#file}`;
    writeFileSync(this.program, `#!/bin/sh\n${line}\n`, { mode: 0o755 });
  }

  /** All that it was told, a line each. */
  get text(): string {
    return readFileSync(this.#file, 'utf8');
  }

  /** `KIND STATE SUBJECT` of each, in order. */
  heard(): string[] {
    return (
      this.text
        .split('\n')
        // the last one may be written just now
        .slice(0, -1)
        .filter((line) => !this.#ignored.includes(line.split(' ')[0]!))
        .map((line) => {
          const [kind, said] = line.split(' ');
          const { subject } = JSON.parse(line.slice(line.indexOf('{'))) as { subject: string };
          return `${kind} ${said}${subject === '' ? '' : ` ${subject}`}`;
        })
    );
  }

  /**
   * Waits until it was told that. `again` is done every three seconds meanwhile: an alarm goes by what happened within its window, which
   * may be over before somebody looks.
   */
  hears(what: string, again: () => unknown = () => {}): Promise<true> {
    let done = performance.now();
    return until(
      WAIT_MS,
      what,
      async () => {
        if (this.heard().includes(what)) return true;
        if (performance.now() - done < AGAIN_MS) return false;
        done = performance.now();
        await again();
        return false;
      },
      () => `${this.heard().join('\n')}\n${this.#explain()}`,
    );
  }
}

/** `KIND firing SUBJECT` and `KIND resolved SUBJECT` of each `KIND SUBJECT`. */
export function onceEach(alarms: readonly string[]): string[] {
  return alarms.flatMap((one) => {
    const [kind, subject = ''] = one.split(' ');
    return ['firing', 'resolved'].map((said) => `${kind} ${said}${subject === '' ? '' : ` ${subject}`}`);
  });
}
