/**
 * Verdict codes: what a refused sender reads out on the telephone and `tlsward lookup` turns back into the transaction.
 *
 * Eight characters of Crockford's base 32 (no I, L, O, U): four random ones for this run of the daemon, then a counter of
 * at least four. Unique within a run; two runs share a prefix once in a million.
 */
const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

function base32(value: number, width: number): string {
  let text = '';
  for (let rest = value; rest > 0; rest = Math.floor(rest / 32)) text = DIGITS[rest % 32] + text;
  return text.padStart(width, '0');
}

/** A source of codes; `random` is a number in [0, 1) that picks the prefix. */
export function createCodes(random: number): () => string {
  const prefix = base32(Math.floor(random * 32 ** 4), 4);
  let count = 0;
  return () => prefix + base32(count++, 4);
}

/** What a person typed, in the form codes are kept: upper case, look-alikes folded, brackets and blanks gone. */
export function normaliseCode(text: string): string {
  return text
    .toUpperCase()
    .replace(/[^0-9A-Z]/g, '')
    .replace(/O/g, '0')
    .replace(/[IL]/g, '1');
}
