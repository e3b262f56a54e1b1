/**
 * The executable ends with a sentence on a Node.js that is too old, and every place that names the oldest names the same.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { root } from './root.ts';

const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url));
const text = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const { engines } = JSON.parse(text('package.json')) as { engines: { node: string } };
const oldest = /^>=(\d+\.\d+)$/.exec(engines.node)?.[1] ?? '';

/** Status and output of `tlsward --version` on a Node.js that says it is `version`. */
function onNode(
  preload: string,
  version: string,
): Promise<{ status: number; stdout: string; stderr: string }> {
  writeFileSync(
    preload,
    `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });`,
  );
  return new Promise((resolve) => {
    execFile(process.execPath, ['--require', preload, MAIN, '--version'], (error, stdout, stderr) =>
      resolve({ status: Number(error?.code ?? 0), stdout, stderr }),
    );
  });
}

test('an old Node.js is refused in a sentence', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-node-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const preload = join(dir, 'version.cjs');
  for (const version of ['12.22.9', '16.20.2', '18.18.2']) {
    const { status, stdout, stderr } = await onNode(preload, version);
    t.equal(status, 71);
    t.equal(stdout, '');
    t.equal(stderr, `tlsward needs Node.js ${oldest} or later; ${process.execPath} is ${version}\n`);
  }
  for (const version of [`${oldest}.0`, '20.0.0', '24.1.0'])
    t.match(await onNode(preload, version), { status: 0, stdout: /^tlsward /, stderr: '' });
});

test('the file that says so can be read by an old Node.js', async (t) => {
  const compiled = readFileSync(MAIN, 'utf8');
  t.notMatch(compiled, /^import |^export [^{]|\?\?|\?\.|\bawait\b/m);
});

test('every place names the same oldest version', async (t) => {
  t.match(oldest, /^18\./);
  for (const path of ['systemd/tlsward.service', 'contrib/doc/install.md', 'README.md'])
    t.ok(text(path).includes(`Node.js ${oldest}`), path);
});
