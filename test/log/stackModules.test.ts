import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { withModules } from '../../src/log/stackModules.ts';

test('frames of the bundle name their module', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-stack-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const other = mkdtempSync(join(tmpdir(), 'tlsward-stack-'));
  t.teardown(() => rmSync(other, { recursive: true }));
  const code = 'head\n// build/src/core/tls.js\none\ntwo\n// build/src/net/driver.js\nthree\n';
  for (const folder of [dir, other]) writeFileSync(join(folder, 'serve.js'), code);
  const stack = (folder: string) =>
    [
      `Error: wrong`,
      `    at Driver.step (${folder}/serve.js:6:10)`,
      `    at ${folder}/serve.js:4:1`,
      `    at async one (${folder}/serve.js:1:1)`,
      `    at file://${folder}/absent.js:4:1`,
      '    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)',
    ].join('\n');
  t.equal(
    withModules(stack(dir), dir),
    stack(dir)
      .replace('6:10)', '6:10) in src/net/driver.ts')
      .replace('serve.js:4:1', 'serve.js:4:1 in src/core/tls.ts'),
  );
  t.equal(withModules(stack(other), dir), stack(other), 'no file elsewhere is read');
  t.equal(withModules('', dir), '');
});
