/**
 * Installing without a package, as contrib/doc/install.md says it: `npm pack` in a copy of what git has, then its own lines
 * in a booted machine, with umask 077: install, upgrade, rollback, uninstall. And `npm install -g` of the same file.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { page } from '../manual.ts';
import { root } from '../root.ts';
import { boot, bootable } from './harness/booted.ts';

const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version: string };
const NEXT = '9.9.9';
const dir = mkdtempSync(join(tmpdir(), 'tlsward-install-'));
chmodSync(dir, 0o755);
t.teardown(() => rmSync(dir, { recursive: true }));

function run(command: string, argv: readonly string[], cwd = dir): string {
  const env = { ...process.env, npm_config_update_notifier: 'false' };
  // tap has its hooks loaded into every Node process by NODE_OPTIONS, and tsc cannot live with them
  const without = ['-u', 'NODE_OPTIONS', command, ...argv];
  return execFileSync('env', without, { cwd, env, encoding: 'utf8', stdio: 'pipe' });
}

/** The checkout as a clone has it, with what `npm ci` puts there and nothing built. */
function clone(): string {
  const from = fileURLToPath(root);
  const to = join(dir, 'clone');
  for (const name of run('git', ['-c', 'safe.directory=*', 'ls-files', '-z'], from)
    .split('\0')
    .filter(Boolean)) {
    mkdirSync(dirname(join(to, name)), { recursive: true });
    cpSync(join(from, name), join(to, name));
  }
  run('cp', ['-a', '--reflink=auto', join(from, 'node_modules'), join(to, 'node_modules')]);
  return to;
}

const TARBALL = join(dir, `tlsward-${version}.tgz`);

t.test('npm pack', async (t) => {
  run('npm', ['pack', '--pack-destination', dir], clone());
  const files = run('tar', ['-tzf', TARBALL]).trimEnd().split('\n');
  for (const name of [
    'build/bundle/main.js',
    'node_modules/pino/pino.js',
    'contrib/man/tlsward.8',
    'systemd/tlsward.service',
  ])
    t.ok(files.includes(`package/${name}`), name);
  t.strictSame(
    files.filter((name) =>
      /^package\/(src|test|build\/test|\.git|node_modules\/(tap|typescript)|build\/src)/.test(name),
    ),
    [],
    'and nothing that only the checkout needs',
  );
  const prefix = join(dir, 'prefix');
  run('npm', ['install', '-g', '--offline', '--prefix', prefix, TARBALL]);
  const command = join(prefix, 'bin/tlsward');
  t.match(run(command, ['--version']), new RegExp(`^tlsward ${version.replaceAll('.', '\\.')},`));
  t.match(run(command, ['check', '--sample']), /fine/);
  t.match(run(command, ['help']), /^tlsward: one table/);
});

/** Lines of a `sh` block of install.md, found by a line of it. */
function lines(having: string): string {
  const blocks = [...page('contrib/doc/install.md').matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(
    (match) => match[1]!,
  );
  const found = blocks.filter((block) => block.includes(having));
  if (found.length !== 1) throw new Error(`${found.length} blocks have "${having}"`);
  return found[0]!;
}

const reason = bootable();
if (reason) process.stderr.write(`SKIPPED: install.md is not tried: ${reason}\n`);

t.test('install.md', { skip: reason }, async (t) => {
  const served = join(dir, 'served');
  mkdirSync(served);
  cpSync(TARBALL, join(served, `tlsward-${version}.tgz`));
  // the next version: the same but for its number
  run('tar', ['-xzf', TARBALL, '-C', served]);
  const manifest = join(served, 'package/package.json');
  writeFileSync(
    manifest,
    readFileSync(manifest, 'utf8').replace(`"version": "${version}"`, `"version": "${NEXT}"`),
  );
  run('tar', ['-czf', `tlsward-${NEXT}.tgz`, 'package'], served);
  const machine = await boot([`${served}:/srv/served`, `${process.execPath}:/usr/bin/node`]);
  t.teardown(() => machine.close());
  const ok = async (script: string): Promise<string> => {
    const { status, text } = await machine.sh(
      `umask 077; PATH=/usr/local/bin:$PATH; cd /srv/served; set -e\n${script}`,
    );
    if (status === 0) return text.trimEnd();
    throw new Error(`${script}\n${text}\n${(await machine.sh('journalctl -n 30 --no-pager -o cat')).text}`);
  };
  const install = lines('tar -xzf tlsward-');
  t.ok(install.includes(`tlsward-${version}`), 'the manual names this version');
  const of = (script: string, number: string) => script.replaceAll(/(?<=tlsward-)\d+\.\d+\.\d+/g, number);

  await ok(install);
  const runs = async () => (await ok('tlsward status --json')).match(/"version":"([^"]+)"/)?.[1];
  t.equal(await runs(), version, 'the daemon runs');
  t.equal(await ok("stat -c '%U:%G:%a' /etc/tlsward/tlsward.ini"), 'root:tlsward:640');
  t.equal(await ok('find /usr/lib/tlsward/ ! -perm -o=r | wc -l'), '0', 'everybody can read the program');
  t.equal(
    await ok('setpriv --reuid=nobody --clear-groups tlsward --version | cut -d, -f1'),
    `tlsward ${version}`,
  );
  await ok("echo '; a line of ours' >>/etc/tlsward/tlsward.ini; cp /etc/tlsward/tlsward.ini /root/edited");

  await ok(of(install, NEXT));
  t.equal(await runs(), NEXT, 'upgrade');
  await ok('cmp /etc/tlsward/tlsward.ini /root/edited');
  await ok(of(lines('ln -sfn tlsward-0.0.9'), version));
  t.equal(await runs(), version, 'rollback');

  await ok(lines('systemctl disable --now'));
  const left = await ok('find /usr /etc /run -xdev -name "*tlsward*"');
  t.strictSame(
    left.split('\n').filter((name) => !name.startsWith('/etc/tlsward')),
    [],
    'only the table is left',
  );
  await ok('cmp /etc/tlsward/tlsward.ini /root/edited');
  t.equal(await ok('ls /var/spool/postfix/tlsward'), '');
});
