/** The catalogue of rules: the manual has the same table, and every rule is broken somewhere in src. */
import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { WIRE_RULES } from '../../src/wire/wireRules.ts';
import { root } from '../root.ts';

const RULES = Object.entries(WIRE_RULES);

t.test('the manual has every rule with its meaning and cure', async (t) => {
  const readme = readFileSync(new URL('contrib/doc/log.md', root), 'utf8');
  const [, table = ''] = readme.split('\n| rule | what came | what to do |\n| --- | --- | --- |\n');
  const rows = table.split('\n\n', 1)[0]!.trim().split('\n');
  t.strictSame(
    rows,
    RULES.map(([name, { means, cure }]) => `| \`${name}\` | ${means} | ${cure} |`),
  );
});

t.test('every rule is used', async (t) => {
  const files = readdirSync(new URL('src/', root), { recursive: true, encoding: 'utf8' });
  const sources = files
    .filter((file) => file.endsWith('.ts') && !file.endsWith('wireRules.ts'))
    .map((file) => readFileSync(new URL(`src/${file}`, root), 'utf8'))
    .join('\n');
  for (const [name] of RULES) {
    // those are put together from the protocol's name
    if (name.endsWith('-truncated')) continue;
    t.ok(sources.includes(`'${name}'`), name);
  }
});
