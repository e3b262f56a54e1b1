/**
 * Reports in every form that was seen in the wild are read rightly, and everything else is refused by its name. The
 * files of reports/ and refused/ were made by another program; expected.json of each says what is in them.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
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

/** What was seen in the wild, the files that have it, and what of the file shows that it has. */
const QUIRKS: readonly (readonly [quirk: string, has: RegExp, ...files: readonly string[]])[] = [
  ['a time without a zone', /"start-datetime": "[0-9T:-]+"/, 'microsoft-no-zone.json.gz'],
  ['contact-info is null', /"contact-info": null/, 'contact-null.tlsrpt'],
  ['sending-mta-ip is empty', /"sending-mta-ip": ""/, 'sending-address-empty.tlsrpt'],
  ['sending-mta-ip is missing', /"certificate-expired", "receiving/, 'sending-address-missing.tlsrpt'],
  [
    'policy-domain is missing with no-policy-found',
    /"policy": \{"policy-type": "no-policy-found"\}/,
    'reporter.example!example.org!1795910400!1795996799.json.gz',
  ],
  ['policy-string is absent', /"sts", "policy-domain"/, 'policy-string-absent.tlsrpt'],
  ['policy-string is empty', /"policy-string": \[\]/, 'policy-string-empty.tlsrpt'],
  ['policy-string is null', /"policy-string": null/, 'policy-string-null.tlsrpt'],
  ['mx-host is absent', /"policy-domain": "example.org"\}/, 'mx-host-absent.tlsrpt'],
  ['mx-host is empty', /"mx-host": \[\]/, 'mx-host-empty.tlsrpt'],
  ['mx-host is null', /"mx-host": null/, 'mx-host-null.tlsrpt'],
  ['mx-host is one text', /"mx-host": "/, 'mx-host-text.tlsrpt'],
  ['mx-host-pattern', /"mx-host-pattern": /, 'mx-host-pattern.tlsrpt'],
  ['failure-details is absent', /"total-failure-session-count": \d+\}\}\]/, 'failure-details-absent.tlsrpt'],
  ['failure-details is empty', /"failure-details": \[\]/, 'failure-details-empty.tlsrpt'],
  ['failure-details is null', /"failure-details": null/, 'failure-details-null.tlsrpt'],
  ['additional-information', /"additional-information": /, 'additional-information.tlsrpt'],
  ['additional-info-uri', /"additional-info-uri": /, 'additional-info-uri.tlsrpt'],
  ['report-id with a plus', /"report-id": "\d+\+/, 'microsoft-no-zone.json.gz'],
  ['report-id in brackets', /"report-id": "</, 'report-id-brackets.tlsrpt'],
  [
    'policy-domain in other case and with a dot',
    /"policy-domain": "Example\.ORG\."/,
    'policy-domain-case-dot.tlsrpt',
  ],
  ['type application/tlsrpt', /^Content-Type: application\/tlsrpt[;\r\n]/m, 'mail-type-tlsrpt.eml'],
  ['type application/json', /^Content-Type: application\/json/m, 'mail-type-json.eml'],
  ['type application/gzip', /^Content-Type: application\/gzip/m, 'mail-type-gzip.eml'],
  [
    'type application/octet-stream',
    /^Content-Type: application\/octet-stream/m,
    'mail-type-octet-stream.eml',
  ],
  ['base64 that is not strict', /^Content-Transfer-Encoding: base64/m, 'mail-base64-loose.eml'],
  [
    'the whole message is the report',
    /^MIME-Version: 1\.0\r?\nContent-Type: (?!multipart)/m,
    'mail-whole-is-report.eml',
    'mail-whole-is-json.eml',
  ],
  ['multipart/mixed', /^Content-Type: multipart\/mixed/m, 'mail-mixed.eml'],
  ['report-type is not quoted', /report-type=tlsrpt;/, 'mail-report-type-unquoted.eml'],
  [
    'unpacked by a filter',
    // an object in base64
    /^Content-Type: application\/tlsrpt\+gzip[\s\S]*^ewog/m,
    'mail-unpacked-by-filter.eml',
  ],
  [
    'written as UTF-8 by a filter',
    /^Content-Transfer-Encoding: /m,
    'mail-bytes-as-utf8.eml',
    'mail-base64-twice.eml',
  ],
  ['several reports at once', /google/, 'box.mbox', 'mail-two-reports.eml'],
];

test('every quirk that was seen in the wild is in a file, and is read', async (t) => {
  const expected = expectedIn('reports') as Readonly<Record<string, Expected[]>>;
  for (const [quirk, has, ...files] of QUIRKS)
    for (const name of files) {
      const bytes = readFileSync(join(FOLDER, 'reports', name));
      const text = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1');
      t.match(text, has, `${name}: ${quirk}`);
      const found = await read(join(FOLDER, 'reports', name));
      t.ok(found.length > 0, name);
      t.strictSame(
        found.map(({ successful, failed }) => [successful, failed]),
        expected[name]!.map(({ successful, failed }) => [successful, failed]),
        `${name}: its sessions`,
      );
    }
  // the same report twice is dropped by the store: test/tlsrpt/store.test.ts
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
