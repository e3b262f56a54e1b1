/**
 * `Authentication-Results` (RFC 8601): writes the `x-tls` result in the form that other tools read, and tells
 * whether an existing field claims to be ours.
 *
 * Written form, that of fastmail's authentication_milter (Mail::Milter::Authentication::Handler::TLS):
 *
 *   mx.example.org; x-tls=pass smtp.version=TLSv1.3 smtp.cipher=TLS_AES_256_GCM_SHA384 smtp.bits=256
 *
 * `pass`: protected; `policy`: encrypted, but not as a row requires; `none`: no TLS; `neutral`: not known.
 * These are result names of RFC 8601 section 2.7; a reader that knows only `pass` reads the others as "no",
 * which is right. `smtp.` says that the property comes from the SMTP session. The field is not signed: it can
 * be trusted only where forged copies are removed.
 *
 * Reading, for section 5 ("an MTA MUST delete any that claim, by their authserv-id, to have been added within
 * its trust boundary"):
 *
 *   value = [CFWS] authserv-id [CFWS version] ...        authserv-id = token or quoted-string (RFC 2045)
 *
 * Comments nest and hold quoted pairs, folds are white space, names compare as domain names do (case, final
 * dot, U-labels). A token ends at the first character that no token has, so `mx.example.org/1` is read as
 * `mx.example.org`; Microsoft's fields begin with `spf=pass` and have no authserv-id, so they match none of
 * ours. A value with no token at its start, or with an unclosed comment or quoted string, could be read as
 * anyone's: it counts as ours and is removed.
 *
 * Limit: an authserv-id is searched for in the first 10,000 characters.
 */
import { canonicalDomain, nameMatches } from '../core/domain.ts';
import type { MarkFields } from './markFields.ts';

export const AUTH_RESULTS_NAME = 'Authentication-Results';
const MAX_LOOKED_AT = 10_000;
/** RFC 2045 section 5.1: printable ASCII without white space and these. */
const TOKEN = /^[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+$/;

/** A token, which may also contain characters beyond ASCII. */
const TOKEN_AT = /[!#$%&'*+\-.0-9A-Z^_`a-z{|}~\x80-\uffff]+/y;
/** Anything longer is not a domain name. */
const MAX_ID = 1024;

/** The result word for a mark's state. */
function tlsResult(fields: MarkFields): 'pass' | 'policy' | 'none' | 'neutral' {
  if (fields.state === 'protected') return 'pass';
  if (fields.state === 'unknown') return 'neutral';
  return fields.protocol === '' ? 'none' : 'policy';
}

/** The header value, folded with LF and a space. Throws RangeError when `authservId` is not a token. */
export function formatAuthResults(authservId: string, fields: MarkFields): string {
  if (!TOKEN.test(authservId))
    throw new RangeError('an authserv-id is a token: letters, digits, ".", "-", "_"');
  const properties = [
    ['version', fields.protocol],
    ['cipher', fields.cipher],
    ['bits', fields.bits === null ? '' : String(fields.bits)],
  ] as const;
  const said = properties.filter(([, value]) => value !== '');
  return `${authservId};\n x-tls=${[
    tlsResult(fields),
    ...said.map(([name, value]) => `smtp.${name}=${tokenOrQuoted(value)}`),
  ].join(' ')}`;
}

/** Foreign text as a token or a quoted string of printable ASCII, at most 128 characters. */
function tokenOrQuoted(text: string): string {
  const clean = text.slice(0, 128).replace(/[^\x20-\x7e]/g, '?');
  return TOKEN.test(clean) ? clean : `"${clean.replace(/["\\]/g, '\\$&')}"`;
}

/** Skips folding white space and comments from `at`; -1 when a comment never ends. */
function skipCfws(text: string, at: number): number {
  let depth = 0;
  let i = at;
  for (; i < text.length; i++) {
    const char = text[i]!;
    if (depth > 0 && char === '\\') i++;
    else if (char === '(') depth++;
    else if (char === ')' && depth > 0) depth--;
    else if (depth === 0 && !' \t\r\n'.includes(char)) break;
  }
  return depth > 0 ? -1 : i;
}

/** The authserv-id as written, without quoting; null when the value cannot be parsed. */
export function authservIdOf(value: string): string | null {
  const text = value.slice(0, MAX_LOOKED_AT);
  let i = skipCfws(text, 0);
  if (i < 0 || i >= text.length) return null;
  if (text[i] === '"') {
    let id = '';
    for (i++; i < text.length && text[i] !== '"'; i++) {
      if (text[i] === '\\') i++;
      const char = text[i];
      if (char !== undefined && char !== '\r' && char !== '\n') id += char;
    }
    return i < text.length ? id : null;
  }
  TOKEN_AT.lastIndex = i;
  return TOKEN_AT.exec(text)?.[0] ?? null;
}

/**
 * Does the field claim to be ours? `ids` are our authserv-ids; one with a leading dot matches all names below
 * it. Bytes beyond ASCII (one character each) are read as UTF-8. A value that cannot be parsed, or that has
 * bytes beyond ASCII and is not a domain name, counts as ours.
 */
export function claimsToBeOurs(value: string, ids: readonly string[]): boolean {
  const id = authservIdOf(value);
  if (id === null) return true;
  const found = comparable(id);
  if (found === null) return true;
  return ids.some((own) => {
    const dot = own.startsWith('.');
    const wanted = comparable(dot ? own.slice(1) : own) ?? own.toLowerCase();
    return nameMatches(dot ? `.${wanted}` : wanted, found);
  });
}

/**
 * Canonical domain where it is one, lower case otherwise; null for what is neither ASCII nor a domain name.
 */
function comparable(written: string): string | null {
  let end = written.length;
  while (written[end - 1] === '.') end--;
  const id = written.slice(0, end);
  if (/^[\x20-\x7e]*$/.test(id)) return (id.length > MAX_ID ? null : canonicalDomain(id)) ?? id.toLowerCase();
  if (id.length > MAX_ID) return null;
  const wide = /[^\0-\xff]/.test(id);
  return canonicalDomain(
    wide ? id : new TextDecoder().decode(Uint8Array.from(id, (char) => char.charCodeAt(0))),
  );
}
