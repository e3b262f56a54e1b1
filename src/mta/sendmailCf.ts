/**
 * A sendmail.cf as data: options, filters, listeners and maps, as far as tlsward must know them.
 *
 * Lines begin with a letter that says what they are; one that begins with a blank goes on with the line before, `#`
 * begins a comment. `O Name=value` sets an option, `X` defines a filter (`Xtlsward, S=local:/path, F=T, T=R:30s`), `K`
 * a map (`Ktls_rcpt socket -d10 -T<TMPF> local:/path`). Source: Sendmail doc/op ("The Configuration File").
 */

/** An `X` line. */
export interface SendmailFilter {
  readonly name: string;
  /** `S=`: `local:/path`, `unix:/path`, `inet:8452@127.0.0.1`. */
  readonly socket: string;
  /** `F=`: R refuses, T defers, 4 ends the session; '' lets mail pass while the filter does not answer. */
  readonly failure: string;
}

/** A `DaemonPortOptions` option. */
export interface SendmailDaemon {
  /** `MTA` */
  readonly name: string;
  /** `Addr=`, '' where it listens everywhere. */
  readonly address: string;
  /** `M=`: a asks for a login, S offers no STARTTLS. */
  readonly modifiers: string;
  /** `InputMailFilters=` of its own; null: those of all. */
  readonly filters: readonly string[] | null;
}

/** A `K` line. */
interface SendmailMap {
  readonly name: string;
  /** `socket` */
  readonly kind: string;
  readonly args: readonly string[];
}

export interface SendmailConfig {
  readonly file: string;
  /** By name in lower case, the last one counts. */
  readonly options: ReadonlyMap<string, string>;
  readonly filters: readonly SendmailFilter[];
  /** `InputMailFilters`, for listeners that have none of their own. */
  readonly inputFilters: readonly string[];
  readonly daemons: readonly SendmailDaemon[];
  readonly maps: readonly SendmailMap[];
  /** Names of maps that a rule asks, `$(name ...$)`. */
  readonly asked: ReadonlySet<string>;
}

/** `text` of a file; whatever it does not know is left out, and nothing is an error. */
export function parseSendmailCf(file: string, text: string): SendmailConfig {
  const options = new Map<string, string>();
  const filters: SendmailFilter[] = [];
  const daemons: SendmailDaemon[] = [];
  const maps: SendmailMap[] = [];
  const asked = new Set<string>();
  for (const line of logicalLines(text)) {
    const rest = line.slice(1).trim();
    if (line.startsWith('O')) {
      const equals = rest.indexOf('=');
      if (equals < 0) continue;
      const name = rest.slice(0, equals).trim().toLowerCase();
      const value = rest.slice(equals + 1).trim();
      if (name === 'daemonportoptions') daemons.push(daemonOf(value));
      else options.set(name, value);
    } else if (line.startsWith('X')) {
      const [name = '', ...words] = rest.split(',');
      const of = settingsOf(words);
      filters.push({ name: name.trim(), socket: of.get('S') ?? '', failure: of.get('F') ?? '' });
    } else if (line.startsWith('K')) {
      const [name = '', kind = '', ...args] = rest.split(/[ \t]+/);
      maps.push({ name, kind, args });
    } else if (line.startsWith('R')) for (const name of mapsIn(rest)) asked.add(name);
  }
  const inputFilters = listOf(options.get('inputmailfilters') ?? '');
  // without an option Sendmail listens by itself, on every address
  if (daemons.length === 0) daemons.push({ name: 'MTA', address: '', modifiers: '', filters: null });
  return { file, options, filters, inputFilters, daemons, maps, asked };
}

/** The filters that a listener asks. */
export function filtersOf(config: SendmailConfig, daemon: SendmailDaemon): readonly SendmailFilter[] {
  const names = daemon.filters ?? config.inputFilters;
  return names.flatMap((name) => config.filters.find((filter) => filter.name === name) ?? []);
}

function logicalLines(text: string): string[] {
  const lines: string[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith(' ') || line.startsWith('\t')) {
      const last = lines.length - 1;
      if (last >= 0) lines[last] += line;
    } else if (line !== '' && !line.startsWith('#')) lines.push(line.trimEnd());
  }
  return lines;
}

/** `S=...` by its letter or name; a part without `=` is left out. */
function settingsOf(words: readonly string[]): Map<string, string> {
  const settings = new Map<string, string>();
  for (const word of words) {
    const equals = word.indexOf('=');
    if (equals > 0) settings.set(word.slice(0, equals).trim(), word.slice(equals + 1).trim());
  }
  return settings;
}

function daemonOf(value: string): SendmailDaemon {
  // names of options count by their first letter: Name, Address, Modifiers, InputMailFilters
  const of = new Map([...settingsOf(value.split(','))].map(([name, text]) => [name.charAt(0), text]));
  const filters = of.get('I');
  return {
    name: of.get('N') ?? '',
    address: of.get('A') ?? '',
    modifiers: of.get('M') ?? '',
    filters: filters === undefined ? null : listOf(filters),
  };
}

/** Commas or, inside another option, semicolons. */
function listOf(value: string): string[] {
  return value.split(/[,;]/).flatMap((name) => (name.trim() === '' ? [] : [name.trim()]));
}

/** `$(name ` in a rule. */
function mapsIn(rule: string): string[] {
  return rule
    .split('$(')
    .slice(1)
    .map((part) => part.split(/[ \t$]/, 1)[0]!);
}
