/**
 * A private ClickHouse server (Debian's, version 18.16) for one test: on loopback, in a folder of its own, with a
 * configuration of its own; the machine's service and its data are not touched.
 *
 *   const server = await startClickhouse(t);
 *   server.sql('SELECT 1 FORMAT TabSeparated')      // by clickhouse-client
 *   await server.kill(); await server.start();      // SIGKILL, and back at the same port with what it had stored
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { until, within } from './deadline.ts';
import { removeFolder } from './folder.ts';
import { exited, freePorts, guardProcess } from './processes.ts';
import { command } from './requirements.ts';

const READY_MS = 60_000;
const USER = 'ship';
const PASSWORD = 'a p4ssw0rd';

export class Clickhouse {
  readonly dir: string;
  readonly #ports: readonly number[];
  #child: ChildProcess | null = null;
  #guard: { release(): void } | null = null;

  /** `ports`: HTTP, native. Not started: `startClickhouse` does that. */
  constructor(ports: readonly number[], base = tmpdir()) {
    this.#ports = ports;
    this.dir = mkdtempSync(join(base, 'tlsward-ch-'));
    for (const name of ['data', 'tmp', 'files']) mkdirSync(join(this.dir, name));
    const path = (name: string): string => join(this.dir, name);
    writeFileSync(
      path('config.xml'),
      `<?xml version="1.0"?>
<yandex>
  <logger><level>warning</level><log>${path('log')}</log><errorlog>${path('errors')}</errorlog></logger>
  <listen_host>127.0.0.1</listen_host>
  <http_port>${ports[0]}</http_port>
  <tcp_port>${ports[1]}</tcp_port>
  <path>${path('data')}/</path>
  <tmp_path>${path('tmp')}/</tmp_path>
  <user_files_path>${path('files')}/</user_files_path>
  <format_schema_path>${path('files')}/</format_schema_path>
  <users_config>users.xml</users_config>
  <default_profile>default</default_profile>
  <default_database>default</default_database>
  <mark_cache_size>67108864</mark_cache_size>
  <timezone>America/New_York</timezone>
</yandex>
`,
    );
    writeFileSync(
      path('users.xml'),
      `<?xml version="1.0"?>
<yandex>
  <profiles><default/></profiles>
  <users><${USER}>
    <password>${PASSWORD}</password>
    <networks><ip>127.0.0.1</ip></networks>
    <profile>default</profile><quota>default</quota>
  </${USER}></users>
  <quotas><default/></quotas>
</yandex>
`,
    );
    writeFileSync(path('credentials'), `user = ${USER}\npassword = ${PASSWORD}\n`, { mode: 0o600 });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#ports[0]}`;
  }

  /** For `--credentials`. */
  get credentials(): string {
    return join(this.dir, 'credentials');
  }

  async start(): Promise<void> {
    const args = [`--config-file=${join(this.dir, 'config.xml')}`];
    const child = spawn(command('clickhouse-server'), args, { cwd: this.dir, stdio: 'ignore' });
    this.#child = child;
    this.#guard = guardProcess(child.pid!);
    await until(
      READY_MS,
      'answer of clickhouse-server',
      () => {
        if (child.exitCode !== null) throw new Error(`clickhouse-server ended: ${this.#errors()}`);
        return this.#answers();
      },
      () => this.#errors(),
    );
  }

  #answers(): Promise<boolean> {
    return new Promise((resolve) => {
      get(`${this.url}/ping`, (response) => resolve(response.resume().statusCode === 200)).on('error', () =>
        resolve(false),
      );
    });
  }

  #errors(): string {
    try {
      return readFileSync(join(this.dir, 'errors'), 'utf8').slice(-2000);
    } catch {
      return '';
    }
  }

  /** The output of statements. */
  sql(text: string): string {
    const login = [`--user=${USER}`, `--password=${PASSWORD}`];
    const args = ['--host=127.0.0.1', `--port=${this.#ports[1]}`, ...login, '--multiquery'];
    return execFileSync(command('clickhouse-client'), args, {
      input: text,
      encoding: 'utf8',
      env: { ...process.env, HOME: this.dir },
      timeout: 120_000,
      maxBuffer: 1 << 28,
    });
  }

  /** By SIGKILL, in the midst of whatever it does. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    child.kill('SIGKILL');
    await within(10_000, 'end of clickhouse-server', exited(child));
    this.#guard?.release();
    this.#child = null;
  }

  async close(): Promise<void> {
    await this.kill();
    removeFolder(this.dir);
  }
}

export async function startClickhouse(t: Test): Promise<Clickhouse> {
  const server = new Clickhouse(await freePorts(2));
  t.teardown(() => server.close());
  await server.start();
  return server;
}
