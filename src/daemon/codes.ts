/**
 * Verdict codes: a refused sender can read the code out on the telephone, and `tlsward lookup` finds the
 * transaction by it.
 *
 * A code has eight characters of Crockford's base 32 (no I, L, O, U): four random ones for this run of the
 * daemon, then a counter of at least four. Codes are unique within a run; two runs share a prefix once in a
 * million.
 */
const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

function base32(value: number, width: number): string {
  let text = '';
  for (let rest = value; rest > 0; rest = Math.floor(rest / 32)) text = DIGITS[rest % 32] + text;
  return text.padStart(width, '0');
}

const LAST_TWO = Array.from({ length: 1024 }, (_, number) => base32(number, 2));

/** A source of codes; `random` is a number in [0, 1) that picks the prefix. */
export function createCodes(random: number): () => string {
  const prefix = base32(Math.floor(random * 32 ** 4), 4);
  let count = 0;
  // all but the last two digits
  let head = '';
  return () => {
    const last = count % 1024;
    if (last === 0) head = prefix + base32(count / 1024, 2);
    count++;
    return head + LAST_TWO[last]!;
  };
}

/**
 * Converts what a person typed to the stored form of codes: upper case, look-alikes replaced, without
 * brackets and blanks.
 */
export function normaliseCode(text: string): string {
  return text
    .toUpperCase()
    .replace(/[^0-9A-Z]/g, '')
    .replace(/O/g, '0')
    .replace(/[IL]/g, '1');
}
