/**
 * Verdicts by what protected the session, for each protocol: "how much of our mail comes in plain text?" is the first
 * question of an administrator who wants to require TLS. The names are a fixed set, because a peer can call its
 * version anything.
 */
import { PROTOCOLS, type TlsState } from '../core/tls.ts';
import type { Transaction } from '../core/transaction.ts';
import type { Action, Verdict } from '../core/verdict.ts';

/** `plain`; a version; `otherTls`: a version that is none of these; `unknown`: the MTA did not tell; `notJudged`. */
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

/** Verdicts from which on the absence of TLS says something. */
export const ENOUGH_VERDICTS = 50;

/** How many sessions were judged that had no TLS, as long as none had any; 0 as soon as one has. */
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
