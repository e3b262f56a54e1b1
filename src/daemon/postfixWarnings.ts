/**
 * Which settings of Postfix break a guarantee of the table, in sentences. Pure: `check`, the log and `status`
 * use the same text.
 *
 * Three things are checked. First, `TLS-Required: no` (Postfix 3.10 and later) overrides every row unless
 * `tls_required_enable = no` is known, from `postconf` or from the configuration. Second, answers in the
 * grammar of a later Postfix than the one that asks make mail wait. Third, a server that accepts a bare
 * newline as the end of a line lets a client smuggle messages past every check (`smtpd_forbid_bare_newline`,
 * 3.7.9, 3.8.4 and later; `no` by default before 3.9).
 */
import { isSince, parsePostfixVersion, since } from '../core/postfixVersion.ts';
import type { PostconfAnswer } from './postconf.ts';

export interface PostfixFacts {
  /** `postfix-version`; null: not set. */
  readonly configured: string | null;
  /** `tls-required-enable`; null: not set. */
  readonly tlsRequiredEnable: boolean | null;
  /** Does a row or a rule require TLS for mail that leaves through Postfix? */
  readonly protects: boolean;
  /** Is inbound mail judged? */
  readonly receives: boolean;
  /** null: this host has no postconf, or it did not answer. */
  readonly postconf: PostconfAnswer | null;
  /** Versions that MTAs reported to the milter, such as `3.10.13`. */
  readonly seen: readonly string[];
}

/** One sentence for each problem; empty when nothing is wrong, or nothing is known. */
export function postfixWarnings(facts: PostfixFacts): string[] {
  return [...tlsRequired(facts), ...grammar(facts), ...bareNewline(facts)];
}

const CURE = 'main.cf needs tls_required_enable = no (contrib/postfix/deliver-3.10.main.cf)';

function tlsRequired({ configured, tlsRequiredEnable, protects, postconf, seen }: PostfixFacts): string[] {
  if (!protects) return [];
  const versions = [postconf?.version ?? null, configured, ...seen];
  const concerned = versions.find((version) => version !== null && isSince(version, 3, 10));
  const said = postconf?.tlsRequiredEnable ?? null;
  if (concerned == null || said === 'no' || (said === null && tlsRequiredEnable === false)) return [];
  const found =
    said === 'yes'
      ? 'according to postconf it is yes'
      : tlsRequiredEnable
        ? 'according to tls-required-enable it is yes'
        : 'its value is not known';
  return [
    `Postfix ${concerned} lets any author switch off TLS for a message, whatever its row says, with the header TLS-Required: no: ${CURE}; ${found}`,
  ];
}

/** Answers that a Postfix cannot parse: the mail that they apply to waits. */
function grammar({ configured, postconf, seen }: PostfixFacts): string[] {
  const wanted = parsePostfixVersion(configured ?? '');
  if (wanted === null) return [];
  const actual = [...(postconf === null ? [] : [postconf.version]), ...seen];
  const older = actual.find((version) => !isSince(version, wanted.major, wanted.minor));
  if (older === undefined) return [];
  const effect =
    since(wanted, 3, 10) && !isSince(older, 3, 10)
      ? 'mail to domains with an MTA-STS policy waits, 4.7.5, because this version refuses the attributes of 3.10'
      : 'it may refuse the answers, and mail then waits';
  return [`postfix-version is ${configured}, and a Postfix here is ${older}: ${effect}`];
}

/** Does this value of `smtpd_forbid_bare_newline` let a client end lines with a bare newline? */
export function acceptsBareNewline(value: string): boolean {
  return value === 'no' || value === 'note';
}

/** The value by which this release does not. */
export function refusesBareNewline(release: string): 'normalize' | 'yes' {
  return isSince(release, 3, 9) ? 'normalize' : 'yes';
}

function bareNewline({ receives, postconf }: PostfixFacts): string[] {
  if (!receives || postconf === null) return [];
  const { version, forbidBareNewline } = postconf;
  if (forbidBareNewline === null)
    return [
      `Postfix ${version} cannot refuse bare newlines, with which a client can smuggle messages past every check: update to 3.7.9, 3.8.4 or later`,
    ];
  if (!acceptsBareNewline(forbidBareNewline)) return [];
  return [
    `Postfix ${version} accepts bare newlines as line ends, with which a client can smuggle messages past every check: main.cf needs smtpd_forbid_bare_newline = ${refusesBareNewline(version)}`,
  ];
}
