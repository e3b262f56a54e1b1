/**
 * Listening sockets: modes, stale sockets, files in the way, and errors that say what to do.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { inheritedSockets, ListenError, listenOn, newServer } from '../../src/net/listen.ts';

function folder(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'tlsward-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const PRIVATE = { mode: 0o660, group: null };

test('a unix socket has the mode that was asked for and goes when closed', async (t) => {
  const path = join(folder(t), 'a.sock');
  const server = newServer();
  await listenOn(server, { kind: 'unix', path }, PRIVATE);
  t.equal(statSync(path).mode & 0o777, 0o660);
  await new Promise((resolve) => server.close(resolve));
  t.throws(() => statSync(path), { code: 'ENOENT' });
});

test('the group is set by name or number', async (t) => {
  const path = join(folder(t), 'a.sock');
  const server = newServer();
  t.teardown(() => server.close());
  await listenOn(server, { kind: 'unix', path }, { mode: 0o600, group: String(process.getgid?.() ?? 0) });
  t.equal(statSync(path).gid, process.getgid?.());
  await t.rejects(
    listenOn(newServer(), { kind: 'unix', path: `${path}2` }, { mode: 0o600, group: 'no-such-group' }),
    {
      message: /no such group/,
    },
  );
});

test('a socket on which somebody answers is left alone', async (t) => {
  const path = join(folder(t), 'a.sock');
  const first = newServer();
  t.teardown(() => first.close());
  await listenOn(first, { kind: 'unix', path }, PRIVATE);
  await t.rejects(listenOn(newServer(), { kind: 'unix', path }, PRIVATE), {
    message: /exists and answers: another instance/,
  });
  t.ok(statSync(path).isSocket());
});

test('a socket whose owner died is replaced', async (t) => {
  const path = join(folder(t), 'a.sock');
  const program = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  await new Promise((resolve) => spawn(process.execPath, ['-e', program]).on('exit', resolve));
  t.ok(statSync(path).isSocket(), 'the dead owner left its socket');
  const server = newServer();
  t.teardown(() => server.close());
  await listenOn(server, { kind: 'unix', path }, PRIVATE);
  t.ok(server.listening);
});

test('a plain file in the way is never removed', async (t) => {
  const path = join(folder(t), 'a.sock');
  writeFileSync(path, 'precious');
  await t.rejects(listenOn(newServer(), { kind: 'unix', path }, PRIVATE), { message: /not a socket/ });
  t.ok(statSync(path).isFile());
});

test('errors name the address and the cure', async (t) => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  t.teardown(() => taken.close());
  const { port } = taken.address() as { port: number };
  const inet = { kind: 'inet', host: '127.0.0.1', port } as const;
  await t.rejects(listenOn(newServer(), inet, PRIVATE), {
    message: `cannot bind inet:127.0.0.1:${port}: the port is in use: another instance? (systemctl status tlsward, ss -ltnp)`,
  });
  const nowhere = { kind: 'unix', path: join(folder(t), 'none', 'a.sock') } as const;
  await t.rejects(listenOn(newServer(), nowhere, PRIVATE), { message: /the folder does not exist/ });
  const long = { kind: 'unix', path: `/${'x'.repeat(120)}` } as const;
  await t.rejects(listenOn(newServer(), long, PRIVATE), ListenError);
});

test('descriptors from systemd are taken by name, and only when they are meant for us', async (t) => {
  const env = { LISTEN_PID: '42', LISTEN_FDS: '3', LISTEN_FDNAMES: 'policy:milter:policy' };
  t.same(
    [...inheritedSockets(env, 42)],
    [
      ['policy', [3, 5]],
      ['milter', [4]],
    ],
  );
  t.equal(inheritedSockets(env, 43).size, 0);
  t.equal(inheritedSockets({}, 42).size, 0);
});
