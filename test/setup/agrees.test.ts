/**
 * What `doctor` says of each case once its plan has been carried out: nothing by which mail passes unjudged, but for what the
 * plan itself warned of or could not do.
 */
import { test } from 'tap';
import { examine } from '../../src/doctor/checks.ts';
import { withChange } from '../../src/setup/draft.ts';
import { makePlan } from '../../src/setup/makePlan.ts';
import { patient } from '../doctor/patient.ts';
import { planCases } from './planCases.ts';

/** A row for everybody that only watches. */
const ROWS = '[policy watched]\nbased-on = encrypt\nmode = observe\n[domain *]\npolicy = watched\n';

/** Cases with sockets of their own, or with nothing that comes in: there the plan has less to do. */
const LEFT_OUT = new Set([
  'by-hand-weak',
  'policy-only',
  'null-client',
  'instance',
  'outbound-only',
  'per-site',
]);

test('doctor finds nothing that lets mail pass after a plan', async (t) => {
  let seen = 0;
  for (const { name, config, wanted } of planCases()) {
    const plan = makePlan(config, wanted);
    if (LEFT_OUT.has(name) || name.includes('socket-outside')) continue;
    const postfix = plan.changes.reduce(withChange, config);
    const { findings } = examine({ ...patient({ rows: ROWS }), postfix });
    const danger = findings
      .filter(({ severity }) => severity === 'danger')
      .map(({ id, seen: what }) => `${id}: ${what}`);
    const warned = plan.remarks.some(({ severity }) => severity === 'warning');
    if (!warned) t.same(danger, [], name);
    for (const id of [
      'entry-not-judged',
      'permit-before-policy',
      'milter-default-action',
      'policy-default-action',
    ])
      t.notOk(
        danger.some((one) => one.startsWith(id)),
        `${name}: ${id}`,
      );
    seen++;
  }
  t.ok(seen > 35);
});
