/** Rows to paste: what holds is raised, nothing that stands is weakened, and `check` takes the result. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { loadConfig } from '../../src/config/load/load.ts';
import type { Settings } from '../../src/core/settings.ts';
import { PolicyTable } from '../../src/core/table.ts';
import type { StandingTable } from '../../src/report/standing.ts';
import { type Suggestion, suggestionLines, suggestionsOf } from '../../src/report/suggestions.ts';
import type { PartnerTally, Tallies } from '../../src/tally/tallies.ts';
import { pasted, tableOf } from './table.ts';
import { partner, row, tallies } from './tallies.ts';

const TLS = { tls13: 40, tls12: 0 };
const both = (domain: string, some: Partial<PartnerTally> = {}): PartnerTally[] => [
  partner(domain, 'in', { ...TLS, ...some }),
  partner(domain, 'out', { ...TLS, ...some }),
];

function lines(table: StandingTable, some: Partial<Tallies>): string[] {
  return suggestionLines(suggestionsOf(tallies(some), table));
}

/** The settings of each domain after the lines were put in. */
function settingsAfter(folder: string, all: readonly string[], domain: string): Settings | null {
  const file = join(folder, 'after.ini');
  writeFileSync(file, pasted(folder, all));
  const loaded = loadConfig(file);
  if (!loaded.ok) throw new Error(loaded.problems.map(({ found, where }) => `${where}: ${found}`).join('\n'));
  const table = new PolicyTable(loaded.packed, 1, loaded.hash);
  const number = table.findDomain(domain);
  return number < 0 ? null : table.row(number).settings;
}

test('a domain that always used TLS gets the row that says so', async (t) => {
  const folder = t.testdir();
  const table = tableOf(folder, '[domains]\n* = may\n', 'may');
  const found = lines(table, { partners: both('insurer.example') });
  t.same(found, ['[domains]', 'insurer.example = encrypt']);
  t.match(settingsAfter(folder, found, 'insurer.example'), { receive: 'encrypt', deliver: 'encrypt' });
});

test('one message that does not fit is enough for nothing', async (t) => {
  const table = tableOf(t.testdir(), '[domains]\n* = may\n', 'may');
  for (const bad of [
    'plain',
    'unknown',
    'older',
    'refused',
    'putOff',
    'returned',
    'waiting',
    'passed',
  ] as const) {
    const one = partner('a.example', 'out', { ...TLS, [bad]: 1 });
    t.same(lines(table, { partners: [partner('a.example', 'in', TLS), one] }), [], bad);
  }
  t.same(lines(table, { partners: both('a.example', { tls13: 19 }) }), [], 'too few');
  t.same(lines(table, { partners: both('a.example'), recordedDays: { in: 6, out: 6 } }), [], 'too short');
  t.same(lines(table, { partners: both('A.example') }), [], 'no canonical name');
  t.same(
    lines(table, { partners: both('a.example'), recordedDays: { in: 30, out: 0 } }),
    ['[domain a.example]', 'policy = may', 'receive = encrypt'],
    'only the way that is known',
  );
});

test('what stands stays: other keys are kept, levels only rise', async (t) => {
  const folder = t.testdir();
  const table = tableOf(
    folder,
    `[policy partner]
receive = may
deliver = secure
banner = header
[domains]
* = partner
own.example = partner
[domain .gov.example]
receive = verify
client-names = .gov.example
[domain .law.example]
receive = verify
[domain hop.example]
deliver = dane ; with a comment
violation = tag
[exception late.example]
until = 2026-12-31
reason = ticket
deliver = may
`,
    'may',
  );
  const names = [
    'new.example',
    'own.example',
    'a.gov.example',
    'a.law.example',
    'hop.example',
    'late.example',
  ];
  const found = lines(table, { partners: names.flatMap((name) => both(name, { verified: 40 })) });
  t.same(
    found,
    [
      '[domain new.example]',
      'policy = partner',
      'receive = encrypt',
      '; in place of .../tlsward.ini:11',
      '[domain own.example]',
      'policy = partner',
      'receive = encrypt',
      '[domain a.gov.example]',
      'receive = verify',
      'client-names = .gov.example',
      'deliver = encrypt',
      '; in place of .../tlsward.ini:17',
      '[domain hop.example]',
      'violation = tag',
      'receive = encrypt',
      'deliver = dane-only',
    ].map((line) => line.replace('...', folder)),
  );
  t.match(settingsAfter(folder, found, 'new.example'), {
    receive: 'encrypt',
    deliver: 'secure',
    banner: ['header'],
  });
  t.match(settingsAfter(folder, found, 'own.example'), {
    receive: 'encrypt',
    deliver: 'secure',
    banner: ['header'],
  });
  t.match(settingsAfter(folder, found, 'hop.example'), {
    receive: 'encrypt',
    deliver: 'dane-only',
    violation: 'tag',
  });
  t.match(settingsAfter(folder, found, 'a.gov.example'), { receive: 'verify', deliver: 'encrypt' });
});

test('mail that leaves: never below what the MTA does by itself', async (t) => {
  const raise = (text: string, mtaLevel: string | null, some: Partial<PartnerTally> = {}) => {
    const table = tableOf(t.testdir(), text, mtaLevel);
    return suggestionsOf(
      tallies({ partners: [partner('a.example', 'out', { ...TLS, ...some })] }),
      table,
    ).map((one: Suggestion) => one.raise);
  };
  const none = '[domains]\nb.example = may\n';
  t.same(raise(none, null), [], 'its level is not known');
  t.same(raise(none, 'may'), [{ deliver: 'encrypt' }]);
  t.same(raise(none, 'dane'), [], 'encrypt would switch DANE off');
  t.same(raise(none, 'dane', { verified: 40 }), [{ deliver: 'dane-only' }]);
  t.same(raise(none, 'encrypt'), []);
  const auto = '[policy auto]\ndeliver = auto\n[domains]\na.example = auto\n';
  t.same(raise(auto, 'may'), [], 'nobody looks up what is published');
  const finds = `resolver = 127.0.0.1\n${auto}`;
  t.same(raise(finds, 'may'), [{ 'deliver-floor': 'encrypt' }]);
  t.same(raise(finds, 'may', { verified: 40 }), [{ 'deliver-floor': 'verify' }]);
});

test('a row that observes is enforced when nothing would have been kept back', async (t) => {
  const folder = t.testdir();
  const text = `[domain watched.example]
policy = encrypt
mode = observe
reason = asked
[policy look]
receive = encrypt
mode = observe
[domains]
soft.example = look
`;
  const table = tableOf(folder, text, 'may');
  const [watched, soft] = table.observed.map(({ at }) => at);
  const rows = [row('watched.example', watched!, { kept: 40 }), row('soft.example', soft!, { kept: 40 })];
  const sent = [partner('watched.example', 'out', TLS)];
  const found = lines(table, { rows, partners: sent });
  t.same(found, [
    `; in place of ${watched}`,
    '[domain watched.example]',
    'policy = encrypt',
    'mode = enforce',
    `; in place of ${soft}`,
    '[domain soft.example]',
    'policy = look',
    'mode = enforce',
  ]);
  t.match(settingsAfter(folder, found, 'watched.example'), {
    mode: 'enforce',
    receive: 'encrypt',
    deliver: 'encrypt',
  });
  t.match(settingsAfter(folder, found, 'soft.example'), { mode: 'enforce', receive: 'encrypt' });
  const bad = [
    row('watched.example', watched!, { kept: 40, passed: 1 }),
    row('soft.example', soft!, { kept: 9 }),
  ];
  t.same(lines(table, { rows: bad, partners: sent }), []);
  t.same(
    lines(table, {
      rows: rows.slice(0, 1),
      partners: [partner('watched.example', 'out', { ...TLS, plain: 1 })],
    }),
    [],
    'its deliver would be enforced, too',
  );
  const moved = row('soft.example', '.../tlsward.ini:3', { passed: 1, mode: 'observe' });
  t.same(
    lines(table, { rows: [rows[1]!, moved] }),
    [],
    'a row that moved to another line has not forgotten what it saw',
  );
});
