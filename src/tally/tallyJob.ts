/** What dayTallier.ts and its thread say to each other. A file of its own, so that the daemon imports no counting. */
import type { StreamDay } from './countDay.ts';

/** What the thread is started with. */
export interface TallyJob {
  readonly tlswardTally: true;
  readonly one: StreamDay;
}

/** Why there is no tally; '' if there is one. */
export interface FromTally {
  readonly why: string;
}
