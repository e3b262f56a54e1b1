/** The real postconf on a folder of its own, programs that are none, and postmulti's list. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { valueFor } from '../../src/mta/postfixConfig.ts';
import { parseInstances, readPostfix } from '../../src/mta/readPostfix.ts';
import { restrictionsFor } from '../../src/mta/restrictions.ts';
import { runProgram } from '../../src/mta/runProgram.ts';
import { findCommand } from '../e2e/harness/requirements.ts';
import { capturedDefaults } from './postfixOf.ts';

const skip = findCommand('postconf') === null ? 'no postconf on this machine' : false;

function folder(t: Test, main: string | null, master = 'smtp inet n - n - - smtpd\n'): string {
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-mta-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  if (main !== null) writeFileSync(join(dir, 'main.cf'), main);
  writeFileSync(join(dir, 'master.cf'), master);
  return dir;
}

test('a real postconf', { skip }, async (t) => {
  const dir = folder(
    t,
    `compatibility_level = 3.6
tlsward_policy = check_policy_service { unix:tlsward/policy.sock,
    { default_action = DEFER_IF_PERMIT 4.7.1 away } }
smtpd_recipient_restrictions = reject_unauth_destination, $tlsward_policy
nobody_uses_this = 1
`,
    `smtp inet n - n - - smtpd
127.0.0.1:10025 inet n - - - - smtpd
  -o { smtpd_recipient_restrictions = permit_mynetworks, reject }
  -o smtpd_milters=
`,
  );
  const config = await readPostfix(dir, findCommand('postconf')!);
  t.equal(config.directory, dir);
  t.match(config.release, /^[0-9]+\.[0-9]+/);
  t.equal(config.set.get('compatibility_level'), '3.6');
  t.ok(config.defaults.size > 700, `${config.defaults.size} parameters`);
  const texts = restrictionsFor(config, 'smtpd_recipient_restrictions').map(({ text }) => text);
  t.same(texts, [
    'reject_unauth_destination',
    'check_policy_service { unix:tlsward/policy.sock, { default_action = DEFER_IF_PERMIT 4.7.1 away } }',
  ]);
  const [smtp, reinject] = config.entries;
  t.match(smtp, { name: 'smtp', type: 'inet', chroot: false });
  t.equal(reinject?.chroot, false);
  t.equal(valueFor(config, 'smtpd_recipient_restrictions', reinject), 'permit_mynetworks, reject');
  t.equal(reinject?.overrides.get('smtpd_milters'), '');
  t.ok(config.complaints.some((text) => text.includes('nobody_uses_this')));
});

test('main.cf cannot be read', { skip }, async (t) => {
  const program = findCommand('postconf')!;
  await t.rejects(readPostfix('/no/such/folder', program), {
    why: 'unreadable',
    message: /-c .*failed: .*main\.cf/,
  });
  await t.rejects(readPostfix(folder(t, null), program), { message: /main\.cf.*No such file/ });
  await t.rejects(readPostfix(folder(t, 'x = 1\n', 'smtp inet n\n'), program), { message: /master\.cf/ });
});

function program(t: Test, script: string): string {
  const path = join(folder(t, ''), 'postconf');
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

test('programs that are no postconf', async (t) => {
  await t.rejects(readPostfix(undefined, '/no/such/postconf'), {
    why: 'absent',
    message: /is Postfix installed/,
  });
  await t.rejects(readPostfix(undefined, program(t, 'echo hello')), { message: /does not answer like/ });
  await t.rejects(readPostfix(undefined, program(t, 'echo "postconf: fatal: \x1b[1mx" >&2; exit 1')), {
    message: /-n failed: postconf: fatal: \\u\{1b\}\[1mx/,
  });
  await t.rejects(readPostfix('/tmp', '/tmp'), { why: 'unreadable', message: /may not be run/ });
});

test('a program is bounded', async (t) => {
  const limits = { timeoutMs: 300, maxBytes: 1000 };
  t.match(await runProgram(program(t, 'exec sleep 30'), [], limits), { ok: false, why: 'timeout' });
  t.match(await runProgram(program(t, 'exec yes'), [], { ...limits, timeoutMs: 20_000 }), {
    ok: false,
    why: 'tooMuch',
  });
  t.match(await runProgram(program(t, 'exit 3'), [], { ...limits, timeoutMs: 20_000 }), {
    ok: false,
    why: 'failed',
  });
  t.match(await runProgram('/tmp', [], limits), { ok: false, why: 'denied' });
});

test('the system folder, when none is named', async (t) => {
  const script = `case "$1" in -h) echo /etc/other;; -d) cat <<'EOF'
${capturedDefaults('3.7.11').replaceAll("'", '')}
EOF
esac`;
  const config = await readPostfix(undefined, program(t, script));
  t.equal(config.directory, '/etc/other');
});

test('instances', async (t) => {
  t.same(
    parseInstances('-               -               y         /etc/postfix\nout mta n /etc/postfix-out\n\n'),
    [
      { name: '', directory: '/etc/postfix', enabled: true },
      { name: 'out', directory: '/etc/postfix-out', enabled: false },
    ],
  );
});
