/**
 * The `[alarms]` section to typed settings: defaults go through the same parsers, as those of `[service]` do.
 */
import { Invalid, type Report } from '../ini/problem.ts';
import { positionOf, type Section, whereOf } from '../ini/section.ts';
import { ALARM_KEYS } from './alarmKeys.ts';
import type { AlarmSettings } from './alarmSettings.ts';
import { readAll, type TypedKey } from './key.ts';
import { checkSection } from './schema.ts';

/** Reads the section; mistakes are reported and replaced by defaults. `evidence`: is any kept? */
export function readAlarms(section: Section, evidence: boolean, report: Report): AlarmSettings {
  const entries = checkSection(section, report);
  const settings = readAll<AlarmSettings>(ALARM_KEYS, (field) => {
    const { key, default: standard, parse }: TypedKey<AlarmSettings[typeof field]> = ALARM_KEYS[field];
    const entry = entries.get(key);
    const value = parse(entry?.value ?? standard);
    if (!(value instanceof Invalid)) return value;
    if (entry !== undefined) report.problem(positionOf(section, entry), whereOf(section, key), value);
    const fallback = entry === undefined ? value : parse(standard);
    if (fallback instanceof Invalid)
      throw new Error(`the default of ${key} is wrong: expected ${fallback.expected}`);
    return fallback;
  });
  const first = section.entries[0];
  if (first !== undefined && !evidence)
    report.notice(
      'suspect',
      section,
      whereOf(section),
      'without evidence there are alarms of the daemon itself only, and none of partners',
    );
  return settings;
}
