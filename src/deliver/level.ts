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
 * A level is at least as strict as another when it guarantees all that the other does. That is no straight
 * line: `dane` lets mail to a domain without TLSA records go in plain text, `encrypt` lets a domain with TLSA
 * records be impersonated. The only level that keeps both promises is `dane-only`. Among the three that
 * authenticate by other means than DANE none is stricter: a row names the one by which its partner can be
 * recognised, and a floor leaves it.
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

/** Does `level` guarantee all that `other` does? */
export function atLeast(level: AnsweredLevel, other: AnsweredLevel): boolean {
  return GUARANTEES[other].every((guarantee) => GUARANTEES[level].includes(guarantee));
}

/** Must TLS be used at this level, come what may? */
export function mandatory(level: AnsweredLevel): boolean {
  return GUARANTEES[level].includes('always');
}

/** The weakest level that is at least as strict as both. */
export function stricter(level: AnsweredLevel, floor: DeliverFloor): AnsweredLevel {
  if (atLeast(level, floor)) return level;
  return atLeast(floor, level) ? floor : 'dane-only';
}
