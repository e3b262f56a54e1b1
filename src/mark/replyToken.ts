/**
 * Reply tokens: a msg-id in `References` by which the reply to mail that arrived protected is recognised,
 * without a database, on any host that shares the key file.
 *
 *   token = "<tw1." day "." code "." key-id "." hmac "@" host ">"
 *   day   = YYYYMMDD (UTC), when the mail arrived
 *
 * It is a msg-id as in RFC 5322 section 3.6.4 (dot-atom-text on both sides), so mail programs copy it like
 * any other. `code` is that of the verdict (`tlsward lookup`) and makes each token unique: two messages that
 * shared one would be taken for one conversation. `host` tells people where to ask and is not compared.
 * `hmac` is HMAC-SHA-256 (RFC 2104), cut to 128 bits (its section 5: no less than half of the hash),
 * base64url without padding, over
 *
 *   "tlsward-reply-token" LF "day=" day LF "code=" code LF "key=" key-id LF "domain=" sender-domain LF
 *
 * The domain, canonical and that of the envelope sender, is not in the token; a reply's recipient domains are
 * tried. So a token reveals only that it is one, and copied into mail between other parties it verifies for
 * none of them. One that verifies proves that mail of that domain arrived protected on that day. It does not
 * prove that this message answers it: anyone who has seen a token can write it into any message to that
 * domain, which only raises what the message needs. Tokens do not expire; removing a key from the file
 * revokes all tokens that it signed.
 *
 * Limits: the last 50 tokens of a message are checked, and at most 2,500 pairs of a domain and a token that
 * names one of our keys; replies have one or two such tokens, so this allows for more domains than a message
 * has recipients. Never throws.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { canonicalDomain } from '../core/domain.ts';
import type { MarkKey } from './signMark.ts';

interface ReplyToken {
  /** As written in the message, with its angle brackets. */
  readonly text: string;
  /** `20261120`. */
  readonly day: string;
  readonly code: string;
  readonly keyId: string;
  /** 22 characters of base64url. */
  readonly hmac: string;
}

type TokenCheck = Pick<ReplyToken, 'text' | 'code' | 'keyId'> & {
  /** `2026-11-20`, as it claims. */
  readonly day: string;
  readonly result: 'verifies' | 'unknown-key' | 'no-domain';
  /** The domains for which it verifies: one, unless HMACs collide. */
  readonly domains: readonly string[];
};

export const MAX_TOKENS = 50;
/** HMACs computed for one message. */
export const MAX_PAIRS = 2500;
/** Of a longer field only the end is read. */
const MAX_VALUE = 65_536;
const HMAC_BYTES = 16;
const TOKEN = /<tw1\.([0-9]{8})\.([0-9A-Z]{1,16})\.([0-9a-f]{8})\.([A-Za-z0-9_-]{22})@[!-;=?-~]{1,255}>/g;

function hmacOf(day: string, code: string, domain: string, key: MarkKey): Buffer {
  return createHmac('sha256', key.secret)
    .update(`tlsward-reply-token\nday=${day}\ncode=${code}\nkey=${key.id}\ndomain=${domain}\n`)
    .digest()
    .subarray(0, HMAC_BYTES);
}

/**
 * A token for mail of `domain` (canonical, not ''), by the first key. `code`: of the verdict, digits and
 * upper-case letters. `host` is taken when it is a domain name. Throws RangeError when there is no key.
 */
export function makeReplyToken(
  domain: string,
  code: string,
  timeMs: number,
  keys: readonly MarkKey[],
  host: string,
): string {
  const [key] = keys;
  if (key === undefined) throw new RangeError('no key for reply tokens');
  const day = new Date(timeMs).toISOString().slice(0, 10).replaceAll('-', '');
  const hmac = hmacOf(day, code, domain, key).toString('base64url');
  return `<tw1.${day}.${code}.${key.id}.${hmac}@${canonicalDomain(host) ?? 'tlsward.invalid'}>`;
}

/**
 * What looks like a token in values of References and In-Reply-To, folded or not: each once, at most the last
 * 50.
 */
export function findReplyTokens(values: readonly string[]): readonly ReplyToken[] {
  const found = new Map<string, ReplyToken>();
  for (const value of values) {
    for (const match of value.slice(-MAX_VALUE).matchAll(TOKEN)) {
      const [text, day = '', code = '', keyId = '', hmac = ''] = match;
      found.set(text, { text, day, code, keyId, hmac });
    }
  }
  return [...found.values()].slice(-MAX_TOKENS);
}

/** Each token of the values, and for which of the (canonical) domains it verifies. */
export function checkReplyTokens(
  values: readonly string[],
  domains: readonly string[],
  keys: readonly MarkKey[],
): readonly TokenCheck[] {
  const found = findReplyTokens(values).map((token) => ({
    token,
    signers: keys.filter((key) => key.id === token.keyId),
  }));
  const signed = found.filter(({ signers }) => signers.length > 0).length;
  const candidates = [...new Set(domains)]
    .filter((domain) => domain !== '')
    .slice(0, Math.floor(MAX_PAIRS / Math.max(signed, 1)));
  return found.map(({ token, signers }) => {
    const { text, code, keyId } = token;
    const day = `${token.day.slice(0, 4)}-${token.day.slice(4, 6)}-${token.day.slice(6)}`;
    if (signers.length === 0) return { text, day, code, keyId, result: 'unknown-key', domains: [] };
    const good = candidates.filter((domain) => signers.some((key) => fits(token, domain, key)));
    return { text, day, code, keyId, result: good.length > 0 ? 'verifies' : 'no-domain', domains: good };
  });
}

/** The domains for which a token in the values verifies, each once. */
export function verifiedDomains(
  values: readonly string[],
  domains: readonly string[],
  keys: readonly MarkKey[],
): readonly string[] {
  return [...new Set(checkReplyTokens(values, domains, keys).flatMap((check) => check.domains))];
}

function fits({ day, code, hmac }: ReplyToken, domain: string, key: MarkKey): boolean {
  const given = Buffer.from(hmac, 'base64url');
  // 22 digits have four spare bits: only the spelling that we would write counts
  if (given.length !== HMAC_BYTES || given.toString('base64url') !== hmac) return false;
  return timingSafeEqual(given, hmacOf(day, code, domain, key));
}
