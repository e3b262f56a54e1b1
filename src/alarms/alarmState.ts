/**
 * The life of alarms, as a function: what was, what a look says, and the time, to what is and what is to be told.
 *
 *   bad for `for`                        the alarm fires: once
 *   still firing after `repeat`          people are told again
 *   good for the condition's own time    it is over: once; what lies between bad and good changes nothing
 *   unknown                              neither: it goes on without data, for a day at most
 *   another alarm explains it            it does not fire, and if it does already, it is not repeated
 *   quiet hours                          people are told at their end, of critical alarms at once
 *
 * Log, evidence and Alertmanager hear of it at once in any case. What was told is part of the state, so that a restart
 * in the middle neither tells it again nor forgets it.
 */
import {
  type AlarmFacts,
  COVERS,
  type Condition,
  INHIBITS,
  type Kind,
  type Look,
  repeatOf,
} from './condition.ts';

export interface Alarm extends AlarmFacts {
  /** `pending`: bad, but not for long enough; `over`: resolved, and people are yet to be told. */
  readonly phase: 'pending' | 'firing' | 'over';
  /** When the condition began; milliseconds since the epoch, as all times here. */
  readonly since: number;
  /** When it was bad first, as this process saw it. */
  readonly badSince: number;
  readonly firedAt: number | null;
  readonly goodSince: number | null;
  readonly noDataSince: number | null;
  /** The kind of the alarm that explains it; '' when none does. */
  readonly inhibitedBy: Kind | '';
  /** When people were told last; null: not yet. */
  readonly toldAt: number | null;
}

export interface Notice {
  readonly alarm: Alarm;
  /** `repeat` is for people only. */
  readonly state: 'firing' | 'repeat' | 'resolved';
  /** Log, evidence and Alertmanager, or mail and command. */
  readonly audience: 'machines' | 'people';
}

interface Timing {
  readonly forMs: number;
  readonly repeatMs: number;
  /** Is it a time at which people are told of critical alarms only? */
  readonly quiet: boolean;
}

/** An alarm without data ends after so long: nothing will be known any more. */
const NO_DATA_MS = 86_400_000;

interface Step {
  readonly alarms: readonly Alarm[];
  readonly notices: readonly Notice[];
}

/** Which alarm it is. */
function keyOf({ kind, subject }: Pick<AlarmFacts, 'kind' | 'subject'>): string {
  return `${kind} ${subject}`;
}

/** One look. */
export function step(before: readonly Alarm[], look: Look, now: number, timing: Timing): Step {
  const conditions = new Map(look.conditions.map((one) => [keyOf(one), one]));
  const known = new Map(before.map((alarm) => [keyOf(alarm), alarm]));
  const after: Alarm[] = [];
  const notices: Notice[] = [];
  for (const key of new Set([...known.keys(), ...conditions.keys()])) {
    const alarm = known.get(key);
    const condition = conditions.get(key);
    const level = condition?.level ?? (look.unjudged.includes(alarm!.kind) ? 'unknown' : 'good');
    const next =
      alarm === undefined || alarm.phase !== 'firing'
        ? begun(alarm, condition, level === 'bad', now)
        : goingOn(alarm, condition, level, now);
    if (next !== null) after.push(next);
  }
  const explained = explanations(after);
  const alarms = after.flatMap((alarm) => {
    const told = tell({ ...alarm, inhibitedBy: explained(alarm) }, now, timing);
    notices.push(...told.notices);
    return told.alarm === null ? [] : [told.alarm];
  });
  return { alarms, notices };
}

/** An alarm that does not fire yet, or was over. */
function begun(
  alarm: Alarm | undefined,
  condition: Condition | undefined,
  bad: boolean,
  now: number,
): Alarm | null {
  if (alarm?.phase === 'over' && !bad) return alarm;
  if (!bad || condition === undefined) return null;
  const again = alarm?.phase === 'over';
  return {
    ...factsOf(condition),
    // one that comes back before people were told that it was over has never been over for them
    phase: again ? 'firing' : 'pending',
    since: condition.since ?? alarm?.since ?? now,
    badSince: again ? now : (alarm?.badSince ?? now),
    firedAt: again ? now : null,
    goodSince: null,
    noDataSince: null,
    inhibitedBy: '',
    toldAt: alarm?.toldAt ?? null,
  };
}

function goingOn(
  alarm: Alarm,
  condition: Condition | undefined,
  level: Condition['level'],
  now: number,
): Alarm {
  const facts = condition !== undefined && level === 'bad' ? factsOf(condition) : {};
  const going = { ...alarm, ...facts, goodSince: null, noDataSince: null };
  if (level === 'unknown') return withoutData({ ...going, noDataSince: alarm.noDataSince ?? now }, now);
  if (level !== 'good') return going;
  const goodSince = alarm.goodSince ?? now;
  const clearMs = condition?.clearMs ?? 0;
  // two looks at least
  const over = alarm.goodSince !== null && now - goodSince >= clearMs;
  return { ...going, goodSince, phase: over ? 'over' : 'firing' };
}

function withoutData(alarm: Alarm, now: number): Alarm {
  return now - (alarm.noDataSince ?? now) >= NO_DATA_MS ? { ...alarm, phase: 'over' } : alarm;
}

function factsOf({ kind, subject, severity, summary, count, domains, advice }: AlarmFacts): AlarmFacts {
  return { kind, subject, severity, summary, count, domains, advice };
}

/** What explains an alarm: another one that is there, or is about to be. */
function explanations(alarms: readonly Alarm[]): (alarm: Alarm) => Kind | '' {
  const there = alarms.filter(({ phase }) => phase !== 'over');
  return ({ kind, subject }) =>
    there.find(
      (other) =>
        (INHIBITS[other.kind]?.includes(kind) ?? false) ||
        (other.subject === subject && (COVERS[other.kind]?.includes(kind) ?? false)),
    )?.kind ?? '';
}

/** Fires what has been bad for long enough, and says who is to be told what. null: it is over, and nobody is left. */
function tell(
  alarm: Alarm,
  now: number,
  { forMs, repeatMs, quiet }: Timing,
): { readonly alarm: Alarm | null; readonly notices: readonly Notice[] } {
  const notices: Notice[] = [];
  const add = (state: Notice['state'], audience: Notice['audience'], about: Alarm): void =>
    void notices.push({ alarm: about, state, audience });
  let next = alarm;
  if (next.phase === 'pending') {
    if (now - next.badSince < forMs || next.inhibitedBy !== '') return { alarm: next, notices };
    next = { ...next, phase: 'firing', firedAt: now };
    add('firing', 'machines', next);
  } else if (next.phase === 'firing' && next.firedAt === now) add('firing', 'machines', next);
  const held = quiet && next.severity !== 'critical';
  if (next.phase === 'firing') {
    const due = next.toldAt === null || now - next.toldAt >= repeatOf(next.kind, repeatMs);
    if (held || !due || next.inhibitedBy !== '') return { alarm: next, notices };
    const told = { ...next, toldAt: now };
    add(next.toldAt === null ? 'firing' : 'repeat', 'people', told);
    return { alarm: told, notices };
  }
  const ended = next.firedAt !== null;
  // the look that ended it: an alarm that waits for people has no time of firing any more
  if (ended) add('resolved', 'machines', next);
  next = { ...next, firedAt: null };
  if (next.toldAt === null) return { alarm: null, notices };
  if (held) return { alarm: next, notices };
  add('resolved', 'people', { ...next, firedAt: alarm.firedAt });
  return { alarm: null, notices };
}

/** Is it quiet at this minute of the local day? The end may be before the start. */
export function isQuiet(
  hours: { readonly from: number; readonly to: number } | null,
  minute: number,
): boolean {
  if (hours === null) return false;
  const { from, to } = hours;
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}
