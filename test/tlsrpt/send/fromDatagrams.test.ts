/** Records of handshakes to sessions. */
import t from 'tap';
import { sessionsOfDatagram } from '../../../src/tlsrpt/send/fromDatagrams.ts';
import { isOwnReport, OwnSessions } from '../../../src/tlsrpt/send/ownMail.ts';
import { reported } from './sessions.ts';

t.test('policies', async (t) => {
  t.match(sessionsOfDatagram(reported()), [
    {
      domain: 'bank.example',
      ok: true,
      policy: { type: 'no-policy-found', domain: 'bank.example', strings: [] },
    },
  ]);
  const dane = { policy: 'tlsa', domain: 'mx.bank.example', strings: ['3 1 1 00'], ok: true };
  t.match(sessionsOfDatagram(reported({ policies: [dane] })), [
    { policy: { type: 'tlsa', domain: 'mx.bank.example', strings: ['3 1 1 00'] } },
  ]);
  const sts = { policy: 'sts', strings: ['version: STSv1'], mxHosts: ['*.bank.example'], ok: true };
  t.match(sessionsOfDatagram(reported({ policies: [sts] })), [
    { policy: { type: 'sts', domain: 'bank.example', mxHosts: ['*.bank.example'] } },
  ]);
  t.same(sessionsOfDatagram(reported({ policies: [{ policy: 'other', ok: true }] })), []);
});

t.test('failures', async (t) => {
  const failed = (result: string, more: object = {}) => ({
    policy: 'no-policy-found',
    ok: false,
    failures: [{ result, ...more }],
  });
  const [session] = sessionsOfDatagram(
    reported({
      policies: [
        failed('certificate-expired', {
          mxHelo: '250-mx.bank.example Hello\\u{d}\\u{a}PIPELINING',
          sendingAddress: '192.0.2.9',
        }),
      ],
    }),
  );
  t.match(session, {
    ok: false,
    failures: [
      { result: 'certificate-expired', mxHelo: 'mx.bank.example', sendingAddress: '192.0.2.9', reason: '' },
    ],
  });
  t.match(sessionsOfDatagram(reported({ policies: [failed('code-901')] })), [
    { failures: [{ result: 'validation-failure', reason: 'code-901' }] },
  ]);
  t.match(sessionsOfDatagram(reported({ policies: [{ policy: 'sts', ok: false }] })), [
    { ok: false, failures: [] },
  ]);
  t.match(
    sessionsOfDatagram(reported({ policies: [{ ...failed('certificate-expired'), ok: true }] })),
    [{ ok: true, failures: [] }],
    'a success with failures inside',
  );
});

t.test('mail of our own', async (t) => {
  const message = (messageId: string, sender = '<>') =>
    ({ type: 'message', queueId: 'A', messageId, sender }) as Parameters<typeof isOwnReport>[0];
  t.ok(isOwnReport(message('h:2026-11:abc@tlsward-tlsrpt.example.org'), 'example.org'));
  t.ok(isOwnReport(message('@tlsward-tlsrpt.example.org'), 'example.org'), 'privacy = domains');
  t.notOk(
    isOwnReport(message('x@tlsward-tlsrpt.example.org', 'a@b.example'), 'example.org'),
    'somebody else',
  );
  t.notOk(isOwnReport(message('x@tlsward-tlsrpt.other.example'), 'example.org'));
  const own = new OwnSessions();
  own.add('bank.example', 100_000, 2000);
  t.notOk(own.takes('bank.example', 90_000), 'too early');
  t.notOk(own.takes('other.example', 99_000), 'another domain');
  t.ok(own.takes('bank.example', 99_000));
  t.notOk(own.takes('bank.example', 99_500), 'each once');
});
