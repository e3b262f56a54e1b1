/**
 * The row of a million rows: time to listen, memory, and reloads under a steady load.
 *
 * Two files of the table differ in one row. While 2,000 policy requests a second run (each due at its own time, so a
 * stall is charged to every request it delays), the other file is renamed into place and the daemon told: ten times by
 * SIGHUP, then ten times by `tlsward reload`; beside the load the generator asks for that row every 5 ms, and a reload is in
 * force when the verdict changes. The same load without a reload runs first: what is late then is the machine's
 * doing. A run that others disturbed is repeated, but in the short form, which also reloads less often.
 *
 * Nothing is pinned here, since a table is read beside the running one: the server may use both cores, as it would.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { linkSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bed, Row } from './bed.ts';
import { domainList, freshDirectory, ROWS, socketsIn } from './bed.ts';
import { MAIN, startTlsward } from './peers.ts';
import { need } from './programs.ts';
import type { Finding } from './report.ts';
import { columns, figure } from './report.ts';
import type { Run } from './rounds.ts';
import { DISTURBED_CORES, median } from './rounds.ts';
import type { Server } from './servers.ts';
import { rssMib, runLoad } from './servers.ts';
import { measureStarts } from './starts.ts';
import { PROBE_DOMAIN, writeTable } from './tables.ts';

const MILLION = 1_000_000;
const NAME = 'million';
const RELOAD_EVERY_MS = 2_500;
const TRIES = 3;
const AFTER_MS = 5_000;

interface Result extends Run {
  readonly requests: number;
  readonly late: number;
  readonly latency: {
    readonly p50Us: number;
    readonly p99Us: number;
    readonly p999Us: number;
    readonly maxUs: number;
  };
  readonly rssPeakKib: number;
  readonly flips: readonly number[];
}

/** A run with reloads: how long each took until it was in force, NaN for one that never was. */
interface Reloads extends Result {
  readonly took: readonly number[];
}

type Way = 'signal' | 'command';

/** The daemon under test, its configuration, and the two files that take turns as such. */
interface Scene {
  readonly bed: Bed;
  readonly dir: string;
  readonly server: Server;
  readonly config: string;
  readonly tables: [string, string];
  readonly reloads: number;
}

function steady({ bed, dir, server, reloads }: Scene): Promise<Result> {
  const seconds = 1.5 + (reloads * RELOAD_EVERY_MS) / 1000;
  // the generator's list is the shorter one: it names rows of the table all the same
  const target = [
    '--socket',
    socketsIn(dir).policy,
    '--domains',
    domainList(bed, ROWS),
    '--pid',
    String(server.pid),
  ];
  const load = [
    '--rate',
    '2000',
    '--connections',
    '20',
    '--seconds',
    String(seconds),
    '--flip',
    PROBE_DOMAIN,
  ];
  return runLoad<Result>([need(bed.programs.loadPolicy), ...target, ...load], null);
}

async function tell(server: Server, config: string, way: Way): Promise<void> {
  if (way === 'signal') return server.signal('SIGHUP');
  const child = spawn(process.execPath, [MAIN, 'reload', '--config', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let err = '';
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`tlsward reload ended with status ${code}: ${err.trim()}`);
}

/** Swaps the two tables and tells the daemon, again and again; returns when each reload began (ms since the epoch). */
async function reloadAll({ server, config, tables, reloads }: Scene, way: Way): Promise<number[]> {
  const sent: number[] = [];
  await sleep(1_000);
  for (let n = 0; n < reloads; n++) {
    const begun = performance.now();
    tables.reverse();
    linkSync(tables[0], `${config}.new`);
    renameSync(`${config}.new`, config);
    sent.push(performance.timeOrigin + performance.now());
    await tell(server, config, way);
    await sleep(Math.max(0, RELOAD_EVERY_MS - (performance.now() - begun)));
  }
  return sent;
}

async function reloading(scene: Scene, way: Way): Promise<Reloads> {
  const [result, sent] = await Promise.all([steady(scene), reloadAll(scene, way)]);
  return { ...result, took: sent.map((at, n) => (result.flips[n] ?? Number.NaN) - at) };
}

/** Up to three measurements, until one is undisturbed; the least disturbed one. */
async function calmest<T extends Run>(bed: Bed, run: () => Promise<T>): Promise<T> {
  let best = await run();
  for (let n = 1; bed.repeats && n < TRIES && best.foreignCores > DISTURBED_CORES; n++) {
    const next = await run();
    if (next.foreignCores < best.foreignCores) best = next;
  }
  return best;
}

function say(bed: Bed, runs: Readonly<Record<string, Result>>): void {
  const rows = Object.entries(runs).map(([name, r]) => [
    name,
    String(r.requests),
    String(r.late),
    [r.latency.p50Us, r.latency.p99Us, r.latency.p999Us, r.latency.maxUs].join(' / '),
    figure(r.rssPeakKib / 1024),
    figure(r.foreignCores),
  ]);
  const heading = ['', 'requests', 'later than 10 ms', 'p50 / p99 / p99.9 / max us', 'RSS peak MiB'];
  for (const line of columns([[...heading, 'cores of others'], ...rows])) bed.say(line);
}

async function measure(bed: Bed): Promise<Finding[]> {
  need(bed.programs.loadPolicy);
  const dir = freshDirectory(bed);
  const config = join(dir, 'tlsward.ini');
  const sockets = socketsIn(dir);
  const tables: [string, string] = [join(dir, 'may.ini'), join(dir, 'encrypt.ini')];
  writeTable(tables[0], sockets, MILLION, { probe: 'may' });
  writeTable(tables[1], sockets, MILLION, { probe: 'encrypt' });
  linkSync(tables[0], config);

  const start = () => startTlsward(dir, config, null, sockets);
  const starts = await measureStarts(bed.short ? 3 : 5, bed.repeats, start);
  const server = await start();
  try {
    await sleep(3_000);
    const rssStarted = rssMib(server);
    const scene: Scene = { bed, dir, server, config, tables, reloads: bed.short ? 4 : 10 };
    const quiet = await calmest(bed, () => steady(scene));
    const signal = await calmest(bed, () => reloading(scene, 'signal'));
    const command = await calmest(bed, () => reloading(scene, 'command'));
    const runs = { 'no reload': quiet, 'by signal': signal, 'by command': command };
    bed.disturbed(NAME, Math.max(...[quiet, signal, command, ...starts].map((run) => run.foreignCores)));
    await sleep(AFTER_MS);
    const rssAfter = rssMib(server);
    say(bed, runs);
    const startMs = starts.map((one) => one.startMs);
    bed.say(`starts: ${startMs.map(figure).join(', ')} ms; RSS ${figure(rssStarted)} MiB`);
    bed.say(
      `in force after ${signal.took.map(figure).join(', ')} ms, by command ${command.took.map(figure).join(', ')} ms`,
    );
    return [
      { name: `${NAME}.start`, measured: median(startMs) },
      { name: `${NAME}.reload`, measured: Math.max(...signal.took) },
      { name: `${NAME}.late.signal`, measured: signal.late },
      { name: `${NAME}.late.command`, measured: command.late },
      { name: `${NAME}.late.quiet`, measured: quiet.late },
      { name: `${NAME}.peak`, measured: Math.max(signal.rssPeakKib, command.rssPeakKib) / 1024 },
      { name: `${NAME}.after`, measured: rssAfter },
    ];
  } finally {
    await server.stop();
  }
}

export const millionRow: Row = { name: NAME, title: 'a million rows', run: measure };
