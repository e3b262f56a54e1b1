/**
 * The reference says of every key what its entry in src/config/keys says, in every cell and in the same order.
 */
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'tap';
import { KEYS } from '../src/config/keys/keys.ts';
import { SERVICE_KEYS } from '../src/config/keys/serviceKeys.ts';
import { root } from './root.ts';

/** The text in which the tables of keys stand. */
function referenceText(): string {
  const page = new URL('contrib/doc/reference.md', root);
  return readFileSync(existsSync(page) ? page : new URL('README.md', root), 'utf8');
}

/** What stands above the table of each kind of section. */
const HEADINGS = {
  service: '`[service]`',
  alarms: '`[alarms]`',
  policy: '`[policy NAME]`',
  domain: '`[domain NAME]`',
  'policy, domain': '`[policy NAME]`, `[domain NAME]` and `[exception PATTERN]`',
  rule: '`[rule NAME]`',
};

/** Rows of the table of keys below a heading, as cells. */
function tableBelow(heading: string): string[][] {
  const head = '| key | default | meaning |\n| --- | --- | --- |\n';
  const [, below = ''] = referenceText().split(
    new RegExp(`\\n(?:#+ )?${escaped(heading)}\\n\\n${escaped(head)}`),
  );
  const rows = /^(?:\|.*\|\n)*/.exec(below)?.[0].trimEnd().split('\n') ?? [];
  return rows.map((row) => row.slice(2, -2).split(' | '));
}

function escaped(text: string): string {
  return text.replace(/[[\]|`]/g, '\\$&');
}

for (const [section, heading] of Object.entries(HEADINGS)) {
  test(`the table of ${heading}`, async (t) => {
    const want = KEYS.filter((key) => key.section === section);
    const found = tableBelow(heading);
    for (const [i, { key, default: standard, meaning }] of want.entries()) {
      const cells = [`\`${key}\``, standard === '' ? '' : `\`${standard}\``, meaning];
      t.strictSame(found[i], cells, `row ${i + 1}`);
    }
    t.equal(found.length, want.length, 'there is no other row');
  });
}

test('the keys that only a restart applies', async (t) => {
  const [, list = ''] = /next start, and `tlsward reload` says so: ([^.]*)\./.exec(referenceText()) ?? [];
  const found = [...list.matchAll(/`([^`]+)`/g)].map((match) => match[1]);
  const want = Object.values(SERVICE_KEYS).filter(({ atStart }) => atStart === true);
  t.strictSame(
    found,
    want.map(({ key }) => key),
  );
});
