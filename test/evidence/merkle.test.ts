import { test } from 'tap';
import {
  consistencyPath,
  consistencyRanges,
  Frontier,
  HASH_BYTES,
  inclusionPath,
  inclusionRanges,
  isConsistent,
  leafHash,
  nodeHash,
  RangeRoots,
  rootOfInclusion,
  sha256Into,
} from '../../src/evidence/merkle.ts';

// the leaves, roots and proofs of the Certificate Transparency reference trees (certificate-transparency,
// merkletree tests; transparency-dev/merkle, testonly/constants.go)
const LEAVES = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
];
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];
const A = '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7';
const B = '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e';
const C = '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4';
const D = 'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b';
const E = 'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0';
const F = '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a';
const INCLUSION: readonly [index: number, size: number, path: readonly string[]][] = [
  [0, 1, []],
  [0, 8, [A, B, C]],
  [5, 8, [D, E, ROOTS[4]!]],
  [2, 3, [ROOTS[2]!]],
  [1, 5, [ROOTS[1]!, B, D]],
];
const CONSISTENCY: readonly [older: number, newer: number, path: readonly string[]][] = [
  [1, 1, []],
  [1, 8, [A, B, C]],
  [6, 8, [F, E, ROOTS[4]!]],
  [2, 5, [B, D]],
];

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const hashes = (count: number): Buffer[] => Array.from({ length: count }, (_, i) => leafHash(`line ${i}`));
const root = (leaves: readonly Uint8Array[]): Buffer => {
  const frontier = new Frontier();
  for (const leaf of leaves) frontier.add(leaf);
  return frontier.root();
};

test('the reference tree', async (t) => {
  const leaves = LEAVES.map((leaf) => leafHash(hex(leaf)));
  const frontier = new Frontier();
  for (const [size, expected] of ROOTS.entries()) {
    t.equal(frontier.size, size);
    t.equal(frontier.root().toString('hex'), expected, `root of ${size}`);
    const again = new Frontier(size, frontier.hashes());
    if (size === LEAVES.length) break;
    frontier.add(leaves[size]!);
    again.addHashOf(Buffer.concat([hex('00'), hex(LEAVES[size]!)]));
    t.same(again.hashes(), frontier.hashes(), 'goes on from its hashes');
  }
  const all = Buffer.concat(leaves);
  for (const [index, size, path] of INCLUSION) {
    t.same(inclusionPath(all, index, size), path.map(hex), `path of ${index} in ${size}`);
    t.equal(rootOfInclusion(leaves[index]!, index, size, path.map(hex))?.toString('hex'), ROOTS[size]);
  }
  for (const [older, newer, path] of CONSISTENCY) {
    t.same(consistencyPath(all, older, newer), path.map(hex), `from ${older} to ${newer}`);
    t.ok(isConsistent(older, hex(ROOTS[older]!), newer, hex(ROOTS[newer]!), path.map(hex)));
  }
  t.equal(nodeHash(leaves[0]!, leaves[1]!).toString('hex'), ROOTS[2]);
  const target = Buffer.alloc(HASH_BYTES + 1);
  sha256Into(Buffer.alloc(0), target, 1);
  t.equal(target.toString('hex'), `00${ROOTS[0]}`);
  t.same(leafHash('é'), leafHash(Buffer.from('c3a9', 'hex')), 'a string is UTF-8');
});

test('every leaf of every tree up to 40', async (t) => {
  const leaves = hashes(40);
  const all = Buffer.concat(leaves);
  let right = 0;
  for (let size = 1; size <= leaves.length; size++) {
    const expected = root(leaves.slice(0, size));
    for (let index = 0; index < size; index++) {
      const path = inclusionPath(all, index, size);
      const leaf = leaves[index]!;
      const proves = (i: number, n: number, p: readonly Uint8Array[]): boolean =>
        rootOfInclusion(leaf, i, n, p)?.equals(expected) === true;
      if (proves(index, size, path)) right++;
      const wrong = [
        proves(index + 1, size, path),
        proves(index - 1, size, path),
        proves(index, index, path),
        proves(index, size, [...path, leaf]),
        size > 1 && proves(index, size, path.slice(1)),
        path.length > 1 && proves(index, size, [...path].reverse()),
      ];
      if (wrong.includes(true)) t.fail(`leaf ${index} of ${size}: ${wrong}`);
    }
  }
  t.equal(right, (40 * 41) / 2);
});

test('every pair of sizes up to 33', async (t) => {
  const leaves = hashes(33);
  const all = Buffer.concat(leaves);
  const roots = Array.from({ length: 34 }, (_, size) => root(leaves.slice(0, size)));
  let right = 0;
  for (let newer = 0; newer <= 33; newer++) {
    for (let older = 0; older <= newer; older++) {
      const path = consistencyPath(all, older, newer);
      const holds = (a: Uint8Array, b: Uint8Array, p = path): boolean => isConsistent(older, a, newer, b, p);
      if (holds(roots[older]!, roots[newer]!)) right++;
      const other = leafHash('other');
      const wrong = [
        holds(other, roots[newer]!),
        older > 0 && holds(roots[older]!, other),
        holds(roots[older]!, roots[newer]!, [...path, other]),
        path.length > 0 && holds(roots[older]!, roots[newer]!, path.slice(0, -1)),
        older !== newer && isConsistent(newer, roots[newer]!, older, roots[older]!, path),
      ];
      if (wrong.includes(true)) t.fail(`${older} to ${newer}: ${wrong}`);
    }
  }
  t.equal(right, (34 * 35) / 2);
});

test('what is no size, no hash or no range', async (t) => {
  const [leaf] = hashes(1);
  t.throws(() => new Frontier(3, [leaf!]), RangeError);
  t.throws(() => new Frontier(1, [leaf!.subarray(1)]), RangeError);
  t.throws(() => new Frontier(-1), RangeError);
  t.throws(() => inclusionPath(leaf!, 1, 1), RangeError);
  t.throws(() => inclusionPath(leaf!, 0, 2), RangeError, 'leaves that are not there');
  t.throws(() => consistencyPath(leaf!, 1, 0), RangeError);
  t.equal(rootOfInclusion(leaf!, 0.5, 1, []), null);
  t.equal(rootOfInclusion(leaf!.subarray(1), 0, 1, []), null);
  t.equal(rootOfInclusion(leaf!, 2 ** 53, 2 ** 53 + 2, []), null);
  t.equal(isConsistent(0, leaf!, 1, leaf!, []), false, 'no tree of none has that root');
});

test('sizes beyond 32 bits', async (t) => {
  const size = 2 ** 40 + 1;
  const [left, last] = hashes(2);
  const frontier = new Frontier(size, [left!, last!]);
  t.same(frontier.root(), nodeHash(left!, last!));
  frontier.add(left!);
  t.equal(frontier.hashes().length, 2);
  t.same(rootOfInclusion(last!, size - 1, size, [left!]), nodeHash(left!, last!));
  t.equal(rootOfInclusion(last!, size - 2, size, [left!]), null);
});

test('which subtrees a proof has', async (t) => {
  // the example of RFC 9162 section 2.1.5: seven leaves
  t.same(inclusionRanges(0, 7), [
    [1, 2],
    [2, 4],
    [4, 7],
  ]);
  t.same(inclusionRanges(3, 7), [
    [2, 3],
    [0, 2],
    [4, 7],
  ]);
  t.same(inclusionRanges(4, 7), [
    [5, 6],
    [6, 7],
    [0, 4],
  ]);
  t.same(inclusionRanges(6, 7), [
    [4, 6],
    [0, 4],
  ]);
  t.same(consistencyRanges(3, 7), [
    [2, 3],
    [3, 4],
    [0, 2],
    [4, 7],
  ]);
  t.same(consistencyRanges(4, 7), [[4, 7]]);
  t.same(consistencyRanges(6, 7), [
    [4, 6],
    [6, 7],
    [0, 4],
  ]);
});

test('roots of subtrees in any order', async (t) => {
  const leaves = hashes(20);
  const roots = new RangeRoots([
    [16, 20],
    [0, 8],
    [9, 10],
  ]);
  for (const leaf of leaves) roots.add(leaf);
  t.same(roots.roots(), [root(leaves.slice(16)), root(leaves.slice(0, 8)), leaves[9]]);
  t.same(roots.root(), root(leaves));
  // the edge of the tree, which is no complete subtree; and what is no subtree at all
  const edge = new RangeRoots([[16, 19]]);
  for (const leaf of leaves.slice(0, 19)) edge.add(leaf);
  t.same(edge.roots(), [root(leaves.slice(16, 19))]);
  edge.add(leaves[19]!);
  t.throws(() => edge.roots(), RangeError);
});
