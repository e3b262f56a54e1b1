/**
 * The files of contrib/ as an administrator would copy them: the production table knows every key and its default, loads
 * without a mistake, and the fragments for Postfix are short and say the fail-safe things. That they do what they say is
 * test/e2e/contrib.test.ts.
 */
import { chmodSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { keysOf } from '../src/config/keys/keys.ts';
import { loadConfig } from '../src/config/load/load.ts';
import { fenceTable } from '../src/rules/fence.ts';
import { root } from './root.ts';

const CONTRIB = fileURLToPath(new URL('contrib/', root));

function text(path: string): string {
  return readFileSync(join(CONTRIB, path), 'utf8');
}

interface Line {
  readonly kind: string;
  readonly key: string;
  readonly value: string;
  /** Written with a `;` in front. */
  readonly asDefault: boolean;
}

/** `key = value` and `;key = value` lines of [service], [policy ...], [domain ...] and [rule ...] sections. */
function keyLines(ini: string): Line[] {
  const lines: Line[] = [];
  let kind = '';
  for (const line of ini.split('\n')) {
    kind = /^;?\[(service|alarms|policy|domains|domain|rule)\b/.exec(line)?.[1] ?? kind;
    const match = /^(;?)([a-z][a-z-]*) *= *(.*)$/.exec(line);
    if (match === null || kind === 'domains') continue;
    lines.push({ kind, key: match[2]!, value: match[3]!, asDefault: match[1] === ';' });
  }
  return lines;
}

t.test('tables/tlsward.ini shows every key with its default', async (t) => {
  const lines = keyLines(text('tables/tlsward.ini'));
  for (const kind of ['service', 'alarms', 'policy', 'rule'] as const) {
    const shown = lines.filter((line) => line.kind === kind).map(({ key }) => key);
    const known = keysOf(kind).map(({ key }) => key);
    t.strictSame([...new Set(shown)].sort(), known.sort(), `[${kind}]`);
    // there are several policies, which may each say the same key
    if (kind !== 'policy') t.equal(shown.length, known.length, `[${kind}] has each key once`);
  }
  const inDomain = lines.filter((line) => line.kind === 'domain').map(({ key }) => key);
  t.ok(inDomain.includes('policy'));
  t.strictSame(
    inDomain.filter((name) => !keysOf('domain').some(({ key }) => key === name)),
    [],
  );
  for (const { kind, key, value, asDefault } of lines) {
    const known = keysOf(kind as Parameters<typeof keysOf>[0]);
    const standard = known.find((one) => one.key === key)?.default;
    if (asDefault) t.equal(value, standard, `[${kind}] ${key}`);
    else t.not(value, standard, `[${kind}] ${key} is written because it differs from the default`);
  }
});

t.test('the shipped tables load without a mistake', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-tables-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  cpSync(join(CONTRIB, 'tables'), dir, { recursive: true });
  chmodSync(dir, 0o755);
  for (const name of ['sample.ini', 'tlsward.ini', 'rules.ini']) {
    const loaded = loadConfig(join(dir, name), '2026-11-22');
    t.strictSame(loaded.ok ? [] : loaded.problems, [], name);
    if (name === 'tlsward.ini')
      t.strictSame([loaded.files.length, loaded.notices], [2, []], 'nothing to remark');
  }
});

t.test('fragments for Postfix', async (t) => {
  const files = readdirSync(join(CONTRIB, 'postfix'));
  t.ok(files.length >= 5);
  for (const name of files) {
    const body = text(`postfix/${name}`);
    t.ok(body.trimEnd().split('\n').length <= 40, `${name} has 40 lines at most`);
    t.match(body, /^# .*append to (main|master)\.cf/m, `${name} says where it goes`);
    t.notMatch(body, /^[^#\n]*default_action *= *(accept|dunno|ok|permit)/im, `${name} lets nothing pass`);
    const kind = /\.(main|master)\.cf$/.exec(name)?.[1];
    t.ok(kind, `${name} says its file`);
  }
  for (const way of ['recipient', 'header']) {
    const master = text(`postfix/message-${way}.master.cf`);
    for (const clone of ['encrypt', 'verify', 'fallback']) {
      const entry =
        new RegExp(`^tlsward-${clone} unix - - n - - smtp\\n(?: {2}-o .+\\n)+`, 'm').exec(master)?.[0] ?? '';
      const floor = clone === 'verify' ? 'verify' : 'encrypt';
      t.match(entry, `smtp_tls_security_level=${floor}\n`, `${way}: ${clone} has a level`);
      t.match(entry, `:deliver-${floor}\n`, 'and a map with the same floor');
    }
  }
  for (const entry of text('postfix/message-recipient.master.cf').match(/^tlsward-.+\n(?: {2,}.+\n)+/gm) ??
    [])
    t.match(
      entry,
      '-o smtp_header_checks=$tlsward_clean -o smtp_generic_maps=$tlsward_unmark\n',
      'past the fence',
    );
  const fence = text('postfix/message-fence.main.cf');
  const header = keysOf('service').find(({ key }) => key === 'route-header')?.default ?? '';
  t.match(fence, `\ntlsward_fence = ${fenceTable(header)}\nsmtp_header_checks = $tlsward_fence\n`);
  for (const name of ['policy', 'both']) {
    const body = text(`postfix/${name}.main.cf`);
    t.match(body, /^ +\{ default_action = DEFER_IF_PERMIT 4\.7\.1 [^{}]+\} \}$/m, 'braced');
    t.ok(body.indexOf('reject_unauth_destination') < body.indexOf('\nsmtpd_recipient_restrictions'));
  }
  for (const name of ['milter', 'both']) t.match(text(`postfix/${name}.main.cf`), /default_action=tempfail,/);
});

t.test('contrib/README.md speaks of every file', async (t) => {
  const readme = text('README.md');
  for (const folder of readdirSync(CONTRIB, { withFileTypes: true })) {
    if (!folder.isDirectory() || readdirSync(join(CONTRIB, folder.name)).length === 0) continue;
    t.ok(readme.includes(`\`${folder.name}/\``), folder.name);
    for (const name of readdirSync(join(CONTRIB, folder.name))) t.ok(readme.includes(name), name);
  }
});
