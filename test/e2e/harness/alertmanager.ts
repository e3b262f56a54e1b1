/**
 * A private Alertmanager (Debian's) for one test: started by path, on loopback, alone in its cluster, in a folder of its
 * own; the machine's service is not touched.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until, within } from './deadline.ts';
import { removeFolder } from './folder.ts';
import { exited, freePorts, guardProcess, portOpen } from './processes.ts';
import { command } from './requirements.ts';

/** An alert as `GET /api/v2/alerts` shows it. */
export interface ShownAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
}

const CONFIG = `route:
  receiver: none
receivers:
  - name: none
`;

export class Alertmanager {
  readonly #dir = mkdtempSync(join(tmpdir(), 'tlsward-am-'));
  #port = 0;
  #child: ChildProcess | null = null;
  #guard: { release(): void } | null = null;

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    const [port = 0] = await freePorts(1);
    this.#port = port;
    const config = join(this.#dir, 'alertmanager.yml');
    writeFileSync(config, CONFIG);
    const args = [
      `--config.file=${config}`,
      `--storage.path=${join(this.#dir, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--cluster.listen-address=',
    ];
    const child = spawn(command('prometheus-alertmanager'), args, { cwd: this.#dir, stdio: 'ignore' });
    this.#child = child;
    this.#guard = guardProcess(child.pid!);
    await until(10_000, 'port of Alertmanager', () => {
      if (child.exitCode !== null) throw new Error('Alertmanager ended');
      return portOpen(port);
    });
  }

  /** Those that are firing now. */
  async alerts(): Promise<ShownAlert[]> {
    const answer = await fetch(`${this.url}/api/v2/alerts?active=true`);
    return (await answer.json()) as ShownAlert[];
  }

  async close(): Promise<void> {
    const child = this.#child;
    if (child !== null) {
      child.kill('SIGTERM');
      await within(10_000, 'end of Alertmanager', exited(child));
      this.#guard?.release();
    }
    removeFolder(this.#dir);
  }
}
