/** Spaces and tabs at both ends. */
import { test } from 'tap';
import { withoutBlanks } from '../../src/core/withoutBlanks.ts';

test('spaces and tabs go, all else stays', async (t) => {
  t.equal(withoutBlanks(' \ta b\t '), 'a b');
  t.equal(withoutBlanks('\t \t'), '');
  t.equal(withoutBlanks('a\r\n'), 'a\r\n');
  t.equal(withoutBlanks(''), '');
});
