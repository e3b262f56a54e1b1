/** What may be said of a server, and the file with the password. */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { readCredentials, targetId, targetOf, targetText } from '../../src/ship/target.ts';

const NAMES = { database: 'tlsward', table: 'evidence' };

test('servers', async (t) => {
  const good = [
    ...['http://127.0.0.1:8123', 'http://localhost:8123/', 'http://[::1]:8123', 'http://127.9.9.9:1'],
    ...['https://ch.example.org:8443', 'https://ch.example.org/clickhouse'],
  ];
  for (const url of good) t.equal(targetOf(url, NAMES, null, false).server.href, new URL(url).href);
  for (const [url, why] of [
    ['http://ch.example.org:8123', /plain text; use https/],
    ['http://10.0.0.1', /plain text/],
    ['http://127.0.0.1.example.org', /plain text/],
    ['127.0.0.1:8123', /^--server: /],
    ['tcp://127.0.0.1:9000', /expected https/],
    ['https://user:secret-word@ch.example.org', /--credentials FILE$/],
    ['https://ch.example.org/?user=secret-word', /nothing may follow/],
    ['secret-word', /not a URL/],
  ] as const) {
    t.throws(() => targetOf(url, NAMES, null, false), { message: why }, url);
    try {
      targetOf(url, NAMES, null, false);
    } catch (error) {
      t.notMatch((error as Error).message, 'secret-word');
    }
  }
  t.equal(targetOf('http://10.0.0.1', NAMES, null, true).server.hostname, '10.0.0.1');
  for (const name of ['', 'a b', "a'", '1a', 'a.b', 'a'.repeat(64)])
    t.throws(() => targetOf('http://127.0.0.1', { ...NAMES, table: name }, null, false), /^--table: /);
});

test('each target has files of its own', async (t) => {
  const one = targetOf('http://127.0.0.1:8123', NAMES, { user: 'a', password: 'b' }, false);
  t.equal(targetText(one), 'http://127.0.0.1:8123 tlsward.evidence');
  const ids = [
    ...[one, targetOf('http://127.0.0.1:8124', NAMES, null, false)],
    targetOf('http://127.0.0.1:8123', { ...NAMES, table: 'other' }, null, false),
  ].map(targetId);
  t.equal(new Set(ids).size, 3);
  t.equal(targetId({ ...one, credentials: null }), ids[0]);
});

test('credentials', async (t) => {
  const file = join(t.testdir(), 'credentials');
  const read = (text: string, mode = 0o600) => {
    writeFileSync(file, text);
    chmodSync(file, mode);
    return readCredentials(file);
  };
  t.same(read('# who\nuser = ship\npassword = a = b # c\n'), { user: 'ship', password: 'a = b # c' });
  t.same(read('password=\r\nuser=ship\r\n', 0o640), { user: 'ship', password: '' });
  for (const [text, why] of [
    ['', /has no line "user = NAME"$/],
    ['password = secret-word', /has no line "user = NAME"$/],
    ['user = a\nsecret-word\n', /credentials:2: expected "user = NAME" and "password = TEXT"/],
    ['user = a\npassword = secret-word\npassword = b', /:3: /],
    ['user = a\npassword = sécret-word', /in ASCII$/],
  ] as const) {
    t.throws(() => read(text), { message: why });
    try {
      read(text);
    } catch (error) {
      t.notMatch((error as Error).message, /s.cret-word/);
    }
  }
  for (const mode of [0o644, 0o604, 0o660, 0o666])
    t.throws(() => read('user = a', mode), /its mode is 0[0-7]{3}, so others may read it; chmod 0600/);
  t.throws(() => read(`user = ${'a'.repeat(5000)}`), /expected a file of two lines/);
  t.throws(() => readCredentials(t.testdirName), /expected a file of two lines/);
  t.throws(() => readCredentials(`${file}.not`), /cannot be read \(no such file or directory\)$/);
});
