/**
 * The milter rows: tlsward beside C filters on libmilter, and one in Python.
 *
 * `equal` does the same work: the same events, macros and replies, header fields counted by name and removed, sender and
 * recipients looked up in 100,000 rows and judged, the same signed mark, one JSON line a message (the selfcheck compares
 * the marks byte by byte). `bare` does less: it sees no header field, signs nothing and logs nothing. tlsward signs
 * and logs in all rows. Before anything is measured, tlsward and `equal` must refuse a plain session for a row that
 * requires TLS.
 *
 * In `milter-every` and `milter-body` tlsward reads each body for the sake of a row with a body banner, for mail that none
 * of the messages is; `bare` takes every event and answers each, as filters do that set all callbacks.
 */
import { join } from 'node:path';
import type { Bed, Row } from './bed.ts';
import { domainList, freshDirectory, keyFile, ROWS, socketsIn } from './bed.ts';
import type { Contender } from './compare.ts';
import { compare, ratios, timesOf } from './compare.ts';
import { startBare, startEqual, startPython, startTlsward } from './peers.ts';
import { need } from './programs.ts';
import type { Finding } from './report.ts';
import { ratio } from './rounds.ts';
import { writeTable } from './tables.ts';

type Peer = 'equal' | 'bare' | 'python';

interface Work {
  readonly name: string;
  readonly title: string;
  readonly load: readonly string[];
  readonly peers: readonly Peer[];
  /** tlsward reads bodies; the bare filter takes every event. */
  readonly everything?: boolean;
}

const WORKS: readonly Work[] = [
  {
    name: 'milter-1',
    title: 'milter, 1 message a session, 10 sessions',
    load: ['--sessions', '10', '--messages', '1'],
    peers: ['equal', 'bare', 'python'],
  },
  {
    name: 'milter-100',
    title: 'milter, 100 messages a session, 10 sessions',
    load: ['--sessions', '10', '--messages', '100'],
    peers: ['equal', 'bare', 'python'],
  },
  {
    name: 'milter-many',
    title: 'milter, 100 messages a session, 100 sessions',
    load: ['--sessions', '100', '--messages', '100'],
    peers: ['equal'],
  },
  {
    name: 'milter-every',
    title: 'milter, 1 message a session, bodies of 4 KiB read',
    load: ['--sessions', '10', '--messages', '1'],
    peers: ['bare'],
    everything: true,
  },
  {
    name: 'milter-body',
    title: 'milter, 1 message a session, bodies of 256 KiB read',
    load: ['--sessions', '10', '--messages', '1', '--body', '262144'],
    peers: ['bare'],
    everything: true,
  },
];

/** A row that could need the body of any message, for a domain that no message is for. */
const BODY_BANNER = '[domain banner.example]\nbanner = body\nbanner-text = "Came over {protocol}."';

/** tlsward and its peers, in the directory, with one key; sockets are `m` and the names of the peers. */
export function milterContenders(
  bed: Bed,
  dir: string,
  peers: readonly Peer[],
  everything = false,
): Contender[] {
  const domains = domainList(bed, ROWS);
  const key = keyFile(dir);
  const config = join(dir, 'tlsward.ini');
  const sockets = socketsIn(dir);
  writeTable(config, sockets, ROWS, {
    service: [`mark-key = ${key}`],
    sections: everything ? [BODY_BANNER] : [],
  });
  const at = (name: string) => join(dir, name);
  const refuses = (warmsUp: boolean) => ['--expect-header', ...(warmsUp ? ['--must-refuse'] : [])];
  const start = {
    equal: () => startEqual(bed, at('equal'), domains, key),
    bare: () => startBare(bed, at('bare'), domains, everything ? 'every' : 'envelope'),
    python: () => startPython(bed, at('python'), domains, key),
  };
  return [
    {
      name: 'tlsward',
      start: () => startTlsward(dir, config, 0, sockets),
      socket: sockets.milter,
      args: refuses,
    },
    ...peers.map((name) => ({
      name,
      start: start[name],
      socket: at(name),
      args: name === 'bare' ? () => ['--peer-header'] : refuses,
    })),
  ];
}

async function measure(bed: Bed, { name, load, everything, ...work }: Work): Promise<Finding[]> {
  const peers = work.peers.filter((peer) => peer !== 'python' || !bed.onlyC);
  const generator = need(bed.programs.loadMilter);
  const contenders = milterContenders(bed, freshDirectory(bed), peers, everything);
  const args = ['--domains', domainList(bed, ROWS), ...load];
  const results = await compare(bed, name, generator, args, contenders);
  const findings = ratios(name, results, peers);
  const equal = results.get('equal');
  if (name === 'milter-many' && equal !== undefined)
    findings.push({
      name: `${name}.p999.equal`,
      measured: ratio(results.get('tlsward')!, equal, (r) => timesOf(r).p999Us),
    });
  return findings;
}

export const milterRows: readonly Row[] = WORKS.map((work) => ({
  name: work.name,
  title: work.title,
  run: (bed) => measure(bed, work),
}));
