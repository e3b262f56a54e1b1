/**
 * Reads configuration files from disk, and refuses those that someone else could have written.
 *
 * A file must be regular, readable and at most MAX_FILE_BYTES long. Neither the file nor its folder may be
 * writable by everyone, except for a folder with the sticky bit. A file or folder that another user, or a
 * group other than root's, can write to is allowed, with a notice. The checks are made on the open file, so
 * the file that was checked is the file that is read.
 *
 * `include` names files relative to the file it stands in; `*` and `?` may stand in the last part of the
 * path. Only files that lie, after symbolic links are resolved, below the folder of the main file (as it was
 * named) can be included.
 */
import type { Buffer } from 'node:buffer';
import * as fs from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { everyoneCanReplace, foldersOf, readGuardedSync } from '../../files/guardedReader.ts';
import { MAX_FILE_BYTES } from '../ini/limits.ts';
import { Invalid, quote, quotePath } from '../ini/problem.ts';

export interface Source {
  /** The same for two names of one file. */
  readonly identity: string;
  readonly bytes: Buffer;
  /** The text of a notice about the file; '' for none. */
  readonly notice: string;
}

function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  switch (code) {
    case 'ENOENT':
      return 'which does not exist';
    case 'EACCES':
    case 'EPERM':
      return 'which may not be read';
    case 'ELOOP':
      return 'a loop of symbolic links';
    case 'ENOTDIR':
      return 'one part of the path is not a folder';
    default:
      return `which cannot be read (${code ?? String(error)})`;
  }
}

const BELOW = 'a path below the folder of the main file';
const READABLE = 'a readable file';

/** Reads one file; `path` as the process can open it, `name` as it is shown. */
export function readSource(path: string, name: string): Source | Invalid {
  try {
    const found = readGuardedSync(path, {
      maxBytes: MAX_FILE_BYTES,
      followLinks: true,
      refuse: (status) => writableByEveryone(status, path, name),
    });
    switch (found.kind) {
      case 'read': {
        const { status, bytes } = found;
        const notice = notices([
          othersWho(status, `write this file (${modeOf(status)})`),
          ...foldersOf(path).map((at) => othersWho(fs.statSync(at), `replace files in ${quotePath(at)}`)),
        ]);
        return { identity: `${status.dev}:${status.ino}`, bytes, notice };
      }
      case 'not-regular':
        return new Invalid(`${quotePath(name)}, not a regular file`, 'a regular file');
      case 'refused':
        return found.why;
      case 'too-large':
        return new Invalid(`${quotePath(name)}, ${found.bytes} bytes`, `at most ${MAX_FILE_BYTES}`);
    }
  } catch (error) {
    return new Invalid(`${quotePath(name)}, ${reasonOf(error)}`, READABLE, hintOf(error));
  }
}

/** Only root and the daemon's user can read the configuration: tells who can run the command. */
function hintOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code === 'EACCES'
    ? 'run this as root or as the user of the daemon: sudo -u tlsward tlsward ...; that user must be able to read it'
    : '';
}

function modeOf({ mode }: fs.Stats): string {
  return `mode 0${(mode & 0o7777).toString(8)}`;
}

function writableByEveryone(status: fs.Stats, path: string, name: string): Invalid | null {
  if ((status.mode & 0o002) !== 0) {
    const found = `${quotePath(name)}, which everyone can write to (${modeOf(status)})`;
    return new Invalid(found, 'a file that others cannot write to', 'chmod o-w');
  }
  const folder = foldersOf(path).find((at) => everyoneCanReplace(fs.statSync(at).mode));
  if (folder === undefined) return null;
  return new Invalid(
    `${quotePath(name)} in ${quotePath(folder)}, a folder that everyone can write to`,
    'a folder that others cannot write to',
  );
}

function notices(texts: readonly (string | null)[]): string {
  return [...new Set(texts)].filter((text) => text !== null).join('; ');
}

/**
 * Says who apart from root and this process may do `what`, a clause such as `write this file`; null if no one
 * may. An owner counts, because an owner may change the mode. Root does not check the owner, because it
 * checks files for a daemon that runs as another user.
 */
export function othersWho(
  stat: { readonly mode: number; readonly uid: number; readonly gid: number },
  what: string,
): string | null {
  const own = process.geteuid?.() ?? 0;
  // in a folder with the sticky bit, others cannot remove or rename the file
  const mode = (stat.mode & 0o171000) === 0o041000 ? 0 : stat.mode;
  if (own !== 0 && stat.uid !== 0 && stat.uid !== own) return `user ${stat.uid} can ${what}`;
  return (mode & 0o020) !== 0 && stat.gid !== 0 ? `group ${stat.gid} can ${what}` : null;
}

/** A file to include: where it is, and how it is shown. */
export interface Included {
  readonly path: string;
  readonly name: string;
}

/** What is wrong with the text of a path, which must lie below the folder of the main file; null: nothing. */
export function pathFault(text: string, from: Included, root: string): Invalid | null {
  const wrong = (hint: string) => new Invalid(quote(text), BELOW, hint);
  if (text.split('/').includes('..')) return wrong('".." leads out of that folder');
  if (/[*?]/.test(dirname(text))) return wrong('* and ? may stand in the last part only');
  if (text.endsWith('/')) return wrong(`did you mean ${text}*.ini?`);
  const last = basename(text);
  if (last === '.' || last === '') return wrong('this is not the name of a file');
  const at = isAbsolute(text) ? dirname(text) : join(dirname(from.path), dirname(text));
  return below(resolve(at), resolve(root)) ? null : wrong('it leads out of that folder');
}

/** Does the name not exist at all, not even as a dangling link? */
export function isAbsent(path: string): boolean {
  try {
    return fs.lstatSync(path, { throwIfNoEntry: false }) === undefined;
  } catch {
    return false; // opening the file reports the error
  }
}

/** In bytes; 0 when it cannot be told, and opening the file reports why. */
export function sizeOf(path: string): number {
  try {
    return fs.statSync(path).size;
  } catch {
    return 0;
  }
}

/**
 * The files that match one element of `include`, sorted by name. Only a pattern may match none. `from`: the
 * file with the `include`; `root`: the folder of the main file.
 */
export function findIncluded(text: string, from: Included, root: string): Included[] | Invalid {
  const fault = pathFault(text, from, root);
  if (fault !== null) return fault;
  const folder = dirname(text);
  const last = basename(text);
  const pattern = /[*?]/.test(last);
  const at = isAbsolute(text) ? folder : join(dirname(from.path), folder);
  const shown = isAbsolute(text) ? folder : join(dirname(from.name), folder);
  try {
    const names = pattern ? matching(at, last) : [last];
    const files: Included[] = [];
    const out: Invalid[] = [];
    for (const name of names) {
      const path = join(at, name);
      const real = fs.realpathSync(path);
      if (below(real, fs.realpathSync(root))) files.push({ path, name: join(shown, name) });
      else out.push(new Invalid(`${quotePath(join(shown, name))}, a link to ${quotePath(real)}`, BELOW));
    }
    return Invalid.all(out) ?? files;
  } catch (error) {
    return new Invalid(`${quote(text)}, ${reasonOf(error)}`, READABLE);
  }
}

/** Names in a folder that match, sorted; a folder that does not exist counts as empty. */
function matching(folder: string, pattern: string): string[] {
  if (!fs.existsSync(folder)) return [];
  const names = fs.readdirSync(folder).filter((name) => globMatches(pattern, name));
  return names.sort();
}

function below(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/**
 * Shell-like match of one path part; a leading dot must be written. Takes at most time proportional to
 * pattern length times name length.
 */
export function globMatches(pattern: string, name: string): boolean {
  if (name.startsWith('.') && !pattern.startsWith('.')) return false;
  let p = 0;
  let star = -1;
  let resume = 0;
  for (let n = 0; n < name.length; ) {
    if (p < pattern.length && pattern[p] === '*') {
      star = p++;
      resume = n;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === name[n])) {
      p++;
      n++;
    } else if (star >= 0) {
      p = star + 1;
      n = ++resume;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}
