/** The dead-man table: which rows are in it, and that each says what the daemon would say, whenever Postfix reaches it. */
import { test } from 'tap';
import type { PolicyTable } from '../../src/core/table.ts';
import { decideNextHop } from '../../src/deliver/deliver.ts';
import { type StaticMap, staticMap } from '../../src/deliver/staticMap.ts';
import { formatTlsPolicy } from '../../src/wire/tlsPolicyValue.ts';
import { newSeed, Random } from '../config/configFixture.ts';
import { type RowOf, tableOf } from '../core/buildTables.ts';

const VERSION = { major: 3, minor: 7 };

function keys(rows: readonly RowOf[], autoFloor = false): string[] {
  return staticMap(tableOf(rows), autoFloor).entries.map(({ key, policy }) => `${key} ${policy.level}`);
}

test('rows that must never be plain', async (t) => {
  t.strictSame(
    keys([
      ['a.example', { deliver: 'encrypt' }],
      ['.b.example', { deliver: 'secure' }],
      ['c.example', { deliver: 'may' }],
      ['d.example', { deliver: null }],
      ['e.example', { deliver: 'dane' }],
      ['f.example', { deliver: 'dane-only' }],
      ['[relay.example]:587', { deliver: 'verify' }],
      ['[192.0.2.1]', { deliver: 'fingerprint', fingerprints: ['AA:BB'] }],
      ['g.example', { deliver: 'encrypt', mode: 'observe' }],
    ]),
    [
      '.b.example secure',
      '[192.0.2.1] fingerprint',
      '[relay.example]:587 verify',
      'a.example encrypt',
      'f.example dane-only',
    ],
  );
});

test('what is not in it is counted', async (t) => {
  const map = staticMap(
    tableOf([
      ['*', { deliver: 'encrypt' }],
      ['<>', { deliver: 'encrypt' }],
      ['boss@a.example', { deliver: 'encrypt' }],
      ['x@a.example', { deliver: 'may' }],
      ['b.example', { deliver: 'secure', mode: 'observe' }],
      ['c.example', { deliver: 'may', mode: 'observe' }],
      ['d.example', { deliver: 'auto' }],
    ]),
    false,
  );
  t.match(map, { entries: [], addresses: 1, anyone: true, observed: 1, auto: 1, hidden: [] });
});

test('a suffix with a row below it that leaves the level to Postfix', async (t) => {
  const suffix: RowOf = ['.a.example', { deliver: 'encrypt' }];
  t.strictSame(keys([suffix, ['b.example', {}]]), ['.a.example encrypt']);
  for (const pattern of ['x.a.example', '.x.a.example', 'y.x.a.example']) {
    const map = staticMap(tableOf([suffix, [pattern, {}]]), false);
    t.strictSame([map.entries, map.hidden], [[], [{ suffix: '.a.example', because: pattern }]]);
  }
  t.strictSame(keys([suffix, ['[x.a.example]', {}]]), ['.a.example encrypt'], 'which has no parents');
  t.strictSame(
    keys([suffix, ['x.a.example', { deliver: 'may' }], ['b.example', { deliver: 'may' }]]),
    ['.a.example encrypt', 'x.a.example may'],
    'an exception below it is an entry',
  );
  t.strictSame(keys([suffix, ['x.a.example', { deliver: 'auto', deliverFloor: 'encrypt' }]]), []);
});

test('auto at its floor, where that is wanted', async (t) => {
  const rows: RowOf[] = [
    ['a.example', { deliver: 'auto', deliverFloor: 'verify' }],
    ['b.example', { deliver: 'auto' }],
  ];
  t.strictSame(keys(rows), []);
  t.strictSame(keys(rows, true), ['a.example verify']);
  t.equal(staticMap(tableOf(rows), true).auto, 1);
});

/** What Postfix gets: the whole name in both tables, then, of a valid host name, each parent. `table`: the daemon's; null: it is dead. */
function asked(map: StaticMap, table: PolicyTable | null, name: string): string {
  for (let key = name; ; key = key.slice(key.indexOf('.', 1))) {
    const entry = map.entries.find((one) => one.key === key);
    if (entry !== undefined) return formatTlsPolicy(entry.policy, VERSION);
    if (table === null) return 'waits';
    const decision = decideNextHop(table, key, 'none', null);
    if (decision.kind === 'trouble') return 'waits';
    if (decision.kind === 'policy') return formatTlsPolicy(decision.policy, VERSION);
    if (key.indexOf('.', 1) < 0 || /[[:]|\.$/.test(name)) return 'default';
  }
}

test('with the daemon alive the answers are those of the daemon alone', async (t) => {
  const random = new Random(newSeed());
  t.comment(`seed ${random.seed}`);
  const none: StaticMap = { entries: [], addresses: 0, anyone: false, observed: 0, auto: 0, hidden: [] };
  const names = ['a.example', '.a.example', 'b.a.example', '.b.a.example', 'c.b.a.example', '.example', '*'];
  names.push('[b.a.example]', '[b.a.example]:25', 'b.a.example:25', '[192.0.2.1]');
  const hops = ['[b.a.example]', '[b.a.example]:25', '[b.a.example]:587', 'b.a.example:25', 'a.example:25'];
  hops.push('b.a.example.', 'A.example', '[c.b.a.example]:25', '[192.0.2.1]', '[192.0.2.1]:25', '192.0.2.1');
  const levels = ['none', 'may', 'encrypt', 'secure', 'dane-only', 'auto', null] as const;
  let entries = 0;
  for (let run = 0; run < 2000; run++) {
    const rows = names
      .filter(() => random.below(2) === 0)
      .map(
        (name): RowOf => [
          name,
          { deliver: random.pick(levels), mode: random.below(5) === 0 ? 'observe' : 'enforce' },
        ],
      );
    const table = tableOf(rows);
    const map = staticMap(table, false);
    entries += map.entries.length;
    for (const name of [
      'a.example',
      'b.a.example',
      'c.b.a.example',
      'd.c.b.a.example',
      'x.example',
      ...hops,
    ]) {
      const alone = asked(none, table, name);
      const both = asked(map, table, name);
      const dead = asked(map, null, name);
      if (dead !== 'waits' && dead !== alone) t.fail(`${name} with the daemon dead: ${dead}`);
      if (alone !== both) t.fail(`${name}: ${both}, not ${alone}: ${JSON.stringify(rows)}`);
    }
    for (const { key, policy } of map.entries) {
      const name = key.startsWith('.') ? `never${key}` : key;
      const decision = decideNextHop(table, name, 'none', null);
      if (decision.kind !== 'policy' || decision.policy.level !== policy.level) t.fail(`${key} differs`);
    }
  }
  t.ok(entries > 500, `${entries} entries`);
});
