/** What others report, for tests of the page and its pictures: invented, and counted as that of real ones is. */
import type { Reported } from '../../../src/report/report.ts';
import { KEPT_VERSION, type KeptReport } from '../../../src/tlsrpt/keptReport.ts';
import type { OwnCertificate } from '../../../src/tlsrpt/ownCertificates.ts';
import type { ReportedFailure } from '../../../src/tlsrpt/report.ts';
import { reportedOf } from '../../../src/tlsrpt/reported.ts';
import { withFindings } from '../../../src/tlsrpt/reportedFindings.ts';

const NOT_SAID: ReportedFailure = {
  ...{ result: '', sessions: 1, sendingAddress: '', mxHost: '', mxHelo: '', mxAddress: '' },
  ...{ information: '', reason: '' },
};

export function failure(
  result: string,
  sessions: number,
  more: Partial<ReportedFailure> = {},
): ReportedFailure {
  return { ...NOT_SAID, result, sessions, ...more };
}

/** A kept report of one day about one policy of example.org. */
export function kept(
  organization: string,
  day: string,
  successful: number,
  failures: readonly ReportedFailure[] = [],
  more: {
    readonly domain?: string;
    readonly type?: string;
    readonly strings?: readonly string[];
    readonly dkim?: KeptReport['dkim'];
  } = {},
): KeptReport {
  const {
    domain = 'example.org',
    type = 'sts',
    strings = ['version: STSv1', 'mode: enforce'],
    dkim = null,
  } = more;
  const failed = failures.reduce((sum, { sessions }) => sum + sessions, 0);
  return {
    ...{ v: KEPT_VERSION, organization, contact: '', id: `${day} ${organization}`, successful, failed },
    ...{ start: `${day}T00:00:00Z`, end: `${day}T23:59:59Z`, morePolicies: 0, others: 0, dkim, quirks: [] },
    policies: [
      {
        domain,
        type,
        strings,
        mxHosts: ['mx1.example.org'],
        successful,
        failed,
        failures,
        moreRows: 0,
        moreSessions: 0,
      },
    ],
  };
}

const CERTIFICATE: OwnCertificate = {
  file: '/etc/ssl/mx1.example.org.pem',
  changed: '2026-11-28T14:02:00Z',
  validFrom: '2026-08-30T14:02:00Z',
  validTo: '2026-11-28T14:02:00Z',
};
const SIGNED = { result: 'pass', domain: 'mail.example', by: 'mx1.example.org' };

/** Over these days, the last of which has the failures. */
export function sampleReported(days: readonly string[]): Reported {
  const to = days.at(-1)!;
  const expired = failure('certificate-expired', 14, {
    mxHost: 'mx1.example.org',
    sendingAddress: '203.0.113.9',
  });
  const fetch = failure('sts-policy-fetch-error', 3, { reason: 'connection timed out' });
  const testing = {
    domain: 'example.net',
    strings: ['version: STSv1', 'mode: testing', 'mx: mx1.example.org'],
  };
  const reports = days.flatMap((day, i) => [
    kept('Example Mail', day, day === to ? 106 : 118 + (i % 5), day === to ? [expired] : [], {
      dkim: SIGNED,
    }),
    kept(
      'Grand Mail GmbH',
      day,
      2210 + 7 * i,
      day === to ? [{ ...expired, sessions: 41, sendingAddress: '' }] : i === 3 ? [fetch] : [],
    ),
    ...(i < days.length - 9 ? [kept('reporter.example', day, 4 + (i % 3))] : []),
    ...(i % 2 === 0 ? [kept('Example Mail', day, 31, [], testing)] : []),
  ]);
  return withFindings(reportedOf(reports, to), [CERTIFICATE]);
}

/** Reports were read once, and none about these days. */
export function noReported(): Reported {
  return withFindings(reportedOf([], '2026-11-28'), []);
}

/** Every text that a reporter chooses is one of these. */
export function hostileReported(texts: readonly string[]): Reported {
  const at = (i: number): string => texts[i % texts.length]!;
  const reports = texts.map((name, i) =>
    kept(
      name,
      '2026-11-28',
      1,
      [
        failure(at(i + 1), 2, {
          mxHost: at(i + 2),
          sendingAddress: at(i + 3),
          reason: at(i + 4),
          information: at(i + 5),
        }),
      ],
      {
        domain: at(i + 6),
        strings: [`mode: ${at(i + 7)}`],
        dkim: { result: at(i + 8), domain: at(i + 9), by: at(i + 10) },
      },
    ),
  );
  return withFindings(reportedOf(reports, '2026-11-28'), [{ ...CERTIFICATE, file: at(0) }]);
}
