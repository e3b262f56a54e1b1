/**
 * What the connections of all protocols share: how many there may be, and how many bytes they may hold
 * together.
 *
 * A connection holds the bytes of an unfinished request, the state of its session (in a milter session:
 * macros, recipients with their verdicts, header fields, body) and answers that the peer has not read. Each
 * of these has a limit, but 20,000 times their sum is more memory than a machine has. When all connections
 * together exceed the budget, the largest one is closed and its MTA defers that mail; small messages on other
 * connections are not affected.
 *
 * File descriptors can run out, too. The number of connections stays below the limit of the process by a
 * reserve, so that the limit that is reached is ours, and is named in the log. At the limit of the kernel,
 * Node would silently drop connections of every client, and no file could be opened.
 */
import type { MemoryUse } from '../core/memorySize.ts';

/** A connection as the budget sees it. */
export interface MemoryHolder {
  /** Bytes held when it was last counted. */
  readonly held: number;
  /** An answer is awaited: it cannot be closed now. */
  readonly busy: boolean;
  /** Closes it at once, and logs that. */
  evict(limitBytes: number): void;
}

/** Descriptors kept for files, lookups, policy hosts, the control socket and Node itself. */
const RESERVED_FILES = 512;
/** The number of connections for which there are descriptors; of a small limit a quarter is the reserve. */
export function connectionsFor(fileLimit: number): number {
  return Math.max(1, fileLimit - Math.min(RESERVED_FILES, Math.ceil(fileLimit / 4)));
}

export class ConnectionBudget {
  /** Connections open now; those of the control socket do not count. */
  open = 0;
  /** The number of connections for which there are descriptors. */
  maxByFiles = Number.POSITIVE_INFINITY;
  limitBytes: number;
  /** Connections closed because all held too much. */
  evicted = 0;
  #used = 0;
  readonly #drivers: (() => Iterable<MemoryHolder>)[] = [];

  constructor(limitBytes = Number.POSITIVE_INFINITY) {
    this.limitBytes = limitBytes;
  }

  /** `connections`: the open connections of one driver. */
  join(connections: () => Iterable<MemoryHolder>): void {
    this.#drivers.push(connections);
  }

  /** Adds the change in what one connection holds; negative when it holds less. */
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
