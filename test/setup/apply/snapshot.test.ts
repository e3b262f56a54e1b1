/** Copies of main.cf and master.cf: as they were, for their owner only, and never believed when somebody else wrote them. */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import {
  closeSnapshot,
  openRoot,
  readCopy,
  readRecord,
  takeSnapshot,
} from '../../../src/setup/apply/snapshot.ts';
import type { Change } from '../../../src/setup/plan.ts';

const CHANGE: Change = {
  wish: 'inbound',
  target: 'main',
  service: '',
  name: 'smtpd_milters',
  before: null,
  standard: '',
  after: "inet:127.0.0.1:8452 'quoted'",
  why: 'A test.',
};
const NOW = new Date('2026-11-29T12:34:56.789Z');

test('a snapshot', async (t) => {
  const dir = t.testdir({
    etc: { 'main.cf': 'a = 1\n', 'master.cf': 'smtp inet n - y - - smtpd\n' },
    state: {},
  });
  const etc = join(dir, 'etc');
  fs.chmodSync(join(etc, 'main.cf'), 0o644);
  const rootFolder = openRoot(join(dir, 'state'));
  const folder = await takeSnapshot(rootFolder, etc, [CHANGE], NOW);
  t.equal(folder, join(rootFolder, '2026-11-29T12-34-56Z'));
  t.equal(fs.statSync(folder).mode & 0o777, 0o700);
  t.equal(fs.statSync(join(folder, 'main.cf')).mode & 0o777, 0o644, 'as the original, in a closed folder');
  fs.writeFileSync(join(etc, 'main.cf'), 'a = 2\n');
  await closeSnapshot(folder);
  const record = readRecord(folder);
  t.not(record.before['main.cf'], record.after?.['main.cf']);
  t.equal(record.before['master.cf'], record.after?.['master.cf']);
  t.same(record.changes, [CHANGE]);
  t.equal(readCopy(folder, 'main.cf', record).toString(), 'a = 1\n');
  const script = fs.readFileSync(join(folder, 'undo.sh'), 'utf8');
  t.match(
    script,
    `'inet:127.0.0.1:8452 '\\''quoted'\\''' 'smtpd_milters' -X 'smtpd_milters'\n`,
    'quoted for sh',
  );
  await t.rejects(() => takeSnapshot(rootFolder, etc, [CHANGE], NOW), { message: /file already exists/ });

  fs.writeFileSync(join(folder, 'main.cf'), 'a = 3\n');
  t.throws(() => readCopy(folder, 'main.cf', record), { message: /its content has changed/ });
  fs.chmodSync(join(folder, 'master.cf'), 0o666);
  t.throws(() => readCopy(folder, 'master.cf', record), { message: /may be written by others/ });
  fs.rmSync(join(folder, 'setup.json'));
  fs.symlinkSync(join(etc, 'main.cf'), join(folder, 'setup.json'));
  t.throws(() => readRecord(folder), { message: /symbolic links/ }, 'a link is not followed');
  fs.chmodSync(rootFolder, 0o777);
  t.throws(() => openRoot(join(dir, 'state')), { message: /may be written by others/ });
  await t.rejects(() => takeSnapshot(rootFolder, join(dir, 'none'), [], new Date(0)), {
    message: /cannot look at/,
  });
  fs.symlinkSync('main.cf', join(etc, 'linked.cf'));
  fs.renameSync(join(etc, 'linked.cf'), join(etc, 'master.cf'));
  await t.rejects(() => takeSnapshot(rootFolder, etc, [], new Date(0)), { message: /is a symbolic link/ });
});
