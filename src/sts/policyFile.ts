/**
 * Parses the text of an MTA-STS policy file into what `deliver = auto` needs.
 *
 *   version: STSv1
 *   mode: enforce
 *   mx: mail.bank.example
 *   mx: *.bank.example
 *   max_age: 604800
 *
 * Lines end in CRLF or LF, in any order; `name: value`, letter case matters. `version`, `mode` and `max_age`
 * must be there, `mx` too unless the mode is `none`; of a repeated one the first counts, except `mx`. Unknown
 * names are ignored. Blank lines are accepted although the grammar does not allow them: many files end in
 * one.
 *
 * Limits: 65,536 characters, 100 mx lines, max_age 0..31557600 (a year). A name after `mx:` becomes
 * canonical, U-labels included (the RFC wants A-labels; an MX host is compared as A-labels, so refusing
 * U-labels would gain nothing); `*` matches exactly one leftmost label. Any mistake makes the whole policy
 * invalid: half of it would refuse hosts that the whole allows.
 *
 * Sources: RFC 8461 sections 3.2 and 4.1; erratum 6253 (LF as line end).
 */
import { canonicalDomain } from '../core/domain.ts';
import { STS_MODES, type StsMode, type StsPolicy } from '../core/publishedFacts.ts';
import { withoutBlanks } from '../core/withoutBlanks.ts';

type StsPolicyText =
  | { readonly kind: 'policy'; readonly policy: StsPolicy }
  /** `why` names the line by its number and quotes nothing of it. */
  | { readonly kind: 'invalid'; readonly why: string };

/** Of the file, in bytes; RFC 8461 section 3.3 proposes it. */
export const POLICY_LIMIT_BYTES = 65_536;
const MAX_MX = 100;
const MAX_AGE_SECONDS = 31_557_600;
const MAX_LINES = 100;
const MAX_LINE = 512;

const NAME = /^([A-Za-z0-9][A-Za-z0-9_.-]{0,31}):/;
/** Control characters, including a CR that does not end a line. */
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;

/** Never throws. `text` is decoded UTF-8. */
export function parseStsPolicy(text: string): StsPolicyText {
  if (text.length > POLICY_LIMIT_BYTES) return invalid(`longer than ${POLICY_LIMIT_BYTES} characters`);
  const lines = text.split(/\r?\n/);
  const single = new Map<string, { readonly value: string; readonly line: number }>();
  const mx = new Set<string>();
  let patterns = 0;
  for (const [i, line] of lines.entries()) {
    const at = `line ${i + 1}`;
    if (CONTROL.test(line)) return invalid(`${at} has a control character`);
    if (/^[ \t]*$/.test(line)) continue;
    const [head, name] = NAME.exec(line) ?? [];
    if (head === undefined || name === undefined) return invalid(`${at} is not "name: value"`);
    // blanks and tabs: there is no other white space once control characters are refused, but a no-break
    // space is text
    const value = withoutBlanks(line.slice(head.length));
    if (name !== 'mx') {
      if (!single.has(name)) single.set(name, { value, line: i + 1 });
      continue;
    }
    patterns++;
    if (patterns > MAX_MX) return invalid(`more than ${MAX_MX} mx lines`);
    const pattern = mxPattern(value);
    if (pattern === null) return invalid(`${at}: mx is neither a host name nor "*." and a domain name`);
    mx.add(pattern);
  }
  const version = single.get('version');
  if (version === undefined) return invalid('no version');
  if (version.value !== 'STSv1') return invalid(`line ${version.line}: version is not STSv1`);
  const mode = single.get('mode');
  if (mode === undefined) return invalid('no mode');
  if (!isMode(mode.value)) return invalid(`line ${mode.line}: mode is not one of ${STS_MODES.join(', ')}`);
  const age = single.get('max_age');
  if (age === undefined) return invalid('no max_age');
  if (!/^[0-9]{1,10}$/.test(age.value) || Number(age.value) > MAX_AGE_SECONDS) {
    return invalid(`line ${age.line}: max_age is not a number from 0 to ${MAX_AGE_SECONDS}`);
  }
  if (mx.size === 0 && mode.value !== 'none') return invalid('no mx');
  return {
    kind: 'policy',
    policy: { mode: mode.value, mx: [...mx], maxAgeSeconds: Number(age.value), lines: reportLines(lines) },
  };
}

const invalid = (why: string): StsPolicyText => ({ kind: 'invalid', why });

const isMode = (text: string): text is StsMode => (STS_MODES as readonly string[]).includes(text);

/** Canonical, or null. */
function mxPattern(value: string): string | null {
  const wild = value.startsWith('*.');
  const name = canonicalDomain(wild ? value.slice(2) : value);
  if (name === null) return null;
  return wild ? `*.${name}` : name;
}

/**
 * Text for TLSRPT: between braces of an attribute that Postfix reads, so without braces, and without anything
 * that is not printable ASCII.
 */
function reportLines(lines: readonly string[]): string[] {
  return lines
    .map((line) =>
      line
        .replace(/[{}]/g, '')
        .replace(/[^\x20-\x7e]/g, (character) => (character === '\t' ? ' ' : '?'))
        .trim()
        .slice(0, MAX_LINE),
    )
    .filter((line) => line !== '')
    .slice(0, MAX_LINES);
}
