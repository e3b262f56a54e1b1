/**
 * Whole Debian systems, each in a folder, for the Postfix and the Node.js of that release: trixie (Debian 13) has Postfix
 * 3.10 and sid 3.11, both with TLSRPT (libtlsrpt0). Nothing in them is started; postfix.ts runs private instances inside,
 * and booted.ts boots a copy.
 *
 * debootstrap makes a root from the mirror that apt uses on this machine, in a mount namespace of its own, so that nothing
 * stays mounted below it. It is made under another name and renamed when complete, so what is there is whole. That takes
 * about two minutes and 200 MB. Not in a temporary folder, which would lose single files to age.
 *
 *   node build/test/e2e/harness/mta/postfix-root.js trixie      makes it if need be, and prints its folder
 *
 * One that is older than its release allows (sid moves), or was made of other packages, is replaced. Sources: debootstrap(8), apt-get(8) indextargets.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { command, findCommand } from '../requirements.ts';
import {
  findRoot,
  isOurs,
  type PostfixRoot,
  ROOTS,
  type RootRelease,
  rootsFolder,
  STAMP,
} from './postfix-releases.ts';

/** After how many days the program makes a root anew. */
const MAX_DAYS: Readonly<Record<RootRelease, number>> = { bookworm: 30, trixie: 30, sid: 3 };

/** libsasl2-modules: the PLAIN mechanism, for authenticated submission. The others are for tests of our package. */
const PACKAGES = ['postfix', 'libsasl2-modules', 'libsasl2-modules-db', 'netbase', 'nodejs', 'systemd'];

function packagesOf(release: RootRelease): string {
  return [...PACKAGES, ...(release === 'bookworm' ? [] : ['libtlsrpt0'])].join(',');
}
const MAKE_MS = 900_000;

/** What making a root needs and this machine lacks; empty when it can be tried. */
function rootProblems(): string[] {
  if (process.getuid?.() !== 0) return ['not running as root'];
  return ['debootstrap', 'unshare', 'mount', 'chroot', 'apt-get']
    .filter((name) => findCommand(name) === null)
    .map((name) => `no command ${name}`);
}

function versionIn(dir: string): string {
  const options = { encoding: 'utf8', stdio: 'pipe', timeout: 60_000 } as const;
  return execFileSync(command('chroot'), [dir, '/usr/sbin/postconf', '-dh', 'mail_version'], options).trim();
}

/** The mirror that apt takes Debian itself from; not that of security updates, which has no whole release. */
function mirror(): string {
  const asked = ['indextargets', '--format', '$(LABEL) $(BASE_URI)', 'Created-By: Packages'];
  const said = execFileSync(command('apt-get'), asked, { encoding: 'utf8', timeout: 60_000 });
  const address = /^Debian (\S+?)\/?dists\/\S+$/m.exec(said)?.[1];
  if (address === undefined) throw new Error('apt knows no mirror of Debian');
  return address;
}

/** $1 is the release, $2 the folder, $3 the mirror, $4 the packages; whatever gets mounted ends with this shell. */
const MAKE = `set -e
mount --make-rprivate /
debootstrap --variant=minbase --include="$4" "$1" "$2" "$3"
rm -rf "$2"/var/cache/apt/archives/*.deb "$2"/var/lib/apt/lists/*
`;

function makeRoot(release: RootRelease): PostfixRoot {
  const missing = rootProblems();
  if (missing.length > 0) throw new Error(missing.join(', '));
  const folder = rootsFolder();
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  if (!isOurs(folder)) throw new Error(`${folder} belongs to somebody else, or others may write to it`);
  const work = mkdtempSync(join(folder, `.${release}-`));
  try {
    const made = join(work, release);
    const argv = ['-m', '--', '/bin/sh', '-c', MAKE, 'sh', release, made, mirror(), packagesOf(release)];
    const options = { encoding: 'utf8', stdio: 'pipe', timeout: MAKE_MS, maxBuffer: 1 << 26 } as const;
    try {
      execFileSync(command('unshare'), argv, options);
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      const said = `${stdout}\n${stderr}`.trim().split('\n').slice(-5).join('\n');
      throw new Error(`debootstrap of ${release} failed:\n${said}`, { cause: error });
    }
    // of this machine: names are looked up on loopback only
    writeFileSync(join(made, 'etc/hosts'), '127.0.0.1 localhost\n::1 localhost\n');
    writeFileSync(join(made, 'etc/resolv.conf'), '');
    chmodSync(made, 0o755);
    const version = versionIn(made);
    writeFileSync(join(made, STAMP), `${version}\n${packagesOf(release)}\n`);
    const other = findRoot(release);
    if (other !== null && !isOld(release)) return other; // another test was faster
    const dir = join(folder, release);
    if (existsSync(dir)) renameSync(dir, join(work, 'old'));
    renameSync(made, dir);
    return { release, dir, version };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function isOld(release: RootRelease): boolean {
  const stamp = join(rootsFolder(), release, STAMP);
  const made = statSync(stamp, { throwIfNoEntry: false });
  if (made !== undefined && readFileSync(stamp, 'utf8').split('\n')[1] !== packagesOf(release)) return true;
  return made === undefined || Date.now() - made.mtimeMs > MAX_DAYS[release] * 86_400_000;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const release = ROOTS.find((name) => name === process.argv[2]);
  if (release === undefined) throw new Error(`which release? one of ${ROOTS.join(', ')}`);
  const there = isOld(release) ? null : findRoot(release);
  const root = there ?? makeRoot(release);
  process.stdout.write(`${root.dir} (Postfix ${root.version})\n`);
}
