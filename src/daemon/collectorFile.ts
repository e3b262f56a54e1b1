/**
 * What the collector counts, from the small file that it writes every five seconds (src/collect/run/countersFile.ts): the
 * daemon passes it on as metrics. The file is another process's; it is read without holding the main thread, up to 16 KiB.
 */
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  COUNTERS_NAME,
  type CollectorFigures,
  MAX_COUNTERS_BYTES,
  parseCounters,
} from '../collect/counters.ts';
import { readGuarded } from '../files/guardedReader.ts';

/** Older figures are those of a collector that is gone or stands still; newer than now, of another clock. */
const STALE_MS = 30_000;

/**
 * `directory`: of the evidence, null where none is kept. null: no collector has ever run here; `absent`: one has, and
 * none does now as far as its file tells. Never rejects.
 */
export async function collectorFigures(
  directory: string | null,
  nowMs: number,
): Promise<CollectorFigures | 'absent' | null> {
  if (directory === null) return null;
  const file = join(directory, 'collector', COUNTERS_NAME);
  try {
    const guards = { maxBytes: MAX_COUNTERS_BYTES, followLinks: false, refuse: () => null };
    const read = await readGuarded(file, guards);
    const figures = read.kind === 'read' ? parseCounters(read.bytes.toString('utf8')) : null;
    if (figures !== null && Math.abs(nowMs - figures.writtenAtMs) <= STALE_MS) return figures;
    return 'absent';
  } catch {
    const stream = await stat(dirname(file)).catch(() => null);
    return stream === null ? null : 'absent';
  }
}
