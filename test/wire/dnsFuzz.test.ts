/**
 * Nonsense instead of DNS answers: random bytes, answers with bits flipped, pieces moved, lengths that lie. A message or a
 * WireError, nothing else, in time; every name that comes out can be asked for, and is the same name again.
 */
import { Buffer } from 'node:buffer';
import t from 'tap';
import { decodeAnswer } from '../../src/wire/dnsDecode.ts';
import { encodeName, readName } from '../../src/wire/dnsName.ts';
import { WireError } from '../../src/wire/wireError.ts';
import { leastThreadMs } from '../measured.ts';
import { FLAG, message, NUMBER, name, opt, pointer, question, record, soa, string } from './dnsBytes.ts';
import { bytes, randomFrom, seed, u16 } from './milterBytes.ts';

const RUNS = 40_000;

const SOUND = [
  message({ question: question('a.example', NUMBER.A), answers: [record(pointer(12), NUMBER.A, 5, 'abcd')] }),
  message({
    question: question('bank.example', NUMBER.MX),
    flags: FLAG.QR | FLAG.RA | FLAG.AD,
    answers: [
      record(pointer(12), NUMBER.CNAME, 5, name('b.example')),
      record('b.example', NUMBER.MX, 5, u16(10), 2, 'mx', pointer(12)),
      record('b.example', NUMBER.TXT, 5, string('v=STSv1; id=1;'), string('')),
      record('b.example', NUMBER.TLSA, 5, 3, 1, 1, 'x'.repeat(32)),
      record('b.example', NUMBER.RRSIG, 5, 'y'.repeat(40)),
    ],
    authority: [soa('example', 60, 60)],
    additional: [opt(0, [15, u16(6)])],
  }),
];

/** True when it was taken. Throws what is not a WireError, and what breaks a law. */
function decoded(wire: Uint8Array): boolean {
  try {
    const answer = decodeAnswer(wire);
    const names = answer.answers.flatMap((one) => [
      one.name,
      ...(one.type === 'CNAME' ? [one.target] : []),
      ...(one.type === 'MX' ? [one.exchange] : []),
    ]);
    for (const text of names) {
      const again = readName(Buffer.concat([Buffer.alloc(12), encodeName(text) ?? Buffer.alloc(0)]), 12).name;
      if (again !== text) throw new Error(`${text} became ${again}`);
      if (!/^[\x21-\x7e]*$/.test(text)) throw new Error(`not printable: ${JSON.stringify(text)}`);
    }
    return true;
  } catch (error) {
    if (error instanceof WireError) return false;
    throw error;
  }
}

t.test('random bytes, and sound answers spoilt', async (t) => {
  t.comment(`TLSWARD_SEED=${seed}`);
  const random = randomFrom(seed);
  let taken = 0;
  let refused = 0;
  for (let i = 0; i < RUNS; i++) {
    let wire: Buffer;
    if (i % 4 === 0) {
      wire = Buffer.from(
        Array.from({ length: random(60) }, () => (random(4) === 0 ? random(256) : random(20))),
      );
      if (wire.length > 3) wire[2] = 0x80 | random(8);
    } else {
      const from = SOUND[random(SOUND.length)]!;
      wire = Buffer.from(from);
      for (let spoils = 1 + random(4); spoils > 0; spoils--) {
        const at = random(wire.length);
        const kind = random(4);
        if (kind === 0) wire[at] = wire[at]! ^ (1 << random(8));
        else if (kind === 1) wire[at] = random(256);
        else if (kind === 2) wire.copy(wire, at, random(wire.length));
        else wire = random(8) === 0 ? bytes(wire.subarray(0, at)) : wire;
        if (wire.length === 0) break;
      }
    }
    if (decoded(wire)) taken++;
    else refused++;
  }
  t.equal(taken + refused, RUNS);
  t.ok(taken > RUNS / 100 && refused > RUNS / 100, `${taken} taken, ${refused} refused`);
});

t.test('the dearest answers of 64 KiB take little time', async (t) => {
  // as many records as fit, each name a pointer to the longest chain allowed
  const long = name(['a', 'b', 'c'].map((one) => one.repeat(63)).join('.'));
  const records = Array.from({ length: 5400 }, () => record(pointer(12), NUMBER.RRSIG, 5));
  const many = message({ question: bytes(long, u16(1), u16(1)), answers: records });
  t.ok(many.length < 65_536);
  // one-byte labels all the way down
  const intersectTlsParameters = bytes(...Array.from({ length: 127 }, () => [1, 0x61]), 0);
  const dear = message({
    question: bytes(intersectTlsParameters, u16(1), u16(1)),
    answers: Array.from({ length: 5400 }, () => record(pointer(12), NUMBER.RRSIG, 5)),
  });
  const spent = leastThreadMs(2000, () => {
    t.equal(decoded(many), true);
    t.equal(decoded(dear), true);
  });
  t.ok(spent < 2000, `${Math.round(spent)} ms`);
});
