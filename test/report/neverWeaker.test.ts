/**
 * Whatever the table is and whatever was seen: with the suggested lines in it, it loads, and no domain has a setting that is
 * weaker than before. Random tables and counts, from a seed that a failing run names.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { loadConfig } from '../../src/config/load/load.ts';
import { DEFAULTS, type Settings } from '../../src/core/settings.ts';
import { PolicyTable } from '../../src/core/table.ts';
import { FLOORS, GUARANTEES } from '../../src/deliver/level.ts';
import { suggestionLines, suggestionsOf } from '../../src/report/suggestions.ts';
import { generator } from '../mark/generator.ts';
import { pasted, tableOf } from './table.ts';
import { partner, row, tallies } from './tallies.ts';

const TABLES = 60;
const DOMAINS = ['a.example', 'b.a.example', 'c.b.a.example', 'd.example', 'e.example', 'f.example'];
const RECEIVE = ['none', 'may', 'encrypt', 'verify'] as const;
const DELIVER = ['none', 'may', 'encrypt', 'dane', 'dane-only', 'verify', 'secure', 'auto'] as const;

/** What mail to the domain surely has; `auto` by its floor. */
function guarantees(settings: Settings, mtaLevel: string): ReadonlySet<string> {
  const { mode, deliver, deliverFloor } = settings;
  const level = mode === 'observe' || deliver === null ? mtaLevel : deliver;
  if (level !== 'auto') return new Set(GUARANTEES[level as keyof typeof GUARANTEES]);
  // DANE where published, TLS where offered, and the floor
  return new Set(['offered', 'dane', ...GUARANTEES[deliverFloor]]);
}

test('lines to paste never weaken a table', async (t) => {
  const random = generator();
  const one = random.pick;
  const maybe = (text: string): string => (random.integer(2) === 0 ? text : '');
  let lines = 0;
  for (let n = 0; n < TABLES; n++) {
    const folder = t.testdir();
    const keys = (): string => {
      const deliver = one(DELIVER);
      return [
        maybe(`receive = ${one(RECEIVE)}\n`),
        maybe(
          `deliver = ${deliver}\n${deliver === 'auto' ? maybe(`deliver-floor = ${one(FLOORS.slice(1))}\n`) : ''}`,
        ),
        maybe(`mode = ${one(['observe', 'enforce'])}\n`),
        maybe('violation = tag\n'),
        maybe('client-names = mx.example.net\n'),
        maybe('until = 2030-01-01\n'),
      ].join('');
    };
    const patterns = ['.example', '.a.example', ...DOMAINS].filter(() => random.integer(3) > 0);
    const words = patterns.filter(() => random.integer(2) === 0);
    const text = [
      maybe('resolver = 127.0.0.1\n'),
      `[policy p]\n${keys()}[policy q]\nbased-on = p\n${keys()}[domains]\n* = ${one(['may', 'none', 'encrypt', 'may'])}\n`,
      ...words.map((pattern) => `${pattern} = ${one(['p', 'q', 'may', 'none', 'encrypt'])}\n`),
      ...patterns
        .filter((pattern) => !words.includes(pattern))
        .map((pattern) => `[domain ${pattern}]\n${maybe('policy = q\n')}${keys()}`),
      maybe(`[exception ${one(DOMAINS)}]\nuntil = 2030-01-01\nreason = x\ndeliver = may\n`),
    ].join('');
    const mtaLevel = one(['may', 'none', 'encrypt', 'dane']);
    const table = tableOf(folder, text, mtaLevel);
    const counts = (): object => ({
      tls13: 20 + random.integer(9),
      verified: one([0, 20, 28]),
      plain: one([0, 0, 0, 1]),
    });
    const seen = tallies({
      partners: DOMAINS.flatMap((domain) => [
        partner(domain, 'in', counts()),
        partner(domain, 'out', counts()),
      ]),
      rows: table.observed.map(({ pattern, at }) => row(pattern, at, { kept: 40, passed: one([0, 0, 1]) })),
    });
    const found = suggestionLines(suggestionsOf(seen, table));
    lines += found.length;
    const after = join(folder, 'after.ini');
    writeFileSync(after, pasted(folder, found));
    const loaded = loadConfig(after);
    const where = `seed ${random.seed}, table ${n}`;
    if (!loaded.ok) {
      t.fail(where, { problems: loaded.problems, found });
      continue;
    }
    const next = new PolicyTable(loaded.packed, 1, loaded.hash);
    for (const domain of DOMAINS) {
      const number = next.findDomain(domain);
      const now = number < 0 ? DEFAULTS : next.row(number).settings;
      const old = table.rowOf(domain)?.settings ?? DEFAULTS;
      const say = `${where}, ${domain}`;
      if (RECEIVE.indexOf(now.receive) < RECEIVE.indexOf(old.receive))
        t.fail(`${say}: receive`, { found, text });
      if (old.mode === 'enforce' && now.mode !== 'enforce') t.fail(`${say}: mode`, { found, text });
      const has = guarantees(now, mtaLevel);
      for (const what of guarantees(old, mtaLevel))
        if (!has.has(what)) t.fail(`${say}: ${what}`, { found, text });
      for (const key of ['violation', 'minProtocol', 'minBits', 'clientNames', 'mark'] as const)
        if (JSON.stringify(now[key]) !== JSON.stringify(old[key])) t.fail(`${say}: ${key}`, { found, text });
    }
  }
  t.ok(lines > TABLES, `${lines} lines`);
});
