/**
 * Milter packets written by hand for the tests: nothing here uses the codec under test, so that a mistake in it cannot
 * hide behind the same mistake here. `packet('H', z('client.example'))` is a whole HELO packet.
 */
import { Buffer } from 'node:buffer';

export type Part = string | number | readonly number[] | Uint8Array;

/** latin1 text and its NUL. */
export function z(text: string): string {
  return `${text}\0`;
}

export function u16(value: number): number[] {
  return [Math.floor(value / 256) % 256, value % 256];
}

export function u32(value: number): number[] {
  return [Math.floor(value / 16777216), ...u16(Math.floor(value / 256) % 65536), value % 256];
}

/** Parts one after another: text as latin1, a number as one byte. */
export function bytes(...parts: readonly Part[]): Buffer {
  const list: number[] = [];
  for (const part of parts) {
    if (typeof part === 'string') for (const char of part) list.push(char.charCodeAt(0));
    else if (typeof part === 'number') list.push(part);
    else for (const byte of part) list.push(byte);
  }
  return Buffer.from(list);
}

/** One packet: length, letter, payload. */
export function packet(letter: string, ...parts: readonly Part[]): Buffer {
  const payload = bytes(...parts);
  return bytes(u32(payload.length + 1), letter, payload);
}

/** The seed of this run: TLSWARD_SEED repeats one that failed. */
export const seed = Number(process.env.TLSWARD_SEED ?? Date.now() % 2 ** 31);

/** Numbers from a seed (mulberry32), so that a failure can be run again. */
export function randomFrom(from: number): (below: number) => number {
  let state = from >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return Math.floor((((x ^ (x >>> 14)) >>> 0) / 4294967296) * below);
  };
}
