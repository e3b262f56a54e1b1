/**
 * The listeners of verdicts: counters, log, the list of recent verdicts, and evidence. A new listener is one more line.
 */
import type { Verdict } from '../core/verdict.ts';
import type { Log } from '../log/log.ts';
import type { VerdictRecord } from '../log/verdictFields.ts';
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

export class VerdictListeners {
  readonly counters: VerdictCounters = { accept: 0, hold: 0, defer: 0, reject: 0, tagged: 0, wouldRefuse: 0 };
  readonly byTls = new VerdictsByTls();
  /** False: no verdict may be given now, and nobody is told of one (`evidence-failure = defer`). */
  readonly mayTell: () => boolean;
  readonly #listeners: readonly ((record: VerdictRecord) => void)[];

  constructor(log: Log, recent: RecentVerdicts, evidence: Pick<Evidence, 'mayAnswer' | 'verdict'>) {
    this.mayTell = () => evidence.mayAnswer();
    this.#listeners = [
      ({ verdict }) => this.#count(verdict),
      ({ transaction, verdict }) => this.byTls.add(transaction, verdict),
      // `lookup` and the evidence show the fields of the log line, which are made once
      (record) => {
        const fields = log.verdict(record);
        recent.add(record, fields);
        evidence.verdict(record, fields);
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

  #count({ action, tagged, wouldBe }: Verdict): void {
    this.counters[action]++;
    if (tagged) this.counters.tagged++;
    if (wouldBe !== null) this.counters.wouldRefuse++;
  }
}
