/**
 * Sendmail's programs without installing them: the Debian packages unpacked into a folder of the tests' own, so that the
 * Postfix of the same machine, with which they conflict, stays.
 *
 * The folder is `tlsward-sendmail-VERSION` below the system's temporary folder and is made once per machine: apt-get
 * fetches the packages from the configured Debian mirror and checks them, dpkg-deb unpacks. It is made under another name
 * and renamed when complete, so what is there is whole; a folder that somebody else owns or may write to is not used.
 * Run as a program (`node build/test/e2e/harness/mta/sendmail-fetch.js`) it makes the folder and prints its path.
 *
 * sendmail-bin is the daemon, sendmail-cf the m4 files, m4 what turns a .mc file into sendmail.cf. Libraries that
 * sendmail-bin depends on and that are not installed (libwrap0 as a rule) are unpacked beside it; what these need in turn
 * must be there, and `sendmailProblems` names what is not.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { command, findCommand, skipReason } from '../requirements.ts';

const PACKAGES = ['sendmail-bin', 'sendmail-cf', 'm4'];
const PREFIX = 'tlsward-sendmail-';
const FETCH_MS = 120_000;

/** Where the parts are. */
export interface SendmailPrograms {
  readonly sendmail: string;
  /** The folder with `m4/cf.m4`. */
  readonly cf: string;
  readonly m4: string;
  /** For LD_LIBRARY_PATH. */
  readonly libraries: string;
  /** `8.17.1.9-2+deb12u2`. */
  readonly version: string;
}

/** What the machine lacks for a private Sendmail, in words; empty when it can run. Fetches the packages if need be. */
export function sendmailProblems(): string[] {
  const missing: string[] = [];
  if (process.getuid?.() !== 0) missing.push('not running as root');
  for (const name of ['unshare', 'mount', 'hostname'])
    if (findCommand(name) === null) missing.push(`no command ${name}`);
  if (missing.length > 0) return missing;
  try {
    execFileSync(command('unshare'), ['-m', '-u', 'true'], { stdio: 'pipe', timeout: 60_000 });
  } catch {
    missing.push('no right to make a mount namespace');
  }
  try {
    const programs = sendmailPrograms();
    const env = { ...process.env, LD_LIBRARY_PATH: programs.libraries };
    const linked = execFileSync('ldd', [programs.sendmail], { env, encoding: 'utf8', timeout: 60_000 });
    for (const [, name] of linked.matchAll(/^\s*(\S+) => not found$/gm)) missing.push(`no library ${name}`);
  } catch (error) {
    missing.push(`no Sendmail (${error instanceof Error ? error.message.split('\n')[0] : String(error)})`);
  }
  return missing;
}

/**
 * For tap's `skip` option: false when a private Sendmail can run, else the reason (also written to stderr). Throws when
 * something is missing and TLSWARD_E2E=required.
 */
export function sendmailSkip(): string | false {
  const missing = sendmailProblems().map((problem) => `Sendmail: ${problem}`);
  const reason = skipReason(missing, process.env.TLSWARD_E2E === 'required');
  if (reason !== false) process.stderr.write(`SKIPPED: ${reason}\n`);
  return reason;
}

/** The unpacked programs, fetched first when they are not there. Throws when that fails. */
export function sendmailPrograms(): SendmailPrograms {
  const there = readdirSync(tmpdir()).find((name) => name.startsWith(PREFIX) && isOurs(join(tmpdir(), name)));
  const dir = there === undefined ? fetchSendmail() : join(tmpdir(), there);
  const libraries = ['usr/lib', 'lib'].flatMap((lib) => {
    const parent = join(dir, lib);
    return existsSync(parent) ? readdirSync(parent).map((arch) => join(parent, arch)) : [];
  });
  return {
    sendmail: join(dir, 'usr/libexec/sendmail/sendmail'),
    cf: join(dir, 'usr/share/sendmail/cf'),
    m4: join(dir, 'usr/bin/m4'),
    libraries: libraries.join(':'),
    version: dir.slice(dir.indexOf(PREFIX) + PREFIX.length),
  };
}

/** Root will run what is in it: only a folder that is ours and that nobody else may change. */
function isOurs(dir: string): boolean {
  const { uid, mode } = statSync(dir);
  return uid === process.getuid?.() && (mode & 0o022) === 0;
}

function isInstalled(name: string): boolean {
  const asked = spawnSync(command('dpkg-query'), ['-s', name], { encoding: 'utf8', timeout: 60_000 });
  return asked.status === 0 && /^Status: install ok installed$/m.test(asked.stdout);
}

function fetchSendmail(): string {
  const work = mkdtempSync(join(tmpdir(), 'tlsward-fetch-'));
  try {
    const packages = join(work, 'packages');
    const tree = join(work, 'tree');
    mkdirSync(packages);
    const options = { cwd: packages, encoding: 'utf8', stdio: 'pipe', timeout: FETCH_MS } as const;
    // the sandbox user of apt may not write here, and only warns about it
    const download = (names: readonly string[]) =>
      execFileSync(
        command('apt-get'),
        ['-q', '-o', 'APT::Sandbox::User=root', 'download', ...names],
        options,
      );
    const field = (file: string, name: string) =>
      execFileSync(command('dpkg-deb'), ['-f', file, name], options).trim();
    download(PACKAGES);
    const daemon = readdirSync(packages).find((name) => name.startsWith('sendmail-bin_'))!;
    const version = field(daemon, 'Version').replace(/^\d+:/, '');
    const libraries = field(daemon, 'Depends').match(/\blib[a-z0-9.+-]+/g) ?? [];
    const absent = libraries.filter((name) => !isInstalled(name));
    if (absent.length > 0) download(absent);
    for (const name of readdirSync(packages)) {
      execFileSync(command('dpkg-deb'), ['-x', name, tree], options);
    }
    // set-gid would make the loader ignore LD_LIBRARY_PATH
    for (const name of readdirSync(join(tree, 'usr/libexec/sendmail'))) {
      chmodSync(join(tree, 'usr/libexec/sendmail', name), 0o755);
    }
    const dir = join(tmpdir(), `${PREFIX}${version}`);
    chmodSync(tree, 0o755);
    try {
      renameSync(tree, dir);
    } catch (error) {
      if (!existsSync(dir) || !isOurs(dir)) throw error; // another test was faster
    }
    return dir;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.stdout.write(`${sendmailPrograms().sendmail}\n`);
}
