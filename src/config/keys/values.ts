/**
 * Single values of rows and policies: from the text as written, which has passed the schema, to a typed value
 * or to a description of the mistake. An empty list or text is allowed and removes the inherited value.
 */

import { canonicalDomain } from '../../core/domain.ts';
import { escapeText } from '../../core/escape.ts';
import { count } from '../../core/plural.ts';
import { Invalid, quote } from '../ini/problem.ts';
import { didYouMean } from '../ini/suggest.ts';
import { domainFault } from './pattern.ts';

/** Elements between commas, trimmed; `\,` is a comma inside one. An empty text is an empty list. */
export function parseList(text: string): string[] | Invalid {
  if (text.trim() === '') return [];
  const list: string[] = [];
  let element = '';
  for (let i = 0; i < text.length; i++) {
    const escaped = text[i] === '\\' && text[i + 1] === ',';
    if (escaped) i++;
    if (text[i] === ',' && !escaped) {
      list.push(element.trim());
      element = '';
    } else element += text.charAt(i);
  }
  list.push(element.trim());
  return list.includes('') ? new Invalid(quote(text), 'a list with one comma between elements') : list;
}

/** Each element as `parse` reads it, or all mistakes together. Duplicates are removed. */
export function parseListOf<T>(text: string, parse: (element: string) => T | Invalid): T[] | Invalid {
  const list = parseList(text);
  if (list instanceof Invalid) return list;
  const read = new Set<T>();
  const wrong: Invalid[] = [];
  for (const element of list) {
    const value = parse(element);
    if (value instanceof Invalid) wrong.push(value);
    else read.add(value);
  }
  return Invalid.all(wrong) ?? [...read];
}

/** One of the words; for any other text, the hint names the nearest word. */
export function parseWord<T extends string>(text: string, words: readonly T[]): T | Invalid {
  const word = words.find((candidate) => candidate === text);
  return word ?? new Invalid(quote(text), `one of ${words.join(', ')}`, didYouMean(text, words));
}

/** A certificate name: a domain, or `.suffix` for every name below it; canonical. */
export function parseClientName(text: string): string | Invalid {
  const suffix = text.startsWith('.');
  const name = canonicalDomain(suffix ? text.slice(1) : text);
  if (name !== null) return suffix ? `.${name}` : name;
  const inner = text.startsWith('*.') ? canonicalDomain(text.slice(2)) : null;
  const hint = inner === null ? domainFault(suffix ? text.slice(1) : text) : `did you mean .${inner}?`;
  return new Invalid(quote(text), 'a domain name or .suffix', hint);
}

/**
 * A name in a server certificate: as above, but with a dot in it, because Postfix gives some single words a
 * special meaning.
 */
export function parseServerName(text: string): string | Invalid {
  const name = parseClientName(text);
  if (name instanceof Invalid || /[^.]\./.test(name)) return name;
  return new Invalid(quote(text), 'a domain name or .suffix with two labels or more');
}

/** Digests that Postfix's `smtpd_tls_fingerprint_digest` can produce, by their length in bytes. */
const DIGESTS: ReadonlyMap<number, string> = new Map([
  [16, 'md5'],
  [20, 'sha1'],
  [32, 'sha256'],
  [64, 'sha512'],
]);

/** A digest in hex, any case, with or without colons, to upper-case pairs with colons. */
export function parseFingerprint(text: string): string | Invalid {
  const expected = `hex digits of ${[...DIGESTS.values()].join(', ')}`;
  const digits = text.replaceAll(':', '');
  const clean =
    /^[0-9a-f]+$/i.test(digits) && (digits === text || /^[0-9a-f]{2}(?::[0-9a-f]{2})+$/i.test(text));
  if (!clean)
    return new Invalid(quote(text), expected, 'pairs of digits, with a colon between all pairs or none');
  if (!DIGESTS.has(digits.length / 2)) {
    const lengths = [...DIGESTS].map(([bytes, name]) => `${name} has ${bytes * 2}`).join(', ');
    return new Invalid(`${quote(text)}, ${count(digits.length, 'hex digit')}`, expected, lengths);
  }
  return (digits.toUpperCase().match(/../g) ?? []).join(':');
}

/** A fragment of a cipher name, lower case. */
export function parseCipherFragment(text: string): string | Invalid {
  if (/^[a-z0-9_-]{2,64}$/i.test(text)) return text.toLowerCase();
  return new Invalid(quote(text), 'parts of cipher names such as CBC, 3DES, TLS_RSA_WITH');
}

/** Bits of the session's key, 0 to 512. */
export function parseBits(text: string): number | Invalid {
  const bits = /^(?:0|[1-9][0-9]{0,2})$/.test(text) ? Number(text) : 513;
  return bits <= 512 ? bits : new Invalid(quote(text), 'a whole number from 0 to 512');
}

const REPLY_FIELDS = ['domain', 'required', 'seen', 'help', 'contact', 'code'] as const;

/** A reply template; null when empty. Every brace must belong to a known field. */
export function parseReply(text: string, limit: number): string | null | Invalid {
  const plain = parsePlainText(text, limit);
  if (plain === null || plain instanceof Invalid) return plain;
  const fields = `only the fields ${REPLY_FIELDS.map((field) => `{${field}}`).join(' ')}`;
  const unknown = [...plain.matchAll(/\{([^{}]*)\}/g)].filter(
    ([, name]) => !REPLY_FIELDS.some((known) => known === name),
  );
  const wrong = Invalid.all(
    unknown.map(([field, name = '']) => new Invalid(quote(field), fields, didYouMean(name, REPLY_FIELDS))),
  );
  if (wrong !== null) return wrong;
  const rest = plain.replace(/\{[a-z]+\}/g, '');
  return /[{}]/.test(rest) ? new Invalid('a brace outside a field', fields) : plain;
}

/** Printable ASCII, at most `limit` characters; null when empty. */
export function parsePlainText(text: string, limit: number): string | null | Invalid {
  if (text === '') return null;
  const odd = /[^ -~]/u.exec(text)?.[0];
  if (odd !== undefined) return new Invalid(quote(odd), 'printable ASCII', 'it is sent in an SMTP reply');
  return withinLimit(text, limit);
}

/** Any printable text, at most `limit` characters; null when empty. */
export function parseText(text: string, limit: number): string | null | Invalid {
  return text === '' ? null : withinLimit(text, limit);
}

function withinLimit(text: string, limit: number): string | Invalid {
  if (text.length <= limit) return text;
  return new Invalid(`${text.length} characters (${escapeText(text, 24)})`, `at most ${limit}`);
}

/** A day that exists, `YYYY-MM-DD`; null when empty. */
export function parseDay(text: string): string | null | Invalid {
  if (text === '') return null;
  const match = /^([0-9]{4})-([0-9]{2})-([0-9]{2})$/.exec(text);
  const expected = 'a date, YYYY-MM-DD';
  if (match === null) return new Invalid(quote(text), expected);
  const [year, month, day] = match.slice(1).map(Number) as [number, number, number];
  const date = new Date(Date.UTC(2000, 0, 1));
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() === month - 1 && date.getUTCDate() === day) return text;
  return new Invalid(quote(text), expected, 'no such day');
}
