/**
 * The kept reports of others, for the alarms: what their last ones say, and how many came. Each file is read once, and
 * kept of it is a summary of some 3 KiB at most while its hours are of the last days.
 *
 * What came is counted by `tlsward alarms run` because it alone is always there and has a state: a report is new if
 * its file was made since the last look, also of the process before. A file of this moment is left to the next look,
 * so that no other process can count it a second time.
 */
import { statSync } from 'node:fs';
import type { Look } from '../alarms/condition.ts';
import { KEPT_DAYS, type ReportSummary, reportedLook, summaryOf, weekOf } from '../alarms/reported.ts';
import type { ReportedCounts } from '../alarms/run/stateFile.ts';
import { addDays, dayOf } from '../archive/day.ts';
import { codeOf } from '../files/systemError.ts';
import { ReportStore } from '../tlsrpt/store.ts';

/** The clock of the file system may be behind by a tick. */
const TICK_MS = 20;
const NONE = { reports: 0, successful: 0, failed: 0, newestEndMs: null };

interface Looked {
  readonly look: Look;
  /** null: no report was ever kept. */
  readonly counts: ReportedCounts | null;
  /** Why they cannot be read; '' when they can, or there are none. */
  readonly trouble: string;
}

export class OthersReported {
  readonly #store: ReportStore;
  /** Files that were read, with what is kept of them; null: nothing. */
  #files = new Map<string, ReportSummary | null>();
  #first = true;

  /** `state`: the folder above `tlsrpt/`. */
  constructor(state: string) {
    this.#store = new ReportStore(state);
  }

  /** `before`: what the look before has returned, or was saved of it. Never throws because of the files. */
  look(before: ReportedCounts | null, nowMs: number): Looked {
    try {
      if (!this.#store.exists) {
        // whatever comes is new
        this.#first = false;
        return { look: { conditions: [], unjudged: [] }, counts: before, trouble: '' };
      }
      const counts = this.#read(before, nowMs);
      const reports = [...this.#files.values()].filter((one) => one !== null);
      const week = weekOf(reports, nowMs);
      return { look: reportedLook(reports, nowMs), counts: { ...counts, week }, trouble: '' };
    } catch (error) {
      if (codeOf(error) === '') throw error;
      return {
        look: { conditions: [], unjudged: ['reported-failures'] },
        counts: before,
        trouble: `${this.#store.folder}: ${codeOf(error)}`,
      };
    }
  }

  #read(before: ReportedCounts | null, nowMs: number): Omit<ReportedCounts, 'week'> {
    const counts = { ...NONE, ...before, throughMs: nowMs };
    const since = addDays(dayOf(nowMs), -KEPT_DAYS - 1);
    const files = new Map<string, ReportSummary | null>();
    for (const name of this.#store.names('')) {
      const known = this.#files.get(name);
      const recent = name.slice(0, 10) >= since;
      if (known !== undefined) {
        files.set(name, recent ? known : null);
        continue;
      }
      const madeAt = this.#madeAt(name);
      if (Math.abs(nowMs - madeAt) <= TICK_MS) continue;
      const isNew = this.#first ? before !== null && madeAt >= before.throughMs - TICK_MS : true;
      const report = isNew || recent ? this.#store.read(name) : null;
      const summary = report === null ? null : summaryOf(report);
      files.set(name, recent ? summary : null);
      if (summary === null) continue;
      if (isNew) {
        counts.reports++;
        counts.successful += summary.successful;
        counts.failed += summary.failed;
      }
      // one of a day that is yet to come says nothing of when the last came
      if (summary.endMs <= nowMs + 86_400_000 && summary.endMs > (counts.newestEndMs ?? 0))
        counts.newestEndMs = summary.endMs;
    }
    this.#files = files;
    this.#first = false;
    return counts;
  }

  #madeAt(name: string): number {
    return statSync(this.#store.path(name), { throwIfNoEntry: false })?.ctimeMs ?? 0;
  }
}
