/**
 * The milter rows: tlsward beside the C filter on libmilter.
 *
 * The job is the same on both sides: look each recipient's domain up in 100,000 rows, read the session's TLS state,
 * insert one header, accept. The goals are judged against the filter that takes only the events it needs; the same
 * filter taking connect and HELO as well, as many filters do, stands beside it for information. Before anything is
 * measured tlsward must refuse a plain session for a row that requires TLS.
 */
import { join } from 'node:path';
import type { Bed, Row } from './bed.ts';
import {
  domainList,
  freshDirectory,
  LOAD_CORE,
  SERVER_CORE,
  socketsIn,
  startLibmilter,
  startTlsward,
} from './bed.ts';
import { need } from './programs.ts';
import type { Finding } from './report.ts';
import { atLeast, atMost, columns, figure, noted } from './report.ts';
import type { Run } from './rounds.ts';
import { alternate, median, ratio } from './rounds.ts';
import type { Server } from './servers.ts';
import { rssMib, runLoad } from './servers.ts';
import { writeTable } from './tables.ts';

const ROWS = 100_000;

interface Times {
  readonly p50Us: number;
  readonly p99Us: number;
}

interface Result extends Run {
  readonly messages: number;
  readonly perSecond: number;
  readonly cpuUs: number;
  readonly cores: number;
  readonly roundTrips: number;
  readonly packets: number;
  readonly bodyBytes: number;
  readonly protocol: number;
  readonly message: Times;
  readonly session: Times;
}

interface Work {
  readonly name: string;
  readonly title: string;
  readonly load: readonly string[];
  readonly rate: number;
  readonly cpu: number;
}

const WORKS: readonly Work[] = [
  {
    name: 'milter-1',
    title: 'milter, 1 message a session, 10 sessions',
    load: ['--sessions', '10', '--messages', '1'],
    rate: 1.5,
    cpu: 0.7,
  },
  {
    name: 'milter-100',
    title: 'milter, 100 messages a session, 10 sessions',
    load: ['--sessions', '10', '--messages', '100'],
    rate: 2.8,
    cpu: 0.38,
  },
  {
    name: 'milter-body',
    title: 'milter, 100 messages a session, 256 KiB bodies that no row reads',
    load: ['--sessions', '10', '--messages', '100', '--body', '262144'],
    rate: 2.8,
    cpu: 0.38,
  },
];

const SOCKET = { tlsward: 'm', libmilter: 'l', 'libmilter-session': 'ls' } as const;
type Name = keyof typeof SOCKET;
const NAMES: readonly Name[] = ['tlsward', 'libmilter', 'libmilter-session'];

async function measure(bed: Bed, work: Work): Promise<Finding[]> {
  const generator = need(bed.programs.loadMilter);
  need(bed.programs.libmilterPeer);
  const dir = freshDirectory(bed);
  const domains = domainList(bed, ROWS);
  const config = join(dir, 'tlsward.ini');
  writeTable(config, socketsIn(dir), ROWS, 'may');
  const servers = new Map<string, Server>();
  try {
    servers.set('tlsward', await startTlsward(dir, config, SERVER_CORE));
    servers.set('libmilter', await startLibmilter(bed, dir, domains, false));
    servers.set('libmilter-session', await startLibmilter(bed, dir, domains, true));
    const { results, note, worst } = await alternate(NAMES, bed.rounds, (name, round) => {
      const ours = name === 'tlsward';
      const checks = [
        ours ? '--expect-header' : '--peer-header',
        ...(ours && round < 0 ? ['--must-refuse'] : []),
      ];
      const pid = String(servers.get(name)!.pid);
      const socket = join(dir, SOCKET[name as Name]);
      const args = ['--socket', socket, '--domains', domains, '--pid', pid, '--seconds', String(bed.seconds)];
      return runLoad<Result>([generator, ...args, ...work.load, ...checks], LOAD_CORE);
    });
    bed.say(note);
    bed.disturbed(work.name, worst);
    return report(bed, work, results, servers);
  } finally {
    for (const server of servers.values()) await server.stop();
  }
}

function report(
  bed: Bed,
  work: Work,
  results: ReadonlyMap<string, readonly Result[]>,
  servers: ReadonlyMap<string, Server>,
): Finding[] {
  const [ours, peer, session] = NAMES.map((name) => results.get(name)!);
  const rows = NAMES.map((name) => {
    const of = (pick: (result: Result) => number) => figure(median(results.get(name)!.map(pick)));
    return [
      name,
      of((r) => r.perSecond),
      of((r) => r.cpuUs),
      of((r) => r.cores),
      of((r) => r.roundTrips),
      of((r) => r.packets),
      of((r) => r.bodyBytes),
      `${of((r) => r.message.p50Us)} / ${of((r) => r.message.p99Us)}`,
      `${of((r) => r.session.p50Us)} / ${of((r) => r.session.p99Us)}`,
      figure(rssMib(servers.get(name)!)),
      `0x${results.get(name)![0]!.protocol.toString(16)}`,
    ];
  });
  const heading = [
    '',
    'messages/s',
    'CPU us',
    'cores',
    'round trips',
    'packets',
    'body bytes',
    'message p50/p99 us',
  ];
  for (const line of columns([[...heading, 'session p50/p99 us', 'RSS MiB', 'steps'], ...rows]))
    bed.say(line);
  const rate = (result: Result): number => result.perSecond;
  const cpu = (result: Result): number => result.cpuUs;
  return [
    atLeast(work.name, 'messages/s, ratio to libmilter', work.rate, ratio(ours!, peer!, rate)),
    atMost(work.name, 'CPU a message, ratio to libmilter', work.cpu, ratio(ours!, peer!, cpu)),
    noted(work.name, 'messages/s, ratio to libmilter with connect and HELO', ratio(ours!, session!, rate)),
    noted(work.name, 'CPU a message, ratio to libmilter with connect and HELO', ratio(ours!, session!, cpu)),
    ...(work.name === 'milter-body'
      ? [atMost(work.name, 'body bytes asked for a message', 0, median(ours!.map((r) => r.bodyBytes)))]
      : []),
  ];
}

export const milterRows: readonly Row[] = WORKS.map((work) => ({
  name: work.name,
  title: work.title,
  run: (bed) => measure(bed, work),
}));
