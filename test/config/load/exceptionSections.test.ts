/**
 * `[exception PATTERN]`: laid over the row that would apply otherwise, changing what it says and nothing else; where it
 * stands; the file of exceptions; the text of that file edited without touching a foreign byte.
 */
import { chmodSync, symlinkSync } from 'node:fs';
import { relative } from 'node:path';
import t from 'tap';
import { decodeIniText } from '../../../src/config/ini/iniText.ts';
import { Invalid } from '../../../src/config/ini/problem.ts';
import { addDays, daysBetween, overdueOf, sortDated } from '../../../src/config/keys/day.ts';
import { parsePattern } from '../../../src/config/keys/pattern.ts';
import { coveredBy } from '../../../src/config/load/exceptionSections.ts';
import { formatHalf, withException, withoutException } from '../../../src/config/load/exceptionsFile.ts';
import { diffTables } from '../../../src/config/load/tableDiff.ts';
import { parsePath } from '../../../src/core/address.ts';
import type { PolicyTable, Row } from '../../../src/core/table.ts';
import {
  assertNotices,
  newSeed,
  noticesOf,
  problemsOf,
  Random,
  SERVICE,
  tableOf,
  workbench,
} from '../configFixture.ts';

const ENDS = 'until = 2026-12-31\nreason = ticket 4711\n';
const PARTNER = '[policy partner]\nreceive = encrypt\nmin-bits = 256\nviolation = defer\n';

function rowFor(table: PolicyTable, pattern: string): Row {
  const number = table.find(pattern);
  if (number < 0) throw new Error(`no row for ${pattern}`);
  return table.row(number);
}

function loadedTable(t: Parameters<typeof workbench>[0], content: string, exceptions = ''): PolicyTable {
  const bench = workbench(t);
  bench.write('tls.ini', SERVICE + content);
  if (exceptions !== '') bench.write('exceptions.ini', exceptions);
  return tableOf(bench.load());
}

t.test('an exception takes the place of its row and changes what it says', (t) => {
  const table = loadedTable(
    t,
    `${PARTNER}[domain bank.example]\npolicy = partner\nhelp = https://x.example\n[exception bank.example]\nreceive = may\n${ENDS}`,
  );
  t.equal(table.rows, 1);
  const { settings, at } = rowFor(table, 'bank.example');
  t.match(settings, {
    receive: 'may',
    minBits: 256,
    violation: 'defer',
    help: 'https://x.example',
    until: '2026-12-31',
    reason: 'ticket 4711',
    lineage: ['exception bank.example', 'domain bank.example', 'policy partner', 'built-in may'],
  });
  t.equal(at.line, 10);
  t.equal(table.packed.settings.length, 1, 'what it replaced is in force nowhere');
  t.equal(table.strictest.tls, false);
  t.end();
});

t.test('other rows of the policy stay', (t) => {
  const rows = '[domains]\na.example = partner\nb.example = partner\n';
  const table = loadedTable(t, `${PARTNER}${rows}[exception a.example]\nreceive = none\n${ENDS}`);
  t.equal(rowFor(table, 'a.example').settings.receive, 'none');
  t.equal(rowFor(table, 'b.example').settings.receive, 'encrypt');
  t.equal(table.strictest.tls, true);
  const both = loadedTable(
    t,
    `${PARTNER}${rows}[exception a.example]\nreceive = may\n${ENDS}[exception b.example]\nreceive = may\n${ENDS}`,
  );
  t.equal(both.strictest.tls, false, 'no row of the policy is left');
  t.end();
});

t.test('what it starts from', (t) => {
  const says = (content: string, pattern: string, ...lineage: string[]) => {
    const table = loadedTable(t, `${content}[exception ${pattern}]\nmode = observe\n${ENDS}`);
    t.strictSame(rowFor(table, pattern).settings.lineage, [`exception ${pattern}`, ...lineage], pattern);
  };
  const rows = `[policy p]\n[policy q]\n[policy r]\n[domains]\n.example = p\n.bank.example = q\n* = r\n`;
  says(rows, 'bank.example', 'policy p', 'built-in may');
  says(rows, 'x.bank.example', 'policy q', 'built-in may');
  says(rows, '.sub.bank.example', 'policy q', 'built-in may');
  says(rows, '.bank.example', 'policy q', 'built-in may');
  says(rows, 'boss@bank.example', 'policy p', 'built-in may');
  says(rows, '[mx.bank.example]:587', 'policy q', 'built-in may');
  says(rows, 'other.test', 'policy r', 'built-in may');
  says(rows, '[192.0.2.1]', 'policy r', 'built-in may');
  says(rows, '*', 'policy r', 'built-in may');
  says(rows, '<>', 'built-in may');
  says('[policy p]\n[domains]\nbank.example = p\n', 'boss@bank.example', 'policy p', 'built-in may');
  says('[policy p]\n[domains]\nbank.example = p\n', '.bank.example', 'built-in may');
  says('', 'bank.example', 'built-in may');
  says('[domain [mx.example]]\n', '[mx.example]:25', 'domain [mx.example]', 'built-in may');
  t.end();
});

t.test('it finds the row that the table finds', (t) => {
  const random = new Random(newSeed());
  t.comment(`seed ${random.seed}`);
  const names = ['a.example', '.a.example', 'b.a.example', '.b.a.example', '.example', '*', 'x@a.example'];
  for (let run = 0; run < 100; run++) {
    const rows = names
      .filter(() => random.below(2) === 0)
      .map((name, i) => `[domain ${name}]\nmin-bits = ${i}\n`);
    const name = random.pick(['a.example', 'b.a.example', 'c.b.a.example', 'other.test']);
    const before = loadedTable(t, `${rows.join('')}[domain <>]\n`);
    const number = before.findDomain(name);
    const after = loadedTable(
      t,
      `${rows.join('')}[domain <>]\n[exception ${name}]\nviolation = hold\n${ENDS}`,
    );
    const [exception] = after.rowsFor(parsePath(`someone@${name}`));
    const want = number < 0 ? 128 : before.row(number).settings.minBits;
    if (exception?.pattern !== name || exception.settings.minBits !== want)
      t.fail(`${name} over ${rows.join('')}`);
  }
  t.pass('100 tables');
  t.end();
});

t.test('an exception may start from a wider one, in any order', (t) => {
  const table = loadedTable(
    t,
    `[domains]\n.bank.example = encrypt\n[exception x.bank.example]\ndeliver = may\n${ENDS}[exception .bank.example]\nreceive = may\nuntil = 2026-12-30\nreason = wide\n`,
  );
  const { settings } = rowFor(table, 'x.bank.example');
  t.match(settings, { receive: 'may', deliver: 'may', reason: 'ticket 4711', until: '2026-12-31' });
  t.strictSame(settings.lineage, ['exception x.bank.example', 'exception .bank.example', 'built-in encrypt']);
  t.end();
});

t.test('names of a certificate stay those of the row it is an exception from', (t) => {
  const wide = '[domain .bank.example]\nreceive = verify\n';
  const names = (exception: string, pattern = 'x.bank.example') =>
    rowFor(loadedTable(t, `${wide}[exception ${pattern}]\n${exception}${ENDS}`), pattern).settings
      .clientNames;
  t.strictSame(names('violation = hold\n'), ['.bank.example']);
  t.strictSame(names('receive = verify\n'), [], 'its own word: its own domain');
  t.strictSame(names('client-names = mx.x.example\n'), ['mx.x.example']);
  t.strictSame(names('violation = hold\n', '.bank.example'), []);
  t.end();
});

t.test('a reload says what an exception changes, and that it ends', (t) => {
  const rows = '[domains]\nbank.example = encrypt\n';
  const with_ = `${rows}[exception bank.example]\nreceive = may\n${ENDS}`;
  const lines = (before: string, after: string) =>
    diffTables(loadedTable(t, before).packed, loadedTable(t, after).packed).lines;
  const fields = 'receive encrypt → may, reason nothing → ticket 4711, until nothing → 2026-12-31';
  t.strictSame(lines(rows, with_), [`bank.example: encrypt → exception (${fields})`]);
  t.strictSame(lines(with_, with_.replace('= may', '= none')), [
    'bank.example: exception (receive may → none)',
  ]);
  t.match(lines(with_, rows)[0], /^bank\.example: exception → encrypt \(receive may → encrypt, /);
  t.strictSame(lines('', `[exception a.example]\n${ENDS}`), ['+ a.example: exception']);
  t.end();
});

t.test('lists of what ends', (t) => {
  const bench = workbench(t);
  bench.write(
    'tls.ini',
    `${SERVICE}[policy p]\nuntil = 2026-11-01\n[domain b.example]\npolicy = p\nuntil = 2027-01-01\nreason = r\n[domains]\na.example = verify\n[exception a.example]\nreceive = may\ncontact = x@a.example\n${ENDS}`,
  );
  const loaded = bench.load();
  t.ok(loaded.ok);
  if (!loaded.ok) throw new Error('not loaded');
  t.strictSame(
    loaded.dated.map(({ line, where, until, reason }) => [line, where, until, reason]),
    [
      [4, '[policy p]', '2026-11-01', null],
      [14, '[exception a.example]', '2026-12-31', 'ticket 4711'],
      [7, '[domain b.example]', '2027-01-01', 'r'],
    ],
  );
  t.strictSame(
    loaded.exceptions.map(({ file, ...rest }) => ({ ...rest, file: relative(bench.folder, file) })),
    [
      {
        file: 'tls.ini',
        line: 11,
        pattern: 'a.example',
        until: '2026-12-31',
        reason: 'ticket 4711',
        contact: 'x@a.example',
        changes: ['receive encrypt → may'],
      },
    ],
  );
  t.strictSame(overdueOf(loaded.dated, '2026-11-02').length, 1);
  t.strictSame(overdueOf(loaded.dated, '2026-11-01').length, 0, 'the last good day is good');
  t.end();
});

t.test('notices', (t) => {
  const says = (content: string, ...want: string[]) => assertNotices(t, content, ...want);
  says(`[exception a.example]\nreceive = encrypt\n${ENDS}`);
  // no socketmap-listen, and still both legs: an exception is written for whatever is served
  says(`[exception a.example]\nreceive = none\ndeliver = may\n${ENDS}`);
  says(
    `[exception a.example]\nreceive = encrypt\n${ENDS.replace('2026-12-31', '2026-11-21')}`,
    'tls.ini:5: [exception a.example] until: expired on 2026-11-21 (still in force)',
  );
  says(
    `[domains]\na.example = encrypt\n[exception a.example]\nreceive = encrypt\n${ENDS}`,
    'tls.ini:5: [exception a.example]: changes nothing: the row has the same settings',
  );
  const mistaken = workbench(t);
  mistaken.write('tls.ini', `${SERVICE}[exception a.example]\ndeliver = secrue\n${ENDS}`);
  t.strictSame(noticesOf(mistaken.load(), mistaken.folder), [], 'not said of what could not be read');
  t.end();
});

t.test('the file of exceptions', (t) => {
  const bench = workbench(t);
  const main = (service = '') =>
    bench.write('tls.ini', `${SERVICE}${service}[domains]\nbank.example = encrypt\n`);
  main();
  t.strictSame(bench.load().files, [bench.path('tls.ini')], 'it need not be there');
  const file = bench.write('exceptions.ini', `[exception bank.example]\nreceive = may\n${ENDS}`);
  const loaded = bench.load();
  const table = tableOf(loaded);
  t.strictSame(loaded.files, [bench.path('tls.ini'), file]);
  t.strictSame(rowFor(table, 'bank.example').at, { file, line: 1 });
  bench.write('exceptions.ini', `; a word more\n[exception bank.example]\nreceive = may\n${ENDS}`);
  t.not(tableOf(bench.load()).hash, table.hash, 'it is part of the hash');

  main('exceptions =\n');
  t.strictSame(bench.load().files.length, 1, 'empty: none');
  main('exceptions = other.ini\n');
  t.strictSame(bench.load().files.length, 1);

  main();
  bench.write('trial.ini', '[exception bank.example]\n');
  t.strictSame(problemsOf(bench.load(), bench.folder), [], 'a trial is only read when it is asked for');

  const says = (service: string, want: RegExp) => {
    main(service);
    const problems = problemsOf(bench.load(), bench.folder);
    t.equal(problems.length, 1, problems.join('\n'));
    t.match(problems[0], want);
  };
  chmodSync(file, 0o646);
  says('', /^tls\.ini: \[service\] exceptions: found "exceptions\.ini", which everyone can write to/);
  chmodSync(file, 0o644);
  says(
    'exceptions = ../x.ini\n',
    /^tls\.ini:3: \[service\] exceptions: found .* \("\.\." leads out of that folder\)$/,
  );
  says('exceptions = /x.ini\n', /leads out/);
  says('exceptions = *.ini\n', /expected the name of one file/);
  says('exceptions = tls.ini\n', /which has already been read, expected a file of its own/);
  says('exceptions = sub/\n', /found "sub\/"/);
  symlinkSync('nowhere', bench.path('link.ini'));
  says('exceptions = link.ini\n', /"link\.ini", which does not exist/);
  bench.write(
    'exceptions.ini',
    `[service]\ninclude = x\n[domains]\na.example = may\n[domain b.example]\nbogus = 1\n[exception c.example]\n${ENDS}`,
  );
  main();
  t.strictSame(problemsOf(bench.load(), bench.folder), [
    'exceptions.ini:1: [service]: found "[service]", expected only [exception PATTERN] (it belongs in another file)',
    'exceptions.ini:3: [domains]: found "[domains]", expected only [exception PATTERN] (it belongs in another file)',
    'exceptions.ini:5: [domain b.example]: found "[domain]", expected only [exception PATTERN] (it belongs in another file)',
  ]);
  t.end();
});

t.test('editing the file leaves every other byte', (t) => {
  const entries = [
    ['until', '2026-12-31'],
    ['reason', 'x; y'],
  ] as const;
  const section = '[exception bank.example]\nuntil  = 2026-12-31\nreason = "x; y"\n';
  const put = (text: string) => withException(text, 'bank.example', entries);
  t.equal(put(''), section);
  t.equal(put('; hello\n'), `; hello\n\n${section}`);
  t.equal(put('; hello'), `; hello\n\n${section}`);
  t.equal(put('; hello\r\n'), `; hello\r\n\r\n${section.replaceAll('\n', '\r\n')}`);
  const before = '; one\n[exception a.example]\nuntil = 2026-01-01 ; why\n\n; two\n';
  const own = '  [ exception BANK.example. ] ; mine\n; three\nuntil=2020-01-01\n ; four\nreceive = may\n';
  const after = '; five\n\n[exception z.example]\n# six\nreason = z';
  t.equal(
    put(before + own + after),
    `${before}  [ exception BANK.example. ] ; mine\nuntil  = 2026-12-31\nreason = "x; y"\n; three\n ; four\n${after}`,
  );
  t.equal(withoutException(before + own + after, 'bank.example'), before + after);
  t.equal(withoutException(before, 'bank.example'), null);
  t.equal(put('[exception bank.example]'), section);

  const random = new Random(newSeed());
  t.comment(`seed ${random.seed}`);
  for (let run = 0; run < 300; run++) {
    const lines = Array.from({ length: random.below(12) }, () =>
      random.pick(['; c\n', '\n', '[exception a.example]\n', 'until = 2026-01-01\n', '# é\n', '  \n']),
    );
    const text = lines.join('');
    const changed = put(text);
    if (changed === null || withoutException(changed, 'bank.example') !== text) t.fail(JSON.stringify(text));
  }
  t.pass('300 files');
  t.end();
});

t.test('texts as they must be written', (t) => {
  const random = new Random(newSeed());
  t.comment(`seed ${random.seed}`);
  for (const text of [
    'plain',
    'a; b',
    "'x'",
    '"x"',
    'a # b',
    'true',
    ' 12',
    '\\',
    'a = b',
    '[x]',
    'ü→',
    '{"a":1}',
  ]) {
    const half = formatHalf(text);
    t.equal(half === null ? null : decodeIniText(half), text, text);
  }
  t.equal(formatHalf('a\nb'), null);
  for (let run = 0; run < 2000; run++) {
    const text = random.text('ab ;#"\'\\=[]{}é,:1.', 12, 1);
    const half = formatHalf(text);
    if (half !== null && decodeIniText(half) !== text) t.fail(text);
  }
  t.pass('2000 texts');
  t.end();
});

t.test('days', (t) => {
  t.equal(addDays('2026-12-20', 14), '2027-01-03');
  t.equal(addDays('2028-02-28', 1), '2028-02-29');
  t.equal(daysBetween('2026-11-22', '2026-12-22'), 30);
  t.equal(daysBetween('2026-11-22', '2026-11-20'), -2);
  const at = { file: 'f', line: 1, where: '', reason: null };
  t.strictSame(
    sortDated([
      { ...at, until: '2026-02-01' },
      { ...at, until: '2025-12-01' },
    ]).map(({ until }) => until),
    ['2025-12-01', '2026-02-01'],
  );
  const pattern = parsePattern('a@b.c.example');
  t.ok(!(pattern instanceof Invalid));
  if (!(pattern instanceof Invalid))
    t.strictSame(coveredBy(pattern), ['b.c.example', '.c.example', '.example', '*']);
  t.end();
});
