/**
 * A row that compares: contenders side by side, one load, alternating rounds, and a table of what each of them needs
 * for a message.
 *
 * Packets and round trips are counted by the load generator. Reads and writes are calls of read(2), write(2) and their kin
 * that the kernel counted for the server (/proc/PID/io); a server that uses recv(2) and send(2) shows none there, which
 * is printed as `-`. A contender that this machine lacks is left out, and the row says so.
 */
import type { Bed } from './bed.ts';
import { LOAD_CORE } from './bed.ts';
import { Missing } from './programs.ts';
import type { Finding } from './report.ts';
import { columns, figure } from './report.ts';
import type { Run } from './rounds.ts';
import { alternate, median, ratio } from './rounds.ts';
import type { Server } from './servers.ts';
import { rssMib, runLoad } from './servers.ts';

interface Times {
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
}

/** What the generators print; those of requests print no packets and no round trips, since both are one. */
export interface Result extends Run {
  readonly perSecond: number;
  /** CPU of the server a message. */
  readonly cpuUs: number;
  readonly cores: number;
  readonly packets?: number;
  readonly roundTrips?: number;
  /** Negative: not known. */
  readonly reads: number;
  readonly writes: number;
  /** Of a message; or of a request. */
  readonly message?: Times;
  readonly latency?: Times;
}

export interface Contender {
  readonly name: string;
  /** The contender, earlier in the list, whose server this one loads too; `start` is not called then. */
  readonly shares?: string;
  readonly start: () => Promise<Server>;
  readonly socket: string;
  /** More arguments of the generator; `warmsUp` in the round that is not counted. */
  readonly args: (warmsUp: boolean) => readonly string[];
}

export const timesOf = (result: Result): Times => result.message ?? result.latency!;

/** Messages before anything is measured: until then Node compiles what runs often. */
const WARM_MESSAGES = '8000';

/** Figures of each contender by name, each list in the order of the rounds. */
export async function compare(
  bed: Bed,
  row: string,
  generator: string,
  load: readonly string[],
  contenders: readonly Contender[],
): Promise<ReadonlyMap<string, readonly Result[]>> {
  const servers = new Map<string, { readonly server: Server; readonly contender: Contender }>();
  try {
    for (const contender of contenders) {
      const shared = contender.shares === undefined ? undefined : servers.get(contender.shares);
      try {
        const server = shared?.server ?? (await contender.start());
        servers.set(contender.name, { server, contender });
      } catch (error) {
        if (!(error instanceof Missing)) throw error;
        bed.skipped(`${row}, ${contender.name}: ${error.message}`);
      }
    }
    const measured = await alternate([...servers.keys()], bed.rounds, bed.repeats, (name, round) => {
      const { server, contender } = servers.get(name)!;
      const warm = round < 0 ? ['--warm', WARM_MESSAGES] : [];
      const target = [
        '--socket',
        contender.socket,
        '--pid',
        String(server.pid),
        '--seconds',
        String(bed.seconds),
      ];
      const args = [...target, ...warm, ...load, ...contender.args(round < 0)];
      return runLoad<Result>([generator, ...args], LOAD_CORE);
    });
    bed.say(measured.note);
    bed.disturbed(row, measured.worst);
    const memory = new Map([...servers].map(([name, { server }]) => [name, rssMib(server)]));
    for (const line of table(measured.results, memory)) bed.say(line);
    return measured.results;
  } finally {
    for (const server of new Set([...servers.values()].map((one) => one.server))) await server.stop();
  }
}

function table(
  results: ReadonlyMap<string, readonly Result[]>,
  memory: ReadonlyMap<string, number>,
): string[] {
  const rows = [...results].map(([name, list]) => {
    const of = (pick: (result: Result) => number) => figure(median(list.map(pick)));
    const calls = (pick: (result: Result) => number) => (median(list.map(pick)) > 0.01 ? of(pick) : '-');
    return [
      name,
      of((r) => r.perSecond),
      of((r) => r.cpuUs),
      of((r) => r.cores),
      of((r) => r.packets ?? 1),
      calls((r) => r.reads),
      calls((r) => r.writes),
      of((r) => r.roundTrips ?? 1),
      (['p50Us', 'p99Us', 'p999Us'] as const).map((time) => of((r) => timesOf(r)[time])).join(' / '),
      figure(memory.get(name)!),
    ];
  });
  const heading = ['', 'a second', 'CPU us', 'cores', 'packets', 'reads', 'writes', 'round trips'];
  return columns([[...heading, 'p50 / p99 / p99.9 us', 'RSS MiB'], ...rows]);
}

/** `ROW.rate.PEER` and `ROW.cpu.PEER` for each of these peers that was measured. */
export function ratios(
  row: string,
  results: ReadonlyMap<string, readonly Result[]>,
  peers: readonly string[],
): Finding[] {
  const ours = results.get('tlsward')!;
  return peers.flatMap((peer) => {
    const theirs = results.get(peer);
    if (theirs === undefined) return [];
    return [
      { name: `${row}.rate.${peer}`, measured: ratio(ours, theirs, (r) => r.perSecond) },
      { name: `${row}.cpu.${peer}`, measured: ratio(ours, theirs, (r) => r.cpuUs) },
    ];
  });
}
