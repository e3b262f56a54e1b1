/**
 * What the records of the collector add to groups of waiting mail: the MTA's log says more of a certificate than its
 * queue does. The newest delivery to the same domain that failed with the same words, since the oldest message came;
 * most messages of a group were not tried themselves after one to the same server failed.
 */
import { addDays, dayOf } from '../archive/day.ts';
import type { Group } from '../queue/groups.ts';
import { waitCause } from '../queue/waitCause.ts';
import { Evidence, type Place } from '../trace/places.ts';
import type { Key } from '../trace/recordKeys.ts';

/** Groups that are looked up, and days: mail waits five days by default. */
const MAX_GROUPS = 50;
const MAX_DAYS = 6;

interface Newest {
  readonly time: string;
  readonly cause: string;
}

/** `now`: milliseconds since the epoch. Throws the error of the system when records cannot be read. */
export function withRecords(
  groups: readonly Group[],
  places: readonly Place[],
  sendmail: boolean,
  now: number,
): readonly Group[] {
  const asked = groups.filter(({ tls }) => tls).slice(0, MAX_GROUPS);
  if (asked.length === 0 || places.length === 0) return groups;
  const keys = [...new Set(asked.map(({ domain }) => domain))].map((text): Key => ({ kind: 'domain', text }));
  const today = dayOf(now);
  const oldest = dayOf(Math.min(...asked.map((group) => group.oldest)));
  const least = addDays(today, 1 - MAX_DAYS);
  const newest = new Map<Group, Newest>();
  const range = { from: [oldest, least].sort()[1]!, to: today };
  for (const { record } of new Evidence(places, today).find(() => keys, range)) {
    if (record.type !== 'delivery' || record.outcome !== 'deferred' || record.tls.why === undefined) continue;
    const { reply = '', tls, recipientDomain, time } = record;
    const more = waitCause(reply, sendmail, tls.why);
    const words = waitCause(reply, sendmail).cause;
    if (!more.tls || more.cause === words) continue;
    for (const group of asked) {
      if (group.domain !== recipientDomain || group.cause !== words || Date.parse(time) < group.oldest - 1000)
        continue;
      if ((newest.get(group)?.time ?? '') <= time) newest.set(group, { time, cause: more.cause });
    }
  }
  return groups.map((group) => {
    const found = newest.get(group);
    return found === undefined ? group : { ...group, cause: found.cause };
  });
}
