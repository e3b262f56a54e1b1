/**
 * A report for tests of the page, and for its pictures in the manual: invented, but its figures add up as
 * those of real ones do, and it is the same each time.
 */
import { LEVELS, type Partner, type Report, type WayShare } from '../../../src/report/report.ts';
import { sampleReported } from './fixtureReported.ts';
import { causes, exceptions, findings, NOTE, PARTNERS, PLAIN, READY, weak } from './fixtureRows.ts';
import { daysUpTo, spread, traffic, wayOf } from './traffic.ts';

/** A report of a number of days up to 28 November 2026, with something in each of its parts. */
export function sampleReport(dayCount = 30): Report {
  const days = daysUpTo('2026-11-28', dayCount);
  const at = (day: string) => days.indexOf(day);
  const lost = (domain: string) => {
    const [, , , , , refused, failed, , over] = PARTNERS.find(([name]) => name === domain)!;
    return new Map(spread(days, refused + failed, Math.max(1, over)).map(({ day, count }) => [day, count]));
  };
  const refusedOn = lost('law.example');
  const failedOn = lost('clinic.example');
  const inDays = traffic(days, {
    seed: 7,
    busy: 4150,
    share: { tls12: 0.16, older: 0.014, plain: 0.063, unknown: 0.004 },
    extra: (day) => ({ refused: refusedOn.get(day) ?? 0 }),
  });
  const outDays = traffic(days, {
    seed: 11,
    busy: 2700,
    share: { tls12: 0.126, older: 0.007, plain: 0.025, unknown: 0.003 },
    extra: (day) => ({
      failed: failedOn.get(day) ?? 0,
      otherFailed: at(day) % 4 === 1 ? 3 : 1,
      unknown: day === '2026-11-17' ? 412 : 0,
    }),
  });
  const share = {
    in: wayOf(inDays, { sessions: { all: 41_208, tls: 38_400 }, inside: 1311 }),
    out: wayOf(outDays, { sessions: { all: 30_977, tls: 30_101 } }),
  };
  const all = (way: WayShare) => LEVELS.reduce((n, level) => n + way.travelled[level], 0);
  const safe = (way: WayShare) => way.travelled.tls13 + way.travelled.tls12;
  const total = all(share.in) + all(share.out);
  const held = safe(share.in) + safe(share.out);
  const figure = (n: number) => n.toLocaleString('en-US');
  const partners = PARTNERS.map(
    ([domain, way, level, messages, passed, refused, failed, weakest, over], i): Partner => ({
      ...{ domain, way, level, messages, passed, refused, failed, weakest },
      at: `domains.d/partners.ini:${i + 3}`,
      observed: domain === 'pension.example',
      kept: messages - passed - refused - failed,
      notKept: spread(days, passed + refused + failed, Math.max(1, over)),
    }),
  );
  return {
    hosts: ['mx1.example.org'],
    from: days[0]!,
    to: days.at(-1)!,
    made: '2026-11-29T06:00:12.000Z',
    partner: null,
    way: null,
    command: `tlsward report --since ${days[0]} --until ${days.at(-1)} --format html`,
    records: total + 407,
    unlisted: 214,
    tables: [
      {
        host: 'mx1.example.org',
        hash: '0d4fc4a78d3706edccafb665a8b2fdd9309e82c78625bb0f2b8e7bb9e1c4d21c',
        since: '2026-11-24T08:12:40.000Z',
      },
    ],
    answer: [
      { text: `${((held / total) * 100).toFixed(1)} % of mail travelled protected. `, harm: false },
      { text: 'Mail with two partners did not get through: ', harm: false },
      { text: 'clinic.example', harm: true },
      { text: ' and ', harm: false },
      { text: 'law.example', harm: true },
      { text: '.', harm: false },
    ],
    lead: `${figure(held)} of ${figure(total)} messages are known to have travelled under TLS 1.2 or later on the hop to or from this host. What is not known counts as unknown, never as protected.`,
    findings: findings(),
    share,
    partners,
    causes: causes(),
    ...plainOf(share),
    ready: READY.map(([domain, inbound, out, weakest, receive, deliver]) => ({
      ...{ domain, in: inbound, out, weakest, receive, deliver },
    })),
    readyLeast: 500,
    weak: weak(),
    exceptions: exceptions(),
    gaps: [
      {
        where: 'mx1.example.org, daemon',
        from: '2026-11-12T02:10:00.000Z',
        to: '2026-11-12T03:25:00.000Z',
        count: 214,
        why: 'the disk was full: judged, but not recorded',
      },
      {
        where: 'mx1.example.org, collector',
        from: '2026-11-17T10:12:00.000Z',
        to: '2026-11-17T10:31:00.000Z',
        count: null,
        why: 'the journal left out lines of Postfix (rate limit)',
      },
      {
        where: 'mx1.example.org, daemon',
        from: '2026-11-23T09:41:10.000Z',
        to: '2026-11-23T09:41:30.000Z',
        count: 0,
        why: 'the service was restarted; mail waited',
      },
    ],
    notes: ['The collector met 3 lines of the log that it could not read.'],
    heads: [
      { stream: 'mx1.example.org, daemon', day: '2026-11-28', note: NOTE },
      {
        stream: 'mx1.example.org, collector',
        day: '2026-11-28',
        note: NOTE.replace('1136', '904').replace('daemon', 'collector'),
      },
    ],
    reported: sampleReported(days),
  };
}

function plainOf(share: Report['share']): Pick<Report, 'plain'> {
  const named = PLAIN.map(([domain, inbound, out, of, day, row]) => ({
    ...{ domain, in: inbound, out, share: of, row },
    last: `2026-11-${day}T11:20:00.000Z`,
  }));
  const left = (way: 'in' | 'out') => share[way].travelled.plain - named.reduce((n, one) => n + one[way], 0);
  // a short report has less plaintext than these: then it names none
  if (left('in') < 0 || left('out') < 0) return { plain: [] };
  return { plain: named };
}
