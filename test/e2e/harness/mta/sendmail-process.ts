/**
 * The process side of a private Sendmail: namespaces of its own, start, and an end that leaves nothing.
 *
 * In its mount and UTS namespaces /etc is the instance's `etc`, /run/tlsward the folder of tlsward's sockets under the
 * path that contrib/sendmail names, /run/sendmail the instance's folder, so that no folder above a file of Sendmail's may
 * be written to by others, /dev/log a socket of the test, and the host name a qualified one (Sendmail waits a minute for
 * one otherwise). Nothing is mounted outside: the last process to end takes all of it along. Since every process that
 * Sendmail forks stays in the mount namespace, whatever session it joins, the namespace is also how strays are found.
 *
 * Sources: mount_namespaces(7), unshare(1), proc(5).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { until, within } from '../deadline.ts';
import { exited, guardProcess, signal } from '../processes.ts';
import { command } from '../requirements.ts';

const STOP_MS = 15_000;

/** $1 is the instance's folder, $2 the host name, the rest the command. */
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

/** Arguments of unshare(1) that run `argv` inside namespaces as above. */
export function inNamespaces(dir: string, hostname: string, argv: readonly string[]): string[] {
  return ['-m', '-u', '--', '/bin/sh', '-c', ENTER, 'sh', dir, hostname, ...argv];
}

export class SendmailProcess {
  readonly #child: ChildProcess;
  readonly #guard: { release(): void };
  /** Link text of the mount namespace; '' until it is known to be another one than ours. */
  #namespace = '';
  #stderr = '';
  #ended = false;

  /** Starts `argv` with these arguments of unshare(1). */
  constructor(unshareArgs: readonly string[], env: NodeJS.ProcessEnv) {
    const child = spawn(command('unshare'), unshareArgs, {
      detached: true,
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    if (child.pid === undefined) throw new Error('unshare could not be started');
    this.#child = child;
    this.#guard = guardProcess(child.pid);
    child.stderr.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
    void exited(child).then(() => {
      this.#ended = true;
    });
  }

  /** Resolves when `open` says that every port accepts connections; throws when the process ends first. */
  async ready(ms: number, open: () => Promise<boolean>, log: () => string): Promise<void> {
    const said = () => `${log()}\n${this.#stderr}`;
    await until(ms, 'start of Sendmail', () => this.#ended || open(), said, 50);
    if (this.#ended) throw new Error(`Sendmail ended at start:\n${said()}`);
    const namespace = readlinkSync(`/proc/${this.#child.pid}/ns/mnt`);
    if (namespace === readlinkSync('/proc/self/ns/mnt')) throw new Error('no namespace was made');
    this.#namespace = namespace;
  }

  /** SIGKILL to the daemon and everything it started, as when the power fails. Resolves when all of it is gone. */
  async kill(): Promise<void> {
    const killed = (): boolean => {
      const members = this.#members();
      for (const pid of members) signal(pid, 'SIGKILL');
      return members.length === 0;
    };
    await until(STOP_MS, 'end of all Sendmail processes', killed);
    await within(STOP_MS, 'end of Sendmail after SIGKILL', exited(this.#child));
    this.#guard.release();
  }

  /** End the daemon and everything it started. Returns the processes that had to be killed. */
  async stop(): Promise<number[]> {
    const strays: number[] = [];
    this.#child.kill('SIGTERM');
    try {
      await within(STOP_MS, 'end of Sendmail', exited(this.#child));
      await until(STOP_MS, 'end of all Sendmail processes', () => this.#members().length === 0);
    } catch {
      for (const pid of this.#members()) {
        strays.push(pid);
        signal(pid, 'SIGKILL');
      }
      this.#child.kill('SIGKILL');
      await within(STOP_MS, 'end of Sendmail after SIGKILL', exited(this.#child));
    }
    this.#guard.release();
    return strays;
  }

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
}
