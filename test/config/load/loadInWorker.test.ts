import { renameSync } from 'node:fs';
import t from 'tap';
import { loadConfig } from '../../../src/config/load/load.ts';
import { loadInWorker, startReload } from '../../../src/config/load/loadInWorker.ts';
import { SLICE } from '../../../src/config/load/loadJob.ts';
import { diffTables, MAX_LINES, NO_DIFFERENCE } from '../../../src/config/load/tableDiff.ts';
import { parsePath } from '../../../src/core/address.ts';
import { PolicyTable } from '../../../src/core/table.ts';
import {
  type Bench,
  newSeed,
  problemsOf,
  Random,
  SERVICE,
  TODAY,
  tableOf,
  workbench,
} from '../configFixture.ts';

function tableFrom(bench: Bench, content: string): PolicyTable {
  bench.write('tls.ini', SERVICE + content);
  return tableOf(bench.load());
}

t.test('differences in words', (t) => {
  const bench = workbench(t);
  const differs = (before: string, after: string, ...want: string[]) => {
    const difference = diffTables(tableFrom(bench, before).packed, tableFrom(bench, after).packed);
    t.strictSame(difference.lines, want);
    t.equal(difference.added + difference.removed + difference.changed, want.length);
  };
  differs('[domains]\na.example = may\n', '[domains]\na.example = may\n');
  differs(
    '[domains]\na.example = may\n',
    '\n\n[domains]\n; moved\nb.a.example = none\nA.example = "may"\n',
    '+ b.a.example: none',
  );
  differs(
    '[domains]\nbank.example = may\n',
    '[domains]\nbank.example = encrypt\n',
    'bank.example: may → encrypt',
  );
  differs(
    '[domains]\na.example = may\nb.example = may\nc.example = may\n',
    '[domains]\nd.example = may\nc.example = none\na.example = may\n',
    'c.example: may → none',
    '+ d.example: may',
    '- b.example: may',
  );
  differs(
    '[policy p]\nreceive = encrypt\n[domains]\na.example = p\n',
    '[policy p]\nreceive = verify\nmin-bits = 256\nbanner = header, body\n[domains]\na.example = p\n',
    'a.example: p (receive encrypt → verify, min-bits 128 → 256, banner nothing → header, body)',
  );
  differs(
    '[policy p]\nreceive = encrypt\n[policy q]\nreceive = encrypt\n[domains]\na.example = p\n',
    '[policy p]\nreceive = encrypt\n[policy q]\nreceive = encrypt\n[domains]\na.example = q\n',
    'a.example: p → q',
  );
  differs(
    '[domains]\na.example = may\n',
    '[domain a.example]\nreceive = encrypt\nuntil = 2027-01-01\n',
    'a.example: may → own section (receive may → encrypt, until nothing → 2027-01-01)',
  );
  differs('[domains]\na.example = may\n', '[domain a.example]\n', 'a.example: may → own section');
  differs(
    '[domain a.example]\ncontact = one\n',
    '[domain a.example]\ncontact = two\n',
    'a.example: own section (contact one → two)',
  );
  differs(
    '[domain a.example]\nreason = one\n',
    '[domains]\na.example = may\n',
    'a.example: own section → may (reason one → nothing)',
  );
  // what a row inherits is what counts, not through how many policies
  differs(
    '[policy p]\nbased-on = encrypt\n[domains]\na.example = p\n',
    '[policy q]\nbased-on = encrypt\n[policy p]\nbased-on = q\n[domains]\na.example = p\n',
  );
  differs('', '[domains]\na.example = may\n', '+ a.example: may');
  differs('[domains]\na.example = may\n', '', '- a.example: may');
  t.end();
});

t.test('counts are complete, lines are kept up to a limit', (t) => {
  const bench = workbench(t);
  const rows = (from: number, to: number, policy: string) =>
    Array.from({ length: to - from }, (_, i) => `d${from + i}.example = ${policy}\n`).join('');
  const before = tableFrom(bench, `[domains]\n${rows(0, 900, 'may')}`);
  const after = tableFrom(bench, `[domains]\n${rows(300, 600, 'encrypt')}${rows(600, 1400, 'may')}`);
  const difference = diffTables(before.packed, after.packed);
  t.match(difference, { added: 500, removed: 300, changed: 300 });
  t.equal(difference.lines.length, MAX_LINES);
  t.equal(difference.lines[0], 'd300.example: may → encrypt');
  t.end();
});

t.test('differences are those of two maps', (t) => {
  const random = new Random(newSeed());
  t.comment(`seed ${random.seed}`);
  const bench = workbench(t);
  for (let run = 0; run < 60; run++) {
    const make = () =>
      new Map(
        Array.from({ length: random.below(60) }, () => [
          `d${random.below(40)}.example`,
          random.pick(['may', 'none', 'encrypt']),
        ]),
      );
    const tables = [make(), make()] as const;
    const [old, next] = tables.map((rows) =>
      tableFrom(bench, `[domains]\n${[...rows].map(([name, policy]) => `${name} = ${policy}\n`).join('')}`),
    );
    const [a, b] = tables;
    const want = {
      added: [...b.keys()].filter((name) => !a.has(name)).length,
      removed: [...a.keys()].filter((name) => !b.has(name)).length,
      changed: [...b].filter(([name, policy]) => a.has(name) && a.get(name) !== policy).length,
    };
    const { added, removed, changed } = diffTables(old!.packed, next!.packed);
    if (added !== want.added || removed !== want.removed || changed !== want.changed)
      t.fail('differs', { want });
  }
  t.pass('60 pairs');
  t.end();
});

t.test('a worker gives what the loader gives', async (t) => {
  const bench = workbench(t);
  const content = `${SERVICE}[policy p]\nreceive = encrypt\n[domains]\na.example = p\n.b.example = verify\n* = may\n[domain c.example]\ncontact = x\nuntil = 2001-01-01\n`;
  const file = bench.write('tls.ini', content);
  const here = loadConfig(file, TODAY);
  const there = await loadInWorker(file, TODAY);
  t.ok(there.ok && here.ok);
  t.strictSame(there, here);
  if (there.ok) t.ok(there.packed.names.buffer instanceof SharedArrayBuffer);
});

t.test('mistakes come back the same way', async (t) => {
  const bench = workbench(t);
  const file = bench.write('tls.ini', `${SERVICE}[domains]\na.example = my\n`);
  const { loaded, difference } = startReload(file, null, TODAY);
  t.strictSame(problemsOf(await loaded, bench.folder), [
    'tls.ini:4: [domains] a.example: found policy "my", expected a known policy (did you mean may?)',
  ]);
  t.strictSame(await difference, NO_DIFFERENCE);
  const absent = await loadInWorker(bench.path('absent.ini'));
  t.match(absent, { ok: false, problems: [{ found: /does not exist/ }] });
});

t.test('a reload swaps one reference, or leaves it', async (t) => {
  const bench = workbench(t);
  let active = tableFrom(bench, '[domains]\nbank.example = may\n');
  const reload = async () => {
    const { loaded, difference } = startReload(bench.path('tls.ini'), active.packed, TODAY);
    const next = await loaded;
    if (next.ok) active = new PolicyTable(next.packed, active.generation + 1, next.hash);
    return { ok: next.ok, difference: await difference };
  };
  const policyNow = () => active.rowsFor(parsePath('x@bank.example'))[0]?.settings.receive;
  bench.write('new.ini', `${SERVICE}[domains]\nbank.example = encrypt\n`);
  renameSync(bench.path('new.ini'), bench.path('tls.ini'));
  t.equal(policyNow(), 'may');
  t.strictSame(await reload(), {
    ok: true,
    difference: { added: 0, removed: 0, changed: 1, rules: 0, lines: ['bank.example: may → encrypt'] },
  });
  t.equal(policyNow(), 'encrypt');
  t.equal(active.generation, 2);
  bench.write('tls.ini', `${SERVICE}[domains]\nbank.example = none\nbank.example = may\n`);
  t.strictSame(await reload(), { ok: false, difference: NO_DIFFERENCE });
  t.equal(policyNow(), 'encrypt', 'the old table stays');
  t.equal(active.generation, 2);
});

t.test('settings that cross in several slices arrive in order', async (t) => {
  const bench = workbench(t);
  const sections = (contact: string) =>
    Array.from(
      { length: SLICE * 2 + 7 },
      (_, i) => `[domain d${i}.example]\ncontact = ${contact}${i % 50 === 0 ? '' : i}\n`,
    );
  const old = tableFrom(bench, sections('a').join(''));
  const file = bench.write(
    'tls.ini',
    SERVICE +
      sections('b')
        .map((text, i) => (i === 399 ? text : text.replace('= b', '= a')))
        .join(''),
  );
  const { loaded, difference } = startReload(file, old.packed, TODAY);
  const next = await loaded;
  t.strictSame(next, loadConfig(file, TODAY));
  t.strictSame((await difference).lines, ['d399.example: own section (contact a399 → b399)']);
});

t.test('a worker that cannot run is a configuration that cannot be loaded', async (t) => {
  const bench = workbench(t);
  const old = tableFrom(bench, '[domains]\na.example = may\n');
  // a function cannot be handed to a worker
  const broken = { ...old.packed, names: (() => 0) as unknown as Uint8Array };
  const { loaded, difference } = startReload(bench.path('tls.ini'), broken, TODAY);
  t.match(await loaded, {
    ok: false,
    problems: [{ line: 0, found: /^a loader that stopped \(.*could not be cloned/ }],
  });
  t.match(await difference, { changed: 0, lines: [/^not known: the loader stopped/] });
});

t.test('a worker that fails in the middle', async (t) => {
  const bench = workbench(t);
  const old = tableFrom(bench, '[domains]\na.example = may\n');
  // the difference trips over it, after the new table was handed over
  const broken = { ...old.packed, starts: null as unknown as Uint32Array };
  const { loaded, difference } = startReload(bench.path('tls.ini'), broken, TODAY);
  t.equal((await loaded).ok, true);
  t.match(await difference, { changed: 0, lines: [/^not known: the loader stopped/] });
});
