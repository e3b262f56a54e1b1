/**
 * The programs of one Postfix: this machine's own, or those in the root of another release, and how each is started.
 *
 * A program in a root runs there by chroot(8), in a mount namespace of its own that ends with it. The system's temporary folder
 * is the same inside and outside, so configuration, queue, certificates and the sockets of tlsward have one path; the network
 * is the same anyway. Nothing in a root is written to.
 *
 * With `resolvConf` a program finds that file as /etc/resolv.conf: libc, and so Postfix, knows no other way to be told.
 * Sources: mount_namespaces(7), unshare(1), chroot(8).
 */
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { accountId, command, findDaemonDirectory } from '../requirements.ts';
import { findRoot, type Release, selectedRelease } from './postfix-releases.ts';

/** Debian's, in every root. */
const ROOT_DAEMONS = '/usr/lib/postfix/sbin';
const ROOT_COMMANDS = '/usr/sbin';

export interface PostfixPrograms {
  /** `3.10.13` */
  readonly version: string;
  /** Folder of master and the daemons, as they see it. */
  readonly daemons: string;
  /** Folder of postqueue and the like. */
  readonly commands: string;
  /** Numeric ids of user and group postfix and of group postdrop, as its programs look them up. */
  readonly owner: number;
  readonly group: number;
  readonly drop: number;
  /** The command line that runs a program by its path. */
  argv(path: string, args: readonly string[], resolvConf?: string | null): string[];
  /** The command line that runs a program of this machine, which finds the commands of this Postfix in /usr/sbin. */
  among(argv: readonly string[]): string[];
}

/** $1 is the root ('' for none), $2 the file to be /etc/resolv.conf ('' for none), $3 the shared folder, then the command. */
const ENTER = `set -e
root=$1 resolv=$2 shared=$3; shift 3
mount --make-rprivate /
[ -z "$resolv" ] || mount --bind "$resolv" "$root/etc/resolv.conf"
[ -n "$root" ] || exec "$@"
mount -t tmpfs tmpfs "$root/tmp"
mkdir -p "$root$shared"
mount --rbind "$shared" "$root$shared"
mount --rbind /dev "$root/dev"
exec chroot "$root" "$@"
`;

/**
 * As ENTER, but what is run stays outside; a command that it finds in /usr/sbin runs in the root. The scripts that do so are
 * in a file system of this namespace: in the shared folder, another call would truncate them while they are executed.
 */
const AMONG = `set -e
root=$1 shared=$2; shift 2
mount --make-rprivate /
mount -t tmpfs tmpfs "$root/tmp"
mkdir -p "$root$shared"
mount --rbind "$shared" "$root$shared"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/mnt"
for name in postconf postfix postmap postmulti postqueue sendmail runuser; do
  printf '#!/bin/sh\\nexec chroot %s /usr/sbin/%s "$@"\\n' "$root" "$name" >"$root/mnt/$name"
  chmod 755 "$root/mnt/$name"
  mount --bind "$root/mnt/$name" "/usr/sbin/$name"
done
exec "$@"
`;

function entering(root: string, resolvConf: string | null, argv: readonly string[]): string[] {
  return [
    command('unshare'),
    '-m',
    '--',
    '/bin/sh',
    '-c',
    ENTER,
    'sh',
    root,
    resolvConf ?? '',
    tmpdir(),
    ...argv,
  ];
}

/** The Postfix of a release, or that of this machine (null). Throws when it is not there. */
export function postfixPrograms(release: Release | null = selectedRelease()): PostfixPrograms {
  if (release !== null) return rootPrograms(release);
  host ??= hostPrograms();
  return host;
}

let host: PostfixPrograms | null = null;

function hostPrograms(): PostfixPrograms {
  const daemons = findDaemonDirectory();
  if (daemons === null) throw new Error('no Postfix daemon directory');
  const asked = [command('postconf'), '-dh', 'mail_version'] as const;
  return {
    version: execFileSync(asked[0], asked.slice(1), { encoding: 'utf8', timeout: 60_000 }).trim(),
    daemons,
    commands: dirname(command('postqueue')),
    owner: accountId('/etc/passwd', 'postfix')!,
    group: accountId('/etc/group', 'postfix')!,
    drop: accountId('/etc/group', 'postdrop')!,
    argv: (path, args, resolvConf = null) =>
      resolvConf === null ? [path, ...args] : entering('', resolvConf, [path, ...args]),
    among: (argv) => [...argv],
  };
}

function rootPrograms(release: Release): PostfixPrograms {
  const root = findRoot(release);
  if (root === null) throw new Error(`no root of ${release}`);
  return {
    version: root.version,
    daemons: ROOT_DAEMONS,
    commands: ROOT_COMMANDS,
    owner: accountId(join(root.dir, 'etc/passwd'), 'postfix')!,
    group: accountId(join(root.dir, 'etc/group'), 'postfix')!,
    drop: accountId(join(root.dir, 'etc/group'), 'postdrop')!,
    argv: (path, args, resolvConf = null) => entering(root.dir, resolvConf, [path, ...args]),
    among: (argv) => [
      ...[command('unshare'), '-m', '--', '/bin/sh', '-c', AMONG, 'sh', root.dir, tmpdir()],
      ...argv,
    ],
  };
}
