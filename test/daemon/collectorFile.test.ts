/** What the daemon takes from the file of the collector: fresh figures or none, whatever stands in its place. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { COUNTERS_NAME, CollectorCounters, countersText } from '../../src/collect/counters.ts';
import { collectorFigures } from '../../src/daemon/collectorFile.ts';

const NOW = Date.parse('2026-11-30T12:00:00Z');

test('fresh figures, or none', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-collector-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'collector', COUNTERS_NAME);
  const text = countersText(new CollectorCounters(NOW - 60_000).figures(NOW));
  const look = (nowMs = NOW) => collectorFigures(folder, nowMs);
  t.equal(await collectorFigures(null, NOW), null, 'no evidence is kept');
  t.equal(await look(), null, 'none has ever run');
  mkdirSync(join(folder, 'collector'));
  t.equal(await look(), 'absent', 'one has');
  writeFileSync(file, text);
  t.match(await look(), { startedAtMs: NOW - 60_000, records: 0 });
  t.match(await look(NOW + 30_000), { records: 0 });
  t.equal(await look(NOW + 30_001), 'absent', 'stale');
  t.equal(await look(NOW - 30_001), 'absent', 'of another clock');
  renameSync(file, `${file}.real`);
  symlinkSync(`${file}.real`, file);
  t.equal(await look(), 'absent', 'a link is not followed');
  rmSync(file);
  mkdirSync(file);
  t.equal(await look(), 'absent', 'a folder');
  rmSync(file, { recursive: true });
  for (const other of ['', text.slice(0, 100), `${text}${' '.repeat(20_000)}`]) {
    writeFileSync(file, other);
    t.equal(await look(), 'absent', `${other.length} bytes`);
  }
});
