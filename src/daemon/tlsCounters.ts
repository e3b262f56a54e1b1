/**
 * Counts verdicts by the TLS version of the session, for each protocol. "How much of our mail arrives in
 * plaintext?" is the first question of an administrator who wants to require TLS. The names are a fixed set,
 * because a peer may claim any version.
 */
import { PROTOCOLS, type TlsState } from '../core/tls.ts';
import type { Transaction } from '../core/transaction.ts';
import type { Action, Verdict } from '../core/verdict.ts';

/** `plain`; a version; `otherTls`: any other version; `unknown`: the MTA did not say; `notJudged`. */
type TlsKey = 'plain' | (typeof PROTOCOLS)[number] | 'otherTls' | 'unknown' | 'notJudged';

type ActionCounters = Record<Action, number>;
export type TlsCounters = Partial<Record<TlsKey, ActionCounters>>;

export class VerdictsByTls {
  readonly counters: Record<Transaction['protocol'], TlsCounters> = { policy: {}, milter: {} };

  add(transaction: Transaction, verdict: Verdict): void {
    const counters = this.counters[transaction.protocol];
    const key = verdict.judged === 'judged' ? keyOf(transaction.tls) : 'notJudged';
    counters[key] ??= { accept: 0, hold: 0, defer: 0, reject: 0 };
    counters[key][verdict.action]++;
  }
}

/** After this many verdicts without any TLS, a misconfiguration is likely. */
export const ENOUGH_VERDICTS = 50;

/** The number of judged sessions without TLS while no session had TLS; 0 as soon as one had. */
export function plainOnly(byProtocol: Readonly<Record<string, TlsCounters>>): number {
  let plain = 0;
  for (const counters of Object.values(byProtocol))
    for (const [key, actions] of Object.entries(counters)) {
      if (key === 'plain') plain += Object.values(actions).reduce((sum, one) => sum + one, 0);
      else if (key !== 'unknown' && key !== 'notJudged') return 0;
    }
  return plain;
}

function keyOf(tls: TlsState): TlsKey {
  if (tls.kind !== 'tls') return tls.kind;
  return PROTOCOLS.find((version) => version === tls.protocol) ?? 'otherTls';
}
