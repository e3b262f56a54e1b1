import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { checkpointFile, daysOf, isDay, linesFile, STREAMS, streamsOf } from '../../src/archive/layout.ts';

test('days and streams, and nothing else that lies there', async (t) => {
  const directory = t.testdir({
    alarms: {},
    collector: {},
    daemon: {
      '2026-11-30.jsonl': '',
      '2026-11-29.jsonl': '',
      '2026-11-29.ckpt': '',
      '2026-11-28.ckpt': '',
      '2026-13-01.jsonl': '',
      'x2026-11-27.jsonl': '',
      '2026-11-29.torn-1': '',
      'evidence.pub': '',
    },
    pseudonyms: {},
    other: {},
  });
  const daemon = join(directory, 'daemon');
  symlinkSync(linesFile(daemon, '2026-11-29'), linesFile(daemon, '2026-11-26'));
  mkdirSync(linesFile(daemon, '2026-11-25'));
  t.same(daysOf(daemon), ['2026-11-29', '2026-11-30']);
  t.same(daysOf(daemon, '.ckpt'), ['2026-11-28', '2026-11-29']);
  t.equal(checkpointFile(daemon, '2026-11-28'), join(daemon, '2026-11-28.ckpt'));
  t.same(
    streamsOf(directory).map(({ name }) => name),
    STREAMS,
    'the daemon first',
  );
  t.throws(() => streamsOf(join(directory, 'gone')), { code: 'ENOENT' });
  const linked = t.testdir({ real: {} });
  symlinkSync(join(linked, 'real'), join(linked, 'daemon'));
  writeFileSync(join(linked, 'collector'), '');
  t.same(streamsOf(linked), [], 'a link or a file is no stream');
  t.ok(isDay('2026-02-28'));
  for (const text of ['2026-00-10', '2026-01-32', '../2026-01-01', '2026-01-01\n', ''])
    t.notOk(isDay(text), text);
});
