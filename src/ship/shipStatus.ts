/**
 * How far the streams of evidence directories have been sent to a target, from their files alone: the server is not
 * asked, and the process that sends need not run.
 */
import { daysOf } from '../archive/layout.ts';
import { headOf, hostOf, verifierOf } from './head.ts';
import { streamsIn } from './ship.ts';
import { type Problem, readState, stateFile } from './state.ts';
import type { Target } from './target.ts';

interface StreamStatus {
  readonly directory: string;
  readonly stream: string;
  readonly host: string;
  /** The day of the last record that was acknowledged, and how many of it were; null: none ever was. */
  readonly day: string | null;
  readonly sent: number;
  /** Records that are signed and not acknowledged. */
  readonly waiting: number;
  /** When the server acknowledged records last, ISO 8601. */
  readonly acknowledged: string | null;
  readonly problem: Problem | null;
}

/** Throws the error of a file that cannot be read. */
export function shipStatus(target: Target, directories: readonly string[]): StreamStatus[] {
  return streamsIn(directories).map(({ directory, stream: { name, folder } }) => {
    const { position, acknowledged, problem } = readState(stateFile(directory, name, target));
    const verifier = verifierOf(folder);
    const day = position?.day ?? null;
    const sent = position?.sent ?? 0;
    let waiting = -sent;
    if (verifier !== null)
      for (const one of daysOf(folder))
        if (day === null || one >= day) waiting += headOf(folder, one, verifier)?.size ?? 0;
    return {
      directory,
      stream: name,
      host: verifier === null ? '' : hostOf(verifier),
      day,
      sent,
      waiting: Math.max(waiting, 0),
      acknowledged,
      problem,
    };
  });
}
