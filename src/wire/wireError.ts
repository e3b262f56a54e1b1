/**
 * The only error that a decoder throws: the peer broke the protocol. Its connection is closed; nothing else
 * is affected. `rule` is a stable name in the log; wireRules.ts explains each rule and what to do.
 */
import type { WireRule } from './wireRules.ts';

export class WireError extends Error {
  /** Stable name, e.g. `milter-packet-too-long`. */
  readonly rule: WireRule;
  /** Offset in the stream of this connection, bytes from its start. */
  readonly offset: number;
  /** A few of the bytes that were found, in hex or quoted, safe to print. */
  readonly got: string;

  constructor(rule: WireRule, offset: number, expected: string, got: string) {
    super(`${rule}: expected ${expected}`);
    this.name = 'WireError';
    this.rule = rule;
    this.offset = offset;
    this.got = got;
  }
}

/** Up to 24 bytes as a quoted string, unprintable ones as \xNN: what a log line may show of foreign bytes. */
export function excerpt(bytes: Uint8Array, start = 0): string {
  let text = '';
  const end = Math.min(bytes.length, start + 24);
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    text +=
      byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return `"${text}${bytes.length > end ? '...' : ''}"`;
}
