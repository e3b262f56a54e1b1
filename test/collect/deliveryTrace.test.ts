/** Following one message through Postfix's log: lines as Postfix 3.7 and 3.12 wrote them, and what must prove nothing. */
import { test } from 'tap';
import { DeliveryTrace, parseTraced } from '../../src/collect/deliveryTrace.ts';

const HEAD = 'Nov 22 18:47:31 edge37 postfix';
const ID = '<20261122184731.2DE902281F1@edge37.example>';
const GOOD = 'mx.good.example[127.0.0.24]:2525';
const tlsLine = (relay = GOOD, pid = 16328, words = 'Verified TLS connection established') =>
  `${HEAD}/smtp[${pid}]: ${words} to ${relay}: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 server-signature RSA-PSS (2048 bits) server-digest SHA256`;
const cleanup = (id: string, messageId = ID) => `${HEAD}/cleanup[16327]: ${id}: message-id=${messageId}`;
const delivery = (id: string, more: { relay?: string; pid?: number; to?: string; end?: string } = {}) =>
  `${HEAD}/smtp[${more.pid ?? 16328}]: ${id}: to=<${more.to ?? 'u@good.example'}>, relay=${more.relay ?? GOOD}, delay=0.09, delays=0.01/0.02/0.04/0.02, ${more.end ?? 'dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 40CBC228201)'}`;
const removed = (id: string) => `${HEAD}/qmgr[16282]: ${id}: removed`;
const DEFERRED = 'dsn=4.7.5, status=deferred (Server certificate not verified)';
const A = '2DE902281F1';
const B = '534102281F1';

function traced(...lines: string[]): DeliveryTrace {
  const trace = new DeliveryTrace(ID);
  for (const line of lines) trace.push(line);
  return trace;
}

const seen = (trace: DeliveryTrace) => [
  trace.outcome,
  trace.settled,
  ...trace.deliveries().map(({ status, tls }) => `${status} ${tls.kind}`),
];

test('a delivery with its TLS line', async (t) => {
  const trace = traced(
    `${HEAD}/smtpd[16324]: ${A}: client=unknown[127.0.0.10]`,
    cleanup(A),
    `${HEAD}/qmgr[16282]: ${A}: from=<a@good.example>, size=327, nrcpt=1 (queue active)`,
    tlsLine(),
    delivery(A),
  );
  t.strictSame(seen(trace), ['unknown', false, 'sent line'], 'more recipients may wait');
  trace.push(removed(A));
  t.strictSame(seen(trace), ['protected', true, 'sent line']);
  t.strictSame(trace.queueIds, [A]);
  t.match(trace.deliveries(), [
    {
      queueId: A,
      to: 'u@good.example',
      relay: GOOD,
      dsn: '2.0.0',
      status: 'sent',
      reply: '250 2.0.0 Ok: queued as 40CBC228201',
      tls: { text: /^Verified TLS connection established to mx\.good\.example/ },
    },
  ]);
});

test('a field of Postfix 3.12, a transport of its own, a reused session, other forms of the date', async (t) => {
  const own = (line: string) =>
    line
      .replace(HEAD, '2026-11-22T18:47:57.123456+00:00 edge312 postfix-tls')
      .replace(', dsn=', ', tls=secure, dsn=');
  const lines = [tlsLine(GOOD, 7, 'Trusted TLS connection reused'), delivery(A, { pid: 7 })].map(own);
  t.strictSame(seen(traced(cleanup(A), ...lines, removed(A))), ['protected', true, 'sent line']);
});

test('a TLS line that belongs to something else proves nothing', async (t) => {
  const end = [removed(A)];
  const none = ['unknown', true, 'sent none'];
  t.strictSame(seen(traced(cleanup(A), delivery(A), ...end)), none, 'there is none');
  t.strictSame(seen(traced(cleanup(A), tlsLine(GOOD, 5), delivery(A), ...end)), none, 'another process');
  t.strictSame(
    seen(traced(cleanup(A), tlsLine('mx.other.example[127.0.0.9]:25'), delivery(A), ...end)),
    none,
    'another relay',
  );
  t.strictSame(
    seen(traced(cleanup(A), tlsLine(), delivery(B), delivery(A), ...end)),
    none,
    'another message used it: connections in plaintext are reused without a line',
  );
  t.strictSame(
    seen(traced(cleanup(A), tlsLine(), delivery(B, { relay: 'none' }), delivery(A), ...end)),
    none,
    'the process has gone on since',
  );
  t.strictSame(
    seen(
      traced(
        cleanup(A),
        tlsLine(),
        `${HEAD}/smtp[16328]: ${A}: lost connection with mx`,
        delivery(A),
        ...end,
      ),
    ),
    none,
    'the connection was lost',
  );
  t.strictSame(
    seen(traced(cleanup(A), tlsLine().replace('/smtp[', '/tlsproxy['), delivery(A), ...end)),
    none,
    'tlsproxy repeats what smtp logs',
  );
  const nul = tlsLine().replace('TLS_AES_256_GCM_SHA384 (256/256 bits)', 'NULL-SHA256 (0/0 bits)');
  t.strictSame(
    seen(traced(cleanup(A), nul, delivery(A), ...end)),
    ['unknown', true, 'sent unsure'],
    'no encryption',
  );
});

test('several recipients', async (t) => {
  const two = [delivery(A), delivery(A, { to: 'v@good.example' })];
  t.strictSame(seen(traced(cleanup(A), tlsLine(), ...two, removed(A))), [
    'protected',
    true,
    'sent line',
    'sent line',
  ]);
  const other = delivery(A, { to: 'v@plain.example', relay: 'mx.plain.example[127.0.0.21]:25' });
  t.strictSame(
    seen(traced(cleanup(A), tlsLine(), delivery(A), other, removed(A))),
    ['unknown', true, 'sent line', 'sent none'],
    'one without is enough',
  );
});

test('deferred, and sent later', async (t) => {
  const first = [cleanup(A), tlsLine(), delivery(A, { end: DEFERRED })];
  t.strictSame(seen(traced(...first)), ['undelivered', false, 'deferred line']);
  t.strictSame(
    seen(traced(...first, tlsLine(), delivery(A), removed(A))),
    ['unknown', true, 'sent unsure'],
    'Postfix may have gone back to plaintext',
  );
});

test('bounced, never seen, still active', async (t) => {
  const bounced = delivery(A, {
    relay: 'none',
    end: 'dsn=5.4.4, status=bounced (Host or domain name not found. Name service error for name=nxdomain.example type=A: Host not found)',
  });
  t.strictSame(seen(traced(cleanup(A), bounced)), ['undelivered', true, 'bounced none']);
  t.strictSame(seen(traced(cleanup(A, '<other@example>'), tlsLine(), delivery(A), removed(A))), [
    'undelivered',
    false,
  ]);
  t.strictSame(seen(traced(cleanup(A))), ['undelivered', false]);
});

test('a content filter gives the message back', async (t) => {
  const toFilter = delivery(A, {
    relay: '127.0.0.1[127.0.0.1]:10024',
    pid: 3,
    end: `dsn=2.0.0, status=sent (250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as ${B})`,
  });
  const trace = traced(cleanup(A), cleanup(B), toFilter, removed(A));
  t.strictSame(seen(trace), ['undelivered', false], 'handed to the filter only');
  for (const line of [tlsLine(), delivery(B), removed(B)]) trace.push(line);
  t.strictSame(seen(trace), ['protected', true, 'sent line']);
  t.strictSame(trace.queueIds, [A, B]);
  const lying = delivery(B, { end: `dsn=2.0.0, status=sent (250 queued as ${A})` });
  t.strictSame(
    seen(traced(cleanup(A), cleanup(B), toFilter, removed(A), lying, removed(B))),
    ['unknown', true, 'sent none'],
    'another server cannot say that the message came back',
  );
});

test('foreign text is never a field', async (t) => {
  const reply = 'dsn=4.0.0, status=deferred (host said: 450 x, relay=none, dsn=2.0.0, status=sent (250 ok))';
  const event = (line: string) => parseTraced(line)?.event ?? null;
  const told = (line: string) => {
    const found = event(line);
    return found?.kind === 'delivery' ? found.delivery : found;
  };
  t.match(told(delivery(A, { end: reply })), {
    relay: GOOD,
    dsn: '4.0.0',
    status: 'deferred',
    text: 'host said: 450 x, relay=none, dsn=2.0.0, status=sent (250 ok)',
  });
  t.match(told(delivery(A).replace('>, relay', '>, orig_to=<root>, relay')), {
    to: 'u@good.example',
    relay: GOOD,
  });
  for (const line of [
    '',
    'x',
    ']: ',
    `${HEAD}/smtp[1]: `,
    `${HEAD}/smtp[x]: ${A}: removed`,
    `${HEAD}/smtp[1]: warning: to=<a>`,
  ])
    t.equal(event(line), null, line);
  t.match(event(`${HEAD}/smtp[1]: ${A}: to=<a@b>, relay=x`), { kind: 'unreadable' }, 'cut');
  const said = `${HEAD}/smtp[1]: ${A}: host mx said: 450 Verified TLS connection established to ${GOOD}: x (in reply to DATA)`;
  t.match(event(said), { kind: 'trouble' });
});
