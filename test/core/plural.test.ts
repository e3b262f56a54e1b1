import t from 'tap';
import { count } from '../../src/core/plural.ts';

t.test('a number with its noun', async (t) => {
  t.strictSame(
    [0, 1, 2].map((number) => count(number, 'mistake')),
    ['0 mistakes', '1 mistake', '2 mistakes'],
  );
  t.strictSame([count(1, 'entry', 'entries'), count(3, 'entry', 'entries')], ['1 entry', '3 entries']);
});
