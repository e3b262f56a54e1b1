/**
 * The datagrams in which Postfix 3.10 and later reports TLS handshakes for RFC 8460, as libtlsrpt writes them: one
 * JSON object each. Pure.
 *
 *   {"dpv":"1","d":"example.com","pr":"v=TLSRPTv1;...","policies":[{"policy-type":2,"policy-string":["..."],
 *    "mx-host":["..."],"failure-details":[{"c":203,"n":"mx.example.com","a":"..."}],"t":1,"f":1}]}
 *
 * The library checks nothing, so everything is checked and bounded here. Releases before 0.5 have no `dpv`; another
 * value is read all the same. Texts are the other server's.
 */
import { canonicalDomain } from '../core/domain.ts';
import { escapeText } from '../core/escape.ts';
import { withoutLocalParts } from '../evidence/lineText.ts';

/** Fields of a record; those that are undefined are left out of it. */
interface Tlsrpt {
  readonly domain: string;
  readonly policies: readonly Policy[];
}

type Texts = Readonly<Record<string, string | undefined>>;

type Policy = Readonly<
  Record<string, string | boolean | number | readonly string[] | readonly Texts[] | undefined>
>;

/** Longest datagram that is read, in bytes; Linux lets a sender have some 200 KiB. */
export const MAX_DATAGRAM = 262_144;
const MAX_POLICIES = 4;
const MAX_LIST = 20;

const POLICIES: ReadonlyMap<unknown, string> = new Map([
  [1, 'tlsa'],
  [2, 'sts'],
  [9, 'no-policy-found'],
]);

/** tlsrpt.h of libtlsrpt; the words are those of RFC 8460 section 4.3. */
const RESULTS: ReadonlyMap<unknown, string> = new Map([
  [201, 'starttls-not-supported'],
  [202, 'certificate-host-mismatch'],
  [203, 'certificate-not-trusted'],
  [204, 'certificate-expired'],
  [205, 'validation-failure'],
  [301, 'sts-policy-fetch-error'],
  [302, 'sts-policy-invalid'],
  [303, 'sts-webpki-invalid'],
  [304, 'tlsa-invalid'],
  [305, 'dnssec-invalid'],
  [306, 'dane-required'],
]);

type Fields = Readonly<Record<string, unknown>>;

/** null: not such a datagram. */
export function parseTlsrpt(text: string): Tlsrpt | null {
  if (text.length > MAX_DATAGRAM) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isFields(value) || typeof value.d !== 'string' || !Array.isArray(value.policies)) return null;
  const domain = canonicalDomain(value.d);
  if (domain === null || value.policies.length === 0) return null;
  const policies: Policy[] = [];
  for (const one of value.policies.slice(0, MAX_POLICIES)) {
    const policy = policyOf(one);
    if (policy === null) return null;
    policies.push(policy);
  }
  return { domain, policies };
}

function policyOf(value: unknown): Policy | null {
  if (!isFields(value)) return null;
  const policy = POLICIES.get(value['policy-type']);
  if (policy === undefined || (value.f !== 0 && value.f !== 1)) return null;
  const details = value['failure-details'];
  const failures = Array.isArray(details) ? details : [];
  const more = failures.length - MAX_LIST;
  return {
    policy,
    domain: shown(value['policy-domain']),
    strings: list(value['policy-string']),
    mxHosts: list(value['mx-host']),
    ok: value.f === 0,
    failures: failures.length === 0 ? undefined : failures.slice(0, MAX_LIST).flatMap(failureOf),
    moreFailures: more > 0 ? more : undefined,
  };
}

function failureOf(value: unknown): Texts[] {
  if (!isFields(value)) return [];
  const result = RESULTS.get(value.c) ?? `code-${Number.isSafeInteger(value.c) ? value.c : 'unknown'}`;
  const failure = {
    result,
    sendingAddress: shown(value.s),
    mxHost: shown(value.n),
    mxHelo: shown(value.h),
    mxAddress: shown(value.r),
    information: shown(value.a),
    reason: shown(value.f),
  };
  return [failure];
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** undefined: it is no text. */
function shown(value: unknown): string | undefined {
  return typeof value === 'string' ? escapeText(withoutLocalParts(value.slice(0, 512))) : undefined;
}

/** undefined: it is no list of texts, or an empty one. */
function list(value: unknown): readonly string[] | undefined {
  const texts = Array.isArray(value) ? value.slice(0, MAX_LIST).flatMap((one) => shown(one) ?? []) : [];
  return texts.length === 0 ? undefined : texts;
}
