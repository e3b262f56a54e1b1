/**
 * Why it may not be told whether a message with an address was there: records that have only its domain
 * (`privacy = domains`), or pseudonyms under the key of a month that was deleted or cannot be read.
 */
import { escapeText } from '../core/escape.ts';
import type { Asked } from './asked.ts';
import type { Evidence, Found, Place, Range } from './places.ts';
import { hasKey, type Key } from './recordKeys.ts';

/** Records of the domain that are looked at in a month without key. */
const MAX_LOOKED_AT = 200;

/** Sentences without a full stop; none: it can be told. */
export function whyUntold(evidence: Evidence, asked: Asked, range: Range): string[] {
  const said: string[] = [];
  const { unreadable } = evidence.trouble;
  if (unreadable > 0)
    said.push(`${unreadable} lines that may be about it are no records; tlsward evidence verify says more`);
  if (!asked.hidden) return said;
  const only = first(
    evidence,
    [
      { kind: 'address', text: `@${asked.domain}` },
      { kind: 'messageId', text: `@${asked.domain}` },
    ],
    range,
  );
  if (only !== null)
    said.push(
      `the records of ${shown(asked.domain)} from ${only.day} on have no local parts (privacy = domains): whether this one is among them cannot be told`,
    );
  for (const place of evidence.places) {
    const months = monthsWithoutKey(evidence, place, asked.domain, range);
    const why = place.keyTrouble === '' ? 'was deleted' : `cannot be read (${place.keyTrouble})`;
    for (const month of months)
      said.push(
        `the key of ${month} ${why}: pseudonyms of that month in ${shown(place.directory)} cannot be compared`,
      );
  }
  return said;
}

const shown = (text: string): string => escapeText(text, 300);

function first(evidence: Evidence, keys: readonly Key[], range: Range): Found | null {
  for (const found of evidence.find(() => keys, range)) return found;
  return null;
}

/** Months of which there are pseudonyms of that domain, and no key. */
function monthsWithoutKey(evidence: Evidence, place: Place, domain: string, range: Range): string[] {
  const days = place.streams
    .flatMap((stream) => stream.days)
    .filter((day) => day >= range.from && day <= range.to);
  const months = new Set(days.map((day) => day.slice(0, 7)));
  for (const { month } of place.keys) months.delete(month);
  const key: Key = { kind: 'domain', text: domain };
  return [...months].sort().filter((month) => {
    const within = {
      from: `${month}-01` > range.from ? `${month}-01` : range.from,
      to: `${month}-31` < range.to ? `${month}-31` : range.to,
    };
    let left = MAX_LOOKED_AT;
    for (const { record } of evidence.find((one) => (one === place ? [key] : []), within)) {
      if (hasKey(record, key) && JSON.stringify(record).includes(`"h:${month}:`)) return true;
      if (--left === 0) return false;
    }
    return false;
  });
}
