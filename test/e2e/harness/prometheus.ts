/**
 * A private Prometheus (Debian's) for one test: started by path, on loopback, in a folder of its own, with a
 * configuration of the test; the machine's service is not touched.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until, within } from './deadline.ts';
import { removeFolder } from './folder.ts';
import { exited, freePorts, guardProcess } from './processes.ts';
import { command } from './requirements.ts';

/** One series of an instant query. */
interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, value: string];
}

export class Prometheus {
  /** For its configuration and what it keeps. */
  readonly dir = mkdtempSync(join(tmpdir(), 'tlsward-prom-'));
  #port = 0;
  #child: ChildProcess | null = null;
  #guard: { release(): void } | null = null;

  /** `config`: the file name of the configuration in `dir`. */
  async start(config: string): Promise<void> {
    const [port = 0] = await freePorts(1);
    this.#port = port;
    const args = [
      `--config.file=${join(this.dir, config)}`,
      `--storage.tsdb.path=${join(this.dir, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ];
    const child = spawn(command('prometheus'), args, { cwd: this.dir, stdio: 'ignore' });
    this.#child = child;
    this.#guard = guardProcess(child.pid!);
    await until(15_000, 'a Prometheus that is ready', async () => {
      if (child.exitCode !== null) throw new Error('Prometheus ended');
      const answer = await fetch(`http://127.0.0.1:${port}/-/ready`).catch(() => null);
      return answer?.ok;
    });
  }

  /** The `data` of its API. */
  async api<T>(path: string): Promise<T> {
    const answer = await fetch(`http://127.0.0.1:${this.#port}/api/v1/${path}`);
    const { status, data, error } = (await answer.json()) as { status: string; data: T; error?: string };
    if (status !== 'success') throw new Error(`Prometheus: ${error ?? status}`);
    return data;
  }

  /** An instant query. */
  async query(expression: string): Promise<readonly Series[]> {
    const path = `query?query=${encodeURIComponent(expression)}`;
    return (await this.api<{ result: Series[] }>(path)).result;
  }

  async close(): Promise<void> {
    const child = this.#child;
    if (child !== null) {
      child.kill('SIGTERM');
      await within(10_000, 'end of Prometheus', exited(child));
      this.#guard?.release();
    }
    removeFolder(this.dir);
  }
}

/** Runs promtool; resolves to its exit status and all that it says. */
export function promtool(args: readonly string[], input = ''): Promise<{ status: number; text: string }> {
  return new Promise((resolve) => {
    const child = execFile(command('promtool'), [...args], (error, stdout, stderr) =>
      resolve({ status: error === null ? 0 : Number(error.code ?? -1), text: `${stdout}${stderr}` }),
    );
    child.stdin?.end(input);
  });
}
