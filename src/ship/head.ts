/**
 * What the key of a stream has signed of a day: its last checkpoint. Only records that it covers are sent: what comes
 * after it may still be lost with the machine, and then other records get the same numbers.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readCheckpoints } from '../archive/checkpoints.ts';
import { PUBLIC_KEY_FILE } from '../archive/layout.ts';
import { readVerifiers } from '../archive/verifierFile.ts';
import type { Checkpoint } from '../evidence/checkpoint.ts';
import type { NoteVerifier } from '../evidence/note.ts';

/** Evidence that is not sent, because it would not verify either; the message says what is wrong. */
export class UnsoundError extends Error {}

/** The key of a stream; null while its writer has not made one. Throws UnsoundError. */
export function verifierOf(folder: string): NoteVerifier | null {
  const file = join(folder, PUBLIC_KEY_FILE);
  if (!existsSync(file)) return null;
  const keys = readVerifiers(file);
  if (typeof keys === 'string') throw new UnsoundError(keys);
  return keys[0]!;
}

/** `tlsward/HOST/STREAM`: the host of a key. */
export function hostOf({ name }: NoteVerifier): string {
  return name.split('/').slice(1, -1).join('/');
}

/** The last checkpoint of a day that the key signed; null without one. Throws the error of open(2) or read(2). */
export function headOf(folder: string, day: string, verifier: NoteVerifier): Checkpoint | null {
  return readCheckpoints(folder, day, verifier)?.signed.at(-1) ?? null;
}
