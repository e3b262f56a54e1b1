/** A seeded source of values for property tests: the same seed gives the same run, and a failing run names its seed. */

export interface Generator {
  readonly seed: number;
  /** 0 <= integer < below. */
  integer(below: number): number;
  pick<T>(from: readonly T[]): T;
  /** A text of up to `length` characters, mostly plain, with some that cause trouble. */
  text(length: number): string;
}

const TROUBLE = [
  ...'\0\t\n\r \x1b"%()*+,-./:;<=>?@[\\]_`{|}~\x7f\x85\xa0\xe9\xff\u2028\u202e\ufeff\ud83d\ude00',
];

/** mulberry32; the seed comes from TLSWARD_SEED or the clock. */
export function generator(seed = Number(process.env.TLSWARD_SEED ?? Date.now() % 2 ** 31)): Generator {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const integer = (below: number): number => Math.floor(next() * below);
  const pick = <T>(from: readonly T[]): T => from[integer(from.length)]!;
  const text = (length: number): string => {
    let out = '';
    for (let i = integer(length + 1); i > 0; i--) {
      out += integer(4) === 0 ? pick(TROUBLE) : String.fromCharCode(0x21 + integer(94));
    }
    return out;
  };
  return { seed, integer, pick, text };
}
