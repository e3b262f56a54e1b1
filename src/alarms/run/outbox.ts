/**
 * What is yet to be told, by output. It is saved before anything is told and again afterwards: whoever is killed in
 * between tells it once more rather than never. What an output does not take is tried again, ever more rarely, for a day.
 */
import type { Notice } from '../alarmState.ts';

/** In the order in which they are told. */
export type Output = 'log' | 'evidence' | 'mail' | 'command';

export interface Owed {
  readonly output: Output;
  readonly state: Notice['state'];
  readonly alarm: Notice['alarm'];
  readonly since: number;
  readonly tries: number;
  readonly nextAt: number;
}

/** Beyond it the oldest are given up. */
const MAX_OWED = 1000;
const KEEP_MS = 86_400_000;
const FIRST_RETRY_MS = 10_000;
const LAST_RETRY_MS = 600_000;

export function owe(output: Output, { alarm, state }: Notice, nowMs: number): Owed {
  return { output, alarm, state, since: nowMs, tries: 0, nextAt: nowMs };
}

/** Tells what is due. `tell` resolves to why it was not taken, '' when it was. Returns what is left. */
export async function settle(
  owed: readonly Owed[],
  nowMs: number,
  tell: (one: Owed) => Promise<string>,
  givenUp: (one: Owed, why: string) => void,
): Promise<readonly Owed[]> {
  const left: Owed[] = [];
  // an output that does not take one takes none of the others now
  const down = new Map<Output, string>();
  for (const one of owed.slice(0, -MAX_OWED)) givenUp(one, `more than ${MAX_OWED} wait`);
  for (const one of owed.slice(-MAX_OWED)) {
    if (one.nextAt > nowMs) {
      left.push(one);
      continue;
    }
    const why = down.get(one.output) ?? (await tell(one));
    if (why === '') continue;
    down.set(one.output, why);
    const tries = one.tries + 1;
    if (nowMs - one.since > KEEP_MS) givenUp(one, why);
    else {
      // of the first failure somebody hears at once
      if (tries === 1) givenUp({ ...one, tries }, why);
      const wait = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(one.tries, 10));
      left.push({ ...one, tries, nextAt: nowMs + wait });
    }
  }
  return left;
}
