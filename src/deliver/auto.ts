/**
 * Turns what the recipient's domain publishes into the answer for `deliver = auto`. Pure: the lookups are
 * done before.
 *
 *   DANE                    MTA-STS enforce    could not find out   otherwise (testing, none, absent, failed)
 *   usable for all hosts    dane-only          dane-only            dane-only
 *   usable for some hosts   dane-only          dane-only            dane
 *   unusable                secure             waits                encrypt
 *   could not find out      waits              waits                waits
 *   absent                  secure             waits                silent
 *   left to Postfix         secure             waits                dane
 *
 * DANE comes first and MTA-STS never replaces it (RFC 8461 section 2). A failed lookup counts as the
 * strictest result it could have had, or mail waits, so an attacker who can make lookups fail gains nothing
 * (RFC 7672 section 2.1, RFC 8461 section 10.2). `silent` is not `may`: the MTA's own level is never lowered.
 * TLSA records are left to Postfix when no trusted DNSSEC-validating resolver is configured, and when the MX
 * hosts differ (dns/dane.ts), because Postfix looks them up host by host.
 *
 * `secure` compares the certificate with the `mx` names of the policy. `*.x` is written `.x`, which also
 * matches deeper names; Postfix 3.10.5 and later compare the MX host with the patterns themselves. A pattern
 * that the answer cannot express, or that covers a top-level domain, is left out; that only makes the answer
 * stricter. If no pattern is left, mail waits.
 */

import { isComparedName } from '../core/domain.ts';
import type { DaneFact, OtherAnswer, PolicyAttribute, Published, StsFact } from '../core/publishedFacts.ts';
import type { AnsweredLevel } from './level.ts';

/** The MTA-STS policy behind an answer, for Postfix 3.10 and later. */
export interface StsBehind {
  readonly domain: string;
  /** Patterns as published, without those that cannot be compared. */
  readonly mx: readonly string[];
  /** The policy file; see StsPolicy. */
  readonly lines: readonly string[];
}

/** `why` is a clause for a person. */
export type AutoAnswer =
  | {
      readonly kind: 'level';
      readonly level: AnsweredLevel;
      /** `none`: there was no trusted source to ask. */
      readonly by: 'dane' | 'sts' | 'other' | 'none';
      /** For `sts`: the names that the certificate may have, at least one. */
      readonly match: readonly string[];
      readonly sts: StsBehind | null;
      /** Attributes from the answer of another policy server. */
      readonly attributes: readonly PolicyAttribute[];
      readonly why: string;
    }
  | { readonly kind: 'silent'; readonly why: string }
  | { readonly kind: 'trouble'; readonly why: string };

type Leveled = Extract<AutoAnswer, { kind: 'level' }>;

/** The answer for the domain `name`; total. */
export function followPublished(name: string, published: Published): AutoAnswer {
  if (published.kind === 'other') return followOther(published.answer);
  const { dane, sts } = published;
  if (dane.kind === 'unknown') return trouble(`DANE: ${dane.why}`);
  if (dane.kind === 'usable') return usable(dane, sts);
  if (sts.kind === 'unknown') return trouble(`MTA-STS: ${sts.why}`);
  if (enforced(sts)) return secure(name, sts, dane.kind === 'unusable' ? ', and no usable TLSA record' : '');
  switch (dane.kind) {
    case 'unusable':
      return level('encrypt', 'dane', 'TLSA records are published, none of which can be used');
    case 'absent':
      return { kind: 'silent', why: `no TLSA records, ${describeSts(sts)}` };
    case 'not-asked':
      return level('dane', 'none', `TLSA records are left to Postfix (${dane.why}), ${describeSts(sts)}`);
  }
}

/**
 * The answer for `deliver = dane` when a floor applies. Only `dane-only` guarantees both, but with it a
 * domain without TLSA records gets no mail. So the floor alone applies (`silent`) where the absence of TLSA
 * records is proven, and `dane-only` where it cannot be looked up.
 */
export function followDane(_name: string, published: Published): AutoAnswer {
  if (published.kind === 'other') return leftToPostfix('the other policy server is not asked for them');
  const { dane } = published;
  switch (dane.kind) {
    case 'usable':
      return level('dane-only', 'dane', `TLSA records are published for ${dane.hosts} of the MX hosts`);
    case 'unusable':
      return level('encrypt', 'dane', 'TLSA records are published, none of which can be used');
    case 'absent':
      return { kind: 'silent', why: 'no TLSA records' };
    case 'not-asked':
      return leftToPostfix(dane.why);
    case 'unknown':
      return trouble(`DANE: ${dane.why}`);
  }
}

/** The answer `TLSA records are left to Postfix`, for when no question can be asked. */
export function leftToPostfix(why: string): AutoAnswer {
  return level('dane', 'none', `TLSA records are left to Postfix (${why})`);
}

/**
 * The names that an enforced policy allows in a certificate, in the form that `match=` and Sendmail accept.
 */
export function matchNames(mx: readonly string[]): readonly string[] {
  return [...new Set(mx.filter(isComparable).map(nameOf))];
}

/**
 * Can certificates be compared with the pattern? Not with `*.example`, a whole top-level domain, or `mx`, a
 * single label.
 */
export function isComparable(pattern: string): boolean {
  return isComparedName(nameOf(pattern));
}

const nameOf = (pattern: string): string => (pattern.startsWith('*.') ? pattern.slice(1) : pattern);

/** A clause such as `MTA-STS in mode testing`. */
function describeSts(sts: StsFact): string {
  switch (sts.kind) {
    case 'absent':
      return 'no MTA-STS record';
    case 'policy':
      return `MTA-STS in mode ${sts.policy.mode}`;
    case 'failed':
      return `an MTA-STS record without a policy (${sts.failure}: ${sts.why})`;
    case 'unknown':
      return `the MTA-STS lookup failed (${sts.why})`;
  }
}

type Enforced = Extract<StsFact, { kind: 'policy' }>;

function enforced(sts: StsFact): sts is Enforced {
  return sts.kind === 'policy' && sts.policy.mode === 'enforce';
}

function usable(dane: Extract<DaneFact, { kind: 'usable' }>, sts: StsFact): AutoAnswer {
  if (dane.hosts === 'all') return level('dane-only', 'dane', 'TLSA records are published for every MX host');
  const some = 'TLSA records are published for some of the MX hosts';
  if (enforced(sts)) return level('dane-only', 'dane', `${some}, and MTA-STS in mode enforce`);
  if (sts.kind === 'unknown') return level('dane-only', 'dane', `${some}, and ${describeSts(sts)}`);
  return level('dane', 'dane', some);
}

function secure(domain: string, sts: Enforced, also: string): AutoAnswer {
  const { mx, lines } = sts.policy;
  const match = matchNames(mx);
  if (match.length === 0) return trouble('MTA-STS: no name in the policy can be compared');
  const why = `MTA-STS in mode enforce${also}`;
  return { ...level('secure', 'sts', why), match, sts: { domain, mx: mx.filter(isComparable), lines } };
}

function followOther(answer: OtherAnswer): AutoAnswer {
  switch (answer.kind) {
    case 'nothing':
      return { kind: 'silent', why: 'the other policy server has no policy' };
    case 'unknown':
      return trouble(`the other policy server: ${answer.why}`);
    case 'policy':
      // these levels would replace the MTA's own level, which may be stricter
      if (answer.level === 'none' || answer.level === 'may')
        return {
          kind: 'silent',
          why: `the other policy server says ${answer.level}, which is left to the MTA's own level`,
        };
      return {
        ...level(answer.level, 'other', `the other policy server says ${answer.level}`),
        attributes: answer.attributes,
      };
  }
}

function level(answered: AnsweredLevel, by: Leveled['by'], why: string): Leveled {
  return { kind: 'level', level: answered, by, match: [], sts: null, attributes: [], why };
}

function trouble(why: string): AutoAnswer {
  return { kind: 'trouble', why };
}
