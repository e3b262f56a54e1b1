/**
 * What fires, from the file in which `tlsward alarms run` keeps it (src/alarms/run/stateFile.ts): the daemon shows it on
 * the live page and counts it in the metrics. The file is another process's; it is read without holding the main
 * thread, up to 1 MiB, again only when it has changed. A file that cannot be read says nothing.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { escapeText } from '../core/escape.ts';

const MAX_BYTES = 1024 * 1024;
const MAX_ALARMS = 1000;

interface FiringAlarms {
  /** When somebody looked last; milliseconds since the epoch. */
  readonly lookedAtMs: number;
  readonly firing: readonly {
    readonly kind: string;
    readonly subject: string;
    /** ISO 8601. */
    readonly since: string;
    readonly text: string;
  }[];
  /** What was counted of the reports of others; null: none was ever kept. Times are milliseconds since the epoch. */
  readonly reported: {
    readonly reports: number;
    readonly successful: number;
    readonly failed: number;
    readonly newestEndMs: number | null;
    readonly week: { readonly reporters: number; readonly successful: number; readonly failed: number };
  } | null;
}

export class AlarmFile {
  #path = '';
  #version = '';
  #read: FiringAlarms | null = null;

  /** null: nobody looks, as far as the file tells. Never rejects. */
  async look(path: string): Promise<FiringAlarms | null> {
    try {
      const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      try {
        const { size, mtimeMs, ino } = await file.stat();
        const version = `${ino} ${size} ${mtimeMs}`;
        if (path === this.#path && version === this.#version) return this.#read;
        this.#read = size > MAX_BYTES ? null : parsed((await file.readFile()).toString('utf8'));
        this.#path = path;
        this.#version = version;
      } finally {
        await file.close();
      }
    } catch {
      this.#read = null;
      this.#version = '';
    }
    return this.#read;
  }
}

function parsed(text: string): FiringAlarms | null {
  const value = JSON.parse(text) as { v?: unknown; lookedAt?: unknown; alarms?: unknown; reported?: unknown };
  const { v, lookedAt, alarms } = value;
  if (v !== 1 || typeof lookedAt !== 'number' || !Array.isArray(alarms)) return null;
  const firing = (alarms as Readonly<Record<string, unknown>>[]).filter(({ phase }) => phase === 'firing');
  return {
    lookedAtMs: lookedAt,
    firing: firing.slice(0, MAX_ALARMS).map(({ kind, subject, since, summary }) => ({
      kind: escapeText(String(kind), 40),
      subject: escapeText(String(subject)),
      since: new Date(Number(since)).toISOString(),
      text: escapeText(String(summary), 1000),
    })),
    reported: reportedOf(value.reported),
  };
}

/** null also for what an earlier release, or another program, has put there. */
function reportedOf(value: unknown): FiringAlarms['reported'] {
  const { reports, successful, failed, newestEndMs, week } = objectOf(value);
  const { reporters, successful: good, failed: bad } = objectOf(week);
  const numbers = [reports, successful, failed, reporters, good, bad];
  if (!numbers.every((one) => typeof one === 'number' && Number.isFinite(one))) return null;
  return {
    ...{ reports: Number(reports), successful: Number(successful), failed: Number(failed) },
    newestEndMs: typeof newestEndMs === 'number' && Number.isFinite(newestEndMs) ? newestEndMs : null,
    week: { reporters: Number(reporters), successful: Number(good), failed: Number(bad) },
  };
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
