/** Where a stream ends: found from its end, through lines of others, over days, behind a line that was cut. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { lastRecorded } from '../../../src/collect/run/lastRecord.ts';
import { generator } from '../../mark/generator.ts';

function stream(t: Test, days: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-stream-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  for (const [day, text] of Object.entries(days)) writeFileSync(join(folder, `${day}.jsonl`), text);
  return folder;
}

const line = (position: string, kind = 'file', fill = 0) =>
  `${JSON.stringify({ v: 1, fill: 'x'.repeat(fill), source: { kind, position } })}\n`;
const other = (fill: number) => `${JSON.stringify({ v: 1, type: 'start', fill: 'y'.repeat(fill) })}\n`;

t.test('how many records were made of the last line', async (t) => {
  t.equal(lastRecorded(stream(t, {}), 'file'), null);
  t.equal(lastRecorded('/nowhere', 'file'), null);
  t.equal(lastRecorded(stream(t, { '2026-11-30': other(5) }), 'file'), null);
  t.same(lastRecorded(stream(t, { '2026-11-30': line('a') }), 'file'), { position: 'a', count: 1 });
  const three = line('a') + line('b') + line('b') + other(1) + line('') + line('b') + line('z', 'journal');
  t.same(lastRecorded(stream(t, { '2026-11-30': three }), 'file'), { position: 'b', count: 3 });
  const cut = line('a') + line('b').slice(0, -3);
  t.same(lastRecorded(stream(t, { '2026-11-30': cut }), 'file'), { position: 'a', count: 1 });
  const days = {
    '2026-11-28': line('a') + line('b'),
    '2026-11-29': line('b'),
    '2026-11-30': other(1),
    x: line('q'),
  };
  t.same(lastRecorded(stream(t, days), 'file'), { position: 'b', count: 2 });
});

t.test('wherever the chunks end that are read', async (t) => {
  const random = generator();
  for (let i = 0; i < 30; i++) {
    let text = line('a', 'file', random.integer(60_000)) + line('b', 'file', random.integer(60_000));
    for (let size = random.integer(900_000); size > 0; ) {
      const more = other(random.integer(60_000));
      size -= more.length;
      text += more;
    }
    t.same(
      lastRecorded(stream(t, { '2026-11-30': text }), 'file'),
      { position: 'b', count: 1 },
      `seed ${random.seed}, ${text.length} bytes`,
    );
  }
});
