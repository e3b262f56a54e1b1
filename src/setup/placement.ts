/**
 * The place of the question to tlsward in a list of smtpd(8): after the element that prevents unauthorized
 * relaying, and before any that permits, because a permit ends the list and the accepted mail would not be
 * judged. tlsward itself never permits: its answers are DUNNO or a refusal, so it cannot open a relay in any
 * place (SMTPD_ACCESS_README).
 */
import { endsRelaying, mayPermit, permitsWhom, type Restriction } from '../mta/restrictions.ts';
import type { Element } from './lists.ts';

interface Place {
  /** Index of the element that it comes before. */
  readonly at: number;
  /** One sentence: why there. */
  readonly why: string;
  /** The clients that are accepted before the question; empty: none. */
  readonly unasked: readonly string[];
  /** Strangers who may not relay reach tlsward, too, and are refused only after it. */
  readonly strangers: boolean;
}

/** The place in a list; `relayFirst` as `relayDecidedFirst` says. */
export function placeFor(elements: readonly Element<Restriction>[], relayFirst: boolean): Place {
  const permit = indexOf(elements, mayPermit);
  // a bare reject at the end ends relaying, too, but behind it nothing is asked
  const guard = indexOf(elements, (one) => endsRelaying(one) && !endsList(one));
  const guarded = guard >= 0 ? (elements[guard]?.parsed.find(endsRelaying)?.name ?? '') : '';
  const before = permit >= 0 ? elements[permit]!.text : '';
  if (guard >= 0 && (permit < 0 || guard < permit)) {
    const then =
      permit < 0
        ? 'nothing in the list permits'
        : `before ${before}, because nothing behind it is asked about mail that it accepts`;
    return {
      at: guard + 1,
      why: `Directly behind ${guarded}, which keeps out strangers who may not relay; ${then}.`,
      unasked: [],
      strangers: false,
    };
  }
  if (relayFirst || guard < 0) {
    const gone = relayFirst
      ? 'smtpd_relay_restrictions has kept out strangers who may not relay by then'
      : 'nothing before it keeps strangers from relaying';
    const end = indexOf(elements, endsList);
    const at = permit >= 0 ? permit : end >= 0 ? end : elements.length;
    const where =
      permit >= 0
        ? `before ${before}, because nothing behind it is asked about mail that it accepts`
        : end >= 0
          ? 'before the end of the list, which refuses everybody'
          : elements.length === 0
            ? 'nothing else is in the list'
            : 'at the end, because nothing in the list permits and what it refuses need not be asked about';
    return { at, why: `${capital(where)}; ${gone}.`, unasked: [], strangers: !relayFirst };
  }
  return {
    at: guard + 1,
    why: `Directly behind ${guarded}: before it, tlsward would be asked about mail that is refused as relaying.`,
    unasked: permittedBefore(elements, guard + 1),
    strangers: false,
  };
}

/** Who is accepted before the element at `at` is asked. */
export function permittedBefore(elements: readonly Element<Restriction>[], at: number): string[] {
  const words = elements.slice(0, at).flatMap(({ parsed }) => parsed.map(permitsWhom));
  return [...new Set(words.filter((one) => one !== null))];
}

function endsList({ name, warnOnly }: Restriction): boolean {
  return !warnOnly && (name === 'reject' || name === 'defer');
}

function indexOf(
  elements: readonly Element<Restriction>[],
  fits: (restriction: Restriction) => boolean,
): number {
  return elements.findIndex(({ parsed }) => parsed.some(fits));
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
