/** `tlsward export postfix`: the table as text, into a file, compared with a file. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { run } from '../../src/cli/export.ts';
import { say as saying } from './runCommand.ts';

const TABLE = `[service]
socketmap-listen = unix:m.sock
postfix-version = 3.5
[policy partner]
deliver = secure
[domains]
bank.example = partner
clinic.example = encrypt
boss@law.example = partner
* = encrypt
[domain gov.example]
deliver = secure
mode = observe
[domain [relay.example]:587]
deliver = encrypt
min-bits = 0
`;
const EXCEPTION = '[exception bank.example]\nuntil = 2099-12-31\nreason = r\ndeliver = may\n';

const say = (argv: string[]) => saying(run, argv);

test('as text, into a file, and compared', async (t) => {
  const folder = t.testdir({ 'tlsward.ini': TABLE });
  const config = ['--config', join(folder, 'tlsward.ini')];
  const file = join(folder, 'never_plain');
  const floor = 'protocols=!SSLv2:!SSLv3:!TLSv1:!TLSv1.1';
  const entries = [
    `[relay.example]:587 encrypt ${floor}`,
    `bank.example secure ${floor} ciphers=high`,
    `clinic.example encrypt ${floor} ciphers=high`,
  ];
  const shown = await say(['postfix', ...config]);
  t.equal(shown.code, 0);
  const lines = shown.out.trimEnd().split('\n');
  t.strictSame(
    lines.filter((line) => !line.startsWith('#')),
    entries,
  );
  t.match(
    shown.out,
    /^# Domains that must never be sent in plaintext, for Postfix 3\.5 and later: .*\n# \d{4}-\d\d-\d\d, .*tlsward\.ini, table [0-9a-f]{16}, 3 entries\n/,
  );
  t.match(
    shown.out,
    /^# Not included: 1 row for an address\.\n# Not included: the row for everyone, \*\.\n# Not included: 1 row that is only observed\.$/m,
  );

  const made = await say(['postfix', ...config, '--output', file]);
  t.match(made, { code: 0, out: `${file}: 3 entries\n` });
  t.equal(readFileSync(file, 'utf8'), shown.out);
  t.equal(statSync(file).mode & 0o777, 0o644);
  const check = (...more: string[]) => say(['postfix', ...config, '--check', file, ...more]);
  t.match(await check(), { code: 0, out: /matches the table\n$/ });

  // comments and white space do not count; a changed table does
  writeFileSync(file, `# mine\n${entries.toReversed().join('\n').replaceAll(' ', '\t')}`);
  t.equal((await check()).code, 0);
  writeFileSync(join(folder, 'exceptions.ini'), EXCEPTION);
  t.match(await check(), {
    code: 1,
    out: `${file}: 0 missing, 1 extra\n  - bank.example secure ${floor} ciphers=high\n`,
  });
  t.strictSame(JSON.parse((await check('--json')).out), {
    ok: false,
    missing: [],
    extra: [entries[1]],
  });
  writeFileSync(file, entries.slice(0, 2).join('\n'));
  t.match((await check()).out, /1 missing, 1 extra\n {2}\+ clinic\.example encrypt .*\n {2}- bank\.example/);
  const json = JSON.parse((await say(['postfix', ...config, '--json'])).out) as Record<string, unknown>;
  t.match(json, { ok: true, entries: [entries[0], entries[2]], leftOut: { addresses: 1, anyone: true } });
});

test('what cannot be done', async (t) => {
  const folder = t.testdir({ 'tlsward.ini': TABLE, 'bad.ini': '[servce]\n' });
  const config = ['--config', join(folder, 'tlsward.ini')];
  t.match((await say(config)).code, /^UsageError: postfix is missing/);
  t.match((await say(['exim', ...config])).code, /^UsageError/);
  t.match((await say(['postfix', ...config, '--check', 'a', '--output', 'b'])).code, /exclude each other/);
  t.match(await say(['postfix', ...config, '--check', join(folder, 'absent')]), {
    code: 65,
    err: /absent.*: no such file or directory$/m,
  });
  t.match(await say(['postfix', ...config, '--output', join(folder, 'absent', 'x')]), {
    code: 73,
    err: /absent.*: no such file or directory$/m,
  });
  t.match(await say(['postfix', '--config', join(folder, 'bad.ini')]), {
    code: 78,
    err: /did you mean service/,
  });
  t.notOk(existsSync(join(folder, 'x')));
});
