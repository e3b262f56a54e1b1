/**
 * The page without a browser: it is whole, allows itself only what its policy names, leads to rows that exist,
 * and shows the figures of the report. `test/e2e/report-page.test.ts` opens it in a real one.
 */
import { createHash } from 'node:crypto';
import { test } from 'tap';
import { reportPage } from '../../../src/report/page/page.ts';
import { LEVELS, type Report } from '../../../src/report/report.ts';
import { sampleReport } from './fixture.ts';
import {
  calmReport,
  emptyReport,
  HOSTILE,
  hostileReport,
  hugeReport,
  oneLeg,
  onePartner,
} from './fixtureKinds.ts';
import { type Read, readPage } from './readPage.ts';
import { wayOf } from './traffic.ts';

const REPORTS: Readonly<Record<string, () => Report>> = {
  'a month': () => sampleReport(),
  'a day': () => sampleReport(1),
  'a year': () => sampleReport(366),
  'no records': emptyReport,
  'one way': oneLeg,
  'nothing wrong': calmReport,
  'one partner': () => onePartner(),
  'hostile names': hostileReport,
};

const figure = (n: number) => n.toLocaleString('en-US');

function ids({ elements }: Read): string[] {
  return elements.flatMap(({ attributes }) => attributes.get('id') ?? []);
}

for (const [name, make] of Object.entries(REPORTS))
  test(`${name}: whole, and leads nowhere else`, async (t) => {
    const page = reportPage(make());
    t.equal(page, reportPage(make()), 'the same each time');
    const read = readPage(page);
    t.same(
      ids(read).filter((id, i, all) => all.indexOf(id) !== i),
      [],
      'no id twice',
    );
    const known = new Set(ids(read));
    for (const { name: tag, attributes } of read.elements) {
      for (const [key, value] of attributes) {
        if (/^(?:on|style$|src|action|data$|formaction|background|xlink)/i.test(key))
          t.fail(`${tag} has ${key}`);
        if (key === 'href' && !known.has(value.slice(1))) t.fail(`${tag} leads to ${value}`);
        if (key === 'aria-labelledby')
          for (const id of value.split(' ')) if (!known.has(id)) t.fail(`${tag} is named by ${id}`);
      }
    }
    if (name !== 'hostile names') t.notMatch(page, '(cut)', 'nothing of our own is too long');
    t.equal(read.elements.filter(({ name: tag }) => tag === 'script').length, 1);
    t.equal(read.elements.filter(({ name: tag }) => tag === 'style').length, 1);
    t.same(
      read.elements.filter(({ name: tag }) => /^(?:link|img|iframe|object|embed|base|form)$/.test(tag)),
      [],
    );
    t.notMatch(read.raw.get('style'), /@import|url\((?!#)|https?:/);
    t.notMatch(
      read.raw.get('script'),
      /innerHTML|outerHTML|insertAdjacent|document\.write|eval|fetch|https?:/,
    );
    t.notMatch(
      page,
      /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/,
      'nothing unseen',
    );
    for (const [id, rows] of read.tables) {
      const heads = rows[0]?.length ?? 0;
      for (const row of rows.slice(1))
        if (row.length > heads) t.fail(`${id} has a row of ${row.length}: ${row}`);
    }
  });

test('the policy names style and script by their hashes', async (t) => {
  for (const report of [sampleReport(), emptyReport()]) {
    const { elements, raw } = readPage(reportPage(report));
    const policy = elements.find(
      ({ attributes }) => attributes.get('http-equiv') === 'Content-Security-Policy',
    );
    const hash = (name: string) =>
      createHash('sha256')
        .update(raw.get(name) ?? '')
        .digest('base64');
    t.equal(
      policy?.attributes.get('content'),
      `default-src 'none'; style-src 'sha256-${hash('style')}'; script-src 'sha256-${hash('script')}'; base-uri 'none'; form-action 'none'`,
    );
    t.equal(elements.indexOf(policy!), 3, 'after html, head and the charset, before all that it is about');
  }
});

test('figures of the report are in the page', async (t) => {
  const report = sampleReport();
  const { text, tables } = readPage(reportPage(report));
  const body = (id: string, most: number) => (tables.get(id) ?? []).slice(1, 1 + most);
  for (const way of ['in', 'out'] as const) {
    const share = report.share[way];
    const apart = way === 'in' ? (['refused'] as const) : (['failed', 'otherFailed'] as const);
    const rows = [...share.days, share].map((one) => [
      ...LEVELS.map((level) => figure(one.travelled[level])),
      figure(LEVELS.reduce((sum, level) => sum + one.travelled[level], 0)),
      ...apart.map((kind) => figure(one[kind])),
    ]);
    t.same(
      (tables.get(`${way}-days`) ?? []).slice(1).map((row) => row.slice(1)),
      rows,
      `${way} by day`,
    );
    t.match(text, `In ${figure(share.sessions!.all)} sessions, ${figure(share.sessions!.tls)} of them`);
  }
  t.same(
    body('partners', 14).map((row) => [row[0], row[1], ...row.slice(3, 8)]),
    report.partners.map((one) => [
      ...[one.domain, one.way],
      ...[one.messages, one.kept, one.passed, one.refused, one.failed].map(figure),
    ]),
  );
  t.same(
    body('not-kept', 999).map((row) => [row[0], row[1], row[4]]),
    report.partners.flatMap((one) => one.notKept.map(({ count }) => [one.domain, one.way, figure(count)])),
  );
  t.same(
    body('causes', 8).map((row) => [row[0], row[2], row[3], row[4], row[6]]),
    report.causes.map((one) => [one.domain, one.outcome, figure(one.messages), one.cause, one.example]),
  );
  for (const id of ['plain', 'ready'] as const)
    t.same(
      body(id, report[id].length).map((row) => row.slice(0, 3)),
      report[id].map((one) => [one.domain, figure(one.in), figure(one.out)]),
      id,
    );
  t.same(
    [...body('old', 4), ...body('ageing', 2)].map((row) => row.slice(0, 4)),
    report.weak.map((one) => [one.protocol, one.cipher, figure(one.in), figure(one.out)]),
  );
  t.same(
    body('exceptions', 3).map((row) => [row[0], row[4]]),
    report.exceptions.map((one) => [one.pattern, figure(one.passed)]),
  );
  t.same(
    body('exceptions', 2).map((row) => row[1]),
    ['overdue by 13 days', 'in force, 14 days left'],
  );
  t.match(text, '214 records missing, and in 1 gap an unknown number');
  t.same(
    body('gaps', 3).map((row) => row[2]),
    ['75 min', '19 min', 'under 1 min'],
  );
  t.same(
    body('gaps', 3).map((row) => row[5]),
    ['214', 'not known', '0'],
  );
  for (const { count, title, text: why, paste } of report.findings)
    for (const each of [figure(count), title, why, paste.replace(/\s+/g, ' ')])
      t.ok(text.includes(each), each);
  for (const { note } of report.heads) t.ok(text.includes(note.trim().replace(/\s+/g, ' ')));
  for (const each of [
    report.lead,
    report.tables[0]!.hash,
    figure(report.records),
    report.command,
    ...report.notes,
  ])
    t.ok(text.includes(each), each);
  t.match(text, '399 of 23,553 not kept');
  t.match(text, '214 messages with domains that are too many to tell apart');
});

test('a day of which nothing is known has no figures', async (t) => {
  const report = sampleReport();
  const [first, second] = report.share.in.days;
  const none = { ...first!, travelled: { tls13: 0, tls12: 0, older: 0, plain: 0, unknown: 0 } };
  const days = [none, { ...none, day: second!.day }, ...report.share.in.days.slice(2)];
  const gap = (where: string, from: string, to: string) => ({ where, from, to, count: null, why: 'x' });
  const rows = (...gaps: Report['gaps'][number][]) =>
    readPage(reportPage({ ...report, share: { ...report.share, in: wayOf(days) }, gaps }))
      .tables.get('in-days')!
      .slice(1, 3)
      .map((row) => [row[0], row[1]]);
  const unknown = [
    ['30 Oct no records', '– not known'],
    ['31 Oct no records', '– not known'],
  ];
  const nothing = [
    ['30 Oct', '0'],
    ['31 Oct', '0'],
  ];
  t.same(rows(gap('mx, daemon', '2026-10-30', '2026-10-31')), unknown, 'named by days');
  t.same(
    rows(gap('mx, daemon', '2026-10-29T22:00:00.000Z', '2026-10-31T23:59:59.999Z')),
    unknown,
    'by times',
  );
  t.same(
    rows(gap('mx, daemon', '2026-10-30', '2026-10-31T23:00:00.000Z')),
    [unknown[0], nothing[1]],
    'in part',
  );
  t.same(rows(gap('mx, collector', '2026-10-30', '2026-10-31')), nothing, 'of the other way');
  t.same(
    rows({ ...gap('mx, daemon', '2026-10-30', '2026-10-31'), count: 0 }),
    nothing,
    'in which nothing is missing',
  );
});

test('a finding leads to its row, a loss to its cause', async (t) => {
  const page = reportPage(sampleReport());
  t.match(page, '<a class="big" href="#causes-1">168</a>');
  t.match(page, '<a class="big" href="#exceptions-1">74</a>');
  t.match(page, '<a href="#find-1">clinic.example</a> and <a href="#find-2">law.example</a>.');
  const lost = {
    ...sampleReport(),
    findings: sampleReport().findings.map((one) => ({ ...one, rows: { part: 'gaps' as const, key: 'x' } })),
  };
  t.match(reportPage(lost), '<a class="big" href="#gaps">168</a>', 'or to the part');
  const nameless = { ...sampleReport(), causes: [{ ...sampleReport().causes[0]!, domain: '' }] };
  const all = { ...nameless.findings[0]!, rows: { part: 'causes' as const, key: '' } };
  t.match(
    reportPage({ ...nameless, findings: [all] }),
    'href="#causes-rows">168</a>',
    'no name is not that of no domain',
  );
});

test('what is not there is said', async (t) => {
  const text = (report: Report) => readPage(reportPage(report)).text;
  t.match(text(emptyReport()), 'Nothing is known of inbound mail');
  t.match(text(emptyReport()), 'There are no records of these days, so nothing can be said about them.');
  t.match(
    text(oneLeg()),
    'Nothing is known of outbound mail: there are no records of it. They are written by tlsward collect.',
  );
  t.match(text(calmReport()), 'Nothing to do');
  t.match(text(calmReport()), 'Plaintext still in use none known', 'for what is unknown may have been');
  t.match(text(emptyReport()), 'Plaintext still in use not known');
  t.notMatch(text(emptyReport()), /Nothing to do|no gaps/);
  t.match(text(calmReport()), 'The records of these days name no gap.');
  t.match(text(onePartner()), 'How mail with bank.example was protected, 30 October to 28 November 2026');
  const inbound = text({ ...sampleReport(), way: 'in' });
  t.match(inbound, 'How inbound mail was protected');
  t.notMatch(inbound, 'Outbound by day');
  const untold = text({ ...emptyReport(), share: sampleReport().share });
  t.match(untold, 'travelled in plaintext, with domains that are not told apart');
});

test('names from outside stay names', async (t) => {
  const { elements, text } = readPage(reportPage(hostileReport()));
  const plain = readPage(reportPage(sampleReport()));
  const kinds = (read: Read) => [...new Set(read.elements.map(({ name }) => name))].sort();
  t.same(
    kinds(readPage(reportPage(hostileReport()))).filter((name) => name !== 'bdi' && name !== 'em'),
    kinds(plain),
    'no element of theirs',
  );
  t.ok(text.includes(HOSTILE[0]), 'shown as it was written');
  t.ok(text.includes('\\u{202e}moc.knab\\u{202c}.example'));
  t.notOk(
    elements.some(({ attributes }) => /apple/i.test(attributes.get('title') ?? '')),
    'no name in letters that deceive',
  );
});

test('a great many partners', async (t) => {
  const report = hugeReport(600);
  const page = reportPage(report);
  t.ok(page.length < 3 * 1024 * 1024, `${page.length} characters`);
  const { tables, text } = readPage(page);
  const partners = tables.get('partners')!;
  t.same(partners.at(-2)!.slice(0, 4), ['100 others, in the CSV', '', '100,000', '63,400']);
  t.same(partners.at(-1)!.slice(0, 4), ['All partners', '', '600,000', '380,400']);
  t.equal(partners.length, 503);
  t.match(text, '182,000 other lines, in the CSV');
});
