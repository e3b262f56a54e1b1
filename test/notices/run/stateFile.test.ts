/** The file of who was told. */
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'tap';
import { EMPTY_LEDGER } from '../../../src/notices/ledger.ts';
import { loadNotices, newNotices, noticesFile, saveNotices } from '../../../src/notices/run/stateFile.ts';
import { newFolder } from '../../trace/madeDays.ts';

test('what was saved', async (t) => {
  const file = noticesFile(newFolder(t));
  t.equal(loadNotices(file), null, 'nothing yet');
  const saved = { ...newNotices(5), lookedAt: 7 };
  await saveNotices(file, saved);
  t.same(loadNotices(file), { v: 1, lookedAt: 7, begunAt: 5, ledger: EMPTY_LEDGER });
  t.equal(statSync(file).mode & 0o777, 0o600, 'it names authors');
  t.equal(statSync(dirname(file)).mode & 0o777, 0o700);
});

test('a file that cannot be used is not taken for none', async (t) => {
  const file = noticesFile(newFolder(t));
  await saveNotices(file, newNotices(5));
  const text = readFileSync(file, 'utf8');
  for (const bad of [
    text.slice(0, -2),
    '',
    'null',
    '{}',
    text.replace('"v":1', '"v":2'),
    text.replace('"entries":[]', '"entries":[{}]'),
  ]) {
    writeFileSync(file, bad);
    t.throws(
      () => loadNotices(file),
      { message: /^is not (?:whole|what this release writes)$/ },
      bad.slice(0, 40),
    );
  }
  const folder = noticesFile(newFolder(t));
  mkdirSync(folder, { recursive: true });
  t.throws(() => loadNotices(folder));
});
