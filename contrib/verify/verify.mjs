/**
 * Checks a proof file of tlsward with nothing but Node.js (18 or later).
 *
 *     node verify.mjs FILE --key PUB
 *
 * FILE was written by `tlsward evidence prove` or `consistency`; PUB holds the public key of the stream, a line
 * NAME+HASH+BASE64, and must not have come with FILE. Prints what is proven. Exit status: 0 proven, 1 not, 64 wrong
 * arguments, 65 a file cannot be read. The same as verify.py beside it and as `tlsward evidence check`.
 *
 * What it relies on: SHA-256 trees (RFC 6962 2.1, RFC 9162 2.1.3 and 2.1.4), Ed25519 (RFC 8032), signed notes
 * (c2sp.org/signed-note) and checkpoints (c2sp.org/tlog-checkpoint). The format of the file is in contrib/doc/evidence.md.
 */
import { createHash, createPublicKey, verify } from 'node:crypto';
import { readFileSync, realpathSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/** It proves nothing; the message says why. */
export class Unproven extends Error {}

const sha256 = (...parts) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const LEAF = Buffer.from([0]);
const NODE = Buffer.from([1]);
const node = (left, right) => sha256(NODE, left, right);
const half = (n) => Math.floor(n / 2);

// trees

function rootOfInclusion(leaf, index, size, path) {
  if (index >= size) return null;
  let [fn, sn, root] = [index, size - 1, leaf];
  for (const part of path) {
    if (sn === 0) return null;
    if (fn % 2 === 1 || fn === sn) {
      root = node(part, root);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [half(fn), half(sn)];
    } else root = node(root, part);
    [fn, sn] = [half(fn), half(sn)];
  }
  return sn === 0 ? root : null;
}

function isConsistent(oldSize, oldRoot, newSize, newRoot, path) {
  if (oldSize > newSize) return false;
  if (oldSize === newSize || oldSize === 0)
    return path.length === 0 && oldRoot.equals(oldSize === newSize ? newRoot : sha256());
  const [first, ...rest] = bits(oldSize) === 1 ? [oldRoot, ...path] : path;
  if (first === undefined) return false;
  let [fn, sn] = [oldSize - 1, newSize - 1];
  while (fn % 2 === 1) [fn, sn] = [half(fn), half(sn)];
  let [older, newer] = [first, first];
  for (const part of rest) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      [older, newer] = [node(part, older), node(part, newer)];
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [half(fn), half(sn)];
    } else newer = node(newer, part);
    [fn, sn] = [half(fn), half(sn)];
  }
  return sn === 0 && older.equals(oldRoot) && newer.equals(newRoot);
}

function bits(size) {
  let count = 0;
  for (let rest = size; rest > 0; rest = half(rest)) count += rest % 2;
  return count;
}

// notes and checkpoints

/** Bytes of canonical base64, or null. */
function parseBase64(text) {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : null;
}

const isName = (text) => /^[^\s+\x00-\x20]{1,512}$/u.test(text);
const isWhole = (text) => Buffer.from(text).toString() === text;
const isText = (text) => text.endsWith('\n') && !/[\x00-\x09\x0b-\x1f]/.test(text) && isWhole(text);

/** The key of a line NAME+HASH+BASE64, or null. */
export function parseKey(line) {
  const [name, hash, ...rest] = line.split('+');
  const bytes = parseBase64(rest.join('+'));
  if (bytes === null || bytes.length !== 33 || bytes[0] !== 1 || !isName(name)) return null;
  const digest = sha256(`${name}\n`, bytes).subarray(0, 4);
  if (hash !== digest.toString('hex')) return null;
  const x = bytes.subarray(1).toString('base64url');
  return { name, digest, line, key: createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }) };
}

/** The text of a note that the key signed, or null. */
function openNote(note, { name, digest, key }) {
  const end = note.lastIndexOf('\n\n');
  const text = note.slice(0, end + 1);
  const lines = note.slice(end + 2).split('\n');
  if (note.length > 65536 || end < 0 || !isText(text) || lines.pop() !== '' || lines.length < 1 || lines.length > 100) return null;
  let signed = false;
  for (const line of lines) {
    const space = line.indexOf(' ', 2);
    const signer = line.slice(2, space);
    const bytes = parseBase64(line.slice(space + 1));
    if (!line.startsWith('\u2014 ') || space < 0 || !isName(signer) || bytes === null || bytes.length <= 4) return null;
    if (signer !== name || !bytes.subarray(0, 4).equals(digest)) continue;
    if (bytes.length !== 68 || !verify(null, Buffer.from(text), key, bytes.subarray(4))) return null;
    signed = true;
  }
  return signed ? text : null;
}

const CHECKPOINT =
  /^([^\n]+)\/(\d{4}-\d{2}-\d{2})\n(0|[1-9]\d{0,15})\n([^\n]+)\nbytes (0|[1-9]\d{0,15})\nfrontier((?: [^ \n]+)*)\n$/;

/** Size, root and day of a checkpoint of the key's stream. */
function readCheckpoint(note, key) {
  const text = typeof note === 'string' ? openNote(note, key) : null;
  if (text === null) throw new Unproven('a checkpoint is not signed by the key');
  const [, origin, day, size = '0', root = '', bytes = '0', frontier = ''] = CHECKPOINT.exec(text) ?? [];
  const hashes = [root, ...frontier.split(' ').slice(1)].map(parseBase64);
  const safe = Number.isSafeInteger(Number(size)) && Number.isSafeInteger(Number(bytes));
  const whole = origin === key.name && safe && hashes.every((hash) => hash?.length === 32);
  const [top, ...peaks] = hashes;
  // the subtrees of the frontier, largest first, make the root
  const made = peaks.length === 0 ? sha256() : whole && peaks.reduceRight((right, left) => node(left, right));
  if (!whole || peaks.length !== bits(Number(size)) || !made.equals(top))
    throw new Unproven('what is signed is not a checkpoint of the stream');
  return { size: Number(size), root: top, day };
}

// proof files

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isCount = (value) => Number.isSafeInteger(value) && value >= 0;

function exactly(value, fields) {
  const names = isObject(value) ? Object.keys(value) : [];
  if (names.length === fields.length && fields.every((field) => names.includes(field))) return;
  throw new Unproven(`expected the fields ${fields.join(', ')} and no other`);
}

function hashesOf(path) {
  const found = Array.isArray(path) ? path.map((one) => (typeof one === 'string' ? parseBase64(one) : null)) : [null];
  if (found.length > 128 || found.some((hash) => hash?.length !== 32))
    throw new Unproven('"path" is not a list of hashes');
  return found;
}

function checkLine({ line, index, size, path, checkpoint }, key) {
  if (typeof line !== 'string' || line.includes('\n') || !isWhole(line)) throw new Unproven('"line" is not a line');
  if (!isCount(index) || !isCount(size)) throw new Unproven('"index" or "size" is not a number of lines');
  if (!line.startsWith(`{"v":1,"n":${index},`)) throw new Unproven('the line does not have this index');
  const signed = readCheckpoint(checkpoint, key);
  if (signed.size !== size) throw new Unproven('the checkpoint is of another size');
  if (!rootOfInclusion(sha256(LEAF, line), index, size, hashesOf(path))?.equals(signed.root))
    throw new Unproven('the path does not lead from the line to the root');
  return { line, index, ...signed };
}

function keyOf(named, keys) {
  const key = keys.find(({ line }) => line === named);
  if (key === undefined) throw new Unproven('it is by another key');
  return key;
}

/** Does the first line of a day say that the day before it ended so? */
function names(line, { day, size, root }) {
  try {
    const { type, previous } = JSON.parse(line);
    return (
      type === 'day' && previous.day === day && previous.size === size && previous.root === root.toString('base64')
    );
  } catch {
    return false;
  }
}

function checkRecord(proof, keys) {
  exactly(proof, ['key', 'line', 'index', 'size', 'path', 'checkpoint', 'next']);
  const key = keyOf(proof.key, keys);
  const proven = checkLine(proof, key);
  let following = 'not in the file';
  if (proof.next !== null) {
    exactly(proof.next, ['line', 'index', 'size', 'path', 'checkpoint']);
    const next = checkLine(proof.next, key);
    if (next.index !== 0 || next.day <= proven.day || !names(next.line, proven))
      throw new Unproven('the line of the next day does not name the checkpoint');
    following = next.day;
  }
  const { index, size, day, line } = proven;
  return `proven: line ${index + 1} of ${size}, ${key.name}/${day}, next day ${following}\n${shown(line)}`;
}

function checkConsistency(proof, keys) {
  exactly(proof, ['format', 'key', 'old', 'new', 'path']);
  const key = keyOf(proof.key, keys);
  const [a, b] = [readCheckpoint(proof.old, key), readCheckpoint(proof.new, key)];
  if (a.day !== b.day) throw new Unproven('the checkpoints are of different days');
  if (!isConsistent(a.size, a.root, b.size, b.root, hashesOf(proof.path)))
    throw new Unproven('the newer tree is not proven to begin with the older');
  return `proven: the ${b.size} lines of ${key.name}/${b.day} begin with the ${a.size}`;
}

/** The line as JSON in ASCII. */
function shown(line) {
  return line.replace(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function parse(bytes) {
  if (bytes.length > 16 << 20) return null;
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return null;
  }
}

/** What the bytes of a file prove by one of the keys of `parseKey`, in lines; throws Unproven. */
export function check(bytes, keys) {
  const file = parse(bytes);
  if (!isObject(file)) throw new Unproven('it is not a JSON object');
  if (file.format === 'tlsward-consistency/1') return [checkConsistency(file, keys)];
  if (file.format !== 'tlsward-proof/1') throw new Unproven('it is not a proof file of this version');
  exactly(file, ['format', 'proofs']);
  if (!Array.isArray(file.proofs) || file.proofs.length === 0) throw new Unproven('it has no proofs');
  return file.proofs.map((proof) => checkRecord(proof, keys));
}

function main([file, option, pub, ...more]) {
  if (option !== '--key' || pub === undefined || more.length > 0) {
    console.error('node verify.mjs FILE --key PUB');
    return 64;
  }
  let [bytes, text] = [null, ''];
  try {
    [bytes, text] = [readFileSync(file), readFileSync(pub, 'utf8')];
  } catch (error) {
    console.error(error.message);
    return 65;
  }
  const lines = text.split('\n').map((line) => line.trim());
  const keys = lines.filter((line) => line !== '' && !line.startsWith('#')).map(parseKey);
  if (keys.length === 0 || keys.includes(null)) {
    console.error(`${pub}: expected a line NAME+HASH+BASE64`);
    return 65;
  }
  try {
    console.log(check(bytes, keys).join('\n'));
    return 0;
  } catch (error) {
    if (!(error instanceof Unproven)) throw error;
    console.log(`NOT PROVEN: ${error.message}`);
    return 1;
  }
}

if (import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) process.exitCode = main(process.argv.slice(2));
