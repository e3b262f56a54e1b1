/** The packed table: which row answers, against a naive search; and how it grows. */
import { test } from 'tap';
import { parsePath } from '../../src/core/address.ts';
import { DEFAULTS } from '../../src/core/settings.ts';
import { hashBytes, PolicyTable } from '../../src/core/table.ts';
import { TableBuilder } from '../../src/core/tableBuilder.ts';
import { generator } from '../mark/generator.ts';
import { tableOf } from './buildTables.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

test('most specific wins: address, exact, longest suffix, *', async (t) => {
  const rows = [
    '*',
    '<>',
    'example',
    '.example',
    'a.example',
    '.a.example',
    '.b.a.example',
    'boss@a.example',
    '[192.0.2.1]',
  ];
  const table = tableOf(rows.map((pattern) => [pattern, {}]));
  const match = (path: string, ...want: readonly string[]): void => {
    const found = table.rowsFor(parsePath(path)).map((row) => row.pattern);
    t.same(found.sort(), [...want].sort(), path);
  };
  match('<x@a.example>', 'a.example');
  match('<boss@a.example>', 'boss@a.example');
  match('<BOSS@A.Example.>', 'boss@a.example');
  match('<boss@b.a.example>', '.a.example');
  match('<x@c.b.a.example>', '.b.a.example');
  match('<x@d.c.b.a.example>', '.b.a.example');
  match('<x@ba.example>', '.example');
  match('<x@example>', 'example');
  match('<x@other>', '*');
  match('<x@[192.0.2.1]>', '[192.0.2.1]');
  match('<x@[192.0.2.2]>', '*');
  match('<>', '<>');
  match('<postmaster>', '*');
  match('<x@a.example', '*', 'a.example');
  match('<boss@a.example', '*', 'a.example', 'boss@a.example');
  match('<x@b.a.example(c@d.example)>', '*', '.a.example', '.example');

  const bare = tableOf([['a.example', {}]]);
  t.same(bare.rowsFor(parsePath('<x@other.example>')), [], 'without * there may be none');
  t.same(bare.rowsFor(parsePath('<>')), []);
  t.same(bare.rowsFor(parsePath('<postmaster>')), []);
  t.same(bare.rowsFor(parsePath('<x@.example')), []);
});

test('rows come back as they were written', async (t) => {
  const builder = new TableBuilder();
  const add = (pattern: string, tag: number, file: number, line: number): number => {
    const bytes = bytesOf(`xx${pattern}yy`);
    return builder.add(bytes, 2, bytes.length - 2, tag, file, line);
  };
  t.equal(add('a.example', 7, 0, 10), -1);
  t.equal(add('.a.example', 8, 1, 20), -1);
  t.equal(add('a.example', 9, 2, 30), 0, 'the row that was first');
  t.equal(builder.rows, 2);
  t.same(builder.position(0), { file: 0, line: 10 });
  const settings = [
    { ...DEFAULTS, reason: 'seven' },
    { ...DEFAULTS, reason: 'eight' },
  ];
  const table = new PolicyTable(
    builder.finish(settings, ['one.ini', 'two.ini'], (tag) => tag - 7),
    3,
    'abc',
  );
  t.equal(table.rows, 2);
  t.match(table.row(0), {
    pattern: 'a.example',
    settings: { reason: 'seven' },
    at: { file: 'one.ini', line: 10 },
  });
  t.match(table.row(1), {
    pattern: '.a.example',
    settings: { reason: 'eight' },
    at: { file: 'two.ini', line: 20 },
  });
  t.match(table, { generation: 3, hash: 'abc' });
  t.equal(table.packed.names.buffer.constructor.name, 'SharedArrayBuffer', 'a worker can hand it over');
});

test('the hash walks from the end', async (t) => {
  const bytes = bytesOf('mx.a.example');
  let hash = 0x811c9dc5;
  for (let i = bytes.length - 1; i >= 0; i--) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  t.equal(hash, hashBytes(bytes, 0, bytes.length));
});

test('an empty table, and one that grows far beyond what was expected', async (t) => {
  const empty = tableOf([]);
  t.equal(empty.findDomain('a.example'), -1);
  t.equal(empty.find(''), -1);
  t.equal(empty.judges, false);

  for (const expected of [undefined, 1, 20_000, 100_000]) {
    const builder = expected === undefined ? new TableBuilder() : new TableBuilder(expected, 10);
    const pattern = (i: number): string =>
      i % 3 === 0
        ? `.d${i}.example`
        : i % 3 === 1
          ? `d${i}.example`
          : `u${i}@d${i}.a-rather-long-name-that-takes-another-way.example`;
    for (let i = 0; i < 20_000; i++) {
      const bytes = bytesOf(pattern(i));
      if (builder.add(bytes, 0, bytes.length, i % 2, 0, i + 1) !== -1) t.fail(`row ${i} taken for another`);
    }
    const table = new PolicyTable(
      builder.finish([DEFAULTS, { ...DEFAULTS, receive: 'none' }], ['f'], (tag) => tag),
      1,
      '',
    );
    let wrong = 0;
    for (let i = 0; i < 20_000; i++) {
      const number = table.find(pattern(i));
      const row = number < 0 ? null : table.row(number);
      if (
        row?.pattern !== pattern(i) ||
        row.at.line !== i + 1 ||
        row.settings.receive !== (i % 2 === 0 ? 'may' : 'none')
      )
        wrong++;
    }
    t.equal(wrong, 0, `expected ${expected}`);
    t.equal(table.find('d20002.example'), -1);
    const load = table.packed.rows / table.packed.slots.length;
    t.ok(load <= 0.67, `slots are at most two thirds full: ${load}`);
  }
});

test('against a naive search', async (t) => {
  const random = generator();
  const labels = ['a', 'b', 'c', 'aa', 'ab', 'example', 'com'];
  const name = (): string =>
    Array.from({ length: 1 + random.integer(4) }, () => random.pick(labels)).join('.');
  let hits = 0;
  for (let round = 0; round < 3000; round++) {
    const rows = new Set<string>();
    for (let i = random.integer(12); i >= 0; i--) {
      rows.add(
        random.pick([
          name(),
          name(),
          `.${name()}`,
          `.${name()}`,
          '*',
          '<>',
          `${random.pick(labels)}@${name()}`,
        ]),
      );
    }
    const table = tableOf([...rows].map((pattern) => [pattern, {}]));
    for (let i = 0; i < 10; i++) {
      const domain = name();
      const localPart = random.pick(labels);
      const suffixes = domain
        .split('.')
        .map((_, at, all) => `.${all.slice(at).join('.')}`)
        .slice(1);
      const order = [`${localPart}@${domain}`, domain, ...suffixes, '*'];
      const want = order.filter((pattern) => rows.has(pattern)).slice(0, 1);
      const got = table.rowsFor(parsePath(`<${localPart}@${domain}>`)).map((row) => row.pattern);
      if (want.length > 0) hits++;
      if (got.join() !== want.join())
        t.fail(`seed ${random.seed}: ${localPart}@${domain} in ${[...rows].join(' ')}: ${got}, not ${want}`);
    }
  }
  t.ok(hits > 3000, `${hits} hits`);
});

test('what a table as a whole asks for', async (t) => {
  const strictest = tableOf([
    ['a', { receive: 'encrypt', minProtocol: 'TLSv1.3', minBits: 112, denyCiphers: ['rc4'] }],
    ['b', { receive: 'verify', minProtocol: 'TLSv1.2', minBits: 256, denyCiphers: ['des', 'rc4'] }],
    ['c', { receive: 'may', minProtocol: 'TLSv1.3', minBits: 512 }],
    ['d', { receive: 'verify', mode: 'observe', minBits: 999 }],
    ['e', { receive: 'verify', violation: 'tag', minBits: 999 }],
  ]).strictest;
  t.same(strictest, {
    tls: true,
    knowledge: true,
    certificate: true,
    minProtocol: 'TLSv1.3',
    minBits: 256,
    denyCiphers: ['rc4', 'des'],
  });
  const facts = (receive: 'may' | 'encrypt', more: object): object => {
    const { judges, strictest: hardest } = tableOf([['a', { receive, ...more }]]);
    return { judges, tls: hardest.tls, knowledge: hardest.knowledge };
  };
  t.same(facts('may', {}), { judges: false, tls: false, knowledge: false });
  t.same(facts('encrypt', {}), { judges: true, tls: true, knowledge: true });
  t.same(facts('encrypt', { violation: 'tag' }), { judges: true, tls: false, knowledge: true });
  t.same(facts('encrypt', { mode: 'observe' }), { judges: true, tls: false, knowledge: false });
});
