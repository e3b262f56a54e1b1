/** Reads a stream as an auditor would, with nothing of the writer, and fails for whatever does not fit. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { splitNotes } from '../../src/archive/checkpoints.ts';
import { originOf, parseCheckpoint } from '../../src/evidence/checkpoint.ts';
import { Frontier, leafHash } from '../../src/evidence/merkle.ts';
import { openNote, parseVerifier } from '../../src/evidence/note.ts';
import type { EvidenceRecord } from '../../src/evidence/record.ts';
import { checkRecord } from '../evidence/lines.ts';

export interface ReadStream {
  /** All records, day by day. */
  readonly records: readonly EvidenceRecord[];
  readonly days: readonly string[];
  /** Lines that no checkpoint covers. */
  readonly unsigned: number;
  /** Bytes behind the last line of each day. */
  readonly rest: number;
}

/** `quiet`: one assertion for the whole stream, for tests of thousands of them. */
export function readStream(t: Test, folder: string): ReadStream {
  const wrong: string[] = [];
  const verifier = parseVerifier(readFileSync(join(folder, 'evidence.pub'), 'utf8').trimEnd());
  if (verifier === null) throw new Error('no verifier');
  const days = readdirSync(folder)
    .flatMap((name) => /^(\d{4}-\d\d-\d\d)\.jsonl$/.exec(name)?.[1] ?? [])
    .sort();
  const records: EvidenceRecord[] = [];
  let unsigned = 0;
  let rest = 0;
  let previous: { day: string; size: number; root: string } | undefined;
  for (const day of days) {
    const text = readFileSync(join(folder, `${day}.jsonl`), 'latin1');
    const lines = text.split('\n');
    rest += lines.pop()!.length;
    const roots = new Map<number, string>();
    const tree = new Frontier();
    let bytes = 0;
    const ends = new Map<number, number>([[0, 0]]);
    for (const [i, line] of lines.entries()) {
      tree.add(leafHash(Buffer.from(line, 'latin1')));
      bytes += line.length + 1;
      ends.set(i + 1, bytes);
      roots.set(i + 1, tree.root().toString('base64'));
      const record = JSON.parse(Buffer.from(line, 'latin1').toString()) as EvidenceRecord;
      if (record.n !== i) wrong.push(`${day} line ${i} has n ${record.n}`);
      if (i === 0 && record.type !== 'day') wrong.push(`${day} begins with ${record.type}`);
      if (record.type === 'day' && JSON.stringify(record.previous) !== JSON.stringify(previous))
        wrong.push(`${day} follows ${JSON.stringify(record.previous)}, not ${JSON.stringify(previous)}`);
      records.push(record);
    }
    let signed = 0;
    let notes = '';
    try {
      notes = readFileSync(join(folder, `${day}.ckpt`), 'utf8');
    } catch {
      // none yet
    }
    for (const note of splitNotes(notes).notes) {
      const head = parseCheckpoint(openNote(note, verifier) ?? '');
      if (head === null || head.origin !== originOf(verifier.name, day)) wrong.push(`${day}: not a head`);
      else if (roots.get(head.size) !== head.root.toString('base64'))
        wrong.push(`${day}: root of ${head.size}`);
      else if (ends.get(head.size) !== head.bytes) wrong.push(`${day}: bytes of ${head.size}`);
      else signed = Math.max(signed, head.size);
    }
    unsigned += lines.length - signed;
    if (lines.length > 0) previous = { day, size: lines.length, root: roots.get(lines.length)! };
  }
  if (wrong.length > 0) t.fail(wrong.join('; '));
  return { records, days, unsigned, rest };
}

/** The same, and each record is what the schema says. */
export function checkStream(t: Test, folder: string): ReadStream {
  const stream = readStream(t, folder);
  for (const record of stream.records) checkRecord(t, record);
  return stream;
}
