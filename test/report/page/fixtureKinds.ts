/** Reports of other kinds: with nothing in them, with little, with much, and with names that mean harm. */
import type { Partner, Report } from '../../../src/report/report.ts';
import { reportedOf } from '../../../src/tlsrpt/reported.ts';
import { withFindings } from '../../../src/tlsrpt/reportedFindings.ts';
import { sampleReport } from './fixture.ts';
import { hostileReported, kept, noReported } from './fixtureReported.ts';
import { daysUpTo, traffic, wayOf } from './traffic.ts';

/** Nothing was recorded. */
export function emptyReport(): Report {
  const none = wayOf([], { recordedDays: 0 });
  return {
    ...sampleReport(),
    records: 0,
    unlisted: 0,
    tables: [],
    answer: [{ text: 'Nothing is known about the mail of these days.', harm: false }],
    lead: 'There are no records.',
    share: { in: none, out: none },
    ...{
      findings: [],
      partners: [],
      causes: [],
      plain: [],
      ready: [],
      weak: [],
      exceptions: [],
      gaps: [],
      notes: [],
      heads: [],
    },
    reported: noReported(),
  };
}

/** Mail came, and nothing is known of what left. */
export function oneLeg(): Report {
  const report = sampleReport();
  return { ...report, share: { in: report.share.in, out: wayOf([], { recordedDays: 0 }) }, reported: null };
}

/** Nothing is to be done. */
export function calmReport(): Report {
  const report = sampleReport();
  const days = traffic(
    report.share.in.days.map(({ day }) => day),
    {
      seed: 3,
      busy: 900,
      share: { tls12: 0.1, older: 0, plain: 0, unknown: 0 },
      extra: () => ({}),
    },
  );
  return {
    ...report,
    unlisted: 0,
    answer: [{ text: 'All mail travelled protected.', harm: false }],
    lead: 'Every message is known to have travelled under TLS 1.2 or later on the hop to or from this host.',
    share: { in: wayOf(days), out: wayOf(days) },
    partners: report.partners.filter((one) => one.kept === one.messages),
    ...{ findings: [], causes: [], plain: [], ready: [], weak: [], exceptions: [], gaps: [], notes: [] },
    reported: withFindings(reportedOf([kept('Example Mail', report.to, 118)], report.to), []),
  };
}

/** What was asked for is one partner. */
export function onePartner(domain = 'bank.example'): Report {
  const report = sampleReport();
  const mine = (one: { readonly domain: string }) => one.domain === domain;
  return {
    ...report,
    partner: domain,
    findings: report.findings.filter(({ domains }) => domains.includes(domain)),
    partners: report.partners.filter(mine),
    causes: report.causes.filter(mine),
    ...{ plain: [], ready: [], weak: [] },
    exceptions: report.exceptions.filter(({ pattern }) => pattern === domain),
    reported: null,
  };
}

/** Names and texts as someone would choose them who wants to be more than a name. */
export const HOSTILE = [
  '<script>globalThis.harmed=1</script>',
  '"><img src=x onerror="globalThis.harmed=1">',
  "'><svg/onload=globalThis.harmed=1>.example",
  '</style><script>globalThis.harmed=1</script>',
  '</title><script>globalThis.harmed=1</script>',
  '--><script>globalThis.harmed=1</script><!--',
  '&lt;b&gt;&#60;script&#62;',
  'javascript:globalThis.harmed=1//.example',
  '\u202emoc.knab\u202c.example',
  '\u2066bank\u2069\u200b\u200d\ufeff.example',
  'a\u0000b\u0007c\u001b[31md\u009b.example',
  'line\nbreak\r\n\u2028\u2029.example',
  'xn--80ak6aa92e.com',
  'xn--pple-43d.com',
  '\u05d0\u05d1\u05d2 \u0645\u0635\u0631',
  `z${'\u0301'.repeat(50)}`,
  '\ud800lone\udfff',
  `long${'g'.repeat(5000)}`,
  '$' + '{alert(1)} `x` \\u0041 {{7*7}}',
] as const;

/** The sample with each of `HOSTILE` wherever a text from outside is shown. */
export function hostileReport(): Report {
  const report = sampleReport();
  const bad = (i: number) => HOSTILE[i % HOSTILE.length]!;
  const partners = HOSTILE.map(
    (domain, i): Partner => ({
      ...report.partners[i % 2]!,
      domain,
      level: bad(i + 1),
      at: bad(i + 2),
    }),
  );
  return {
    ...report,
    hosts: [...HOSTILE],
    command: HOSTILE.join(' '),
    tables: HOSTILE.map((host, i) => ({ host, hash: bad(i + 3), since: bad(i + 4) })),
    answer: HOSTILE.map((text, i) => ({ text, harm: i % 2 === 0 })),
    lead: HOSTILE.join(' '),
    findings: HOSTILE.map((name, i) => ({
      ...{
        kind: name,
        harm: true,
        count: i,
        unit: bad(i + 1),
        domains: [name],
        title: bad(i + 2),
        text: bad(i + 3),
      },
      paste: bad(i + 4),
      rows: { part: 'causes', key: bad(i + 5) },
    })),
    partners,
    causes: HOSTILE.map((domain, i) => ({
      ...report.causes[0]!,
      domain,
      cause: bad(i + 1),
      first: bad(i + 2),
      last: bad(i + 3),
      example: bad(i + 4),
    })),
    plain: HOSTILE.map((domain, i) => ({
      domain,
      in: 1,
      out: 0,
      share: 1,
      last: bad(i + 1),
      row: bad(i + 2),
    })),
    ready: HOSTILE.map((domain, i) => ({
      domain,
      in: 1,
      out: 0,
      weakest: 'tls13',
      receive: bad(i + 1),
      deliver: bad(i + 2),
    })),
    weak: HOSTILE.map((protocol, i) => ({
      protocol,
      cipher: bad(i + 1),
      in: 1,
      out: 0,
      domains: [bad(i + 2)],
      otherDomains: 0,
      why: bad(i + 3),
    })),
    exceptions: HOSTILE.map((pattern, i) => ({
      ...report.exceptions[0]!,
      pattern,
      until: bad(i + 1),
      changes: [bad(i + 2)],
      reason: bad(i + 3),
      at: bad(i + 4),
    })),
    gaps: HOSTILE.map((where, i) => ({
      where,
      from: bad(i + 1),
      to: bad(i + 2),
      count: null,
      why: bad(i + 3),
    })),
    notes: [...HOSTILE],
    heads: HOSTILE.map((stream, i) => ({ stream, day: bad(i + 1), note: bad(i + 2) })),
    reported: hostileReported(HOSTILE),
  };
}

/** A report over a year with this many partners, each with something not kept on many days. */
export function hugeReport(count = 20_000): Report {
  const report = sampleReport(366);
  const days = daysUpTo(report.to, 366);
  const name = (i: number) => `partner-${i}.${'sub.'.repeat(i % 4)}example`;
  const each = Array.from({ length: count }, (_, i) => i);
  return {
    ...report,
    partners: each.map(
      (i): Partner => ({
        ...{
          domain: name(i),
          way: i % 2 === 0 ? 'in' : 'out',
          level: 'encrypt',
          at: `partners.ini:${i}`,
          observed: false,
        },
        ...{ messages: 1000, kept: 634, passed: 366, refused: 0, failed: 0, weakest: 'plain' },
        notKept: days.map((day) => ({ day, count: 1 })),
      }),
    ),
    causes: each.map((i) => ({ ...report.causes[0]!, domain: name(i), cause: `certificate expired, ${i}` })),
    plain: each.map((i) => ({ domain: name(i), in: 1, out: 2, share: 0.5, last: report.to, row: '' })),
    ready: each.map((i) => ({
      domain: name(i),
      in: 1,
      out: 2,
      weakest: 'tls13',
      receive: 'encrypt',
      deliver: 'secure',
    })),
    gaps: each.slice(0, 5000).map(() => ({ ...report.gaps[0]! })),
  };
}
