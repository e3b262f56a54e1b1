/**
 * Time to listening and memory of a server that is started again and again.
 *
 * A start that other processes disturbed is measured again, at most as often as was asked for
 * (never without `repeats`), and the least disturbed
 * starts are kept: the same rule as for rounds (rounds.ts). What others used is the busy time of all cores (/proc/stat)
 * less that of the server and of this process; both count in ticks of 10 ms, which is coarse beside a start of 200 ms.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { DISTURBED_CORES } from './rounds.ts';
import type { Server } from './servers.ts';
import { rssMib } from './servers.ts';

/** USER_HZ, the unit of /proc: 100 on every Linux that Node runs on. */
const TICKS_A_SECOND = 100;
const SETTLE_MS = 1_000;

export interface Start {
  readonly startMs: number;
  /** One second after listening. */
  readonly rssMib: number;
  readonly foreignCores: number;
}

/** Seconds that all cores together were busy since boot: user, nice, system, irq, softirq, steal. */
function machineSeconds(): number {
  const [user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'utf8')
    .slice(5)
    .split(' ')
    .map(Number);
  return (user! + nice! + system! + irq! + softirq! + steal!) / TICKS_A_SECOND;
}

function serverSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}

function ownSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Starts and stops a server until `count` starts were undisturbed, at most twice as often; the least disturbed ones. */
export async function measureStarts(
  count: number,
  repeats: boolean,
  start: () => Promise<Server>,
): Promise<Start[]> {
  const starts: Start[] = [];
  const quiet = (): number => starts.filter(({ foreignCores }) => foreignCores <= DISTURBED_CORES).length;
  while (starts.length < count || (repeats && quiet() < count && starts.length < 2 * count)) {
    const before = machineSeconds() - ownSeconds();
    const server = await start();
    try {
      const others = machineSeconds() - ownSeconds() - serverSeconds(server.pid) - before;
      await sleep(SETTLE_MS);
      const foreignCores = Math.max(0, (others * 1000) / server.startMs);
      starts.push({ startMs: server.startMs, rssMib: rssMib(server), foreignCores });
    } finally {
      await server.stop();
    }
  }
  return starts.sort((a, b) => a.foreignCores - b.foreignCores).slice(0, count);
}
