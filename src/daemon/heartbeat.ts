/**
 * The sign of life for the service manager: READY=1 once the daemon has answered itself, then WATCHDOG=1 twice in the time
 * that the manager waits, each only after the daemon has answered itself again. A daemon that hangs, and one that runs and
 * does not answer, fall silent alike and are started anew.
 */
import type { Log } from '../log/log.ts';
import type { Notifier } from './notify.ts';

interface Parts {
  readonly notifier: Notifier;
  /** '' when every listener answered within that time; else which did not, and why. */
  readonly check: (timeoutMs: number) => Promise<string>;
  /** For `systemctl status`, one line. */
  readonly status: () => string;
  readonly log: Pick<Log, 'selfCheckFailed' | 'notifyFailed'>;
}

/** Of a check at the start, and where nobody waits for the next sign. */
const CHECK_MS = 10_000;
/** STATUS= is renewed this often without a watchdog. */
const STATUS_MS = 60_000;

export class Heartbeat {
  readonly #parts: Parts;
  readonly #everyMs: number;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #untold = '';

  constructor(parts: Parts) {
    this.#parts = parts;
    const { watchdogMs } = parts.notifier;
    this.#everyMs = watchdogMs === null ? STATUS_MS : watchdogMs / 2;
  }

  /** Resolves when the manager was told that the daemon is ready. */
  async start(): Promise<void> {
    const { status, log, check } = this.#parts;
    const why = await check(CHECK_MS);
    if (why !== '') log.selfCheckFailed(why);
    // a start that does not answer itself is not ready: the manager ends it when its time is over
    else await this.#tell(['READY=1', `STATUS=${status()}`]);
    this.#next();
  }

  #next(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.#beat(), this.#everyMs);
    this.#timer.unref();
  }

  async #beat(): Promise<void> {
    const { check, status, log } = this.#parts;
    const why = await check(Math.min(CHECK_MS, this.#everyMs));
    if (this.#stopped) return;
    if (why === '') await this.#tell(['READY=1', 'WATCHDOG=1', `STATUS=${status()}`]);
    else log.selfCheckFailed(why);
    this.#next();
  }

  async #tell(lines: readonly string[]): Promise<void> {
    const why = await this.#parts.notifier.tell(lines);
    if (why !== '' && why !== this.#untold) this.#parts.log.notifyFailed(why);
    this.#untold = why;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#parts.notifier.tell(['STOPPING=1', 'STATUS=finishing the transactions in progress']);
  }
}
