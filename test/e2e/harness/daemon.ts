/**
 * tlsward itself as a child process of a test: a configuration written to a temporary folder, the daemon started on it
 * exactly as a service manager would, its log collected as parsed JSON, and its end awaited.
 *
 * Sockets are unix sockets in the folder, which Postfix's unprivileged daemons may enter. The daemon counts as started
 * when it has named every configured listener in its output, because it promises to do so once it accepts connections;
 * `stop` insists that the sockets are gone afterwards. The compiled program is the one beside this compiled test, else
 * the one in the repository's build/.
 */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { patient, until, within } from './deadline.ts';
import { removeFolder } from './folder.ts';
import { SERVER_NAME } from './peers/ca.ts';
import { exited, freePorts, guardProcess, portOpen } from './processes.ts';
import { mainFile } from './program.ts';

/** One line of the daemon's log: pino's fields and ours. Every line of ours has `event`. */
export interface LogLine {
  readonly level?: number;
  readonly event?: string;
  readonly msg?: string;
  readonly [field: string]: unknown;
}

/** Protocols a test can ask for; each becomes a `NAME-listen` key. */
export type ProtocolName = 'policy' | 'milter' | 'socketmap' | 'control';

export interface DaemonOptions {
  /** Everything after the `[service]` section that the harness writes: `[domains]`, `[policy ...]`, ... */
  readonly tables: string;
  /** More keys of `[service]`, or other values for those the harness sets; null leaves one out. */
  readonly service?: Readonly<Record<string, string | null>>;
  /** Default policy, milter and control. */
  readonly protocols?: readonly ProtocolName[];
  /** How they listen; default unix. The control protocol is always a unix socket. */
  readonly transport?: 'unix' | 'inet';
  /** Folder of the unix sockets `policy.sock`, `milter.sock`, ...; default the daemon's own. */
  readonly socketDir?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Nothing of tap in its process, which ends by SIGXFSZ then; Node by itself ignores that signal. */
  readonly withoutTap?: boolean;
  /** A program to run instead of tlsward, with the same arguments: for tests of this harness. */
  readonly program?: string;
}

/** `host-name` of the daemon under test; the name a test Postfix has by default. */
export const HOST_NAME = SERVER_NAME;

/**
 * The one loopback address that the daemon under test trusts as a content filter: everything else on loopback is judged,
 * because every client of these tests lives there.
 */
export const TRUSTED_CLIENT = '127.0.0.200';

export interface CommandResult {
  /** Exit status; -1 when the command was killed. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

const START_MS = 60_000;
const STOP_MS = 15_000;
/** Default of every wait for a log event. */
const WAIT_MS = 10_000;

export class Daemon {
  readonly dir: string;
  readonly configFile: string;
  /** Every JSON line written so far, over all starts. */
  readonly lines: LogLine[] = [];
  /** Everything else it wrote, stdout and stderr. */
  text = '';

  readonly #options: DaemonOptions;
  readonly #protocols: ReadonlyMap<ProtocolName, string>;
  #child: ChildProcess | null = null;
  #guard: { release(): void } | null = null;
  #output = '';
  #started = 0;

  private constructor(options: DaemonOptions, protocols: ReadonlyMap<ProtocolName, string>, dir: string) {
    this.#options = options;
    this.#protocols = protocols;
    this.dir = dir;
    this.configFile = join(dir, 'tlsward.ini');
    this.setTables(options.tables);
  }

  /** A daemon with its folder and configuration, not yet started. */
  static async create(options: DaemonOptions): Promise<Daemon> {
    const dir = mkdtempSync(join(tmpdir(), 'tlsward-d-'));
    chmodSync(dir, 0o755); // Postfix's smtpd and cleanup run as postfix
    const names = options.protocols ?? ['policy', 'milter', 'control'];
    const ports = options.transport === 'inet' ? await freePorts(names.length) : [];
    const protocols = new Map<ProtocolName, string>();
    names.forEach((protocol, index) => {
      const inet = ports.length > 0 && protocol !== 'control';
      protocols.set(
        protocol,
        inet
          ? `inet:127.0.0.1:${ports[index]!}`
          : `unix:${join(options.socketDir ?? dir, `${protocol}.sock`)}`,
      );
    });
    return new Daemon(options, protocols, dir);
  }

  /** A protocol in Postfix's spelling, `unix:/path` or `inet:127.0.0.1:port`: for check_policy_service and smtpd_milters. */
  address(protocol: ProtocolName): string {
    const address = this.#protocols.get(protocol);
    if (address === undefined) throw new Error(`no protocol ${protocol}`);
    return address;
  }

  /** The policy service with the time limits that contrib/postfix recommends, for a restriction list. */
  policyService(timeLimit = '5s'): string {
    const fallback = '{ default_action = DEFER_IF_PERMIT 4.7.1 TLS policy service unavailable }';
    return `check_policy_service { ${this.address('policy')}, timeout=${timeLimit}, try_limit=2, retry_delay=1s, ${fallback} }`;
  }

  /** The milter with the time limits that contrib/postfix recommends, for smtpd_milters. */
  milterService(defaultAction = 'tempfail'): string {
    const limits = 'connect_timeout=5s, command_timeout=10s, content_timeout=30s';
    return `{ ${this.address('milter')}, default_action=${defaultAction}, ${limits} }`;
  }

  /** Process id; throws when stopped. */
  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('tlsward is not running');
    return this.#child.pid;
  }

  /** Write the configuration with other tables. Takes effect at the next `reload` or `start`. */
  setTables(tables: string): void {
    const service: Record<string, string | null> = {
      'socket-mode': '0666',
      'host-name': HOST_NAME,
      'trusted-clients': TRUSTED_CLIENT,
      postconf: '', // that of the machine's own Postfix, which is not under test
    };
    for (const [protocol, address] of this.#protocols) service[`${protocol}-listen`] = address;
    Object.assign(service, this.#options.service);
    const keys = Object.entries(service).flatMap(([key, value]) =>
      value === null ? [] : [`${key} = ${value}`],
    );
    writeFileSync(this.configFile, `[service]\n${keys.join('\n')}\n\n${tables}\n`, { mode: 0o644 });
  }

  /** Start, or start again. Resolves when every protocol accepts connections. */
  async start(): Promise<void> {
    if (this.#child !== null) throw new Error('tlsward is already running');
    const argv = [
      '--max-semi-space-size=4',
      '--v8-pool-size=1',
      this.#options.program ?? mainFile(),
      'serve',
      '--config',
      this.configFile,
    ];
    const env = { ...process.env, ...this.#options.env };
    // tap has itself loaded into every Node by NODE_OPTIONS, whatever the environment says
    const [program, ...more] = this.#options.withoutTap
      ? ['env', '-u', 'NODE_OPTIONS', process.execPath]
      : [process.execPath];
    const child = spawn(program!, [...more, ...argv], {
      cwd: this.dir,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#output = '';
    this.#started = this.mark();
    this.#collect(child.stdout);
    this.#collect(child.stderr);
    const gone = { value: false };
    void exited(child).then(() => {
      gone.value = true;
    });
    if (child.pid !== undefined) this.#guard = guardProcess(child.pid);
    // Without the `unix:` or `inet:` in front, so that it does not matter how the line spells the address.
    const named = () =>
      [...this.#protocols.values()].every((address) => this.#output.includes(bare(address)));
    try {
      const ready = () => gone.value || named();
      await until(START_MS, 'start of tlsward', ready, () => this.#output);
      if (gone.value) throw new Error(`tlsward ended at start (${child.exitCode}):\n${this.#output}`);
    } catch (error) {
      child.kill('SIGKILL');
      this.#forget();
      throw error;
    }
  }

  /**
   * End it with a signal and wait. Returns the exit status, null when the signal itself ended the process. Throws when
   * it takes too long (it is killed then) or leaves a socket behind. Does nothing when not running.
   */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const child = this.#child;
    if (child === null) return null;
    child.kill(signal);
    try {
      await within(STOP_MS, `end of tlsward after ${signal}`, exited(child));
    } catch (error) {
      child.kill('SIGKILL');
      await within(STOP_MS, 'end of tlsward after SIGKILL', exited(child));
      throw error;
    } finally {
      this.#forget();
    }
    if (signal !== 'SIGKILL') await this.#checkClosed();
    return child.exitCode;
  }

  /** SIGKILL: the sockets stay behind, as after a crash. */
  async kill(): Promise<void> {
    await this.stop('SIGKILL');
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** SIGHUP; resolves with the event that says what became of it, `config.loaded` or `config.rejected`. */
  async reload(tables?: string): Promise<LogLine> {
    if (tables !== undefined) this.setTables(tables);
    await this.waitForEvent('config.loaded', { from: this.#started }); // the log is batched: that one must not be ours
    const from = this.mark();
    process.kill(this.pid, 'SIGHUP');
    const wanted = (line: LogLine) => line.event === 'config.loaded' || line.event === 'config.rejected';
    return this.waitForLine(wanted, { from, what: 'config.loaded or config.rejected' });
  }

  /** Run another command of tlsward with this daemon's configuration. */
  command(name: string, ...args: readonly string[]): Promise<CommandResult> {
    const argv = [this.#options.program ?? mainFile(), name, '--config', this.configFile, ...args];
    const env = { ...process.env, ...this.#options.env };
    const options = { timeout: patient(WAIT_MS), encoding: 'utf8', cwd: this.dir, env } as const;
    return new Promise((resolve) => {
      execFile(process.execPath, argv, options, (error, stdout, stderr) => {
        resolve({ status: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
      });
    });
  }

  /** A position for `from`: the end of the log now. */
  mark(): number {
    return this.lines.length;
  }

  /** Lines of one event so far, after `from`. */
  events(event: string, from = 0): LogLine[] {
    return this.lines.slice(from).filter((line) => line.event === event);
  }

  /** The first line of this event after `from`, as soon as it is there. */
  waitForEvent(event: string, options: { from?: number; timeoutMs?: number } = {}): Promise<LogLine> {
    return this.waitForLine((line) => line.event === event, { ...options, what: `event ${event}` });
  }

  /** The first line after `from` that satisfies `wanted`, as soon as it is there. */
  waitForLine(
    wanted: (line: LogLine) => boolean,
    options: { from?: number; timeoutMs?: number; what?: string } = {},
  ): Promise<LogLine> {
    const { from = 0, timeoutMs = WAIT_MS, what = 'log line' } = options;
    const state = () =>
      this.lines
        .slice(from)
        .slice(-40)
        .map((line) => JSON.stringify(line))
        .join('\n');
    return until(
      timeoutMs,
      what,
      () => this.lines.slice(from).find(wanted),
      () => `${state()}\n${this.text}`,
    );
  }

  /** Stop and remove the folder (kept when TLSWARD_E2E_KEEP is set, and named on stderr). For `t.teardown`. */
  async close(): Promise<void> {
    try {
      await this.stop();
    } finally {
      removeFolder(this.dir);
    }
  }

  async #checkClosed(): Promise<void> {
    for (const [protocol, address] of this.#protocols) {
      const where = bare(address);
      const open = address.startsWith('unix:')
        ? existsSync(where)
        : await portOpen(Number(where.split(':')[1]));
      if (open) throw new Error(`tlsward ended and left its ${protocol} socket behind: ${address}`);
    }
  }

  #forget(): void {
    this.#guard?.release();
    this.#guard = null;
    this.#child = null;
  }

  #collect(stream: NodeJS.ReadableStream | null): void {
    let rest = '';
    stream?.on('data', (chunk: Buffer) => {
      this.#output += chunk.toString();
      const parts = (rest + chunk.toString()).split('\n');
      rest = parts.pop() ?? '';
      for (const part of parts) this.#line(part);
    });
  }

  #line(line: string): void {
    try {
      const value: unknown = JSON.parse(line);
      if (typeof value === 'object' && value !== null) {
        this.lines.push(value as LogLine);
        return;
      }
    } catch {
      // not JSON: a plain line for a person
    }
    this.text += `${line}\n`;
  }
}

/** A started daemon. Close it in a teardown. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const daemon = await Daemon.create(options);
  try {
    await daemon.start();
  } catch (error) {
    await daemon.close();
    throw error;
  }
  return daemon;
}

/** `/path` of `unix:/path`, `127.0.0.1:port` of `inet:127.0.0.1:port`. */
function bare(address: string): string {
  return address.slice(address.indexOf(':') + 1);
}
