/**
 * The tree over the lines of a day: RFC 6962 section 2.1, with the proofs of RFC 9162 sections 2.1.3 and 2.1.4.
 *
 *   leaf = SHA-256(0x00 || line without its LF)      node = SHA-256(0x01 || left || right)
 *
 * The tree of n leaves splits at the largest power of two below n; the tree of none has the hash of no bytes.
 * A frontier holds the roots of the complete subtrees, at most one a bit of the size, and is all that appending
 * needs. Sizes are safe integers, so nothing here uses the 32-bit operators.
 */
import * as crypto from 'node:crypto';

export const HASH_BYTES = 32;

// taken out once: in the bundle each use of a name of the whole module calls a getter
const { createHash, hash } = crypto;

const LEAF = Buffer.from([0]);

/** SHA-256 of `bytes`, written into `target` from `at` on: no object is made for each hash. */
export const sha256Into: (bytes: Uint8Array, target: Buffer, at: number) => void =
  // since Node.js 20.12, and less than half the time of createHash; `binary` is the cheapest way out of it
  typeof hash === 'function'
    ? (bytes, target, at) => void target.write(hash('sha256', bytes, 'binary'), at, HASH_BYTES, 'binary')
    : (bytes, target, at) => void target.set(createHash('sha256').update(bytes).digest(), at);

/** SHA-256 of `bytes` in base64url. */
export const sha256Text: (bytes: Uint8Array) => string =
  typeof hash === 'function'
    ? (bytes) => hash('sha256', bytes, 'base64url')
    : (bytes) => createHash('sha256').update(bytes).digest('base64url');

/** The leaf of a line, which comes without its LF; a string is hashed as UTF-8. */
export function leafHash(line: string | Uint8Array): Buffer {
  return createHash('sha256').update(LEAF).update(line).digest();
}

const pair = Buffer.alloc(1 + 2 * HASH_BYTES, 1);

export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  pair.set(left, 1);
  pair.set(right, 1 + HASH_BYTES);
  const node = Buffer.alloc(HASH_BYTES);
  sha256Into(pair, node, 0);
  return node;
}

/** The root of a growing tree. Holds one hash for each bit that is set in the size. */
export class Frontier {
  #size: number;
  /** The roots of the complete subtrees one behind the other, largest first. */
  readonly #stack = Buffer.alloc(64 * HASH_BYTES);
  #height = 0;

  /** Goes on from a tree of `size` lines; throws RangeError unless `hashes` has one hash for each bit of it. */
  constructor(size = 0, hashes: readonly Uint8Array[] = []) {
    if (!isSize(size) || hashes.length !== bits(size) || hashes.some((one) => one.length !== HASH_BYTES))
      throw new RangeError(`${hashes.length} hashes are no frontier of ${size} lines`);
    this.#size = size;
    for (const hash of hashes) this.#stack.set(hash, HASH_BYTES * this.#height++);
  }

  get size(): number {
    return this.#size;
  }

  /** Appends one leaf hash; the bytes are copied. */
  add(leaf: Uint8Array): void {
    this.#stack.set(leaf, HASH_BYTES * this.#height++);
    this.#merge();
  }

  /** Appends the leaf whose hash is that of `bytes`: 0x00 and the line. */
  addHashOf(bytes: Uint8Array): void {
    sha256Into(bytes, this.#stack, HASH_BYTES * this.#height++);
    this.#merge();
  }

  #merge(): void {
    this.#size++;
    this.complete(1, this.#stack, HASH_BYTES * (this.#height - 1));
    // two complete subtrees of one size become one, as often as the size before ends in ones
    for (let size = 2; this.#size % size === 0; size *= 2) {
      const at = HASH_BYTES * (--this.#height - 1);
      this.#stack.copy(pair, 1, at, at + 2 * HASH_BYTES);
      sha256Into(pair, this.#stack, at);
      this.complete(size, this.#stack, at);
    }
  }

  /** Called for each subtree that becomes complete: it ends with the last leaf; its hash stands in `bytes` at `at`. */
  protected complete(_size: number, _bytes: Buffer, _at: number): void {}

  root(): Buffer {
    const hashes = this.hashes();
    if (hashes.length === 0) return createHash('sha256').digest();
    return hashes.reduceRight((right, left) => nodeHash(left, right));
  }

  /** Copies of the roots of the complete subtrees, largest first. */
  hashes(): Buffer[] {
    return Array.from({ length: this.#height }, (_, i) =>
      Buffer.from(this.#stack.subarray(HASH_BYTES * i, HASH_BYTES * (i + 1))),
    );
  }
}

/** Leaves `from` up to but without `to`. */
type Range = readonly [from: number, to: number];

/** The subtrees whose roots are the audit path of a leaf, in the order of the path (RFC 9162 section 2.1.3.1). */
export function inclusionRanges(index: number, size: number): Range[] {
  if (!isSize(size) || !isSize(index) || index >= size) throw new RangeError(`no leaf ${index} in ${size}`);
  const ranges: Range[] = [];
  for (let from = 0, to = size; to - from > 1; ) {
    const middle = from + split(to - from);
    if (index < middle) {
      ranges.push([middle, to]);
      to = middle;
    } else {
      ranges.push([from, middle]);
      from = middle;
    }
  }
  return ranges.reverse();
}

/** The subtrees whose roots are a consistency proof, in its order (RFC 9162 section 2.1.4.1). */
export function consistencyRanges(oldSize: number, newSize: number): Range[] {
  if (!isSize(oldSize) || !isSize(newSize) || oldSize > newSize)
    throw new RangeError(`no consistency proof from ${oldSize} to ${newSize} lines`);
  if (oldSize === 0 || oldSize === newSize) return [];
  const ranges: Range[] = [];
  let from = 0;
  let to = newSize;
  while (oldSize < to) {
    const middle = from + split(to - from);
    if (oldSize <= middle) {
      ranges.push([middle, to]);
      to = middle;
    } else {
      ranges.push([from, middle]);
      from = middle;
    }
  }
  // the old root itself is known to who checks
  if (from > 0) ranges.push([from, to]);
  return ranges.reverse();
}

/** A growing tree that keeps the roots of some subtrees: those of audit paths and of consistency proofs. */
export class RangeRoots extends Frontier {
  readonly #ranges: readonly Range[];
  /** By size, by the first leaf: complete subtrees that are wanted. */
  readonly #wanted = new Map<number, Map<number, Buffer | null>>();

  constructor(ranges: readonly Range[]) {
    super();
    this.#ranges = ranges;
    for (const [from, to] of ranges) {
      const found = this.#wanted.get(to - from) ?? new Map<number, Buffer | null>();
      this.#wanted.set(to - from, found.set(from, null));
    }
  }

  protected override complete(size: number, bytes: Buffer, at: number): void {
    const from = this.size - size;
    const wanted = this.#wanted.get(size);
    if (wanted?.has(from) === true) wanted.set(from, Buffer.from(bytes.subarray(at, at + HASH_BYTES)));
  }

  /** In the order of the ranges, when all leaves were added. */
  roots(): Buffer[] {
    return this.#ranges.map(([from, to]) => this.#wanted.get(to - from)?.get(from) ?? this.#edge(from, to));
  }

  /** Of a range that ends where the tree does, and is no complete subtree. */
  #edge(from: number, to: number): Buffer {
    const parts: Buffer[] = [];
    let rest = this.size;
    for (const hash of this.hashes()) {
      if (this.size - rest >= from) parts.push(hash);
      rest -= largestPower(rest);
    }
    if (to !== this.size || parts.length === 0)
      throw new RangeError(`leaves ${from} to ${to} are no subtree`);
    return parts.reduceRight((right, left) => nodeHash(left, right));
  }
}

/** The audit path of a leaf, its sibling first; `leaves`: the leaf hashes one behind the other. */
export function inclusionPath(leaves: Uint8Array, index: number, size: number): Buffer[] {
  return rootsOf(leaves, size, inclusionRanges(index, size));
}

/** The proof that the tree of `newSize` leaves begins with that of `oldSize`. */
export function consistencyPath(leaves: Uint8Array, oldSize: number, newSize: number): Buffer[] {
  return rootsOf(leaves, newSize, consistencyRanges(oldSize, newSize));
}

function rootsOf(leaves: Uint8Array, size: number, ranges: readonly Range[]): Buffer[] {
  if (leaves.length < size * HASH_BYTES) throw new RangeError(`fewer than ${size} leaves`);
  const roots = new RangeRoots(ranges);
  for (let i = 0; i < size; i++) roots.add(leaves.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES));
  return roots.roots();
}

/** The root that a path leads to (RFC 9162 section 2.1.3.2), or null if it is no path of that leaf and size. */
export function rootOfInclusion(
  leaf: Uint8Array,
  index: number,
  size: number,
  path: readonly Uint8Array[],
): Buffer | null {
  if (!isSize(index) || !isSize(size) || index >= size || !areHashes([leaf, ...path])) return null;
  let [fn, sn] = [index, size - 1];
  let root: Buffer = Buffer.from(leaf);
  for (const hash of path) {
    if (sn === 0) return null;
    if (fn % 2 === 1 || fn === sn) {
      root = nodeHash(hash, root);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [half(fn), half(sn)];
    } else root = nodeHash(root, hash);
    [fn, sn] = [half(fn), half(sn)];
  }
  return sn === 0 ? root : null;
}

/** Does the path prove that the newer tree begins with the older one (RFC 9162 section 2.1.4.2)? */
export function isConsistent(
  oldSize: number,
  oldRoot: Uint8Array,
  newSize: number,
  newRoot: Uint8Array,
  path: readonly Uint8Array[],
): boolean {
  if (!isSize(oldSize) || !isSize(newSize) || oldSize > newSize || !areHashes([oldRoot, newRoot, ...path]))
    return false;
  const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
  if (oldSize === newSize) return path.length === 0 && same(oldRoot, newRoot);
  if (oldSize === 0) return path.length === 0 && same(oldRoot, new Frontier().root());
  const [first, ...rest] = bits(oldSize) === 1 ? [oldRoot, ...path] : path;
  if (first === undefined) return false;
  let [fn, sn] = [oldSize - 1, newSize - 1];
  while (fn % 2 === 1) [fn, sn] = [half(fn), half(sn)];
  let [older, newer] = [first, first];
  for (const hash of rest) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      older = nodeHash(hash, older);
      newer = nodeHash(hash, newer);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [half(fn), half(sn)];
    } else newer = nodeHash(newer, hash);
    [fn, sn] = [half(fn), half(sn)];
  }
  return sn === 0 && same(older, oldRoot) && same(newer, newRoot);
}

function isSize(size: number): boolean {
  return Number.isSafeInteger(size) && size >= 0;
}

function areHashes(hashes: readonly Uint8Array[]): boolean {
  return hashes.every((hash) => hash.length === HASH_BYTES);
}

const half = (size: number): number => Math.floor(size / 2);

/** How many bits are set. */
function bits(size: number): number {
  let count = 0;
  for (let rest = size; rest > 0; rest = half(rest)) count += rest % 2;
  return count;
}

/** The largest power of two that is not above `size`, which is 1 or more. */
export function largestPower(size: number): number {
  let power = 1;
  while (power * 2 <= size) power *= 2;
  return power;
}

/** Where a tree of `size` leaves, 2 or more, splits: the largest power of two below it. */
function split(size: number): number {
  return largestPower(size - 1);
}
