/**
 * `tlsward serve` as a process: what it does with signals that come before it is ready, and while DNS is silent.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Test, test } from 'tap';
import { encodeSocketmapRequest } from '../../src/wire/socketmapClient.ts';
import { fakeServer } from '../dns/fakeServer.ts';

const extension = import.meta.url.endsWith('.js') ? 'js' : 'ts';
const MAIN = fileURLToPath(new URL(`../../src/main.${extension}`, import.meta.url));

/** The daemon with this configuration, in a folder of its own; both go with the test. */
function serve(t: Test, configuration: string) {
  // tap's own folders have names too long for a socket
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-'));
  writeFileSync(join(folder, 'tlsward.ini'), configuration);
  // NODE_OPTIONS would load a test runner into the daemon
  const child = spawn(process.execPath, [MAIN, 'serve', '--config', join(folder, 'tlsward.ini')], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  t.teardown(() => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  return { child, folder, ended: once(child, 'exit') };
}

test('SIGHUP while the first table is read is a reload, not an end', async (t) => {
  const rows = Array.from({ length: 200_000 }, (_, i) => `d${i}.example = encrypt\n`).join('');
  const { child, ended } = serve(
    t,
    `[service]\npolicy-listen = unix:p\ncontrol-listen = unix:c\nmark-key = k\n[domains]\n${rows}`,
  );
  let hung = false;
  let log = '';
  const reloaded = new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      log += chunk.toString();
      if (!hung) child.kill('SIGHUP');
      hung = true;
      if (log.includes('"generation":2')) resolve();
    });
  });
  await Promise.race([reloaded, ended]);
  t.match(log, /"event":"config\.loaded".*"generation":2,/);
  child.kill('SIGTERM');
  t.same(await ended, [0, null]);
});

test('SIGTERM ends it within shutdown-timeout, whatever DNS does', async (t) => {
  const silent = await fakeServer(t, () => {});
  const { child, ended, folder } = serve(
    t,
    `[service]\nsocketmap-listen = unix:s\ncontrol-listen = unix:c\nshutdown-timeout = 1
resolver = 127.0.0.1:${silent.port}\n[domain *]\ndeliver = auto\n`,
  );
  let log = '';
  const said = (event: string) =>
    new Promise<void>((resolve) => {
      child.stdout.on('data', () => {
        if (log.includes(`"event":"${event}"`)) resolve();
      });
    });
  child.stdout.on('data', (chunk: Buffer) => {
    log += chunk.toString();
  });
  await said('listener.open');
  // self-test and lookups are on their way
  const socket = connect(join(folder, 's'));
  socket.on('error', () => {});
  for (let i = 0; i < 20; i++) socket.write(encodeSocketmapRequest('deliver', `d${i}.example`));
  while (!silent.asked.some((asked) => asked.includes('d0.example')))
    await new Promise((resolve) => setTimeout(resolve, 20));
  const begun = performance.now();
  child.kill('SIGTERM');
  t.same(await ended, [0, null]);
  const tookMs = performance.now() - begun;
  // a lookup that is waited for takes six seconds, the test of a resolver longer
  t.ok(tookMs < 5500, `${tookMs} ms`);
  t.notMatch(log, /dane\.untested/, 'a test that was broken off says nothing about the resolver');
  socket.destroy();
});

test('a key file that is gone refuses the start with 78', async (t) => {
  const configuration =
    '[service]\npolicy-listen = unix:p\ncontrol-listen =\nmark-key = k\n[domains]\n* = may\n';
  const first = serve(t, configuration);
  let said = '';
  first.child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    if (said.includes('listening')) first.child.kill('SIGTERM');
  });
  t.same(await first.ended, [0, null]);
  const key = join(first.folder, 'k');
  t.equal(statSync(key).mode & 0o777, 0o600);
  rmSync(key);
  const again = spawnSync(process.execPath, [MAIN, 'serve', '--config', join(first.folder, 'tlsward.ini')], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  t.equal(again.status, 78);
  t.match(again.stderr, /^tlsward: .*\/k: is missing, .*k\.made says that it existed/);
  t.equal(existsSync(key), false);
});
