/**
 * The records of a day that have one of several keys, by looking at all of its bytes: no line is parsed unless a text of
 * a key stands in it.
 *
 * Each text is looked for by itself, at some 5 GB/s. Many of them would be as many passes, so pseudonyms of one domain
 * are found by their domain, and many keys of one kind by the name of their field; what stands before or behind is then
 * looked up.
 */
import { chunksOf } from '../archive/readDay.ts';
import type { EvidenceRecord } from '../evidence/record.ts';
import { written } from './lineKeys.ts';
import { readRecord } from './readRecord.ts';
import { hasKey, KEY_FIELDS, type Key, type KeyKind } from './recordKeys.ts';

/** What is found on the way and is no record. */
export interface Trouble {
  /** Lines that have a key and are no record. */
  unreadable: number;
}

const LF = 10;
const QUOTE = 0x22;
/** In front of its domain. */
const PSEUDONYM = /^(h:\d{4}-\d{2}:[\w-]{16})(@.*)$/;
const PSEUDONYM_BYTES = 26;
/** More passes than these are not made for keys of one kind. */
const MAX_PASSES = 3;

/** A text that stands in lines with a key. */
interface Needle {
  readonly bytes: Buffer;
  /** One of these must stand in front of it; null: anything. */
  readonly before: ReadonlySet<string> | null;
  /** One of these must stand between it and the next quote; null: anything. */
  readonly after: ReadonlySet<string> | null;
}

/** In the order of the lines. Throws the error of open(2) or read(2). */
export function* scanLines(file: string, keys: readonly Key[], trouble: Trouble): Generator<EvidenceRecord> {
  const needles = needlesOf(keys);
  for (const { bytes, start, end } of chunksOf(file)) {
    const lines = bytes.subarray(0, end);
    const begins = new Set<number>();
    for (const needle of needles)
      for (let at = lines.indexOf(needle.bytes, start); at >= 0; ) {
        const found = fits(lines, at, needle);
        if (found) begins.add(Math.max(start, lines.lastIndexOf(LF, at) + 1));
        at = lines.indexOf(needle.bytes, found ? lines.indexOf(LF, at) + 1 : at + 1);
      }
    for (const begin of [...begins].sort((a, b) => a - b)) {
      const record = readRecord(lines.subarray(begin, lines.indexOf(LF, begin)));
      if (record === null) trouble.unreadable++;
      else if (keys.some((key) => hasKey(record, key))) yield record;
    }
  }
}

function fits(lines: Buffer, at: number, { bytes, before, after }: Needle): boolean {
  if (before !== null && !before.has(lines.toString('latin1', at - PSEUDONYM_BYTES, at))) return false;
  if (after === null) return true;
  const from = at + bytes.length;
  return after.has(lines.toString('latin1', from, lines.indexOf(QUOTE, from)));
}

function needlesOf(keys: readonly Key[]): Needle[] {
  const byKind = new Map<KeyKind, string[]>();
  for (const { kind, text } of keys) byKind.set(kind, [...(byKind.get(kind) ?? []), text]);
  return [...byKind].flatMap(([kind, texts]) => needlesOfKind(kind, texts));
}

function needlesOfKind(kind: KeyKind, texts: readonly string[]): Needle[] {
  const single: Needle[] = [];
  const byDomain = new Map<string, Set<string>>();
  for (const text of texts) {
    const [, pseudonym, domain] =
      kind === 'address' || kind === 'messageId' ? (PSEUDONYM.exec(text) ?? []) : [];
    if (pseudonym === undefined || domain === undefined) single.push(...needlesOfKey(kind, text));
    else byDomain.set(domain, (byDomain.get(domain) ?? new Set()).add(pseudonym));
  }
  const grouped = [...byDomain].map(([domain, before]): Needle => {
    return { bytes: Buffer.from(`${domain}"`), before, after: null };
  });
  const needles = [...single, ...grouped];
  return needles.length > MAX_PASSES ? (byField(kind, texts) ?? needles) : needles;
}

function needlesOfKey(kind: KeyKind, text: string): Needle[] {
  const whole = { before: null, after: null };
  const quoted = `"${written(text).toString()}"`;
  if (kind === 'type') return [{ ...whole, bytes: Buffer.from(`"type":${quoted}`) }];
  const needle = { ...whole, bytes: Buffer.from(quoted) };
  return kind === 'domain' ? [needle, { ...whole, bytes: Buffer.from(`@${quoted.slice(1)}`) }] : [needle];
}

/** One pass for each field of the kind; null where a key may stand in a list, or behind an escaped quote. */
function byField(kind: KeyKind, texts: readonly string[]): Needle[] | null {
  if (kind === 'address' || kind === 'domain') return null;
  const after = new Set(texts.map((text) => written(text).toString('latin1')));
  if ([...after].some((text) => text.includes('\\'))) return null;
  const fields = Object.keys(KEY_FIELDS).filter((name) => KEY_FIELDS[name] === kind);
  return fields.map((name) => ({ bytes: Buffer.from(`"${name}":"`), before: null, after }));
}
