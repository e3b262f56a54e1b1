/** What `check` says of an evidence directory. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { evidenceWarnings } from '../../src/cli/checkEvidence.ts';
import type { ServiceSettings } from '../../src/config/keys/serviceSettings.ts';

test('a directory that serve could not write', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const warnings = (evidence: string | null, evidenceFailure: 'continue' | 'defer' = 'continue'): string[] =>
    evidenceWarnings({ evidence, evidenceFailure } as ServiceSettings);
  t.strictSame(warnings(null), []);
  t.strictSame(warnings(join(folder, 'not', 'yet', 'there')), []);
  t.strictSame(readdirSync(folder), [], 'nothing is made');
  const file = join(folder, 'file');
  writeFileSync(file, '');
  t.strictSame(warnings(file), [`evidence: ${file} is no folder: records would be missing`]);
  t.strictSame(warnings(join(file, 'x'), 'defer').length, 1);
  t.match(warnings(join(file, 'x'), 'defer'), [/: mail would wait$/]);
  const link = join(folder, 'link');
  symlinkSync(folder, link);
  t.match(warnings(link), [/is no folder, but a link/]);
  const good = join(folder, 'good');
  mkdirSync(join(good, 'daemon'), { recursive: true });
  t.strictSame(warnings(good), []);
  writeFileSync(join(good, 'pseudonyms'), '');
  t.match(warnings(good), [/pseudonyms is no folder/]);
  if (process.geteuid?.() === 0) return;
  chmodSync(join(good, 'daemon'), 0o500);
  t.match(warnings(good), [/daemon cannot be written/]);
  chmodSync(join(good, 'daemon'), 0o700);
});
