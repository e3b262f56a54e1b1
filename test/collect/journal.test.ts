/** Entries of the journal as journalctl prints them, through a journalctl of our own. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { parseJournalEntry } from '../../src/collect/journalLine.ts';
import { JournalSource } from '../../src/collect/sources/journalSource.ts';
import type { Batch } from '../../src/collect/sources/source.ts';

const entry = (cursor: string, more: object = {}) => ({
  __CURSOR: cursor,
  __REALTIME_TIMESTAMP: '1795286851123456',
  _HOSTNAME: 'mx',
  SYSLOG_IDENTIFIER: 'postfix/smtp',
  SYSLOG_PID: '4711',
  _PID: '1',
  MESSAGE: `text of ${cursor}`,
  ...more,
});

t.test('one entry', async (t) => {
  const read = (more: object = {}) => parseJournalEntry(JSON.stringify(entry('c', more)));
  const line = { time: 1795286851123, host: 'mx', program: 'postfix/smtp', pid: '4711', text: 'text of c' };
  t.same(read(), { cursor: 'c', line });
  t.equal(read({ MESSAGE: [...Buffer.from('gr\u00fc\u00dfe')] })?.line?.text, 'gr\u00fc\u00dfe');
  t.equal(read({ MESSAGE: ['one', 'two'] })?.line?.text, 'one');
  t.equal(read({ SYSLOG_PID: undefined })?.line?.pid, '1');
  for (const MESSAGE of [null, undefined, 7, {}, [256], [-1], [1, 'x']])
    t.equal(read({ MESSAGE })?.line, null);
  t.equal(read({ __REALTIME_TIMESTAMP: 'x' })?.line, null);
  for (const text of ['', '{', '[]', 'null', '{"MESSAGE":"x"}', '{"__CURSOR":"a b"}'])
    t.equal(parseJournalEntry(text), null, text);
});

t.test('what a person writes in the name of a service is left out', async (t) => {
  const forged = (SYSLOG_IDENTIFIER: string, _UID: unknown) =>
    parseJournalEntry(JSON.stringify(entry('c', { SYSLOG_IDENTIFIER, _UID })))?.forged === true;
  t.same(
    ['postfix/smtp', 'postfix-out/qmgr', 'sm-mta', 'systemd-journald'].map((name) => forged(name, '1000')),
    [true, true, true, true],
  );
  for (const uid of ['0', '106', '999', '65534', '62000', undefined, null, '', 'x'])
    t.notOk(forged('postfix/smtp', uid), String(uid));
  t.notOk(forged('sendmail', '1000'), 'its submission agent runs as the user');
  const json = [entry('c1'), entry('c2', { _UID: '1001' }), entry('c3')].map((one) => JSON.stringify(one));
  const all = await readAll(journalctl(t, json), null);
  t.same(
    all.flatMap(({ lines }) => lines.map(({ position }) => position)),
    ['c1', 'c3'],
  );
  t.same(
    all.flatMap(({ lost }) => lost),
    [],
    'and is no gap: else anybody could make one',
  );
});

/** A journalctl that prints these lines, and its arguments into a file. */
function journalctl(t: Test, lines: readonly string[], status = 0): string {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-journal-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const program = join(folder, 'journalctl');
  writeFileSync(join(folder, 'out'), lines.map((one) => `${one}\n`).join(''));
  writeFileSync(
    program,
    `#!/bin/sh\ncat ${folder}/out\necho "$@" > ${folder}/args\necho sorry >&2\nexit ${status}\n`,
  );
  chmodSync(program, 0o755);
  return program;
}

async function readAll(program: string, from: string | null): Promise<Batch[]> {
  const batches: Batch[] = [];
  const source = new JournalSource(true, program);
  for await (const batch of source.batches(from, new AbortController().signal)) batches.push(batch);
  return batches;
}

t.test('what is after a cursor, which is read again to see that it is there', async (t) => {
  const json = ['c1', 'c2', 'c3'].map((cursor) => JSON.stringify(entry(cursor)));
  const all = await readAll(journalctl(t, json), null);
  t.same(
    all.flatMap(({ lines }) => lines.map(({ position }) => position)),
    ['c1', 'c2', 'c3'],
  );
  t.equal(all.at(-1)!.next, 'c3');
  const later = await readAll(journalctl(t, json), 'c1');
  t.same(
    later.flatMap(({ lines }) => lines.map(({ position }) => position)),
    ['c2', 'c3'],
  );
  t.same(
    later.flatMap(({ lost }) => lost),
    [],
  );
  const gone = await readAll(journalctl(t, json), 'c0');
  t.match(
    gone.flatMap(({ lost }) => lost),
    [{ why: 'journal: the entry that was read last is gone', count: null }],
  );
  t.equal(gone.flatMap(({ lines }) => lines).length, 3);
});

t.test('whether a cursor is still there', async (t) => {
  const json = ['c2', 'c3'].map((cursor) => JSON.stringify(entry(cursor)));
  const has = (place: string, lines: readonly string[], status = 0) =>
    new JournalSource(false, journalctl(t, lines, status)).has(place);
  t.equal(has('c2', json), true);
  t.equal(has('c1', json), false, 'the next one is another');
  t.equal(has('c1', []), false);
  t.equal(has('c1', [], 1), true, 'not known: reading will say why');
});

t.test('entries that cannot be read are gaps', async (t) => {
  const lines = [JSON.stringify(entry('c1', { MESSAGE: null })), 'no json', JSON.stringify(entry('c2'))];
  const batches = await readAll(journalctl(t, lines), null);
  t.match(
    batches.flatMap(({ lost }) => lost.map(({ why }) => why)),
    [/no readable text/, /cannot be read/],
  );
  t.equal(batches.flatMap((batch) => batch.lines).length, 1);
});

t.test('a journal that cannot be read', async (t) => {
  await t.rejects(readAll(journalctl(t, [], 1), null), { message: 'journalctl ended with status 1: sorry' });
  await t.rejects(readAll('/nowhere/journalctl', null), { message: /^journalctl cannot be run: / });
});
