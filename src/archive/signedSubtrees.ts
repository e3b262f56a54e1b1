/**
 * Which lines of a day are proven, and among which there is one that is not what was signed.
 *
 * A signed checkpoint names the hashes of the complete subtrees (its frontier). Each line is judged by the smallest
 * such subtree that holds it: the subtree is computed from its lines and, for its parts that are themselves named by
 * some checkpoint, from their signed hashes. So a line that was changed spoils no other's proof, and of a
 * subtree that differs it is certain that one of its own lines does.
 *
 * Where several lines claim the same `n`, each is tried: if one of them gives the signed hash, the others were
 * inserted.
 */

import type { Checkpoint } from '../evidence/checkpoint.ts';
import { largestPower, nodeHash } from '../evidence/merkle.ts';

/** Choices among lines with the same `n` that are tried for one subtree, and hashes that this may take. */
const MAX_CHOICES = 64;
const MAX_HASHES = 1 << 22;

/** Indexes `from` up to but without `to`. */
export type Span = readonly [from: number, to: number];

/** By index `n`: the leaf hashes of the lines that claim it. None: no line does. */
type LeavesAt = (n: number) => readonly Buffer[];

interface Judged {
  /** What was signed, line by line. */
  readonly proven: readonly Span[];
  /** In each list of spans at least one line is not the one that was signed. */
  readonly changed: readonly (readonly Span[])[];
  /** Lines that cannot be judged, because others of their subtree are missing, or too many could be meant. */
  readonly unknown: readonly Span[];
  /** By `n` with several lines: which of them was signed. */
  readonly chosen: ReadonlyMap<number, number>;
}

interface Subtree {
  readonly from: number;
  readonly size: number;
  readonly hash: Buffer;
}

const keyOf = (from: number, size: number): string => `${from}+${size}`;

export function judgeSubtrees(checkpoints: readonly Checkpoint[], leavesAt: LeavesAt): Judged {
  const subtrees = subtreesOf(checkpoints);
  const signed = new Map(subtrees.map((one) => [keyOf(one.from, one.size), one.hash]));
  const judged = { proven: [] as Span[], changed: [] as Span[][], unknown: [] as Span[] };
  const chosen = new Map<number, number>();
  for (const subtree of subtrees) {
    const own = ownSpans(subtree, signed);
    const several = severalIn(own, leavesAt);
    const choices = several.reduce((product, n) => product * leavesAt(n).length, 1);
    const lines = own.reduce((sum, [from, to]) => sum + to - from, 0);
    if (lines === 0) continue;
    if (choices > 1 && (choices > MAX_CHOICES || choices * lines > MAX_HASHES)) {
      judged.unknown.push(...own);
      continue;
    }
    let fits = -1;
    let holes = false;
    for (let choice = 0; choice < choices && fits < 0 && !holes; choice++) {
      const picked = pick(several, leavesAt, choice);
      const hash = hashOf(
        subtree.from,
        subtree.size,
        signed,
        (n) => leavesAt(n)[picked.get(n) ?? 0] ?? null,
        true,
      );
      if (hash === null) holes = true;
      else if (hash.equals(subtree.hash)) fits = choice;
    }
    if (holes) judged.unknown.push(...own);
    else if (fits < 0) judged.changed.push(own);
    else {
      judged.proven.push(...own);
      for (const [n, which] of pick(several, leavesAt, fits)) chosen.set(n, which);
    }
  }
  judged.changed.sort((a, b) => a[0]![0] - b[0]![0]);
  return { ...judged, proven: joined(judged.proven), unknown: joined(judged.unknown), chosen };
}

/** Without those that occur twice; smaller ones first. */
function subtreesOf(checkpoints: readonly Checkpoint[]): Subtree[] {
  const found = new Map<string, Subtree>();
  for (const { size, frontier } of checkpoints) {
    let from = 0;
    for (const hash of frontier) {
      const part = largestPower(size - from);
      found.set(keyOf(from, part), { from, size: part, hash });
      from += part;
    }
  }
  return [...found.values()].sort((a, b) => a.size - b.size || a.from - b.from);
}

/** The lines of a subtree that are in no smaller signed one. */
function ownSpans({ from, size }: Subtree, signed: ReadonlyMap<string, Buffer>): Span[] {
  const spans: Span[] = [];
  const walk = (start: number, length: number, top: boolean): void => {
    if (!top && signed.has(keyOf(start, length))) return;
    if (length === 1 || !hasWithin(start, length)) spans.push([start, start + length]);
    else {
      walk(start, length / 2, false);
      walk(start + length / 2, length / 2, false);
    }
  };
  const inner = [...signed.keys()].map((key) => key.split('+').map(Number) as [number, number]);
  const hasWithin = (start: number, length: number): boolean =>
    inner.some(([at, part]) => part < length && at >= start && at < start + length);
  walk(from, size, true);
  return joined(spans);
}

/** The hash of a subtree from leaves and signed parts; null: a leaf is missing. */
function hashOf(
  from: number,
  size: number,
  signed: ReadonlyMap<string, Buffer>,
  leaf: (n: number) => Buffer | null,
  top: boolean,
): Buffer | null {
  const known = top ? undefined : signed.get(keyOf(from, size));
  if (known !== undefined) return known;
  if (size === 1) return leaf(from);
  const left = hashOf(from, size / 2, signed, leaf, false);
  const right = left === null ? null : hashOf(from + size / 2, size / 2, signed, leaf, false);
  return left === null || right === null ? null : nodeHash(left, right);
}

function severalIn(spans: readonly Span[], leavesAt: LeavesAt): number[] {
  const several: number[] = [];
  for (const [from, to] of spans)
    for (let n = from; n < to && several.length < MAX_CHOICES; n++)
      if (leavesAt(n).length > 1) several.push(n);
  return several;
}

/** The choice of that number among all of them: which line for each `n`. */
function pick(several: readonly number[], leavesAt: LeavesAt, choice: number): Map<number, number> {
  const picked = new Map<number, number>();
  let rest = choice;
  for (const n of several) {
    const { length } = leavesAt(n);
    picked.set(n, rest % length);
    rest = Math.floor(rest / length);
  }
  return picked;
}

/** In order, and those that touch as one. */
export function joined(spans: readonly Span[]): Span[] {
  const result: [number, number][] = [];
  for (const [from, to] of [...spans].sort((a, b) => a[0] - b[0])) {
    const last = result.at(-1);
    if (last !== undefined && last[1] >= from) last[1] = Math.max(last[1], to);
    else result.push([from, to]);
  }
  return result;
}
