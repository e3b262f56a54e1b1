/**
 * Says which lines of a day are not what was signed: changed, removed, inserted or out of order. Only for a day of
 * which `hashDay` already says that it does not hold.
 *
 * What a line itself says is its `n`: lines that are missing, doubled or out of order are named by it, unless whoever
 * changed the file counted anew. What the signed checkpoints say is in signedSubtrees.ts: which lines are proven,
 * and among which there is one that was changed. Nothing is concluded from what a line says beyond that.
 */
import { count } from '../core/plural.ts';
import type { Checkpoint } from '../evidence/checkpoint.ts';
import { HASH_BYTES } from '../evidence/merkle.ts';
import { type Leaves, MAX_LEAVES, readLeaves } from './readLeaves.ts';
import { joined, judgeSubtrees, type Span } from './signedSubtrees.ts';

export interface Finding {
  readonly kind:
    | 'changed'
    | 'missing'
    | 'inserted'
    | 'order'
    | 'unproven'
    | 'size'
    | 'checkpoint'
    | 'chain'
    | 'rest';
  readonly words: string;
  /** Lines of the file, counted from 1, first and last of each range. */
  readonly lines?: readonly (readonly [first: number, last: number])[];
}

/** More of one kind are counted, not named. */
const MAX_NAMED = 20;

/** `checkpoints`: those that the key signed, smallest first. Throws what `chunksOf` does, but for a line without end. */
export function locate(file: string, checkpoints: readonly Checkpoint[]): Finding[] {
  const leaves = readLeaves(file);
  // whoever signs can sign any size: no loop may follow it
  const near = checkpoints.filter(({ size }) => size <= MAX_LEAVES);
  const size = near.at(-1)?.size ?? 0;
  const places = placesOf(leaves, size);
  const leaf = (line: number): Buffer => leaves.hashes.subarray(HASH_BYTES * line, HASH_BYTES * (line + 1));
  const judged = judgeSubtrees(near, (n) => linesAt(places, n).map(leaf));
  const findings = [
    ...unnumbered(leaves, places),
    ...doubled(places.more, judged.chosen),
    ...outOfOrder(leaves, places),
    ...missing(places, size),
    ...capped(judged.changed.map((spans) => changed(spans, places))),
  ];
  const unknown = joined(judged.unknown.flatMap((span) => present(span, places)));
  if (unknown.length > 0)
    findings.push({
      kind: 'unproven',
      words: `${spansText(unknown)} cannot be proven: lines beside them are missing or doubled`,
      lines: unknown.map((span) => linesOfSpan(span, places)),
    });
  if (leaves.cut || near.length < checkpoints.length)
    findings.push({ kind: 'unproven', words: cutWords(leaves) });
  return findings;
}

function cutWords({ count: read, cut }: Leaves): string {
  return cut && read < MAX_LEAVES
    ? `after line ${read} no line ends where one must`
    : `only the first ${MAX_LEAVES} lines were looked at closely`;
}

/** Which lines, from 0, claim an `n`. */
interface Places {
  /** By `n`, below the number of lines or of signed lines: the first line that claims it, or -1. */
  readonly first: Int32Array;
  /** By `n`: all lines, where there are several, or where `n` is beyond `first`. */
  readonly more: ReadonlyMap<number, readonly number[]>;
}

function placesOf({ n, count: lines }: Leaves, size: number): Places {
  const first = new Int32Array(Math.max(lines, size)).fill(-1);
  const more = new Map<number, number[]>();
  for (let line = 0; line < lines; line++) {
    const claimed = n[line]!;
    if (claimed < 0) continue;
    const before = first[claimed];
    const all = more.get(claimed);
    if (before === -1) first[claimed] = line;
    else if (all !== undefined) all.push(line);
    else more.set(claimed, before === undefined ? [line] : [before, line]);
  }
  return { first, more };
}

function linesAt({ first, more }: Places, n: number): readonly number[] {
  const line = first[n] ?? -1;
  return more.get(n) ?? (line < 0 ? [] : [line]);
}

function isThere({ first, more }: Places, n: number): boolean {
  return (first[n] ?? -1) >= 0 || more.has(n);
}

/** `line 18`; lines are shown as an editor counts them. */
const lineText = (line: number): string => `line ${line + 1}`;

function capped(findings: readonly Finding[]): Finding[] {
  const more = findings.length - MAX_NAMED;
  if (more <= 0) return [...findings];
  return [
    ...findings.slice(0, MAX_NAMED),
    { kind: 'changed', words: `and in ${count(more, 'more range')} of lines` },
  ];
}

/** Lines of one kind: the first are named, the others counted. */
class Named {
  readonly #kind: Finding['kind'];
  readonly #shown: Finding[] = [];
  #count = 0;

  constructor(kind: Finding['kind']) {
    this.#kind = kind;
  }

  add(line: number, words: () => string): void {
    if (this.#count++ < MAX_NAMED)
      this.#shown.push({ kind: this.#kind, words: words(), lines: [[line + 1, line + 1]] });
  }

  findings(): Finding[] {
    const more = this.#count - this.#shown.length;
    if (more === 0) return this.#shown;
    return [...this.#shown, { kind: this.#kind, words: `and ${count(more, 'more line')} of this kind` }];
  }
}

function unnumbered({ n, count: lines }: Leaves, places: Places): Finding[] {
  const found = new Named('changed');
  for (let line = 0; line < lines; line++) {
    if (n[line]! >= 0) continue;
    const expected = line === 0 ? 0 : n[line - 1]! + 1;
    found.add(line, () => {
      const what = `${lineText(line)} does not begin as a record does`;
      if (expected === 0 && line > 0) return what;
      return isThere(places, expected)
        ? `${what}, and no line is missing there: it was inserted`
        : `${what}; it stands where n ${expected} is missing`;
    });
  }
  return found.findings();
}

function doubled(several: Places['more'], chosen: ReadonlyMap<number, number>): Finding[] {
  const found = new Named('inserted');
  for (const [n, lines] of several) {
    if (lines.length === 1) continue;
    const right = chosen.get(n);
    for (const [which, line] of lines.entries()) {
      if (right === undefined ? which === 0 : which === right) continue;
      found.add(line, () =>
        right === undefined
          ? `lines ${listed(lines)} all have n ${n}: only one of them can be the signed one`
          : `${lineText(line)} was inserted: the signed one with n ${n} is ${lineText(lines[right]!)}`,
      );
    }
  }
  return found.findings();
}

function listed(lines: readonly number[]): string {
  const shown = lines.slice(0, MAX_NAMED).map((line) => line + 1);
  return `${shown.join(', ')}${lines.length > MAX_NAMED ? ' and more' : ''}`;
}

/** The fewest lines that one would have to take out so that `n` only grows, by patience sorting. */
function outOfOrder({ n, count: lines }: Leaves, places: Places): Finding[] {
  const tails: number[] = [];
  const before = new Int32Array(lines).fill(-1);
  for (let line = 0; line < lines; line++) {
    const claimed = n[line]!;
    if (claimed < 0) continue;
    let [low, high] = [0, tails.length];
    // lines with the same n are named as doubled, so they may follow each other
    while (low < high) {
      const middle = (low + high) >> 1;
      if (n[tails[middle]!]! <= claimed) low = middle + 1;
      else high = middle;
    }
    if (low > 0) before[line] = tails[low - 1]!;
    tails[low] = line;
  }
  const inOrder = new Uint8Array(lines);
  for (let line = tails.at(-1) ?? -1; line >= 0; line = before[line]!) inOrder[line] = 1;
  const found = new Named('order');
  for (let line = 0; line < lines; line++)
    // one of several with its n is named already
    if (n[line]! >= 0 && inOrder[line] === 0 && linesAt(places, n[line]!).length === 1)
      found.add(line, () => `${lineText(line)} has n ${n[line]}: it is out of order`);
  return found.findings();
}

function missing(places: Places, size: number): Finding[] {
  const gaps: [number, number][] = [];
  let more = 0;
  for (let n = 0; n < size; n++) {
    if (isThere(places, n)) continue;
    const last = gaps.at(-1);
    if (last?.[1] === n) last[1] = n + 1;
    else if (gaps.length < MAX_NAMED) gaps.push([n, n + 1]);
    else more++;
  }
  const shown = gaps.map(([from, to]): Finding => {
    const which = to - from === 1 ? `n ${from}` : `n ${from} to ${to - 1}`;
    return {
      kind: 'missing',
      words: `no line has ${which}: ${count(to - from, 'signed line')} removed or changed`,
    };
  });
  if (more > 0)
    shown.push({ kind: 'missing', words: `and ${count(more, 'more signed line')} removed or changed` });
  return shown;
}

function changed(spans: readonly Span[], places: Places): Finding {
  const [first] = spans;
  const one = spans.length === 1 && first !== undefined && first[1] - first[0] === 1;
  const words = one
    ? `${spansText(spans)} was changed: it is not the one that was signed`
    : `of ${spansText(spans)} at least one was changed: it is not the one that was signed`;
  return { kind: 'changed', words, lines: spans.map((span) => linesOfSpan(span, places)) };
}

/** The parts of a span that have lines. */
function present([from, to]: Span, places: Places): Span[] {
  const spans: [number, number][] = [];
  for (let n = from; n < to; n++) {
    if (!isThere(places, n)) continue;
    const last = spans.at(-1);
    if (last?.[1] === n) last[1] = n + 1;
    else spans.push([n, n + 1]);
  }
  return spans;
}

function spansText(spans: readonly Span[]): string {
  const shown = spans
    .slice(0, MAX_NAMED)
    .map(([from, to]) => (to - from === 1 ? `${from}` : `${from} to ${to - 1}`))
    .join(', ');
  const one = spans.length === 1 && spans[0]![1] - spans[0]![0] === 1;
  return `${one ? 'the line' : 'the lines'} with n ${shown}${spans.length > MAX_NAMED ? ' and more' : ''}`;
}

/** Where the first and the last line of a span stand in the file. */
function linesOfSpan([from, to]: Span, places: Places): readonly [number, number] {
  return [(linesAt(places, from)[0] ?? from) + 1, (linesAt(places, to - 1)[0] ?? to - 1) + 1];
}
