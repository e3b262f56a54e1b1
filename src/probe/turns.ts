/**
 * One connection to a host or an address at a time, and a pause between two: several domains may have the same servers.
 */
interface Turn {
  /** Never rejects. */
  readonly ended: Promise<void>;
  /** By performance.now(); set when it has ended. */
  freeAt: number;
}

export class Turns {
  /** The last one of each host and of each address. */
  readonly #last = new Map<string, Turn>();

  /** Resolves to the result of `work`, which waits for its turn. `pauseMs`: between the end of this one and the next. */
  take<T>(whom: string, pauseMs: number, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(whom);
    const done = before === undefined ? work() : after(before).then(work);
    const end = (): void => {
      turn.freeAt = performance.now() + pauseMs;
    };
    const turn: Turn = { ended: done.then(end, end), freeAt: 0 };
    this.#last.set(whom, turn);
    return done;
  }
}

async function after(turn: Turn): Promise<void> {
  await turn.ended;
  const ms = turn.freeAt - performance.now();
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
}
