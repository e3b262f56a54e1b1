/** Commands that change Postfix's configuration, ready for a shell. */
import { escapeText } from '../core/escape.ts';
import { type MasterEntry, type PostfixConfig, valueFor } from '../mta/postfixConfig.ts';
import { type Finding, finding, type Severity } from './check.ts';

/** One word of a command line for a POSIX shell. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function command(program: string, { directory }: PostfixConfig): string {
  return directory === '/etc/postfix' ? program : `${program} -c ${shellWord(directory)}`;
}

/** `postconf -e 'name = value'`, for main.cf. */
export function setMain(config: PostfixConfig, name: string, value: string): string {
  return `${command('postconf', config)} -e ${shellWord(`${name} = ${value}`)}`;
}

/** For an entry that overrides the parameter the override goes, else main.cf is set. */
export function setFor(
  config: PostfixConfig,
  name: string,
  value: string,
  entry: MasterEntry | undefined,
): string {
  if (entry?.overrides.has(name) !== true) return setMain(config, name, value);
  return setEntry(config, entry, name, value);
}

/** `postconf -P 'service/type/name = value'`, for an entry of master.cf. */
function setEntry(config: PostfixConfig, entry: MasterEntry, name: string, value: string): string {
  return `${command('postconf', config)} -P ${shellWord(`${entry.name}/${entry.type}/${name} = ${value}`)}`;
}

/** Takes an override out of an entry, so that main.cf counts. */
export function dropOverride(config: PostfixConfig, entry: MasterEntry, name: string): string {
  return `${command('postconf', config)} -PX ${shellWord(`${entry.name}/${entry.type}/${name}`)}`;
}

/** Removes a parameter from main.cf, so that its default counts. */
export function dropMain(config: PostfixConfig, name: string): string {
  return `${command('postconf', config)} -X ${name}`;
}

/** An entry of master.cf as one reads of it, in front of what was seen. */
export function entryName(entry: MasterEntry): string {
  return `${entry.name} (${entry.type}, ${entry.command})`;
}

/** A parameter has a wrong value for an entry, or for all that override nothing; the command sets a good one. */
export function wrongValue(
  severity: Severity,
  config: PostfixConfig,
  name: string,
  good: string,
  entry?: MasterEntry,
): Finding {
  const where = entry === undefined ? '' : `${entryName(entry)}: `;
  const value = valueFor(config, name, entry);
  const seen = `${where}${name} is ${value === '' ? 'empty' : escapeText(value)}`;
  return finding(severity, seen, setFor(config, name, good, entry));
}

/** What was seen without the entry in front of it; null where there is none. */
export function splitEntry(seen: string): readonly [entry: string, rest: string] | null {
  const [, entry, rest] = /^(\S+ \([a-z-]+, [a-z]+\))([: ][\s\S]*)$/.exec(seen) ?? [];
  return entry === undefined || rest === undefined ? null : [entry, rest];
}
