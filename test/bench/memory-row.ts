/**
 * The row of memory, with the sample table (contrib/tables/sample.ini): at rest, busy, and with 10,000 idle sessions.
 *
 * At rest is a second after listening. Busy is at the end of a load of messages. Then 10,000 sessions are negotiated and
 * connected and held, as Postfix holds one for every SMTP session. The C filter that does less holds the same for
 * comparison. Nothing is pinned.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bed, Row } from './bed.ts';
import { domainList, freshDirectory, socketsIn } from './bed.ts';
import { startBare, startTlsward } from './peers.ts';
import { need } from './programs.ts';
import type { Finding } from './report.ts';
import { columns, figure } from './report.ts';
import type { Server } from './servers.ts';
import { rssMib, runLoad } from './servers.ts';
import { writeSample } from './tables.ts';

const NAME = 'memory';
const IDLE = 10_000;
const SETTLE_MS = 1_000;

interface Result {
  readonly perSecond: number;
  readonly rssKib: number;
  readonly idle?: { readonly openSeconds: number; readonly rssHeldKib: number; readonly kibEach: number };
}

interface Held {
  readonly name: string;
  readonly restMib: number;
  readonly busyMib: number;
  readonly idleMib: number;
  readonly cells: readonly string[];
}

async function hold(bed: Bed, name: string, socket: string, server: Server): Promise<Held> {
  const generator = need(bed.programs.loadMilter);
  const target = ['--socket', socket, '--domains', domainList(bed, 2), '--pid', String(server.pid)];
  const load = (...args: string[]) => runLoad<Result>([generator, ...target, ...args], null);
  await sleep(SETTLE_MS);
  const restMib = rssMib(server);
  const busy = await load('--messages', '20', '--seconds', bed.short ? '2' : '10');
  const { idle, perSecond } = await load('--idle', String(IDLE), '--seconds', '1');
  const { openSeconds, rssHeldKib, kibEach } = idle!;
  const busyMib = busy.rssKib / 1024;
  const idleMib = rssHeldKib / 1024;
  const cells = [restMib, busyMib, busy.perSecond, idleMib, kibEach, openSeconds, perSecond].map(figure);
  return { name, restMib, busyMib, idleMib, cells };
}

async function measure(bed: Bed): Promise<Finding[]> {
  need(bed.programs.loadMilter);
  const dir = freshDirectory(bed);
  const config = join(dir, 'tlsward.ini');
  const sockets = socketsIn(dir);
  writeSample(config, sockets);
  const held = async (name: string, socket: string, start: () => Promise<Server>): Promise<Held> => {
    const server = await start();
    try {
      return await hold(bed, name, socket, server);
    } finally {
      await server.stop();
    }
  };
  const ours = await held('tlsward', sockets.milter, () => startTlsward(dir, config, null, sockets));
  const all = [ours];
  const peer = join(dir, 'bare');
  if ('missing' in bed.programs.libmilterPeer)
    bed.skipped(`${NAME}, bare: ${bed.programs.libmilterPeer.missing}`);
  else all.push(await held('bare', peer, () => startBare(bed, peer, domainList(bed, 2))));
  const heading = ['', 'MiB at rest', 'MiB busy', 'messages/s', 'MiB with idle', 'KiB each', 'opened s'];
  const rows = all.map(({ name, cells }) => [name, ...cells]);
  for (const line of columns([[...heading, 'messages/s beside'], ...rows])) bed.say(line);
  return [
    { name: `${NAME}.sample`, measured: ours.restMib },
    { name: `${NAME}.busy`, measured: ours.busyMib },
    { name: `${NAME}.idle`, measured: ours.idleMib },
  ];
}

export const memoryRow: Row = { name: NAME, title: 'memory, sample table', run: measure };
