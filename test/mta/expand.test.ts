// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how main.cf writes it
/** `$name` in values, as mac_expand(3) has it. */
import { test } from 'tap';
import { compareLevels, expand } from '../../src/mta/expand.ts';

const VALUES: Readonly<Record<string, string>> = {
  a: 'A',
  empty: '',
  twice: '$a$a',
  circle: 'x$other',
  other: 'y$circle',
  level: '3.10',
  double0: 'zz',
  ...Object.fromEntries(
    Array.from({ length: 22 }, (_, i) => [`double${i + 1}`, `$double${i}$double${i}`] as const),
  ),
};

test('expansion', async (t) => {
  const good = (text: string, want: string) =>
    t.equal(
      expand(text, (name) => VALUES[name]),
      want,
      text,
    );
  good('plain', 'plain');
  good('$a ${a} $(a) ${ a }', 'A A A A');
  good('$a.b$a', 'A.bA');
  good('$$a $', '$a $');
  good('$unknown|${unknown}', '|');
  good('$twice', 'AA');
  good('${a?yes}${empty?yes}${unknown?yes}', 'yes');
  good('${a:no}${empty:no}${unknown:$a}', 'AnoA');
  good('${a?{1}:{2}} ${empty?{1}:{2}} ${stress?{10}:{300}}s', '1 2 300s');
  good('${a?{$twice}} ${empty ? {x} : {$(a)}}', 'AA A');
  good('${{$a} == {A} ? {same} : {other}}', 'same');
  good('${{$a} != {A} ? {same} : {other}}', 'other');
  good('${{9} < {10} ? {numbers} : {texts}}', 'numbers');
  good('${{$level} <level {3.6} ? {old} : {new}}', 'new');
  good('${{$level} >=level {3.10} ? {new}}', 'new');
  good('${{$level} <level {1} : {not}}', 'not');
  good('${{a} <=> {b} ? {x} : {unknown operator}}', 'unknown operator');
  good('${{a} == ', '');
  good('before ${a', 'before ');
});

test('circles and doubling end', async (t) => {
  t.match(
    expand('$circle', (name) => VALUES[name]),
    /^(?:xy)+x?$/,
  );
  t.ok(expand('$double22', (name) => VALUES[name]).length <= 262_144);
});

test('levels', async (t) => {
  t.ok(compareLevels('3.6', '3.10') < 0);
  t.equal(compareLevels('2', '2.0'), 0);
  t.ok(compareLevels('3.6.1', '3.6') > 0);
  t.equal(compareLevels('', 'x'), 0);
});
