/** Heads of lines in every form, and stamps that say less than they should. */
import t from 'tap';
import { LogClock } from '../../src/collect/logClock.ts';
import { parseLogLine } from '../../src/collect/logLine.ts';

process.env.TZ = 'UTC';

const NOW = Date.parse('2026-11-30T12:00:00Z');
const clock = (now = NOW) => new LogClock(() => now);
const parsed = (line: string) => parseLogLine(line, clock());
const iso = (line: string, on = clock()) => {
  const time = parseLogLine(line, on)?.time;
  return time === undefined ? null : new Date(time).toISOString();
};

t.test('the forms in which loggers write', async (t) => {
  const rest = { program: 'postfix/smtp', pid: '4711', text: 'AAAAA1: removed' };
  const tail = 'postfix/smtp[4711]: AAAAA1: removed';
  const seconds = { ...rest, time: Date.parse('2026-11-22T18:47:31Z'), host: 'mx' };
  t.same(parsed(`Nov 22 18:47:31 mx ${tail}`), seconds);
  t.same(parsed(`<22>Nov 22 18:47:31 mx ${tail}`), seconds);
  t.same(parsed(`<22>Nov 22 18:47:31 ${tail}`), { ...seconds, host: '' });
  t.same(parsed(`2026-11-22T19:47:31.123456+01:00 mx ${tail}`), { ...seconds, time: seconds.time + 123 });
  t.same(parsed(`2026-11-22T18:47:31Z mx ${tail}`), seconds);
  t.same(parsed('<22>1 2026-11-22T18:47:31Z mx postfix/smtp 4711 - - AAAAA1: removed'), seconds);
  const data = '[a@1 x="]" y="\\"]"][b]';
  t.same(parsed(`<22>1 2026-11-22T18:47:31Z mx postfix/smtp 4711 id ${data} \ufeffAAAAA1: removed`), seconds);
  t.match(parsed('Nov  2 18:47:31 mx sm-mta[7]: x'), {
    program: 'sm-mta',
    time: Date.parse('2026-11-02T18:47:31Z'),
  });
  t.match(parsed('Nov 22 18:47:31 mx postfix-out/submission/smtpd[7]: x'), {
    program: 'postfix-out/submission/smtpd',
  });
  t.match(parsed('Nov 22 18:47:31 mx rsyslogd: imjournal: x'), {
    program: 'rsyslogd',
    pid: '',
    text: 'imjournal: x',
  });
});

t.test('what is no line of a log', async (t) => {
  for (const line of [
    '',
    'x',
    '-- Boot 1 --',
    'Nov 22 18:47:31',
    'Nov 22 18:47:31 mx',
    'Nov 22 18:47:31 mx postfix/smtp[1] no colon',
    'Foo 22 18:47:31 mx a[1]: x',
    'Nov 32 18:47:31 mx a[1]: x',
    'Nov 22 25:47:31 mx a[1]: x',
    'Feb 30 01:00:00 mx a[1]: x',
    '2026-13-22T18:47:31Z mx a[1]: x',
    '2026-11-22 18:47:31 mx a[1]: x',
    '<22>1 2026-11-22T18:47:31Z mx a 1 - [unended',
    '<22>1 2026-11-22T18:47:31Z mx - 1 - - x',
    `Nov 22 18:47:31 ${'h'.repeat(700)} a[1]: x`,
  ])
    t.equal(parsed(line), null, line.slice(0, 60));
});

t.test('years that are not written', async (t) => {
  t.equal(iso('Dec  1 11:00:00 mx a[1]: x'), '2026-12-01T11:00:00.000Z', 'within a day of now');
  t.equal(iso('Dec  2 11:00:00 mx a[1]: x'), '2025-12-02T11:00:00.000Z', 'not in the future');
  t.equal(iso('Jan  1 00:00:00 mx a[1]: x'), '2026-01-01T00:00:00.000Z');
  const on = clock(Date.parse('2027-03-01T00:00:00Z'));
  const walk = [
    'Dec 31 23:59:58',
    'Jan  1 00:00:01',
    'Dec 31 23:59:59',
    'Jan  2 00:00:00',
    'Feb 28 00:00:00',
  ];
  t.same(
    walk.map((stamp) => iso(`${stamp} mx a[1]: x`, on)?.slice(0, 19)),
    [
      '2026-12-31T23:59:58',
      '2027-01-01T00:00:01',
      '2026-12-31T23:59:59',
      '2027-01-02T00:00:00',
      '2027-02-28T00:00:00',
    ],
    'over New Year and back',
  );
  t.equal(
    iso('Feb 29 00:00:00 mx a[1]: x', clock(Date.parse('2028-03-01T00:00:00Z'))),
    '2028-02-29T00:00:00.000Z',
  );
});

t.test('stamps that are not believed', async (t) => {
  const on = clock();
  t.equal(iso('1970-01-01T00:00:07Z mx a[1]: x', on), '2026-11-30T12:00:00.000Z', 'as it is read');
  t.equal(iso('2026-11-22T18:47:31Z mx a[1]: x', on), '2026-11-22T18:47:31.000Z');
  t.equal(iso('2999-01-01T00:00:00Z mx a[1]: x', on), '2026-11-22T18:47:31.000Z', 'as the line before');
  t.equal(iso('2026-11-20T00:00:00Z mx a[1]: x', on), '2026-11-20T00:00:00.000Z', 'a clock that went back');
  t.equal(on.disbelieved, 2);
});
