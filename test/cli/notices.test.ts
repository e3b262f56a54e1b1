/** `tlsward notices`: what it prints and ends with, and when `run` does not begin. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Test, test } from 'tap';
import { run } from '../../src/cli/notices.ts';
import { Ledger } from '../../src/notices/ledger.ts';
import { newNotices, noticesFile, saveNotices } from '../../src/notices/run/stateFile.ts';
import { takeLock } from '../../src/recorder/lock.ts';
import { SYSTEM } from '../../src/recorder/system.ts';
import { newFolder } from '../trace/madeDays.ts';
import { say } from './runCommand.ts';

const author = { address: 'alice@our.example', domain: 'our.example' };

function config(t: Test, keys: string): string {
  const file = join(newFolder(t), 'tlsward.ini');
  writeFileSync(
    file,
    `[service]\nsocketmap-listen = unix:/tmp/x.sock\npostconf =\n${keys}[domains]\n* = may\n`,
  );
  return file;
}

test('the list', async (t) => {
  const folder = newFolder(t);
  const list = (...more: string[]) => say(run, ['--state', folder, ...more]);
  t.match(await list(), { code: 75, err: /nothing has looked yet: systemctl enable --now tlsward-notices/ });
  const file = noticesFile(folder);
  const now = Date.now();
  const ledger = new Ledger(newNotices(now).ledger);
  const keys = ['A', 'B'].map((key) => ({ key, arrived: now }));
  ledger.taken(ledger.begin({ author, messages: [], keys }, 'x', now)!);
  await saveNotices(file, { ...newNotices(now), lookedAt: now, ledger: ledger.saved(now) });
  const { code, out } = await list();
  t.equal(code, 0);
  t.match(out, /^2 messages of 1 author who was told; last look 20/);
  t.match(out, /: 1 notice that mail waits, 0 that it has left$/m);
  t.notMatch(out, 'alice');
  t.match(JSON.parse((await list('--json')).out), {
    ok: true,
    messages: 2,
    authors: 1,
    sent: { waiting: 1, left: 0 },
  });
  await saveNotices(file, { ...newNotices(now), lookedAt: now - 3_600_000, ledger: ledger.saved(now) });
  t.match(await list(), { code: 75, out: /^nobody has looked since/ });
  writeFileSync(file, '{');
  t.match(await list(), { code: 65, err: /is not whole: who was told is not known/ });
  t.match((await say(run, ['stop'])).code, /^UsageError: .*expected run, or nothing/);
});

test('when it does not run', async (t) => {
  const folder = newFolder(t);
  const begin = (file: string, ...more: string[]) =>
    say(run, ['run', '--state', folder, '--config', file, ...more]);
  t.match(await begin(config(t, '')), { code: 78, err: /notify-sender-after of \[service\] is not set/ });
  t.match(await begin(config(t, 'notify-sender-after = 30m\n')), {
    code: 78,
    err: /notify-domains of \[service\] is not set/,
  });
  t.match(await begin(config(t, 'notify-sender-after = 30 minutes\n')), {
    code: 78,
    err: /a time from 1s to 4d/,
  });
  const good = config(t, 'notify-sender-after = 30m\nlocal-domains = our.example\n');
  for (const smtp of ['25', 'a b:25', '127.0.0.1:70000'])
    t.match((await begin(good, '--smtp', smtp)).code, /^UsageError: .*expected a host and a port/, smtp);
  const file = noticesFile(folder);
  mkdirSync(dirname(file), { recursive: true });
  const release = takeLock(SYSTEM, dirname(file), 'aa');
  t.match(await begin(good), { code: 75, err: /only one may/ }, 'two would tell twice');
  release();
});
