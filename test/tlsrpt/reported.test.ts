/** Many reports as one value: totals by reporter, causes, what is still so, who went silent, what is in testing, findings. */
import { test } from 'tap';
import { type ReportedParts, reportedOf } from '../../src/tlsrpt/reported.ts';
import { type Reported, withFindings } from '../../src/tlsrpt/reportedFindings.ts';
import { failure, kept } from '../report/page/fixtureReported.ts';

const MX1 = { mxHost: 'mx1.example.org', sendingAddress: '203.0.113.9' };
const expired = (sessions: number) => failure('certificate-expired', sessions, MX1);
const day = (n: number): string => `2026-11-${String(n).padStart(2, '0')}`;
const days = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => day(from + i));

function found(parts: ReportedParts): Reported['findings'] {
  return withFindings(parts, []).findings;
}

test('one report', async (t) => {
  const parts = reportedOf([kept('Example Mail', day(29), 106, [expired(14)])], day(29));
  t.match(parts, { reports: 1, successful: 106, failed: 14, otherReporters: 0, otherCauses: 0 });
  t.strictSame(parts.reporters, [
    {
      name: 'Example Mail',
      ...{ reports: 1, successful: 106, failed: 14, first: day(29), last: day(29) },
      ...{ signature: 'not known', silent: false },
    },
  ]);
  t.strictSame(parts.causes, [
    {
      ...{ reporter: 'Example Mail', result: 'certificate-expired', mxHost: 'mx1.example.org' },
      ...{ sessions: 14, of: 120, domains: ['example.org'], from: ['203.0.113.9'], reason: '' },
      ...{ first: day(29), last: day(29), current: true },
      ...{ start: '2026-11-29T00:00:00Z', end: '2026-11-29T23:59:59Z' },
    },
  ]);
  const [finding] = found(parts);
  t.match(finding, {
    kind: 'failing',
    harm: true,
    count: 14,
    title: 'Example Mail: 14 of 120 sessions failed at mx1.example.org: the certificate had expired',
    paste: /-connect mx1\.example\.org:25 .*\ntlsward tlsrpt list --failed --full --since 2026-11-29$/,
    cause: 0,
  });
  t.strictSame(found(reportedOf([kept('Example Mail', day(29), 106)], day(29))), [], 'nothing failed');
  t.strictSame(found(reportedOf([], day(29))), [], 'nobody reports');
});

test('what happened to our certificate in those hours', async (t) => {
  const parts = reportedOf([kept('Example Mail', day(29), 106, [expired(14)])], day(29));
  const certificate = {
    file: '/etc/ssl/mx1.pem',
    changed: '2026-11-29T14:02:00Z',
    validFrom: '2026-11-01T00:00:00Z',
    validTo: '2027-01-01T00:00:00Z',
  };
  const text = (changed: string, result = 'certificate-expired') => {
    const of = reportedOf([kept('Example Mail', day(29), 106, [failure(result, 14, MX1)])], day(29));
    return withFindings(of, [{ ...certificate, changed }]).findings[0]?.text;
  };
  t.match(
    withFindings(parts, [certificate]).findings[0]?.text,
    'In that time /etc/ssl/mx1.pem was changed 2026-11-29T14:02:00Z.',
  );
  t.notMatch(text('2026-11-28T14:02:00Z'), /In that time/, 'another day');
  t.notMatch(text('2026-11-29T14:02:00Z', 'sts-policy-fetch-error'), /In that time/, 'another cause');
});

test('the same cause from several reporters is one finding', async (t) => {
  const reports = ['A', 'B', 'C'].map((name, i) => kept(name, day(29), 100, [expired(10 * (i + 1))]));
  t.match(found(reportedOf(reports, day(29))), [
    { count: 60, title: /^C and 2 others: 60 of 360 sessions failed at mx1/ },
  ]);
});

test('what the last report has no more is no harm', async (t) => {
  const reports = [
    kept('A', day(27), 100, [expired(50)]),
    kept('A', day(28), 100),
    kept('B', day(28), 100, [failure('sts-policy-fetch-error', 2)]),
  ];
  const parts = reportedOf(reports, day(28));
  t.strictSame(
    parts.causes.map(({ reporter, current }) => [reporter, current]),
    [
      ['B', true],
      ['A', false],
    ],
  );
  t.match(found(parts), [
    {
      kind: 'failing',
      harm: true,
      count: 2,
      paste: /^curl -v https:\/\/mta-sts\.example\.org\/\.well-known/,
    },
    { kind: 'failed', harm: false, count: 50, text: /has it no more/, paste: /^tlsward tlsrpt list/ },
  ]);
  const other = kept('A', day(28), 100, [], { domain: 'example.net' });
  t.equal(
    reportedOf([reports[0]!, other], day(28)).causes[0]?.current,
    true,
    'a report about another domain says nothing of it',
  );
});

test('a report that anybody wrote does not end what a signed one says', async (t) => {
  const signed = { dkim: { result: 'pass', domain: 'a.example', by: 'mx1' } };
  const reports = [kept('A', day(27), 100, [expired(50)], signed), kept('A', day(28), 100)];
  t.match(found(reportedOf(reports, day(28))), [{ kind: 'failing', title: /^A: 50 of 150/ }]);
  const both = [...reports, kept('A', day(28), 0, [expired(5)])];
  t.match(
    found(reportedOf(both, day(28))),
    [{ kind: 'failing', count: 55, title: /^A: 55 of/ }],
    'one reporter',
  );
  const later = [...reports, kept('A', day(29), 1, [], signed)];
  t.match(found(reportedOf(later, day(29))), [{ kind: 'failed' }]);
});

test('of two reports of one day the one with later hours is the last', async (t) => {
  const early = { ...kept('A', day(28), 1, [expired(5)]), end: '2026-11-28T11:59:59Z' };
  const late = { ...kept('A', day(28), 1), start: '2026-11-28T12:00:00Z' };
  for (const reports of [
    [early, late],
    [late, early],
  ])
    t.match(found(reportedOf(reports, day(28))), [{ kind: 'failed' }]);
});

test('who went silent', async (t) => {
  const silent = (list: readonly string[], to = day(30)) =>
    reportedOf(
      list.map((one) => kept('A', one, 1)),
      to,
    ).reporters[0]!.silent;
  t.equal(silent(days(1, 20)), true);
  t.equal(silent(days(1, 25)), false, 'three days may be the way of the report');
  t.equal(silent(days(1, 24)), true);
  t.equal(silent([day(1), day(2)]), false, 'twice is no rhythm');
  t.equal(silent([day(1), day(8), day(15)]), false, 'once a week');
  t.equal(silent([day(1), day(3), day(5)]), true);
  t.equal(silent(days(1, 30)), false);
  const both = ['A', 'B'].flatMap((name) => days(1, 20).map((one) => kept(name, one, 1)));
  const sorted = both.sort((a, b) => (a.start < b.start ? -1 : 1));
  t.match(found(reportedOf(sorted, day(30))), [
    { kind: 'silent', harm: false, title: 'No reporter has been heard of since 2026-11-20' },
  ]);
  t.match(found(reportedOf([...sorted, kept('C', day(30), 1)], day(30))), [
    { kind: 'silent', title: 'A and B reported regularly, and no longer do' },
  ]);
});

test('a policy that is still in testing', async (t) => {
  const testing = (mode: string) => ({ strings: ['version: STSv1', `mode: ${mode}`, 'max_age: 86400'] });
  const of = (list: readonly [number, string, number][]) =>
    reportedOf(
      list.map(([n, mode, failed]) =>
        kept('A', day(n), 9, failed > 0 ? [expired(failed)] : [], testing(mode)),
      ),
      day(30),
    );
  const texts = (parts: ReportedParts) => found(parts).filter(({ kind }) => kind === 'testing');
  t.match(
    texts(
      of([
        [28, 'testing', 0],
        [29, 'testing', 0],
      ]),
    ),
    [{ text: /look again after 7 days/ }],
  );
  t.match(
    texts(
      of([
        [20, 'testing', 0],
        [30, 'testing', 0],
      ]),
    ),
    [{ text: /with `mode: enforce`/ }],
  );
  t.match(
    texts(
      of([
        [20, 'testing', 3],
        [30, 'testing', 0],
      ]),
    ),
    [{ text: /mail of 3 sessions that failed/, cause: 0 }],
  );
  t.strictSame(
    texts(
      of([
        [20, 'testing', 0],
        [30, 'enforce', 0],
      ]),
    ),
    [],
  );
  const both = [kept('A', day(20), 1, [], testing('testing')), kept('B', day(30), 1, [], testing('enforce'))];
  t.strictSame(
    texts(reportedOf([...both, kept('A', day(30), 1, [], testing('testing'))], day(30))),
    [],
    'a sender that still has the old one',
  );
  t.strictSame(texts(reportedOf([kept('A', day(30), 1, [], { type: 'tlsa' })], day(30))), []);
  const oneText = kept('A', day(30), 1, [], { strings: ['version: STSv1\\nmode: testing\\nmx: mx1'] });
  t.equal(texts(reportedOf([oneText], day(30))).length, 1, 'the policy as one text');
});

test('names of a stranger are bounded, and in no command', async (t) => {
  const name = '`rm -rf`'.repeat(60);
  const row = failure(name, 1, { mxHost: '$(reboot).example', sendingAddress: name, reason: name });
  const [finding] = found(reportedOf([kept(name, day(29), 1, [row])], day(29)));
  t.ok(finding!.title.length < 300, finding!.title);
  t.ok(finding!.text.length < 900, finding!.text);
  t.notMatch(`${finding!.title}${finding!.text}`, /`/, 'no command begins in them');
  const known = failure('certificate-expired', 1, { mxHost: 'a;reboot' });
  const [{ paste } = { paste: '' }] = found(reportedOf([kept('A', day(29), 1, [known])], day(29)));
  t.match(paste, /-connect HOST:25/);
  t.notMatch(paste, /reboot/);
});

test('many reporters and causes are bounded, and their sessions are in the totals', async (t) => {
  const reports = Array.from({ length: 3000 }, (_, i) =>
    kept(`r${i}`, day(29), 1, [expired(1), failure(`x${i}`, 1)]),
  );
  const parts = reportedOf(reports, day(29));
  t.match(parts, { reports: 3000, successful: 3000, failed: 6000, otherReporters: 2000, otherCauses: 4000 });
  t.equal(parts.reporters.length, 1000);
  t.equal(parts.causes.length, 2000);
  t.equal(found(parts).length, 7);
});
