/**
 * Postfix's configuration as postconf(1) prints it, made into parameters and entries of master.cf. Pure;
 * readPostfix.ts asks postconf. `setup`, `doctor` and the daemon all read main.cf and master.cf by this.
 */
import { leadingPostfixVersion, type PostfixVersion, parsePostfixVersion } from '../core/postfixVersion.ts';
import { compareLevels, expand } from './expand.ts';
import { insideBraces, tokensOf } from './listValue.ts';

/** One entry of master.cf. */
export interface MasterEntry {
  /** `smtp`, `127.0.0.1:10025`, `submission` */
  readonly name: string;
  /** `inet`, `unix`, `fifo`, `pass`, `unix-dgram` */
  readonly type: string;
  /** The three columns that are yes or no; "-" has been replaced by what it means in this version. */
  readonly private: boolean;
  readonly unprivileged: boolean;
  readonly chroot: boolean;
  /** The program: `smtpd`. */
  readonly command: string;
  /** Everything behind it, `-o name=value` included. */
  readonly args: readonly string[];
  /** `-o name=value`; of a name that stands there twice the last. */
  readonly overrides: ReadonlyMap<string, string>;
}

export interface PostfixConfig {
  /** Where main.cf lies. */
  readonly directory: string;
  readonly version: PostfixVersion;
  /** `mail_version` as it is: `3.7.11`, `3.12-20260821`. */
  readonly release: string;
  /** What main.cf sets, not expanded (`postconf -n`). */
  readonly set: ReadonlyMap<string, string>;
  /** The defaults of every parameter that this version has (`postconf -d`), not expanded. */
  readonly defaults: ReadonlyMap<string, string>;
  readonly entries: readonly MasterEntry[];
  /** What postconf warned of as it read main.cf: unused and undefined parameters. */
  readonly complaints: readonly string[];
}

/** What the calls of postconf printed. */
interface PostconfOutput {
  readonly directory: string;
  /** `postconf -n` */
  readonly set: string;
  /** `postconf -d` */
  readonly defaults: string;
  /** `postconf -M` */
  readonly master: string;
  /** `postconf -P` */
  readonly overrides: string;
  /** Standard error of `postconf -n`. */
  readonly complaints?: string;
}

/** Null: this is not what a postconf prints (it has no version). */
export function parsePostfixConfig(output: PostconfOutput): PostfixConfig | null {
  const defaults = parseParameters(output.defaults);
  const set = parseParameters(output.set);
  const release = defaults.get('mail_version') ?? '';
  const version = parsePostfixVersion(leadingPostfixVersion(release));
  if (version === null) return null;
  const partial = { directory: output.directory, version, release, set, defaults };
  const level = valueFor({ ...partial, entries: [], complaints: [] }, 'compatibility_level');
  return {
    ...partial,
    entries: parseEntries(output.master, output.overrides, compareLevels(level, '1') < 0),
    complaints: parseComplaints(output.complaints ?? ''),
  };
}

/** Lines `name = value`; the value may be empty. */
export function parseParameters(output: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of output.split('\n')) {
    const equals = line.indexOf(' =');
    if (equals > 0) values.set(line.slice(0, equals), line.slice(equals + 2).trim());
  }
  return values;
}

/** `chrootByDefault`: what "-" in the chroot column means (`y` below compatibility level 1). */
export function parseEntries(master: string, overrides: string, chrootByDefault: boolean): MasterEntry[] {
  const entries: MasterEntry[] = [];
  const byEntry = overridesByEntry(overrides);
  for (const line of master.split('\n')) {
    const fields = tokensOf(line, ' \t\r');
    const [name, type, isPrivate, unprivileged, chroot, , , command, ...args] = fields;
    if (name === undefined || type === undefined || command === undefined || name.startsWith('#')) continue;
    entries.push({
      name,
      type,
      private: type !== 'inet' && isPrivate !== 'n',
      unprivileged: unprivileged !== 'n',
      chroot: chroot === '-' ? chrootByDefault : chroot === 'y',
      command,
      args,
      overrides: byEntry.get(`${name}/${type}`) ?? overridesOf(args),
    });
  }
  return entries;
}

/** Lines `name/type/parameter = value`; the name of a socket may have slashes of its own. */
function overridesByEntry(output: string): Map<string, Map<string, string>> {
  const byEntry = new Map<string, Map<string, string>>();
  for (const [path, value] of parseParameters(output)) {
    const slash = path.lastIndexOf('/');
    if (slash < 0) continue;
    const entry = path.slice(0, slash);
    const values = byEntry.get(entry) ?? new Map<string, string>();
    values.set(path.slice(slash + 1), value);
    byEntry.set(entry, values);
  }
  return byEntry;
}

/** The same from the arguments: `-o name=value`, `-o { name = value }`, `-oname=value`. */
function overridesOf(args: readonly string[]): Map<string, string> {
  const values = new Map<string, string>();
  for (const [i, arg] of args.entries()) {
    const text = arg === '-o' ? args[i + 1] : arg.startsWith('-o') ? arg.slice(2) : undefined;
    const pair = text === undefined ? null : pairOf(text);
    if (pair !== null) values.set(...pair);
  }
  return values;
}

/** `name=value` or `{ name = value }`; null when it is neither. */
export function pairOf(text: string): [name: string, value: string] | null {
  const pair = insideBraces(text) ?? text;
  const equals = pair.indexOf('=');
  return equals < 1 ? null : [pair.slice(0, equals).trim(), pair.slice(equals + 1).trim()];
}

const MAX_COMPLAINTS = 50;

function parseComplaints(text: string): string[] {
  const said = text
    .split('\n')
    .map((line) => /^\S*postconf: warning: (.*)$/.exec(line)?.[1])
    .filter((line) => line !== undefined);
  return [...new Set(said)].slice(0, MAX_COMPLAINTS);
}

/** Does this version of Postfix have the parameter? Names that main.cf invents are not parameters. */
export function isParameter(config: PostfixConfig, name: string): boolean {
  return config.defaults.has(name);
}

/**
 * The value as it is written, not expanded: that of `-o`, of main.cf or the default; undefined when there is
 * none.
 */
export function writtenValue(config: PostfixConfig, name: string, entry?: MasterEntry): string | undefined {
  return entry?.overrides.get(name) ?? config.set.get(name) ?? config.defaults.get(name);
}

/**
 * The value in force for an entry of master.cf, or for all that override nothing, with every `$name`
 * expanded; '' for a name that nobody knows.
 */
export function valueFor(config: PostfixConfig, name: string, entry?: MasterEntry): string {
  const lookUp = lookUpFor(config, entry);
  return expand(lookUp(name) ?? '', lookUp).trim();
}

/** A text of main.cf or master.cf with every `$name` expanded, for an entry or for all that override nothing. */
export function expandText(config: PostfixConfig, text: string, entry?: MasterEntry): string {
  return expand(text, lookUpFor(config, entry));
}

/** `service_name` is the name of the entry itself; `postconf -d` has it, too, and empty. */
function lookUpFor(config: PostfixConfig, entry?: MasterEntry): (name: string) => string | undefined {
  return (name) => (name === 'service_name' ? entry?.name : undefined) ?? writtenValue(config, name, entry);
}

/** `yes` or `no` as postconf(5) has them: anything else counts as `no`. */
export function isYes(config: PostfixConfig, name: string, entry?: MasterEntry): boolean {
  return valueFor(config, name, entry).toLowerCase() === 'yes';
}
