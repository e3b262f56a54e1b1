/**
 * The files of the daemon's sockets, removed, replaced and changed while it runs.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'tap';
import { daemonProcess, MAIN, opened } from './process.ts';
import { policyAnswers, policyRequest } from './startDaemon.ts';

const ROWS = '[domains]\nbank.example = encrypt\n';
const REFUSED = /^530 5\.7\.0 /;

test('a socket file that was removed is made anew, and open connections go on', async (t) => {
  const { folder, ask, log, logged, child, ended } = await daemonProcess(t, ROWS);
  const path = join(folder, 'p');
  const mode = lstatSync(path).mode;
  const before = await opened(path);
  t.match(await policyAnswers(before, [policyRequest()]), [REFUSED]);
  for (let i = 0; i < 2; i++) {
    const from = log.length;
    unlinkSync(path);
    t.match(await logged({ event: 'listener.trouble', listener: 'policy' }, from), { why: /gone/ });
    await logged({ event: 'listener.open', listener: 'policy' }, from);
    t.equal(lstatSync(path).mode, mode);
    const after = await opened(path);
    t.match(await policyAnswers(after, [policyRequest()]), [REFUSED], 'a new connection');
    t.match(await policyAnswers(before, [policyRequest()]), [REFUSED], 'the one from before');
    after.destroy();
  }
  const { listeners } = (await ask('status')) as { listeners: { trouble?: string }[] };
  t.notOk(listeners.some(({ trouble }) => trouble !== undefined));
  // the control socket is one of them
  const last = log.length;
  unlinkSync(join(folder, 'c'));
  await logged({ event: 'listener.trouble', listener: 'control' }, last);
  await logged({ event: 'listener.open', listener: 'control' }, last);
  t.match(await ask('status'), { ok: true });
  before.destroy();
  child.kill('SIGTERM');
  t.same(await ended, [0, null]);
  t.notOk(lstatSync(path, { throwIfNoEntry: false }), 'its own file is removed at the end');
});

test('a socket that another process has bound meanwhile is left alone', async (t) => {
  const { folder, ask, log, logged, child, ended } = await daemonProcess(t, ROWS);
  const path = join(folder, 'p');
  const before = await opened(path);
  unlinkSync(path);
  const other = createServer((socket) => socket.on('error', () => {}).end('other'));
  await new Promise<void>((resolve) => other.listen(path, resolve));
  const { birthtimeNs } = lstatSync(path, { bigint: true });
  t.match(await logged({ event: 'listener.trouble', listener: 'policy' }), { why: /another process/ });
  t.match(await policyAnswers(before, [policyRequest()]), [REFUSED], 'the open connection goes on');
  const { listeners } = (await ask('status')) as { listeners: { name: string; trouble?: string }[] };
  t.match(listeners.find(({ name }) => name === 'policy')?.trouble, /another process/);
  const shown = spawnSync(process.execPath, [MAIN, 'status', '--config', join(folder, 'tlsward.ini')]);
  t.match(shown.stdout.toString(), /^policy .* another process has bound its path/m);
  const from = log.length;
  await new Promise((resolve) => other.close(resolve));
  await logged({ event: 'listener.open', listener: 'policy' }, from);
  const after = await opened(path);
  t.match(await policyAnswers(after, [policyRequest()]), [REFUSED], 'bound again once it was free');
  t.not(lstatSync(path, { bigint: true }).birthtimeNs, birthtimeNs); // an inode number may be used again
  before.destroy();
  after.destroy();
  // and at the end nothing of others is removed
  unlinkSync(path);
  const last = createServer();
  await new Promise<void>((resolve) => last.listen(path, resolve));
  const mine = lstatSync(path).ino;
  child.kill('SIGTERM');
  t.same(await ended, [0, null]);
  t.equal(lstatSync(path, { throwIfNoEntry: false })?.ino, mine, 'what lies there is not ours to remove');
  await new Promise((resolve) => last.close(resolve));
});

test('what is in the way is said, and permissions that changed', async (t) => {
  const { folder, log, logged } = await daemonProcess(t, ROWS);
  const path = join(folder, 'p');
  chmodSync(path, 0o600);
  t.match(await logged({ event: 'listener.trouble' }), { why: 'its permissions are 0600, and were 0660' });
  t.equal(lstatSync(path).mode & 0o777, 0o600, 'somebody may mean it');
  // in one step, or it would be made anew in between
  writeFileSync(`${path}.new`, 'a file of somebody');
  renameSync(`${path}.new`, path);
  const line = await logged({ event: 'listener.trouble', listener: 'policy' }, log.length);
  t.match(line, { why: /is not a socket/ });
  t.equal(readFileSync(path, 'utf8'), 'a file of somebody');
  const from = log.length;
  unlinkSync(path);
  await logged({ event: 'listener.open', listener: 'policy' }, from);
  // the whole folder
  const away = `${folder}.away`;
  t.teardown(() => rmSync(away, { recursive: true, force: true }));
  renameSync(folder, away);
  await logged({ event: 'listener.trouble', why: `cannot bind unix:${path}: the folder does not exist` });
  const back = log.length;
  mkdirSync(folder);
  await logged({ event: 'listener.open', listener: 'policy' }, back);
  t.match(await policyAnswers(await opened(path), [policyRequest()]), [REFUSED]);
});
