/** One flipped bit, in a copy of an evidence directory: which file is left to chance, and where in it. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runVerify } from '../../../../src/cli/evidenceVerify.ts';
import type { Generator } from '../../../mark/generator.ts';

/**
 * What `check` says, which is `verify` unless another one is given, of each of `count` copies in which one bit differs: where
 * it was, and the exit status.
 */
export async function flipped(
  directory: string,
  count: number,
  random: Generator,
  check: (directory: string) => number | Promise<number> = verify,
  which = /\.(?:jsonl|ckpt|pub)$/,
): Promise<{ place: string; code: number }[]> {
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-flip-'));
  try {
    cpSync(directory, dir, { recursive: true });
    const files = readdirSync(dir, { recursive: true, encoding: 'utf8' })
      .filter((name) => which.test(name))
      .sort();
    const all: { place: string; code: number }[] = [];
    for (let i = 0; i < count; i++) {
      const name = random.pick(files);
      const path = join(dir, name);
      const bytes = readFileSync(path);
      // white space around a key means nothing
      const length = name.endsWith('.pub') ? bytes.length - 1 : bytes.length;
      const [at, bit] = [random.integer(length), random.integer(8)];
      writeFileSync(
        path,
        bytes.map((byte, index) => (index === at ? byte ^ (1 << bit) : byte)),
      );
      const code = await check(dir);
      writeFileSync(path, bytes);
      all.push({ place: `${name}: bit ${bit} of byte ${at}`, code });
    }
    return all;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** Exit status of `tlsward evidence verify`. */
function verify(directory: string): number {
  const io = { out: () => {}, err: () => {}, env: {}, color: false };
  return runVerify([directory], null, [], true, io as unknown as Parameters<typeof runVerify>[4]);
}
