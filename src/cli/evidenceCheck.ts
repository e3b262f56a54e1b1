/**
 * `tlsward evidence check FILE --key PUB`: does a proof file prove what it says? Reads nothing but the file and the key,
 * so it can be run anywhere. The key must come from elsewhere than the file.
 */
import { escapeText } from '../core/escape.ts';
import type { Checkpoint } from '../evidence/checkpoint.ts';
import type { NoteVerifier } from '../evidence/note.ts';
import { checkProofFile, MAX_PROOF_BYTES, type Proven } from '../evidence/proof.ts';
import { readGuardedSync } from '../files/guardedReader.ts';
import { asciiJson } from './asciiJson.ts';
import { EXIT, type Io, label, paint, reportError, UsageError, unreadable } from './command.ts';
import { keyText } from './evidenceKeys.ts';

export function runCheck(file: string, keys: readonly NoteVerifier[] | null, json: boolean, io: Io): number {
  if (keys === null)
    throw new UsageError('--key is missing: a copy of evidence.pub that did not come with the proof');
  let bytes: Uint8Array;
  try {
    const limits = { maxBytes: MAX_PROOF_BYTES, followLinks: true, refuse: () => null };
    const found = readGuardedSync(file, limits);
    if (found.kind !== 'read') {
      reportError(
        io,
        json,
        `${escapeText(file, 300)}: is ${found.kind === 'too-large' ? 'too large' : 'not a file'}`,
      );
      return EXIT.data;
    }
    bytes = found.bytes;
  } catch (error) {
    return unreadable(io, json, file, error);
  }
  const proven = checkProofFile(bytes, keys);
  if ('error' in proven) {
    if (json) io.out(`${asciiJson({ ok: false, error: proven.error })}\n`);
    else io.out(`${escapeText(file, 300)}: ${paint(io, 'red', 'NOT PROVEN')}: ${proven.error}\n`);
    return EXIT.no;
  }
  if (json) io.out(`${asciiJson({ ok: true, proven: proven.map(shown) })}\n`);
  else for (const one of proven) printProven(io, one);
  return EXIT.yes;
}

function shown(proven: Proven): object {
  const key = keyText(proven.key);
  if (proven.kind === 'consistency')
    return { kind: proven.kind, key, old: shownHead(proven.old), new: shownHead(proven.new) };
  const { kind, line, index, checkpoint, next } = proven;
  return { kind, key, ...shownHead(checkpoint), index, next, line };
}

function shownHead({ origin, size, root }: Checkpoint): object {
  return { origin, size, root: root.toString('base64') };
}

function printProven(io: Io, proven: Proven): void {
  const row = (name: string, text: string): void => io.out(`  ${label(name)}${text}\n`);
  if (proven.kind === 'consistency') {
    io.out(`${paint(io, 'green', 'proven')}: the newer head has the lines of the older one, unchanged\n`);
    row('old', headText(proven.old));
    row('new', headText(proven.new));
  } else {
    io.out(`${paint(io, 'green', 'proven')}: ${lineText(proven.line)}\n`);
    row('line', `${proven.index + 1} of ${headText(proven.checkpoint)}`);
    row('next day', proven.next === null ? 'not in the file' : `${proven.next} names this head`);
  }
  row('key', `${escapeText(keyText(proven.key), 600)}, the one that --key names`);
}

function headText({ origin, size, root }: Checkpoint): string {
  return `${size} lines, ${escapeText(origin, 600)}, root ${root.toString('base64')}`;
}

/** A record as it can be shown on a terminal. */
function lineText(line: string): string {
  try {
    return asciiJson(JSON.parse(line));
  } catch {
    return escapeText(line, line.length);
  }
}
