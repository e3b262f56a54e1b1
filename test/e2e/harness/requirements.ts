/**
 * What the end-to-end tests need from the machine, and what happens when it is absent.
 *
 * A test passes `{ skip: e2eSkip() }` to `t.test`. When something is missing the tests are skipped with a reason that tap
 * prints, and the reason also goes to stderr once. With TLSWARD_E2E=required in the environment (continuous integration)
 * `e2eSkip` throws instead, so that a machine that lost its Postfix turns red rather than quietly green.
 *
 * Root is needed because Postfix's master runs as root, drops privileges per service, and wants queue folders owned by
 * the `postfix` user and the `postdrop` group.
 */
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { findRoot, RELEASES, type Release, selectedRelease } from './mta/postfix-releases.ts';

/** Folders searched after $PATH: Postfix's commands live in sbin, which an ordinary PATH omits. */
const SBIN = ['/usr/sbin', '/sbin', '/usr/local/sbin', '/usr/bin', '/bin'];

/** Where the distributions put Postfix's daemons (`daemon_directory`). */
const DAEMON_DIRECTORIES = ['/usr/lib/postfix/sbin', '/usr/libexec/postfix', '/usr/lib/postfix'];

export const NEEDS = ['root', 'postfix', 'openssl', 'sasl'] as const;
/**
 * `sasl`: the sasldb tools and the Cyrus PLAIN mechanism, for authenticated submission. `unbound`: a private DNS with DNSSEC
 * (dns.ts), and namespaces in which Postfix asks it; only tests of mail that leaves want it. `clickhouse`: server and client,
 * and `rsyslog` are for ship.test.ts and collect-rsyslog.test.ts alone,
 * `alertmanager` for alarms.test.ts, `prometheus` for metrics.test.ts, `opendkim` for tlsrpt-send.test.ts. So these are not in `NEEDS`.
 */
export type Need =
  | (typeof NEEDS)[number]
  | 'unbound'
  | 'clickhouse'
  | 'rsyslog'
  | 'alertmanager'
  | 'prometheus'
  | 'opendkim';

/** The absolute path of a command, or null. */
export function findCommand(name: string): string | null {
  for (const dir of [...(process.env.PATH ?? '').split(delimiter), ...SBIN]) {
    if (dir === '') continue;
    const path = join(dir, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not here; the next folder may have it
    }
  }
  return null;
}

/** The absolute path of a command that `missingRequirements` has already vouched for; throws otherwise. */
export function command(name: string): string {
  const path = findCommand(name);
  if (path === null) throw new Error(`command not found: ${name}`);
  return path;
}

/** Postfix's `daemon_directory` (the one with `master` in it), or null. */
export function findDaemonDirectory(): string | null {
  return DAEMON_DIRECTORIES.find((dir) => existsSync(join(dir, 'master'))) ?? null;
}

/** Numeric id from a colon-separated account file (/etc/passwd field 3, /etc/group field 3), or null. */
export function accountId(file: string, name: string): number | null {
  if (!existsSync(file)) return null;
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const fields = line.split(':');
    if (fields[0] === name) return Number(fields[2]);
  }
  return null;
}

/** What a Postfix of another release needs. */
function rootMissing(release: Release): string[] {
  if (findRoot(release) !== null) return [];
  return [`no root of ${release} (node build/test/e2e/harness/mta/postfix-root.js ${release} makes it)`];
}

const CHECKS: Record<Need, () => string[]> = {
  root: () => (process.getuid?.() === 0 ? [] : ['not running as root']),
  postfix: () => {
    const release = selectedRelease();
    if (release !== null) return rootMissing(release);
    const wanted = ['sendmail', 'postqueue', 'postsuper', 'postcat', 'postconf'];
    const missing = wanted.filter((name) => findCommand(name) === null).map((name) => `no command ${name}`);
    if (findDaemonDirectory() === null) missing.push('no Postfix master daemon');
    if (accountId('/etc/passwd', 'postfix') === null) missing.push('no user postfix');
    if (accountId('/etc/group', 'postdrop') === null) missing.push('no group postdrop');
    return missing;
  },
  openssl: () => (findCommand('openssl') === null ? ['no command openssl'] : []),
  sasl: () => (findCommand('saslpasswd2') === null ? ['no command saslpasswd2'] : []),
  unbound: () =>
    ['unbound', 'ldns-keygen', 'ldns-signzone', 'unshare']
      .filter((name) => findCommand(name) === null)
      .map((name) => `no command ${name}`),
  rsyslog: () => (findCommand('rsyslogd') === null ? ['no command rsyslogd'] : []),
  prometheus: () =>
    ['prometheus', 'promtool']
      .filter((name) => findCommand(name) === null)
      .map((name) => `no command ${name} (Debian: prometheus)`),
  opendkim: () =>
    ['opendkim', 'python3'].filter((name) => findCommand(name) === null).map((name) => `no command ${name}`),
  alertmanager: () =>
    findCommand('prometheus-alertmanager') === null ? ['no command prometheus-alertmanager'] : [],
  clickhouse: () =>
    ['clickhouse-server', 'clickhouse-client']
      .filter((name) => findCommand(name) === null)
      .map((name) => `no command ${name} (Debian: a package of that name)`),
};

/** Everything that is missing, in words; empty when the tests can run. */
export function missingRequirements(needs: readonly Need[] = NEEDS): string[] {
  return needs.flatMap((need) => CHECKS[need]());
}

/** The answer for tap's `skip` option. Throws when something is missing although the tests are required to run. */
export function skipReason(missing: readonly string[], required: boolean): string | false {
  if (missing.length === 0) return false;
  const reason = `end-to-end tests need a mail server: ${missing.join(', ')}`;
  if (required) throw new Error(reason);
  return reason;
}

/**
 * The same for a test that needs the Postfix of a release. Where the tests are required, trixie is, too; sid moves, and
 * may be such that no root can be made of it: said loudly, and no failure.
 */
export function releaseSkip(release: Release, needs: readonly Need[] = NEEDS): string | false {
  const missing = [
    ...missingRequirements(needs.filter((need) => need !== 'postfix')),
    ...rootMissing(release),
  ];
  const required = process.env.TLSWARD_E2E === 'required' && release === RELEASES[0];
  const reason = skipReason(missing, required);
  if (reason !== false) process.stderr.write(`SKIPPED: ${reason}\n`);
  return reason;
}

let told = false;

/**
 * For tap's `skip` option: false when the tests can run, else the reason (also written to stderr, once).
 * Throws when something is missing and TLSWARD_E2E=required.
 */
export function e2eSkip(needs: readonly Need[] = NEEDS): string | false {
  const reason = skipReason(missingRequirements(needs), process.env.TLSWARD_E2E === 'required');
  if (reason !== false && !told) process.stderr.write(`SKIPPED: ${reason}\n`);
  told ||= reason !== false;
  return reason;
}
