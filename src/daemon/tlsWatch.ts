/**
 * Logs once that rows require TLS and no session had any. Then the MTA does not offer TLS, or a proxy before
 * it terminates TLS, and every partner is refused through no fault of theirs.
 */
import type { Log } from '../log/log.ts';
import { ENOUGH_VERDICTS, plainOnly, type VerdictsByTls } from './tlsCounters.ts';

export class TlsWatch {
  readonly #log: Log;
  readonly #byTls: VerdictsByTls;
  #said = false;

  constructor(log: Log, byTls: VerdictsByTls) {
    this.#log = log;
    this.#byTls = byTls;
  }

  /** Called periodically. `demanded`: does a row in force require TLS? */
  sweep(demanded: boolean): void {
    if (this.#said || !demanded) return;
    const verdicts = plainOnly(this.#byTls.counters);
    if (verdicts < ENOUGH_VERDICTS) return;
    this.#said = true;
    this.#log.tlsNeverSeen(verdicts);
  }
}
