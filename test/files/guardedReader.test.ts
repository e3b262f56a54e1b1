import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test as TapTest } from 'tap';
import {
  everyoneCanReplace,
  foldersOf,
  readGuarded,
  readGuardedSync,
} from '../../src/files/guardedReader.ts';

type Test = Parameters<typeof readGuarded<string>>[1];

const folder = mkdtempSync(join(tmpdir(), 'tlsward-files-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

/** Both readers say the same, of a file or in an error. */
async function outcome(t: TapTest, path: string, guards: Partial<Test> = {}): Promise<unknown> {
  const all: Test = { maxBytes: 100, followLinks: true, refuse: () => null, ...guards };
  const shown = (read: ReturnType<typeof readGuardedSync<string>>): unknown =>
    read.kind === 'read'
      ? { kind: read.kind, text: read.bytes.toString(), mode: read.status.mode & 0o777 }
      : read;
  const later = await readGuarded(path, all).then(shown, ({ code }) => code);
  let now: unknown;
  try {
    now = shown(readGuardedSync(path, all));
  } catch (error) {
    now = (error as NodeJS.ErrnoException).code;
  }
  t.strictSame(now, later, path);
  return now;
}

t.test('what may be read, and what may not', async (t) => {
  const file = join(folder, 'file');
  writeFileSync(file, 'x'.repeat(100), { mode: 0o600 });
  t.strictSame(await outcome(t, file), { kind: 'read', text: 'x'.repeat(100), mode: 0o600 });
  t.strictSame(await outcome(t, file, { maxBytes: 99 }), { kind: 'too-large', bytes: 100 });
  t.strictSame(await outcome(t, folder), { kind: 'not-regular' });
  t.equal(await outcome(t, join(folder, 'absent')), 'ENOENT');
  const fifo = join(folder, 'fifo');
  execFileSync('mkfifo', [fifo]);
  t.strictSame(await outcome(t, fifo), { kind: 'not-regular' }, 'a FIFO holds nobody up');
});

t.test('the caller is shown the status of the opened file', async (t) => {
  const file = join(folder, 'mode');
  writeFileSync(file, 'text');
  chmodSync(file, 0o604);
  const link = join(folder, 'link');
  symlinkSync('mode', link);
  const refuse: Test['refuse'] = ({ mode }) => ((mode & 0o077) === 0 ? null : (mode & 0o777).toString(8));
  t.strictSame(await outcome(t, link, { refuse }), { kind: 'refused', why: '604' });
  t.strictSame(
    await outcome(t, link, { refuse, maxBytes: 1 }),
    { kind: 'refused', why: '604' },
    'before its size',
  );
  t.equal(await outcome(t, link, { followLinks: false }), 'ELOOP');
});

t.test('folders', async (t) => {
  const other = join(folder, 'other');
  mkdirSync(other);
  writeFileSync(join(other, 'file'), '');
  symlinkSync('other/file', join(folder, 'away'));
  t.strictSame(foldersOf(join(folder, 'away')), [folder, other]);
  t.strictSame(foldersOf(join(other, 'file')), [other]);
  t.strictSame(foldersOf(join(other, 'gone')), [other]);
  t.strictSame([0o777, 0o1777, 0o775, 0o755].map(everyoneCanReplace), [true, false, false, false]);
});
