/** The file of counters: there while the collector runs, written again and again, gone after it; no part of the evidence. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { daysOf } from '../../../src/archive/layout.ts';
import { COUNTERS_NAME, CollectorCounters, parseCounters } from '../../../src/collect/counters.ts';
import { CountersFile } from '../../../src/collect/run/countersFile.ts';
import { until } from '../../until.ts';

function streamOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-counters-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const stream = join(folder, 'collector');
  mkdirSync(stream);
  return stream;
}

test('written while it runs, and taken away', async (t) => {
  const stream = streamOf(t);
  const path = join(stream, COUNTERS_NAME);
  const counters = new CollectorCounters(1000);
  const file = new CountersFile(stream, counters, (error) => t.fail(String(error)), 5);
  const read = () => {
    try {
      return parseCounters(readFileSync(path, 'utf8'));
    } catch {
      return null;
    }
  };
  await until(() => read() !== null);
  t.equal(read()?.lines, 0, 'at once, before there is any line');
  t.equal(statSync(path).mode & 0o777, 0o600);
  t.strictSame(daysOf(stream), [], 'it is no day');
  counters.read(3, 0, 5, true, 5);
  await until(() => read()?.lines === 3);
  t.equal(read()?.lines, 3);
  await file.close();
  t.strictSame(readdirSync(stream), [], 'nothing is left behind');
});

test('a disk that refuses is told of once', async (t) => {
  const stream = streamOf(t);
  rmSync(stream, { recursive: true });
  let told = 0;
  const file = new CountersFile(stream, new CollectorCounters(0), () => told++, 2);
  await until(() => told > 0);
  await new Promise((resolve) => setTimeout(resolve, 30));
  t.equal(told, 1);
  await file.close();
});
