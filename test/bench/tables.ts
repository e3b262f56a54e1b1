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
  readonly socketmap: string;
}

/** What a configuration of the benchmark says besides its sockets and rows. */
export interface TableOptions {
  /** Policy of the row that a reload changes; default `may`. */
  readonly probe?: 'may' | 'encrypt';
  /** More lines of `[service]`. */
  readonly service?: readonly string[];
  /** Sections after the rows. */
  readonly sections?: readonly string[];
}

function service(sockets: Sockets): string {
  return [
    '[service]',
    `policy-listen   = unix:${sockets.policy}`,
    `milter-listen   = unix:${sockets.milter}`,
    `control-listen  = unix:${sockets.control}`,
    `socketmap-listen = unix:${sockets.socketmap}`,
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

/** A configuration of `rows` one-line rows. */
export function writeTable(path: string, sockets: Sockets, rows: number, options: TableOptions = {}): void {
  const { probe = 'may', service: more = [], sections = [] } = options;
  let text = `${service(sockets).trimEnd()}\n${more.map((line) => `${line}\n`).join('')}\n[domains]\n`;
  for (let n = 0; n < rows; n++) text += `d${n}.example = ${n % 2 === 0 ? 'encrypt' : 'may'}\n`;
  text += `${PROBE_DOMAIN} = ${probe}\n${sections.map((line) => `\n${line}\n`).join('')}`;
  writeFileSync(path, text, { mode: 0o644 });
}

/** The sample table that comes with the program, listening on our sockets instead of its own. */
export function writeSample(path: string, sockets: Sockets): void {
  const sample = readFileSync(new URL('contrib/tables/sample.ini', root), 'utf8');
  const rest = sample.replace(/^(?:(?:policy|milter|control|socketmap)-listen|evidence)\s*=.*\n/gm, '');
  const ours = service(sockets)
    .replace(/^trusted-clients.*\n/m, '')
    .trimEnd();
  writeFileSync(path, rest.replace(/^\[service\]$/m, ours), { mode: 0o644 });
}
