/** The thread of dayTallier.ts: makes one tally. This file does nothing if it is imported anywhere else. */
import { constants, setPriority } from 'node:os';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { escapeText } from '../core/escape.ts';
import { codeOf, fileError } from '../files/systemError.ts';
import { makeTally } from './talliesOf.ts';
import type { FromTally, TallyJob } from './tallyJob.ts';

const MAX_REST_MS = 200;

function isTallyJob(data: unknown): data is TallyJob {
  return typeof data === 'object' && data !== null && 'tlswardTally' in data;
}

if (!isMainThread && parentPort !== null && isTallyJob(workerData)) {
  const told: FromTally = { why: made(workerData) };
  parentPort.postMessage(told);
}

/** '' if it is there now. A day without lines needs none. */
function made({ one }: TallyJob): string {
  const rest = mayYield() ? () => {} : rests();
  try {
    makeTally(one, rest);
    return '';
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return '';
    return error instanceof Error && 'code' in error ? fileError(error) : escapeText(String(error), 300);
  }
}

/** On Linux it is the priority of this thread alone; a filter of system calls may forbid it. */
function mayYield(): boolean {
  try {
    setPriority(constants.priority.PRIORITY_LOW);
    return true;
  } catch {
    return false;
  }
}

/** Sleeps as long as it worked, so that mail has half of the only processor at least. */
function rests(): () => void {
  const nothing = new Int32Array(new SharedArrayBuffer(4));
  let begun = performance.now();
  return () => {
    Atomics.wait(nothing, 0, 0, Math.min(MAX_REST_MS, performance.now() - begun));
    begun = performance.now();
  };
}
