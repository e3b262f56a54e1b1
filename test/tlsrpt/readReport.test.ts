/**
 * Reports in every form that was seen in the wild are read rightly, and everything else is refused by its name. The
 * files of reports/ and refused/ were made by another program; expected.json of each says what is in them.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { readWhole } from '../../src/mailfile/readWhole.ts';
import { keptReport } from '../../src/tlsrpt/keptReport.ts';
import { ownOf, ownPolicies } from '../../src/tlsrpt/ownPolicies.ts';
import { isBareReport, MAX_MESSAGE, readReports } from '../../src/tlsrpt/readReport.ts';
import { REFUSALS, ReportRefused } from '../../src/tlsrpt/refusal.ts';
import { page } from '../manual.ts';
import { root } from '../root.ts';

interface Expected {
  readonly organization: string;
  readonly contact: string;
  readonly id: string;
  readonly start: string;
  readonly end: string;
  readonly successful: number;
  readonly failed: number;
  readonly policies: readonly (readonly [domain: string, type: string, successful: number, failed: number])[];
  readonly failures: readonly (readonly [result: string, sessions: number, from: string, at: string])[];
  readonly odd: readonly string[];
  readonly dkim: object | null;
  readonly others?: number;
}

const FOLDER = fileURLToPath(new URL('test/tlsrpt/', root));
const expectedIn = (folder: string): Readonly<Record<string, unknown>> =>
  JSON.parse(readFileSync(join(FOLDER, folder, 'expected.json'), 'utf8')) as Readonly<
    Record<string, unknown>
  >;

async function read(file: string): Promise<Expected[]> {
  // two, so that none is assumed
  const own = ownOf(['example.org', 'example.net']);
  const found: Expected[] = [];
  for await (const { headers, bytes, label } of readWhole(file, {
    limitBytes: MAX_MESSAGE,
    isBare: isBareReport,
  }))
    for (const one of await readReports(headers, bytes, label)) {
      const { policies, others } = ownPolicies(one, own.isOwn, own.only);
      const report = keptReport(one, policies, others);
      const { organization, contact, id, start, end, successful, failed, dkim, quirks } = report;
      found.push({
        ...{ organization, contact, id, start, end, successful, failed },
        policies: report.policies.map((policy) => [
          policy.domain,
          policy.type,
          policy.successful,
          policy.failed,
        ]),
        failures: report.policies.flatMap(({ failures }) =>
          failures.map((row) => [row.result, row.sessions, row.sendingAddress, row.mxHost] as const),
        ),
        odd: quirks,
        dkim,
        ...(others === 0 ? {} : { others }),
      });
    }
  return found;
}

test('reports as they are seen in the wild', async (t) => {
  const files = Object.entries(expectedIn('reports')) as [string, Expected[]][];
  t.ok(files.length >= 60, `${files.length} files`);
  for (const [name, expected] of files) {
    const found = await read(join(FOLDER, 'reports', name));
    const sorted = (all: readonly Expected[]) => all.map((one) => ({ ...one, odd: [...one.odd].sort() }));
    t.strictSame(sorted(found), sorted(expected), name);
  }
});

test('bombs and what is no report', async (t) => {
  const files = Object.entries(expectedIn('refused')) as [string, string][];
  t.ok(files.length >= 30, `${files.length} files`);
  for (const [name, refusal] of files)
    await t.rejects(read(join(FOLDER, 'refused', name)), { name: 'ReportRefused', refusal }, name);
});

test('what is refused says what was found and what was expected', async (t) => {
  const error = await read(join(FOLDER, 'refused', 'other-domain.tlsrpt')).catch((caught: unknown) => caught);
  t.ok(error instanceof ReportRefused);
  t.equal(
    (error as Error).message,
    'the report is not about a domain of ours: found other.example, expected a domain of local-domains, of a row, or of --own-domains',
  );
});

test('every name is on the page, and a file of the tests or a limit has it', async (t) => {
  const text = page('contrib/doc/tlsrpt.md');
  const limits = ['too-large', 'decoded-too-large', 'json-values', 'too-many-policies', 'too-many-failures'];
  const seen = new Set([...Object.values(expectedIn('refused')), ...limits]);
  for (const name of Object.keys(REFUSALS)) {
    t.ok(text.includes(`\`${name}\``), `${name} is explained`);
    t.ok(seen.has(name), `${name} is tried`);
  }
});
