/** Proof files of a made stream: of every line of its days, and from every checkpoint of a day to its last. */

import { readCheckpoints } from '../../src/archive/checkpoints.ts';
import { proveConsistency, proveLines, proveNext } from '../../src/archive/prove.ts';
import { formatVerifier } from '../../src/evidence/note.ts';
import { formatConsistency, formatProofs } from '../../src/evidence/proof.ts';
import { madeKey, madeStream } from './madeDay.ts';

export interface MadeProofs {
  /** The verifier key of the stream. */
  readonly key: string;
  /** A file a line, in their order. */
  readonly records: readonly Buffer[];
  readonly lines: readonly string[];
  readonly consistency: readonly Buffer[];
}

export function madeProofs(directory: string, days: Readonly<Record<string, number>>): MadeProofs {
  const signer = madeKey();
  const key = formatVerifier(signer);
  const { stream, days: made } = madeStream(directory, days, { every: 7 });
  const records: Buffer[] = [];
  const lines: string[] = [];
  const consistency: Buffer[] = [];
  for (const [day, count] of Object.entries(days)) {
    lines.push(...made.get(day)!.lines);
    const proofs = proveLines(
      stream,
      day,
      Array.from({ length: count }, (_, i) => i),
      signer,
    );
    if (!Array.isArray(proofs)) throw new Error(proofs.words);
    const next = proveNext(stream, day, signer);
    for (const proof of proofs) records.push(Buffer.from(formatProofs([{ key, ...proof, next }])));
    for (const old of readCheckpoints(stream, day, signer)!.signed) {
      const proof = proveConsistency(stream, day, old, signer);
      if ('why' in proof) throw new Error(proof.words);
      consistency.push(
        Buffer.from(formatConsistency({ key, old: old.note, new: proof.note, path: proof.path })),
      );
    }
  }
  return { key, records, lines, consistency };
}
