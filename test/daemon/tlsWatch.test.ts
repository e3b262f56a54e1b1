/** "No session had TLS" is said once, and only when rows demand it. */
import { test } from 'tap';
import type { Transaction } from '../../src/core/transaction.ts';
import { verdictOf } from '../../src/core/verdict.ts';
import { ENOUGH_VERDICTS, VerdictsByTls } from '../../src/daemon/tlsCounters.ts';
import { TlsWatch } from '../../src/daemon/tlsWatch.ts';
import type { Log } from '../../src/log/log.ts';

test('once', async (t) => {
  const said: number[] = [];
  const by = new VerdictsByTls();
  const watch = new TlsWatch(
    { tlsNeverSeen: (verdicts: number) => said.push(verdicts) } as unknown as Log,
    by,
  );
  const add = (number: number): void => {
    for (let i = 0; i < number; i++)
      by.add({ protocol: 'policy', tls: { kind: 'plain' } } as Transaction, verdictOf([], { kind: 'plain' }));
  };
  add(ENOUGH_VERDICTS - 1);
  watch.sweep(true);
  t.same(said, [], 'too few');
  add(1);
  watch.sweep(false);
  t.same(said, [], 'no row demands it');
  watch.sweep(true);
  add(1);
  watch.sweep(true);
  t.same(said, [ENOUGH_VERDICTS]);
});
