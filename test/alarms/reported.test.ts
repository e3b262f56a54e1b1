/** What reports of others make an alarm, when it is over, and that many strangers make one message. */
import { test } from 'tap';
import { type Alarm, type Notice, step } from '../../src/alarms/alarmState.ts';
import { reportedLook, summaryOf, weekOf } from '../../src/alarms/reported.ts';
import type { KeptReport } from '../../src/tlsrpt/keptReport.ts';
import { failure, kept } from '../report/page/fixtureReported.ts';

const DAY = 86_400_000;
/** Noon of the day after the last report. */
const NOW = Date.parse('2026-11-30T12:00:00Z');
const MX1 = { mxHost: 'mx1.example.org' };
const expired = (sessions: number) => failure('certificate-expired', sessions, MX1);

const look = (reports: readonly KeptReport[], nowMs = NOW) => reportedLook(reports.map(summaryOf), nowMs);
const bad = (reports: readonly KeptReport[], nowMs = NOW): string[] =>
  look(reports, nowMs).conditions.flatMap(({ level, subject }) => (level === 'bad' ? [subject] : []));

test('a report with failures', async (t) => {
  const dkim = { result: 'pass', domain: 'mail.example', by: 'mx1' };
  const report = kept('Example Mail', '2026-11-29', 106, [expired(14)], { dkim });
  t.match(look([report]), {
    unjudged: [],
    conditions: [
      {
        ...{ kind: 'reported-failures', subject: 'Example Mail, certificate-expired', severity: 'warning' },
        ...{ level: 'bad', count: 14, domains: ['example.org'] },
        summary:
          'Example Mail reports of 2026-11-29: 14 of 120 sessions to us failed at mx1.example.org: the certificate had expired (signature: pass for mail.example)',
        advice: [
          /^tlsward tlsrpt list --failed --full --since 2026-11-29 /,
          /-connect mx1\.example\.org:25 /,
          /^Renew/,
        ],
      },
    ],
  });
  t.strictSame(bad([]), []);
  t.strictSame(bad([kept('Example Mail', '2026-11-29', 106)]), []);
});

test('how many are an alarm', async (t) => {
  const of = (sessions: number, good: number) =>
    bad([kept('A', '2026-11-29', good, [expired(sessions)])]).length;
  t.equal(of(1, 999_999), 0, 'one of a million');
  t.equal(of(49, 999_951), 0);
  t.equal(of(50, 999_950), 1, 'fifty, of however many');
  t.equal(of(1, 100), 0);
  t.equal(of(1, 99), 1, 'one of a hundred');
  t.equal(of(1, 0), 1, 'the only one');
});

test('the last report of a reporter about a domain decides', async (t) => {
  const failing = kept('A', '2026-11-28', 106, [expired(14)]);
  const good = kept('A', '2026-11-29', 106);
  t.strictSame(bad([failing, good]), []);
  t.strictSame(bad([good, failing]), [], 'in whichever order they come');
  t.equal(bad([failing, kept('B', '2026-11-29', 1)]).length, 1, 'another reporter');
  t.equal(
    bad([failing, kept('A', '2026-11-29', 1, [], { domain: 'example.net' })]).length,
    1,
    'another domain',
  );
  t.equal(bad([failing, kept('A', '2026-11-28', 5)]).length, 1, 'of the same hours');
  t.strictSame(bad([failing, kept('A', '2026-11-29', 9, [failure('tlsa-invalid', 1)])]), ['A, tlsa-invalid']);
  const signed = { dkim: { result: 'pass', domain: 'a.example', by: 'mx1' } };
  const real = kept('A', '2026-11-28', 106, [expired(14)], signed);
  t.equal(bad([real, good]).length, 1, 'a report that anybody wrote does not end the alarm of a signed one');
  t.strictSame(bad([real, kept('A', '2026-11-29', 1, [], signed)]), []);
  t.equal(bad([failing, kept('A', '2030-01-01', 1)]).length, 1, 'nor does one of a day to come');
  t.strictSame(bad([kept('A', '2030-01-01', 1, [expired(1)])]), []);
});

test('a reporter that is not heard of any more', async (t) => {
  const report = kept('A', '2026-11-29', 1, [expired(1)]);
  const levels = (days: number) => look([report], NOW + days * DAY).conditions.map(({ level }) => level);
  t.strictSame(levels(2), ['bad']);
  t.strictSame(levels(3), ['unknown']);
  t.strictSame(levels(9), []);
});

test('it fires once, is repeated daily, and is over once', async (t) => {
  const timing = { forMs: 120_000, repeatMs: 14_400_000, quiet: false };
  const heard: string[] = [];
  let alarms: readonly Alarm[] = [];
  const at = (reports: readonly KeptReport[], minutes: number): void => {
    const now = NOW + minutes * 60_000;
    const next = step(alarms, look(reports, now), now, timing);
    alarms = next.alarms;
    const people = next.notices.filter(({ audience }: Notice) => audience === 'people');
    heard.push(...people.map(({ state, alarm }) => `${minutes} ${state} ${alarm.subject}`));
  };
  const failing = kept('A', '2026-11-29', 1, [expired(1)]);
  for (let minutes = 0; minutes <= 1500; minutes += 10) at([failing], minutes);
  const good = kept('A', '2026-11-30', 9);
  for (let minutes = 1510; minutes <= 1600; minutes += 10) at([failing, good], minutes);
  t.strictSame(heard, [
    '10 firing A, certificate-expired',
    '1450 repeat A, certificate-expired',
    '1520 resolved A, certificate-expired',
  ]);
});

test('many reporters at once are one message, and names are bounded', async (t) => {
  const of = (count: number) =>
    Array.from({ length: count }, (_, i) => kept(`r${i}`, '2026-11-29', 1, [expired(i + 1)]));
  t.equal(bad(of(4)).length, 4);
  t.strictSame(bad(of(5)), ['']);
  t.strictSame(bad(of(500)), ['']);
  const [first] = look(of(500)).conditions;
  t.match(first, { count: 125_250, summary: /^500 reporters or causes; the first: r499 reports/ });
  t.ok(look(of(500)).conditions.every(({ level, subject }) => subject === '' || level === 'between'));
  const long = kept('x'.repeat(512), '2026-11-29', 1, [
    failure('y'.repeat(512), 1, { mxHost: 'z'.repeat(253) }),
  ]);
  const [condition] = look([long]).conditions;
  t.ok(condition!.summary.length < 400, condition!.summary);
  t.ok(condition!.subject.length < 140);
});

test('figures of a week', async (t) => {
  const reports = [
    kept('A', '2026-11-29', 100, [expired(5)]),
    kept('a', '2026-11-28', 10),
    kept('B', '2026-11-24', 1),
    kept('C', '2026-11-20', 1000),
  ];
  t.strictSame(weekOf(reports.map(summaryOf), NOW), { reporters: 2, successful: 111, failed: 5 });
});
