import { createPrivateKey } from 'node:crypto';
import { test } from 'tap';
import {
  formatVerifier,
  type NoteKey,
  type NoteVerifier,
  openNote,
  parseBase64,
  parseVerifier,
  signNote,
} from '../../src/evidence/note.ts';

// the key and the notes of the tests of golang.org/x/mod/sumdb/note (note_test.go)
const PETER = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const PETER_SEED = 'AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz';
const ENOCH = 'EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop';
const TEXT =
  "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const PETER_SIGNS =
  '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n';
const ENOCH_SIGNS =
  '— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n';

const peter: NoteVerifier = parseVerifier(PETER)!;
const enoch: NoteVerifier = parseVerifier(ENOCH)!;

function signer(): NoteKey {
  const seed = Buffer.from(PETER_SEED, 'base64').subarray(1);
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  return { ...peter, privateKey: createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }) };
}

test('a verifier key', async (t) => {
  t.equal(peter.name, 'PeterNeumann');
  t.equal(peter.publicKey.length, 32);
  t.equal(formatVerifier(peter), PETER);
  t.equal(formatVerifier(enoch), ENOCH);
  let mangled = 0;
  const bad = (line: string): void => {
    mangled++;
    if (parseVerifier(line) !== null) t.fail(`accepted ${line}`);
  };
  for (let i = 0; i <= PETER.length; i++)
    for (let j = i + 1; j <= PETER.length; j++) if (i !== 0 || j !== PETER.length) bad(PETER.slice(i, j));
  for (let i = 0; i < PETER.length; i++)
    bad(PETER.slice(0, i) + String.fromCharCode(PETER.charCodeAt(i) + 1) + PETER.slice(i + 1));
  bad('PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY=='); // longer, with its hash
  bad('PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'); // another algorithm, with its hash
  bad(`${PETER}\n`);
  bad(PETER.replace('c74f20a3', 'C74F20A3'));
  t.ok(mangled > 2000);
});

test('signing gives the bytes that Go gives', async (t) => {
  const note = signNote(TEXT, signer());
  t.equal(note, `${TEXT}\n${PETER_SIGNS}`);
  t.throws(() => signNote('abc', signer()), RangeError, 'no LF at the end');
  t.throws(() => signNote('a\tb\n', signer()), RangeError);
  t.throws(() => signNote('\ud800\n', signer()), RangeError);
  t.throws(() => signNote(TEXT, { ...signer(), name: 'a+b' }), RangeError);
});

test('opening', async (t) => {
  t.equal(openNote(`${TEXT}\n${PETER_SIGNS}`, peter), TEXT);
  t.equal(openNote(`${TEXT}\n${PETER_SIGNS}${ENOCH_SIGNS}`, peter), TEXT, 'with another signature');
  t.equal(openNote(`${TEXT}\n${PETER_SIGNS}${ENOCH_SIGNS}`, enoch), TEXT);
  t.equal(openNote(`${TEXT}\n${ENOCH_SIGNS}`, peter), null, 'of another key only');
  t.equal(openNote(`${TEXT}\n${PETER_SIGNS.repeat(100)}`, peter), TEXT);
  t.equal(openNote(`a\n\n${TEXT}\n${PETER_SIGNS}`, peter), null, 'text put in front');
  const bad = [
    TEXT,
    `${TEXT}\n`,
    `${TEXT}\n${PETER_SIGNS.slice(0, -1)}`,
    `\x01${TEXT}\n${PETER_SIGNS}`,
    `\n${PETER_SIGNS}`,
    `\n\n${PETER_SIGNS}`,
    PETER_SIGNS,
    `${TEXT}\n${PETER_SIGNS.replace('PeterNeumann', 'Bad Name')}`,
    `${TEXT}\n${PETER_SIGNS.replace('—', '-')}`,
    `${TEXT}\n${PETER_SIGNS}Unexpected line.\n`,
    `${TEXT}\n${PETER_SIGNS}\n`,
    `${TEXT}\n${PETER_SIGNS.repeat(101)}`,
    `${TEXT}\n${PETER_SIGNS.slice(0, 60)}ABCD${PETER_SIGNS.slice(60)}`,
    `${TEXT}\n${PETER_SIGNS.replace('AM=', 'AN=')}`, // the same bytes in another base64
    `${TEXT}\n${PETER_SIGNS}${' '.repeat(65536)}`,
  ];
  for (const note of bad) t.equal(openNote(note, peter), null, JSON.stringify(note.slice(-60)));
  t.equal(openNote(`${TEXT}\n${PETER_SIGNS}`, { ...peter, publicKey: enoch.publicKey }), null);
});

test('every changed bit of a note', async (t) => {
  const note = Buffer.from(`${TEXT}\n${PETER_SIGNS}`);
  let accepted = 0;
  for (let bit = 0; bit < note.length * 8; bit++) {
    const changed = Buffer.from(note);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    if (openNote(changed.toString(), peter) !== null) accepted++;
  }
  t.equal(accepted, 0);
});

test('canonical base64 only', async (t) => {
  t.same(parseBase64('AAE='), Buffer.from([0, 1]));
  t.same(parseBase64(''), Buffer.alloc(0));
  for (const text of ['AAF=', 'AAE', 'AAE==', ' AAE=', 'AA E=', 'AA-_', 'AAE=\n'])
    t.equal(parseBase64(text), null, text);
});
