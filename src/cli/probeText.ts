/** The text of `tlsward probe`: hosts, addresses and steps, then what each level comes to, and the closing line. */
import { escapeText } from '../core/escape.ts';
import type { ProbeReport } from '../probe/report.ts';
import { type Io, paint } from './command.ts';

const MX: Readonly<Record<string, string>> = {
  signed: 'signed by DNSSEC',
  unsigned: 'not signed by DNSSEC',
  none: 'none, the name itself is the host',
  'null-mx': 'the domain takes no mail (null MX)',
};

/** Lines; everything foreign is escaped. */
export function probeLines(report: ProbeReport, io: Io): string[] {
  const { mx, hosts, levels, row, closing } = report;
  const lines = [paint(io, 'bold', `${report.target}, port ${report.port}`)];
  lines.push(entry('mx', mx.kind === 'unknown' ? escapeText(mx.why) : MX[mx.kind]!));
  lines.push(entry('trust', escapeText(report.trust)));
  for (const { host, preference, trouble, tlsa, addresses } of hosts) {
    lines.push('', paint(io, 'bold', `${host}, preference ${preference}`));
    if (trouble !== '') lines.push(entry('address', escapeText(trouble)));
    for (const record of tlsa) lines.push(entry('TLSA', record));
    for (const { address, own, checks } of addresses) {
      lines.push(`  ${address}${own ? ', this host' : ''}`);
      for (const { check, ok, ms, says } of checks) {
        const word = ok === null ? '-     ' : ok ? paint(io, 'green', 'ok    ') : paint(io, 'red', 'failed');
        const time = ms === null ? '' : `${ms} ms`;
        lines.push(`    ${check.padEnd(17)}${word} ${time.padStart(8)}  ${escapeText(says)}`.trimEnd());
      }
    }
  }
  if (mx.more > 0) lines.push(entry('more', `${mx.more} more MX hosts were not looked at`));
  lines.push('');
  for (const level of levels) lines.push(entry(level.level, outcomeWords(level)));
  if (row !== null) {
    lines.push(entry('row', escapeText(row.row)));
    lines.push(entry('', `${row.level === '' ? '' : `${row.level}: `}${outcomeWords(row)}`));
  }
  lines.push('', escapeText(closing, 2000));
  return lines;
}

function entry(name: string, text: string): string {
  return `${name.padEnd(11)}${text}`.trimEnd();
}

function outcomeWords({ ends, how, code, says, host, until, varies }: ProbeReport['levels'][number]): string {
  const at = host === '' ? '' : ` (${host})`;
  const also = varies ? '; another host or address of the same rank ends otherwise' : '';
  const text = escapeText(says, 500);
  if (ends === 'waits') return `waits, ${code} ${text}${at}${also}`;
  if (ends === 'unknown') return `cannot be told: ${text}`;
  const by = says === '' ? '' : ` by ${text}`;
  const end = until === null ? '' : `, until ${until.slice(0, 10)}`;
  return `${how === 'plain' ? 'sent in plaintext' : `sent under TLS, ${how}${by}${end}`}${at}${also}`;
}
