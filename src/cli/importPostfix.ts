/**
 * Source tables of `smtp_tls_policy_maps` (hash, texthash, btree, lmdb, cdb: postmap(1)) to rows.
 *
 *   logical line = key 1*blank value         ; lines that begin with a blank continue it; # lines and empty ones are skipped
 *   key          = domain / .domain / [host] / [host]:port / host:port
 *   value        = level *( attribute )      ; wire/tlsPolicyParse.ts
 *
 * What a row says must be at least as strict as what the line said, for every next hop that it answers, and
 * mean the same: `match=` keywords become the level whose default they are, or the names they stand for;
 * `protocols=` is a lowest version or nothing; what the table has no key for (tafile, servername, enable_rpk,
 * attributes of reports, floors where Postfix falls back to plaintext) is reported.
 * Sources: Postfix postconf(5), smtp_tls_policy_maps; postmap(1); `src/util/readlline.c`.
 */

import { Invalid } from '../config/ini/problem.ts';
import { type Pattern, parsePattern } from '../config/keys/pattern.ts';
import { parseCipherFragment, parseFingerprint, parseServerName } from '../config/keys/values.ts';
import { parseNextHop } from '../core/nextHop.ts';
import { excludedCiphers } from '../deliver/ciphers.ts';
import { lowest } from '../deliver/intersectTlsParameters.ts';
import { parseTlsPolicy } from '../wire/tlsPolicyParse.ts';
import { type Imported, type Requirement, type SourceLine, Unmapped } from './importRows.ts';

/** Reads every attribute there is: what this Postfix knew is not our question. */
const NEWEST = { major: 99, minor: 0 };

/** Takes in one file. */
export function importPostfix(file: string, text: string, into: Imported): void {
  for (const line of logicalLines(file, text)) {
    const mapped = mapLine(line.text);
    if (mapped instanceof Unmapped) into.refuse(line, mapped.why, patternText(line.text));
    else into.add(line, [mapped.pattern], mapped.requirement);
  }
}

/** As Postfix joins them: white space in front continues a line, whatever comments stand between. */
export function logicalLines(file: string, text: string): SourceLine[] {
  const lines: { file: string; line: number; text: string }[] = [];
  text.split('\n').forEach((raw, i) => {
    const trimmed = raw.trim();
    if (trimmed === '' || trimmed.startsWith('#')) return;
    const last = lines.at(-1);
    if (/^\s/.test(raw) && last !== undefined) last.text += ` ${trimmed}`;
    else lines.push({ file, line: i + 1, text: /^\s/.test(raw) ? ` ${trimmed}` : trimmed });
  });
  return lines;
}

function mapLine(text: string): { readonly pattern: string; readonly requirement: Requirement } | Unmapped {
  if (text.startsWith(' ')) return new Unmapped('a first line that begins with white space');
  const [key = '', value = ''] = text.split(/\s+(.*)/s);
  if (key.startsWith('/') || /^(?:!\/|if|endif)/.test(key))
    return new Unmapped('rows cannot contain regular expressions');
  const pattern = patternOf(key);
  if (pattern instanceof Unmapped) return pattern;
  if (value === '') return new Unmapped('a key without a value');
  const requirement = requirementOf(value, pattern);
  if (requirement instanceof Unmapped) return requirement;
  const level = requirement[0]?.[1];
  const more = reachesMore(key, pattern, level);
  if (more !== null) return new Unmapped(`at level ${level} the row would also apply to ${more}`);
  return { pattern: pattern.text, requirement };
}

/** The pattern of a line that cannot be said otherwise. */
function patternText(text: string): string | null {
  const pattern = patternOf(text.split(/\s/, 1)[0] ?? '');
  return pattern instanceof Unmapped ? null : pattern.text;
}

/**
 * Why a row would reach other next hops than the line at this level; null when it does not. A row is found by
 * every spelling of its pattern, an entry of Postfix's table by the one that it has, and another one may be
 * found by the rest.
 */
function reachesMore(key: string, { text }: Pattern, level: string | undefined): string | null {
  const lowers = level === 'none' || level === 'may';
  if (text.includes('ipv6:')) return lowers ? 'an address that has other spellings' : null;
  if (key.toLowerCase() !== text) return `${text}, which means something else in Postfix`;
  return lowers && text.includes('xn--') ? 'the name in UTF-8' : null;
}

function patternOf(key: string): Pattern | Unmapped {
  const pattern = parsePattern(key);
  if (pattern instanceof Invalid)
    return new Unmapped(`not a pattern of the table${pattern.hint === '' ? '' : `: ${pattern.hint}`}`);
  switch (pattern.kind) {
    case 'domain':
    case 'suffix':
    case 'literal':
    case 'nextHop':
      return pattern;
    default:
      return new Unmapped('Postfix asks this table for next hops only, so the line never had an effect');
  }
}

/** What a row must say so that it asks for at least this. */
function requirementOf(value: string, pattern: Pattern): Requirement | Unmapped {
  const old = /^must(?:_nopeermatch)?$/i.exec(value);
  if (old !== null)
    return new Unmapped('a word of smtp_tls_per_site; in this table write encrypt, verify or secure');
  const parsed = parseTlsPolicy(value, NEWEST);
  if (parsed.kind === 'unknown') return new Unmapped(parsed.why);
  const { level, attributes } = parsed;
  // Postfix ignores them
  if (level === 'none') return [['deliver', 'none']];
  const fallsBack = level === 'may' || level === 'dane';
  const floors: [string, string][] = [];
  const matches: string[] = [];
  const fragments: string[] = [];
  for (const { name, value: said } of attributes) {
    if (name === 'match') matches.push(said);
    else if (!['protocols', 'ciphers', 'exclude'].includes(name))
      return new Unmapped(`the table has no key for ${name}=`);
    else if (fallsBack)
      return new Unmapped(`${name}= at level ${level}, where Postfix falls back to plaintext`);
    else if (name === 'exclude') fragments.push(...said.split(':'));
    else if (name === 'protocols') {
      const least = lowest(said);
      if (least === null) return new Unmapped(`protocols=${said} is more than a lowest version`);
      floors.push(['min-protocol', least.startsWith('SSL') ? 'TLSv1' : least]);
    } else if (said.toLowerCase() === 'null') return new Unmapped('ciphers=null is TLS without encryption');
  }
  if (fragments.length > 0) {
    const denied = deniedFor(fragments);
    if (denied instanceof Unmapped) return denied;
    floors.push(['deny-ciphers', denied.join(', ')]);
  }
  const compared = level === 'fingerprint' ? pinned(matches) : named(level, matches, pattern);
  return compared instanceof Unmapped ? compared : [...compared, ...floors];
}

/** `deny-ciphers` for words of `exclude=`; each must come back as it was. */
function deniedFor(words: readonly string[]): readonly string[] | Unmapped {
  const fragments = words.map((word) => word.toLowerCase());
  const excluded = new Set(excludedCiphers(fragments));
  const lost = words.find((word) => !excluded.has(word) || parseCipherFragment(word) instanceof Invalid);
  if (lost !== undefined) return new Unmapped(`exclude=${lost} is not a cipher that deny-ciphers knows`);
  return [...new Set(fragments)];
}

function pinned(matches: readonly string[]): Requirement | Unmapped {
  const digests: string[] = [];
  for (const text of matches.flatMap((one) => one.split('|'))) {
    const digest = parseFingerprint(text);
    if (digest instanceof Invalid) return new Unmapped(`match=${text} is not a digest of a known length`);
    digests.push(digest);
  }
  return [
    ['deliver', 'fingerprint'],
    ['fingerprint', [...new Set(digests)].join(', ')],
  ];
}

/** Level and names for `match=` at verify and secure; every other level has none. */
function named(level: string, matches: readonly string[], pattern: Pattern): Requirement | Unmapped {
  const words = new Set(matches.flatMap((one) => one.toLowerCase().split(':')));
  if (words.size === 0) return [['deliver', level]];
  if (words.has('hostname')) {
    if (words.size === 1) return [['deliver', 'verify']];
    return new Unmapped('match=hostname beside other names; a row compares one or the other');
  }
  if (words.size === 2 && words.has('nexthop') && words.has('dot-nexthop')) return [['deliver', 'secure']];
  const names: string[] = [];
  for (const word of words) {
    const nextHop = word === 'nexthop' || word === 'dot-nexthop';
    const host = nextHop ? hostOf(pattern) : null;
    if (nextHop && host === null)
      return new Unmapped(`match=${word} for ${pattern.text}, which is not a single name`);
    const text = host === null ? word : word === 'nexthop' ? host : `.${host}`;
    const name = parseServerName(text);
    if (name instanceof Invalid) return new Unmapped(`match=${text} is not a name with two labels or more`);
    names.push(name);
  }
  return [
    ['deliver', level],
    ['server-names', [...new Set(names)].join(', ')],
  ];
}

/** The name of the next hop that a pattern is for; null when there are many, or it is an address. */
function hostOf({ kind, text }: Pattern): string | null {
  if (kind === 'domain') return text;
  const hop = kind === 'nextHop' ? parseNextHop(text) : null;
  return hop?.kind !== 'hop' || hop.name.startsWith('[') ? null : hop.name;
}
