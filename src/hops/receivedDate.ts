/**
 * Dates in Received fields (RFC 5322 sections 3.3 and 4.3), parsed from words.
 *
 *   [day-name ","] day month year hour ":" minute [":" second] [zone]
 *
 * The zone is `+hhmm`, `-hhmm`, `GMT`, `UT`, `UTC`, `Z` or one of the American names; without one, or with an
 * unknown name, the time is read as UTC, as RFC 5322 section 4.3 says. Two- and three-digit years are the
 * obsolete forms. A day that the month does not have makes the date invalid, and so does a year before 1970.
 * Text after the zone is ignored.
 */

const MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const ZONES: Readonly<Record<string, number>> = {
  gmt: 0,
  ut: 0,
  utc: 0,
  z: 0,
  est: -5,
  edt: -4,
  cst: -6,
  cdt: -5,
  mst: -7,
  mdt: -6,
  pst: -8,
  pdt: -7,
};

/** Minutes east of Greenwich. */
function zoneMinutes(zone: string | undefined): number {
  const offset = /^([+-])([0-9]{2})([0-9]{2})$/.exec(zone ?? '');
  if (offset === null) return (ZONES[(zone ?? '').toLowerCase()] ?? 0) * 60;
  return (offset[1] === '-' ? -1 : 1) * (Number(offset[2]) * 60 + Number(offset[3]));
}

function fullYear(text: string): number {
  const year = Number(text);
  if (text.length >= 4) return year;
  if (text.length === 3) return 1900 + year;
  return year < 50 ? 2000 + year : 1900 + year;
}

/** Milliseconds since 1970 of the date that begins at `words[at]`, or null when none does. */
export function dateFromWords(words: readonly string[], at: number): number | null {
  let i = at;
  if (/^[A-Za-z]{3,9},?$/.test(words[i] ?? '')) i++;
  else if (/^[A-Za-z]{3},[0-9]{1,2}$/.test(words[i] ?? ''))
    return dateFromWords([words[i]!.slice(4), ...words.slice(i + 1, i + 5)], 0);
  const [day, monthName, year, time, zone] = words.slice(i, i + 5);
  if (day === undefined || monthName === undefined || year === undefined || time === undefined) return null;
  const month = MONTHS.indexOf(monthName.slice(0, 3).toLowerCase());
  const clock = /^([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]{1,9})?)?$/.exec(time);
  if (!/^[0-9]{1,2}$/.test(day) || month < 0 || !/^[0-9]{2,4}$/.test(year) || clock === null) return null;
  const [hour, minute, second] = [Number(clock[1]), Number(clock[2]), Number(clock[3] ?? 0)];
  if (hour > 23 || minute > 59 || second > 60 || fullYear(year) < 1970) return null;
  const local = new Date(Date.UTC(fullYear(year), month, Number(day), hour, minute, second));
  if (second < 60 && (local.getUTCDate() !== Number(day) || local.getUTCMonth() !== month)) return null;
  return local.getTime() - zoneMinutes(zone) * 60_000;
}
