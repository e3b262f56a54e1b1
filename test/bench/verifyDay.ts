/**
 * How fast `tlsward evidence verify` is: node build/test/bench/verifyDay.js [LINES]
 *
 * Makes a day of LINES records (300,000), verifies it, and compares the CPU time with that of SHA-256 over the same leaves
 * and nodes alone, without files, lines and a tree: that ratio does not depend on the machine. Then changes a line, and
 * measures how long it takes to name where. The budget is 300,000 lines a second on one core.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { linesFile } from '../../src/archive/layout.ts';
import { verifyStream } from '../../src/archive/verifyStream.ts';
import { HASH_BYTES, sha256Into } from '../../src/evidence/merkle.ts';
import { madeKey, madeStream } from '../evidence/madeDay.ts';

const LINES = Number(process.argv[2] ?? 300_000);
const DAY = '2026-11-30';
const ROUNDS = 5;

/** Least CPU seconds of a few rounds. */
function seconds(work: () => void): number {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1e6);
  }
  return least;
}

const folder = mkdtempSync(join(tmpdir(), 'tlsward-'));
try {
  mkdirSync(folder, { recursive: true });
  const { stream, days } = madeStream(folder, { [DAY]: LINES }, { every: Math.ceil(LINES / 60) });
  const { lines } = days.get(DAY)!;
  const leaf = Buffer.from(lines[LINES >> 1]!);
  const target = Buffer.alloc(HASH_BYTES);
  const node = Buffer.alloc(1 + 2 * HASH_BYTES);
  const hashing = seconds(() => {
    for (let i = 0; i < LINES; i++) {
      sha256Into(leaf, target, 0);
      sha256Into(node, target, 0);
    }
  });
  const result = (): string => verifyStream(stream, madeKey(), null)[0]!.result;
  const holding = seconds(() => {
    if (result() !== 'holds') throw new Error('the day does not hold');
  });
  writeFileSync(
    linesFile(stream, DAY),
    lines
      .with(LINES >> 1, lines[LINES >> 1]!.replace('policy', 'milter'))
      .map((line) => `${line}\n`)
      .join(''),
  );
  const failing = seconds(() => {
    if (result() !== 'fails') throw new Error('the day holds');
  });
  const rate = (time: number): string => `${Math.round(LINES / time / 1000)},000 lines/s`;
  console.log(`${LINES} lines of ${leaf.length} bytes`);
  console.log(`verified        ${rate(holding)}, ${(holding / hashing).toFixed(2)} times the hashes alone`);
  console.log(`a line changed  ${rate(failing)}, ${(failing / hashing).toFixed(2)} times the hashes alone`);
} finally {
  rmSync(folder, { recursive: true });
}
