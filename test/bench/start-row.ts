/**
 * The row of starts: how long until `serve` listens and until `status` has answered, beside `node -e 0`, which is the least
 * that any program on this Node takes.
 *
 * The three are timed in turn, nothing pinned, and the medians of the per-round ratios count, since the speed of a
 * machine differs more than they do. `serve` has the sample table (contrib/tables/sample.ini) and listens when all its
 * sockets accept a connection; `status` asks a daemon that is already there.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Bed, Row } from './bed.ts';
import { freshDirectory, socketsIn } from './bed.ts';
import { MAIN, startTlsward } from './peers.ts';
import type { Finding } from './report.ts';
import { columns, figure } from './report.ts';
import { median } from './rounds.ts';
import { writeSample } from './tables.ts';

const NAME = 'start';
const STARTS = 11;
const STARTS_SHORT = 5;

function commandMs(args: readonly string[]): number {
  const from = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`node ${args.join(' ')}: ${status} ${stderr}`);
  return performance.now() - from;
}

async function measure(bed: Bed): Promise<Finding[]> {
  const [dir, other] = [freshDirectory(bed), freshDirectory(bed)];
  const configs = [dir, other].map((folder) => {
    const config = join(folder, 'tlsward.ini');
    writeSample(config, socketsIn(folder));
    return config;
  });
  const serve: number[] = [];
  const status: number[] = [];
  const bare: number[] = [];
  const standing = await startTlsward(dir, configs[0]!, null, socketsIn(dir));
  try {
    for (let n = -1; n < (bed.short ? STARTS_SHORT : STARTS); n++) {
      const starting = await startTlsward(other, configs[1]!, null, socketsIn(other));
      await starting.stop();
      const asked = commandMs([MAIN, 'status', '--config', configs[0]!]);
      const least = commandMs(['-e', '0']);
      if (n < 0) continue; // reads the files for the first time
      serve.push(starting.startMs);
      status.push(asked);
      bare.push(least);
    }
  } finally {
    await standing.stop();
  }
  const rows = Object.entries({ serve, status, 'node -e 0': bare }).map(([name, list]) => [
    name,
    figure(median(list)),
    figure(Math.min(...list)),
    figure(Math.max(...list)),
  ]);
  for (const line of columns([['', 'ms, median', 'least', 'most'], ...rows])) bed.say(line);
  const of = (list: readonly number[]) => median(list.map((ms, n) => ms / bare[n]!));
  return [
    { name: `${NAME}.serve`, measured: of(serve) },
    { name: `${NAME}.status`, measured: of(status) },
  ];
}

export const startRow: Row = { name: NAME, title: 'start, beside `node -e 0`', run: measure };
