/**
 * Logs as Postfix 3.7, Postfix 3.12 and Sendmail 8.17 wrote them, shortened, and the records that must come of each: in
 * NAME.jsonl beside NAME.log. TLSWARD_WRITE=1 writes them; look at every difference.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { root } from '../root.ts';
import { collected } from './collected.ts';

// stamps without a zone are of the zone of the process
process.env.TZ = 'UTC';

for (const name of ['postfix-3.7', 'postfix-3.12', 'sendmail-8.17']) {
  t.test(name, async (t) => {
    const lines = readFileSync(new URL(`test/collect/${name}.log`, root), 'utf8')
      .trimEnd()
      .split('\n');
    const made = collected(t, lines).map((record) => JSON.stringify(record));
    const file = new URL(`test/collect/${name}.jsonl`, root);
    if (process.env.TLSWARD_WRITE === '1') writeFileSync(file, `${made.join('\n')}\n`);
    t.same(made, readFileSync(file, 'utf8').trimEnd().split('\n'));
    t.ok(made.length > 15, `${made.length} records`);
  });
}
