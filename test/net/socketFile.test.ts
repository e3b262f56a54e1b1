/**
 * A socket that systemd handed over: its file is watched, and what to do is said; nothing is made in its place.
 */
import { existsSync, mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { test } from 'tap';
import { Log } from '../../src/log/log.ts';
import { SocketFile } from '../../src/net/socketFile.ts';

test('an inherited socket whose file is gone', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 's');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.teardown(() => server.close());
  const sink = new PassThrough();
  let logged = '';
  sink.on('data', (chunk: Buffer) => {
    logged += chunk.toString();
  });
  const unix = { mode: 0o660, group: null };
  const file = new SocketFile({ name: 'policy', path, make: null, unix, log: new Log('info', sink) }, server);
  await file.learn();
  await file.check();
  t.equal(file.trouble, '');
  unlinkSync(path);
  for (let i = 0; i < 3; i++) await file.check();
  t.equal(
    file.trouble,
    'its file is gone; systemd holds this socket: systemctl stop tlsward.service; systemctl restart tlsward-policy.socket; systemctl start tlsward.service',
  );
  t.notOk(existsSync(path));
  t.equal(logged.split('listener.trouble').length, 2, 'said once');
  writeFileSync(path, '');
  await file.check();
  t.match(file.trouble, /^another file has taken its place; systemd holds/);
  file.close();
});
