/**
 * A private Sendmail for one test file, from packages that are unpacked and not installed (sendmail-fetch.ts), with the
 * filter as contrib/sendmail/tlsward.mc defines it.
 *
 * It runs as root in namespaces of its own (sendmail-process.ts), listens on loopback only, and hands every accepted
 * message to an SMTP sink. The machine's own mail system is neither read nor written, and may be running. What
 * sendmail.mc says is in sendmail-config.ts, the files are made in sendmail-setup.ts.
 *
 * Sources: doc/op (command line flags; queue files, appendix B).
 */

import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from '../../../root.ts';
import { patient } from '../deadline.ts';
import { KEEP, removeFolder } from '../folder.ts';
import type { MailMessage } from '../message.ts';
import { type CertificateAuthority, SERVER_NAME } from '../peers/ca.ts';
import { SmtpSink } from '../peers/smtp-sink.ts';
import { Syslog } from '../peers/syslog.ts';
import { freePorts, portOpen } from '../processes.ts';
import { command } from '../requirements.ts';
import { endMta } from './end-mta.ts';
import { formatMc, RUN, SENDMAIL_LISTENERS } from './sendmail-config.ts';
import { type SendmailPrograms, sendmailPrograms } from './sendmail-fetch.ts';
import { inNamespaces, SendmailProcess } from './sendmail-process.ts';
import { makeConfig, makeFiles } from './sendmail-setup.ts';

/** One message in the queue. */
export interface SendmailEntry {
  readonly id: string;
  /** In quarantine, and why. */
  readonly quarantine: string | null;
  readonly sender: string;
}

const START_MS = 20_000;
const COMMAND_MS = 15_000;

export class Sendmail {
  readonly dir: string;
  readonly hostname = SERVER_NAME;
  /** Where tlsward's sockets must be: /run/tlsward of the namespace. */
  readonly socketDir: string;
  ports: ReadonlyMap<string, number> = new Map();

  readonly #programs: SendmailPrograms;
  /** Port on 127.0.0.1 of the server that takes all mail. */
  readonly #relayPort: number;
  readonly #sink: SmtpSink;
  readonly #syslog: Syslog;
  #process: SendmailProcess | null = null;

  private constructor(dir: string, sink: SmtpSink, syslog: Syslog, relayPort: number) {
    this.dir = dir;
    this.#relayPort = relayPort;
    this.socketDir = join(dir, 'tlsward');
    this.#programs = sendmailPrograms();
    this.#sink = sink;
    this.#syslog = syslog;
  }

  /** A started instance with its sink, or with another server that takes all mail. Close it in a teardown. */
  static async start(ca: CertificateAuthority, relayPort?: number): Promise<Sendmail> {
    const dir = mkdtempSync(join(tmpdir(), 'tlsward-sm-'));
    chmodSync(dir, 0o755);
    makeFiles(dir, SERVER_NAME, ca);
    const sink = await SmtpSink.start();
    const sendmail = new Sendmail(
      dir,
      sink,
      await Syslog.listen(join(dir, 'log.sock')),
      relayPort ?? sink.port,
    );
    try {
      await sendmail.#start();
      return sendmail;
    } catch (error) {
      await sendmail.close();
      throw error;
    }
  }

  /** The version of the Debian package. */
  get version(): string {
    return this.#programs.version;
  }

  port(name = 'smtp'): number {
    const port = this.ports.get(name);
    if (port === undefined) throw new Error(`no listener ${name}`);
    return port;
  }

  async #start(): Promise<void> {
    const names = Object.keys(SENDMAIL_LISTENERS);
    for (let attempt = 1; ; attempt++) {
      const free = await freePorts(names.length);
      this.ports = new Map(names.map((name, index) => [name, free[index]!]));
      const mc = formatMc({
        hostname: this.hostname,
        ports: this.ports,
        listeners: SENDMAIL_LISTENERS,
        sinkPort: this.#relayPort,
        cf: this.#programs.cf,
        contrib: fileURLToPath(new URL('contrib/sendmail/tlsward.mc', root)),
      });
      makeConfig(this.dir, this.#programs.m4, mc);
      this.#process = new SendmailProcess(this.#argv(['-bD', '-q2s']), this.#env);
      try {
        await this.#process.ready(
          START_MS,
          () => this.#open(),
          () => this.log().slice(-4000),
        );
        return;
      } catch (error) {
        await this.#process.stop();
        this.#process = null;
        // another server took a port between the check and the bind
        if (attempt === 3 || !/Address already in use/.test(String(error))) throw error;
      }
    }
  }

  async #open(): Promise<boolean> {
    for (const port of this.ports.values()) if (!(await portOpen(port))) return false;
    return true;
  }

  #argv(args: readonly string[]): string[] {
    const argv = [this.#programs.sendmail, `-C${RUN}/sendmail.cf`, ...args];
    return inNamespaces(this.dir, this.hostname, argv);
  }

  get #env(): NodeJS.ProcessEnv {
    return { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LD_LIBRARY_PATH: this.#programs.libraries };
  }

  /** SIGKILL to all of it; `restart` goes on with the same queue, on other ports. */
  async kill(): Promise<void> {
    const running = this.#process;
    this.#process = null;
    await running?.kill();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.#start();
  }

  /** End the daemon and everything it started. Throws when a process had to be killed or a port stayed open. */
  async stop(): Promise<void> {
    const running = this.#process;
    if (running === null) return;
    this.#process = null;
    await endMta('Sendmail', running, this.ports, () => this.log());
  }

  /** Stop and remove the folder (kept when TLSWARD_E2E_KEEP is set, and named on stderr). For `t.teardown`. */
  async close(): Promise<void> {
    try {
      await this.stop();
    } finally {
      await this.#sink.stop();
      await this.#syslog.close();
      if (KEEP) writeFileSync(join(this.dir, 'mail.log'), this.log(), 'latin1');
      removeFolder(this.dir);
    }
  }

  /** The whole log so far. */
  log(): string {
    return this.#syslog.text;
  }

  /** The queue now. Queue files are named `qf` (to be sent) or `hf` (quarantined) and the id. */
  queue(): SendmailEntry[] {
    const dir = join(this.dir, 'queue');
    const entries: SendmailEntry[] = [];
    for (const name of readdirSync(dir)) {
      if (!/^[qh]f/.test(name)) continue;
      let text: string;
      try {
        text = readFileSync(join(dir, name), 'latin1');
      } catch {
        continue; // sent between the two calls
      }
      entries.push({
        id: name.slice(2),
        quarantine: /^q(.*)$/m.exec(text)?.[1] ?? null,
        sender: /^S<?(.*?)>?$/m.exec(text)?.[1] ?? '',
      });
    }
    return entries;
  }

  /** Everything that the sink got, in order, one copy per recipient. */
  delivered(): readonly MailMessage[] {
    return this.#sink.messages;
  }

  /** Forget what was delivered and empty the queue. */
  clear(): void {
    this.#sink.messages.length = 0;
    for (const name of readdirSync(join(this.dir, 'queue'))) rmSync(join(this.dir, 'queue', name));
  }

  /** Release a quarantined message and send it now. */
  async release(id: string): Promise<void> {
    await this.#command(['-qQ', `-qI${id}`, '-Q']);
    await this.#command([`-qI${id}`]);
  }

  #command(args: readonly string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      const options = { env: this.#env, timeout: patient(COMMAND_MS), encoding: 'latin1' } as const;
      execFile(command('unshare'), this.#argv(args), options, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`sendmail ${args.join(' ')}: ${error.message}\n${stderr}`, { cause: error }));
      });
    });
  }
}
