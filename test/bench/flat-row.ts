/**
 * The row of two minutes: does memory stay flat while messages and requests come without a pause?
 *
 * One daemon with 100,000 rows, signed marks, log and evidence is loaded for two minutes by each of the three generators at
 * once: milter sessions of one message, policy requests, socketmap requests. Its resident memory is read twice a second.
 * What counts is the median of the last quarter less that of the second quarter: by then Node has compiled what runs
 * often, and heap and caches have the size that they keep.
 */
import { join } from 'node:path';
import type { Bed, Row } from './bed.ts';
import { domainList, freshDirectory, keyFile, LOAD_CORE, ROWS, SERVER_CORE, socketsIn } from './bed.ts';
import { startTlsward } from './peers.ts';
import { need } from './programs.ts';
import type { Finding } from './report.ts';
import { columns, figure } from './report.ts';
import { median } from './rounds.ts';
import { rssMib, runLoad } from './servers.ts';
import { writeTable } from './tables.ts';

const NAME = 'flat';
const SECONDS = 120;

interface Result {
  readonly messages?: number;
  readonly requests?: number;
}

async function measure(bed: Bed): Promise<Finding[]> {
  const dir = freshDirectory(bed);
  const config = join(dir, 'tlsward.ini');
  const sockets = socketsIn(dir);
  const service = [`mark-key = ${keyFile(dir)}`, `evidence = ${join(dir, 'evidence')}`];
  writeTable(config, sockets, ROWS, { service });
  const loads = [
    [need(bed.programs.loadMilter), '--socket', sockets.milter, '--sessions', '5', '--expect-header'],
    [need(bed.programs.loadPolicy), '--socket', sockets.policy, '--connections', '5'],
    [
      need(bed.programs.loadSocketmap),
      '--socket',
      sockets.socketmap,
      '--connections',
      '5',
      '--answers',
      'rows',
    ],
  ];
  const server = await startTlsward(dir, config, SERVER_CORE, sockets);
  const read: number[] = [];
  const timer = setInterval(() => void read.push(rssMib(server)), 500);
  try {
    const more = ['--domains', domainList(bed, ROWS), '--seconds', String(SECONDS)];
    const done = await Promise.all(loads.map((load) => runLoad<Result>([...load, ...more], LOAD_CORE)));
    const quarters = [0, 1, 2, 3].map((n) =>
      median(read.slice((n * read.length) / 4, ((n + 1) * read.length) / 4)),
    );
    const count = (n: number) => String(done[n]!.messages ?? done[n]!.requests);
    for (const line of columns([
      ['messages', 'policy', 'socketmap', 'RSS of the quarters, MiB'],
      [count(0), count(1), count(2), quarters.map(figure).join(', ')],
    ]))
      bed.say(line);
    return [{ name: `${NAME}.growth`, measured: quarters[3]! - quarters[1]! }];
  } finally {
    clearInterval(timer);
    await server.stop();
  }
}

export const flatRow: Row = { name: NAME, title: 'two minutes of all three protocols', run: measure };
