/**
 * Evaluates one DNS answer to a question: records, absence, or unknown.
 *
 * The resolver has followed aliases; here they are followed only inside the answer, from the name in the
 * question to the name that has the records. Records outside that chain are ignored. Absence counts only from
 * a server that is recursive (RA) or authoritative for the name (AA): a referral from any other server proves
 * nothing.
 *
 * `secure` is the AD flag of the whole answer, and only where the resolver is trusted. Limits: 10 aliases;
 * found records are cached at most a day, absence at most an hour (60 seconds when the answer gives no time),
 * both at least 1 second.
 * Sources: RFC 1034 section 4.3.2, RFC 2308 section 5, RFC 4035 section 3.2.3, RFC 7672 section 2.1.
 */
import type { DnsAnswer, DnsRecord } from '../wire/dnsDecode.ts';
import type { DnsQuestion } from '../wire/dnsEncode.ts';
import { extendedErrorWords, RCODE, rcodeName } from '../wire/dnsNumbers.ts';
import type { LookupResult } from './resolver.ts';

const MAX_ALIASES = 10;
const MAX_FOUND_SECONDS = 86_400;
const MAX_ABSENT_SECONDS = 3600;
/** RFC 2308 gives no rule for an answer without SOA. */
const ABSENT_SECONDS = 60;

/** The result of the answer; `server` is the name of the server in `why`. Never throws. */
export function readAnswer(
  answer: DnsAnswer,
  asked: DnsQuestion,
  trusted: boolean,
  server: string,
): LookupResult<DnsRecord> {
  const about = `about ${asked.type} of ${asked.name === '' ? '.' : asked.name}`;
  const unknown = (what: string): LookupResult<DnsRecord> => ({
    kind: 'unknown',
    why: `${server} ${what} ${about}`,
  });
  if (answer.rcode !== RCODE.NOERROR && answer.rcode !== RCODE.NXDOMAIN)
    return unknown(`answered ${failureWords(answer)}`);
  if (!answer.recursionAvailable && !answer.authoritative)
    return unknown('does not offer recursion to this host and was asked');
  const secure = trusted && answer.authenticData;
  let name = asked.name;
  let ttl = MAX_FOUND_SECONDS;
  for (let aliases = 0; ; aliases++) {
    const own = answer.answers.filter((record) => record.name === name);
    const records = own.filter((record) => record.type === asked.type);
    if (records.length > 0) {
      if (answer.rcode === RCODE.NXDOMAIN) return unknown('answered NXDOMAIN, and with records,');
      for (const record of records) ttl = Math.min(ttl, record.ttlSeconds);
      return { kind: 'found', records, secure, ttlSeconds: Math.max(1, ttl), name };
    }
    const targets = new Set<string>();
    for (const record of own) {
      if (record.type !== 'CNAME') continue;
      targets.add(record.target);
      ttl = Math.min(ttl, record.ttlSeconds);
    }
    const [target] = targets;
    if (target === undefined) break;
    if (targets.size > 1) return unknown(`answered that ${name} is an alias of two names, when asked`);
    if (aliases === MAX_ALIASES) return unknown('answered with a chain of aliases that does not end');
    name = target;
  }
  if (!answer.recursionAvailable && name !== asked.name)
    return unknown('answered with an alias that it did not follow');
  return { kind: 'absent', secure, ttlSeconds: absentSeconds(answer, ttl) };
}

/** `ttl`: of the aliases that led to no records. */
function absentSeconds(answer: DnsAnswer, ttl: number): number {
  const { soa } = answer;
  const own = soa === null ? ABSENT_SECONDS : Math.min(soa.ttlSeconds, soa.minimumSeconds);
  return Math.max(1, Math.min(own, ttl, MAX_ABSENT_SECONDS));
}

function failureWords(answer: DnsAnswer): string {
  const name = rcodeName(answer.rcode);
  const words = answer.extendedError === null ? null : extendedErrorWords(answer.extendedError);
  if (words !== null) return `${name} (${words})`;
  switch (answer.rcode) {
    case RCODE.SERVFAIL:
      return `${name} (the servers of that name cannot be reached, or its DNSSEC signatures are wrong)`;
    case RCODE.REFUSED:
      return `${name} (it does not serve this host)`;
    default:
      return name;
  }
}
