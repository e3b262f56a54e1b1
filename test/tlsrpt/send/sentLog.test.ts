/** What became of reports, from their log; and when each is due. */
import t from 'tap';
import { dueAt, MAX_TRIES, nextTryAt } from '../../../src/tlsrpt/send/schedule.ts';
import { parseSentLine, type SentLine, SentLog } from '../../../src/tlsrpt/send/sentLog.ts';

const TO = 'mailto:a@bank.example';
const AT = Date.parse('2026-11-30T01:00:00Z');
const line = (state: SentLine['state'], more: Partial<SentLine> = {}): SentLine => ({
  at: new Date(AT).toISOString(),
  domain: 'bank.example',
  to: TO,
  state,
  why: '',
  ...more,
});
const logOf = (...lines: readonly SentLine[]) => {
  const log = new SentLog();
  for (const one of lines) log.add(one);
  return log;
};
const open = (...lines: readonly SentLine[]) => logOf(...lines).isOpen('bank.example', TO);

t.test('once only', async (t) => {
  t.ok(open());
  t.notOk(open(line('sending')), 'a crash came between');
  t.notOk(open(line('sending'), line('taken')));
  t.notOk(open(line('sending'), line('unknown')));
  t.ok(open(line('sending'), line('refused')));
  const refused = Array.from({ length: MAX_TRIES }, () => [line('sending'), line('refused')]).flat();
  t.notOk(open(...refused), 'five times');
  t.ok(logOf(line('done', { to: '' })).isOver('bank.example'));
  t.notOk(logOf(line('later', { to: '' })).isOver('bank.example'));
  t.equal(logOf(line('sending'), line('sending', { domain: 'b.example' })).countTo(TO), 2);
});

t.test('when it is tried again', async (t) => {
  const log = logOf(line('sending'), line('refused'));
  t.notOk(log.isDue('bank.example', AT + 600_000));
  t.ok(log.isDue('bank.example', AT + 900_000));
  t.ok(log.isDue('bank.example', AT - 86_400_000), 'the clock was set back');
  t.equal(nextTryAt(0, 5), 4 * 3_600_000);
});

t.test('lines', async (t) => {
  t.same(parseSentLine(JSON.stringify(line('taken'))), line('taken'));
  const cut = JSON.stringify(line('taken')).slice(0, -5);
  for (const text of [
    '',
    '{',
    'null',
    '[]',
    '{"at":1}',
    cut,
    JSON.stringify({ ...line('taken'), state: 'x' }),
  ])
    t.equal(parseSentLine(text), null, text);
});

t.test('spread', async (t) => {
  const end = Date.parse('2026-11-30T00:00:00Z');
  t.equal(dueAt('2026-11-29', 'a.example', 'mx1', 0), end);
  const hours = 8 * 3_600_000;
  const times = Array.from({ length: 1000 }, (_, i) => dueAt('2026-11-29', `d${i}.example`, 'mx1', hours));
  t.ok(times.every((time) => time >= end + 1_800_000 && time < end + 1_800_000 + hours));
  const first = times.filter((time) => time < end + 1_800_000 + hours / 2).length;
  t.ok(first > 400 && first < 600, `${first} of 1000 in the first half`);
  t.not(dueAt('2026-11-29', 'a.example', 'mx1', hours), dueAt('2026-11-29', 'a.example', 'mx2', hours));
});
