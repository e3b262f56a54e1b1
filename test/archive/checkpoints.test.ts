import { writeFileSync } from 'node:fs';
import { test } from 'tap';
import { readCheckpoints, splitNotes } from '../../src/archive/checkpoints.ts';
import { checkpointFile } from '../../src/archive/layout.ts';
import { signNote } from '../../src/evidence/note.ts';
import { madeKey, madeStream } from '../evidence/madeDay.ts';

const DAY = '2026-11-30';
const KEY = madeKey();

test('notes one behind the other', async (t) => {
  const one = signNote('a\nb\n', KEY);
  const two = `${signNote('c\n', KEY)}\u2014 other AAAAAAAA\n`;
  const good = (text: string, notes: string[], rest: string): void => {
    t.same(splitNotes(text), { notes, rest });
  };
  good('', [], '');
  good(one, [one], '');
  good(one + two + one, [one, two, one], '');
  good(`${one}c\n`, [one], 'c\n');
  good(`${one}c\n\n`, [one], 'c\n\n');
  good(one + two.slice(0, -1), [one], two.slice(0, -1));
  good(`${one}\n`, [one], '\n');
});

test('those of a day, by its key', async (t) => {
  const { stream, days } = madeStream(t.testdir(), { [DAY]: 25, '2026-12-01': 1 });
  const { notes } = days.get(DAY)!;
  const read = (text: string) => {
    writeFileSync(checkpointFile(stream, DAY), text);
    const { signed, unsigned, rest } = readCheckpoints(stream, DAY, KEY)!;
    return { sizes: signed.map(({ size }) => size), unsigned, rest };
  };
  t.same(read(notes.join('')), { sizes: [10, 20, 25], unsigned: 0, rest: 0 });
  t.same(read([...notes].reverse().join('')), { sizes: [10, 20, 25], unsigned: 0, rest: 0 });
  t.same(read(`${notes.join('')}tlsw\u00e9`), { sizes: [10, 20, 25], unsigned: 0, rest: 6 });
  t.same(read(notes[0]! + days.get('2026-12-01')!.notes[0]!), { sizes: [10], unsigned: 1, rest: 0 });
  t.same(read(signNote('no checkpoint\n', KEY)), { sizes: [], unsigned: 1, rest: 0 });
  t.equal(readCheckpoints(stream, '2026-11-01', KEY), null);
  writeFileSync(checkpointFile(stream, DAY), ' '.repeat((1 << 20) + 1));
  t.throws(() => readCheckpoints(stream, DAY, KEY), { code: 'EFBIG' });
});
