/**
 * `tlsward probe`: what it takes, what it says about one server, and its exit statuses. What each level comes to is
 * compared with Postfix in test/e2e/probe.test.ts.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { run as probe } from '../../src/cli/probe.ts';
import { createCa } from '../e2e/harness/peers/ca.ts';
import { TlsSink } from '../e2e/harness/peers/tls-sink.ts';
import { without } from '../tools.ts';
import { say } from './runCommand.ts';

const skip = without('openssl', 'openssl');

/** A configuration that stands alone: no daemon answers for it. */
function configured(t: Test, rows: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'tlsward.ini');
  writeFileSync(
    file,
    `[service]\nsocketmap-listen = inet:127.0.0.1:8453\ncontrol-listen = unix:none.sock\n${rows}`,
  );
  return file;
}

test('arguments', async (t) => {
  const bad = async (want: RegExp, ...argv: string[]) => {
    const { code, out, err } = await say(probe, argv);
    t.match(`${code}${err}`, want, argv.join(' '));
    t.equal(out, '');
  };
  const config = configured(t, '');
  await bad(/^UsageError: DOMAIN\|HOST is missing/);
  await bad(/^UsageError: found "a b", expected a domain/, 'a b', '--config', config);
  await bad(/^UsageError: --port: found "0"/, 'bank.example', '--port', '0', '--config', config);
  await bad(/^UsageError: --level: found "sure"/, 'bank.example', '--level', 'sure', '--config', config);
  await bad(
    /^UsageError: --resolver: found "192\.0\.2\.1", expected a loopback/,
    'bank.example',
    '--resolver',
    '192.0.2.1',
    '--config',
    config,
  );
  await bad(/^ConfigError: there is no configuration/, 'bank.example', '--config', '/nonexistent.ini');
  await bad(
    /^ConfigError: the CAs cannot be read: no such file/,
    '[127.0.0.1]',
    '--ca-file',
    '/nonexistent.pem',
    '--config',
    config,
  );
});

test('a Postfix that cannot be asked', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const postconf = join(folder, 'postconf');
  writeFileSync(postconf, '#!/bin/sh\necho "fatal: no addresses" >&2\nexit 1\n', { mode: 0o755 });
  const config = configured(t, `postconf = ${postconf}\n`);
  const { code, out, err } = await say(probe, ['[127.0.0.1]', '--port', '1', '--config', config]);
  t.match(
    `${code}${err}`,
    /^ConfigError: .*postconf -n failed: fatal: no addresses/,
    'its defaults are not assumed',
  );
  t.equal(out, '');
});

test('a server by its address', { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const { cert, key, fingerprint } = ca.issue('mx', { subject: '/CN=127.0.0.1' });
  const sink = await TlsSink.start({ tls: { cert, key, maxVersion: 'TLSv1.2' } as object });
  t.teardown(() => sink.stop());
  const port = String(sink.port);
  const rows = (text: string) => configured(t, `[domain [127.0.0.1]]\n${text}\n`);
  const look = (config: string, ...more: string[]) =>
    say(probe, ['[127.0.0.1]', '--port', port, '--ca-file', ca.caFile, '--config', config, ...more]);

  const pinned = await look(rows(`deliver = fingerprint\nfingerprint = ${fingerprint}`), '--brief');
  t.equal(pinned.code, 0, pinned.err);
  t.match(pinned.out, /^ {4}handshake +ok +[0-9]+ ms {2}TLSv1\.2 \S+ 256 bits$/m);
  t.match(pinned.out, /^verify {5}sent under TLS, verified by the name 127\.0\.0\.1, until 20/m);
  t.match(pinned.out, /\(\S+tlsward\.ini:4\)\n {11}fingerprint: sent under TLS, verified by the pin /);
  const closing = pinned.out.trimEnd().split('\n').at(-1)!;
  t.match(
    closing,
    /^today mail leaves at none, may, encrypt, verify \(until .*; by its row fingerprint holds$/,
  );

  // the floor of the row is above what the server speaks
  const floored = rows('deliver = encrypt\nmin-protocol = TLSv1.3');
  const refused = await look(floored, '--brief');
  t.equal(refused.code, 1);
  t.match(refused.out, /^ {11}encrypt: waits, 4\.7\.5 the handshake fails: /m);
  t.equal((await look(floored, '--brief', '--level', 'encrypt')).code, 0, 'another level');
  t.equal((await look(floored, '--brief', '--level', 'dane-only')).code, 1);

  // versions, one connection each
  const before = sink.connections;
  const whole = await look(rows('deliver = encrypt'));
  t.match(whole.out, /^ {4}versions +ok +TLSv1\.2$/m);
  t.match(whole.out, /^ {4}weak ciphers +ok +none taken/m);
  t.equal(sink.connections - before, 6, 'the first, the row, three other versions, weak ciphers');
  t.strictSame(sink.received, [], 'nothing is ever sent');

  await sink.stop();
  const gone = await look(rows('deliver = encrypt'), '--brief');
  t.equal(gone.code, 75);
  t.match(gone.out, /connect +failed +[0-9]+ ms {2}connection refused/);
  t.match(gone.out, /^no server was reached: connection refused; that says nothing about TLS$/m);

  const bare = await TlsSink.start({ tls: null });
  t.teardown(() => bare.stop());
  const plain = await say(probe, [
    '[127.0.0.1]',
    ...['--port', String(bare.port), '--ca-file', ca.caFile, '--config', rows('deliver = may'), '--brief'],
  ]);
  t.match(
    plain.out,
    /^today mail leaves at none, may \(in plaintext\).*; by its row may holds \(in plaintext\)$/m,
  );
});
