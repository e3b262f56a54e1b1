/**
 * The daemon asks itself through its sockets: it hears an answer, nothing of it is a verdict, and what does not answer is
 * told from what has no room.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { askItself } from '../../src/daemon/selfCheck.ts';
import { startDaemon } from './startDaemon.ts';

const LISTENERS = ['policy', 'milter', 'socketmap'];

test('a daemon answers itself, and it is no verdict', async (t) => {
  const daemon = await startDaemon(t, 'socketmap-listen = unix:socketmap.sock\n[domains]\n* = encrypt\n');
  for (let i = 0; i < 3; i++) t.equal(await daemon.service.selfCheck(5000), '');
  const status = (await daemon.ask('status')) as {
    verdicts: Record<string, number>;
    maps: Record<string, number>;
    connections: Record<string, { opened: number }>;
  };
  t.equal(
    Object.values(status.verdicts).reduce((a, b) => a + b),
    0,
  );
  t.strictSame(status.maps, { ok: 0, notFound: 3, temp: 0 });
  for (const name of LISTENERS) t.equal(status.connections[name]!.opened, 3, name);
  t.match(daemon.service.statusLine, /^1 row, \d+ connections?, \d+ questions$/);
  t.notOk(daemon.log().some(({ level }) => Number(level) > 30));
});

test('a limit that refuses it is no failure', async (t) => {
  const daemon = await startDaemon(t, 'max-connections = 1\n[domains]\n* = may\n');
  const held = await daemon.open('policy');
  t.teardown(() => held.destroy());
  await daemon.ask('status');
  t.equal(await daemon.service.selfCheck(5000), '');
});

function serve(t: Test, answer: (socket: Socket) => void): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-self-'));
  const path = join(folder, 's');
  const server = createServer((socket) => {
    socket.on('error', () => {});
    answer(socket);
  });
  t.teardown(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });
  return new Promise((resolve) => server.listen(path, () => resolve(path)));
}

test('silence, nonsense, a closed connection, and a socket that is gone', async (t) => {
  const none = (): number => 0;
  const silent = await serve(t, (socket) => void t.teardown(() => socket.destroy()));
  const closing = await serve(t, (socket) => socket.end());
  const nonsense = await serve(t, (socket) => void socket.end('action=\n\n4294967295:x\n\n'));
  for (const name of LISTENERS) {
    t.match(await askItself(name, { path: silent }, none, 50), /^no answer within/, name);
    t.match(
      await askItself(name, { path: closing }, none, 5000),
      /closed the connection|EPIPE|ECONNRESET/,
      name,
    );
    t.not(await askItself(name, { path: nonsense }, none, 5000), '', name);
    t.equal(await askItself(name, { path: `${silent}-gone` }, none, 5000), '', `${name}: the log says that`);
    let refused = 0;
    t.equal(await askItself(name, { path: closing }, () => refused++, 5000), '', `${name}: a limit did it`);
  }
  t.equal(await askItself('control', { path: closing }, none, 5000), '', 'no question for it');
  t.equal(await askItself('policy', null, none, 5000), '', 'not known where it is');
});
