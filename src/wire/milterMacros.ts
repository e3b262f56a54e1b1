/**
 * Macros of one stage as received: `name NUL value NUL ...` in one string, one character a byte.
 *
 * Most macros are never read, so the pairs are not split up in advance; a value is found by walking through
 * them. Only names are compared, because a client chooses some of the values. Braces are part of the
 * spelling, not of the name: an MTA sends the name as it was requested, and `tls_version` may have been
 * requested without them. Absent is not the same as empty.
 *
 * Sources: libmilter `smfi_getsymval`, Postfix MILTER_README "Sendmail macro emulation".
 */

/** The value of the first macro of this name (given without braces), or null when the MTA did not send it. */
export function macroValue(macros: string, name: string): string | null {
  for (let at = 0; at < macros.length; ) {
    const nameEnd = macros.indexOf('\0', at);
    const valueEnd = macros.indexOf('\0', nameEnd + 1);
    if (nameEnd < 0 || valueEnd < 0) return null;
    const length = nameEnd - at;
    if (length === name.length) {
      if (macros.startsWith(name, at)) return macros.slice(nameEnd + 1, valueEnd);
    } else if (length === name.length + 2 && macros[at] === '{' && macros[nameEnd - 1] === '}') {
      if (macros.startsWith(name, at + 1)) return macros.slice(nameEnd + 1, valueEnd);
    }
    at = valueEnd + 1;
  }
  return null;
}

/** Pairs in order, for logs and tests. */
export function macroPairs(macros: string): (readonly [name: string, value: string])[] {
  const parts = macros.split('\0');
  const pairs: (readonly [string, string])[] = [];
  for (let i = 0; i + 1 < parts.length; i += 2) pairs.push([parts[i] ?? '', parts[i + 1] ?? '']);
  return pairs;
}

/** The inverse of `macroPairs`. */
export function joinMacros(pairs: Iterable<readonly [name: string, value: string]>): string {
  let text = '';
  for (const [name, value] of pairs) text += `${name}\0${value}\0`;
  return text;
}
