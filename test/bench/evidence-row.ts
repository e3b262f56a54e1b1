/**
 * The row of evidence: the CPU time of a message with records written, beside the same daemon without.
 *
 * Both sign marks and log. With evidence, all of the process counts: the main thread, and the thread that hashes, writes
 * and syncs. Sessions are kept, where a message costs least and a record is the largest part of it.
 */
import { join } from 'node:path';
import type { Bed, Row } from './bed.ts';
import { domainList, freshDirectory, keyFile, ROWS, SERVER_CORE, socketsIn } from './bed.ts';
import { type Contender, compare } from './compare.ts';
import { startTlsward } from './peers.ts';
import { need } from './programs.ts';
import type { Finding } from './report.ts';
import { ratio } from './rounds.ts';
import { writeTable } from './tables.ts';

const NAME = 'evidence';

function contender(bed: Bed, name: string, records: boolean): Contender {
  const dir = freshDirectory(bed);
  const config = join(dir, 'tlsward.ini');
  const sockets = socketsIn(dir);
  const evidence = records ? [`evidence = ${join(dir, 'evidence')}`] : [];
  writeTable(config, sockets, ROWS, { service: [`mark-key = ${keyFile(dir)}`, ...evidence] });
  const start = () => startTlsward(dir, config, SERVER_CORE, sockets);
  return { name, start, socket: sockets.milter, args: () => ['--expect-header'] };
}

async function measure(bed: Bed): Promise<Finding[]> {
  const generator = need(bed.programs.loadMilter);
  const load = ['--domains', domainList(bed, ROWS), '--sessions', '10', '--messages', '100'];
  const contenders = [contender(bed, 'with evidence', true), contender(bed, 'without', false)];
  const results = await compare(bed, NAME, generator, load, contenders);
  const [ours, without] = [results.get('with evidence')!, results.get('without')!];
  return [{ name: `${NAME}.cpu`, measured: ratio(ours, without, (r) => r.cpuUs) }];
}

export const evidenceRow: Row = { name: NAME, title: 'evidence on and off', run: measure };
