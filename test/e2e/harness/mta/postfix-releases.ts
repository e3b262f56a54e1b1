/**
 * Which Postfix a test runs: this machine's own, or that of a Debian release in a root of its own (postfix-root.ts makes it).
 *
 * TLSWARD_POSTFIX=trixie or sid in the environment runs every test on that one; a test of what a version added names its
 * release itself. Roots are kept in /var/cache/tlsward-roots or the folder that TLSWARD_ROOTS names, which only this user
 * may write to: root runs what is in them.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** trixie is Debian 13 with Postfix 3.10, sid has 3.11 or what came after. */
export const RELEASES = ['trixie', 'sid'] as const;
export type Release = (typeof RELEASES)[number];

/** Releases of which there are roots: Debian 12, too, for tests of our package. */
export const ROOTS = ['bookworm', ...RELEASES] as const;
export type RootRelease = (typeof ROOTS)[number];

/** Last thing to be written into a root: the version of Postfix that is in it, and the packages it was made with. */
export const STAMP = 'tlsward-root';

export interface PostfixRoot {
  readonly release: RootRelease;
  /** The folder that becomes `/`. */
  readonly dir: string;
  /** `3.10.13` */
  readonly version: string;
}

/** The release that the environment names; null: this machine's own Postfix. Throws for a name that is none. */
export function selectedRelease(): Release | null {
  const name = process.env.TLSWARD_POSTFIX ?? '';
  if (name === '') return null;
  const release = RELEASES.find((one) => one === name);
  if (release === undefined)
    throw new Error(`TLSWARD_POSTFIX=${name}: expected one of ${RELEASES.join(', ')}`);
  return release;
}

export function rootsFolder(): string {
  return process.env.TLSWARD_ROOTS ?? '/var/cache/tlsward-roots';
}

/** The root of a release if it is there, whole, and nobody else's; null otherwise. */
export function findRoot(release: RootRelease): PostfixRoot | null {
  const dir = join(rootsFolder(), release);
  const stamp = join(dir, STAMP);
  if (!isOurs(rootsFolder()) || !isOurs(dir) || !existsSync(stamp)) return null;
  return { release, dir, version: readFileSync(stamp, 'utf8').split('\n', 1)[0]! };
}

/** A folder that belongs to us and that nobody else may change. */
export function isOurs(dir: string): boolean {
  const stat = statSync(dir, { throwIfNoEntry: false });
  return stat?.isDirectory() === true && stat.uid === process.getuid?.() && (stat.mode & 0o022) === 0;
}
