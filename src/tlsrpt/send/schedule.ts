/**
 * When a report is due. Pure. A day is over at 00:00 UTC; its reports go out spread over some hours from half an hour later
 * on, each domain at a time of its own, which differs from host to host and from day to day (RFC 8460 section 4.1).
 */
import { createHash } from 'node:crypto';

/** For the collector to write the last lines of the day. */
const FIRST_MS = 1_800_000;
const DAY_MS = 86_400_000;
/** What was not sent by then is given up: two days after the day. */
const KEEP_MS = 2 * DAY_MS;
const FIRST_RETRY_MS = 900_000;
const LAST_RETRY_MS = 4 * 3_600_000;
/** Attempts at one destination, and at finding out where a report goes. */
export const MAX_TRIES = 5;

/** `spreadMs`: 0 when it is due at once. Milliseconds since the epoch. */
export function dueAt(day: string, domain: string, host: string, spreadMs: number): number {
  if (spreadMs === 0) return endOf(day);
  const hash = createHash('sha256').update(`${host}\n${day}\n${domain}`).digest().readUIntBE(0, 6);
  return endOf(day) + FIRST_MS + Math.floor((hash / 2 ** 48) * spreadMs);
}

/** When a day may be counted. */
export function countableAt(day: string, spreadMs: number): number {
  return endOf(day) + (spreadMs === 0 ? 0 : FIRST_MS);
}

export function expiresAt(day: string): number {
  return endOf(day) + KEEP_MS;
}

/** `tries`: how many have failed, 1 or more. */
export function nextTryAt(lastMs: number, tries: number): number {
  return lastMs + Math.min(FIRST_RETRY_MS * 2 ** Math.min(tries - 1, 10), LAST_RETRY_MS);
}

function endOf(day: string): number {
  return Date.parse(`${day}T00:00:00Z`) + DAY_MS;
}
