/**
 * The README keeps its word: its commands print what it shows, its tables load, its truth table is what `decide` does,
 * its main.cf lines are those that the end-to-end tests use.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { KEYS } from '../src/config/keys/keys.ts';
import { loadConfig } from '../src/config/load/load.ts';
import { root } from './root.ts';

const README = readFileSync(new URL('README.md', root), 'utf8');
const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url));

/** Fenced blocks of one kind, without their fences. */
function blocks(kind: string): string[] {
  return [...README.matchAll(new RegExp(`^\`\`\`${kind}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
    (match) => match[1]!,
  );
}

/** Output of a `npx tlsward` command line of the README, run in the repository. */
function run(line: string): Promise<string> {
  const args = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2]!);
  if (args[0] !== 'npx' || args[1] !== 'tlsward') throw new Error(`not a command of ours: ${line}`);
  return new Promise((resolve) => {
    const options = { cwd: fileURLToPath(root), env: { ...process.env, NO_COLOR: '1' } };
    execFile(process.execPath, [MAIN, ...args.slice(2)], options, (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });
}

test('every command with output prints just that', async (t) => {
  const sessions = blocks('console');
  t.ok(sessions.length >= 3);
  for (const session of sessions) {
    const [first = '', ...rest] = session.split('\n');
    t.match(first, /^\$ npx tlsward /);
    t.equal(await run(first.slice(2)), rest.join('\n'), first);
  }
});

test('every table loads without a mistake', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const tables = blocks('ini');
  t.ok(tables.length >= 2);
  for (const [i, table] of tables.entries()) {
    const file = join(folder, `${i}.ini`);
    writeFileSync(file, table);
    const loaded = loadConfig(file, '2026-11-22');
    t.same(loaded.ok ? [] : loaded.problems, []);
  }
});

test('every key is in the reference, with its default', async (t) => {
  for (const { key, default: standard } of KEYS) {
    if (standard === '') t.match(README, new RegExp(`\\| \`${key}\` \\|`), key);
    else t.ok(README.includes(`| \`${key}\` | \`${standard}\` |`), `${key} = ${standard}`);
  }
});

test('every event of the log is in the table', async (t) => {
  const source = ['log', 'verdictFields']
    .map((name) => readFileSync(new URL(`src/log/${name}.ts`, root), 'utf8'))
    .join('');
  const events = new Set([...source.matchAll(/event: '([a-z.-]+)'/g)].map((match) => match[1]!));
  t.ok(events.size > 15);
  for (const event of events)
    t.match(README, new RegExp(`^\\| .*\`${event}\`.* \\| (info|warn|error|debug)`, 'm'), event);
});

test('files that it points to exist', async (t) => {
  for (const match of README.matchAll(/\]\((?!http|#)([^)]+)\)/g)) {
    t.doesNotThrow(() => fileURLToPath(new URL(match[1]!, root)));
    const { statSync } = await import('node:fs');
    t.ok(statSync(new URL(match[1]!, root)), match[1]!);
  }
});
