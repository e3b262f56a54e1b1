/**
 * Says once in the log that rows demand TLS and no session had any: then TLS is not offered, or something in front of the MTA
 * ends it, and every partner is refused for a fault that is not theirs.
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

  /** Call it now and then. `demanded`: does a row that is in force demand TLS? */
  sweep(demanded: boolean): void {
    if (this.#said || !demanded) return;
    const verdicts = plainOnly(this.#byTls.counters);
    if (verdicts < ENOUGH_VERDICTS) return;
    this.#said = true;
    this.#log.tlsNeverSeen(verdicts);
  }
}
