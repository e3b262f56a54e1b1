/**
 * A private Sendmail for one test file, from packages that are unpacked and not installed (sendmail-fetch.ts).
 *
 * It runs as root in mount and UTS namespaces of its own: there /run holds the instance's folder and tlsward's socket
 * folder under the path that contrib/sendmail names, /etc is a folder of the instance that knows two accounts and
 * nothing of any network, the host name is a qualified one (Sendmail waits a minute for one otherwise), and /dev/log
 * leads to a socket of this process, because Sendmail logs to syslog only. The machine's own files are neither read nor
 * written. The namespace is also how `stop` proves that nothing is left: Sendmail's children leave its session, but not
 * its namespace.
 *
 * Sources: doc/op (command line flags, queue files), mount_namespaces(7), glibc misc/syslog.c (a stream socket will do).
 */
import { type ChildProcess, execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from '../../root.ts';
import { type CertificateAuthority, SERVER_NAME } from './ca.ts';
import { until, within } from './deadline.ts';
import type { MailMessage } from './message.ts';
import { exited, freePorts, guardProcess, portOpen } from './processes.ts';
import { command, findCommand } from './requirements.ts';
import { formatMc, RUN, SENDMAIL_LISTENERS } from './sendmail-config.ts';
import { type SendmailPrograms, sendmailPrograms } from './sendmail-fetch.ts';
import { SmtpSink } from './smtp-sink.ts';

export interface SendmailOptions {
  readonly ca: CertificateAuthority;
}

/** One message in the queue. */
export interface SendmailEntry {
  readonly id: string;
  /** In quarantine, and why. */
  readonly quarantine: string | null;
  readonly sender: string;
}

const START_MS = 20_000;
const STOP_MS = 15_000;
const WAIT_MS = 15_000;

/** Files of /etc besides the host table; accounts are root and Sendmail's default user. */
const ETC: Readonly<Record<string, string>> = {
  passwd: 'root:x:0:0::/root:/bin/sh\nmail:x:8:8::/nonexistent:/bin/false\n',
  group: 'root:x:0:\nmail:x:8:\n',
  'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files\nservices: files\n',
  services: 'smtp 25/tcp\n',
  'resolv.conf': '',
  'sasl2/Sendmail.conf': `pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN\nsasldb_path: ${RUN}/sasldb2\n`,
};

/** alice / secret, when the machine can make a sasldb; otherwise AUTH fails. */
function makeLogin(dir: string, realm: string): void {
  const tool = findCommand('saslpasswd2');
  if (tool === null) return;
  const database = join(dir, 'sasldb2');
  const args = ['-p', '-c', '-f', database, '-u', realm, 'alice'];
  execFileSync(tool, args, { input: 'secret', timeout: 10_000, stdio: ['pipe', 'ignore', 'pipe'] });
  chmodSync(database, 0o600);
}

/**
 * What happens inside the new namespaces before Sendmail starts. $1 is the instance's folder, $2 the host name, the rest
 * the command. /dev is made anew, with the devices Sendmail opens and our log socket.
 */
const ENTER = `set -e
dir=$1; shift
hostname "$1"; shift
mount --make-rprivate /
mount --bind "$dir/etc" /etc
mount -t tmpfs -o mode=0755 tmpfs "$dir/dev"
for name in null zero random urandom; do
  : > "$dir/dev/$name"; mount --bind "/dev/$name" "$dir/dev/$name"
done
ln -s /run/sendmail/log.sock "$dir/dev/log"
mount -t tmpfs -o mode=0755 tmpfs "$dir/run"
mkdir "$dir/run/sendmail" "$dir/run/tlsward"
mount --bind "$dir/tlsward" "$dir/run/tlsward"
mount --rbind "$dir/dev" /dev
mount --bind "$dir" "$dir/run/sendmail"
mount --rbind "$dir/run" /run
exec "$@"
`;

export class Sendmail {
  readonly name = 'sendmail';
  readonly dir: string;
  readonly hostname = SERVER_NAME;
  /** Where tlsward's sockets must be: /run/tlsward of the namespace. */
  readonly socketDir: string;
  ports: ReadonlyMap<string, number> = new Map();

  readonly #programs: SendmailPrograms;
  readonly #sink: SmtpSink;
  #child: ChildProcess | null = null;
  #guard: { release(): void } | null = null;
  #namespace = '';
  #log = '';
  readonly #logServer: Server;
  readonly #logClients = new Set<Socket>();

  private constructor(options: SendmailOptions, sink: SmtpSink) {
    this.#sink = sink;
    this.#programs = sendmailPrograms();
    this.dir = mkdtempSync(join(tmpdir(), 'tlsward-sm-'));
    chmodSync(this.dir, 0o755);
    this.socketDir = join(this.dir, 'tlsward');
    for (const name of ['tlsward', 'tlsward/first', 'dev', 'run', 'certs', 'etc', 'etc/sasl2']) {
      mkdirSync(join(this.dir, name), { mode: 0o755 });
    }
    mkdirSync(join(this.dir, 'queue'), { mode: 0o700 });
    const file = (name: string, text: string) => writeFileSync(join(this.dir, name), text);
    for (const [name, text] of Object.entries(ETC)) file(join('etc', name), text);
    file('etc/hosts', `127.0.0.1 client.example\n127.0.0.9 ${this.hostname}\n127.0.0.200 filter.example\n`);
    file('service.switch', 'hosts files\npasswd files\naliases files\n');
    file('statistics', '');
    makeLogin(this.dir, this.hostname);
    const { ca } = options;
    copyFileSync(ca.caFile, join(this.dir, 'ca.pem'));
    copyFileSync(ca.server.certFile, join(this.dir, 'server.pem'));
    copyFileSync(ca.server.keyFile, join(this.dir, 'server.key'));
    chmodSync(join(this.dir, 'server.key'), 0o600);
    this.#logServer = createServer((socket) => {
      this.#logClients.add(socket);
      socket.on('close', () => this.#logClients.delete(socket));
      socket.on('error', () => {});
      socket.setEncoding('latin1');
      socket.on('data', (text: string) => {
        // a syslog packet on a stream ends in NUL and begins with <priority>
        this.#log += text.replaceAll('\0', '\n').replace(/^<\d+>/gm, '');
      });
    });
  }

  /** A started instance with its sink. Close it in a teardown. */
  static async start(options: SendmailOptions): Promise<Sendmail> {
    const sink = await SmtpSink.start();
    const sendmail = new Sendmail(options, sink);
    try {
      await new Promise<void>((resolve) =>
        sendmail.#logServer.listen(join(sendmail.dir, 'log.sock'), resolve),
      );
      await sendmail.#start();
      return sendmail;
    } catch (error) {
      await sendmail.close();
      throw error;
    }
  }

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
      this.#configure();
      try {
        await this.#run();
        return;
      } catch (error) {
        // another server took a port between the check and the bind
        if (attempt === 3 || !/Address already in use/.test(String(error))) throw error;
      }
    }
  }

  #configure(): void {
    const mc = formatMc({
      hostname: this.hostname,
      ports: this.ports,
      listeners: SENDMAIL_LISTENERS,
      sinkPort: this.#sink.port,
      cf: this.#programs.cf,
      contrib: fileURLToPath(new URL('contrib/sendmail/tlsward.mc', root)),
    });
    writeFileSync(join(this.dir, 'sendmail.mc'), mc);
    const m4 = spawnSync(this.#programs.m4, [join(this.dir, 'sendmail.mc')], {
      encoding: 'latin1',
      timeout: WAIT_MS,
      maxBuffer: 1 << 24,
    });
    if (m4.status !== 0) throw new Error(`sendmail.mc: m4 ended with ${m4.status}\n${m4.stderr}`);
    writeFileSync(join(this.dir, 'sendmail.cf'), m4.stdout, { encoding: 'latin1', mode: 0o644 });
  }

  /** A command inside namespaces like the daemon's. */
  #argv(args: readonly string[]): string[] {
    const enter = ['-m', '-u', '--', '/bin/sh', '-c', ENTER, 'sh', this.dir, this.hostname];
    return [...enter, this.#programs.sendmail, `-C${RUN}/sendmail.cf`, ...args];
  }

  get #env(): NodeJS.ProcessEnv {
    return {
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      LD_LIBRARY_PATH: this.#programs.libraries,
    };
  }

  async #run(): Promise<void> {
    const child = spawn(command('unshare'), this.#argv(['-bD', '-q2s']), {
      detached: true,
      env: this.#env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    let ended = false;
    void exited(child).then(() => {
      ended = true;
    });
    if (child.pid === undefined) throw new Error('unshare could not be started');
    this.#child = child;
    this.#guard = guardProcess(child.pid);
    const said = () => `${this.#log.slice(-4000)}\n${stderr}`;
    const open = async () => {
      if (ended) return true;
      for (const port of this.ports.values()) if (!(await portOpen(port))) return false;
      return true;
    };
    try {
      await until(START_MS, 'start of Sendmail', open, said, 50);
      if (ended) throw new Error(`Sendmail ended at start:\n${said()}`);
      this.#namespace = readlinkSync(`/proc/${child.pid}/ns/mnt`);
      if (this.#namespace === readlinkSync('/proc/self/ns/mnt')) throw new Error('no namespace was made');
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** End the daemon and everything it started. Throws when a process had to be killed or a port stayed open. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    this.#child = null;
    child.kill('SIGTERM');
    const strays: string[] = [];
    try {
      await within(STOP_MS, 'end of Sendmail', exited(child));
      await until(STOP_MS, 'end of all Sendmail processes', () => this.#members().length === 0);
    } catch {
      for (const pid of this.#members()) {
        strays.push(String(pid));
        process.kill(pid, 'SIGKILL');
      }
      child.kill('SIGKILL');
      await within(STOP_MS, 'end of Sendmail after SIGKILL', exited(child));
    }
    this.#guard?.release();
    if (strays.length > 0) throw new Error(`Sendmail left processes: ${strays.join(', ')}\n${this.#log}`);
    for (const [name, port] of this.ports) {
      if (await portOpen(port)) throw new Error(`port ${port} (${name}) is still open after stop`);
    }
  }

  /** Processes inside the daemon's mount namespace. */
  #members(): number[] {
    if (this.#namespace === '') return [];
    return readdirSync('/proc')
      .filter((name) => {
        if (!/^\d+$/.test(name)) return false;
        try {
          return readlinkSync(`/proc/${name}/ns/mnt`) === this.#namespace;
        } catch {
          return false; // it has ended, or is a zombie
        }
      })
      .map(Number);
  }

  /** Stop and remove the folder (kept when TLSWARD_E2E_KEEP is set, and named on stderr). For `t.teardown`. */
  async close(): Promise<void> {
    try {
      await this.stop();
    } finally {
      await this.#sink.stop();
      for (const socket of this.#logClients) socket.destroy();
      await new Promise<void>((resolve) => this.#logServer.close(() => resolve()));
      if (process.env.TLSWARD_E2E_KEEP) {
        writeFileSync(join(this.dir, 'mail.log'), this.#log, 'latin1');
        process.stderr.write(`kept ${this.dir}\n`);
      } else rmSync(this.dir, { recursive: true, force: true });
    }
  }

  log(): string {
    return this.#log;
  }

  logMark(): number {
    return this.#log.length;
  }

  /** The first match in the log (after `from`), as soon as it is there. */
  waitForLog(pattern: RegExp, { from = 0 }: { from?: number } = {}): Promise<RegExpExecArray> {
    const probe = () => pattern.exec(this.#log.slice(from));
    return until(WAIT_MS, `log line ${pattern}`, probe, () => this.#log.slice(from).slice(-4000));
  }

  /** The queue now. Queue files are named `qf` (to be sent) or `hf` (quarantined) and the id; doc/op appendix B. */
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
      const options = { env: this.#env, timeout: WAIT_MS, encoding: 'latin1' } as const;
      execFile(command('unshare'), this.#argv(args), options, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`sendmail ${args.join(' ')}: ${error.message}\n${stderr}`, { cause: error }));
      });
    });
  }
}
