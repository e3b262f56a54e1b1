/** Following the log of mail: from a place in a file, from the journal, and until it is enough. */
import { appendFileSync, chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { followedLines, JournalError, mailJournal } from '../../src/cli/logSource.ts';

function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('a file from a byte on, until it is enough', async (t) => {
  const file = join(folderOf(t), 'log');
  writeFileSync(file, 'old\n');
  const stop = new AbortController();
  const lines = followedLines(file, 4, stop.signal);
  appendFileSync(file, 'new\n');
  t.equal((await lines.next()).value, 'new');
  const waiting = lines.next();
  stop.abort();
  t.strictSame(await waiting, { done: true, value: undefined });
});

test('a file that was cut meanwhile is read from its start', async (t) => {
  const file = join(folderOf(t), 'log');
  writeFileSync(file, 'short\n');
  const lines = followedLines(file, 1000);
  t.equal((await lines.next()).value, 'short');
  await lines.return(undefined);
});

test('the journal of mail, until it is enough', async (t) => {
  const folder = folderOf(t);
  const { PATH } = process.env;
  t.teardown(() => {
    process.env.PATH = PATH;
  });
  process.env.PATH = `${folder}:${PATH}`;
  const fake = join(folder, 'journalctl');
  writeFileSync(fake, `#!/bin/sh\necho "$@" >${folder}/args\necho one\nexec sleep 60\n`);
  chmodSync(fake, 0o755);
  const stop = new AbortController();
  const lines = mailJournal(1_793_491_200_999, stop.signal);
  t.equal((await lines.next()).value, 'one');
  t.equal(
    readFileSync(join(folder, 'args'), 'utf8'),
    'SYSLOG_FACILITY=2 --output short --no-pager --all --since @1793491200 --follow --no-tail\n',
  );
  const waiting = lines.next();
  stop.abort();
  t.strictSame(await waiting, { done: true, value: undefined }, 'a program that was stopped is no mistake');
  writeFileSync(fake, '#!/bin/sh\nexit 1\n');
  const failed = mailJournal(0, new AbortController().signal).next();
  t.ok((await failed.catch((error: unknown) => error)) instanceof JournalError);
});
