/**
 * One folder a mistake under bad/: `tls.ini`, what it includes, and in `expected` every line that `check` prints about it.
 * The files are copied first, so that nothing depends on modes and paths of the checkout.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { root } from '../../root.ts';
import { problemsOf, workbench } from '../configFixture.ts';

const cases = new URL('test/config/load/bad/', root);

t.test('every broken configuration says exactly what is wrong', (t) => {
  const names = readdirSync(cases).sort();
  t.ok(names.length >= 40, `${names.length} cases`);
  for (const name of names) {
    const from = new URL(`${name}/`, cases);
    const bench = workbench(t);
    for (const entry of readdirSync(from, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = `${entry.parentPath}/${entry.name}`;
      bench.write(path.slice(fileURLToPath(from).length), readFileSync(path));
    }
    const loaded = bench.load();
    t.equal(loaded.ok, false, `${name} is refused`);
    const expected = readFileSync(new URL('expected', from), 'utf8').trimEnd().split('\n');
    t.strictSame(problemsOf(loaded, bench.folder), expected, name);
  }
  t.end();
});

t.test('ten mistakes are reported at once', (t) => {
  const bench = workbench(t);
  bench.write('tls.ini', readFileSync(new URL('ten-mistakes/tls.ini', cases)));
  const loaded = bench.load();
  t.equal(loaded.ok ? 0 : loaded.problems.length, 10);
  t.end();
});

t.test('a thousand are kept, the rest is counted', (t) => {
  const bench = workbench(t);
  const rows = Array.from({ length: 3000 }, (_, i) => `-x${i}.example = may\n`).join('');
  bench.write('tls.ini', `[service]\npolicy-listen = unix:/run/p.sock\n[domains]\n${rows}`);
  const problems = problemsOf(bench.load(), bench.folder);
  t.equal(problems.length, 1001);
  t.match(problems[0], /^tls\.ini:4: /);
  t.equal(problems.at(-1), 'tls.ini: found 2000 more mistakes, expected none');
  t.end();
});

t.test('a policy that very many rows name is reported a few times and counted', (t) => {
  const bench = workbench(t);
  const rows = Array.from({ length: 500 }, (_, i) => `x${i}.example = encrpyt\n`).join('');
  bench.write('tls.ini', `[service]\npolicy-listen = unix:/run/p.sock\n[domains]\n${rows}`);
  const problems = problemsOf(bench.load(), bench.folder);
  t.equal(problems.length, 21);
  t.equal(
    problems[0],
    'tls.ini:4: [domains] x0.example: found policy "encrpyt", expected a known policy (did you mean encrypt?)',
  );
  t.match(problems.at(-1), /found policy "encrpyt" in 480 more rows/);
  t.end();
});

t.test('the main file itself', (t) => {
  const bench = workbench(t);
  const bad = (name: string, want: RegExp) => {
    const problems = problemsOf(bench.load(name), bench.folder);
    t.equal(problems.length, 1);
    t.match(problems[0], want);
  };
  bad('absent.ini', /^absent\.ini: found ".*absent\.ini", which does not exist, expected a readable file$/);
  bad('.', /not a regular file/);
  bad('a/b', /which does not exist/);
  bench.write('file', '');
  bad('file/x', /one part of the path is not a folder/);
  bad(`${'x'.repeat(300)}`, /which cannot be read \(ENAMETOOLONG\)/);
  bench.write('empty.ini', '');
  bad('empty.ini', /^empty\.ini: \[service\]: found no socket for the MTA/);
  t.end();
});
