/**
 * The cache is used only when it is whole and fits; otherwise the program runs as without one.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t, { type Test } from 'tap';
import { loadCached, makeCache } from '../../src/cli/codeCache.ts';

const dir = mkdtempSync(join(tmpdir(), 'tlsward-cache-'));
t.teardown(() => rmSync(dir, { recursive: true }));
const program = join(dir, 'program.cjs');
const cache = join(dir, 'program.cache');
writeFileSync(
  program,
  `'use strict';
const { readFileSync } = require('node:fs');
const inner = (n) => n + 1;
module.exports.answer = () => inner(41);
module.exports.where = [__filename, __dirname, module.exports === exports, require('./beside.cjs')];
module.exports.run = async (argv) => { module.exports.answer(); module.exports.read = readFileSync(argv[1], 'utf8'); };
`,
);
writeFileSync(join(dir, 'beside.cjs'), "module.exports = 'beside';\n");

const check = (t: Test, what: string): void => {
  const { answer, where } = loadCached(program, cache) as { answer: () => number; where: unknown[] };
  t.equal(answer(), 42, what);
  t.strictSame(where, [program, dir, true, 'beside']);
};

t.test('without, with, and with a wrong one', async (t) => {
  check(t, 'absent');
  await makeCache(program, cache);
  const good = readFileSync(cache);
  check(t, 'good');
  for (const [what, bytes] of [
    ['empty', Buffer.alloc(0)],
    ['cut', good.subarray(0, -100)],
    ['changed', Buffer.from(good).fill(0x55, 500, 501)],
    ['other', Buffer.from('x'.repeat(1000))],
  ] as const) {
    writeFileSync(cache, bytes);
    check(t, what);
  }
  writeFileSync(cache, good);
  const module = pathToFileURL(createRequire(import.meta.url).resolve('../../src/cli/codeCache.js')).href;
  const code = `import { loadCached } from '${module}';
    process.stdout.write(String(loadCached('${program}', '${cache}').answer()))`;
  const argv = ['--stack-size=900', '--input-type=module', '--eval', code];
  const env = { ...process.env, NODE_OPTIONS: '' };
  t.equal(execFileSync(process.execPath, argv, { encoding: 'utf8', env }), '42', 'other flags of V8');
});

t.test('a program of the same length that was changed since', async (t) => {
  const [changed, itsCache] = [join(dir, 'changed.cjs'), join(dir, 'changed.cache')];
  const text = readFileSync(program, 'utf8');
  writeFileSync(changed, text);
  await makeCache(changed, itsCache);
  writeFileSync(changed, text.replace('n + 1', 'n + 2'));
  t.equal((loadCached(changed, itsCache) as { answer: () => number }).answer(), 43);
});
