/**
 * The answer of another policy server for `smtp_tls_policy_maps`, read with a closed grammar. An unknown
 * attribute is not passed on, because Postfix treats a whole answer as invalid if it does not know one word
 * of it.
 *
 *   value     = level *( separator attribute )        separator: blank, tab, comma
 *   attribute = name "=" text / "{" name [SP] "=" [SP] text "}"
 *
 * The case of names and levels does not matter; braces exist since Postfix 3.10. KNOWN lists the known
 * attributes, the version that introduced each, and the form of its value. An attribute newer than the
 * Postfix that asks is left out, because it concerns reports or does not weaken what was promised.
 * `policy_ttl` is always left out, because Postfix no longer supports it. These make the answer unknown: any
 * other attribute, a second one where one is allowed, `match=` at a level that compares nothing, and a
 * `policy_` attribute without `policy_type`.
 * Sources: Postfix postconf(5), smtp_tls_policy_maps; `src/smtp/smtp_tls_policy.c`, tls_policy_lookup_one().
 */
import { type PostfixVersion, since } from '../core/postfixVersion.ts';
import { ANSWERED_LEVELS, type AnsweredLevel } from '../core/settings.ts';
import { MAX_VALUE } from './tlsPolicyValue.ts';

/** The shape of `OtherAnswer` in core. */
type ParsedTlsPolicy =
  | {
      readonly kind: 'policy';
      readonly level: AnsweredLevel;
      readonly attributes: readonly { readonly name: string; readonly value: string }[];
    }
  | { readonly kind: 'unknown'; readonly why: string };

interface Known {
  readonly since: readonly [major: number, minor: number];
  readonly value: RegExp;
  readonly many?: true;
}

const LABELS = '\\.?(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?';
const HOST = new RegExp(`^${LABELS.slice(3)}$`, 'i');
const NAMES = new RegExp(`^${LABELS}(?::${LABELS})*$`, 'i');
const DIGESTS = /^[0-9a-f]{2}(?::[0-9a-f]{2}){15,63}(?:\|[0-9a-f]{2}(?::[0-9a-f]{2}){15,63})*$/i;
const YES_NO = /^(?:yes|no)$/i;
const OLD = [2, 3] as const;

const KNOWN: ReadonlyMap<string, Known> = new Map<string, Known>([
  // the level decides between names and digests
  ['match', { since: OLD, value: new RegExp(`${NAMES.source}|${DIGESTS.source}`, 'i'), many: true }],
  ['protocols', { since: OLD, value: /^(?:[<>]=)?!?[a-z0-9.]+(?::(?:[<>]=)?!?[a-z0-9.]+)*$/i }],
  ['ciphers', { since: OLD, value: /^(?:low|medium|high|export|null)$/i }],
  ['exclude', { since: OLD, value: /^[a-z0-9_+-]{2,64}(?::[a-z0-9_+-]{2,64})*$/i }],
  ['tafile', { since: [2, 11], value: /^\/[a-z0-9._/+@-]{1,200}$/i, many: true }],
  ['servername', { since: [3, 4], value: HOST }],
  ['connection_reuse', { since: [3, 4], value: YES_NO }],
  ['enable_rpk', { since: [3, 9], value: YES_NO }],
  ['policy_type', { since: [3, 10], value: /^(?:sts|no-policy-found)$/i }],
  ['policy_domain', { since: [3, 10], value: HOST }],
  ['policy_string', { since: [3, 10], value: /^[\x20-\x7a\x7c\x7e]{1,1000}$/, many: true }],
  [
    'mx_host_pattern',
    { since: [3, 10], value: new RegExp(`^(?:\\*\\.)?${HOST.source.slice(1)}`, 'i'), many: true },
  ],
  [
    'policy_failure',
    {
      since: [3, 10],
      value: /^(?:sts-policy-(?:fetch-error|invalid)|sts-webpki-invalid|validation-failure)$/i,
    },
  ],
]);
/** Accepted, but never passed on. */
const GIVEN_UP = 'policy_ttl';

/** The answer as a Postfix of this version understands it. */
export function parseTlsPolicy(value: string, version: PostfixVersion): ParsedTlsPolicy {
  if (value.length > MAX_VALUE) return unknown('an answer longer than Postfix reads');
  const words = split(value);
  if (words === null) return unknown('braces that do not match');
  const [first = '', ...rest] = words;
  const level = ANSWERED_LEVELS.find((known) => known === first.toLowerCase());
  if (level === undefined) return unknown(`no TLS level: ${shown(first)}`);
  const attributes: { name: string; value: string }[] = [];
  const seen = new Set<string>();
  for (const word of rest) {
    const { name, text } = parted(word);
    if (name === GIVEN_UP && /^[0-9]+$/.test(text)) continue;
    const known = KNOWN.get(name);
    if (known === undefined) return unknown(`an attribute that is not known: ${shown(word)}`);
    if (!known.value.test(text)) return unknown(`not a value of ${name}=: ${shown(text)}`);
    if (seen.has(name) && known.many === undefined) return unknown(`${name}= twice`);
    seen.add(name);
    if (name === 'match' && !matches(level, text)) return unknown(`match= at level ${level}: ${shown(text)}`);
    if (since(version, known.since[0], known.since[1])) attributes.push({ name, value: text });
  }
  if (level === 'fingerprint' && !seen.has('match')) return unknown('fingerprint without match=');
  const report = [...seen].find((name) => /^(?:policy_|mx_host)/.test(name));
  if (report !== undefined && !seen.has('policy_type')) return unknown(`${report}= without policy_type=`);
  return { kind: 'policy', level, attributes: fitting(level, attributes, version) };
}

/** Can a server certificate be compared with this at that level? */
function matches(level: string, text: string): boolean {
  if (level === 'fingerprint') return DIGESTS.test(text);
  return (level === 'verify' || level === 'secure') && NAMES.test(text);
}

/**
 * `>=` was introduced with 3.6. Where TLS is mandatory, protocols are converted; at lower levels the answer
 * would be invalid.
 */
function fitting<T extends { readonly name: string; readonly value: string }>(
  level: string,
  attributes: readonly T[],
  version: PostfixVersion,
): T[] {
  if (since(version, 3, 6) || !['none', 'may', 'dane'].includes(level)) return [...attributes];
  return attributes.filter(({ name, value }) => name !== 'protocols' || !/[<>]/.test(value));
}

/** `name=value` or `{ name = value }` in its two parts. */
function parted(word: string): { readonly name: string; readonly text: string } {
  const inner = word.startsWith('{') ? word.slice(1, -1) : word;
  const equals = inner.indexOf('=');
  const name = inner.slice(0, Math.max(0, equals)).trim().toLowerCase();
  return { name, text: equals < 0 ? '' : inner.slice(equals + 1).trim() };
}

/** Words between separators, braces kept together; null when braces do not match. */
function split(value: string): string[] | null {
  const words: string[] = [];
  /** Start of the current word; -1 between words. */
  let start = -1;
  let inside = false;
  for (let at = 0; at < value.length; at++) {
    const char = value[at]!;
    if (!inside && (char === ' ' || char === '\t' || char === ',')) {
      if (start >= 0) words.push(value.slice(start, at));
      start = -1;
      continue;
    }
    if (char === '{') {
      if (inside || start >= 0) return null;
      inside = true;
    } else if (char === '}') {
      if (!inside) return null;
      inside = false;
    } else if (!inside && start >= 0 && value[at - 1] === '}') return null;
    if (start < 0) start = at;
  }
  if (start >= 0) words.push(value.slice(start));
  return inside ? null : words;
}

function unknown(why: string): ParsedTlsPolicy {
  return { kind: 'unknown', why };
}

function shown(text: string): string {
  return `"${text.slice(0, 60)}"`;
}
