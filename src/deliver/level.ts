/**
 * The levels of outbound mail by what each guarantees, and the stricter of two.
 *
 *   level                        TLS where offered   TLS always   DANE where published   server authenticated
 *   none
 *   may                          x
 *   dane                         x                                x
 *   encrypt                      x                   x
 *   dane-only                    x                   x            x                      x
 *   fingerprint, verify, secure  x                   x                                   x
 *
 * A level is at least as strict as another when it guarantees everything that the other does. The levels are
 * only partially ordered: `dane` allows plaintext to a domain without TLSA records, `encrypt` allows a domain
 * with TLSA records to be impersonated. Only `dane-only` guarantees both. None of the three levels that
 * authenticate without DANE is stricter than the others: a row names the one that suits its partner, and a
 * floor does not change it.
 *
 * Sources: Postfix TLS_README ("Client TLS limitations", "DANE TLS authentication"), smtp_tls_policy_maps in
 * postconf(5).
 */
import type { AnsweredLevel, DeliverFloor } from '../core/settings.ts';

export { type AnsweredLevel, type DeliverFloor, FLOORS } from '../core/settings.ts';

export const GUARANTEES: Readonly<Record<AnsweredLevel, readonly string[]>> = {
  none: [],
  may: ['offered'],
  dane: ['offered', 'dane'],
  encrypt: ['offered', 'always'],
  'dane-only': ['offered', 'always', 'dane', 'authenticated'],
  fingerprint: ['offered', 'always', 'authenticated'],
  verify: ['offered', 'always', 'authenticated'],
  secure: ['offered', 'always', 'authenticated'],
};

/** Does `level` guarantee everything that `other` does? */
export function atLeast(level: AnsweredLevel, other: AnsweredLevel): boolean {
  return GUARANTEES[other].every((guarantee) => GUARANTEES[level].includes(guarantee));
}

/** Does this level require TLS in every case? */
export function mandatory(level: AnsweredLevel): boolean {
  return GUARANTEES[level].includes('always');
}

/** The weakest level that is at least as strict as both. */
export function stricter(level: AnsweredLevel, floor: DeliverFloor): AnsweredLevel {
  if (atLeast(level, floor)) return level;
  return atLeast(floor, level) ? floor : 'dane-only';
}
