/** Lists as Postfix splits them. */
import { test } from 'tap';
import { closingBrace, insideBraces, listOf, tokensOf } from '../../src/mta/listValue.ts';

test('lists', async (t) => {
  const good = (value: string, ...want: string[]) => t.same(listOf(value), want, value);
  good('');
  good(' , ,');
  good('a', 'a');
  good('a b,c\n\td , e', 'a', 'b', 'c', 'd', 'e');
  good(
    'permit_mynetworks, { inet:h:1, timeout=5s } reject',
    'permit_mynetworks',
    '{ inet:h:1, timeout=5s }',
    'reject',
  );
  good('pipemap:{regexp:{{/x y/ z}}, fail:q} b', 'pipemap:{regexp:{{/x y/ z}}, fail:q}', 'b');
  good('{ never closed, b', '{ never closed, b');
  good('a } b', 'a', '}', 'b');
  t.same(tokensOf('argv=a,b c', ' '), ['argv=a,b', 'c']);
});

test('braces', async (t) => {
  t.equal(insideBraces('{ a b }'), 'a b');
  t.equal(insideBraces('{a}{b}'), null, 'two pairs');
  t.equal(insideBraces('a'), null);
  t.equal(insideBraces('{a'), null);
  t.equal(closingBrace('x{a{b}}c', 1), 6);
  t.equal(closingBrace('(a(b))', 0), 5);
  t.equal(closingBrace('{{}', 0), -1);
});
