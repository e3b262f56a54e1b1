/**
 * Carries a plan out: copies first, then postconf in an order in which nothing is used before it is there,
 * `postfix check`, a reload where Postfix runs, and the canary. When any of it fails, everything goes back to
 * what it was.
 */
import type { Change } from '../plan.ts';
import type { CanaryStep } from './canary.ts';
import type { PostfixControl } from './postfixControl.ts';
import { closeSnapshot, takeSnapshot } from './snapshot.ts';
import { type Undone, undoSetup } from './undo.ts';

export type Applied =
  | {
      readonly ok: true;
      /** The folder with the copies and undo.sh. */
      readonly folder: string;
      /** Did Postfix run, so that it was made to read the change? */
      readonly reloaded: boolean;
      readonly canary: readonly CanaryStep[];
    }
  | {
      readonly ok: false;
      readonly folder: string;
      readonly why: string;
      readonly canary: readonly CanaryStep[];
      readonly undone: Undone;
    };

/**
 * `root`: STATE/setup, under its lock. `canary` is asked when Postfix has read the change. Rejects with
 * SnapshotError when the copies cannot be made; then nothing was changed.
 */
export async function applyChanges(
  control: PostfixControl,
  root: string,
  changes: readonly Change[],
  now: Date,
  canary: (running: boolean) => Promise<readonly CanaryStep[]>,
): Promise<Applied> {
  const folder = await takeSnapshot(root, control.directory, changes, now);
  let steps: readonly CanaryStep[] = [];
  const running = await control.running();
  let why = await control.writeAll(changes);
  await closeSnapshot(folder);
  why ??= await control.check();
  if (why === null && running) why = await control.reload();
  if (why === null) {
    steps = await canary(running);
    const bad = steps.find(({ ok }) => ok === false);
    if (bad !== undefined) why = `the proof failed: ${bad.name}: ${bad.said}`;
  }
  if (why === null) return { ok: true, folder, reloaded: running, canary: steps };
  return { ok: false, folder, why, canary: steps, undone: await takeBack(control, folder) };
}

/** A failure of that is said beside the first one. */
async function takeBack(control: PostfixControl, folder: string): Promise<Undone> {
  try {
    return await undoSetup(control, folder);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { exact: false, left: [], fault: error.message };
  }
}
