import { execFileSync } from 'node:child_process';
import { chmodSync, linkSync, mkdirSync, symlinkSync, truncateSync } from 'node:fs';
import { relative } from 'node:path';
import t from 'tap';
import { findIncluded, globMatches, othersWho } from '../../../src/config/load/files.ts';
import { loadConfig } from '../../../src/config/load/load.ts';
import { leastThreadMs } from '../../measured.ts';
import { type Bench, noticesOf, problemsOf, TODAY, tableOf, workbench } from '../configFixture.ts';

const head = (include: string) => `[service]\npolicy-listen = unix:/run/p.sock\ninclude = ${include}\n`;

/** The folder's configuration loads, and has read these files in this order. */
function reads(t: Pick<typeof import('tap').default, 'strictSame'>, bench: Bench, ...want: string[]): void {
  const loaded = bench.load();
  t.strictSame(problemsOf(loaded, bench.folder), []);
  t.strictSame(
    loaded.files.map((file) => relative(bench.folder, file)),
    want,
  );
}

t.test('patterns, lists and nested includes, in order', (t) => {
  const bench = workbench(t);
  bench.write('tls.ini', `${head('d/*.ini, more.ini, d/0?.ini')}[domains]\n* = may\n`);
  bench.write('d/10.ini', '[domains]\nten.example = may\n');
  bench.write('d/02.ini', '[service]\ninclude = sub/x.ini\n[domains]\ntwo.example = may\n');
  bench.write('d/sub/x.ini', '[domains]\nx.example = late\n');
  bench.write('d/.hidden.ini', 'nonsense');
  bench.write('d/note.txt', 'nonsense');
  bench.write('more.ini', '[policy late]\nreceive = encrypt\n');
  reads(t, bench, 'tls.ini', 'd/02.ini', 'd/sub/x.ini', 'd/10.ini', 'more.ini');
  const table = tableOf(bench.load());
  const row = table.row(table.find('x.example'));
  t.equal(relative(bench.folder, row.at.file), 'd/sub/x.ini');
  t.equal(row.at.line, 2);
  t.equal(row.settings.receive, 'encrypt');
  t.end();
});

t.test('a configuration named by a relative path', (t) => {
  const bench = workbench(t);
  const main = bench.write('tls.ini', `${head('d/*.ini')}[domains]\n* = may\n`);
  bench.write('d/1.ini', '[domains]\none.example = may\n');
  const name = relative(process.cwd(), main);
  const loaded = loadConfig(name, TODAY);
  t.ok(loaded.ok);
  t.strictSame(loaded.files, [name, name.replace(/tls\.ini$/, 'd/1.ini')]);
  t.end();
});

t.test('an absolute path below the folder', (t) => {
  const bench = workbench(t);
  bench.write('tls.ini', `${head(bench.path('d/*.ini'))}[domains]\n* = may\n`);
  bench.write('d/1.ini', '[domains]\none.example = may\n');
  reads(t, bench, 'tls.ini', 'd/1.ini');
  t.end();
});

t.test('matching nothing is worth a notice, a named file must exist', (t) => {
  const bench = workbench(t);
  bench.write('tls.ini', `${head('*.conf, absent/*.ini, domains.d/*.ini')}[domains]\n* = may\n`);
  mkdirSync(bench.path('absent'));
  t.strictSame(noticesOf(bench.load(), bench.folder), [
    'tls.ini:3: [service] include: nothing matches "*.conf"',
    'tls.ini:3: [service] include: nothing matches "absent/*.ini"',
    'tls.ini:3: [service] include: nothing matches "domains.d/*.ini"',
  ]);
  bench.write('tls.ini', head('absent/one.ini'));
  t.match(problemsOf(bench.load(), bench.folder), [/"absent\/one\.ini", which does not exist/]);
  t.end();
});

t.test('one file under two names is read once', (t) => {
  const bench = workbench(t);
  bench.write('tls.ini', `${head('d/*.ini')}[domains]\n* = may\n`);
  bench.write('d/1.ini', '[domains]\none.example = may\n');
  linkSync(bench.path('d/1.ini'), bench.path('d/2.ini'));
  symlinkSync('1.ini', bench.path('d/3.ini'));
  reads(t, bench, 'tls.ini', 'd/1.ini');
  t.end();
});

t.test('loops name the files of the loop', (t) => {
  const bench = workbench(t);
  bench.write('tls.ini', head('*.ini'));
  t.match(problemsOf(bench.load(), bench.folder), [
    /: found a cycle of includes: tls\.ini → tls\.ini, expected/,
  ]);
  bench.write('tls.ini', head('a/1.ini'));
  bench.write('a/1.ini', '[service]\ninclude = 2.ini\n');
  bench.write('a/2.ini', '[service]\ninclude = 1.ini\n');
  t.strictSame(problemsOf(bench.load(), bench.folder), [
    'a/2.ini:2: [service] include: found a cycle of includes: a/1.ini → a/2.ini → a/1.ini, expected files that do not include each other',
  ]);
  t.end();
});

t.test('includes go sixteen files deep', (t) => {
  const bench = workbench(t);
  const depth = (deepest: number) => {
    bench.write('tls.ini', `${head('1.ini')}[domains]\n* = may\n`);
    for (let i = 1; i <= deepest; i++)
      bench.write(`${i}.ini`, i < deepest ? `[service]\ninclude = ${i + 1}.ini\n` : '');
    return problemsOf(bench.load(), bench.folder);
  };
  t.strictSame(depth(16), []);
  t.match(depth(17), [/^16\.ini:2: .*includes nested too deeply/]);
  t.end();
});

t.test('symbolic links may not lead out of the folder', (t) => {
  const outside = workbench(t);
  outside.write('x.ini', '[domains]\nx.example = may\n');
  const bench = workbench(t);
  bench.write('tls.ini', `${head('d/*.ini')}[domains]\n* = may\n`);
  mkdirSync(bench.path('d'));
  symlinkSync(outside.path('x.ini'), bench.path('d/x.ini'));
  t.match(problemsOf(bench.load(), bench.folder), [
    /"d\/x\.ini", a link to ".*\/x\.ini", expected a path below/,
  ]);
  bench.write('tls.ini', `${head('out/x.ini')}[domains]\n* = may\n`);
  symlinkSync(outside.folder, bench.path('out'));
  t.match(problemsOf(bench.load(), bench.folder), [/"out\/x\.ini", a link to/]);
  // a dangling one, and one that goes round
  bench.write('tls.ini', head('gone.ini, round.ini, g*.ini'));
  symlinkSync('nowhere', bench.path('gone.ini'));
  symlinkSync('round.ini', bench.path('round.ini'));
  t.match(problemsOf(bench.load(), bench.folder), [
    /"gone\.ini", which does not exist/,
    /"round\.ini", a loop of symbolic links/,
    /"g\*\.ini", which does not exist/,
  ]);
  t.end();
});

t.test('the folder itself may be reached by a link, as may the main file', (t) => {
  const bench = workbench(t);
  bench.write('real/tls.ini', `${head('..data/*.ini')}[domains]\n* = may\n`);
  bench.write('real/..data/x.ini', '[domains]\nx.example = may\n');
  symlinkSync('real', bench.path('link'));
  t.equal(tableOf(bench.load('link/tls.ini')).rows, 2);
  symlinkSync('real/tls.ini', bench.path('tls.ini'));
  bench.write('..data/y.ini', '[domains]\ny.example = may\n');
  t.ok(tableOf(bench.load()).find('y.example') >= 0, 'includes start where the main file was named');
  t.end();
});

t.test('files that others could have written', (t) => {
  const bench = workbench(t);
  const main = bench.write('tls.ini', `${head('d/x.ini')}[domains]\n* = may\n`);
  const included = bench.write('d/x.ini', '');
  const says = (want: RegExp) => t.match(problemsOf(bench.load(), bench.folder), [want]);
  chmodSync(main, 0o646);
  says(/^tls\.ini: found ".*tls\.ini", which everyone can write to \(mode 0646\), .* \(chmod o-w\)$/);
  chmodSync(main, 0o644);
  chmodSync(included, 0o666);
  says(/^tls\.ini:3: \[service\] include: found "d\/x\.ini", which everyone can write to/);
  chmodSync(included, 0o644);
  chmodSync(bench.path('d'), 0o777);
  says(/found "d\/x\.ini" in "d", a folder that everyone can write to/);
  chmodSync(bench.path('d'), 0o1777);
  t.strictSame(
    problemsOf(bench.load(), bench.folder),
    [],
    'with the sticky bit only owners can replace files',
  );
  chmodSync(bench.path('d'), 0o755);
  // a link to a file in such a folder is no better
  mkdirSync(bench.path('open'));
  bench.write('open/y.ini', '');
  chmodSync(bench.path('open'), 0o777);
  symlinkSync('../open/y.ini', bench.path('d/y.ini'));
  bench.write('tls.ini', head('d/y.ini'));
  says(/found "d\/y\.ini" in "open", a folder that everyone can write to/);
  t.end();
});

t.test(
  'a group other than root that can write is mentioned',
  { skip: process.getuid?.() !== 0 && 'needs root' },
  (t) => {
    const bench = workbench(t);
    const main = bench.write('tls.ini', '[service]\npolicy-listen = unix:/run/p.sock\n[domains]\n* = may\n');
    chmodSync(main, 0o664);
    t.strictSame(noticesOf(bench.load(), bench.folder), [], "root's group");
    execFileSync('chgrp', ['12345', main]);
    t.strictSame(noticesOf(bench.load(), bench.folder), [
      'tls.ini: group 12345 can write this file (mode 0664)',
    ]);
    t.end();
  },
);

t.test(
  'who else can change a file, its folder or the folder of a socket is mentioned',
  { skip: process.getuid?.() !== 0 && 'needs root' },
  (t) => {
    // tap's own folders lie in one that may belong to anybody
    const bench = workbench(t);
    mkdirSync(bench.path('d'), 0o755);
    mkdirSync(bench.path('s'), 0o755);
    const row = bench.write('d/x.ini', '[domains]\n* = may\n');
    bench.write(
      'exceptions.ini',
      '[exception x.example]\nuntil = 2099-01-01\nreason = r\nreceive = encrypt\n',
    );
    const lines = ['control-listen = unix:s/c', 'policy-listen = unix:s/p', 'milter-listen = unix:m'];
    bench.write('tls.ini', `[service]\n${lines.join('\n')}\ninclude = d/x.ini\n`);
    const notices = (): readonly string[] => noticesOf(bench.load(), bench.folder);
    t.strictSame(notices(), []);
    execFileSync('chgrp', ['12345', bench.path('d'), bench.path('s'), bench.path('exceptions.ini')]);
    t.strictSame(notices(), [], 'a group without the right to write');
    for (const name of ['d', 's', 'exceptions.ini']) chmodSync(bench.path(name), 0o775);
    const reply = 'put a socket of their own into "s", and answer for the daemon';
    const noted = (): readonly string[] => notices().map((text) => text.replaceAll(`${bench.folder}/`, ''));
    t.strictSame(noted(), [
      `tls.ini:3: [service] policy-listen: group 12345 can ${reply}`,
      'd/x.ini: group 12345 can replace files in "d"',
      'exceptions.ini: group 12345 can write this file (mode 0775)',
    ]);
    for (const name of ['d', 'exceptions.ini']) chmodSync(bench.path(name), 0o755);
    for (const mode of [0o777, 0o1777]) {
      chmodSync(bench.path('s'), mode);
      t.strictSame(noted(), [`tls.ini:3: [service] policy-listen: everyone can ${reply}`]);
    }
    chmodSync(bench.path('s'), 0o755);
    execFileSync('chown', ['12345', row, bench.path('s')]);
    t.strictSame(noted(), [], 'root checks what another user reads');
    const who = (uid: number, mode: number): string | null => othersWho({ uid, gid: 777, mode }, 'do it');
    process.seteuid?.(54321);
    try {
      t.equal(who(12345, 0o100644), 'user 12345 can do it');
      t.equal(who(54321, 0o100644), null);
      t.equal(who(0, 0o100664), 'group 777 can do it');
      t.equal(who(0, 0o101664), 'group 777 can do it', 'the sticky bit of a file means nothing');
      t.equal(who(0, 0o041775), null, 'that of a folder does');
    } finally {
      process.seteuid?.(0);
    }
    t.end();
  },
);

t.test('files that cannot be read', { skip: process.getuid?.() === 0 && 'root can read everything' }, (t) => {
  const bench = workbench(t);
  chmodSync(bench.write('tls.ini', ''), 0o000);
  t.match(problemsOf(bench.load(), bench.folder), [/which may not be read/]);
  t.end();
});

t.test('things that are not files', (t) => {
  const bench = workbench(t);
  bench.write('tls.ini', head('fifo, folder.ini, /dev/zero'));
  execFileSync('mkfifo', [bench.path('fifo')]);
  mkdirSync(bench.path('folder.ini'));
  t.match(problemsOf(bench.load(), bench.folder), [
    /"fifo", not a regular file/,
    /"folder\.ini", not a regular file/,
    /"\/dev\/zero", expected a path below the folder/,
  ]);
  t.end();
});

t.test('a file larger than the limit is not even read', (t) => {
  const bench = workbench(t);
  const file = bench.write('tls.ini', '');
  truncateSync(file, 512 * 1024 * 1024 + 1);
  t.match(problemsOf(bench.load(), bench.folder), [/536870913 bytes, expected at most 536870912/]);
  t.end();
});

t.test('glob patterns', (t) => {
  const good = (pattern: string, ...names: string[]) => {
    for (const name of names) t.equal(globMatches(pattern, name), true, `${pattern} ${name}`);
  };
  const bad = (pattern: string, ...names: string[]) => {
    for (const name of names) t.equal(globMatches(pattern, name), false, `${pattern} ${name}`);
  };
  good('*', 'a', 'a.b');
  good('*.ini', 'a.ini', 'a.b.ini', 'ü.ini');
  good('?.ini', 'a.ini');
  good('a*b*c', 'abc', 'axbxbxc');
  good('.*', '.a');
  good('[a].ini', '[a].ini');
  bad('*', '.a');
  bad('*.ini', 'a.ini~', '.ini', 'a.INI');
  bad('?.ini', 'ab.ini', '.ini');
  bad('a*b*c', 'abcd', 'ac', 'acb');
  bad('[a].ini', 'a.ini');
  const ms = leastThreadMs(1000, () => {
    bad('*a'.repeat(100), 'a'.repeat(99));
    bad(`${'*a'.repeat(60)}b`, 'a'.repeat(255));
  });
  t.ok(ms < 1000, 'no pattern takes long');
  t.end();
});

t.test('a path with a NUL is an answer, not an exception', (t) => {
  const from = { path: '/x/tls.ini', name: 'tls.ini' };
  t.match(findIncluded('a\0b', from, '/x'), { found: /which cannot be read/ });
  t.end();
});
