/** CSV: every line has every column, parts have the numbers of the report, no cell begins a formula. */
import { test } from 'tap';
import { reportCsv } from '../../src/report/csv.ts';
import { sampleReport } from './page/fixture.ts';
import { readCsv } from './readCsv.ts';

test('parts have the numbers of the report', async (t) => {
  const report = sampleReport();
  const rows = readCsv(reportCsv(report));
  const of = (part: string) => rows.filter((row) => row.part === part);
  t.same(
    of('share').map(({ way, tls13, plain, refused, failed }) =>
      [way, tls13, plain, refused, failed].map(String),
    ),
    (['in', 'out'] as const).map((way) => {
      const { travelled, refused, failed } = report.share[way];
      return [way, travelled.tls13, travelled.plain, refused, failed].map(String);
    }),
  );
  t.equal(of('day').length, 60);
  t.same(
    of('partners').map(({ domain, way, messages, kept, passed, refused, failed }) => [
      domain,
      way,
      messages,
      kept,
      passed,
      refused,
      failed,
    ]),
    report.partners.map((one) => [
      one.domain,
      one.way,
      ...[one.messages, one.kept, one.passed, one.refused, one.failed].map(String),
    ]),
  );
  t.same(
    of('causes').map(({ domain, cause, messages, example }) => [domain, cause, messages, example]),
    report.causes.map(({ domain, cause, messages, example }) => [domain, cause, String(messages), example]),
  );
  for (const part of ['plain', 'ready', 'weak', 'exceptions', 'gaps'] as const)
    t.equal(of(part).length, report[part].length, part);
  t.equal(of('finding').length, report.findings.length);
  t.equal(
    of('paste').length,
    report.findings.flatMap(({ paste }) => (paste === '' ? [] : paste.split('\n'))).length,
  );
  t.match(of('head'), [{ records: '1136' }, { records: '904' }]);
  const { reporters, causes, findings, modes, reports, failed } = report.reported!;
  t.match(of('reported'), [{ records: String(reports), failed: String(failed) }]);
  t.same(
    of('reported-by').map((row) => [row.where, row.sessions, row.failed]),
    reporters.map((one) => [one.name, one.successful + one.failed, one.failed].map(String)),
  );
  t.same(
    of('reported-cause').map((row) => [row.where, row.outcome, row.failed, row.sessions]),
    causes.map((one) => [one.reporter, one.result, one.sessions, one.of].map(String)),
  );
  t.equal(of('reported-finding').length, findings.length);
  t.equal(of('reported-mode').length, modes.length);
  t.same(
    readCsv(reportCsv({ ...report, reported: null })),
    rows.filter(({ part }) => !part!.startsWith('reported')),
  );
});

test('a name from mail is no formula', async (t) => {
  const sample = sampleReport();
  const plain = [
    { ...sample.plain[0]!, domain: '=HYPERLINK("http://x")' },
    { ...sample.plain[0]!, domain: '@SUM(1)' },
  ];
  const text = reportCsv({ ...sample, plain });
  t.match(text, `plain,,,"'=HYPERLINK(""http://x"")"`);
  t.match(text, "plain,,,'@SUM(1)");
});

test('a way without records has no zeros', async (t) => {
  const sample = sampleReport();
  const out = { ...sample.share.out, recordedDays: 0 };
  const rows = readCsv(reportCsv({ ...sample, share: { ...sample.share, out } }));
  t.match(
    rows.filter(({ part, way }) => way === 'out' && (part === 'share' || part === 'day')),
    [{ messages: '', text: 'not recorded' }],
  );
});
