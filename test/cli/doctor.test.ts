/** `tlsward doctor` as it is called: exit statuses, JSON, and mistakes, with a postconf of the test's own. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { run } from '../../src/cli/doctor.ts';
import { capturedDefaults } from '../mta/postfixOf.ts';
import { say } from './runCommand.ts';

/** A configuration whose postconf prints these lines of main.cf, and master.cf with one smtpd. */
function host(
  t: Test,
  main: string,
  rows = '[domains]\nbank.example = encrypt\n',
): { config: string; dir: string } {
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-doctor-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  writeFileSync(join(dir, 'defaults'), capturedDefaults('3.7.11'));
  writeFileSync(join(dir, 'main'), main);
  writeFileSync(
    join(dir, 'postconf'),
    `#!/bin/sh
[ "$1" = -c ] && shift 2
case "$1" in
-n) cat ${dir}/main ;;
-d) cat ${dir}/defaults ;;
-M) echo 'smtp inet n - n - - smtpd' ;;
-h) echo ${dir} ;;
esac
`,
  );
  chmodSync(join(dir, 'postconf'), 0o755);
  const config = join(dir, 'tlsward.ini');
  writeFileSync(
    config,
    `[service]\nmilter-listen = unix:${dir}/milter.sock\ncontrol-listen = unix:${dir}/control.sock\npostconf = ${dir}/postconf\n${rows}`,
  );
  return { config, dir };
}

const MAIN = 'inet_interfaces = all\ncompatibility_level = 3.6\n';

test('findings', async (t) => {
  const { config, dir } = host(t, MAIN);
  const text = await say(run, ['--config', config, '--no-dns']);
  t.equal(text.code, 2);
  t.match(text.out, new RegExp(`^Postfix in ${dir} \\(3\\.7\\.11\\), tlsward by ${config}\n`));
  t.match(text.out, /DANGER: daemon-down: cannot reach the daemon at unix:\S+control\.sock/);
  t.match(text.out, /DANGER: entry-not-judged: smtp \(inet, smtpd\)/);
  const json = await say(run, ['--config', config, '--no-dns', '--json']);
  t.equal(json.code, 2);
  const reply = JSON.parse(json.out) as { ok: boolean; findings: { id: string; mend: string[] }[] };
  t.equal(reply.ok, false);
  t.ok(reply.findings.some(({ id }) => id === 'entry-not-judged'));
  t.notOk(
    reply.findings.some(({ id }) => id.startsWith('mx-')),
    'DNS was not asked',
  );
});

test('another folder of main.cf', async (t) => {
  const { config } = host(t, MAIN);
  const { out } = await say(run, ['--config', config, '--no-dns', '--postfix-config', '/etc/postfix-out']);
  t.match(out, /^Postfix in \/etc\/postfix-out /);
  t.match(await say(run, ['--config', config, 'x']), { code: /UsageError/ });
});

test('a sendmail.cf instead of Postfix', async (t) => {
  const { config, dir } = host(t, MAIN);
  rmSync(join(dir, 'postconf'));
  const cf = join(dir, 'sendmail.cf');
  writeFileSync(cf, `O InputMailFilters=tlsward\nXtlsward, S=local:${dir}/milter.sock\n`);
  const text = await say(run, ['--config', config, '--sendmail', cf]);
  t.equal(text.code, 2);
  t.match(text.out, new RegExp(`^Sendmail in ${cf}, tlsward by ${config}\n`));
  t.match(text.out, /DANGER: sendmail-filter-fails-open: tlsward has no F=\n/);
  t.match(text.out, /DANGER: daemon-down: /);
  t.notMatch(text.out, /sendmail-not-asked|Postfix/);
  const json = await say(run, ['--config', config, '--sendmail', cf, '--json']);
  t.match(JSON.parse(json.out), { ok: false, sendmail: cf, config });
  t.match(await say(run, ['--config', config, '--sendmail', join(dir, 'none.cf')]), {
    code: 75,
    err: /cannot read \S+none\.cf \(ENOENT\)/,
  });
  t.match(await say(run, ['--config', config, '--sendmail', dir]), { code: 75, err: /is no sendmail\.cf/ });
  t.match(await say(run, ['--config', config, '--sendmail', cf, '--postfix-config', dir]), {
    code: /UsageError/,
  });
});

test('no Postfix, or mistakes in the table', async (t) => {
  const { config, dir } = host(t, MAIN);
  writeFileSync(join(dir, 'postconf'), '#!/bin/sh\necho "postconf: fatal: open main.cf: no" >&2; exit 1\n');
  t.match(await say(run, ['--config', config]), {
    code: 75,
    err: /-n failed: postconf: fatal: open main\.cf/,
  });
  const json = await say(run, ['--config', config, '--json']);
  t.equal(json.code, 75);
  t.match(JSON.parse(json.out), { ok: false, error: /open main\.cf/ });
  rmSync(join(dir, 'postconf'));
  t.match(await say(run, ['--config', config]), { code: 75, err: /is Postfix installed/ });
  const broken = host(t, MAIN, '[domains]\nbank.example = encrpyt\n');
  const mistakes = await say(run, ['--config', broken.config, '--json']);
  t.equal(mistakes.code, 78);
  t.match(JSON.parse(mistakes.out), { ok: false, problems: [{ line: 6 }] });
});
