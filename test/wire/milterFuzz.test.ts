/**
 * Nonsense on the wire: 100,000 random packets with plausible commands, most of them broken, cut at random. A decoder
 * gives messages or throws WireError, nothing else; what it took can be encoded to the very same bytes.
 */
import { Buffer } from 'node:buffer';
import t from 'tap';
import { encodeCommand, ReplyDecoder } from '../../src/wire/milterClient.ts';
import { isNamed, type MilterCommand, MilterDecoder } from '../../src/wire/milterDecode.ts';
import { encodeReply, type MilterReply } from '../../src/wire/milterEncode.ts';
import { SMFIC, SMFIR } from '../../src/wire/milterNames.ts';
import { WireError } from '../../src/wire/wireError.ts';
import { bytes, packet, randomFrom, seed, u32, z } from './milterBytes.ts';

const RUNS = 100_000;

/** Mostly text with NULs where strings end, sometimes anything. */
function payload(random: (below: number) => number): number[] {
  const length = random(4) === 0 ? 0 : random(24);
  const out: number[] = [];
  for (let i = 0; i < length; i++) {
    const kind = random(8);
    if (kind < 2) out.push(0);
    else if (kind < 7) out.push(0x30 + random(0x4b));
    else out.push(random(256));
  }
  if (random(3) > 0) out.push(0);
  return out;
}

interface Codec {
  readonly decoder: () => { push(chunk: Uint8Array): void; next(): MilterCommand | MilterReply | null };
  readonly encode: (message: never) => Uint8Array;
  readonly letters: readonly number[];
}

function run(codec: Codec, random: (below: number) => number): { taken: number; refused: number } {
  let taken = 0;
  let refused = 0;
  for (let i = 0; i < RUNS; i++) {
    const known = codec.letters[random(codec.letters.length)]!;
    const letter = String.fromCharCode(random(10) === 0 ? random(256) : known);
    let wire = packet(letter, payload(random));
    // a length that lies, now and then
    if (random(20) === 0) wire = bytes(u32(random(2) === 0 ? random(40) : random(2 ** 32)), wire.subarray(4));
    const decoder = codec.decoder();
    const cut = random(wire.length + 1);
    try {
      const found: Buffer[] = [];
      for (const piece of [wire.subarray(0, cut), wire.subarray(cut)]) {
        decoder.push(piece);
        for (let message = decoder.next(); message !== null; message = decoder.next()) {
          found.push(Buffer.from(codec.encode(message as never)));
        }
      }
      const again = Buffer.concat(found);
      if (!again.equals(wire.subarray(0, again.length)))
        throw new Error(`${wire.toString('hex')} became ${again.toString('hex')}`);
      if (found.length > 0) taken++;
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      if (!/^milter-[a-z-]+$/.test(error.rule)) throw new Error(`rule ${error.rule}`);
      refused++;
    }
  }
  return { taken, refused };
}

t.test('random commands', async (t) => {
  t.comment(`TLSWARD_SEED=${seed}`);
  const codec: Codec = {
    decoder: () => new MilterDecoder(),
    encode: encodeCommand,
    letters: Object.values(SMFIC),
  };
  const { taken, refused } = run(codec, randomFrom(seed));
  t.ok(taken > RUNS / 10, `${taken} taken`);
  t.ok(refused > RUNS / 10, `${refused} refused`);
});

t.test('random replies', async (t) => {
  t.comment(`TLSWARD_SEED=${seed}`);
  const codec: Codec = {
    decoder: () => new ReplyDecoder(),
    encode: encodeReply,
    letters: Object.values(SMFIR),
  };
  const { taken, refused } = run(codec, randomFrom(seed + 1));
  t.ok(taken > RUNS / 10, `${taken} taken`);
  t.ok(refused > RUNS / 10, `${refused} refused`);
});

/** What comes of a stream, without fields other than `Bcc` and without the macros of fields; last, the error. */
function fieldsRead(stream: Buffer, pieces: readonly number[], passing: boolean): string[] {
  const read = ['bcc'];
  const decoder = new MilterDecoder();
  const found: string[] = [];
  try {
    for (const [i, from] of pieces.entries()) {
      decoder.push(stream.subarray(from, pieces[i + 1]));
      const next = () => (passing ? decoder.nextRead(read) : decoder.next());
      for (let message = next(); message !== null; message = next()) {
        if (message.kind === 'MACRO' && message.stage === 'L') continue;
        if (message.kind === 'HEADER' && !isNamed(message, 'bcc')) continue;
        found.push(Buffer.from(encodeCommand(message)).toString('latin1'));
      }
      found.push(`partial ${decoder.partial()}, ${decoder.held()} held`);
    }
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    found.push(`${error.rule} at ${error.offset}: ${error.got}`);
  }
  return found;
}

t.test('passing over fields leaves out nothing else, and refuses the same', async (t) => {
  t.comment(`TLSWARD_SEED=${seed}`);
  const random = randomFrom(seed + 3);
  const one = (): Buffer => {
    const name = ['Bcc', 'bcc ', 'Subject', ''][random(4)]!;
    const whole = [
      packet('D', 'L', z('i'), z('1')),
      packet('L', z(name), z('text\n more')),
      packet('B', 'b'),
      packet('D', 'E', z('i'), z('1')),
    ][random(4)]!;
    if (random(60) > 0) return whole;
    // a string without its end, one too many, half a pair; or a length that lies
    return random(4) === 0
      ? bytes(u32(random(2 ** 32)), whole.subarray(4))
      : packet(
          'DL'[random(2)]!,
          'L',
          ...Array.from({ length: random(3) }, () => z('x')),
          ['', 'x'][random(2)]!,
        );
  };
  let refused = 0;
  for (let i = 0; i < 5000; i++) {
    const stream = bytes(...Array.from({ length: random(30) }, one));
    const cuts = Array.from({ length: random(4) }, () => random(stream.length + 1));
    const pieces = [0, ...cuts.sort((a, b) => a - b)];
    const all = fieldsRead(stream, pieces, false);
    if (/^milter-/.test(all.at(-1) ?? '')) refused++;
    const found = fieldsRead(stream, pieces, true);
    if (found.join() !== all.join()) t.strictSame(found, all, `${stream.toString('hex')} in ${pieces}`);
  }
  t.ok(refused > 200, `${refused} streams refused alike`);
});

t.test('random streams', async (t) => {
  t.comment(`TLSWARD_SEED=${seed}`);
  const random = randomFrom(seed + 2);
  let errors = 0;
  for (let i = 0; i < 20_000; i++) {
    const decoder = new MilterDecoder();
    try {
      for (let piece = 0; piece < 4; piece++) {
        decoder.push(Uint8Array.from({ length: random(12) }, () => (random(3) === 0 ? random(256) : 0)));
        while (decoder.next() !== null);
      }
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      errors++;
    }
  }
  t.ok(errors > 1000, `${errors} refused`);
});
