/**
 * The line language of the case files: what a case says to each MTA, its macros and patterns, and the mistakes that are
 * errors instead of cases that test nothing. Needs no MTA.
 */
import t, { type Test } from 'tap';
import { root } from '../root.ts';
import { expandBlock, matches, parseCase, readCases } from './harness/scenes/case.ts';

t.test('a case, for each MTA', async (t) => {
  const text = `# what it is about
skip sendmail: it cannot
table
  [domains]

  * = may

open smtp 127.0.0.2
> MAIL FROM:<a@b.example>
postfix: < 250 2.1.0*
sendmail: < 250
message
  A: 1
  @postfix B: 2
  @sendmail @repeat 2 C: 3
# a comment between
`;
  const [postfix, sendmail] = [parseCase('x', text, 'postfix'), parseCase('x', text, 'sendmail')];
  t.equal(postfix.title, 'what it is about');
  t.equal(postfix.skip, null);
  t.equal(sendmail.skip, 'it cannot');
  t.strictSame(postfix.steps, [
    { line: 3, verb: 'table', text: '', block: ['[domains]', '', '* = may'] },
    { line: 8, verb: 'open', text: 'smtp 127.0.0.2', block: [] },
    { line: 9, verb: '>', text: 'MAIL FROM:<a@b.example>', block: [] },
    { line: 10, verb: '<', text: '250 2.1.0*', block: [] },
    { line: 12, verb: 'message', text: '', block: ['A: 1', 'B: 2'] },
  ]);
  t.strictSame(sendmail.steps.slice(-2), [
    { line: 11, verb: '<', text: '250', block: [] },
    { line: 12, verb: 'message', text: '', block: ['A: 1', '@repeat 2 C: 3'] },
  ]);
});

function bad(t: Test, text: string, message: RegExp): void {
  t.throws(() => parseCase('x', text, 'postfix'), message, text);
}

t.test('mistakes', async (t) => {
  bad(t, 'open smtp\n', /x\.case:1: the first line must be a comment/);
  bad(t, '# a\nopne smtp\n', /x\.case:2: no such directive: opne smtp/);
  bad(t, '# a\nexim: open smtp\n', /no such directive/);
  bad(t, '# a\ntable\nopen smtp\n', /x\.case:2: table without a block/);
  bad(t, '# a\nskip exim: why\n', /skip MTA: REASON/);
  bad(t, '# a\nskip postfix\n', /skip MTA: REASON/);
  t.throws(() => expandBlock(['@comon']), /no such macro: @comon/);
  t.throws(() => expandBlock(['a\\nb']), /no such escape/);
});

t.test('macros and escapes', async (t) => {
  t.strictSame(expandBlock(['a', '@repeat 2 b: \\x0a', '@repeat 1']), ['a', 'b: \n', 'b: \n', '']);
  t.strictSame(expandBlock(['@pad 3 X: ']), ['X: aaa']);
  t.strictSame(expandBlock(['ü \\\\ \\xfc']), ['\xc3\xbc \\ \xfc'], 'bytes, one character each');
  for (const bytes of [1, 63, 64, 65, 130]) {
    const text = expandBlock([`@fill ${bytes}`])
      .map((line) => `${line}\n`)
      .join('');
    t.equal(text.length, bytes, `@fill ${bytes}`);
  }
  t.equal(expandBlock(['@common']).length, 4);
});

t.test('patterns', async (t) => {
  for (const [pattern, text, wanted] of [
    ['abc', 'abc', true],
    ['abc', 'abcd', false],
    ['a*c', 'ac', true],
    ['a*c', 'abbc\nc', true],
    ['a*c', 'acb', false],
    ['*b*', 'abc', true],
    ['a*a', 'a', false],
    ['a*b*b', 'ab', false],
    ['a.c', 'abc', false],
    ['(*)', '()', true],
  ] as const)
    t.equal(matches(pattern, text), wanted, `${pattern} ${JSON.stringify(text)}`);
});

t.test('the case files are in this language, and most are played on both MTAs', async (t) => {
  const folder = new URL('test/e2e/cases/', root);
  const [postfix, sendmail] = [readCases(folder, 'postfix'), readCases(folder, 'sendmail')];
  t.ok(postfix.length > 60);
  t.equal(postfix.length, sendmail.length);
  for (const { name, steps } of postfix) {
    const expects = steps.filter(({ verb }) => '< delivered held logged'.split(' ').includes(verb));
    t.ok(expects.length > 0, `${name} expects something`);
  }
  const skipped = [...postfix, ...sendmail].filter(({ skip }) => skip !== null);
  t.ok(skipped.length <= 5, `${skipped.length} skipped`);
});
