/**
 * What may run out under a running daemon: descriptors, the reader of its log, room on the disk. The daemon is a process of its
 * own here, because limits are those of a process.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'tap';
import { daemonProcess, MAIN, opened } from './process.ts';
import { policyAnswers, policyRequest } from './startDaemon.ts';

const ROWS = '[domains]\nbank.example = encrypt\n';
const REFUSED = /^530 5\.7\.0 /;

test('too few descriptors to start: a sentence, and exit status 71', async (t) => {
  // the modules by themselves are many files that Node opens at once; the bundle (bundle.test.ts) needs few
  const { ended, said } = await daemonProcess(t, ROWS, { shell: 'ulimit -n 250' });
  t.same(await ended, [71, null]);
  t.equal(
    said(),
    'tlsward: this process may have 250 files open, and at least 256 are needed: raise the hard limit (LimitNOFILE= of the unit, ulimit -Hn); not started\n',
  );
});

test('the soft limit is raised to the hard one', async (t) => {
  const { ask } = await daemonProcess(t, ROWS, { shell: 'ulimit -S -n 64; ulimit -H -n 2000' });
  t.match(await ask('status'), { openFiles: { limit: 2000, connections: 1500 } });
});

test('connections end before descriptors do, with the name of the limit', async (t) => {
  const { folder, ask, log, logged, child, ended } = await daemonProcess(t, ROWS, {
    shell: 'ulimit -n 300',
  });
  t.match(await logged({ event: 'files.low' }), { limit: 300, connections: 225, maxConnections: 20_000 });
  const path = join(folder, 'p');
  const sockets: Socket[] = [];
  for (let i = 0; i < 400; i++) sockets.push(await opened(path));
  t.match(await logged({ event: 'conn.limit', limit: 'open-files' }), { value: 225 });
  const refusals = () => log.filter(({ event }) => event === 'conn.limit');
  const told = () => refusals().reduce((sum, { times = 1 }) => sum + Number(times), 0);
  // a connection is open for its client as soon as the kernel has queued it; the daemon may come to it later
  while (told() < 175) await new Promise((resolve) => setTimeout(resolve, 50));
  t.equal(told(), 175, 'every refusal is told');
  const { connections, openFiles } = (await ask('status')) as {
    connections: Record<string, { open: number; refused: number }>;
    openFiles: { limit: number; used: number };
  };
  t.equal(connections.policy?.open, 225);
  t.equal(connections.policy?.refused, 175);
  t.ok(openFiles.limit === 300 && openFiles.used > 225 && openFiles.used < 300, `${openFiles.used} used`);
  t.match(await ask('reload'), { ok: true }, 'files can still be read');
  t.match(await policyAnswers(sockets[0]!, [policyRequest()]), [REFUSED]);
  // one at once, then one a second: a machine that is slow to connect 400 times has some more
  t.ok(refusals().length < 30, `in ${refusals().length} lines`);
  t.equal(log.filter(({ event }) => event === 'files.exhausted').length, 0);
  for (const socket of sockets) socket.destroy();
  for (let left = 1; left > 0; ) {
    const now = (await ask('status')) as { connections: Record<string, { open: number }> };
    left = now.connections.policy!.open;
  }
  const again = await opened(path);
  t.match(await policyAnswers(again, [policyRequest()]), [REFUSED], 'and others are served again');
  again.destroy();
  child.kill('SIGTERM');
  t.same(await ended, [0, null]);
});

test('a limit that is lowered while it runs', async (t) => {
  const { folder, pid, ask, logged } = await daemonProcess(t, ROWS, { shell: 'ulimit -n 1000' });
  const socket = await opened(join(folder, 'p'));
  t.match(await policyAnswers(socket, [policyRequest()]), [REFUSED]);
  const set = spawnSync('prlimit', [`--pid=${pid}`, '--nofile=3:1000']);
  t.equal(set.status, 0, set.stderr.toString());
  t.match(await logged({ event: 'files.exhausted' }), { code: 'EMFILE' });
  t.match(await policyAnswers(socket, [policyRequest()]), [REFUSED], 'who is there is served');
  const late = opened(join(folder, 'p')).catch(() => null);
  await new Promise((go) => setTimeout(go, 500));
  t.match(await policyAnswers(socket, [policyRequest()]), [REFUSED], 'also when others are dropped');
  spawnSync('prlimit', [`--pid=${pid}`, '--nofile=1000:1000']);
  (await late)?.destroy();
  t.match(await ask('status'), { openFiles: { limit: 1000 } });
  socket.destroy();
});

test('mail goes on when nobody reads the log any more', async (t) => {
  const { folder, ask, child, ended } = await daemonProcess(t, ROWS);
  child.stdout!.destroy();
  const socket = await opened(join(folder, 'p'));
  const end = performance.now() + 60_000;
  let log = { dropped: 0, failure: '' };
  while (log.failure === '' && performance.now() < end) {
    t.match(await policyAnswers(socket, [policyRequest()]), [REFUSED]);
    ({ log } = (await ask('status')) as { log: typeof log });
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  t.equal(log.failure, 'EPIPE');
  t.ok(log.dropped > 0);
  const shown = spawnSync(process.execPath, [MAIN, 'status', '--config', join(folder, 'tlsward.ini')]);
  t.match(shown.stdout.toString(), /^log .*dropped; it cannot be written \(EPIPE\)$/m);
  socket.destroy();
  child.kill('SIGTERM');
  t.same(await ended, [0, null]);
});

test('mail goes on when the log is not read, and it ends when it is told to', async (t) => {
  const { folder, ask, child, ended } = await daemonProcess(t, ROWS, { read: false });
  const socket = await opened(join(folder, 'p'));
  // more than a pipe and what node reads ahead hold
  for (let i = 0; i < 20; i++)
    t.match(await policyAnswers(socket, Array<string>(50).fill(policyRequest())), Array(50).fill(REFUSED));
  const { memory } = (await ask('status')) as { memory: { name: string; used: number; limit: number }[] };
  const lines = memory.find(({ name }) => name === 'log lines')!;
  t.ok(lines.used > 100_000 && lines.used < lines.limit, `${lines.used} bytes wait`);
  socket.destroy();
  const begun = performance.now();
  child.kill('SIGTERM');
  t.same(await ended, [0, null]);
  t.ok(performance.now() - begun < 20_000, 'it does not wait for a reader for ever');
});

test('a disk that takes nothing: no key is made up, and the start says so', async (t) => {
  // the file size limit stands for a full disk: every write to a file fails
  const { ended, said, folder } = await daemonProcess(t, `mark-key = k\n${ROWS}`, { shell: 'ulimit -f 0' });
  t.same(await ended, [78, null]);
  t.match(said(), /^tlsward: .*\/k: cannot be created: file too large$/m);
  t.same(readdirSync(folder), ['tlsward.ini'], 'and nothing is left behind');
});
