/**
 * A private Postfix for one test file: started in a quarter of a second, driven through its own commands, and stopped so
 * that no process and no port is left.
 *
 * The machine's /etc/postfix is never written, and read only for the list of map types that Debian keeps there: every
 * command gets this instance's configuration with -c (sendmail: -C) and in MAIL_CONFIG. Everything lives in one temporary
 * folder, so any number of instances can run at the same time. What main.cf and master.cf say is in postfix-config.ts;
 * the folders are in postfix-setup.ts; the process is in postfix-master.ts.
 */

import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isSince } from '../../../../src/core/postfixVersion.ts';
import { quoteRegex } from '../../../quoteRegex.ts';
import { patient, pause, until } from '../deadline.ts';
import { removeFolder } from '../folder.ts';
import { type MailMessage, parseMessage } from '../message.ts';
import { type CertificateAuthority, SERVER_NAME } from '../peers/ca.ts';
import { freePorts, isConnected, type ProcessInfo, portOpen } from '../processes.ts';
import { endMta } from './end-mta.ts';
import {
  formatMain,
  formatMaster,
  type Layout,
  LISTENERS,
  layout,
  mainDefaults,
  type Parameters,
  withDns,
} from './postfix-config.ts';
import { MasterProcess } from './postfix-master.ts';
import { type PostfixPrograms, postfixPrograms } from './postfix-programs.ts';
import type { Release } from './postfix-releases.ts';
import { makeFolders, makeLogins, writeAged } from './postfix-setup.ts';

export interface PostfixOptions {
  readonly ca: CertificateAuthority;
  /** Domains delivered to the Maildir, any user. Default `local.example`. */
  readonly localDomains?: readonly string[];
  /** `myhostname`; default the name in the CA's server certificate. */
  readonly hostname?: string;
  /** Parameters over the defaults of `mainDefaults`. */
  readonly main?: Parameters;
  /** More listeners, or parameters added to `smtp`, `plain`, `weak`, `submission`, `wrapped`. */
  readonly listeners?: Readonly<Record<string, Parameters>>;
  /** More master.cf lines, as they are. */
  readonly services?: readonly string[];
  /** Logins for the submission listeners. Default alice / secret. */
  readonly users?: Readonly<Record<string, string>>;
  /** Run the Postfix of this release; default: as TLSWARD_POSTFIX says, else this machine's own. */
  readonly release?: Release;
  /** Address of the DNS server it asks (dns.ts), for MX, A and TLSA with DNSSEC. Without: no DNS at all. */
  readonly resolver?: string;
}

/** One message in the queue, as `postqueue -j` prints it. */
export interface QueueEntry {
  readonly queue_name: 'maildrop' | 'incoming' | 'active' | 'deferred' | 'hold';
  readonly queue_id: string;
  readonly arrival_time: number;
  readonly message_size: number;
  readonly sender: string;
  readonly recipients: readonly { readonly address: string; readonly delay_reason?: string }[];
}

/** Default of every wait for mail or log lines. */
const WAIT_MS = 15_000;
/** So long a flush waits for messages under way. */
const FLUSH_MS = 3000;

export class Postfix {
  readonly dir: string;
  readonly hostname: string;
  /** Port of each listener by name. */
  ports: ReadonlyMap<string, number> = new Map();

  readonly #paths: Layout;
  readonly #options: PostfixOptions;
  readonly #main: Map<string, string>;
  readonly #listeners: Readonly<Record<string, Parameters>>;
  readonly #programs: PostfixPrograms;
  #master: MasterProcess | null = null;

  constructor(options: PostfixOptions) {
    this.#options = options;
    this.dir = mkdtempSync(join(tmpdir(), 'tlsward-pf-'));
    this.#paths = layout(this.dir);
    this.hostname = options.hostname ?? SERVER_NAME;
    const listeners: Record<string, Parameters> = { ...LISTENERS };
    for (const [name, more] of Object.entries(options.listeners ?? {})) {
      listeners[name] = { ...listeners[name], ...more };
    }
    this.#listeners = listeners;
    const programs = postfixPrograms(options.release);
    this.#programs = programs;
    const local = options.localDomains ?? ['local.example'];
    this.#main = mainDefaults(this.#paths, programs, this.hostname, local, options.ca);
    if (options.resolver !== undefined) withDns(this.#main);
    for (const [name, value] of Object.entries(options.main ?? {})) this.#main.set(name, value);
    makeFolders(this.#paths, programs);
    makeLogins(this.#paths, programs, this.hostname, options.users ?? { alice: 'secret' });
  }

  /** `3.10.13` */
  get version(): string {
    return this.#programs.version;
  }

  /** Number of its group postfix. */
  get group(): number {
    return this.#programs.group;
  }

  /** The command line that runs a program of this machine, which finds the commands of this Postfix in /usr/sbin. */
  among(argv: readonly string[]): string[] {
    return this.#programs.among(argv);
  }

  /** Is it this version or a later one? */
  since(major: number, minor: number): boolean {
    return isSince(this.version, major, minor);
  }

  /** `queue_directory`: Postfix looks for relative socket paths here. */
  get queueDirectory(): string {
    return this.#paths.queue;
  }

  /** Process id of master; throws when stopped. */
  get pid(): number {
    return this.#running().pid;
  }

  /** Port of a listener: `smtp`, `plain`, `weak`, `submission`, `wrapped` or one of the test's own. */
  port(name = 'smtp'): number {
    const port = this.ports.get(name);
    if (port === undefined) throw new Error(`no listener ${name}`);
    return port;
  }

  /** Start, or start again after `stop` on the same ports. Resolves when every port accepts connections. */
  async start(): Promise<void> {
    if (this.#master !== null) throw new Error('Postfix is already running');
    const names = Object.keys(this.#listeners);
    for (let attempt = 1; ; attempt++) {
      if (this.ports.size === 0 || attempt > 1) {
        const free = await freePorts(names.length);
        this.ports = new Map(names.map((name, index) => [name, free[index]!]));
      }
      this.#writeMain();
      const master = formatMaster(this.ports, this.#listeners, this.#options.services ?? []);
      writeFileSync(join(this.#paths.config, 'master.cf'), master);
      const from = this.logMark();
      const log = () => this.log().slice(from);
      try {
        this.#master = await MasterProcess.start(this.#programs, this.#paths, log, this.#resolvConf());
        return;
      } catch (error) {
        // Another server took a port between the check and the bind. Later versions say it to syslog only.
        const taken = await Promise.all([...this.ports.values()].map((port) => portOpen(port)));
        if (attempt === 3 || !(taken.includes(true) || /Address already in use/.test(String(error))))
          throw error;
      }
    }
  }

  /**
   * End master and everything it started; queue, log and mail stay readable. Throws when a process had to be killed or
   * a port stayed open. Does nothing when not running.
   */
  async stop(): Promise<void> {
    const master = this.#master;
    if (master === null) return;
    this.#master = null;
    await endMta('Postfix', master, this.ports, () => this.log());
  }

  /** SIGKILL to all of it; `start` goes on with the same queue and log. */
  async kill(): Promise<void> {
    const master = this.#running();
    this.#master = null;
    await master.kill();
  }

  /** Every live daemon of this instance, master excluded. */
  daemons(): readonly ProcessInfo[] {
    return this.#running().daemons();
  }

  /** Path of the log file. */
  get logFile(): string {
    return this.#paths.log;
  }

  /** Stop and remove the folder (kept when TLSWARD_E2E_KEEP is set, and named on stderr). For `t.teardown`. */
  async close(): Promise<void> {
    try {
      await this.stop();
    } finally {
      removeFolder(this.dir);
    }
  }

  /**
   * Make the running daemons read main.cf again; resolves when those with the old settings are gone: a client would be served
   * by them, and an old queue manager would hear a flush and do nothing. One that serves a client goes on with it.
   */
  async reload(): Promise<void> {
    const master = this.#running();
    const from = this.logMark();
    const stale = master.daemons();
    master.signal('SIGHUP');
    await this.waitForLog(/reload -- version/, { from });
    const left = () => {
      const alive = new Set(master.daemons().map(({ pid }) => pid));
      return stale.filter(({ pid }) => alive.has(pid));
    };
    const idle = ({ name, pid }: ProcessInfo) =>
      name === 'qmgr' || name === 'pickup' || (name === 'smtpd' && !isConnected(pid));
    await until(
      WAIT_MS,
      'end of idle daemons',
      () => !left().some(idle),
      () =>
        left()
          .map(({ name }) => name)
          .join(' '),
    );
    // of the others, half a second tells one that works for a client
    for (let waited = 0; waited < 500 && left().length > 0; waited += 20) await pause(20);
  }

  /** Change parameters (null: back to Postfix's own default) and reload when running. */
  async setMain(changes: Readonly<Record<string, string | null>>): Promise<void> {
    for (const [name, value] of Object.entries(changes)) {
      if (value === null) this.#main.delete(name);
      else this.#main.set(name, value);
    }
    this.#writeMain();
    if (this.#master !== null) await this.reload();
  }

  /** The value main.cf has now, or null. */
  main(name: string): string | null {
    return this.#main.get(name) ?? null;
  }

  /** Write a file (an access table, header checks) into the configuration folder; returns its path. */
  file(name: string, text: string): string {
    const path = join(this.#paths.config, name);
    writeAged(path, text);
    return path;
  }

  /** The whole log so far. */
  log(): string {
    return existsSync(this.#paths.log) ? readFileSync(this.#paths.log, 'utf8') : '';
  }

  /** A position for `waitForLog({ from })`: the end of the log now. */
  logMark(): number {
    return this.log().length;
  }

  /** The first match in the log (after `from`), as soon as it is there; words match as they are written. */
  waitForLog(
    what: RegExp | string,
    { from = 0, timeoutMs = WAIT_MS }: { from?: number; timeoutMs?: number } = {},
  ): Promise<RegExpExecArray> {
    const pattern = typeof what === 'string' ? new RegExp(quoteRegex(what)) : what;
    const probe = () => pattern.exec(this.log().slice(from));
    return until(timeoutMs, `log line ${pattern}`, probe, () => this.log().slice(from).slice(-4000));
  }

  /** The queue now: every message that is not yet delivered, bounced or discarded. */
  async queue(): Promise<QueueEntry[]> {
    const text = await this.#run('postqueue', ['-c', this.#paths.config, '-j']);
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as QueueEntry);
  }

  /** What stays in the queue: a delivery that was logged, or a bounce of it, may still be leaving. */
  async left(): Promise<QueueEntry[]> {
    for (let tries = 300; ; tries--) {
      const entries = await this.queue();
      if (entries.length === 0 || tries === 0) return entries;
      await pause(100);
    }
  }

  /** The first queue entry that satisfies `wanted`, as soon as it is there. */
  async waitForQueue(
    wanted: (entry: QueueEntry) => boolean,
    { timeoutMs = WAIT_MS }: { timeoutMs?: number } = {},
  ): Promise<QueueEntry> {
    let last: QueueEntry[] = [];
    const probe = async () => {
      last = await this.queue();
      return last.find(wanted);
    };
    return until(
      timeoutMs,
      'queue entry',
      probe,
      () => `${JSON.stringify(last)}\n${this.log().slice(-2000)}`,
    );
  }

  /** A queued message as Postfix would send it (headers added by PREPEND and milters included). */
  async queued(queueId: string): Promise<MailMessage> {
    const text = await this.#run('postcat', ['-c', this.#paths.config, '-bhq', queueId]);
    return parseMessage(Buffer.from(text, 'latin1'));
  }

  /** Put a message on hold, as an administrator would (`postsuper -h`). */
  async hold(queueId: string): Promise<void> {
    await this.#run('postsuper', ['-c', this.#paths.config, '-h', queueId]);
  }

  /** Release a held message and deliver it now (postsuper alone leaves it to the next queue run). */
  async release(queueId: string): Promise<void> {
    await this.#run('postsuper', ['-c', this.#paths.config, '-H', queueId]);
    await this.#run('postqueue', ['-c', this.#paths.config, '-i', queueId]);
  }

  /**
   * Try every deferred message again. A message that was put off is under way for a moment after its line in the log, and would
   * be missed: so long is waited for it, at most.
   */
  async flush(mostMs = FLUSH_MS): Promise<void> {
    const underWay = async () =>
      (await this.queue()).some(({ queue_name: name }) => /^(?:active|incoming)$/.test(name));
    for (const end = performance.now() + mostMs; performance.now() < end && (await underWay()); )
      await pause(20);
    await this.#run('postqueue', ['-c', this.#paths.config, '-f']);
  }

  /** Put every message back at the start, through cleanup again (`postsuper -r ALL`), and have it picked up now. */
  async requeue(): Promise<void> {
    await this.#run('postsuper', ['-c', this.#paths.config, '-r', 'ALL']);
    await this.flush(); // a look into maildrop is part of it; pickup by itself looks once a minute
  }

  /** Empty the queue and the Maildir. */
  async clear(): Promise<void> {
    await this.#run('postsuper', ['-c', this.#paths.config, '-d', 'ALL']);
    // a delivery under way may still put a file in, which rmSync meets only when it looks again
    for (let left = 20; ; left--)
      try {
        rmSync(join(this.#paths.mail, 'all'), { recursive: true, force: true });
        return;
      } catch (error) {
        if (left === 0) throw error;
        await pause(50);
      }
  }

  /** Delivered messages, oldest first; with `mailbox`, those whose Delivered-To is that address. */
  delivered(mailbox?: string): MailMessage[] {
    const messages = this.arrivals().map(({ message }) => message);
    if (mailbox === undefined) return messages;
    return messages.filter((message) => message.first('Delivered-To') === mailbox);
  }

  /** Delivered messages, oldest first, with the time: milliseconds since the epoch. */
  arrivals(): { readonly at: number; readonly message: MailMessage }[] {
    const folder = join(this.#paths.mail, 'all', 'new');
    if (!existsSync(folder)) return [];
    return readdirSync(folder)
      .map((name) => ({ at: deliveryTime(name) * 1000, name }))
      .sort((a, b) => a.at - b.at)
      .map(({ at, name }) => ({ at, message: parseMessage(readFileSync(join(folder, name))) }));
  }

  /** The delivered messages of a mailbox, once there are `count` of them or more. */
  waitForDelivered(
    mailbox: string,
    { count = 1, timeoutMs = WAIT_MS }: { count?: number; timeoutMs?: number } = {},
  ): Promise<MailMessage[]> {
    const probe = () => {
      const messages = this.delivered(mailbox);
      return messages.length >= count ? messages : null;
    };
    return until(timeoutMs, `${count} messages for ${mailbox}`, probe, () => this.log().slice(-4000));
  }

  /** Submit locally, as a program on this host would: `sendmail ARGS`, the message on standard input. */
  async sendmail(args: readonly string[], text: string): Promise<void> {
    await this.#run('sendmail', ['-C', this.#paths.config, ...args], text);
  }

  #running(): MasterProcess {
    if (this.#master === null) throw new Error('Postfix is not running');
    return this.#master;
  }

  /** Run a command of its own (postmap, postconf) with its configuration, to its end. */
  async command(
    name: string,
    args: readonly string[],
  ): Promise<{ readonly status: number; readonly stdout: string; readonly stderr: string }> {
    const [file = '', ...rest] = this.#programs.argv(join(this.#programs.commands, name), args);
    const env = { ...process.env, MAIL_CONFIG: this.#paths.config };
    return new Promise((resolve) => {
      execFile(file, rest, { env, timeout: patient(WAIT_MS), encoding: 'utf8' }, (error, stdout, stderr) =>
        resolve({ status: error === null ? 0 : Number(error.code ?? -1), stdout, stderr }),
      );
    });
  }

  /** A program that is its postconf, for tlsward's key of that name. */
  postconfProgram(): string {
    const argv = this.#programs.argv(join(this.#programs.commands, 'postconf'), ['-c', this.#paths.config]);
    const quoted = argv.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
    const path = join(this.dir, 'postconf');
    writeFileSync(path, `#!/bin/sh\nexec ${quoted} "$@"\n`, { mode: 0o755 });
    return path;
  }

  #run(name: string, args: readonly string[], input = ''): Promise<string> {
    const env = { ...process.env, MAIL_CONFIG: this.#paths.config };
    return new Promise((resolve, reject) => {
      const options = { env, timeout: patient(WAIT_MS), maxBuffer: 64 << 20, encoding: 'latin1' } as const;
      const [file = '', ...rest] = this.#programs.argv(join(this.#programs.commands, name), args);
      const child = execFile(file, rest, options, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`${name} ${args.join(' ')}: ${error.message}\n${stderr}`, { cause: error }));
      });
      child.stdin?.on('error', () => {}); // a command that refuses its input says why on stderr
      child.stdin?.end(input, 'latin1');
    });
  }

  #resolvConf(): string | null {
    const { resolver } = this.#options;
    if (resolver === undefined) return null;
    return this.file('resolv.conf', `nameserver ${resolver}\noptions timeout:3 attempts:2\n`);
  }

  #writeMain(): void {
    writeAged(join(this.#paths.config, 'main.cf'), formatMain(this.#main));
  }
}

/** A started instance. Close it in a teardown. */
export async function startPostfix(options: PostfixOptions): Promise<Postfix> {
  const postfix = new Postfix(options);
  try {
    await postfix.start();
  } catch (error) {
    await postfix.close();
    throw error;
  }
  return postfix;
}

/** Seconds with microseconds from virtual(8)'s Maildir name, `1700000000.V801I2bM123456.host`. */
function deliveryTime(name: string): number {
  const match = /^(\d+)\..*M(\d+)\./.exec(name);
  return match === null ? 0 : Number(match[1]) + Number(match[2]) / 1e6;
}
