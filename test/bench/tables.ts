/**
 * Writes the tables that the benchmark's servers load, and the list of domains that peers and generators read.
 *
 * Row N of a table is the domain `dN.example`, `encrypt` when N is even, `may` when odd (bench.h relies on it): the
 * generators name `encrypt` rows only from sessions with TLS, so every message is to be accepted, and the rows are
 * looked up and judged all the same. One more row, `probe.example`, differs between two files of a table: the verdict
 * about it shows when a reload took force.
 */
import { writeFileSync } from 'node:fs';

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

/** A table such as a small site has: policies of its own, lines, and a section. */
export function writeSample(path: string, sockets: Sockets): void {
  const rows = [
    '[policy partner]',
    'receive      = encrypt',
    'min-protocol = TLSv1.2',
    'violation    = reject',
    '',
    '[domains]',
    'd0.example      = encrypt',
    'd1.example      = may',
    'bank.example    = partner',
    '.bank.example   = partner',
    'clinic.example  = encrypt',
    'boss@law.example = partner',
    '*               = may',
    '',
    '[domain gov.example]',
    'policy       = partner',
    'contact      = postmaster@gov.example',
    'reason       = contract',
    'mode         = observe',
    '',
  ];
  writeFileSync(path, service(sockets) + rows.join('\n'), { mode: 0o644 });
}
