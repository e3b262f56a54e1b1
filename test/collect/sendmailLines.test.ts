/** Sendmail's lines beyond the sample: many recipients, connections that are kept, the words of other servers. */
import t from 'tap';
import { collected, deliveries, newCollector, tlsWords } from './collected.ts';

process.env.TZ = 'UTC';

const AT = 'Nov 22 18:47:31 mx sm-mta[7]:';
const WARM =
  'Nov 22 18:40:00 mx sm-mta[1]: STARTTLS=client, relay=w.example., version=TLSv1.3, verify=OK, cipher=C, bits=256/256';
const TLS = `${AT} STARTTLS=client, relay=MX.good.example., version=TLSv1.3, verify=OK, cipher=TLS_AES_256_GCM_SHA384, bits=256/256`;
const A = '6AMImj05019694';
const B = '6AMImj05019695';
const connect = (id: string) => `${AT} ${id}: SMTP outgoing connect on mx.example`;

function to(
  id: string,
  { list = '<u@good.example>', end = 'dsn=2.0.0, stat=Sent (ok)', mailer = 'esmtp' } = {},
) {
  return `${AT} ${id}: to=${list}, delay=00:00:01, xdelay=00:00:01, mailer=${mailer}, pri=1, relay=mx.good.example. [192.0.2.24], ${end}`;
}

t.test('one record for each recipient', async (t) => {
  const list = '<u@good.example>,<"v>, stat=Sent"@good.example>,<w@good.example>';
  const made = deliveries(t, [WARM, TLS, to(A, { list })]);
  t.same(
    made.map(({ recipientDomain, outcome, tls }) => [recipientDomain, outcome, tls.state]),
    Array(3).fill(['good.example', 'sent', 'tls']),
  );
  t.match(deliveries(t, [to(A, { list: 'root, ctladdr=<root@mx> (0/0)', mailer: 'local' })]), [
    { recipient: 'root', tls: { state: 'unknown', how: 'local' } },
  ]);
});

t.test('a connection that is kept, and a new one', async (t) => {
  const words = (...lines: readonly string[]) => tlsWords(deliveries(t, [WARM, ...lines]));
  t.same(words(TLS, to(A), to(B)), [
    'tls',
    'unknown: whether the connection was kept is not logged (LogLevel below 12)',
  ]);
  t.same(words(connect(A), TLS, to(A), to(B)), ['tls', 'tls']);
  t.same(words(connect(A), TLS, to(A), connect(B), to(B)), ['tls', 'plain']);
  t.same(words(TLS, `${AT} STARTTLS=client, SSL_shutdown failed: -1`, to(A)), ['plain']);
  const refused = { end: 'dsn=5.1.1, stat=User unknown', list: '<v@good.example>' };
  t.same(words(TLS, to(A, refused), to(A)), ['tls', 'tls'], 'one transaction');
  t.same(
    words(TLS, to(A), to(A, { list: '<v@other.example>' })),
    ['tls', 'unknown: whether the connection was kept is not logged (LogLevel below 12)'],
    'another transaction of the message may have a connection of its own',
  );
  const failed = `${AT} STARTTLS=client, error: connect failed=-1, reason=x, SSL_error=1, errno=0, retry=-1, relay=mx.good.example.`;
  t.same(words(TLS, to(A), failed, to(A)), ['tls', 'plain']);
  t.same(words(TLS.replace('MX.good', 'mx.other'), to(A)), ['plain']);
  t.same(words(TLS.replace('bits=256', 'bits=0'), to(A)), ['plain: the cipher encrypts nothing']);
});

t.test('outcomes, and the words of other servers', async (t) => {
  const outcome = (end: string) =>
    deliveries(t, [to(A, { end })])
      .map((one) => one.outcome)
      .join();
  t.equal(outcome('dsn=4.0.0, stat=Deferred: 450 4.7.1 no, dsn=2.0.0, stat=Sent (ok)'), 'deferred');
  t.equal(outcome('dsn=5.1.1, stat=User unknown'), 'bounced');
  t.equal(outcome('dsn=5.1.1, reply=550 5.1.1 no, stat=Sent (ok), stat=User unknown'), 'bounced');
  t.equal(outcome('dsn=2.0.0, reply=250 2.0.0 ok, stat=Sent (ok)'), 'sent');
  t.equal(outcome('stat=queued'), '');
  const collector = newCollector();
  t.same(
    deliveries(t, [to(A, { end: 'dsn=4.7.1, stat=Sent (ok)' })], collector),
    [],
    'it contradicts itself',
  );
  t.equal(collector.join.counts.unreadable, 1);
});

t.test('what strangers chose in front of the fields', async (t) => {
  const list = '<u@good.example>, ctladdr=<"a, relay=x., dsn=2.0.0, stat=Sent (ok)"@our.example> (8/0)';
  t.match(deliveries(t, [to(A, { list, end: 'dsn=4.0.0, stat=Deferred' })]), [
    { outcome: 'deferred', dsn: '4.0.0', relay: { host: 'mx.good.example' } },
  ]);
  const msgid =
    '<x, relay=trusted.example [192.0.2.1], a=, b=, c=, d=, e=, f=, g=, h=, i=, j=, k=, l=, m=, n=>';
  t.match(
    collected(t, [
      `${AT} ${A}: from=<a@b.example>, size=1, class=0, nrcpts=1, msgid=${msgid}, proto=ESMTP, daemon=MTA, relay=c.example [192.0.2.9]`,
    ]),
    [{ type: 'message', client: 'c.example [192.0.2.9]' }],
  );
});

t.test('a line that cannot be read is a gap', async (t) => {
  t.same(deliveries(t, [to(A).slice(0, 60), `${AT} ${A}: to=<u`]), []);
});
