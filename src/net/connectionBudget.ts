/**
 * What the connections of all protocols share: how many there may be, and how many bytes they may hold together.
 *
 * A connection holds what came of an unfinished request, what its session remembers (a milter session: macros, recipients
 * with their verdicts, header fields, body) and answers that the peer has not read. Each has a bound of its own, but 20,000
 * connections times that is more than a machine has. When all hold more than the limit together, the one that holds most
 * is closed, and its MTA defers that mail: small messages of others go on.
 *
 * Descriptors are the other thing that runs out. The number of connections stays below what the process may open, with a
 * reserve, so that the limit that is reached is one of ours and named in the log: at the real one the kernel, and Node
 * without a word, would drop connections of everybody, and no file could be read any more.
 */
import type { MemoryUse } from '../core/memorySize.ts';

/** A connection as the budget sees it. */
export interface MemoryHolder {
  /** Bytes it held when it was last looked at. */
  readonly held: number;
  /** An answer is awaited: it cannot be closed just now. */
  readonly busy: boolean;
  /** Closes it at once, and says so. */
  evict(limitBytes: number): void;
}

/** Descriptors kept for files, lookups, policy hosts, the control socket and Node itself. */
const RESERVED_FILES = 512;
/** Connections for which there are descriptors, with a quarter of a small limit in reserve. */
export function connectionsFor(fileLimit: number): number {
  return Math.max(1, fileLimit - Math.min(RESERVED_FILES, Math.ceil(fileLimit / 4)));
}

export class ConnectionBudget {
  /** Connections open now; those of the control socket do not count. */
  open = 0;
  /** Connections for which there are descriptors. */
  maxByFiles = Number.POSITIVE_INFINITY;
  limitBytes: number;
  /** Connections closed because all held too much. */
  evicted = 0;
  #used = 0;
  readonly #drivers: (() => Iterable<MemoryHolder>)[] = [];

  constructor(limitBytes = Number.POSITIVE_INFINITY) {
    this.limitBytes = limitBytes;
  }

  /** `connections`: those of one driver that are open. */
  join(connections: () => Iterable<MemoryHolder>): void {
    this.#drivers.push(connections);
  }

  /** Counts what one connection holds more, or less. */
  add(bytes: number): void {
    this.#used += bytes;
    if (bytes > 0 && this.#used > this.limitBytes) this.#evict();
  }

  #evict(): void {
    let largest: MemoryHolder | null = null;
    for (const connections of this.#drivers) {
      for (const one of connections()) if (!one.busy && one.held > (largest?.held ?? 0)) largest = one;
    }
    if (largest === null) return;
    this.evicted++;
    largest.evict(this.limitBytes);
  }

  get memory(): MemoryUse {
    return { name: 'connections', used: this.#used, limit: this.limitBytes };
  }
}
