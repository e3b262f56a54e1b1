/**
 * `tlsward certificates`: the certificates of partners' servers as `tlsward probe --all-required` saw them last, what ends
 * first on top, with the pins and TLSA records that do not survive a renewal.
 *
 * Exit status: 0 none ends soon, 1 one ends within --within days or has ended, 65 the inventory cannot be read, 75 there
 * is none yet.
 */
import { escapeText } from '../core/escape.ts';
import type { Binding, KnownServer, Partner } from '../probe/inventory.ts';
import { inventoryFile } from '../probe/inventoryFile.ts';
import { csvLine } from '../trace/csv.ts';
import { asciiJson } from './asciiJson.ts';
import { EXIT, type Io, paint, parseCommand, reportError, UsageError } from './command.ts';
import { COMMANDS } from './commands.ts';
import { inventoryOf } from './openInventory.ts';

interface Line {
  readonly partner: string;
  readonly host: string;
  readonly address: string;
  readonly subject: string;
  readonly issuer: string;
  /** Of the certificate of the chain that ends first. */
  readonly expires: string;
  readonly days: number;
  readonly since: string;
  readonly seen: string;
  readonly sha256: string;
  readonly bindings: readonly Binding[];
}

const DAY_MS = 86_400_000;
const COLUMNS = [
  'partner',
  'host',
  'address',
  'issuer',
  'subject',
  'expires',
  'days',
  'since',
  'seen',
  'sha256',
] as const;

/** `tlsward certificates`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values } = parseCommand(argv, COMMANDS.certificates);
  const format = values.json ? 'json' : values.format;
  if (!['text', 'csv', 'json'].includes(format))
    throw new UsageError(`--format: found "${escapeText(format)}", expected text, csv or json`);
  if (!/^[0-9]{1,4}$/.test(values.within))
    throw new UsageError(`--within: found "${escapeText(values.within)}", expected a number of days`);
  const file = inventoryFile(values.state);
  const inventory = inventoryOf(file, values.json, io);
  if (inventory === null) return EXIT.data;
  if (inventory.partners.length === 0) {
    reportError(io, values.json, `${escapeText(file)}: nothing yet; tlsward probe --all-required fills it`);
    return EXIT.cannotTell;
  }
  const now = Date.now();
  const lines = inventory.partners
    .flatMap((partner) => partner.servers.map((server) => lineOf(partner, server, now)))
    .sort((a, b) => (a.expires < b.expires ? -1 : 1));
  if (format === 'json') io.out(lines.map((line) => `${asciiJson(line)}\n`).join(''));
  else if (format === 'csv') io.out(csv(lines));
  else io.out(text(lines, Number(values.within), io));
  return lines.some(({ days }) => days < Number(values.within)) ? EXIT.no : EXIT.yes;
}

function lineOf({ domain }: Partner, server: KnownServer, now: number): Line {
  const { host, address, subject, issuer, chainNotAfter, since, seen, sha256, bindings } = server;
  return {
    partner: domain,
    host,
    address,
    subject,
    issuer,
    expires: chainNotAfter,
    days: Math.floor((Date.parse(chainNotAfter) - now) / DAY_MS),
    since,
    seen,
    sha256,
    bindings,
  };
}

function csv(lines: readonly Line[]): string {
  const rows = lines.map((line) => [
    ...COLUMNS.map((column) => line[column]),
    line.bindings.map(({ kind, text, breaksWith }) => `${kind} ${text} (${breaksWith})`).join('; '),
  ]);
  return [[...COLUMNS, 'breaks'], ...rows].map((row) => csvLine(row)).join('');
}

function text(lines: readonly Line[], within: number, io: Io): string {
  const out: string[] = [];
  for (const { partner, host, address, issuer, expires, days, bindings } of lines) {
    const when = `${expires.slice(0, 10)} ${days < 0 ? 'ended' : `${days} days`}`.padEnd(20);
    const line = `${partner.padEnd(24)} ${when} ${host} [${address}]  ${issuer}`;
    out.push(paint(io, days < within ? 'red' : 'green', escapeText(line, 600)));
    for (const { kind, text, breaksWith } of bindings)
      out.push(
        escapeText(`${' '.repeat(25)}${kind === 'pin' ? 'pin' : 'TLSA'} ${text} ${WORDS[breaksWith]}`),
      );
  }
  return `${out.join('\n')}\n`;
}

const WORDS: Readonly<Record<Binding['breaksWith'], string>> = {
  certificate: 'breaks at every renewal',
  key: 'breaks when the key is another',
  issuer: 'breaks when the issuer is another',
};
