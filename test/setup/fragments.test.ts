/**
 * What setup writes into a bare Postfix is what contrib/postfix has an administrator append by hand: the same parameters
 * with the same values, the same entries of master.cf.
 */
import { readFileSync } from 'node:fs';
import { test } from 'tap';
import { insideBraces, tokensOf } from '../../src/mta/listValue.ts';
import { pairOf } from '../../src/mta/postfixConfig.ts';
import { makePlan } from '../../src/setup/makePlan.ts';
import { parseMain } from '../e2e/harness/mta/postfix-config.ts';
import { postfixOf } from '../mta/postfixOf.ts';
import { root } from '../root.ts';
import { usualWanted } from './planCases.ts';

const fragment = (name: string): string => readFileSync(new URL(`contrib/postfix/${name}`, root), 'utf8');

/** Postfix does not care about blanks and commas between elements. */
function bare(value: string): string {
  return value.replace(/[\s,]+/g, ' ').replace(/ ?([{}]) ?/g, '$1');
}

/** Written by hand for a reason that setup sees to in another way. */
const NOT_WRITTEN: Readonly<Record<string, string>> = {
  smtpd_relay_restrictions: 'the default says the same, and setup never touches it',
  smtp_tls_fingerprint_digest: 'the default at compatibility level 3.6',
};

test('main.cf', async (t) => {
  for (const release of ['3.7.11', '3.10.13'] as const) {
    const config = postfixOf('', { release });
    const plan = makePlan(config, usualWanted(config, { wishes: ['messages'] }));
    const planned = new Map(
      plan.changes.map(({ target, name, after }) => [target + name, bare(after ?? '')]),
    );
    const later = release === '3.10.13';
    const files = [
      'both.main.cf',
      'deliver.main.cf',
      'message-recipient.main.cf',
      'message-fence.main.cf',
      ...(later ? ['deliver-3.10.main.cf'] : []),
    ];
    for (const file of files)
      for (const [name, value] of Object.entries(parseMain(fragment(file)))) {
        if (name in NOT_WRITTEN) continue;
        if (later && ['smtp_connection_cache_on_demand', 'smtpd_forbid_bare_newline'].includes(name))
          continue;
        t.equal(planned.get(`main${name}`), bare(value), `${release}: ${name} of ${file}`);
      }
  }
});

/** Name of an entry to its line and its `-o`, in any order. */
function entriesOf(text: string): Map<string, readonly [string, Readonly<Record<string, string>>]> {
  const lines = text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .replace(/\n\s+/g, ' ')
    .split('\n');
  const entries = new Map<string, readonly [string, Readonly<Record<string, string>>]>();
  for (const line of lines.filter((one) => one.startsWith('tlsward-'))) {
    const fields = tokensOf(line, ' \t');
    const options = fields.flatMap((field, i) => (fields[i - 1] === '-o' ? [pairOf(field)!] : []));
    const sorted = options.map(([name, value]) => [name, insideBraces(value) ?? value] as const).sort();
    entries.set(fields[0]!, [fields.slice(0, 8).join(' '), Object.fromEntries(sorted)]);
  }
  return entries;
}

test('master.cf', async (t) => {
  const config = postfixOf('');
  const plan = makePlan(config, usualWanted(config, { wishes: ['messages'] }));
  const planned = plan.changes.filter(({ target }) => target === 'entry').map(({ after }) => after);
  const wanted = entriesOf(fragment('message-recipient.master.cf'));
  t.ok(wanted.size >= 4);
  t.same(entriesOf(planned.join('\n')), wanted);
});
