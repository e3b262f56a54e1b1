/**
 * The process side of a private Postfix instance: start `master`, notice when it dies early, end it and everything it
 * started, and prove that nothing is left.
 *
 * `master` runs in the foreground (-d) as leader of a session of its own, so that its daemons can be found by session id
 * and the group signal it sends at its end reaches them and nobody else. A guard ends it when the test process dies
 * without cleaning up (see processes.ts).
 *
 * Sources: master(8), master_sig.c (SIGTERM is passed on to the process group).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { until, within } from '../deadline.ts';
import { exited, guardProcess, type ProcessInfo, sessionMembers, signal } from '../processes.ts';
import type { Layout } from './postfix-config.ts';
import type { PostfixPrograms } from './postfix-programs.ts';

const START_MS = 15_000;
const STOP_MS = 10_000;

export class MasterProcess {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #guard: { release(): void };

  private constructor(child: ChildProcess) {
    if (child.pid === undefined) throw new Error('Postfix master could not be started');
    this.pid = child.pid;
    this.#child = child;
    this.#guard = guardProcess(child.pid);
  }

  /**
   * Start master for an instance. Resolves when `log` (asked again and again) says "daemon started", at which time every
   * listener is bound. `resolvConf` is the file that it takes for /etc/resolv.conf. Throws with the log and stderr when
   * master ends first or takes too long.
   */
  static async start(
    programs: PostfixPrograms,
    paths: Layout,
    log: () => string,
    resolvConf: string | null = null,
  ): Promise<MasterProcess> {
    // As postfix(1) does: without POSTLOG_*, what is wrong with main.cf or master.cf goes to syslog.
    const env = {
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      MAIL_CONFIG: paths.config,
      POSTLOG_SERVICE: paths.logSocket,
      POSTLOG_HOSTNAME: 'test',
    };
    const stdio: ['ignore', 'ignore', 'pipe'] = ['ignore', 'ignore', 'pipe'];
    const path = join(programs.daemons, 'master');
    const argv = programs.argv(path, ['-c', paths.config, '-d'], resolvConf);
    const child = spawn(argv[0]!, argv.slice(1), { detached: true, env, stdio });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    let ended = false;
    void exited(child).then(() => {
      ended = true;
    });
    const master = new MasterProcess(child);
    const said = () => `${log()}\n${stderr}`;
    try {
      await until(START_MS, 'start of Postfix', () => ended || /daemon started/.test(log()), said);
      if (ended) throw new Error(`Postfix master ended at start:\n${said()}`);
      return master;
    } catch (error) {
      await master.stop();
      throw error;
    }
  }

  /** Every live daemon of this instance, master excluded. */
  daemons(): ProcessInfo[] {
    return sessionMembers(this.pid).filter(({ pid }) => pid !== this.pid);
  }

  signal(name: NodeJS.Signals): void {
    process.kill(this.pid, name);
  }

  /** SIGKILL to master and everything it started, as when the power fails. Resolves when all of it is gone. */
  async kill(): Promise<void> {
    const gone = exited(this.#child);
    // a process may fork while the list is made
    const killed = (): boolean => {
      const members = sessionMembers(this.pid);
      for (const { pid } of members) signal(pid, 'SIGKILL');
      return members.length === 0;
    };
    signal(this.pid, 'SIGKILL');
    await until(STOP_MS, 'end of all Postfix daemons', killed);
    await within(STOP_MS, 'end of master after SIGKILL', gone);
    this.#guard.release();
  }

  /**
   * SIGTERM, then wait until the whole session is gone. Returns the processes that had to be killed, as `name[pid]`;
   * an orderly stop returns none. May be called on a master that is already dead.
   */
  async stop(): Promise<string[]> {
    const gone = exited(this.#child);
    const strays: string[] = [];
    this.#child.kill('SIGTERM');
    try {
      await within(STOP_MS, 'end of master', gone);
      await until(STOP_MS, 'end of all Postfix daemons', () => sessionMembers(this.pid).length === 0);
    } catch {
      for (const { pid, name } of sessionMembers(this.pid)) {
        strays.push(`${name}[${pid}]`);
        signal(pid, 'SIGKILL');
      }
      await within(STOP_MS, 'end of master after SIGKILL', gone);
    }
    this.#guard.release();
    return strays;
  }
}
