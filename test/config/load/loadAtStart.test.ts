/**
 * The first configuration is the same wherever it is read, and only small files are read in this thread.
 */
import { isMainThread } from 'node:worker_threads';
import t from 'tap';
import { loadConfig } from '../../../src/config/load/load.ts';
import { loadAtStart } from '../../../src/config/load/loadAtStart.ts';
import { SERVICE, TODAY, workbench } from '../configFixture.ts';

const rows = (count: number): string =>
  Array.from({ length: count }, (_, n) => `host${n}.example = encrypt\n`).join('');

t.test('small and large, good and bad', async (t) => {
  t.ok(isMainThread);
  const bench = workbench(t);
  const main = `${SERVICE}include = more.ini\n[policy p]\nreceive = verify\n`;
  const file = bench.write('tls.ini', main);
  for (const [text, small] of [
    ['[domains]\na.example = p\n', true],
    [`[domains]\n${rows(20_000)}`, false],
    ['[domains]\na.example = nonsense\n', true],
    [`[domains]\n${rows(20_000)}a.example = nonsense\n`, false],
  ] as const) {
    bench.write('more.ini', text);
    t.strictSame(await loadAtStart(file, TODAY), loadConfig(file, TODAY));
    if (small) t.strictSame(loadConfig(file, TODAY, null, 1000), loadConfig(file, TODAY));
    else t.throws(() => loadConfig(file, TODAY, null, 131_072));
  }
  const absent = bench.path('absent.ini');
  t.strictSame(await loadAtStart(absent, TODAY), loadConfig(absent, TODAY));
});
