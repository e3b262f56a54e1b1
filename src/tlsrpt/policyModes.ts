/**
 * Which mode the MTA-STS policies of our domains have, as reports quote them. Pure.
 */
import type { ReportedPolicy } from './report.ts';

/** Domains, and modes of one. */
const MAX_DOMAINS = 1000;
const MAX_MODES = 5;
/** Lines of a policy that are looked at. */
const MAX_LINES = 100;

/** A UTC day, `2026-11-30`. */
type Day = string;

/**
 * The mode of the MTA-STS policy of a domain of ours that is quoted last: of several on one day, the one that was first
 * quoted last, because senders keep an old policy for its max_age.
 */
export interface ReportedMode {
  readonly domain: string;
  /** `enforce`, `testing`, `none`, or another word. */
  readonly mode: string;
  readonly first: Day;
  readonly last: Day;
  readonly reporters: number;
  /** Sessions of reports that quote this mode. */
  readonly successful: number;
  readonly failed: number;
}

interface OpenMode {
  readonly mode: string;
  readonly first: Day;
  last: Day;
  readonly reporters: Set<string>;
  successful: number;
  failed: number;
}

export class PolicyModes {
  readonly #domains = new Map<string, OpenMode[]>();

  /** Days come in their order. */
  take({ domain, type, strings, successful, failed }: ReportedPolicy, reporter: string, day: Day): void {
    const mode = type === 'sts' ? modeOf(strings) : '';
    if (mode === '') return;
    const all = this.#domains.get(domain) ?? [];
    if (all.length === 0 && this.#domains.size >= MAX_DOMAINS) return;
    let one = all.find((other) => other.mode === mode);
    if (one === undefined) {
      if (all.length >= MAX_MODES) return;
      one = { mode, first: day, last: day, reporters: new Set(), successful: 0, failed: 0 };
      this.#domains.set(domain, [...all, one]);
    }
    one.last = day;
    one.reporters.add(reporter);
    one.successful += successful;
    one.failed += failed;
  }

  /** By the name of the domain. */
  result(): ReportedMode[] {
    return [...this.#domains]
      .map(([domain, all]) => {
        const newest = all.reduce((a, b) =>
          b.last > a.last || (b.last === a.last && b.first > a.first) ? b : a,
        );
        return { domain, ...newest, reporters: newest.reporters.size };
      })
      .sort((a, b) => (a.domain < b.domain ? -1 : 1));
  }
}

/** The `mode` of an MTA-STS policy (RFC 8461 section 3.2), given as its lines or as one text; ''. */
function modeOf(strings: readonly string[]): string {
  for (const line of strings.flatMap((text) => text.split(/[\r\n;]|\\n/)).slice(0, MAX_LINES)) {
    const [name = '', value = ''] = line.split(':', 2);
    if (name.trim().toLowerCase() === 'mode') return value.trim().toLowerCase().slice(0, 40);
  }
  return '';
}
