/**
 * The manual pages: each is what the tables of the program make of it, names every command, option, key and event, and is
 * rendered without a warning.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { COMMANDS } from '../src/cli/commands.ts';
import { KEYS } from '../src/config/keys/keys.ts';
import { manPages } from './manPages.ts';
import { fill } from './roff.ts';
import { root } from './root.ts';
import { without } from './tools.ts';
import { run } from './units.ts';

const PAGES = manPages();
const path = (name: string): string => fileURLToPath(new URL(`contrib/man/${name}`, root));
const MEND = 'npm run build && node build/test/manPages.js writes it';

test('each file is what the tables say', async (t) => {
  t.strictSame(readdirSync(new URL('contrib/man/', root)).sort(), [...PAGES.keys()].sort());
  for (const [name, text] of PAGES)
    t.ok(readFileSync(path(name), 'utf8') === text, `${name}; if not: ${MEND}`);
});

test('nothing is missing', async (t) => {
  const typed = (text: string): string => text.replaceAll('-', '\\-');
  const commands = PAGES.get('tlsward.1') ?? '';
  for (const [name, { options, examples }] of Object.entries(COMMANDS)) {
    const [, part = ''] = commands.split(`\n.SS tlsward ${typed(name)}\n`);
    const [own = ''] = part.split('\n.S');
    for (const { flag } of options) t.ok(own.includes(`\n\\fB${typed(flag)}\\fP`), `${name} ${flag}`);
    t.ok(examples.length > 0 && own.includes('Example, '), `${name} has an example`);
    t.ok(own.includes('\nExit status:\n.TP\n0\n'), `${name} has its exit statuses`);
  }
  const keys = PAGES.get('tlsward.ini.5') ?? '';
  for (const { key } of KEYS) t.ok(keys.includes(`\n.TP\n\\fB${typed(key)}\\fP\n`), key);
});

test('man renders them without a warning', { skip: without('man', 'man-db') }, async (t) => {
  for (const name of PAGES.keys())
    t.strictSame(
      run(
        'sh',
        '-c',
        'LC_ALL=C.UTF-8 MANROFFSEQ= MANWIDTH=80 man --warnings -E UTF-8 -l "$0" >/dev/null',
        path(name),
      ),
      { status: 0, text: '' },
      name,
    );
});

test('mandoc has nothing to say', { skip: without('mandoc', 'mandoc') }, async (t) => {
  for (const name of PAGES.keys())
    t.strictSame(run('mandoc', '-Tlint', '-Wwarning', path(name)), { status: 0, text: '' }, name);
});

test('filled text', async (t) => {
  t.equal(
    fill('`.a` begins with a dot, `-b` with a hyphen'),
    '\\fB.a\\fP begins with a dot, \\fB\\-b\\fP with a hyphen',
  );
  t.equal(fill('.a'), '\\&.a');
  t.equal(fill('back\\slash [link](x.md) **strong**'), 'back\\eslash link strong');
  for (const line of fill('word '.repeat(100).trim()).split('\n')) t.ok(line.length <= 78);
});
