/**
 * The files of a private Postfix instance on disk: folders with the owners and modes Postfix insists on, the login
 * database for the submission listeners, and configuration files that Postfix does not wait for.
 *
 * `postfix start` would make the folders, but its post-install script wants to repair a whole installation, so they are
 * made here. Sources: Postfix conf/postfix-files (owners and modes), SASL_README (Cyrus auxprop with sasldb).
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findCommand } from '../requirements.ts';
import type { Layout } from './postfix-config.ts';
import type { PostfixPrograms } from './postfix-programs.ts';

/** The unprivileged account that owns delivered mail: `nobody` on Linux. */
export const MAIL_UID = 65534;

/** Queue folders with owner postfix, group root, mode 700. */
const QUEUES = 'active bounce corrupt defer deferred flush hold incoming private saved trace'.split(' ');

/** Whom the folders belong to, by number. */
export type Owners = Pick<PostfixPrograms, 'owner' | 'drop'>;

/** Make every folder of the layout. Needs root. */
export function makeFolders(paths: Layout, { owner, drop }: Owners): void {
  const make = (path: string, uid: number, gid: number, mode: number) => {
    mkdirSync(path, { recursive: true });
    chownSync(path, uid, gid);
    chmodSync(path, mode); // after chown, which clears set-id bits; mkdir's own mode is cut by the umask
  };
  make(paths.dir, 0, 0, 0o755);
  make(paths.config, 0, 0, 0o755);
  make(paths.queue, 0, 0, 0o755);
  make(join(paths.queue, 'pid'), 0, 0, 0o755);
  for (const name of QUEUES) make(join(paths.queue, name), owner, 0, 0o700);
  make(join(paths.queue, 'maildrop'), owner, drop, 0o1730);
  make(join(paths.queue, 'public'), owner, drop, 0o2710);
  make(paths.data, owner, 0, 0o700);
  make(paths.mail, MAIL_UID, MAIL_UID, 0o700);
  make(paths.sasl, owner, 0, 0o700);
}

/**
 * A sasldb with these logins in `realm`, and the smtpd.conf that points to it. Without saslpasswd2 nothing is made: then
 * AUTH fails, and a test that needs it says so with `e2eSkip(['sasl', ...])`.
 */
export function makeLogins(
  paths: Layout,
  { owner }: Owners,
  realm: string,
  users: Readonly<Record<string, string>>,
): void {
  const tool = findCommand('saslpasswd2');
  if (tool === null) return;
  const database = join(paths.sasl, 'sasldb2');
  for (const [user, password] of Object.entries(users)) {
    execFileSync(tool, ['-p', '-c', '-f', database, '-u', realm, user], {
      input: password,
      timeout: 60_000,
      stdio: ['pipe', 'ignore', 'pipe'],
    });
  }
  chownSync(database, owner, 0);
  const lines = ['pwcheck_method: auxprop', 'auxprop_plugin: sasldb', 'mech_list: PLAIN LOGIN'];
  lines.push(`sasldb_path: ${database}`, '');
  writeFileSync(join(paths.sasl, 'smtpd.conf'), lines.join('\n'));
}

/**
 * Write a file that Postfix will read, dated ten seconds back. Every daemon that finds main.cf or a text table younger
 * than about a second waits until it is not, in case it is still being written (dict_load_file_xt in util/dict.c); that
 * costs two seconds for each start and each reload otherwise. Since the date disarms that precaution, the file appears
 * by rename: a daemon that starts just now must find the old text or the new one (seen: a postlogd that read an empty
 * main.cf and logged nothing).
 */
export function writeAged(path: string, text: string): void {
  const draft = `${path}.new`;
  writeFileSync(draft, text);
  const time = Date.now() / 1000 - 10;
  utimesSync(draft, time, time);
  renameSync(draft, path);
}
