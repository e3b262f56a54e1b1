/**
 * Signed notes with Ed25519 keys, as at c2sp.org/signed-note and in Go's golang.org/x/mod/sumdb/note.
 *
 *   text of one or more lines
 *   (empty line)
 *   — NAME base64(first 4 bytes of SHA-256(NAME || LF || 0x01 || public key) || signature)
 *
 * What is signed is the text with its last LF. A verifier key is written `NAME+HASH+base64(0x01 || public key)`,
 * HASH being those 4 bytes as hex digits. A note may have signatures of others (witnesses) too: those are
 * not looked at. Base64 is accepted in its one canonical form only, so no two notes differ in unused bits.
 */
import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

export interface NoteKey {
  /** Not empty, without white space and `+`. */
  readonly name: string;
  readonly privateKey: KeyObject;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
}

export interface NoteVerifier {
  readonly name: string;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
}

const ED25519 = 1;
const PUBLIC_KEY_BYTES = 32;
const KEY_HASH_BYTES = 4;
const SIGNATURE_BYTES = 64;
/** A note of ours has less than 4 KiB. */
const MAX_NOTE_CHARACTERS = 65536;
const MAX_NAME_CHARACTERS = 512;
/** As many as Go reads. */
const MAX_SIGNATURES = 100;

const PREFIX = '\u2014 ';

function keyHash({ name, publicKey }: NoteVerifier): Buffer {
  const hash = createHash('sha256')
    .update(`${name}\n`)
    .update(Buffer.from([ED25519]))
    .update(publicKey);
  return hash.digest().subarray(0, KEY_HASH_BYTES);
}

/** Throws RangeError for a text or a name that a note cannot have. */
export function signNote(text: string, key: NoteKey): string {
  if (!isText(text) || !isName(key.name)) throw new RangeError('not the text of a note, or not a key name');
  const signature = sign(null, Buffer.from(text), key.privateKey);
  return `${text}\n${PREFIX}${key.name} ${Buffer.concat([keyHash(key), signature]).toString('base64')}\n`;
}

/** The text of a note that this key signed, with its last LF; null if the key did not, or it is not a note. */
export function openNote(note: string, verifier: NoteVerifier): string | null {
  if (note.length > MAX_NOTE_CHARACTERS || !isName(verifier.name)) return null;
  const end = note.lastIndexOf('\n\n');
  const text = note.slice(0, end + 1);
  const lines = note.slice(end + 2).split('\n');
  if (end < 0 || !isText(text) || lines.pop() !== '' || lines.length === 0 || lines.length > MAX_SIGNATURES)
    return null;
  const signatures = lines.map(parseSignature);
  const hash = keyHash(verifier);
  let signed = false;
  for (const found of signatures) {
    if (found === null) return null;
    if (found.name !== verifier.name || !hash.equals(found.bytes.subarray(0, KEY_HASH_BYTES))) continue;
    if (!isSigned(text, found.bytes.subarray(KEY_HASH_BYTES), verifier)) return null;
    signed = true;
  }
  return signed ? text : null;
}

function isSigned(text: string, signature: Uint8Array, { publicKey }: NoteVerifier): boolean {
  if (signature.length !== SIGNATURE_BYTES || publicKey.length !== PUBLIC_KEY_BYTES) return false;
  return verify(null, Buffer.from(text), keyObject(publicKey), signature);
}

const keyObjects = new WeakMap<Uint8Array, KeyObject>();

/** Made once for many notes: it takes as long as a verification. */
function keyObject(publicKey: Uint8Array): KeyObject {
  const known = keyObjects.get(publicKey);
  if (known !== undefined) return known;
  const x = Buffer.from(publicKey).toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  keyObjects.set(publicKey, key);
  return key;
}

function parseSignature(line: string): { readonly name: string; readonly bytes: Buffer } | null {
  const space = line.indexOf(' ', PREFIX.length);
  if (!line.startsWith(PREFIX) || space < 0) return null;
  const name = line.slice(PREFIX.length, space);
  const bytes = parseBase64(line.slice(space + 1));
  return isName(name) && bytes !== null && bytes.length > KEY_HASH_BYTES ? { name, bytes } : null;
}

export function formatVerifier(verifier: NoteVerifier): string {
  const key = Buffer.concat([Buffer.from([ED25519]), verifier.publicKey]);
  return `${verifier.name}+${keyHash(verifier).toString('hex')}+${key.toString('base64')}`;
}

/** The key of a line without its LF; null unless it is an Ed25519 key whose hash is right. */
export function parseVerifier(line: string): NoteVerifier | null {
  if (line.length > MAX_NAME_CHARACTERS + 64) return null;
  const first = line.indexOf('+');
  const second = line.indexOf('+', first + 1);
  const key = parseBase64(line.slice(second + 1));
  if (first < 0 || second < 0 || key === null || key.length !== 1 + PUBLIC_KEY_BYTES || key[0] !== ED25519)
    return null;
  const verifier = { name: line.slice(0, first), publicKey: key.subarray(1) };
  // one way to write a key: what differs from it in any character is another
  return isName(verifier.name) && formatVerifier(verifier) === line ? verifier : null;
}

/** Base64 in its canonical form to bytes; null for anything else. */
export function parseBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : null;
}

/** Lines of Unicode text without control characters. */
function isText(text: string): boolean {
  return text.endsWith('\n') && !/[\x00-\x09\x0b-\x1f]/.test(text) && Buffer.from(text).toString() === text;
}

function isName(name: string): boolean {
  return /^[^\s+\x00-\x20]+$/u.test(name) && name.length <= MAX_NAME_CHARACTERS;
}
