/**
 * Checks every two seconds what a running daemon may lose: the files of its unix sockets, and the ability to
 * open more files. Each check costs some system calls.
 */
import type { Log } from '../log/log.ts';
import { type ConnectionBudget, connectionsFor } from '../net/connectionBudget.ts';
import { cannotOpen, openFileLimit } from '../net/openFiles.ts';
import type { SocketFile } from '../net/socketFile.ts';

const EVERY_MS = 2000;
/** While the condition lasts, it is logged again at this interval. */
const SAY_AGAIN_MS = 60_000;

export class SystemWatch {
  readonly sockets: SocketFile[] = [];
  readonly #budget: ConnectionBudget;
  readonly #log: Log;
  readonly #timer: NodeJS.Timeout;
  #fileLimit: number | null = null;
  #maxConnections = 0;
  #saidAt = Number.NEGATIVE_INFINITY;

  constructor(budget: ConnectionBudget, log: Log) {
    this.#budget = budget;
    this.#log = log;
    // it keeps the process alive: while a folder is missing there may be no listener that does
    this.#timer = setInterval(() => this.check(), EVERY_MS);
  }

  /** Compares the limit of open files with this number of connections, and logs when it is too low. */
  fit(maxConnections: number): void {
    // it cannot be read when no file can be opened: then the last known value counts
    const limit = openFileLimit() ?? this.#fileLimit;
    if (limit === this.#fileLimit && maxConnections === this.#maxConnections) return;
    this.#fileLimit = limit;
    this.#maxConnections = maxConnections;
    this.#budget.maxByFiles = limit === null ? Number.POSITIVE_INFINITY : connectionsFor(limit);
    if (limit !== null && limit < maxConnections)
      this.#log.filesLow(limit, this.#budget.maxByFiles, maxConnections);
  }

  check(): void {
    for (const socket of this.sockets) void socket.check();
    // the limit can change while the daemon runs (prlimit)
    this.fit(this.#maxConnections);
    const code = cannotOpen();
    const now = performance.now();
    if (code === '' || now - this.#saidAt < SAY_AGAIN_MS) return;
    this.#saidAt = now;
    this.#log.filesExhausted(code, this.#fileLimit, this.#budget.open);
  }

  /** From now on no socket is created again. */
  close(): void {
    clearInterval(this.#timer);
    for (const socket of this.sockets) socket.close();
  }
}
