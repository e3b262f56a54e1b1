/**
 * Finds patterns that are allowed but may be mistakes: a `.suffix` row over a whole public suffix, and a name
 * whose labels mix scripts as look-alike names do.
 *
 * The list of public suffixes is a short one of our own, for a warning only: every single label except those
 * reserved for private use or documentation (RFC 2606, RFC 6761, RFC 8375 and `internal`), and the
 * second-level registries that are well known. It is not the public suffix list, and no decision depends on
 * it. Mixed scripts follow the "highly restrictive" level of UTS 39: one script, or Latin with the sets of
 * Chinese, Japanese or Korean.
 */
import { domainToUnicode } from 'node:url';

const PRIVATE = new Set(
  'example test invalid localhost local internal intranet lan home corp private arpa onion alt'.split(' '),
);

const SECOND_LEVEL: Readonly<Record<string, string>> = {
  uk: 'co org ac gov ltd plc me net sch nhs police',
  jp: 'co or ne ac go ad ed gr lg',
  au: 'com net org edu gov id asn',
  nz: 'co net org ac govt geek school',
  br: 'com net org gov edu',
  za: 'co org net gov ac',
  kr: 'co or ne re go ac pe',
  in: 'co net org gov ac edu firm gen ind nic',
  il: 'co org net ac gov muni',
  tr: 'com net org gov edu bel',
  cn: 'com net org gov edu ac',
  tw: 'com net org gov edu idv',
  hk: 'com net org gov edu idv',
  sg: 'com net org gov edu per',
  mx: 'com net org gob edu',
  ar: 'com net org gob edu',
  at: 'co or ac gv',
  pl: 'com net org gov edu',
  ua: 'com net org gov edu',
  th: 'co or ac go in mi net',
  id: 'co or ac go web sch',
};

/** Is the canonical name, without a leading dot, one under which anyone can register? */
export function looksPublic(name: string): boolean {
  const labels = name.split('.');
  const last = labels.at(-1) ?? '';
  if (labels.length === 1) return !PRIVATE.has(last);
  if (labels.length !== 2 || !Object.hasOwn(SECOND_LEVEL, last)) return false;
  return (SECOND_LEVEL[last] ?? '').split(' ').includes(labels[0] ?? '');
}

const SCRIPTS = [
  'Latin',
  'Greek',
  'Cyrillic',
  'Armenian',
  'Georgian',
  'Hebrew',
  'Arabic',
  'Devanagari',
  'Bengali',
  'Tamil',
  'Telugu',
  'Thai',
  'Han',
  'Hiragana',
  'Katakana',
  'Hangul',
  'Bopomofo',
  'Cherokee',
  'Ethiopic',
].map((name) => ({ name, test: new RegExp(`\\p{Script=${name}}`, 'u') }));

const TOGETHER = [
  ['Latin', 'Han', 'Hiragana', 'Katakana'],
  ['Latin', 'Han', 'Bopomofo'],
  ['Latin', 'Han', 'Hangul'],
];

/**
 * The first label of a canonical name that mixes scripts, as "label (Latin and Cyrillic)"; null when none
 * does. Only names with an `xn--` label can.
 */
export function mixedScripts(name: string): string | null {
  if (!name.includes('xn--')) return null;
  for (const label of domainToUnicode(name).split('.')) {
    const found = SCRIPTS.filter((script) => script.test.test(label)).map((script) => script.name);
    if (found.length < 2 || TOGETHER.some((set) => found.every((script) => set.includes(script)))) continue;
    return `${label} (${found.join(' and ')})`;
  }
  return null;
}
