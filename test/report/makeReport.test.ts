/** From counts to a report: what stands on top, the findings by harm, the parts behind them. */
import { test } from 'tap';
import { makeReport, type ReportFacts } from '../../src/report/makeReport.ts';
import type { Report } from '../../src/report/report.ts';
import type { Tallies } from '../../src/tally/tallies.ts';
import { sampleReported } from './page/fixtureReported.ts';
import { tableOf } from './table.ts';
import { cause, counts, FROM, partner, row, TO, tallies } from './tallies.ts';

const FACTS: ReportFacts = {
  made: '2026-11-29T06:00:00.000Z',
  command: `tlsward report --since ${FROM} --until ${TO}`,
  partner: null,
  way: null,
  table: null,
  tableTrouble: 'none was asked for',
  reported: null,
  reportedTrouble: '',
  heads: [],
};

function report(some: Partial<Tallies>, facts: Partial<ReportFacts> = {}): Report {
  return makeReport(tallies(some), { ...FACTS, ...facts });
}

const sentence = ({ answer }: Report): string => answer.map(({ text }) => text).join('');
const kinds = ({ findings }: Report): string[] => findings.map(({ kind }) => kind);

const SECURE = {
  pattern: 'clinic.example',
  at: 'tls.ini:4',
  level: 'secure',
  observed: false,
  time: `${TO}T10:00:00.000Z`,
};

test('what others report is about sessions to us', async (t) => {
  const reported = sampleReported(['2026-11-28']);
  t.equal(report({}, { reported }).reported, reported);
  t.equal(report({}, { reported, way: 'in' }).reported, reported);
  for (const facts of [{ way: 'out' }, { partner: 'bank.example' }] as const)
    t.equal(report({}, { reported, ...facts }).reported, null);
  const { findings, answer, lead } = report({}, { reported });
  t.same(
    { findings, answer, lead },
    (({ findings, answer, lead }) => ({ findings, answer, lead }))(report({})),
    'and in nothing else',
  );
  t.match(report({}, { reportedTrouble: 'x: permission denied' }).notes, [
    'What others report cannot be read (x: permission denied).',
  ]);
});

test('a month with losses: the sentence names who, the findings stand by harm', async (t) => {
  const made = report({
    partners: [
      partner('clinic.example', 'out', {
        ...{ tls12: 412, kept: 412, returned: 62, waiting: 106, weakest: 'tls12' },
        ...{ requiredReturned: 62, requiredWaiting: 106, required: SECURE },
        notKept: [{ day: TO, count: 168 }],
      }),
      partner('law.example', 'in', {
        ...{
          tls13: 2372,
          plain: 12,
          kept: 2372,
          passed: 12,
          refused: 96,
          requiredRefused: 96,
          weakest: 'plain',
        },
        required: { ...SECURE, pattern: 'law.example', at: 'tls.ini:5', level: 'encrypt' },
      }),
      partner('payroll.example', 'in', { plain: 2318, weakest: 'plain' }),
      partner('supplier.example', 'out', { plain: 517, tls13: 69, weakest: 'plain' }),
      partner('legacy.example', 'in', { older: 612, weakest: 'older' }),
    ],
    causes: [
      cause('clinic.example', 'out', { cause: 'certificate expired', count: 62, example: '7H9C0B12' }),
      cause('clinic.example', 'out', { cause: 'certificate expired', outcome: 'waiting', count: 106 }),
      cause('law.example', 'in', { count: 96, peer: '203.0.113.40' }),
      cause('law.example', 'in', { count: 12, outcome: 'let pass' }),
    ],
    exceptions: [
      {
        ...{
          time: '2026-11-01T00:00:00.000Z',
          host: 'mx1.example.org',
          change: 'in-force',
          pattern: 'bank.example',
        },
        ...{
          until: '2026-11-14',
          reason: 'ticket 4711',
          changes: ['receive verify \u2192 encrypt'],
          at: 'x.ini:1',
        },
      },
    ],
    rows: [row('bank.example', 'x.ini:1', { tls13: 80, verified: 6 })],
    ciphers: [
      {
        ...{ way: 'in', protocol: 'TLSv1', cipher: 'AES128-SHA', count: 612 },
        ...{ domains: [{ domain: 'legacy.example', count: 612 }], otherDomains: 0 },
      },
    ],
  });
  t.equal(
    sentence(made),
    '45.2 % of mail travelled protected. Mail with two partners did not get through: clinic.example and law.example.',
  );
  t.same(
    made.answer.map(({ harm }) => harm),
    [false, false, true],
  );
  t.same(kinds(made), ['failing', 'refused', 'overdue', 'passed', 'plain', 'plain', 'weak']);
  const [failing, refused, overdue, , plain] = made.findings;
  t.match(failing, { count: 168, harm: true, domains: ['clinic.example'], rows: { part: 'causes' } });
  t.match(failing!.text, '62 messages came back to their authors, 106 messages still wait');
  t.match(failing!.text, 'The level that is demanded is secure (tls.ini:4). 412 other messages met it.');
  t.equal(
    failing!.paste,
    'tlsward except clinic.example --until +7d --deliver encrypt --reason "certificate expired"',
  );
  t.match(refused, { count: 96, paste: 'tlsward trace 7K2M0A4Q' });
  t.match(refused!.text, 'The cause: plaintext, most from 203.0.113.40.');
  t.match(overdue, { count: 74, paste: 'tlsward except bank.example --remove' });
  t.match(overdue!.title, '14 days overdue');
  t.match(plain, {
    count: 2330,
    title: 'payroll.example: everything it sends can be read on the way',
    paste: '',
  });
  t.same(
    made.partners.map(({ domain, messages, kept, passed, refused: no, failed }) => [
      domain,
      messages,
      kept,
      passed,
      no,
      failed,
    ]),
    [
      ['clinic.example', 580, 412, 0, 0, 168],
      ['law.example', 2480, 2372, 12, 96, 0],
    ],
  );
  t.same(made.exceptions, [
    {
      ...{
        pattern: 'bank.example',
        state: 'overdue',
        until: '2026-11-14',
        reason: 'ticket 4711',
        at: 'x.ini:1',
      },
      ...{ changes: ['receive verify \u2192 encrypt'], passed: 74 },
    },
  ]);
  t.match(made.share, { in: { travelled: { tls13: 2372 }, refused: 96 }, out: { failed: 168, refused: 0 } });
});

test('a quiet month, one leg only, and no records are three different things', async (t) => {
  const quiet = report({});
  t.equal(
    sentence(quiet),
    'No mail with other hosts was recorded. As far as is recorded, none was lost for want of TLS.',
  );
  t.same(quiet.findings, []);
  const half = report({
    partners: [partner('bank.example', 'in', { tls13: 9, plain: 1 })],
    recordedDays: { in: 30, out: 0 },
  });
  t.match(sentence(half), /^90\.0 % of inbound mail travelled protected\. Of outbound mail nothing is known/);
  t.equal(half.answer[1]!.harm, true);
  t.match(half.findings.at(-1), { kind: 'gap', paste: 'systemctl enable --now tlsward-collect' });
  const asked = report({ recordedDays: { in: 30, out: 0 } }, { way: 'in' });
  t.notMatch(sentence(asked), 'outbound', 'nobody asked for the other way');
  t.same(asked.findings, []);
  const none = report({ recordedDays: { in: 0, out: 0 }, records: 0 });
  t.equal(sentence(none), 'Nothing is known about mail: there are no records of this time.');
  t.match(none.findings, [{ kind: 'gap', title: 'Nothing is recorded' }]);
});

test('unknown is never protected, and no share is rounded to all', async (t) => {
  const made = report({
    partners: [partner('a.example', 'in', { tls13: 99_999, unknown: 1, weakest: 'unknown' })],
  });
  t.match(sentence(made), /^99\.9 % of mail/);
  t.match(made.lead, '99,999 of 100,000 messages are known');
  t.match(made.lead, 'Of 1 message it could not be found out');
});

test('many partners that fail take two places', async (t) => {
  const names = ['a', 'b', 'c', 'd'].map((name) => `${name}.example`);
  const made = report({
    partners: names.map((name, i) =>
      partner(name, 'out', { returned: 9 - i, requiredReturned: 9 - i, required: SECURE, weakest: null }),
    ),
    causes: names.map((name, i) => cause(name, 'out', { count: 9 - i, cause: 'no STARTTLS offered' })),
  });
  t.same(kinds(made), ['failing', 'failing']);
  t.match(made.findings[1], {
    count: 8 + 7 + 6,
    domains: names.slice(1),
    title: '3 other partners: mail does not arrive',
  });
  t.match(sentence(made), 'four partners did not get through: a.example, b.example and 2 others');
});

test('mail that was put off is no loss, and stands behind what is lost', async (t) => {
  const made = report({
    causes: [
      cause('later.example', 'in', { count: 40, outcome: 'put off' }),
      cause('bank.example', 'in', { count: 2 }),
    ],
  });
  t.match(made.findings, [
    { harm: true, domains: ['bank.example'], unit: 'attempts in, refused' },
    { harm: false, domains: ['later.example'], unit: 'attempts in, put off', title: /is put off$/ },
  ]);
  t.match(sentence(made), 'one partner did not get through: bank.example.');
});

test('names from mail reach no shell', async (t) => {
  const bad = 'x;rm -rf $(id).example';
  const made = report({
    partners: [partner(bad, 'out', { plain: 5, weakest: 'plain' })],
    causes: [cause(bad, 'out', { cause: 'certificate expired', example: '$(id)' })],
    exceptions: [
      {
        ...{ time: '2026-11-01T00:00:00.000Z', host: 'h', change: 'set', pattern: bad, until: '2026-11-02' },
        ...{ reason: 'r', changes: [], at: '' },
      },
    ],
  });
  t.same(
    made.findings.map(({ kind, paste }) => [kind, paste]),
    [
      ['failing', ''],
      ['plain', ''],
      ['overdue', 'tlsward exceptions'],
    ],
  );
});

test('the name of a server proposes no exception', async (t) => {
  const required = { pattern: 'bank.example', at: 'x:1', level: 'secure', observed: false, time: '' };
  const made = report({
    partners: [partner('bank.example', 'out', { requiredWaiting: 3, waiting: 3, required })],
    causes: [
      cause('bank.example', 'out', {
        cause: 'no STARTTLS offered',
        peer: 'certificate.tlsa.example',
        count: 3,
      }),
    ],
  });
  t.equal(made.findings[0]?.paste, 'tlsward trace 7K2M0A4Q', 'without STARTTLS encrypt would not help');
});

test('a row to count plaintext never weakens the row that stands', async (t) => {
  const some = { partners: [partner('payroll.example', 'in', { plain: 9, weakest: 'plain' })] };
  const paste = (table: string): string =>
    report(some, { table: tableOf(t.testdir(), table) }).findings.find(({ kind }) => kind === 'plain')!.paste;
  t.equal(
    paste('[domains]\n* = may\n'),
    '[domain payroll.example]\npolicy = may\nreceive = encrypt\nmode = observe\nreason = asked for TLS on 2026-11-29',
  );
  t.match(paste('[domains]\nbank.example = may\n'), /^\[domain payroll\.example\]\nreceive = encrypt\nmode/);
  t.equal(paste('[policy out]\ndeliver = encrypt\n[domains]\n* = out\n'), '', 'it would switch deliver off');
  t.equal(paste('[domains]\npayroll.example = may\n'), '', 'it has a row of its own');
});

test('records that are missing are a finding when they are many', async (t) => {
  const gap = {
    ...{
      directory: '/e',
      stream: 'daemon',
      host: 'mx1',
      from: `${TO}T02:00:00.000Z`,
      to: `${TO}T03:00:00.000Z`,
    },
    why: 'disk full',
  };
  t.same(kinds(report({ gaps: [{ ...gap, count: 9 }] })), []);
  const made = report({ gaps: [{ ...gap, count: 214 }] });
  t.match(made.findings, [{ kind: 'gap', count: 214, text: /^disk full\./ }]);
  t.match(made.lead, '214 records are missing.');
  t.match(report({ gaps: [{ ...gap, count: null }] }).lead, 'In 1 gap it is not known how many');
});

test('what the figures cannot say is said', async (t) => {
  const made = report({
    unreadable: 3,
    otherCauses: 2,
    notes: ['A limit.'],
    others: { in: counts({ plain: 4 }), out: counts() },
  });
  t.equal(made.notes.length, 4);
  t.equal(made.unlisted, 4);
  const table = tableOf(t.testdir(), '[domains]\n* = may\n');
  const other = report(
    { tables: [{ host: 'h', hash: 'a'.repeat(64), since: `${FROM}T00:00:00.000Z` }] },
    { table },
  );
  t.match(other.notes, [/is not the table that decided last/]);
});
