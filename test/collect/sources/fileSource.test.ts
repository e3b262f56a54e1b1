/** Reading a log through its rotation: nothing is left out, nothing comes twice, and what is lost is said. */
import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { MAX_LINE } from '../../../src/collect/logLine.ts';
import { FileSource } from '../../../src/collect/sources/fileSource.ts';
import { until } from '../../until.ts';

function logFolder(t: Test): { readonly log: string; readonly at: (suffix: string) => string } {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-log-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const log = join(folder, 'mail.log');
  return { log, at: (suffix) => `${log}${suffix}` };
}

const OPTIONS = { once: true, pollMs: 5, quietMs: 30 };

interface Read {
  readonly lines: string[];
  readonly positions: string[];
  readonly lost: string[];
  readonly next: string | null;
}

/** Everything that is there, from a place on. */
async function readAll(path: string, from: string | null = null): Promise<Read> {
  const read: { lines: string[]; positions: string[]; lost: string[]; next: string | null } = {
    lines: [],
    positions: [],
    lost: [],
    next: from,
  };
  const source = new FileSource({ ...OPTIONS, path });
  for await (const batch of source.batches(from, new AbortController().signal)) {
    read.lines.push(...batch.lines.map(({ line }) => String(line)));
    read.positions.push(...batch.lines.map(({ position }) => position));
    read.lost.push(...batch.lost.map(({ why }) => why));
    read.next = batch.next;
  }
  return read;
}

t.test('a file, and what comes later', async (t) => {
  const { log } = logFolder(t);
  writeFileSync(log, 'one\ntwo\nthr');
  const first = await readAll(log);
  t.same(first.lines, ['one', 'two'], 'the third has no end yet');
  appendFileSync(log, 'ee\nfour\n');
  const second = await readAll(log, first.next);
  t.same([second.lines, second.lost], [['three', 'four'], []]);
  const again = await readAll(log, first.positions[1]!);
  t.same(again.lines, ['two', 'three', 'four'], 'the place of a line gives the line again');
  t.same((await readAll(log, second.next)).lines, []);
});

t.test('rotated by rename while nobody read, several times', async (t) => {
  const { log, at } = logFolder(t);
  writeFileSync(log, 'a1\na2\n');
  const first = await readAll(log);
  // many lines before the last: what was read of them is no end of it
  const many = Array.from({ length: 100 }, (_, i) => `a${i + 3}`);
  appendFileSync(log, `${many.join('\n')}\nunended`);
  const turn = async (suffix: string, text: string) => {
    renameSync(log, at(suffix));
    await new Promise((resolve) => setTimeout(resolve, 40));
    writeFileSync(log, text);
  };
  await turn('-20261128', 'b1\n');
  await turn('-20261129', 'c1\n');
  await turn('-20261130', 'd1\n');
  const rest = await readAll(log, first.next);
  t.same([rest.lines, rest.lost], [[...many, 'unended', 'b1', 'c1', 'd1'], []]);
});

t.test('rotated by copy while nobody read', async (t) => {
  const { log, at } = logFolder(t);
  writeFileSync(log, 'a1\na2\n');
  const first = await readAll(log);
  appendFileSync(log, 'a3\n');
  copyFileSync(log, at('.1'));
  truncateSync(log);
  appendFileSync(log, 'b1\nb2\nb3\nb4\n');
  const rest = await readAll(log, first.next);
  t.same([rest.lines, rest.lost], [['a3', 'b1', 'b2', 'b3', 'b4'], []]);
});

t.test('what was compressed or removed before it was read is lost, and said', async (t) => {
  const { log, at } = logFolder(t);
  writeFileSync(log, 'a1\n');
  const first = await readAll(log);
  appendFileSync(log, 'a2\n');
  renameSync(log, at('.2.gz'));
  writeFileSync(log, 'b1\n');
  const rest = await readAll(log, first.next);
  t.same(rest.lines, ['b1']);
  t.match(rest.lost, [/gone \(compressed or removed\)/]);
  t.match((await readAll(log, 'no place')).lost, [/gone/]);
});

t.test('while it reads: rename, a writer that is late, copy and truncation, cut', async (t) => {
  const { log, at } = logFolder(t);
  writeFileSync(log, 'a1\n');
  const source = new FileSource({ ...OPTIONS, once: false, path: log });
  const stop = new AbortController();
  const lines: string[] = [];
  const lost: string[] = [];
  const reading = (async () => {
    for await (const batch of source.batches(null, stop.signal)) {
      lines.push(...batch.lines.map(({ line }) => String(line)));
      lost.push(...batch.lost.map(({ why }) => why));
    }
  })();
  const comes = (last: string) => until(() => lines.at(-1) === last);
  await comes('a1');
  renameSync(log, at('.1'));
  writeFileSync(log, 'b1\n');
  appendFileSync(at('.1'), 'a2\n');
  await comes('b1');
  appendFileSync(log, 'b2\n');
  await comes('b2');
  copyFileSync(log, at('.2'));
  appendFileSync(at('.2'), 'b3\n');
  truncateSync(log);
  appendFileSync(log, 'c1 which is longer than all that was there\n');
  await comes('c1 which is longer than all that was there');
  t.same(lost, []);
  truncateSync(log);
  appendFileSync(log, 'd1\n');
  await comes('d1');
  stop.abort();
  await reading;
  t.same(lines, ['a1', 'a2', 'b1', 'b2', 'b3', 'c1 which is longer than all that was there', 'd1']);
  t.match(lost, [/was cut, and no copy of it was found/]);
});

t.test('lines that are too long are cut, and cost no memory', async (t) => {
  const { log } = logFolder(t);
  writeFileSync(log, `first\n${'x'.repeat(10 * MAX_LINE)}\n${'y'.repeat(MAX_LINE + 5)}\nlast\n`);
  const { lines } = await readAll(log);
  t.same(
    lines.map((one) => [one[0], one.length]),
    [
      ['f', 5],
      ['x', MAX_LINE],
      ['y', MAX_LINE],
      ['l', 4],
    ],
  );
});

t.test('no such file, no file', async (t) => {
  const { log } = logFolder(t);
  t.throws(() => new FileSource({ ...OPTIONS, path: log }), { code: 'ENOENT' });
  const folder = new FileSource({ ...OPTIONS, path: tmpdir() });
  await t.rejects(folder.batches(null, new AbortController().signal).next(), { code: 'EINVAL' });
});
