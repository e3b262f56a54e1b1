/**
 * What became of the reports of a day, from the lines of its log. Pure.
 *
 * `sending` stands on the disk before a report is handed over: after a crash nobody knows whether it was, and it is not
 * handed over again. So a report reaches an address at most once, and a crash at that moment costs one.
 */
import { MAX_TRIES, nextTryAt } from './schedule.ts';

/** Of one destination of a report: `taken` by the mail server or the host, not taken, or nobody knows. */
type DestinationState = 'sending' | 'taken' | 'refused' | 'unknown';
/** Of the report: where it goes is not known yet; nobody wants it; over. */
type ReportState = 'later' | 'none' | 'done' | 'given-up';

export interface SentLine {
  /** ISO 8601. */
  readonly at: string;
  readonly domain: string;
  /** URI of the destination; '' of the report. */
  readonly to: string;
  readonly state: DestinationState | ReportState;
  /** In words; ''. */
  readonly why: string;
}

interface Destined {
  readonly state: DestinationState;
  readonly tries: number;
}

interface Sent {
  /** Nothing more is to be done. */
  over: ReportState | null;
  readonly to: Map<string, Destined>;
  /** Attempts to find out where it goes. */
  later: number;
  lastMs: number;
}

export class SentLog {
  readonly #domains = new Map<string, Sent>();
  readonly #sentTo = new Map<string, number>();

  add({ at, domain, to, state }: SentLine): void {
    const known = this.#domains.get(domain) ?? { over: null, to: new Map(), later: 0, lastMs: 0 };
    this.#domains.set(domain, known);
    known.lastMs = Date.parse(at);
    switch (state) {
      case 'later':
        known.later++;
        return;
      case 'none':
      case 'done':
      case 'given-up':
        known.over = state;
        return;
      default: {
        if (state === 'sending') this.#sentTo.set(to, this.countTo(to) + 1);
        const tries = (known.to.get(to)?.tries ?? 0) + (state === 'sending' ? 1 : 0);
        known.to.set(to, { state, tries });
      }
    }
  }

  isOver(domain: string): boolean {
    return this.#domains.get(domain)?.over != null;
  }

  /** May it be tried now? */
  isDue(domain: string, nowMs: number): boolean {
    const known = this.#domains.get(domain);
    if (known === undefined) return true;
    if (known.over !== null) return false;
    const tries = Math.max(known.later, ...[...known.to.values()].map((one) => one.tries));
    // a clock that was set back makes nothing wait for longer than a try does
    return tries === 0 || nowMs >= nextTryAt(known.lastMs, tries) || nowMs < known.lastMs;
  }

  /** May the report still be handed over to this destination? */
  isOpen(domain: string, to: string): boolean {
    const known = this.#domains.get(domain)?.to.get(to);
    return known === undefined || (known.state === 'refused' && known.tries < MAX_TRIES);
  }

  /** Reports that were begun to be sent there, of all domains. */
  countTo(to: string): number {
    return this.#sentTo.get(to) ?? 0;
  }

  /** How often it was tried to find out where it goes. */
  laterOf(domain: string): number {
    return this.#domains.get(domain)?.later ?? 0;
  }

  /** Destinations by their states. */
  destinationsOf(domain: string): readonly { readonly to: string; readonly state: DestinationState }[] {
    return [...(this.#domains.get(domain)?.to ?? [])].map(([to, { state }]) => ({ to, state }));
  }
}

const STATES: readonly string[] = [
  'sending',
  'taken',
  'refused',
  'unknown',
  'later',
  'none',
  'done',
  'given-up',
] satisfies readonly SentLine['state'][];

/** null: it is none, such as the end of a line that a crash cut off. */
export function parseSentLine(text: string): SentLine | null {
  let value: unknown;
  try {
    value = JSON.parse(text.slice(0, 16_384));
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { at, domain, to, state, why } = value as Partial<Record<keyof SentLine, unknown>>;
  if (typeof at !== 'string' || Number.isNaN(Date.parse(at)) || typeof domain !== 'string') return null;
  if (typeof to !== 'string' || typeof state !== 'string' || !STATES.includes(state)) return null;
  return { at, domain, to, state: state as SentLine['state'], why: typeof why === 'string' ? why : '' };
}
