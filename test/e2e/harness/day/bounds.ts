/**
 * Between which numbers the shares of a report must be after a day on which everything was killed: a reply that nobody heard
 * may be recorded, and what was about to be written when its writer died may not be. Counted from what clients heard and
 * receivers saw.
 */
import type { Trouble } from './chaos.ts';
import { byRow, type Try } from './clients.ts';
import type { MayMiss } from './count.ts';
import type { JsonReport } from './figures.ts';
import type { Attempt } from './receivers.ts';
import type { Gap } from './records.ts';

const LEVELS = ['tls13', 'tls12', 'older', 'plain'] as const;

interface Bounds {
  least: number;
  most: number;
}

const levelOf = (protocol: string | null): string =>
  protocol === null ? 'plain' : protocol === 'TLSv1.3' ? 'tls13' : protocol === 'TLSv1.2' ? 'tls12' : 'older';

class Shares {
  readonly #bounds = new Map<string, Bounds>();

  add(figure: string, least: number, most = least): void {
    const known = this.#bounds.get(figure) ?? { least: 0, most: 0 };
    this.#bounds.set(figure, { least: known.least + least, most: known.most + most });
  }

  of(figure: string): Bounds {
    return this.#bounds.get(figure) ?? { least: 0, most: 0 };
  }
}

/** What is outside of its bounds, in words, and how wide these are together. */
export function outsideBounds(
  { share }: JsonReport,
  tries: readonly Try[],
  attempts: readonly Attempt[],
  gaps: readonly Gap[],
  troubles: readonly Trouble[],
  mayMiss: MayMiss,
): { readonly wrong: string[]; readonly width: number; readonly sum: number } {
  const shares = new Shares();
  for (const one of tries) came(shares, one, gaps, troubles);
  left(shares, attempts, mayMiss);
  const wrong: string[] = [];
  let width = 0;
  let sum = 0;
  const compare = (figure: string, found: number, slack = 0): void => {
    const { least, most } = shares.of(figure);
    width += most - least;
    sum += found;
    if (found < least - slack || found > most)
      wrong.push(`${figure}: ${found}, not ${least - slack} to ${most}`);
  };
  const { in: inbound, out } = share as Record<'in' | 'out', JsonReport['share'][string]>;
  for (const level of LEVELS) {
    compare(`in ${level}`, inbound.travelled[level] ?? 0);
    // the TLS of some may not be known
    compare(`out ${level}`, out.travelled[level] ?? 0, out.travelled.unknown);
  }
  compare('in refused', inbound.refused);
  compare('out other', out.otherFailed);
  const travelled = Object.values(out.travelled).reduce((all, count) => all + count, 0);
  compare('out', travelled);
  return { wrong, width, sum };
}

function came(
  shares: Shares,
  { protocol, rcpt, end, began, ended }: Try,
  gaps: readonly Gap[],
  troubles: readonly Trouble[],
): void {
  const level = levelOf(protocol);
  const lost = (at: number): boolean => gaps.some(({ from, to }) => from <= at && at <= to);
  // a question is asked again when the daemon dies before it answers
  const asked =
    1 +
    troubles.filter(
      ({ act: { name }, from, to }) =>
        (name === 'daemon' || name === 'restart') && began <= to && from <= ended,
    ).length;
  for (const { said } of rcpt) {
    if (said !== null && byRow(said)) shares.add('in refused', lost(said.at) ? 0 : 1, asked);
    else if (said?.code === 250 && end?.code === 250 && !lost(end.at)) shares.add(`in ${level}`, 1);
    else {
      // accepted, and sent once more; or the reply was lost with the connection, or with the daemon
      shares.add(`in ${level}`, 0, asked);
      if (protocol === null && said === null) shares.add('in refused', 0, asked);
    }
  }
}

/** A server may have taken a message whose delivery was not logged, and then once more. */
function left(shares: Shares, attempts: readonly Attempt[], mayMiss: MayMiss): void {
  for (const outcome of ['sent', 'bounced'] as const) {
    const byRecipient = new Map<string, Attempt[]>();
    for (const one of attempts)
      if (one.outcome === outcome)
        byRecipient.set(one.recipient, [...(byRecipient.get(one.recipient) ?? []), one]);
    for (const all of byRecipient.values()) {
      const logged = all.filter(({ at, logged }) => !mayMiss(at, logged));
      const figure = outcome === 'sent' ? 'out' : 'out other';
      shares.add(figure, Math.min(1, logged.length), all.length);
      if (outcome !== 'sent') continue;
      const levels = new Set(all.map(({ protocol }) => levelOf(protocol)));
      for (const level of levels) {
        const here = all.filter(({ protocol }) => levelOf(protocol) === level).length;
        shares.add(`out ${level}`, levels.size === 1 ? Math.min(1, logged.length) : 0, here);
      }
    }
  }
}
