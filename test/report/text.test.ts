/** The text: 80 columns, in the order of the page, with every number of the report; hostile names change nothing. */
import { test } from 'tap';
import type { Report } from '../../src/report/report.ts';
import { reportText } from '../../src/report/text.ts';
import { number, percent, protectedOf, shortDay, sum } from '../../src/report/words.ts';
import { sampleReport } from './page/fixture.ts';
import { noReported } from './page/fixtureReported.ts';

const HEADINGS = [
  'DO THESE 5 THINGS, BY HARM',
  'PROTECTED SHARE',
  'PARTNERS WITH REQUIRED TLS',
  'WHY MESSAGES WERE NOT KEPT',
  'PLAINTEXT STILL IN USE',
  'ALWAYS ON TLS, NOT YET REQUIRED',
  'WEAK PROTOCOLS AND CIPHERS',
  'EXCEPTIONS',
  'GAPS IN THE RECORDS',
  'WHAT OTHERS REPORT ABOUT SESSIONS TO US',
  'WHAT THE FIGURES CANNOT SAY',
  'CHECK IT YOURSELF',
];

test('parts stand in the order of the page, in 80 columns', async (t) => {
  const lines = reportText(sampleReport()).split('\n');
  t.same(
    lines.filter((line) => HEADINGS.includes(line)),
    HEADINGS,
  );
  // lines to paste, and signatures, are as long as they are
  t.same(
    lines.filter((line) => line.length > 80 && !/^ {4,}/.test(line)),
    [],
  );
});

test('every number of the report is in the text', async (t) => {
  const report = sampleReport();
  const text = reportText(report);
  const flat = text.replace(/\s+/g, ' ');
  for (const { text: words } of report.answer) t.ok(flat.includes(words.trim()), words);
  for (const finding of report.findings) {
    t.ok(flat.includes(finding.title), finding.title);
    t.ok(flat.includes(number(finding.count)));
    for (const line of finding.paste.split('\n')) t.ok(text.includes(`     ${line}\n`), line);
  }
  for (const way of ['in', 'out'] as const) {
    const { travelled, days } = report.share[way];
    for (const count of Object.values(travelled))
      t.ok(flat.includes(` ${number(count)} `), `${way} ${count}`);
    for (const day of days)
      t.match(
        flat,
        `${number(sum(day.travelled))} ${percent(protectedOf(day.travelled), sum(day.travelled))}`,
      );
  }
  for (const { domain, way, messages, kept, passed, refused, failed } of report.partners)
    t.match(
      flat,
      new RegExp(`${domain} ${way} \\S+ ${[messages, kept, passed, refused, failed].map(number).join(' ')} `),
    );
  for (const one of report.causes) t.ok(flat.includes(one.example) && flat.includes(one.cause), one.cause);
  for (const one of [...report.plain, ...report.ready])
    t.ok(flat.includes(`${one.domain} ${number(one.in)} ${number(one.out)} `), one.domain);
  for (const { note } of report.heads)
    t.ok(
      note
        .trimEnd()
        .split('\n')
        .every((line) => text.includes(`    ${line}\n`)),
      'a head can be checked when copied',
    );
});

test('what others report stands apart, with every number of it', async (t) => {
  const { reported, ...own } = sampleReport();
  const text = reportText({ ...own, reported });
  const [before = '', behind = ''] = text.split('WHAT OTHERS REPORT ABOUT SESSIONS TO US\n');
  t.equal(
    `${before}${behind.slice(behind.indexOf('WHAT THE FIGURES'))}`,
    reportText({ ...own, reported: null }),
  );
  const flat = behind.replace(/\s+/g, ' ');
  t.match(flat, /^ These are the numbers of others/);
  for (const { title, text: why, paste } of reported!.findings) {
    t.ok(flat.includes(title), title);
    t.ok(flat.includes(why.replaceAll('`', '')), why);
    for (const line of paste === '' ? [] : paste.split('\n')) t.ok(behind.includes(`     ${line}\n`), line);
  }
  for (const one of reported!.reporters)
    t.ok(
      flat.includes(`${one.name} ${one.reports} ${number(one.successful + one.failed)} ${one.failed} `),
      one.name,
    );
  for (const one of reported!.causes) t.ok(flat.includes(`${one.result} ${one.sessions} `), one.result);
  t.match(reportText({ ...own, reported: noReported() }), /No report about these days was read/);
});

test('a way without records has no numbers', async (t) => {
  const sample = sampleReport();
  const report = { ...sample, share: { ...sample.share, out: { ...sample.share.out, recordedDays: 0 } } };
  const flat = reportText(report).replace(/\s+/g, ' ');
  t.match(flat, 'Outbound: not known. There are no records of `tlsward collect` in this time.');
  t.notMatch(flat, 'failed for TLS');
  t.notMatch(reportText({ ...sample, way: 'in' }), /^Outbound/m, 'nobody asked for it');
});

test('a day without records has no numbers', async (t) => {
  const sample = sampleReport();
  const [first, second] = sample.share.in.days;
  const none = { tls13: 0, tls12: 0, older: 0, plain: 0, unknown: 0 };
  const empty = { ...first!, travelled: none, refused: 0, failed: 0, otherFailed: 0 };
  const days = [empty, ...sample.share.in.days.slice(1)];
  const gap = { where: '/var/lib/tlsward/evidence, daemon', count: null, why: 'there is no file' };
  const { day } = first!;
  const gaps = [{ ...gap, from: day, to: `${day}T23:59:59.999Z` }];
  const report: Report = { ...sample, gaps, share: { ...sample.share, in: { ...sample.share.in, days } } };
  t.match(
    reportText(report),
    new RegExp(`^${shortDay(day)}( +-){4} +[0-9][^]*Of a day without figures nothing is known`, 'm'),
    'in; out has its own',
  );
  t.match(reportText({ ...report, gaps: [] }), new RegExp(`^${shortDay(day)} +0 `, 'm'), 'no mail');
  t.match(reportText(report), new RegExp(`^${shortDay(second!.day)} +[1-9]`, 'm'));
});

test('long lists are cut and say so; names do what they like', async (t) => {
  const sample = sampleReport();
  const bad = `\u001b[31m\u202e${'x'.repeat(70)}.example`;
  const plain = Array.from({ length: 100 }, (_, i) => ({
    ...sample.plain[0]!,
    domain: i === 0 ? bad : `d${i}.example`,
  }));
  const report: Report = { ...sample, plain };
  const text = reportText(report);
  t.match(text, /^and 80 more rows: --format csv has all$/m);
  t.notMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  t.match(text, /^\\u\{1b\}\[31m\\u\{202e\}x{70}\.example\n {10,}/m, 'a wide name has its own line');
});

test('shares are not rounded to all or none', async (t) => {
  t.same(
    [
      percent(1, 3),
      percent(99_999, 100_000),
      percent(1, 100_000),
      percent(0, 9),
      percent(9, 9),
      percent(0, 0),
    ],
    ['33.3 %', '99.9 %', 'under 0.1 %', '0.0 %', '100.0 %', '-'],
  );
});
