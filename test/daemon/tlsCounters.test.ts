/** Verdicts by TLS version: a fixed set of names whatever a peer calls its version, and a sum that is that of all verdicts. */
import t from 'tap';
import type { TlsState } from '../../src/core/tls.ts';
import type { Transaction } from '../../src/core/transaction.ts';
import { accepted, verdictOf } from '../../src/core/verdict.ts';
import { plainOnly, VerdictsByTls } from '../../src/daemon/tlsCounters.ts';

const TLS: TlsState = {
  kind: 'tls',
  protocol: 'TLSv1.3',
  cipher: 'TLS_AES_256_GCM_SHA384',
  bits: 256,
  certificate: { kind: 'none' },
};

function one(protocol: 'policy' | 'milter', tls: TlsState): Transaction {
  return { protocol, tls } as Transaction;
}

t.test('one name for each kind of session', async (t) => {
  const by = new VerdictsByTls();
  const judged = verdictOf([], TLS);
  const states: TlsState[] = [
    { kind: 'plain' },
    { kind: 'unknown', why: 'x' },
    ...['SSLv3', 'TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'].map((protocol) => ({ ...TLS, protocol })),
    ...['', '__proto__', 'constructor', 'TLSv1.3 ', 'tlsv1.3', 'toString'].map((protocol) => ({
      ...TLS,
      protocol,
    })),
    ...Array.from({ length: 5000 }, (_, i) => ({ ...TLS, protocol: `TLSv9.${i}` })),
  ];
  for (const tls of states) by.add(one('milter', tls), judged);
  by.add(one('milter', TLS), { ...judged, action: 'reject' });
  by.add(one('milter', { kind: 'plain' }), accepted('trusted-client'));
  by.add(one('policy', { kind: 'plain' }), { ...judged, action: 'defer' });
  const accept = (count: number) => ({ accept: count, hold: 0, defer: 0, reject: 0 });
  t.strictSame(by.counters, {
    policy: { plain: { accept: 0, hold: 0, defer: 1, reject: 0 } },
    milter: {
      plain: accept(1),
      unknown: accept(1),
      SSLv3: accept(1),
      TLSv1: accept(1),
      'TLSv1.1': accept(1),
      'TLSv1.2': accept(1),
      'TLSv1.3': { accept: 1, hold: 0, defer: 0, reject: 1 },
      otherTls: accept(5006),
      notJudged: accept(1),
    },
  });
});

t.test('sessions without TLS, as long as none had any', async (t) => {
  const by = new VerdictsByTls();
  const judged = verdictOf([], TLS);
  t.equal(plainOnly(by.counters), 0);
  for (const protocol of ['policy', 'milter'] as const) by.add(one(protocol, { kind: 'plain' }), judged);
  by.add(one('milter', { kind: 'unknown', why: 'x' }), judged);
  by.add(one('milter', TLS), accepted('trusted-client'));
  t.equal(plainOnly(by.counters), 2, 'what was not told, or not judged, says nothing');
  by.add(one('policy', { ...TLS, protocol: 'TLSv9' }), judged);
  t.equal(plainOnly(by.counters), 0);
});
