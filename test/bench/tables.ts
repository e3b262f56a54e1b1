/**
 * Writes the tables that the benchmark's servers load, and the list of domains that peers and generators read.
 *
 * Row N of a table is the domain `dN.example`, `encrypt` when N is even, `may` when odd (bench.h relies on it): the
 * generators name `encrypt` rows only from sessions with TLS, so every message is to be accepted, and the rows are
 * looked up and judged all the same. One more row, `probe.example`, differs between two files of a table: the verdict
 * about it shows when a reload took force.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { root } from '../root.ts';

export const PROBE_DOMAIN = 'probe.example';

export interface Sockets {
  readonly milter: string;
  readonly policy: string;
  readonly control: string;
}

function service(sockets: Sockets): string {
  return [
    '[service]',
    `policy-listen   = unix:${sockets.policy}`,
    `milter-listen   = unix:${sockets.milter}`,
    `control-listen  = unix:${sockets.control}`,
    'trusted-clients =',
    '',
    '',
  ].join('\n');
}

/** One name a line, for the C programs. */
export function writeDomains(path: string, rows: number): void {
  let text = '';
  for (let n = 0; n < rows; n++) text += `d${n}.example\n`;
  writeFileSync(path, text);
}

/** A configuration of `rows` one-line rows; `probe` is the policy of the row that a reload changes. */
export function writeTable(path: string, sockets: Sockets, rows: number, probe: 'may' | 'encrypt'): void {
  let text = `${service(sockets)}[domains]\n`;
  for (let n = 0; n < rows; n++) text += `d${n}.example = ${n % 2 === 0 ? 'encrypt' : 'may'}\n`;
  writeFileSync(path, `${text}${PROBE_DOMAIN} = ${probe}\n`, { mode: 0o644 });
}

/** The sample table that comes with the program, listening on our sockets instead of its own. */
export function writeSample(path: string, sockets: Sockets): void {
  const sample = readFileSync(new URL('contrib/tables/sample.ini', root), 'utf8');
  const rest = sample.replace(/^(?:(?:policy|milter|control)-listen|evidence)\s*=.*\n/gm, '');
  const ours = service(sockets)
    .replace(/^trusted-clients.*\n/m, '')
    .trimEnd();
  writeFileSync(path, rest.replace(/^\[service\]$/m, ours), { mode: 0o644 });
}
