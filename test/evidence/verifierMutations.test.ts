/** 10,000 mutations of proofs: each of the three verifiers rejects each of them. */
import { test } from 'tap';
import { parseVerifier } from '../../src/evidence/note.ts';
import { checkProofFile } from '../../src/evidence/proof.ts';
import { generator } from '../mark/generator.ts';
import { without } from '../tools.ts';
import { mutation } from './mutations.ts';
import { verdictsOfNode, verdictsOfPython } from './otherVerifiers.ts';
import { madeProofs } from './proofFiles.ts';

const COUNT = 10_000;

test('every mutation is rejected', { skip: without('python3', 'python3') }, async (t) => {
  const g = generator();
  const { key, records, consistency } = madeProofs(t.testdir(), { '2026-11-29': 120, '2026-11-30': 30 });
  const mutations = Array.from({ length: COUNT }, () => mutation([...records, ...consistency], g));
  const python = verdictsOfPython(mutations, key);
  const node = await verdictsOfNode(mutations, key);
  const verifier = parseVerifier(key)!;
  let rejected = 0;
  for (const [i, file] of mutations.entries()) {
    if (python[i] === null && node[i] === null && 'error' in checkProofFile(file, [verifier])) rejected++;
    else t.fail(`seed ${g.seed}: ${python[i]}, ${node[i]}: ${file.toString('base64')}`);
  }
  t.equal(rejected, COUNT, `seed ${g.seed}`);
});
