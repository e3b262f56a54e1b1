/**
 * What goes wrong on a day: processes that are killed with SIGKILL at random moments and started again, one after
 * another, and what an administrator does meanwhile. The moments are kept.
 */
import type { Generator } from '../../../mark/generator.ts';
import { pause } from '../deadline.ts';

/** Something that may happen. */
export interface Act {
  readonly name: string;
  /** How often in a round. */
  readonly times: number;
  /** May lines of the MTA be lost that it was about to log? */
  readonly losesLines?: true;
  run(): Promise<void> | void;
}

/** Milliseconds since the epoch; `to`: it works again. */
export interface Trouble {
  readonly act: Act;
  readonly from: number;
  readonly to: number;
}

export class Chaos {
  readonly troubles: Trouble[] = [];
  readonly #acts: readonly Act[];
  readonly #random: Generator;
  readonly #longestMs: number;
  /** Of this round. */
  #left: Act[] = [];
  #stopped = false;

  /** All acts of a round in a random order, then the next round; up to `longestMs` between two. */
  constructor(acts: readonly Act[], random: Generator, longestMs: number) {
    this.#acts = acts.flatMap((act) => Array.from({ length: act.times }, () => act));
    this.#random = random;
    this.#longestMs = longestMs;
  }

  /** Goes on until `stop`; at its end everything runs. */
  async run(): Promise<void> {
    while (!this.#stopped) {
      await pause(100 + this.#random.integer(this.#longestMs));
      if (this.#stopped) return;
      if (this.#left.length === 0) this.#left = [...this.#acts];
      const [act] = this.#left.splice(this.#random.integer(this.#left.length), 1) as [Act];
      const from = Date.now();
      await act.run();
      this.troubles.push({ act, from, to: Date.now() });
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  /** How often it happened. */
  count(name: string): number {
    return this.troubles.filter(({ act }) => act.name === name).length;
  }
}

/** Did something of the MTA die within a moment after this, so that what was said may not have come to its log? */
export function mayBeUnlogged(troubles: readonly Trouble[], at: number, momentMs: number): boolean {
  return troubles.some(({ act, from, to }) => act.losesLines === true && at <= to && at >= from - momentMs);
}
