/**
 * The keys of an evidence directory: one that signs the heads of a stream, and one a month for pseudonyms.
 *
 *   STREAM/evidence.key            Ed25519, PKCS8 PEM, 0600: made at the first start
 *   STREAM/evidence.pub            its verifier, `NAME+KEYHASH+BASE64`: what an auditor needs
 *   pseudonyms/2026-11.key         32 bytes as hex digits and LF, 0600: made when the month has its first record
 *
 * Each is written whole under another name, synced, and linked to its own, so two programs that start at once
 * use the same key. A key is never replaced: without its old one, earlier heads could not be checked any more.
 * The name of the verifier is that of the first start, even when the host is called differently later.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { join } from 'node:path';
import { formatVerifier, type NoteKey, parseVerifier } from '../evidence/note.ts';
import type { MonthKey } from '../evidence/pseudonym.ts';
import { createWhole, FILE_MODE, SECRET_MODE, type System, unlinkIfThere } from './system.ts';

/** A key file is missing or damaged; the message says which, and what to do. */
class EvidenceKeyError extends Error {
  readonly code = 'EKEY';
}

const SECRET_BYTES = 32;

/** The key of a stream, made if there is none; `name`: that of a new one. Throws EvidenceKeyError. */
export function streamKey(system: System, folder: string, name: string): NoteKey {
  const keyFile = join(folder, 'evidence.key');
  const publicFile = join(folder, 'evidence.pub');
  const published = system.readSmall(publicFile);
  if (published === null) return announced(system, folder, publicFile, keyOf(system, folder, keyFile), name);
  const verifier = parseVerifier(published.trimEnd());
  if (verifier === null)
    throw new EvidenceKeyError(`${publicFile}: is no verifier key; restore it from a copy`);
  const pem = system.readSmall(keyFile);
  if (pem === null)
    throw new EvidenceKeyError(
      `${keyFile}: is missing, and ${publicFile} is its other half: restore it, or move ${publicFile} to a place where auditors find it, and a new key is made`,
    );
  const privateKey = parsePem(pem, keyFile);
  const publicKey = publicBytes(privateKey);
  if (Buffer.compare(publicKey, verifier.publicKey) !== 0)
    throw new EvidenceKeyError(
      `${publicFile}: belongs to another key than ${keyFile}; restore the right one`,
    );
  return { name: verifier.name, privateKey, publicKey };
}

function keyOf(system: System, folder: string, file: string): KeyObject {
  const pem = system.readSmall(file);
  if (pem !== null) return parsePem(pem, file);
  const { privateKey } = generateKeyPairSync('ed25519');
  const text = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  createWhole(system, folder, file, text, SECRET_MODE);
  return privateKey;
}

function announced(
  system: System,
  folder: string,
  file: string,
  privateKey: KeyObject,
  name: string,
): NoteKey {
  const key = { name, privateKey, publicKey: publicBytes(privateKey) };
  createWhole(system, folder, file, `${formatVerifier(key)}\n`, FILE_MODE);
  return key;
}

function parsePem(pem: string, file: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // what it says could quote the key
  }
  throw new EvidenceKeyError(`${file}: is no Ed25519 key in PEM; restore it from a copy`);
}

function publicBytes(key: KeyObject): Buffer {
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' });
  return Buffer.from(x, 'base64url');
}

const MONTH = /^([0-9]{4}-[0-9]{2})\.key$/;

/** The key of a month, made if there is none; `folder`: that of the pseudonyms. Throws EvidenceKeyError. */
export function monthKey(system: System, folder: string, month: string): MonthKey {
  const file = join(folder, `${month}.key`);
  let text = system.readSmall(file);
  if (text === null) {
    try {
      createWhole(system, folder, file, `${randomBytes(SECRET_BYTES).toString('hex')}\n`, SECRET_MODE);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    text = system.readSmall(file) ?? '';
  }
  if (!/^[0-9a-f]{64}\n$/.test(text))
    throw new EvidenceKeyError(`${file}: is no key of 64 hex digits; restore it from a copy`);
  return { month, secret: Buffer.from(text.trimEnd(), 'hex') };
}

/** Deletes the keys of months before `month`: nobody can compute their pseudonyms again. */
export function forgetMonths(system: System, folder: string, month: string): void {
  for (const name of system.list(folder)) {
    const found = MONTH.exec(name)?.[1];
    if (found !== undefined && found < month) unlinkIfThere(system, join(folder, name));
  }
}
