/**
 * The listeners of verdicts: counters, log and the list of recent verdicts. A new listener is one more line.
 */
import type { Verdict } from '../core/verdict.ts';
import type { Log } from '../log/log.ts';
import type { VerdictRecord } from '../log/verdictFields.ts';
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

export class VerdictListeners {
  readonly counters: VerdictCounters = { accept: 0, hold: 0, defer: 0, reject: 0, tagged: 0, wouldRefuse: 0 };
  readonly byTls = new VerdictsByTls();
  readonly #listeners: readonly ((record: VerdictRecord) => void)[];

  constructor(log: Log, recent: RecentVerdicts) {
    this.#listeners = [
      ({ verdict }) => this.#count(verdict),
      ({ transaction, verdict }) => this.byTls.add(transaction, verdict),
      // `lookup` shows the fields of the log line, which is made once
      (record) => recent.add(record, log.verdict(record)),
    ];
  }

  /**
   * Calls each listener in turn. If one throws, so does this: the verdict is not given, and the session fails
   * safe.
   */
  tell(record: VerdictRecord): void {
    for (const listener of this.#listeners) listener(record);
  }

  #count({ action, tagged, wouldBe }: Verdict): void {
    this.counters[action]++;
    if (tagged) this.counters.tagged++;
    if (wouldBe !== null) this.counters.wouldRefuse++;
  }
}
