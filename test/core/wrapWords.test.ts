/** Words in lines. */
import { test } from 'tap';
import { wrapWords } from '../../src/core/wrapWords.ts';

test('at blanks, never within a word', async (t) => {
  t.same(wrapWords('', 10), ['']);
  t.same(wrapWords('one two three', 7), ['one two', 'three']);
  t.same(wrapWords('one two three', 8), ['one two', 'three']);
  t.same(wrapWords('a-word-that-is-too-long for it', 6), ['a-word-that-is-too-long', 'for it']);
});
