/**
 * `tlsward log [FILE]`: the log of the daemon, one readable line for each verdict and for each warning.
 *
 *   tlsward log [FILE | -] [--follow] [--since TIME] [--domain NAME]... [--all] [--unit NAME] [--json]
 *
 * Without FILE the journal of the unit is read. `--since` takes a day, a time, or how long ago (`2h`,
 * `30min`, `3d`). `--domain` keeps what is about mail from or for a domain or a name below it; `--all` keeps
 * every event. `--json` prints the lines as JSON. Lines that are not JSON, such as those of systemd, are left
 * out. Exit status: 0 printed, 65 FILE cannot be read, 69 the journal cannot be read.
 */
import { quote } from '../config/ini/problem.ts';
import { canonicalDomain } from '../core/domain.ts';
import { escapeText } from '../core/escape.ts';
import { type Fields, readableLine } from '../log/readableLine.ts';
import { asciiJson } from './asciiJson.ts';
import { EXIT, type Io, paint, parseCommand, reportError, UsageError, unreadable } from './command.ts';
import { COMMANDS } from './commands.ts';
import { fileLines, JournalError, journalLines, stdinLines } from './logSource.ts';

/** Of pino: warn and above are shown without being asked for. */
const WARN = 40;
const COLOURS = { bad: 'red', warn: 'yellow', good: 'green', none: null } as const;
const UNITS: Readonly<Record<string, number>> = { s: 1, min: 60, h: 3600, d: 86_400, w: 604_800 };

/** `tlsward log`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values, positionals } = parseCommand(argv, COMMANDS.log);
  const [file] = positionals;
  const follow = values.follow ?? false;
  const since = values.since === undefined ? null : sinceOf(values.since, Date.now());
  const domains = (values.domain ?? []).map(domainOf);
  if (!/^[A-Za-z0-9:_.@\\-]{1,255}$/.test(values.unit) || values.unit.startsWith('-'))
    throw new UsageError(`--unit: found ${quote(values.unit)}, expected the name of a unit`);
  const lines =
    file === undefined
      ? journalLines(values.unit, since, follow)
      : file === '-'
        ? stdinLines()
        : fileLines(file, follow);
  try {
    for await (const line of lines) {
      const fields = parsed(line);
      if (fields === null || !wanted(fields, { all: values.all ?? false, since, domains })) continue;
      if (values.json) io.out(`${asciiJson(fields)}\n`);
      else print(io, fields);
    }
  } catch (error) {
    if (error instanceof JournalError) {
      reportError(
        io,
        values.json,
        `tlsward log: ${escapeText(error.message, 500)}; name a FILE, or - for standard input`,
      );
      return EXIT.unavailable;
    }
    return unreadable(io, values.json, file ?? '', error);
  }
  return EXIT.yes;
}

/**
 * The fields of a line of the log; null for any other line. A priority in front is what the journal was told.
 */
function parsed(line: string): Fields | null {
  const start = /^<[0-7]>/.test(line) ? 3 : 0;
  if (line[start] !== '{') return null;
  try {
    const value: unknown = JSON.parse(line.slice(start));
    return typeof value === 'object' && value !== null ? (value as Fields) : null;
  } catch {
    return null;
  }
}

interface Wanted {
  readonly all: boolean;
  readonly since: number | null;
  readonly domains: readonly string[];
}

function wanted(fields: Fields, { all, since, domains }: Wanted): boolean {
  if (since !== null && typeof fields.time === 'string' && Date.parse(fields.time) < since) return false;
  if (domains.length > 0) return domainsIn(fields).some((name) => domains.some((one) => isBelow(name, one)));
  if (all || fields.event === 'tx.verdict') return true;
  return typeof fields.level === 'number' && fields.level >= WARN;
}

/** Domains of sender and recipients, of a next hop, of what was published. */
function domainsIn({ sender, recipients, key, domain }: Fields): string[] {
  const texts = [sender, key, domain, ...(Array.isArray(recipients) ? recipients : [recipients])];
  return texts.flatMap((text) => {
    if (typeof text !== 'string') return [];
    const host = hostIn(text.slice(text.lastIndexOf('@') + 1));
    return [host.replace(/>$/, '').toLowerCase()];
  });
}

/** A next hop without brackets and port; any other text up to its first colon. */
function hostIn(text: string): string {
  const bracket = text.startsWith('[') ? text.indexOf(']') : -1;
  return bracket > 0 ? text.slice(1, bracket) : text.split(':', 1)[0]!;
}

function isBelow(name: string, domain: string): boolean {
  return name === domain || name.endsWith(`.${domain}`);
}

function domainOf(text: string): string {
  const domain = canonicalDomain(text.replace(/^\./, ''));
  if (domain === null) throw new UsageError(`--domain: found ${quote(text)}, expected a domain`);
  return domain;
}

/** Milliseconds since the epoch: a day or time of this host's zone, or how long before `now`. */
export function sinceOf(text: string, now: number): number {
  const span = /^([0-9]{1,6})(s|min|h|d|w)$/.exec(text);
  if (span !== null) return now - Number(span[1]) * UNITS[span[2]!]! * 1000;
  const day = /^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,3})?)?Z?)?$/;
  const time = day.test(text)
    ? Date.parse(text.length === 10 ? `${text}T00:00` : text.replace(' ', 'T'))
    : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw new UsageError(
    `--since: found ${quote(text)}, expected YYYY-MM-DD, "YYYY-MM-DD HH:MM", or how long ago: 30min, 2h, 3d`,
  );
}

function print(io: Io, fields: Fields): void {
  const { text, tone } = readableLine(fields, true);
  const colour = COLOURS[tone];
  io.out(`${colour === null ? text : paint(io, colour, text)}\n`);
}
