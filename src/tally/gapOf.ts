/** What a record says is missing. Pure. */
import type { EvidenceRecord } from '../evidence/record.ts';
import type { DayGap } from './dayTally.ts';

const MAX_TEXT = 1000;

export const GAP_TYPES = ['gap', 'torn', 'clock', 'day'] as const;

/** null: nothing is missing. */
export function gapOf(record: EvidenceRecord): DayGap | null {
  const { host, time } = record;
  switch (record.type) {
    case 'gap': {
      const { from, to, count, why } = record;
      return { type: 'gap', host, from, to, count, why: why.slice(0, MAX_TEXT) };
    }
    case 'torn': {
      const why = `${record.bytes} bytes of a line that was not whole were set aside as ${record.file.slice(0, 300)}`;
      return { type: 'torn', host, from: time, to: time, count: null, why };
    }
    case 'clock': {
      const why = `the clock was set by ${record.stepMs} ms: times before and after do not compare`;
      return { type: 'clock', host, from: time, to: time, count: 0, why };
    }
    case 'day': {
      const previous = record.previous;
      if (previous === undefined) return null;
      const why = `there is no file of ${previous.day}`;
      return {
        type: 'day',
        host,
        from: previous.day,
        to: `${previous.day}T23:59:59.999Z`,
        count: previous.size,
        why,
      };
    }
    default:
      return null;
  }
}
