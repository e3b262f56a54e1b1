/**
 * Each check of `tlsward doctor` on a host on which everything is right, and on one on which one thing is wrong
 * (cases.ts). Every check has such a case, and the manual has a row for every check and for no other.
 */
import { readFileSync } from 'node:fs';
import { test } from 'tap';
import { CHECKS, examine } from '../../src/doctor/checks.ts';
import { SENDMAIL } from '../../src/doctor/sendmail.ts';
import { root } from '../root.ts';
import { CASES } from './cases.ts';
import { patient } from './patient.ts';

test('a host on which everything is right', async (t) => {
  const { findings, exit, passed, notConcerned } = examine(patient());
  t.same(findings, []);
  t.equal(exit, 0);
  t.equal(passed.length + notConcerned.length, CHECKS.length);
  t.ok(passed.length > 60, `${passed.length} checks concern it`);
});

for (const { id, severity, bad, good, seen, mend } of CASES) {
  test(`${id}: ${severity}`, async (t) => {
    const { findings, exit } = examine(patient(bad));
    const found = findings.filter((one) => one.id === id && one.severity === severity);
    t.ok(found.length > 0, JSON.stringify(findings.map((one) => [one.id, one.severity, one.seen])));
    t.ok(
      found.some((one) => seen.test(one.seen)),
      `seen: ${found.map((one) => one.seen).join(' | ')}`,
    );
    if (severity !== 'unknown')
      t.ok(
        found.some((one) => mend.test(one.mend.join('\n'))),
        `mend: ${found.map((one) => one.mend.join(' | ')).join(' || ')}`,
      );
    t.ok(exit >= { danger: 2, warning: 1, unknown: 0, note: 0 }[severity]);
    const other = examine(patient(good ?? {}));
    t.same(
      other.findings.filter((one) => one.id === id && one.severity === severity),
      [],
    );
    if (good !== undefined)
      t.ok(
        other.passed.includes(id) || other.findings.some((one) => one.id === id),
        'the good one concerns it',
      );
  });
}

test('no unit is asked for where it would tell nobody', async (t) => {
  const { notConcerned } = examine(patient({ service: 'notify-sender-after = 30m\n' }));
  t.ok(notConcerned.includes('notices-not-running'));
});

test('every check has a case, of its gravest finding', async (t) => {
  for (const { id, gravest } of CHECKS)
    t.ok(
      CASES.some((one) => one.id === id && one.severity === gravest),
      `${id}: ${gravest}`,
    );
  const ids = CHECKS.map(({ id }) => id);
  t.equal(new Set(ids).size, ids.length, 'no id twice');
  t.same(
    [...new Set(CASES.map(({ id }) => id))].filter((id) => !ids.includes(id)),
    [],
  );
});

test('no finding is worse than its check says', async (t) => {
  const order = ['note', 'warning', 'danger'];
  for (const { id, severity } of CASES) {
    const { gravest } = CHECKS.find((check) => check.id === id)!;
    if (severity !== 'unknown') t.ok(order.indexOf(severity) <= order.indexOf(gravest), `${id}: ${severity}`);
  }
});

test('the manual has every check', async (t) => {
  const page = readFileSync(new URL('contrib/doc/doctor.md', root), 'utf8');
  const rows = [...page.matchAll(/^\| `([a-z0-9-]+)` \| (danger|warning|note) \|/gm)];
  t.same(
    rows.map((match) => [match[1], match[2]]).sort(),
    [...CHECKS, ...SENDMAIL].map(({ id, gravest }) => [id, gravest]).sort(),
  );
});

test('words', async (t) => {
  for (const { id, why } of CHECKS) {
    t.match(id, /^[a-z][a-z0-9-]+$/);
    t.match(why, /\.$/, id);
  }
});
