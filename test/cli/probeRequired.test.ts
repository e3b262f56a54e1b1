/**
 * `tlsward probe --all-required` and `tlsward certificates`: which rows are probed, what is kept, and that another
 * certificate is said, with the pins that do not fit any more.
 */
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { run as certificates } from '../../src/cli/certificates.ts';
import { run as probe } from '../../src/cli/probe.ts';
import { type Certificate, createCa } from '../e2e/harness/peers/ca.ts';
import { TlsSink } from '../e2e/harness/peers/tls-sink.ts';
import { without } from '../tools.ts';
import { say } from './runCommand.ts';

const skip = without('openssl', 'openssl');

test('the partners of a table', { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const config = join(folder, 'tlsward.ini');
  const old = ca.issue('old', { subject: '/CN=127.0.0.1' });
  const renewed = ca.issue('new', { subject: '/CN=127.0.0.1' });
  const options = ({ cert, key }: Certificate, port = 0) => ({ tls: { cert, key }, port });
  let sink = await TlsSink.start(options(old));
  t.teardown(() => sink.stop());
  const { port } = sink;
  const table = (level: string) =>
    writeFileSync(
      config,
      [
        '[service]\nsocketmap-listen = inet:127.0.0.1:8453\ncontrol-listen = unix:none.sock',
        `[domain [127.0.0.1]:${port}]\n${level}`,
        '[domain [127.0.0.2]]\ndeliver = may',
        '[domain .suffix.example]\ndeliver = encrypt',
        '[domain someone@bank.example]\ndeliver = encrypt',
        '[domain watched.example]\ndeliver = encrypt\nmode = observe',
      ].join('\n'),
    );
  const all = (...more: string[]) =>
    say(probe, [
      '--all-required',
      '--brief',
      '--config',
      config,
      '--state',
      folder,
      '--ca-file',
      ca.caFile,
      ...more,
    ]);
  const list = (...more: string[]) => say(certificates, ['--state', folder, ...more]);

  t.match(await list(), { code: 75, err: /nothing yet; tlsward probe --all-required fills it/ });
  table(`deliver = fingerprint\nfingerprint = ${old.fingerprint}, ${old.pubkeyFingerprint}`);
  const first = await all();
  t.equal(first.code, 0, first.err + first.out);
  t.match(first.out, `[127.0.0.1]:${port}: fingerprint holds\n1 of 1 partners probed; mail waits for 0;`);
  t.match(first.out, /2 rows name no server/);
  t.match((await all()).out, /; 0 with another certificate;/, 'nothing has changed');

  const listed = await list();
  t.equal(listed.code, 0);
  t.match(
    listed.out,
    /^\[127\.0\.0\.1\]:\d+ +20\d\d-\d\d-\d\d 29 days +\[127\.0\.0\.1\] \[127\.0\.0\.1\] {2}CN=Test Root CA\n/,
  );
  t.match(listed.out, `pin ${old.fingerprint} breaks at every renewal\n`);
  t.match(listed.out, `pin ${old.pubkeyFingerprint} breaks when the key is another\n`);
  t.equal((await list('--within', '40')).code, 1);
  const csv = (await list('--format', 'csv')).out.split('\r\n');
  t.equal(csv[0], 'partner,host,address,issuer,subject,expires,days,since,seen,sha256,breaks');
  t.match(csv[1], `,${old.fingerprint},`);
  t.match(JSON.parse((await list('--json')).out), {
    partner: `[127.0.0.1]:${port}`,
    days: 29,
    bindings: [{}, {}],
  });

  await sink.stop();
  sink = await TlsSink.start(options(renewed, port));
  const broken = await all();
  t.equal(broken.code, 1, 'the pin of the row does not fit any more, and mail waits');
  t.match(
    broken.out,
    /mail waits at fingerprint, 4\.7\.5 server certificate not verified: it is not one that is pinned/,
  );
  t.match(
    broken.out,
    `another key of the certificate at [127.0.0.1] [127.0.0.1]: CN=Test Root CA, until `,
    'and the change is said',
  );
  t.match(
    broken.out,
    `; pin ${old.fingerprint} does not fit any more; pin ${old.pubkeyFingerprint} does not fit`,
  );
  table('deliver = encrypt');
  t.match(await all(), { code: 0, out: /encrypt holds/ }, 'it is said once');

  await sink.stop();
  sink = await TlsSink.start(options(old, port));
  const changed = await all('--json');
  t.equal(changed.code, 2, 'the row holds, and the certificate is another one');
  t.match(JSON.parse(changed.out), { ends: 'sent', changes: [{ what: 'key', broke: [] }] });
  await sink.stop();
  t.match(await all(), { code: 75, out: /1 cannot be told/ }, 'no server');
  t.match((await list()).out, /29 days/, 'what was seen last stays');
});

test('one run at a time', { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  // greets when it is told to, so that the first run is known to be under way
  const server = createServer();
  const connected = once(server, 'connection') as Promise<[Socket]>;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => new Promise((resolve) => server.close(resolve)));
  const { port } = server.address() as { port: number };
  const config = join(folder, 'tlsward.ini');
  writeFileSync(
    config,
    `[service]\nsocketmap-listen = inet:127.0.0.1:8453\n[domain [127.0.0.1]:${port}]\ndeliver = encrypt\n`,
  );
  const argv = ['--all-required', '--brief', '--config', config, '--state', folder];
  const first = say(probe, argv);
  const [socket] = await connected;
  const locked = `process ${process.pid} probes all partners; only one may (if none does, remove the file)`;
  t.match(await say(probe, argv), { code: 75, out: '', err: `${join(folder, 'probe/lock')}: ${locked}\n` });
  const json = await say(probe, [...argv, '--json']);
  t.match(JSON.parse(json.out), { ok: false, error: locked });
  t.equal((await say(certificates, ['--state', folder])).code, 75, 'who only reads is not kept waiting');
  socket.on('error', () => undefined);
  socket.resume().end('554 no\r\n');
  t.match(await first, { code: 1, out: /1 of 1 partners probed/ });
  t.strictSame(readdirSync(join(folder, 'probe')), ['certificates.json'], 'the lock is gone');

  // of one that was killed
  writeFileSync(join(folder, 'probe/lock'), '4194305 1 - abcd\n');
  server.on('connection', (next) => {
    next.on('error', () => undefined);
    next.resume().end('554 no\r\n');
  });
  t.match(await say(probe, argv), { code: 1, out: /1 of 1 partners probed/ });
});

test('mistakes', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const config = join(folder, 'tlsward.ini');
  writeFileSync(config, '[service]\nsocketmap-listen = inet:127.0.0.1:8453\n[domains]\n* = may\n');
  const both = await say(probe, ['bank.example', '--all-required', '--config', config]);
  t.match(both.code, /^UsageError: --all-required takes the domains and levels of the table/);
  t.match(await say(probe, ['--config', config]), { code: /^UsageError: DOMAIN\|HOST is missing/ });
  t.match(await say(certificates, ['--format', 'xml']), { code: /^UsageError: --format: found "xml"/ });
  t.match(await say(certificates, ['--within', 'soon']), { code: /^UsageError: --within: found "soon"/ });
  t.notOk(existsSync(join(folder, 'probe')));
  const none = await say(probe, ['--all-required', '--config', config, '--state', folder]);
  t.match(none, { code: 0, out: /^0 of 0 partners probed/ });
  writeFileSync(join(folder, 'probe', 'certificates.json'), 'x');
  for (const command of [probe, certificates]) {
    const words = command === probe ? ['--all-required', '--config', config] : [];
    const { code, err } = await say(command, [...words, '--state', folder]);
    t.equal(code, 65);
    t.match(err, /certificates\.json: is no JSON; move it away to begin again/);
  }
});
