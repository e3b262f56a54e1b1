/**
 * The policy row: tlsward beside the C floor, which frames requests and answers without looking, and beside postgrey with
 * a whitelisted client, the policy server that most sites know.
 *
 * Ten connections in a closed loop, 100,000 rows. The generator on its core is the limit of the floor's rate, so the
 * CPU ratio says more than the rate ratio. A missing postgrey skips its comparison only.
 */
import { join } from 'node:path';
import type { Bed, Row } from './bed.ts';
import {
  domainList,
  freshDirectory,
  LOAD_CORE,
  SERVER_CORE,
  socketsIn,
  startFloor,
  startPostgrey,
  startTlsward,
} from './bed.ts';
import { need } from './programs.ts';
import type { Finding } from './report.ts';
import { atLeast, atMost, columns, figure } from './report.ts';
import type { Run } from './rounds.ts';
import { alternate, median, ratio } from './rounds.ts';
import type { Server } from './servers.ts';
import { rssMib, runLoad } from './servers.ts';
import { writeTable } from './tables.ts';

const ROWS = 100_000;
const NAME = 'policy';

interface Result extends Run {
  readonly perSecond: number;
  readonly cpuUs: number;
  readonly cores: number;
  readonly latency: { readonly p50Us: number; readonly p99Us: number; readonly p999Us: number };
}

const SOCKET: Readonly<Record<string, string>> = { tlsward: 'p', floor: 'f', postgrey: 'g/s' };

async function measure(bed: Bed): Promise<Finding[]> {
  const generator = need(bed.programs.loadPolicy);
  const dir = freshDirectory(bed);
  const domains = domainList(bed, ROWS);
  const config = join(dir, 'tlsward.ini');
  writeTable(config, socketsIn(dir), ROWS, 'may');
  const servers = new Map<string, Server>();
  try {
    servers.set('tlsward', await startTlsward(dir, config, SERVER_CORE));
    servers.set('floor', await startFloor(bed, dir));
    if ('missing' in bed.programs.postgrey) bed.say(`SKIPPED postgrey: ${bed.programs.postgrey.missing}`);
    else servers.set('postgrey', await startPostgrey(bed, dir));
    const names = [...servers.keys()];
    const { results, note, worst } = await alternate(names, bed.rounds, (name, round) => {
      const pid = String(servers.get(name)!.pid);
      const args = ['--socket', join(dir, SOCKET[name]!), '--domains', domains, '--pid', pid];
      const check = name === 'tlsward' && round < 0 ? ['--must-refuse'] : [];
      return runLoad<Result>([generator, ...args, '--seconds', String(bed.seconds), ...check], LOAD_CORE);
    });
    bed.say(note);
    bed.disturbed(NAME, worst);
    return report(bed, results, servers);
  } finally {
    for (const server of servers.values()) await server.stop();
  }
}

function report(
  bed: Bed,
  results: ReadonlyMap<string, readonly Result[]>,
  servers: ReadonlyMap<string, Server>,
): Finding[] {
  const rows = [...results].map(([name, list]) => {
    const of = (pick: (result: Result) => number) => figure(median(list.map(pick)));
    return [
      name,
      of((r) => r.perSecond),
      of((r) => r.cpuUs),
      of((r) => r.cores),
      `${of((r) => r.latency.p50Us)} / ${of((r) => r.latency.p99Us)} / ${of((r) => r.latency.p999Us)}`,
      figure(rssMib(servers.get(name)!)),
    ];
  });
  const heading = ['', 'requests/s', 'CPU us', 'cores', 'p50 / p99 / p99.9 us', 'RSS MiB'];
  for (const line of columns([heading, ...rows])) bed.say(line);
  const rate = (result: Result): number => result.perSecond;
  const ours = results.get('tlsward')!;
  const floor = results.get('floor')!;
  const postgrey = results.get('postgrey');
  return [
    atLeast(NAME, 'requests/s, ratio to the floor', 0.4, ratio(ours, floor, rate)),
    atMost(
      NAME,
      'CPU a request, ratio to the floor',
      3.5,
      ratio(ours, floor, (r) => r.cpuUs),
    ),
    ...(postgrey === undefined
      ? []
      : [atLeast(NAME, 'requests/s, ratio to postgrey', 5, ratio(ours, postgrey, rate))]),
  ];
}

export const policyRow: Row = { name: NAME, title: 'policy, 10 connections', run: measure };
