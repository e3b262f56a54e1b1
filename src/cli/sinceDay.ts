/** The option `--since`: a day, or a number of days. */
import { addDays } from '../archive/day.ts';
import { isDay } from '../archive/layout.ts';
import { quote } from '../config/ini/problem.ts';
import { UsageError } from './command.ts';

/** The first day, `2026-11-01`; `since` is a day up to `today`, or `30d`. Throws UsageError for anything else. */
export function firstDay(since: string, today: string): string {
  const days = /^([0-9]{1,5})d$/.exec(since)?.[1];
  if (days !== undefined) return addDays(today, -Number(days));
  if (isDay(since) && since <= today) return since;
  throw new UsageError(`--since: found ${quote(since)}, expected a day such as 2026-11-01, or 30d`);
}
