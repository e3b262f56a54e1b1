/** What may happen on a day (chaos.ts): to tlsward, and to a Postfix. */
import { renameSync } from 'node:fs';
import type { Generator } from '../../../mark/generator.ts';
import type { Daemon } from '../daemon.ts';
import { pause } from '../deadline.ts';
import type { Postfix } from '../mta/postfix.ts';
import { signal } from '../processes.ts';
import type { Act } from './chaos.ts';
import type { CollectorProcess } from './collectorProcess.ts';

/** Processes of Postfix that have a message in their hands. */
const AGENTS = ['smtp', 'smtpd', 'cleanup', 'qmgr', 'virtual', 'bounce'];
/** Between two rotations. */
const ROTATE_MS = 12_000;
const LONGEST_DOWN_MS = 300;

/** The daemon and the collector are killed, the daemon is also stopped in order. */
export function tlswardActs(daemon: Daemon, collector: CollectorProcess, random: Generator): Act[] {
  const down = (): Promise<void> => pause(random.integer(LONGEST_DOWN_MS));
  return [
    {
      name: 'daemon',
      times: 3,
      run: async () => {
        await daemon.kill();
        await down();
        await daemon.start();
      },
    },
    {
      name: 'collector',
      times: 3,
      run: async () => {
        await collector.stop('SIGKILL');
        await down();
        collector.start();
      },
    },
    { name: 'restart', times: 1, run: () => daemon.restart() },
  ];
}

/** Postfix as a whole, one of its processes, its logger; the log is rotated, the queue flushed. */
export function postfixActs(postfix: Postfix, random: Generator): Act[] {
  const killOne = (names: readonly string[]): void => {
    const found = postfix.daemons().filter(({ name }) => names.includes(name));
    if (found.length > 0) signal(random.pick(found).pid, 'SIGKILL');
  };
  let rotations = 0;
  let rotatedMs = Date.now();
  return [
    {
      name: 'mta',
      times: 2,
      losesLines: true,
      run: async () => {
        await postfix.kill();
        await postfix.start();
      },
    },
    { name: 'agent', times: 2, losesLines: true, run: () => killOne(AGENTS) },
    { name: 'logger', times: 1, losesLines: true, run: () => killOne(['postlogd']) },
    {
      name: 'rotate',
      times: 1,
      losesLines: true,
      run: () => {
        if (Date.now() - rotatedMs < ROTATE_MS) return;
        rotatedMs = Date.now();
        renameSync(postfix.logFile, `${postfix.logFile}.${++rotations}`);
        // has it opened anew, as the script of logrotate does
        killOne(['postlogd']);
      },
    },
    { name: 'flush', times: 3, run: () => postfix.flush(0) },
  ];
}
