/**
 * The hashes of the keys of a line, from its bytes: no string and no object is made, because a day has a million
 * lines. Only fields of the record itself count, not those of objects in it.
 *
 * A line is what the writer wrote: compact JSON. Of a line that is something else (a file edited by hand) the keys up
 * to there are found; a search compares the whole record anyway.
 */
import { EVENT_TYPES, KEY_FIELDS, KEY_KINDS, type Key, type KeyKind } from './recordKeys.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const AT = 0x40;

const FNV_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** Spreads FNV-1a's bits (the last step of MurmurHash3). */
function spread(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function begin(kind: number): number {
  return Math.imul(FNV_BASIS ^ kind, FNV_PRIME);
}

/** The text as it stands between quotes in a line. */
export function written(text: string): Buffer {
  return Buffer.from(JSON.stringify(text).slice(1, -1));
}

/** 32 bits. */
export function hashOf({ kind, text }: Key): number {
  let hash = begin(KEY_KINDS[kind]);
  for (const byte of written(text)) hash = Math.imul(hash ^ byte, FNV_PRIME);
  return spread(hash);
}

function plainHash(text: string): number {
  let hash = FNV_BASIS;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, FNV_PRIME);
  return hash;
}

const FIELDS = new Map<number, KeyKind>(
  Object.entries(KEY_FIELDS).map(([name, kind]) => [plainHash(name), kind]),
);
const EVENTS: ReadonlySet<number> = new Set(EVENT_TYPES.map((text) => hashOf({ kind: 'type', text })));

/** Called with the hash of each key; some come twice. */
type Found = (hash: number) => void;

/** Finds the keys of the line in `bytes` from `start` to `stop`, its LF. */
export function lineKeys(bytes: Uint8Array, start: number, stop: number, found: Found): void {
  let at = start + 1;
  while (at < stop && bytes[at] === QUOTE) {
    let name = FNV_BASIS;
    for (at++; at < stop && bytes[at] !== QUOTE; at++) name = Math.imul(name ^ bytes[at]!, FNV_PRIME);
    if (bytes[++at] !== COLON) return;
    const kind = FIELDS.get(name);
    const first = bytes[++at];
    if (kind === undefined) at = skipValue(bytes, at, stop);
    else if (first === QUOTE) at = keyOf(bytes, at, stop, kind, found);
    else if (first === OPEN_LIST) {
      at++;
      while (at < stop && bytes[at] === QUOTE) {
        at = keyOf(bytes, at, stop, kind, found);
        if (bytes[at] === COMMA) at++;
      }
      if (bytes[at] !== CLOSE_LIST) return;
      at++;
    } else at = skipValue(bytes, at, stop);
    if (bytes[at] !== COMMA) return;
    at++;
  }
}

/** A string that is a key; returns where it ends. */
function keyOf(bytes: Uint8Array, quote: number, stop: number, kind: KeyKind, found: Found): number {
  let hash = begin(KEY_KINDS[kind]);
  let domain = -1;
  let at = quote + 1;
  for (; at < stop; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) break;
    hash = Math.imul(hash ^ byte, FNV_PRIME);
    if (byte === BACKSLASH) hash = Math.imul(hash ^ bytes[++at]!, FNV_PRIME);
    else if (byte === AT) domain = at;
  }
  const done = spread(hash);
  if (kind !== 'type' || EVENTS.has(done)) found(done);
  if (kind === 'address' && domain >= 0 && domain + 1 < at) {
    let own = begin(KEY_KINDS.domain);
    for (let i = domain + 1; i < at; i++) own = Math.imul(own ^ bytes[i]!, FNV_PRIME);
    found(spread(own));
  }
  return at + 1;
}

/** Where the value that begins at `at` ends. */
function skipValue(bytes: Uint8Array, from: number, stop: number): number {
  let depth = 0;
  for (let at = from; at < stop; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      for (at++; at < stop && bytes[at] !== QUOTE; at++) if (bytes[at] === BACKSLASH) at++;
      if (depth === 0) return at + 1;
    } else if (byte === OPEN_OBJECT || byte === OPEN_LIST) depth++;
    else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
      if (depth === 0) return at;
      if (--depth === 0) return at + 1;
    } else if (byte === COMMA && depth === 0) return at;
  }
  return stop;
}
