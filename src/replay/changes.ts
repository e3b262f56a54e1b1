/**
 * What would be different, counted: messages per recipient, by partner, by what was answered and what would be, and by the
 * row that decides. Bounded: more groups than are told apart come together under the partner `others`.
 */
import { formatPosition } from '../core/position.ts';
import type { Finding } from '../core/verdict.ts';

/** In the order in which they are shown: by harm. */
export const KINDS = ['rejected', 'deferred', 'waits', 'held', 'accepted', 'observed'] as const;
export type Kind = (typeof KINDS)[number];
type Way = 'in' | 'out';

/** Groups of changes, and of what cannot be told; some 500 bytes each. */
const MAX_GROUPS = 10_000;
/** The partner of all that are not told apart. */
const OTHERS = 'others';

/** Some messages of a partner. */
export interface Group {
  readonly partner: string;
  readonly way: Way;
  /** What would be different; `unknown`: it cannot be told. */
  readonly kind: Kind | 'unknown';
  /** What was answered, and what would be: `accept`, `accept (would reject)`; for `unknown` empty. */
  readonly before: string;
  readonly after: string;
  /** The row of the candidate that decides, and `FILE:LINE`; '' without one. */
  readonly row: string;
  readonly at: string;
  /** What is not met, or why it cannot be told. */
  readonly why: string;
  count: number;
  first: string;
  last: string;
  /** Code or queue id of one of them, on this host. */
  readonly example: string;
  readonly host: string;
}

/** Counts of all messages of one way. */
export interface Totals {
  unchanged: number;
  changed: number;
  unknown: number;
}

/** Where something was counted; it can be taken back. */
export interface Counted {
  readonly total: keyof Totals;
  readonly way: Way;
  readonly group: Group | null;
  readonly count: number;
}

/** The message that is counted. */
export interface Message {
  readonly way: Way;
  readonly partner: string;
  readonly time: string;
  readonly example: string;
  readonly host: string;
}

export class Changes {
  readonly totals: Record<Way, Totals> = {
    in: { unchanged: 0, changed: 0, unknown: 0 },
    out: { unchanged: 0, changed: 0, unknown: 0 },
  };
  readonly #groups = new Map<string, Group>();

  unchanged(way: Way, count: number): Counted {
    return this.#count({ total: 'unchanged', way, group: null, count });
  }

  changed(
    message: Message,
    kind: Kind,
    before: string,
    after: string,
    decisive: Finding | null,
    count: number,
    why: string = decisive?.breach?.kind ?? '',
  ): Counted {
    const row = decisive?.row ?? null;
    const at = row === null ? '' : formatPosition(row.at);
    const group = this.#group(message, { kind, before, after, row: row?.pattern ?? '', at, why });
    return this.#count({ total: 'changed', way: message.way, group, count }, message.time);
  }

  unknown(message: Message, why: string, count: number): Counted {
    const group = this.#group(message, { kind: 'unknown', before: '', after: '', row: '', at: '', why });
    return this.#count({ total: 'unknown', way: message.way, group, count }, message.time);
  }

  #count(counted: Counted, time = ''): Counted {
    const { total, way, group, count } = counted;
    this.totals[way][total] += count;
    if (group !== null) {
      group.count += count;
      if (time < group.first) group.first = time;
      if (time > group.last) group.last = time;
    }
    return counted;
  }

  takeBack({ total, way, group, count }: Counted): void {
    this.totals[way][total] -= count;
    if (group !== null) group.count -= count;
  }

  #group(message: Message, of: Pick<Group, 'kind' | 'before' | 'after' | 'row' | 'at' | 'why'>): Group {
    const { way, time, example, host } = message;
    const keyOf = (partner: string): string =>
      `${way}\n${partner}\n${of.kind}\n${of.before}\n${of.after}\n${of.why}\n${of.at}\n${of.row}`;
    let { partner } = message;
    let key = keyOf(partner);
    if (!this.#groups.has(key) && this.#groups.size >= MAX_GROUPS) {
      partner = OTHERS;
      of = { ...of, row: '', at: '' };
      key = keyOf(partner);
    }
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = { partner, way, ...of, count: 0, first: time, last: time, example, host };
      this.#groups.set(key, group);
    }
    return group;
  }

  /** Changes, the most harmful first, then the most frequent. */
  get groups(): Group[] {
    const rank = (kind: Group['kind']): number => (kind === 'unknown' ? KINDS.length : KINDS.indexOf(kind));
    return [...this.#groups.values()]
      .filter(({ count }) => count > 0)
      .sort((a, b) => rank(a.kind) - rank(b.kind) || b.count - a.count || (a.partner < b.partner ? -1 : 1));
  }
}
