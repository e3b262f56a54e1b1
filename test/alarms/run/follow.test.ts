/**
 * Following the streams of a directory: from a time on, each line once, across the end of a day, while they grow.
 */
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { Follower } from '../../../src/alarms/run/follow.ts';
import { delivery } from '../records.ts';

function folder(t: Test): string {
  const made = mkdtempSync(join(tmpdir(), 'tlsward-follow-'));
  t.teardown(() => rmSync(made, { recursive: true }));
  return made;
}

function lines(from: number, count: number, stepMs = 1000): string {
  let text = '';
  for (let i = 0; i < count; i++)
    text += `${JSON.stringify(delivery(from + i * stepMs, 'bank.example', { queueId: `Q${i}` }))}\n`;
  return text;
}

function read(follower: Follower): string[] {
  const found: string[] = [];
  while (
    follower.read((record) => void found.push(record.type === 'delivery' ? record.queueId : record.type))
  );
  return found;
}

const START = Date.parse('2026-11-30T00:00:00.000Z');

test('what is added, once', async (t) => {
  const directory = folder(t);
  const follower = new Follower(directory, START);
  t.strictSame(read(follower), [], 'nothing is there yet');
  const stream = join(directory, 'collector');
  mkdirSync(stream);
  t.strictSame(read(follower), []);
  const file = join(stream, '2026-11-30.jsonl');
  const text = lines(START, 3);
  writeFileSync(file, text.slice(0, -20));
  t.strictSame(read(follower), ['Q0', 'Q1'], 'whole lines only');
  appendFileSync(file, text.slice(-20));
  t.strictSame(read(follower), ['Q2']);
  t.strictSame(read(follower), []);
  appendFileSync(file, 'no record\n{"v":1,"n":3,"time":"x","type":"delivery"}\n');
  t.strictSame(read(follower), [], 'what is no record is left out');
  appendFileSync(file, lines(START, 1));
  writeFileSync(join(stream, '2026-12-01.jsonl'), lines(START + 86_400_000, 2));
  t.strictSame(read(follower), ['Q0', 'Q0', 'Q1'], 'the rest of the day, then the next');
  appendFileSync(file, lines(START, 1));
  t.strictSame(read(follower), [], 'a day that is over does not grow');
  mkdirSync(join(directory, 'alarms'));
  writeFileSync(join(directory, 'alarms', '2026-12-01.jsonl'), lines(START, 2));
  t.strictSame(read(follower), [], 'what was told of alarms is no ground for one');
  t.equal(follower.trouble, '');
});

test('a file that was cut is read on at its end', async (t) => {
  const directory = folder(t);
  mkdirSync(join(directory, 'daemon'));
  const file = join(directory, 'daemon', '2026-11-30.jsonl');
  writeFileSync(file, lines(START, 10));
  const follower = new Follower(directory, START);
  t.equal(read(follower).length, 10);
  truncateSync(file, 100);
  t.strictSame(read(follower), []);
});

test('from a time on, in a file that is long', async (t) => {
  const directory = folder(t);
  mkdirSync(join(directory, 'daemon'));
  const count = 4000;
  writeFileSync(join(directory, 'daemon', '2026-11-30.jsonl'), lines(START, count, 10_000));
  for (const wanted of [0, 1, 1999, 3998, 3999, 4000]) {
    const found = read(new Follower(directory, START + wanted * 10_000));
    t.ok(found.length >= count - wanted, `${wanted}: none is missed`);
    t.ok(found.length <= count - wanted + 300, `${wanted}: and few are read in vain`);
  }
  t.equal(read(new Follower(directory, START + 5 * 86_400_000)).length <= 300, true, 'a later day');
  t.equal(read(new Follower(directory, START - 5 * 86_400_000)).length, count, 'an earlier one');
});

test('a line without an end is said, and hides neither other streams nor later days', async (t) => {
  const directory = folder(t);
  for (const stream of ['collector', 'daemon']) mkdirSync(join(directory, stream));
  writeFileSync(join(directory, 'collector', '2026-11-30.jsonl'), lines(START, 1) + 'x'.repeat(200_000));
  writeFileSync(join(directory, 'daemon', '2026-11-30.jsonl'), lines(START, 2));
  const follower = new Follower(directory, START);
  t.strictSame(read(follower).sort(), ['Q0', 'Q0', 'Q1']);
  t.match(follower.trouble, /^collector 2026-11-30: no line ends/);
  t.strictSame(read(follower), [], 'nothing twice');
  writeFileSync(join(directory, 'collector', '2026-12-01.jsonl'), lines(START + 86_400_000, 1));
  t.strictSame(read(follower), ['Q0']);
  t.strictSame(read(follower), []);
  t.equal(follower.trouble, '', 'that day is over');
});

test('a directory that cannot be read is said, and read again later', async (t) => {
  const directory = join(folder(t), 'later');
  const follower = new Follower(directory, START);
  t.strictSame(read(follower), []);
  t.equal(follower.trouble, 'ENOENT');
  mkdirSync(join(directory, 'daemon'), { recursive: true });
  writeFileSync(join(directory, 'daemon', '2026-11-30.jsonl'), lines(START, 1));
  t.strictSame(read(follower), ['Q0']);
  t.equal(follower.trouble, '');
});
