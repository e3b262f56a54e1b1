/**
 * Answers for Sendmail's FEATURE(`sts') about a recipient's domain.
 *
 *   value = "secure match=" name *( ":" name ) " servername=hostname"      `.name` is every name one label below
 *
 * There is a value only if the row has `auto` and is enforced, and only for a policy in mode enforce.
 * Everything else is NOTFOUND, and `tls_rcpt` covers other rows. The order of the words matters: the ruleset
 * reads the list from `match=` to ` servername=`, and does not connect without the latter. It compares the
 * host connected to with the list, and the host with the names in its certificate. Where both are published,
 * MTA-STS is right for a Sendmail without DANE.
 *
 * The ruleset splits the list at every dot and would not read a long one (MAX_LENGTH) completely: that is
 * TEMP.
 * Sources: Sendmail cf/feature/sts.m4; cf/m4/proto.m4, STS_Check and TLS_clt_features.
 */

import { parseNextHop } from '../core/nextHop.ts';
import type { Published, PublishedQuestion } from '../core/publishedFacts.ts';
import type { PolicyTable } from '../core/table.ts';
import { followPublished, matchNames } from '../deliver/auto.ts';
import { NOTFOUND, type SocketmapReply } from '../wire/socketmapEncode.ts';

/** Characters of a value. */
const MAX_LENGTH = 900;

/** Some of the kinds of MapAnswer. */
type StsAnswer =
  | { readonly kind: 'reply'; readonly reply: SocketmapReply; readonly decision: null }
  | { readonly kind: 'needs'; readonly question: PublishedQuestion };

/** The answer to a key of the map `sts`; total. */
export function answerSts(table: PolicyTable, key: string, published: Published | null): StsAnswer {
  const hop = parseNextHop(key);
  // a host name without a domain, or an address, has no policy
  if (hop.kind !== 'hop' || hop.exact.length > 0 || hop.name.startsWith('['))
    return { kind: 'reply', reply: NOTFOUND, decision: null };
  const number = table.findDomain(hop.name);
  const settings = number < 0 ? null : table.row(number).settings;
  if (settings?.deliver !== 'auto' || settings.mode !== 'enforce')
    return { kind: 'reply', reply: NOTFOUND, decision: null };
  if (published === null) return { kind: 'needs', question: { name: hop.name, host: false, port: 25 } };
  return { kind: 'reply', reply: replyFor(hop.name, published), decision: null };
}

function replyFor(name: string, published: Published): SocketmapReply {
  const names = namesIn(name, published);
  if (typeof names === 'string') return temp(names);
  if (names.length === 0) return NOTFOUND;
  const value = `secure match=${names.join(':')} servername=hostname`;
  return value.length > MAX_LENGTH ? temp('more names than Sendmail can compare') : { status: 'OK', value };
}

/** Names that the server may have, none if nothing is enforced; or the error as text. */
function namesIn(name: string, published: Published): readonly string[] | string {
  if (published.kind === 'own') {
    const { sts } = published;
    if (sts.kind === 'unknown') return `MTA-STS: ${sts.why}`;
    if (sts.kind !== 'policy' || sts.policy.mode !== 'enforce') return [];
    const names = matchNames(sts.policy.mx);
    return names.length > 0 ? names : 'MTA-STS: no name in the policy can be compared';
  }
  const answer = followPublished(name, published);
  if (answer.kind === 'trouble') return answer.why;
  if (answer.kind !== 'level' || answer.level !== 'secure') return [];
  const cannot = 'the other policy server gives names that Sendmail cannot compare';
  const match = answer.attributes.filter((attribute) => attribute.name === 'match');
  const names = match.flatMap(({ value }) => value.toLowerCase().split(':'));
  // words like "nexthop" have a meaning in Postfix only
  return names.length > 0 && names.every((one) => matchNames([one]).length === 1) ? names : cannot;
}

function temp(why: string): SocketmapReply {
  return { status: 'TEMP', reason: `tlsward: ${why}` };
}
