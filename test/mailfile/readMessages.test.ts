import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readMessages } from '../../src/mailfile/readMessages.ts';

async function labels(path: string, root: string): Promise<string[]> {
  const found: string[] = [];
  for await (const message of readMessages(path)) {
    found.push(
      `${message.label.replace(`${root}/`, '')} ${message.headers.map((field) => field.value).join(',')}`,
    );
  }
  return found;
}

const BOX =
  'From a@b Sun Nov 22 18:47:31 2026\nSubject: 1\n\nx\n\nFrom c@d Sun Nov 22 18:47:31 2026\nSubject: 2\n\ny\n';

t.test('what a person can name', async (t) => {
  const dir = t.testdir({
    'one.eml': 'Subject: one\n\nbody\n',
    box: BOX,
    empty: '',
    folder: {
      '10': 'Subject: ten\n\n',
      '9': 'Subject: nine\n\n',
      'a.eml': 'Subject: a\n\n',
      '.hidden': 'Subject: no\n\n',
      sub: { x: 'Subject: no\n\n' },
      box: BOX,
    },
    Maildir: {
      cur: { '1.M1:2,S': 'Subject: cur\n\n' },
      new: { '2.M2': 'Subject: new\n\n' },
      tmp: { '3.M3': 'Subject: no\n\n' },
      'dovecot.index': 'Subject: no\n\n',
    },
    none: {},
  });
  symlinkSync(join(dir, 'one.eml'), join(dir, 'folder', 'link.eml'));
  symlinkSync(join(dir, 'one.eml'), join(dir, 'link'));
  t.strictSame(await labels(join(dir, 'one.eml'), dir), ['one.eml one']);
  t.strictSame(await labels(join(dir, 'link'), dir), ['link one'], 'a link that was named is followed');
  t.strictSame(await labels(join(dir, 'box'), dir), ['box:1 1', 'box:2 2']);
  t.strictSame(await labels(join(dir, 'empty'), dir), []);
  t.strictSame(await labels(join(dir, 'none'), dir), []);
  t.strictSame(await labels(join(dir, 'folder'), dir), [
    'folder/9 nine',
    'folder/10 ten',
    'folder/a.eml a',
    'folder/box:1 1',
    'folder/box:2 2',
  ]);
  t.strictSame(await labels(join(dir, 'Maildir'), dir), ['Maildir/new/2.M2 new', 'Maildir/cur/1.M1:2,S cur']);
  await t.rejects(labels(join(dir, 'missing'), dir), { code: 'ENOENT' });
});

t.test('of a large message only the header is read', async (t) => {
  const dir = t.testdir({});
  const file = join(dir, 'large.eml');
  const fd = openSync(file, 'w');
  writeSync(fd, 'Subject: large\nX-A: 1\n\nbody\n');
  // 200 GB in a sparse file: reading all of it would outlast the test
  ftruncateSync(fd, 200_000_000_000);
  closeSync(fd);
  t.strictSame(await labels(file, dir), ['large.eml large,1']);
});

t.test('a reader may stop early', async (t) => {
  const dir = t.testdir({});
  mkdirSync(join(dir, 'many'));
  for (let i = 0; i < 50; i++) writeFileSync(join(dir, 'many', `${i}`), BOX);
  let count = 0;
  for await (const message of readMessages(join(dir, 'many'))) {
    t.equal(message.cut, false);
    if (++count === 3) break;
  }
  t.equal(count, 3);
});
