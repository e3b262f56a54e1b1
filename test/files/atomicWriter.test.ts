import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { writeAtomically } from '../../src/files/atomicWriter.ts';
import { codeOf, fileError } from '../../src/files/systemError.ts';

const CREATE = { how: 'create', draft: '.new-', syncFolder: true } as const;
const REPLACE = { how: 'replace', draft: '.new-', syncFolder: false } as const;

function folderOf(t: { teardown(done: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-files-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

t.test('a file is made once', async (t) => {
  const folder = folderOf(t);
  const file = join(folder, 'file');
  const all = await Promise.allSettled(['a', 'b', 'c'].map((text) => writeAtomically(file, text, CREATE)));
  t.equal(all.filter(({ status }) => status === 'fulfilled').length, 1, 'one of three is the first');
  t.equal(statSync(file).mode & 0o777, 0o600);
  t.strictSame(readdirSync(folder), ['file'], 'no draft is left');
  const winner = ['a', 'b', 'c'][all.findIndex(({ status }) => status === 'fulfilled')];
  t.equal(readFileSync(file, 'utf8'), winner);
  await t.rejects(writeAtomically(file, 'd', CREATE), { code: 'EEXIST' });
});

t.test('what stands under the name is replaced and not followed', async (t) => {
  const folder = folderOf(t);
  writeFileSync(join(folder, 'target'), 'kept');
  symlinkSync('target', join(folder, 'file'));
  await writeAtomically(join(folder, 'file'), 'new', REPLACE);
  t.equal(readFileSync(join(folder, 'file'), 'utf8'), 'new');
  t.equal(readFileSync(join(folder, 'target'), 'utf8'), 'kept');
  t.strictSame(readdirSync(folder).sort(), ['file', 'target']);
});

t.test('an error leaves nothing behind', async (t) => {
  const folder = folderOf(t);
  await t.rejects(writeAtomically(join(folder, 'absent', 'file'), 'x', REPLACE), { code: 'ENOENT' });
  await t.rejects(writeAtomically(folder, 'x', { ...REPLACE, draft: 'inside/' }), { code: 'ENOENT' });
  t.strictSame(readdirSync(folder), []);
});

t.test('errors of system calls', async (t) => {
  const error = await writeAtomically('/nowhere/x', '', CREATE).catch((caught) => caught);
  t.equal(codeOf(error), 'ENOENT');
  t.equal(fileError(error), 'no such file or directory');
  t.strictSame([codeOf(new Error('x')), codeOf('ENOENT'), codeOf(null)], ['', '', '']);
  t.equal(codeOf(Object.assign(new Error('x'), { code: 'A\nB' })), '', 'foreign text is no code');
});

t.test('a file belongs to whom it is to belong before it has its name', async (t) => {
  const root = process.getuid?.() === 0;
  const owner = root ? { uid: 65_534, gid: 65_534 } : { uid: process.getuid!(), gid: process.getgid!() };
  const folder = folderOf(t);
  const file = join(folder, 'file');
  await writeAtomically(file, 'x', { ...REPLACE, owner });
  const { uid, gid, mode } = statSync(file);
  t.match({ uid, gid, mode: mode & 0o777 }, { ...owner, mode: 0o600 });
});
