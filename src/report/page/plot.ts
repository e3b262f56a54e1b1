/**
 * Plots as SVG: a stacked bar a day with what did not travel below it on a scale of its own, and a small one
 * for a row of a table. Each says in words what it shows; the same figures stand in a table beside or below
 * it.
 */
import { LEVELS, type WayCounts } from '../report.ts';
import { counted, LEVEL_WORDS, number, shortDay, sum } from '../words.ts';
import { namedDays, type Slots, scaleOf, scaleWords, slotsOf } from './chart.ts';
import { Html, html } from './markup.ts';

const LEFT = 52;
const WIDTH = 596;
const RIGHT = LEFT + WIDTH;
/** Top and bottom of the bars, top and bottom of the strip. */
const [TOP, BOTTOM, STRIP_TOP, STRIP] = [24, 210, 274, 304] as const;
const MARK_ROOM = 64;
/** Bars of a small plot. */
const MOST_BARS = 90;

type DayCounts = WayCounts & { readonly day: string };

interface Plot {
  readonly id: string;
  /** `Inbound messages a day by TLS level`. */
  readonly title: string;
  readonly days: readonly DayCounts[];
  /** What did not travel, in the strip: its name and its count on a day. */
  readonly apart: { readonly name: string; readonly of: (day: DayCounts) => number };
  /** Notes above days: by the index of the day. */
  readonly notes: ReadonlyMap<number, string>;
}

export function plot(it: Plot): Html {
  const { days } = it;
  const totals = days.map((one) => sum(one.travelled));
  const apart = days.map((one) => it.apart.of(one));
  const most = { total: largest(totals), apart: largest(apart) };
  const scale = scaleOf(totals[most.total] ?? 0);
  const slots = slotsOf(days.length, LEFT, WIDTH);
  const strip = (apart[most.apart] ?? 0) > 0;
  const height = strip ? STRIP + 4 : 240;
  const y = (count: number) => BOTTOM - (count / scale.top) * (BOTTOM - TOP);
  const isGap = (at: number) => it.notes.get(at) === 'gap' && totals[at] === 0 && apart[at] === 0;
  const words = (at: number) =>
    isGap(at)
      ? `${shortDay(days[at]!.day)}: a gap in the records`
      : `${shortDay(days[at]!.day)}: ${counted(totals[at]!, 'message')}; ${LEVELS.map((level) => `${LEVEL_WORDS[level]} ${number(days[at]!.travelled[level])}`).join(', ')}; ${it.apart.name} ${number(apart[at]!)}`;
  return html`<svg class="plot" viewBox="0 0 648 ${height}" role="img" aria-labelledby="${it.id}-t ${it.id}-d">
<title id="${it.id}-t">${it.title}</title>
<desc id="${it.id}-d">${described(it, totals, apart, most)}</desc>
${scale.marks.map((mark) => html`<path class="${mark === 0 ? 'axis' : 'grid'}" d="M${LEFT} ${px(y(mark))}H${RIGHT}"/><text x="${LEFT - 8}" y="${px(y(mark) + 4)}" text-anchor="end">${scaleWords(mark)}</text>`)}
${notes(it.notes, slots, (at) => y(totals[at] ?? 0))}
${stacks(days, slots, y)}
<path class="axis" d="M${LEFT} ${BOTTOM}H${RIGHT}"/>
${namedDays(
  days.map((one) => one.day),
  slots.room,
).map(({ at, name }) => {
  const x = px(middle(slots, at));
  return html`<path class="axis" d="M${x} ${BOTTOM}v5"/><text x="${x}" y="${BOTTOM + 23}" text-anchor="middle">${name}</text>`;
})}
${strip && stripOf(apart, slots, apart[most.apart]!, it.apart.name)}
${days.map((_, at) => html`<rect class="hover" x="${px(slots.left + at * slots.room)}" y="${TOP}" width="${px(slots.room)}" height="${(strip ? STRIP : BOTTOM) - TOP}"><title>${words(at)}</title></rect>`)}
</svg>`;
}

/** One path a level; the weakest lies lowest. */
function stacks(days: readonly DayCounts[], slots: Slots, y: (count: number) => number): Html {
  const below = days.map(() => 0);
  const paths = [...LEVELS].reverse().map((level) => {
    const bars = days.map((one, at) => {
      const count = one.travelled[level];
      const [from, to] = [below[at]!, below[at]! + count];
      below[at] = to;
      return count === 0 ? '' : bar(slots, at, y(to), y(from));
    });
    return html`<path class="${level}" d="${new Html(bars.join(''))}"/>`;
  });
  return html`${paths}`;
}

function stripOf(counts: readonly number[], slots: Slots, most: number, name: string): Html {
  const bars = counts.map((count, at) =>
    count === 0 ? '' : bar(slots, at, STRIP - Math.max(1, (count / most) * (STRIP - STRIP_TOP)), STRIP),
  );
  return html`<text class="name" x="${LEFT}" y="${STRIP_TOP - 8}">${name}, own scale</text><text x="${LEFT - 8}" y="${STRIP_TOP + 6}" text-anchor="end">${scaleWords(most)}</text>
<path class="apart" d="${new Html(bars.join(''))}"/><path class="axis" d="M${LEFT} ${STRIP}H${RIGHT}"/>`;
}

/** Days next to each other with the same note are one: a ground behind them, and the note once. */
function notes(all: ReadonlyMap<number, string>, slots: Slots, y: (at: number) => number): Html {
  const runs: { readonly from: number; to: number; readonly text: string }[] = [];
  for (const [at, text] of [...all].sort(([a], [b]) => a - b)) {
    const last = runs.at(-1);
    if (last?.to === at - 1 && last.text === text) last.to = at;
    else runs.push({ from: at, to: at, text });
  }
  let free = Number.NEGATIVE_INFINITY;
  const drawn = runs.map(({ from, to, text }) => {
    const x = (middle(slots, from) + middle(slots, to)) / 2;
    const room = x - free >= MARK_ROOM;
    if (room) free = x;
    const anchor = x < LEFT + 40 ? 'start' : x > RIGHT - 40 ? 'end' : 'middle';
    const name = room && html`<text class="name" x="${px(x)}" y="10" text-anchor="${anchor}">${text}</text>`;
    if (from === to)
      return html`<path class="mark" d="M${px(x)} 14V${px(Math.max(18, y(from) - 3))}"/>${name}`;
    const [left, right] = [from, to + 1].map((edge) => slots.left + edge * slots.room) as [number, number];
    return html`<path class="away" d="M${px(left)} 16H${px(right)}V${BOTTOM}H${px(left)}z"/><path class="mark" d="M${px(left)} 16H${px(right)}"/>${name}`;
  });
  return html`${drawn}`;
}

function described(
  it: Plot,
  totals: readonly number[],
  apart: readonly number[],
  most: { readonly total: number; readonly apart: number },
): string {
  const at = (index: number) => shortDay(it.days[index]?.day ?? '');
  const busiest = `Most on ${at(most.total)}: ${number(totals[most.total] ?? 0)}.`;
  const hit = apart.filter((count) => count > 0).length;
  const name = it.apart.name.toLowerCase();
  const rest =
    hit === 0
      ? `None ${name}.`
      : `Below, on its own scale: ${name}, on ${counted(hit, 'day')}, at most ${number(apart[most.apart]!)} on ${at(most.apart)}.`;
  return `One stacked bar a day, ${counted(it.days.length, 'day')}. ${busiest} ${rest} The numbers are in the table below.`;
}

/**
 * What was not kept, by day: `counts` for each day of the report. More days than can be told apart share a bar, which is
 * as high as the largest of them. The words are the name of the picture.
 */
export function spark(counts: readonly number[], words: string): Html {
  const together = Math.ceil(counts.length / MOST_BARS);
  const bars = Array.from({ length: Math.ceil(counts.length / together) }, (_, i) =>
    Math.max(...counts.slice(i * together, (i + 1) * together)),
  );
  const most = Math.max(1, ...bars);
  const steps = bars.map((count) => {
    const top = count === 0 ? 18 : 18 - Math.max(2, (count / most) * 17);
    return `V${px(top)}h${px((90 * together) / counts.length)}`;
  });
  return html`<svg class="spark" viewBox="0 0 90 20" preserveAspectRatio="none" role="img" aria-label="${words}"><path d="M0 18${new Html(steps.join(''))}V18z"/><path class="axis" d="M0 18.5H90"/></svg>`;
}

/** Patterns that the levels are filled with; once a page. */
export const PATTERNS = new Html(`<svg class="patterns" aria-hidden="true"><defs>
<pattern id="lined" width="4" height="4" patternUnits="userSpaceOnUse"><path class="lined-ground" d="M0 0h4v4H0z"/><path class="lined-line" d="M0 2h4"/></pattern>
<pattern id="hatched" width="4" height="4" patternUnits="userSpaceOnUse"><path class="hatched-ground" d="M0 0h4v4H0z"/><path class="hatched-line" d="M-1 1l2-2M0 4l4-4M3 5l2-2"/></pattern>
<pattern id="dotted" width="3" height="3" patternUnits="userSpaceOnUse"><path class="dotted-ground" d="M0 0h3v3H0z"/><circle class="dotted-dot" cx="1.5" cy="1.5" r=".9"/></pattern>
</defs></svg>`);

/** What a level looks like, beside its name. */
export function swatch(level: string): Html {
  return html`<svg class="swatch" viewBox="0 0 14 10" aria-hidden="true"><path class="${level}" d="M0 0h14v10H0z"/></svg>`;
}

function bar(slots: Slots, at: number, top: number, bottom: number): string {
  const x = slots.left + at * slots.room + (slots.room - slots.bar) / 2;
  return `M${px(x)} ${px(bottom)}V${px(top)}h${px(slots.bar)}V${px(bottom)}z`;
}

function middle(slots: Slots, at: number): number {
  return slots.left + (at + 0.5) * slots.room;
}

function px(n: number): string {
  return String(Math.round(n * 100) / 100);
}

function largest(counts: readonly number[]): number {
  return counts.reduce((best, count, at) => (count > (counts[best] ?? 0) ? at : best), 0);
}
