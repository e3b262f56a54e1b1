/**
 * Milliseconds that this thread has spent on a processor: other work on the machine does not count, nor do the threads of
 * the collector and the compiler. Exact to some milliseconds: the kernel counts at its ticks. Where the system does not tell that of a thread, it is the time of the process.
 */
import { readFileSync } from 'node:fs';

/** Its first number is in nanoseconds (Linux, Documentation/scheduler/sched-stats.rst). */
const THREAD = `/proc/self/task/${process.pid}/schedstat`;

export function threadMs(): number {
  try {
    return Number.parseInt(readFileSync(THREAD, 'latin1'), 10) / 1e6;
  } catch {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  }
}
