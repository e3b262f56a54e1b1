/** What was killed may have done something that it did not log. */
import t from 'tap';
import { collected, deliveries, line, MX, newCollector, SETTLED, tlsWords } from './collected.ts';

process.env.TZ = 'UTC';

const at = (second: number, program: string, text: string): string =>
  `Nov 22 18:47:${second} mx postfix/${program}[1]: ${text}`;
const STARTED = 'daemon started -- version 3.7.11, configuration /etc/postfix';
const UNLOGGED = 'what it did last may not be in the log';

t.test('a start without a stop', async (t) => {
  const whys = (...lines: readonly string[]) => collected(t, lines).filter(({ type }) => type === 'gap');
  const active = at(31, 'qmgr', 'AAAAA1: from=<a@bank.example>, size=1, nrcpt=1 (queue active)');
  t.same(whys(at(30, 'master', STARTED), active), [], 'the first one that is read');
  t.match(whys(active, at(40, 'master', STARTED)), [
    {
      from: '2026-11-22T18:47:31.000Z',
      to: '2026-11-22T18:47:40.000Z',
      count: null,
      why: `Postfix was started and had not been stopped: ${UNLOGGED}`,
    },
  ]);
  for (const stop of [
    at(35, 'postfix-script', 'stopping the Postfix mail system'),
    at(35, 'master', 'terminating on signal 15'),
  ]) {
    const late = at(36, 'qmgr', 'AAAAA1: removed');
    const start = at(39, 'postfix-script', 'starting the Postfix mail system');
    t.same(whys(active, stop, late, start, at(40, 'master', STARTED)), [], stop);
    t.equal(
      whys(active, stop, at(40, 'master', STARTED), at(50, 'master', STARTED)).length,
      1,
      'then killed',
    );
  }
});

t.test('each start of Sendmail behind its work', async (t) => {
  const by = (program: string, text: string): string => `Nov 22 18:47:31 mx ${program}[7]: ${text}`;
  const start = (program: string) => by(program, 'starting daemon (8.17.1.9): SMTP+queueing@00:10:00');
  const work = by('sm-mta', '3AUAAAAAAAAA: from=<a@bank.example>, size=1, class=0, nrcpts=1');
  const whys = (...lines: readonly string[]) => collected(t, lines).filter(({ type }) => type === 'gap');
  t.same(whys(start('sm-mta'), start('sm-msp-queue'), work), []);
  t.match(whys(work, start('sm-msp-queue'), start('sm-mta'), start('sm-mta'), work, start('sm-mta')), [
    { why: `Sendmail was started, and does not log whether it had been stopped: ${UNLOGGED}` },
    { type: 'gap' },
  ]);
});

t.test('known again after a restart of the collector', async (t) => {
  const before = newCollector();
  collected(t, [line.active('AAAAA1')], before);
  const saved = before.save();
  const after = newCollector();
  after.join.restore(JSON.parse(JSON.stringify(saved.join)) as typeof saved.join);
  t.match(collected(t, [at(40, 'master', STARTED)], after), [{ type: 'gap' }]);
});

t.test('one process', async (t) => {
  const killed = at(40, 'master', 'warning: process /usr/lib/postfix/sbin/smtp pid 10 killed by signal 9');
  t.match(collected(t, [killed]), [{ type: 'gap', why: `smtp[10] was killed by signal 9: ${UNLOGGED}` }]);
  const odd = at(40, 'master', 'warning: process /x/\u001b[1m pid 10 killed by signal 9');
  t.match(collected(t, [odd]), [{ type: 'gap', why: /^[ -~]+$/ }]);
  // its session is not that of the next process with this number
  const next = line.delivery('AAAAA2', { relay: MX, pid: 10 }).replace('18:47:31', '18:47:41');
  for (const [death, want] of [
    [killed, 'plain'],
    [at(40, 'master', STARTED), 'unknown: the log was not read from when the delivery began'],
    [at(40, 'qmgr', 'AAAAA1: removed'), 'tls'],
  ] as const) {
    const lines = [...SETTLED, line.active('AAAAA1'), line.tls(MX, 10), death, next];
    t.same(tlsWords(deliveries(t, lines)), [want], death);
  }
});
