/**
 * The listeners of verdicts: counters, log, the list of recent verdicts, evidence, and the live page. A new listener is one more line.
 */
import type { Transaction } from '../core/transaction.ts';
import type { Action, Verdict } from '../core/verdict.ts';
import type { Log } from '../log/log.ts';
import { briefFields, type VerdictFields, type VerdictRecord } from '../log/verdictFields.ts';
import type { Evidence } from './evidence.ts';
import type { RecentVerdicts } from './recentVerdicts.ts';
import { VerdictsByTls } from './tlsCounters.ts';

export interface VerdictCounters {
  accept: number;
  hold: number;
  defer: number;
  reject: number;
  /** Accepted although unprotected, by `violation = tag`. */
  tagged: number;
  /** Would have been held, deferred or refused if the row were not in observe mode. */
  wouldRefuse: number;
}

/** By protocol, the mode of the row that decided (`none`: no row did), and action. */
type VerdictsByMode = Record<
  Transaction['protocol'],
  Record<'enforce' | 'observe' | 'none', Record<Action, number>>
>;

/** Whoever is told of verdicts while somebody looks. */
export interface Live {
  readonly listening: boolean;
  verdict(fields: VerdictFields, timeMs: number): void;
}

export class VerdictListeners {
  readonly counters: VerdictCounters = { accept: 0, hold: 0, defer: 0, reject: 0, tagged: 0, wouldRefuse: 0 };
  readonly byTls = new VerdictsByTls();
  readonly byMode: VerdictsByMode = { policy: noVerdicts(), milter: noVerdicts() };
  /** False: no verdict may be given now, and nobody is told of one (`evidence-failure = defer`). */
  readonly mayTell: () => boolean;
  readonly #listeners: readonly ((record: VerdictRecord) => void)[];

  constructor(
    log: Log,
    recent: RecentVerdicts,
    evidence: Pick<Evidence, 'mayAnswer' | 'verdict'>,
    live: Live,
  ) {
    this.mayTell = () => evidence.mayAnswer();
    this.#listeners = [
      ({ transaction, verdict }) => this.#count(transaction.protocol, verdict),
      ({ transaction, verdict }) => this.byTls.add(transaction, verdict),
      // `lookup` and the evidence show the fields of the log line, which are made once; nobody needs those of an accept
      (record) => {
        const fields = log.verdict(record);
        recent.add(record, fields);
        evidence.verdict(record, fields);
        if (live.listening) live.verdict(fields ?? briefFields(record), record.timeMs);
      },
    ];
  }

  /**
   * Calls each listener in turn. If one throws, so does this: the verdict is not given, and the session fails
   * safe.
   */
  tell(record: VerdictRecord): void {
    for (const listener of this.#listeners) listener(record);
  }

  #count(protocol: Transaction['protocol'], { action, tagged, wouldBe, decisive }: Verdict): void {
    this.counters[action]++;
    this.byMode[protocol][decisive?.row?.settings.mode ?? 'none'][action]++;
    if (tagged) this.counters.tagged++;
    if (wouldBe !== null) this.counters.wouldRefuse++;
  }
}

function noVerdicts(): VerdictsByMode['policy'] {
  const none = (): Record<Action, number> => ({ accept: 0, hold: 0, defer: 0, reject: 0 });
  return { enforce: none(), observe: none(), none: none() };
}
