/**
 * The unit files of systemd/ as data, and a root directory to check them in.
 *
 * A unit file is sections of `Key=value` lines; a key may repeat, an empty value takes back what was said before (which
 * only the drop-in relies on), a line that begins with # is a comment. Ours have no continuation lines. Source: systemd.syntax(7).
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './root.ts';

/** Targets that our units order themselves by. */
const TARGETS = [
  ...['sysinit', 'basic', 'network', 'network-online', 'nss-lookup'],
  ...['sockets', 'timers', 'multi-user', 'shutdown'],
];

/** Path of the repository's systemd folder, with a slash at the end. */
export const UNIT_DIR = fileURLToPath(new URL('systemd/', root));

/** `Section.Key` to its values in order. */
export type Unit = ReadonlyMap<string, readonly string[]>;

/** Text of a file in systemd/. */
export function unitText(name: string): string {
  return readFileSync(join(UNIT_DIR, name), 'utf8');
}

/** Throws on a line that is neither section, key, comment nor blank. */
export function readUnit(name: string): Unit {
  const unit = new Map<string, string[]>();
  let section = '';
  for (const line of unitText(name).split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const header = /^\[(\w+)\]$/.exec(line);
    const entry = /^(\w+)=(.*)$/.exec(line);
    if (header !== null) section = header[1]!;
    else if (entry !== null && section !== '') {
      const key = `${section}.${entry[1]}`;
      unit.set(key, [...(unit.get(key) ?? []), entry[2]!]);
    } else throw new Error(`${name}: not a unit file line: ${line}`);
  }
  return unit;
}

/** The single value of a key; throws when it has none or several. */
export function one(unit: Unit, key: string): string {
  const values = unit.get(key) ?? [];
  if (values.length !== 1) throw new Error(`${key} has ${values.length} values`);
  return values[0]!;
}

/** The names of all units that are shipped. */
export function unitNames(): string[] {
  return readdirSync(UNIT_DIR).filter((name) => /\.(service|socket|timer)$/.test(name));
}

/**
 * A temporary root directory with the units, a stand-ins for the programs that the service names, the targets our units
 * order themselves by, and the accounts of a fresh Debian with Postfix. The caller removes it.
 */
export function unitRoot(): string {
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-units-'));
  const units = join(dir, 'etc/systemd/system');
  for (const folder of [units, join(dir, 'usr/bin'), join(dir, 'bin'), join(dir, 'var/spool/postfix')]) {
    mkdirSync(folder, { recursive: true });
  }
  for (const program of ['usr/bin/node', 'bin/sh']) {
    writeFileSync(join(dir, program), '#!/bin/sh\n');
    chmodSync(join(dir, program), 0o755);
  }
  for (const name of unitNames()) copyFileSync(join(UNIT_DIR, name), join(units, basename(name)));
  for (const target of TARGETS) {
    const text = '[Unit]\nDescription=stand-in\nDefaultDependencies=no\n';
    writeFileSync(join(units, `${target}.target`), text);
  }
  writeFileSync(join(dir, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\npostfix:x:105:105::/:/bin/false\n');
  writeFileSync(join(dir, 'etc/group'), 'root:x:0:\npostfix:x:105:\n');
  return dir;
}

/** Puts a drop-in of systemd/ where an administrator would, below a root directory. */
export function installDropIn(dir: string, name: string): void {
  const folder = join(dir, 'etc/systemd/system/tlsward.service.d');
  mkdirSync(folder, { recursive: true });
  copyFileSync(join(UNIT_DIR, name), join(folder, basename(name).replace('tlsward-', '')));
}

/** Status and everything printed, stdout first. Throws when the command is not there. */
export function run(command: string, ...args: string[]): { status: number | null; text: string } {
  const env = { ...process.env, LC_ALL: 'C', SYSTEMD_COLORS: '0', SYSTEMD_LOG_LEVEL: 'notice' };
  const result = spawnSync(command, args, { encoding: 'utf8', env, timeout: 30_000 });
  if (result.error !== undefined) throw result.error;
  return { status: result.status, text: `${result.stdout}${result.stderr}` };
}
