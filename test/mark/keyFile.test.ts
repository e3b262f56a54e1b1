import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import {
  KeyFileError,
  keysAtReload,
  keysAtStart,
  missingKeyFile,
  parseKey,
  parseKeys,
  readKeyFile,
} from '../../src/mark/keyFile.ts';
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
  bad(`${BASE64}\n${HEX}\n${'01'.repeat(32)}\n`, /^mark\.key:3: duplicate key/);
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
  const first = await keysAtStart(file).finally(() => process.umask(before));
  t.strictSame(first.notices, [`${file}: there was no key file; created with key ${first.keys[0]?.id}`]);
  t.equal(first.keys.length, 1);
  t.equal(statSync(file).mode & 0o777, 0o600);
  t.strictSame(readdirSync(dir), ['mark.key', 'mark.key.made'], 'no draft is left');
  const second = await keysAtStart(file);
  t.strictSame(second.notices, []);
  t.equal(second.keys[0]?.id, first.keys[0]?.id);
  for (const mode of [0o644, 0o640, 0o604, 0o660, 0o602, 0o610, 0o666, 0o777]) {
    chmodSync(file, mode);
    await t.rejects(readKeyFile(file), { message: /mode is 0[0-7]{3}: expected 0600/ }, mode.toString(8));
    await t.rejects(keysAtStart(file), KeyFileError, 'and it is not made anew');
  }
  for (const mode of [0o600, 0o400, 0o700]) {
    chmodSync(file, mode);
    t.equal((await readKeyFile(file)).length, 1, mode.toString(8));
  }
  const link = join(dir, 'link.key');
  symlinkSync(file, link);
  t.equal((await readKeyFile(link))[0]?.id, first.keys[0]?.id, 'a link is judged by where it leads');
  writeFileSync(file, '# empty\n', { mode: 0o600 });
  await t.rejects(keysAtStart(file), { message: /holds no key/ });
  t.equal(readFileSync(file, 'utf8'), '# empty\n', 'a file with mistakes is not overwritten');
  writeFileSync(file, '#'.repeat(70_000));
  await t.rejects(readKeyFile(file), { message: /more than 65536 bytes/ });
  mkdirSync(join(dir, 'folder'), 0o700);
  await t.rejects(readKeyFile(join(dir, 'folder')), KeyFileError);
  await t.rejects(keysAtStart(join(dir, 'no', 'such', 'mark.key')), {
    message: /cannot be created: the folder \S+ does not exist$/,
  });
});

t.test('a FIFO in its place is refused, not waited for', async (t) => {
  const file = join(t.testdir({}), 'mark.key');
  execFileSync('mkfifo', ['-m', '600', file]);
  await t.rejects(readKeyFile(file), { name: 'KeyFileError', message: /is not a file/ });
});

t.test('many starting at once end with one key', async (t) => {
  const dir = t.testdir({});
  const file = join(dir, 'mark.key');
  const all = await Promise.all(Array.from({ length: 20 }, () => keysAtStart(file)));
  t.equal(new Set(all.map((one) => one.keys[0]?.id)).size, 1);
  t.equal(all.filter((one) => one.notices.length > 0).length, 1, 'one made it');
  t.strictSame(readdirSync(dir), ['mark.key', 'mark.key.made']);
});

t.test('a key file that is gone is an error, and no key is made in its place', async (t) => {
  const dir = t.testdir({});
  const file = join(dir, 'mark.key');
  const gone = { name: 'KeyFileError', message: /mark\.key: is missing, .*mark\.key\.made says.* backup/ };
  t.equal(await missingKeyFile(file), null, 'there was none yet');
  await t.rejects(keysAtReload(file), {
    message: /does not exist, and a reload creates no key: .*openssl rand/,
  });
  t.strictSame(readdirSync(dir), []);
  const { keys } = await keysAtStart(file);
  renameSync(file, join(dir, 'backup'));
  await t.rejects(keysAtStart(file), gone);
  await t.rejects(keysAtReload(file), gone);
  t.match(await missingKeyFile(file), gone);
  t.strictSame(readdirSync(dir), ['backup', 'mark.key.made'], 'nothing was made');
  renameSync(join(dir, 'backup'), file);
  t.equal((await keysAtReload(file)).keys[0]?.id, keys[0]?.id, 'put back');
  rmSync(file);
  symlinkSync(join(dir, 'nowhere'), file);
  await t.rejects(keysAtStart(file), gone, 'a link that leads nowhere is no key file');
  rmSync(file);
  rmSync(join(dir, 'mark.key.made'));
  t.not((await keysAtStart(file)).keys[0]?.id, keys[0]?.id, 'by intent: a new one');
});

t.test('a key of before is remembered from the next load on', async (t) => {
  for (const load of [keysAtStart, keysAtReload]) {
    const dir = t.testdir({});
    const file = join(dir, 'mark.key');
    writeFileSync(file, HEX, { mode: 0o600 });
    t.strictSame((await load(file)).notices, []);
    t.strictSame(readdirSync(dir), ['mark.key', 'mark.key.made']);
    t.equal(statSync(`${file}.made`).mode & 0o777, 0o600);
    rmSync(file);
    await t.rejects(keysAtStart(file), { message: /is missing/ });
  }
});

t.test('whose file and whose folder it is', { skip: process.getuid?.() !== 0 && 'needs root' }, async (t) => {
  const dir = t.testdir({ inside: {} });
  const file = join(dir, 'inside', 'mark.key');
  writeFileSync(file, HEX, { mode: 0o600 });
  chownSync(file, 12345, 12345);
  const stranger = { message: /belongs to user 12345: expected root or user 0.* \(chown\)/ };
  await t.rejects(readKeyFile(file, 'daemon'), stranger);
  await t.rejects(keysAtStart(file), stranger);
  t.equal((await readKeyFile(file)).length, 1, "root may look at the daemon's file");
  chownSync(file, 0, 0);
  t.equal((await readKeyFile(file, 'daemon')).length, 1);
  chownSync(join(dir, 'inside'), 12345, 12345);
  await t.rejects(keysAtReload(file), { message: /is in a folder that belongs to user 12345/ });
  chownSync(join(dir, 'inside'), 0, 0);
  chmodSync(join(dir, 'inside'), 0o777);
  await t.rejects(keysAtStart(file), { message: /in a folder that everyone can write \(chmod o-w / });
  symlinkSync(file, join(dir, 'link.key'));
  await t.rejects(keysAtStart(join(dir, 'link.key')), { message: /everyone can write/ }, 'behind a link');
  chmodSync(join(dir, 'inside'), 0o1777);
  t.equal((await keysAtStart(file)).keys.length, 1, 'as /tmp, where nobody can take it away');
});

t.test(
  'a folder that may not be written to',
  { skip: process.getuid?.() !== 0 && 'needs root' },
  async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'tlsward-'));
    t.teardown(() => rmSync(dir, { recursive: true, force: true }));
    const file = join(dir, 'mark.key');
    chmodSync(dir, 0o755);
    writeFileSync(file, HEX, { mode: 0o600 });
    chownSync(file, 12345, 12345);
    const asOther = async <T>(what: () => Promise<T>): Promise<T> => {
      process.seteuid?.(12345);
      return await what().finally(() => process.seteuid?.(0));
    };
    const kept = await asOther(() => keysAtStart(file));
    t.strictSame([kept.keys.length, kept.notices], [1, []], 'is used without a note');
    t.strictSame(readdirSync(dir), ['mark.key']);
    rmSync(file);
    await t.rejects(
      asOther(() => keysAtStart(file)),
      { message: /cannot be created: this user may not write to the folder \S+$/ },
    );
    await t.rejects(
      asOther(() => keysAtReload(file)),
      { message: /a reload creates no key/ },
    );
  },
);
