/** What is said of lines is true: tried on random days with random checkpoints and random damage. */
import { test } from 'tap';
import { joined, judgeSubtrees, type Span } from '../../src/archive/signedSubtrees.ts';
import type { Checkpoint } from '../../src/evidence/checkpoint.ts';
import { Frontier, leafHash } from '../../src/evidence/merkle.ts';
import { generator } from '../mark/generator.ts';

function checkpointsOf(leaves: readonly Buffer[], sizes: ReadonlySet<number>): Checkpoint[] {
  const tree = new Frontier();
  const found: Checkpoint[] = [];
  for (const leaf of leaves) {
    tree.add(leaf);
    if (sizes.has(tree.size))
      found.push({ origin: '', size: tree.size, root: tree.root(), bytes: 0, frontier: tree.hashes() });
  }
  return found;
}

const has = (spans: readonly Span[], n: number): boolean => spans.some(([from, to]) => n >= from && n < to);

test('proven lines are the signed ones, and among changed ones there is one that is not', async (t) => {
  const g = generator();
  let changedSeen = 0;
  let chosenSeen = 0;
  let unknownSeen = 0;
  for (let round = 0; round < 1500; round++) {
    const size = 1 + g.integer(70);
    const signed = Array.from({ length: size }, (_, n) => leafHash(`${round} ${n}`));
    const sizes = new Set([size, ...Array.from({ length: g.integer(6) }, () => 1 + g.integer(size))]);
    const there: Buffer[][] = signed.map((leaf) => [leaf]);
    for (let damage = g.integer(5); damage > 0; damage--) {
      const n = g.integer(size);
      const other = leafHash(`other ${damage}`);
      // changed, gone, or one more line with this n before or behind the right one, or a wrong pair
      there[n] = g.pick([[other], [], [other, signed[n]!], [signed[n]!, other], [other, leafHash('third')]]);
    }
    const checkpoints = checkpointsOf(signed, sizes);
    const { proven, changed, unknown, chosen } = judgeSubtrees(checkpoints, (n) => there[n] ?? []);
    const right = (n: number): boolean => there[n]!.some((leaf) => leaf.equals(signed[n]!));
    const name = `seed ${g.seed}, round ${round}`;
    for (let n = 0; n < size; n++) {
      const kinds = [has(proven, n), has(unknown, n), changed.some((spans) => has(spans, n))].filter(Boolean);
      if (kinds.length !== 1) t.fail(`${name}: line ${n} is said to be ${kinds.length} things`);
      if (has(proven, n) && !right(n)) t.fail(`${name}: line ${n} is not proven`);
      const which = chosen.get(n);
      if (which !== undefined && !there[n]![which]?.equals(signed[n]!))
        t.fail(`${name}: line ${n}, the wrong one`);
    }
    for (const spans of changed) {
      const all = spans.flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i));
      if (all.every(right)) t.fail(`${name}: nothing was changed in ${JSON.stringify(spans)}`);
    }
    for (const span of unknown) {
      // a leaf is missing somewhere in the subtree
      if (there.every((leaves) => leaves.length > 0)) t.fail(`${name}: nothing is missing beside ${span}`);
    }
    changedSeen += changed.length;
    chosenSeen += chosen.size;
    unknownSeen += unknown.length;
  }
  t.ok(
    changedSeen > 300 && chosenSeen > 300 && unknownSeen > 300,
    `${changedSeen}, ${chosenSeen}, ${unknownSeen}`,
  );
});

test('nothing is tried without end', async (t) => {
  const leaves = Array.from({ length: 64 }, (_, n) => leafHash(`${n}`));
  const twice = (n: number): Buffer[] => [leafHash('x'), leaves[n]!];
  const judged = judgeSubtrees(checkpointsOf(leaves, new Set([64])), twice);
  t.same(judged, { proven: [], changed: [], unknown: [[0, 64]], chosen: new Map() }, '2^64 choices');
  t.same(
    joined([
      [5, 6],
      [1, 3],
      [3, 4],
      [2, 3],
    ]),
    [
      [1, 4],
      [5, 6],
    ],
  );
});
