/**
 * Lines that found no room, by the reason: how many, and the times of the first and the last. A few reasons are kept
 * apart; what comes after them counts with the last.
 */
const MAX_REASONS = 4;

interface Gap {
  readonly from: string;
  readonly to: string;
  readonly count: number;
  readonly why: string;
}

export class GapCounter {
  #gaps: Gap[] = [];

  get isEmpty(): boolean {
    return this.#gaps.length === 0;
  }

  /** All lines that were counted and not yet taken. */
  get count(): number {
    return this.#gaps.reduce((sum, { count }) => sum + count, 0);
  }

  /** Times in ISO 8601. */
  add(from: string, count: number, why: string, to = from): void {
    const same = this.#gaps.findIndex((gap) => gap.why === why);
    const at = same < 0 && this.#gaps.length === MAX_REASONS ? MAX_REASONS - 1 : same;
    const gap = this.#gaps[at];
    // ISO 8601 sorts as text
    if (gap === undefined) this.#gaps.push({ from, to, count, why });
    else
      this.#gaps[at] = {
        ...gap,
        from: [from, gap.from].sort()[0]!,
        to: [gap.to, to].sort()[1]!,
        count: gap.count + count,
      };
  }

  take(): readonly (Gap & { readonly [name: string]: string | number })[] {
    const gaps = this.#gaps;
    this.#gaps = [];
    return gaps.map((gap) => ({ ...gap }));
  }
}
