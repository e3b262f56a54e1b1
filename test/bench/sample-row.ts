/**
 * The row of the sample table (contrib/tables/sample.ini): time to listen, memory, and what an idle milter session costs.
 *
 * Started eleven times, nothing pinned, median. Then 10,000 sessions are negotiated and connected and held, as Postfix
 * holds one for every SMTP session, while ten others carry messages; the growth of the resident memory is divided by
 * their number. The C filter holds the same for comparison.
 */
import { join } from 'node:path';
import type { Bed, Row } from './bed.ts';
import { domainList, freshDirectory, socketsIn, startLibmilter, startTlsward } from './bed.ts';
import { need } from './programs.ts';
import type { Finding } from './report.ts';
import { atMost, columns, figure } from './report.ts';
import { median } from './rounds.ts';
import type { Server } from './servers.ts';
import { runLoad } from './servers.ts';
import { measureStarts } from './starts.ts';
import { writeSample } from './tables.ts';

const NAME = 'sample';
const STARTS = 11;
const IDLE = 10_000;

interface Result {
  readonly perSecond: number;
  readonly message: { readonly p50Us: number; readonly p99Us: number };
  readonly rssKib: number;
  readonly idle: {
    readonly openSeconds: number;
    readonly rssBeforeKib: number;
    readonly rssHeldKib: number;
    readonly kibEach: number;
  };
}

async function hold(bed: Bed, socket: string, server: Server): Promise<Result> {
  const generator = need(bed.programs.loadMilter);
  const target = ['--socket', socket, '--domains', domainList(bed, 2), '--pid', String(server.pid)];
  return await runLoad<Result>([generator, ...target, '--idle', String(IDLE), '--seconds', '2'], null);
}

async function measure(bed: Bed): Promise<Finding[]> {
  need(bed.programs.loadMilter);
  const dir = freshDirectory(bed);
  const config = join(dir, 'tlsward.ini');
  writeSample(config, socketsIn(dir));
  const starts = await measureStarts(STARTS, () => startTlsward(dir, config, null));
  const held: [string, Result][] = [];
  const ours = await startTlsward(dir, config, null);
  try {
    held.push(['tlsward', await hold(bed, socketsIn(dir).milter, ours)]);
  } finally {
    await ours.stop();
  }
  if ('missing' in bed.programs.libmilterPeer)
    bed.say(`SKIPPED libmilter: ${bed.programs.libmilterPeer.missing}`);
  else {
    const server = await startLibmilter(bed, dir, domainList(bed, 2), false);
    try {
      held.push(['libmilter', await hold(bed, join(dir, 'l'), server)]);
    } finally {
      await server.stop();
    }
  }
  const rows = held.map(([name, { idle, ...busy }]) => [
    name,
    figure(idle.openSeconds),
    figure(idle.rssBeforeKib / 1024),
    figure(idle.rssHeldKib / 1024),
    figure(idle.kibEach),
    figure(busy.rssKib / 1024),
    figure(busy.perSecond),
    `${busy.message.p50Us} / ${busy.message.p99Us}`,
  ]);
  const heading = ['10,000 idle', 'opened s', 'RSS before', 'RSS held', 'KiB each', 'RSS busy', 'messages/s'];
  for (const line of columns([[...heading, 'message p50/p99 us'], ...rows])) bed.say(line);
  bed.say(`starts: ${starts.map(({ startMs }) => figure(startMs)).join(', ')} ms`);
  bed.disturbed(NAME, Math.max(...starts.map((start) => start.foreignCores)));
  return [
    atMost(NAME, 'time to listening', 250, median(starts.map(({ startMs }) => startMs)), ' ms'),
    atMost(NAME, 'RSS', 70, median(starts.map((start) => start.rssMib)), ' MiB'),
    atMost(NAME, '10,000 idle milter sessions, each', 8, held[0]![1].idle.kibEach, ' KiB'),
  ];
}

export const sampleRow: Row = { name: NAME, title: 'the sample table', run: measure };
