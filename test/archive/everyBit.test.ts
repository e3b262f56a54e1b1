/** One flipped bit anywhere in a directory of evidence is found: every bit of every file is flipped. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { readVerifiers } from '../../src/archive/verifierFile.ts';
import { verifyStream } from '../../src/archive/verifyStream.ts';
import { madeStream } from '../evidence/madeDay.ts';

test('every bit of every file', async (t) => {
  const { stream } = madeStream(t.testdir(), { '2026-11-29': 3, '2026-11-30': 2 }, { every: 2 });
  const pub = join(stream, 'evidence.pub');
  const holds = (): boolean => {
    const keys = readVerifiers(pub);
    return (
      typeof keys !== 'string' &&
      verifyStream(stream, keys[0]!, null).every(({ result }) => result === 'holds')
    );
  };
  t.ok(holds());
  let flipped = 0;
  for (const name of readdirSync(stream)) {
    const file = join(stream, name);
    const whole = readFileSync(file);
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const changed = Buffer.from(whole);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      writeFileSync(file, changed);
      flipped++;
      if (holds())
        t.fail(
          `${name}: bit ${bit & 7} of byte ${bit >> 3}, ${JSON.stringify(whole.toString('latin1', (bit >> 3) - 5, (bit >> 3) + 5))}`,
        );
    }
    writeFileSync(file, whole);
  }
  t.ok(holds());
  t.ok(flipped > 20_000, `${flipped} bits`);
});
