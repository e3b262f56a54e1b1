import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ensureKeyFile, KeyFileError, parseKey, parseKeys, readKeyFile } from '../../src/mark/keyFile.ts';
import { key } from './sample.ts';

const HEX = '07'.repeat(32);
const BASE64 = Buffer.alloc(32, 1).toString('base64');

t.test('keys as text', (t) => {
  const ids = (text: string): string[] => parseKeys(text, 'k').map((made) => made.id);
  t.strictSame(ids(`${HEX}\n`), [key(7).id]);
  t.strictSame(ids(`${HEX.toUpperCase()}`), [key(7).id]);
  t.strictSame(ids(BASE64), [key(1).id]);
  t.strictSame(ids(BASE64.replace(/=+$/, '')), [key(1).id]);
  t.strictSame(
    ids(`# two keys\r\n\r\n  ${BASE64}   # since 2026\r\n\t# old\n${HEX}\n\n`),
    [key(1).id, key(7).id],
    'order is kept',
  );
  t.strictSame(parseKey(Buffer.alloc(32, 0xfb).toString('base64url')), Buffer.alloc(32, 0xfb));
  t.equal(parseKeys('a1'.repeat(64), 'k').length, 1, 'longer than 32 bytes');
  const bad = (text: string, message: RegExp): void => {
    t.throws(() => parseKeys(text, 'mark.key'), { name: 'KeyFileError', message });
  };
  bad('', /^mark\.key: holds no key/);
  bad('# nothing\n\n', /^mark\.key: holds no key/);
  bad(`${HEX}\nnot a key!\n`, /^mark\.key:2: not a key: expected base64 or hex digits/);
  bad(`${HEX.slice(2)}`, /^mark\.key:1: a key of 31 bytes: expected 32 or more/);
  bad('c2hvcnQ=', /^mark\.key:1: a key of 5 bytes/);
  bad(`${BASE64}\n${HEX}\n${'01'.repeat(32)}\n`, /^mark\.key:3: the same key twice/);
  bad(
    Array.from({ length: 65 }, (_, i) => i.toString(16).padStart(2, '0').repeat(32)).join('\n'),
    /more than 64 keys/,
  );
  try {
    parseKeys('hunter2 is my key', 'k');
    t.fail('not a key');
  } catch (error) {
    t.notMatch(String(error), /hunter2/, 'a slip is not printed');
  }
  t.end();
});

t.test('the file', async (t) => {
  const dir = t.testdir({});
  const file = join(dir, 'mark.key');
  await t.rejects(readKeyFile(file), { name: 'KeyFileError', message: /cannot be opened \(ENOENT\)/ });
  const before = process.umask(0);
  const first = await ensureKeyFile(file).finally(() => process.umask(before));
  t.equal(first.created, true);
  t.equal(first.keys.length, 1);
  t.equal(statSync(file).mode & 0o777, 0o600);
  t.strictSame(readdirSync(dir), ['mark.key'], 'no draft is left');
  const second = await ensureKeyFile(file);
  t.equal(second.created, false);
  t.equal(second.keys[0]?.id, first.keys[0]?.id);
  for (const mode of [0o644, 0o640, 0o604, 0o660, 0o602, 0o610, 0o666, 0o777]) {
    chmodSync(file, mode);
    await t.rejects(readKeyFile(file), { message: /mode is 0[0-7]{3}: expected 0600/ }, mode.toString(8));
    await t.rejects(ensureKeyFile(file), KeyFileError, 'and it is not made anew');
  }
  for (const mode of [0o600, 0o400, 0o700]) {
    chmodSync(file, mode);
    t.equal((await readKeyFile(file)).length, 1, mode.toString(8));
  }
  const link = join(dir, 'link.key');
  symlinkSync(file, link);
  t.equal((await readKeyFile(link))[0]?.id, first.keys[0]?.id, 'a link is judged by where it leads');
  writeFileSync(file, '# empty\n', { mode: 0o600 });
  await t.rejects(ensureKeyFile(file), { message: /holds no key/ });
  t.equal(readFileSync(file, 'utf8'), '# empty\n', 'a file with mistakes is not overwritten');
  writeFileSync(file, '#'.repeat(70_000));
  await t.rejects(readKeyFile(file), { message: /more than 65536 bytes/ });
  mkdirSync(join(dir, 'folder'), 0o700);
  await t.rejects(readKeyFile(join(dir, 'folder')), KeyFileError);
  await t.rejects(ensureKeyFile(join(dir, 'no', 'such', 'mark.key')), {
    message: /cannot be made \(ENOENT\)/,
  });
});

t.test('a FIFO in its place is refused, not waited for', async (t) => {
  const file = join(t.testdir({}), 'mark.key');
  execFileSync('mkfifo', ['-m', '600', file]);
  await t.rejects(readKeyFile(file), { name: 'KeyFileError', message: /is not a file/ });
});

t.test('many starting at once end with one key', async (t) => {
  const file = join(t.testdir({}), 'mark.key');
  const all = await Promise.all(Array.from({ length: 20 }, () => ensureKeyFile(file)));
  t.equal(new Set(all.map((one) => one.keys[0]?.id)).size, 1);
  t.equal(all.filter((one) => one.created).length, 1, 'one made it');
});
