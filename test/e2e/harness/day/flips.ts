/** One flipped bit, in a copy of an evidence directory: which file is left to chance, and where in it. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runVerify } from '../../../../src/cli/evidenceVerify.ts';
import type { Generator } from '../../../mark/generator.ts';

/** What `verify` says of each of `count` copies in which one bit differs: where it was and what is wrong, if anything. */
export function flipped(
  directory: string,
  count: number,
  random: Generator,
): { place: string; code: number }[] {
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-flip-'));
  try {
    cpSync(directory, dir, { recursive: true });
    const files = readdirSync(dir, { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(?:jsonl|ckpt|pub)$/.test(name))
      .sort();
    return Array.from({ length: count }, () => {
      const name = random.pick(files);
      const path = join(dir, name);
      const bytes = readFileSync(path);
      // white space around a key means nothing
      const length = name.endsWith('.pub') ? bytes.length - 1 : bytes.length;
      const [at, bit] = [random.integer(length), random.integer(8)];
      writeFileSync(
        path,
        bytes.map((byte, i) => (i === at ? byte ^ (1 << bit) : byte)),
      );
      const code = verify(dir);
      writeFileSync(path, bytes);
      return { place: `${name}: bit ${bit} of byte ${at}`, code };
    });
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** Exit status of `tlsward evidence verify`. */
function verify(directory: string): number {
  const io = { out: () => {}, err: () => {}, env: {}, color: false };
  return runVerify([directory], null, [], true, io as unknown as Parameters<typeof runVerify>[4]);
}
