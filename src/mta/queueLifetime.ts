/** How long an MTA tries to deliver a message, as its configuration says it. Pure. */
import type { SendmailConfig } from './sendmailCf.ts';

const UNITS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};
const MOST_MS = 366 * 86_400_000;

/**
 * `5d`; a number without a unit is days, as for maximal_queue_lifetime (postconf(5)) and Timeout.queuereturn (Sendmail
 * doc/op). In milliseconds; null: it cannot be told.
 */
export function lifetimeOf(text: string): number | null {
  const [, number = '', unit = ''] = /^([0-9]{1,9})([smhdw]?)$/i.exec(text.trim()) ?? [];
  const ms = number === '' ? 0 : Number(number) * (UNITS[unit.toLowerCase() || 'd'] ?? 0);
  return ms > 0 && ms <= MOST_MS ? ms : null;
}

export function sendmailLifetime({ options }: SendmailConfig): number | null {
  return lifetimeOf(options.get('timeout.queuereturn') ?? '');
}
