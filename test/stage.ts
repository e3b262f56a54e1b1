/**
 * A stage for the examples of a page: its files written and its commands run in the order of the page, against a daemon
 * that serves the page's own table, as an administrator would do it in /etc/tlsward.
 *
 * A fenced block whose first line is a comment with nothing but an absolute path is that file. A `console` block holds
 * commands behind `$ ` and what each prints. Paths of an installed tlsward lead below a temporary folder, and back in
 * what is printed. `tlsward` and `journalctl -u tlsward -o cat` are the program and the log of its daemon.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmodSync, closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url));
const INSTALLED = /\/(?:etc|run|var\/lib|var\/spool\/postfix)\/tlsward|\/etc\/postfix/g;
const CONFIG = '/etc/tlsward/tlsward.ini';
const COMMAND_MS = 240_000;
const DAY_MS = 86_400_000;
const DAY = /\b\d{4}-\d\d-\d\d(?!\d)/g;

export interface Example {
  readonly command: string;
  /** What the page says that it prints, without the last line end. */
  readonly shown: string;
}

/** A file to write, or examples to run. */
export type Step =
  | { readonly path: string; readonly text: string }
  | { readonly examples: readonly Example[] };

/** Files and examples of a page, in their order. */
export function stepsOf(page: string): Step[] {
  const steps: Step[] = [];
  for (const [, kind, text = ''] of page.matchAll(/^```(\S+)\n([\s\S]*?)^```$/gm)) {
    const [, path] = /^[;#] (\/\S+)\n/.exec(text) ?? [];
    if (path !== undefined) steps.push({ path, text });
    else if (kind === 'console' && !text.startsWith('$ npx ')) steps.push({ examples: examplesOf(text) });
  }
  return steps;
}

function examplesOf(block: string): Example[] {
  return block
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const [command = '', ...lines] = part.trimEnd().split('\n');
      return { command, shown: lines.join('\n') };
    });
}

export class Stage {
  readonly #folder = mkdtempSync(join(tmpdir(), 'tlsward-'));
  /** Codes and days as the page shows them, and what they were this time. */
  readonly #seen = new Map<string, string>();
  #daemon: ChildProcess | null = null;

  constructor() {
    for (const path of ['etc/tlsward', 'etc/postfix', 'run/tlsward', 'var/lib/tlsward', 'bin'])
      mkdirSync(join(this.#folder, path), { recursive: true });
    mkdirSync(join(this.#folder, 'var/spool/postfix/tlsward'), { recursive: true });
    this.#program('tlsward', `exec ${process.execPath} ${MAIN} "$@"`);
    this.#program('journalctl', `[ "$*" = "-u tlsward -o cat" ] && exec cat ${this.#folder}/log`);
  }

  #program(name: string, line: string): void {
    const file = join(this.#folder, 'bin', name);
    writeFileSync(file, `#!/bin/sh\n${line}\n`);
    chmodSync(file, 0o755);
  }

  #inside(text: string): string {
    return text.replaceAll(INSTALLED, (path) => `${this.#folder}${path}`);
  }

  /** Writes a file of the page; the first configuration starts the daemon. */
  async write(path: string, text: string): Promise<void> {
    const file = join(this.#folder, path);
    mkdirSync(dirname(file), { recursive: true });
    let inside = this.#inside(text);
    // records of a day are looked for on that day and the next
    if (path.endsWith('.log'))
      inside = inside.replaceAll(DAY, (day) => {
        this.#seen.set(day, new Date(Date.now() - DAY_MS).toISOString().slice(0, 10));
        return this.#seen.get(day)!;
      });
    if (path === CONFIG) {
      // the default, which leads nowhere else: in place of the comment, so that no line gets another number
      const control = `[service]\ncontrol-listen = unix:${this.#folder}/run/tlsward/control.sock\n`;
      inside = inside.replace(/^.*\n\[service\]\n/, control);
    }
    writeFileSync(file, inside);
    if (path !== CONFIG || this.#daemon !== null) return;
    const log = openSync(join(this.#folder, 'log'), 'a');
    this.#daemon = spawn(process.execPath, [MAIN, 'serve'], {
      env: this.#environment(),
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    await this.#execute('tlsward status --wait 30');
  }

  #environment(): NodeJS.ProcessEnv {
    const PATH = `${this.#folder}/bin:${process.env.PATH}`;
    return { ...process.env, NO_COLOR: '1', PATH, TLSWARD_CONFIG: join(this.#folder, CONFIG) };
  }

  #execute(command: string): Promise<string> {
    const options = { cwd: this.#folder, env: this.#environment(), timeout: COMMAND_MS };
    return new Promise((resolve) => {
      execFile('sh', ['-c', command], options, (error, stdout, stderr) =>
        resolve(stdout + stderr + (error?.killed === true ? `ended after ${COMMAND_MS} ms` : '')),
      );
    });
  }

  /** What the command prints here, with the paths of the page. */
  async run(command: string): Promise<string> {
    let line = this.#inside(command);
    for (const [shown, now] of this.#seen) line = line.replaceAll(shown, now);
    return (await this.#execute(line)).replaceAll(this.#folder, '').trimEnd();
  }

  /**
   * Whether `printed` is what the page shows. `...` stands for anything in a line, a line `...` for any lines; codes and
   * days may be others than in the page, and later commands get those of this time.
   */
  fits(shown: string, printed: string): boolean {
    const varying = /\b[0-9A-Z]{4}000[0-9A-Z]\b|\b\d{4}-\d\d-\d\d(?!\d)/g;
    const names: string[] = [];
    const pattern = `${shown}\n`
      .replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')
      .replaceAll(/^\\\.\\\.\\\.\n/gm, '(?:.*\n)*?')
      // where words stand for others the next line begins elsewhere
      .replaceAll(
        /(\\\.\\\.\\\.)( .*)\n +(.*)/g,
        (_, dots: string, words: string, more: string) =>
          `${dots}${`${words} ${more}`.replaceAll(' ', '\\s+')}`,
      )
      .replaceAll('\\.\\.\\.', '.*')
      .replaceAll(varying, (found) => {
        names.push(found);
        return found.includes('-') ? '(\\d{4}-\\d\\d-\\d\\d)' : '([0-9A-Z]{8})';
      });
    const match = new RegExp(`^${pattern}$`).exec(`${printed}\n`);
    names.forEach((name, i) => {
      if (match !== null) this.#seen.set(name, match[i + 1]!);
    });
    return match !== null;
  }

  async close(): Promise<void> {
    const daemon = this.#daemon;
    if (daemon !== null && daemon.exitCode === null) {
      const ended = new Promise((resolve) => daemon.once('exit', resolve));
      daemon.kill();
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
