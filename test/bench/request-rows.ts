/**
 * The rows of policy delegation and socketmap: tlsward beside C responders and the servers that sites know.
 *
 * Ten connections in a closed loop, 100,000 rows, log at info. `equal` does the same work in C, `floor` frames requests
 * and answers without looking; the generator on its core limits the floor's rate, so the CPU ratio says more. postgrey has
 * the client on its whitelist; postfix-mta-sts-resolver has a policy for each domain in its cache and is asked for those
 * only. A peer that is missing is left out.
 */
import { join } from 'node:path';
import type { Bed, Row } from './bed.ts';
import { domainList, freshDirectory, ROWS, socketsIn } from './bed.ts';
import { type Contender, compare, ratios } from './compare.ts';
import { startMtaSts, startPostgrey, startResponder, startTlsward } from './peers.ts';
import { need } from './programs.ts';
import type { Finding } from './report.ts';
import { writeTable } from './tables.ts';

type Protocol = 'policy' | 'socketmap';

/** Generator, its arguments for any server, and those that see that a server decides. */
const LOADS = {
  policy: { decides: (warmsUp: boolean) => (warmsUp ? ['--must-refuse'] : []), other: 'postgrey' },
  socketmap: { decides: () => ['--answers', 'rows'], other: 'mta-sts' },
} as const;

async function measure(bed: Bed, protocol: Protocol): Promise<Finding[]> {
  const generator = need(protocol === 'policy' ? bed.programs.loadPolicy : bed.programs.loadSocketmap);
  const dir = freshDirectory(bed);
  const domains = domainList(bed, ROWS);
  const config = join(dir, 'tlsward.ini');
  const sockets = socketsIn(dir);
  writeTable(config, sockets, ROWS);
  const at = (name: string) => join(dir, name);
  const { decides, other } = LOADS[protocol];
  const contenders: Contender[] = [
    {
      name: 'tlsward',
      start: () => startTlsward(dir, config, 0, sockets),
      socket: sockets[protocol],
      args: decides,
    },
    {
      name: 'equal',
      start: () => startResponder(bed, protocol, at('equal'), domains),
      socket: at('equal'),
      args: decides,
    },
    {
      name: 'floor',
      start: () => startResponder(bed, protocol, at('floor'), null),
      socket: at('floor'),
      args: () => [],
    },
    protocol === 'policy'
      ? { name: other, start: () => startPostgrey(bed, at(other)), socket: at(other), args: () => [] }
      : {
          name: other,
          start: () => startMtaSts(bed, at(other), domains),
          socket: at(other),
          args: () => ['--answers', 'found'],
        },
  ];
  const load = ['--domains', domains, '--connections', '10'];
  if (bed.onlyC) contenders.pop();
  const results = await compare(bed, protocol, generator, load, contenders);
  return ratios(protocol, results, ['equal', 'floor', other]);
}

export const requestRows: readonly Row[] = (['policy', 'socketmap'] as const).map((protocol) => ({
  name: protocol,
  title: `${protocol}, 10 connections`,
  run: (bed) => measure(bed, protocol),
}));
