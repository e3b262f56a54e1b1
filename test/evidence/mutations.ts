/**
 * Proof files that are not what they were: changed by a seeded generator as text and as JSON. What still says the
 * same as JSON (white space, escapes) is no mutation.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Generator } from '../mark/generator.ts';

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** Strict, as the verifiers read it; undefined: not JSON. */
export function parsed(bytes: Uint8Array): Json | undefined {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)) as Json;
  } catch {
    return undefined;
  }
}

/** Where a value stands, for all values of a kind. */
function places(
  value: Json,
  fits: (one: Json) => boolean,
  path: (string | number)[] = [],
): (string | number)[][] {
  const here = fits(value) ? [path] : [];
  if (typeof value !== 'object' || value === null) return here;
  return here.concat(
    Object.entries(value).flatMap(([name, one]) =>
      places(one as Json, fits, [...path, Array.isArray(value) ? Number(name) : name]),
    ),
  );
}

function at(value: Json, path: readonly (string | number)[]): Json {
  return path.reduce<Json>((one, name) => (one as Record<string, Json>)[name]!, value);
}

/** Does nothing where there is no such place. */
function put(value: Json, path: readonly (string | number)[] | undefined, what: Json | undefined): void {
  if (path === undefined) return;
  const parent = at(value, path.slice(0, -1)) as Record<string, Json>;
  const name = path.at(-1)!;
  if (what !== undefined) parent[name] = what;
  else if (Array.isArray(parent)) parent.splice(name as number, 1);
  else delete parent[name];
}

const ofBytes: readonly ((bytes: Buffer, g: Generator, other: Buffer) => Buffer)[] = [
  // a bit
  (bytes, g) => {
    bytes[g.integer(bytes.length)]! ^= 1 << g.integer(8);
    return bytes;
  },
  // two bytes swapped
  (bytes, g) => {
    const [a, b] = [g.integer(bytes.length), g.integer(bytes.length)];
    [bytes[a], bytes[b]] = [bytes[b]!, bytes[a]!];
    return bytes;
  },
  // a part cut out, or doubled
  (bytes, g) => {
    const from = g.integer(bytes.length);
    const to = from + 1 + g.integer(40);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  (bytes, g) => {
    const from = g.integer(bytes.length);
    const to = from + 1 + g.integer(40);
    return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
  },
  // cut off
  (bytes, g) => bytes.subarray(0, g.integer(bytes.length)),
  // a part of another proof
  (bytes, g, other) => {
    const from = g.integer(Math.min(bytes.length, other.length));
    const to = from + 1 + g.integer(200);
    return Buffer.concat([bytes.subarray(0, from), other.subarray(from, to), bytes.subarray(to)]);
  },
];

const isText = (one: Json): boolean => typeof one === 'string';
const isNumber = (one: Json): boolean => typeof one === 'number';

const ofJson: readonly ((json: Json, g: Generator, other: Json) => void)[] = [
  // a number of lines
  (json, g) => {
    const path = g.pick(places(json, isNumber));
    if (path === undefined) return; // a file without numbers
    const value = at(json, path) as number;
    const values = [
      value + 1,
      value - 1,
      value * 2,
      0,
      -value,
      value + 0.5,
      2 ** 53,
      value ^ 1,
      g.integer(200),
    ];
    put(json, path, g.pick(values));
  },
  // a value of another kind
  (json, g) =>
    put(json, g.pick(places(json, (one) => one !== json)), g.pick<Json>([true, '', [], {}, 0, 'x', [null]])),
  // a field or a hash left out
  (json, g) =>
    put(
      json,
      g.pick(places(json, (one) => one !== json).filter((path) => path.at(-1) !== 'proofs')),
      undefined,
    ),
  // two texts swapped: hashes, lines, notes, keys
  (json, g) => {
    const [a, b] = [g.pick(places(json, isText)), g.pick(places(json, isText))];
    const [first, second] = [at(json, a), at(json, b)];
    put(json, a, second);
    put(json, b, first);
  },
  // a value of another proof at the same place
  (json, g, other) => {
    const path = g.pick(places(json, (one) => isText(one) || isNumber(one)));
    try {
      put(json, path, at(other, path) ?? 'x');
    } catch {
      put(json, path, 'x');
    }
  },
  // a character of a text
  (json, g) => {
    const path = g.pick(places(json, isText));
    const text = at(json, path) as string;
    const i = g.integer(text.length + 1);
    put(
      json,
      path,
      text.slice(0, i) +
        g.pick(['', 'A', '=', '\n', ' ', '+', '\ud800', '\u00a0', '0']) +
        text.slice(i + g.integer(3)),
    );
  },
  // a path that is longer
  (json, g) => {
    const list = at(json, g.pick(places(json, (one) => Array.isArray(one) && one.every(isText)))) as Json[];
    list.splice(g.integer(list.length + 1), 0, list[0] ?? `${'A'.repeat(43)}=`);
  },
  // a field that is not known
  (json, g) => {
    const object = at(
      json,
      g.pick(places(json, (one) => typeof one === 'object' && one !== null && !Array.isArray(one))),
    );
    (object as Record<string, Json>)[g.pick(['more', 'Size', '', '__proto__'])] = 1;
  },
];

/** One of the files, changed; `files`: two or more, each of them proves something. */
export function mutation(files: readonly Buffer[], g: Generator): Buffer {
  for (;;) {
    const original = g.pick(files);
    const other = g.pick(files);
    let changed: Buffer;
    if (g.integer(2) === 0) changed = g.pick(ofBytes)(Buffer.from(original), g, other);
    else {
      const json = parsed(original)!;
      g.pick(ofJson)(json, g, parsed(other)!);
      changed = Buffer.from(JSON.stringify(json));
    }
    const now = parsed(changed);
    // a part of another file can make it that file
    if (now === undefined || !files.some((file) => isDeepStrictEqual(parsed(file), now))) return changed;
  }
}
