/**
 * What the service manager is told, and when: ready and alive only after the daemon answered itself.
 */
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { Heartbeat } from '../../src/daemon/heartbeat.ts';
import { notifierOf } from '../../src/daemon/notify.ts';
import { until } from '../until.ts';

const NO_LOG = { selfCheckFailed: () => {}, notifyFailed: () => {} };

test('ready and alive only after an answer', async (t) => {
  const told: string[] = [];
  const failed: string[] = [];
  let why = 'policy: no answer';
  let heard: () => void = () => {};
  const beats = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const heart = new Heartbeat({
    notifier: {
      watchdogMs: 40,
      tell: async (lines) => {
        told.push(lines.join(' '));
        if (told.length === 3) heard();
        return '';
      },
    },
    check: async () => {
      const found = why;
      if (failed.length === 1) why = '';
      return found;
    },
    status: () => 'fine',
    log: { ...NO_LOG, selfCheckFailed: (text) => void failed.push(text) },
  });
  // its own timer keeps no process alive
  const alive = setInterval(() => {}, 1000);
  t.teardown(() => clearInterval(alive));
  await heart.start();
  t.strictSame(told, [], 'not ready');
  await beats;
  await heart.stop();
  t.strictSame(failed, ['policy: no answer', 'policy: no answer']);
  t.strictSame(told.slice(0, 3), Array(3).fill('READY=1 WATCHDOG=1 STATUS=fine'));
  t.match(told.at(-1), /^STOPPING=1/);
});

test('whom to tell', async (t) => {
  const pid = process.pid;
  t.equal(notifierOf({}, pid), null);
  t.equal(notifierOf({ NOTIFY_SOCKET: '' }, pid), null);
  const names = { LISTEN_PID: String(pid), LISTEN_FDS: '2', LISTEN_FDNAMES: 'policy:notify' };
  t.not(notifierOf(names, pid), null);
  t.equal(notifierOf(names, pid + 1), null, 'handed to another process');
  const usec = { ...names, WATCHDOG_USEC: '30000000' };
  t.equal(notifierOf(usec, pid)?.watchdogMs, 30_000);
  t.equal(notifierOf({ ...usec, WATCHDOG_PID: String(pid) }, pid)?.watchdogMs, 30_000);
  t.equal(notifierOf({ ...usec, WATCHDOG_PID: '1' }, pid)?.watchdogMs, null);
  for (const wrong of ['0', '-1', 'x', '1e9'])
    t.equal(notifierOf({ ...names, WATCHDOG_USEC: wrong }, pid)?.watchdogMs, null);
  const absent = notifierOf({ NOTIFY_SOCKET: '/nonexistent/notify' }, pid);
  t.equal(typeof (await absent?.tell(['READY=1'])), 'string', 'a failure is told, not thrown');
});

test('a daemon with such a descriptor writes to it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-notify-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const config = join(folder, 'tlsward.ini');
  const sockets = 'policy-listen = unix:policy.sock\ncontrol-listen =\n';
  writeFileSync(config, `[service]\n${sockets}postconf =\n[domains]\n* = may\n`, { mode: 0o644 });
  const file = join(folder, 'told');
  const fd = openSync(file, 'a');
  const main = new URL('../../src/main.js', import.meta.url).pathname;
  const env = { ...process.env, LISTEN_FDS: '1', LISTEN_FDNAMES: 'notify', WATCHDOG_USEC: '200000' };
  const script = 'LISTEN_PID=$$ exec "$0" "$1" serve --config "$2"';
  const child = spawn('sh', ['-c', script, process.execPath, main, config], {
    env,
    stdio: ['ignore', 'ignore', 'ignore', fd],
  });
  closeSync(fd);
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const beats = (): number => readFileSync(file, 'utf8').split('WATCHDOG=1').length - 1;
  await until(() => beats() >= 3, 20);
  child.kill('SIGTERM');
  t.equal(await ended, 0);
  t.match(readFileSync(file, 'utf8'), /^READY=1\nSTATUS=1 row, \d+ connections?, \d+ questions/);
  t.ok(beats() >= 3);
  t.match(readFileSync(file, 'utf8'), /STOPPING=1\nSTATUS=[a-z ]+$/);
});
