/** What a proof file must say; that changed ones are rejected is in verifiers.test.ts and verifierMutations.test.ts. */
import { test } from 'tap';
import { parseVerifier } from '../../src/evidence/note.ts';
import { checkProofFile, formatProofs, MAX_PROOF_BYTES, type RecordProof } from '../../src/evidence/proof.ts';
import { madeKey } from './madeDay.ts';
import { madeProofs } from './proofFiles.ts';

test('what is proven', async (t) => {
  const { key, records, lines, consistency } = madeProofs(t.testdir(), { '2026-11-29': 9, '2026-11-30': 5 });
  const keys = [madeKey('other'), parseVerifier(key)!];
  const proof = (i: number): RecordProof =>
    (JSON.parse(String(records[i])) as { proofs: RecordProof[] }).proofs[0]!;
  t.match(checkProofFile(Buffer.from(formatProofs([proof(2), proof(10)])), keys), [
    {
      kind: 'record',
      line: lines[2]!,
      index: 2,
      checkpoint: { size: 9 },
      next: '2026-11-30',
      key: { name: keys[1]!.name },
    },
    { kind: 'record', line: lines[10]!, index: 1, checkpoint: { size: 5 }, next: null },
  ]);
  t.match(checkProofFile(consistency[0]!, keys), [
    { kind: 'consistency', old: { size: 7 }, new: { size: 9 } },
  ]);

  const bad = (file: unknown, error: RegExp): void => {
    const bytes = Buffer.from(typeof file === 'string' ? file : JSON.stringify(file));
    t.match(checkProofFile(bytes, keys), { error });
  };
  const changed = (change: object, i = 2): string => formatProofs([{ ...proof(i), ...change }]);
  bad('', /not a JSON object/);
  bad([], /not a JSON object/);
  bad({}, /not a proof file of this version/);
  bad({ format: 'tlsward-proof/2', proofs: [] }, /not a proof file of this version/);
  bad({ format: 'tlsward-proof/1', proofs: [] }, /has no proofs/);
  bad({ format: 'tlsward-proof/1', proofs: [null] }, /^expected the fields key, line/);
  bad(changed({ more: 1 }), /^expected the fields key, line/);
  bad(changed({ key: key.replace('daemon', 'demon') }), /^it is by another key: tlsward\/mx/);
  bad(changed({ key: '\u001b[31m' }), /^it is by another key: \\u\{1b\}\[31m$/);
  bad(changed({ line: `${lines[2]}\n` }), /is not a line/);
  bad(changed({ line: `${lines[2]}\ud800` }), /is not a line/);
  bad(changed({ index: 3 }), /does not have this index/);
  bad(changed({ index: '2' }), /not a number of lines/);
  bad(changed({ size: 10 }), /of another size/);
  bad(changed({ path: proof(3).path }), /does not lead from the line to the root/);
  bad(changed({ path: ['AAAA'] }), /not a list of hashes/);
  bad(changed({ path: {} }), /not a list of hashes/);
  bad(changed({ checkpoint: '' }), /not signed by the key/);
  bad(changed({ checkpoint: null }), /not signed by the key/);
  // the next day is another one, or says something else of this one
  bad(changed({ next: { ...proof(10), key: undefined, next: undefined } }), /does not name the checkpoint/);
  bad(changed({ next: proof(2).next }, 10), /does not name the checkpoint/);
  const old = JSON.parse(String(consistency[0])) as object;
  bad({ ...old, new: proof(10).checkpoint }, /of different days/);
  bad({ ...old, path: [] }, /not proven to begin with the older/);
  t.match(checkProofFile(Buffer.alloc(MAX_PROOF_BYTES + 1), keys), { error: /too long/ });
  t.match(checkProofFile(records[0]!, [keys[0]!]), { error: /by another key/ });
});
