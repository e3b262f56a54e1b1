/**
 * The times in a report: RFC 3339, and what reporters write instead. A time without a zone is UTC: a report is for a
 * UTC day (RFC 8460 section 4.1).
 */

interface Instant {
  /** ISO 8601 in UTC, whole seconds. */
  readonly time: string;
  /** What is not as RFC 8460 has it; ''. */
  readonly quirk: string;
}

const FORM =
  /^(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2}(?::\d{2})?)(\.\d{1,9})?[ ]?([Zz]|[+-]\d{2}:?\d{2})?(?: ?UTC)?)?$/;

/** null: it is no time. */
export function instantOf(text: string): Instant | null {
  const match = text.length > 60 ? null : FORM.exec(text.trim());
  if (match === null) return null;
  const [, day, clock = '00:00:00', fraction, zone] = match;
  const offset = zone === undefined || /^z$/i.test(zone) ? 'Z' : zone.replace(/^(...):?(..)$/, '$1:$2');
  // 24:00:00 is the end of the day
  const time = Date.parse(`${day}T${clock.length === 5 ? `${clock}:00` : clock}${offset}`);
  if (Number.isNaN(time)) return null;
  // 31 November is no day
  if (new Date(Date.parse(`${day}T00:00:00Z`)).toISOString().slice(0, 10) !== day) return null;
  const quirk =
    match[2] === undefined
      ? 'is a day without a time'
      : zone === undefined
        ? 'has no zone'
        : offset !== 'Z'
          ? 'is not in UTC'
          : fraction !== undefined
            ? 'has a fraction'
            : '';
  return { time: `${new Date(time).toISOString().slice(0, 19)}Z`, quirk };
}
