/** The figures of speed.md are those of documented.json, and what `--check` makes of them. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { root } from '../root.ts';
import { belowDocumented, documented, pageWith, speedTable } from './documented.ts';
import { GOALS, goalOf, goalText, meets } from './goals.ts';
import { jsonRows, summary } from './report.ts';

t.test('the table of speed.md is made of documented.json and goals.ts', (t) => {
  const page = readFileSync(new URL('contrib/doc/speed.md', root), 'utf8');
  t.equal(page, pageWith(page, documented()), 'as node build/test/bench/documented.js would write it');
  for (const name of Object.keys(documented())) t.ok(GOALS[name], `${name} is a goal`);
  t.throws(() => pageWith('no marks', {}), /no place for the figures/);
  t.end();
});

t.test('a CPU ratio worse than 70 % of the documented one is named', (t) => {
  const figures = { 'milter-1.cpu.equal': 0.7, 'milter-1.rate.equal': 2 };
  const found = (name: string, measured: number) => belowDocumented([{ name, measured }], figures);
  t.same(found('milter-1.cpu.equal', 0.99), [], 'within');
  t.match(found('milter-1.cpu.equal', 1.01), [
    /^milter-1\.cpu\.equal: 1\.01, documented 0\.70, at most 1\.00 /,
  ]);
  t.same(found('milter-1.rate.equal', 0.1), [], 'a rate is not judged');
  t.same(found('policy.cpu.floor', 100), [], 'nor what is not documented');
  t.end();
});

t.test('goals are met, missed or only stated', (t) => {
  t.equal(meets(goalOf('milter-1.rate.equal'), 2), true);
  t.equal(meets(goalOf('milter-1.rate.equal'), 1.99), false);
  t.equal(meets(goalOf('million.start'), 1000.1), false);
  t.equal(meets(goalOf('million.reload'), Number.NaN), false, 'a figure that is missing meets nothing');
  t.equal(meets(goalOf('milter-1.rate.python'), 2), null);
  t.equal(goalText(goalOf('million.start')), '<= 1000 ms');
  t.throws(() => goalOf('milter-1.speed'), /goals\.ts/);
  t.end();
});

t.test('what a run prints', (t) => {
  const findings = [
    { name: 'milter-1.rate.equal', measured: 2.5 },
    { name: 'million.reload', measured: Number.NaN },
    { name: 'record.bytes', measured: 300 },
  ];
  t.match(
    summary(findings).join('\n'),
    /milter-1\.rate\.equal +2\.50 +>= 2 +met .*\nmillion\.reload +- ms.*MISSED/,
  );
  t.match(jsonRows(findings), {
    'milter-1.rate.equal': { measured: 2.5, goal: '>= 2', met: true },
    'million.reload': { measured: null, goal: '<= 900 ms', met: false },
    'record.bytes': { measured: 300, goal: '', met: null },
  });
  t.match(speedTable({ 'start.serve': 2.5 }), /\| `start\.serve` \| .* \| 2\.50 \| <= 2\.2 \| missed \|/);
  t.end();
});
