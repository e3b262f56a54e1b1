/**
 * What `tlsward doctor` finds on the sites of test/setup/cases before anything is set up: kept in sites.txt, one line a site.
 * The table demands TLS and has no rules; the daemon runs, and nobody asks it yet.
 *
 * `TLSWARD_WRITE=1` writes the file anew: read the difference before you keep it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'tap';
import { examine } from '../../src/doctor/checks.ts';
import { root } from '../root.ts';
import { planCases } from '../setup/planCases.ts';
import { patient } from './patient.ts';

const KEPT = new URL('test/doctor/sites.txt', root);
const ROWS = '[domains]\nbank.example = encrypt\n';

test('sites', async (t) => {
  const healthy = patient({ rows: ROWS });
  const lines = planCases().map(({ name, config }) => {
    const { findings } = examine({ ...healthy, postfix: config });
    // certificates and files are those of another host
    const known = findings.filter(({ severity }) => severity !== 'unknown');
    return `${name}: ${[...new Set(known.map(({ severity, id }) => `${severity} ${id}`))].join(', ')}`;
  });
  if (process.env.TLSWARD_WRITE === '1') writeFileSync(KEPT, `${lines.join('\n')}\n`);
  const kept = readFileSync(KEPT, 'utf8').trimEnd().split('\n');
  t.ok(kept.length > 40, `${kept.length} sites`);
  t.same(lines, kept);
});
