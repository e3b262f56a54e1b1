/**
 * A record of a datagram of libtlsrpt to sessions: what Postfix says of a handshake is taken as it says it. Pure.
 *
 * Postfix names the TLSA base domain as the policy domain of DANE, and reports a `dane` session without a usable TLSA
 * record as failed although the mail leaves encrypted. A success with failures inside is a success, a failure without
 * details a failure of which no more is known: the library checks nothing, and nothing is made up here.
 */
import { canonicalDomain } from '../../core/domain.ts';
import type { EvidenceRecord } from '../../evidence/record.ts';
import type { Failure, PolicyType, Session } from './dayAccount.ts';
import { resultOfWord } from './results.ts';

export type TlsrptRecord = Extract<EvidenceRecord, { type: 'tlsrpt' }>;
type RecordedPolicy = TlsrptRecord['policies'][number];
type RecordedFailure = NonNullable<RecordedPolicy['failures']>[number];

const TYPES: readonly string[] = ['tlsa', 'sts', 'no-policy-found'] satisfies readonly PolicyType[];

/** Empty: the record names no domain or no policy that RFC 8460 has. */
export function sessionsOfDatagram({ domain: written, policies }: TlsrptRecord): Session[] {
  const domain = canonicalDomain(written);
  if (domain === null) return [];
  return policies.flatMap((one): Session[] => {
    if (!TYPES.includes(one.policy)) return [];
    const type = one.policy as PolicyType;
    const { strings = [], mxHosts = [], failures = [] } = one;
    const policy = {
      type,
      domain: canonicalDomain(one.domain ?? '') ?? domain,
      strings: type === 'no-policy-found' ? [] : strings,
      mxHosts: type === 'sts' ? mxHosts : [],
      server: '',
    };
    return [{ domain, policy, ok: one.ok, failures: one.ok ? [] : failures.map(failureOf) }];
  });
}

function failureOf(one: RecordedFailure): Failure {
  const { result, reason } = resultOfWord(one.result);
  return {
    result,
    sendingAddress: one.sendingAddress ?? '',
    mxHost: one.mxHost ?? '',
    mxHelo: nameOf(one.mxHelo ?? ''),
    mxAddress: one.mxAddress ?? '',
    information: one.information ?? '',
    reason: one.reason ?? reason,
  };
}

/** Postfix gives the whole reply to EHLO, of which the first word is the name (RFC 5321 section 4.1.1.1). */
function nameOf(reply: string): string {
  const line = reply.replace(/^\s*250[ -]/, '');
  const end = /[ ]|\\u\{[ad]\}/.exec(line)?.index ?? line.length;
  return line.slice(0, end);
}
