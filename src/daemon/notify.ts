/**
 * Tells the service manager what sd_notify(3) tells: READY=1, WATCHDOG=1, STATUS=..., STOPPING=1.
 *
 * Node.js has no unix datagram sockets. systemd 253 and later opens one for us (`OpenFile=/run/systemd/notify:notify`,
 * systemd.service(5)) and hands it over as a descriptor named `notify`; what is written to it comes from our own process,
 * so `NotifyAccess=main` holds. Older releases set NOTIFY_SOCKET only: then systemd-notify(1) is run for each message, which
 * needs `NotifyAccess=all`. Without both there is nobody to tell.
 */
import { write } from 'node:fs';
import { runProgram } from '../mta/runProgram.ts';
import { inheritedSockets } from '../net/listen.ts';

export interface Notifier {
  /** Lines such as `READY=1`. Never rejects; resolves to why it was not told, '' when it was. */
  tell(lines: readonly string[]): Promise<string>;
  /** How often the manager wants to hear of us; null: it does not watch. */
  readonly watchdogMs: number | null;
}

const SPAWN_MS = 10_000;
const MAX_OUTPUT = 4096;

/** null: the service manager listens to nobody. */
export function notifierOf(env: NodeJS.ProcessEnv, pid: number): Notifier | null {
  const watchdogMs = watchdogOf(env, pid);
  const [fd] = inheritedSockets(env, pid).get('notify') ?? [];
  if (fd !== undefined) return { watchdogMs, tell: (lines) => writeTo(fd, lines) };
  const socket = env.NOTIFY_SOCKET;
  if (socket === undefined || socket === '') return null;
  return { watchdogMs, tell: (lines) => spawnFor(socket, lines) };
}

/** WATCHDOG_USEC, where it is meant for this process (sd_watchdog_enabled(3)). */
function watchdogOf(
  { WATCHDOG_USEC: usec, WATCHDOG_PID: owner }: NodeJS.ProcessEnv,
  pid: number,
): number | null {
  if (usec === undefined || !/^[1-9][0-9]{0,14}$/.test(usec)) return null;
  if (owner !== undefined && owner !== String(pid)) return null;
  return Number(usec) / 1000;
}

/** One datagram. In the thread pool: a manager that does not read must not hold the main thread. */
function writeTo(fd: number, lines: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    write(fd, lines.join('\n'), (error) => resolve(error === null ? '' : (error.code ?? error.message)));
  });
}

async function spawnFor(socket: string, lines: readonly string[]): Promise<string> {
  const env = { NOTIFY_SOCKET: socket };
  const ran = await runProgram('systemd-notify', lines, { timeoutMs: SPAWN_MS, maxBytes: MAX_OUTPUT, env });
  return ran.ok ? '' : `systemd-notify: ${ran.why}`;
}
