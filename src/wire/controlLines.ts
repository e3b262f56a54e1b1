/**
 * The control protocol between the `tlsward` command and the running daemon: one JSON object a line in each
 * direction.
 *
 *   request = { "command": string, "argument"?: string } LF      status, reload, reload HASH, reload-dry-run, lookup CODE,
 *                                                                recent NUMBER,
 *                                                                published NEXTHOP, published-refresh NEXTHOP, published-forget NEXTHOP
 *   reply   = { "ok": boolean, ... } LF
 *
 * It has a socket of its own (mode 0600), so that administrative commands are separate from mail protocols.
 * Limit: a request line has at most 4,096 bytes.
 */
import { excerpt, WireError } from './wireError.ts';

export interface ControlRequest {
  readonly command: string;
  readonly argument: string;
}

const CONTROL_LINE_LIMIT = 4096;

/** Bytes to requests; throws WireError for a line that is too long or is not a request. */
export class ControlDecoder {
  #held: Buffer = Buffer.alloc(0);
  #offset = 0;

  push(chunk: Uint8Array): void {
    this.#held = Buffer.concat([this.#held, chunk]);
  }

  /** Copies every chunk. */
  keep(): void {}

  next(): ControlRequest | null {
    const end = this.#held.indexOf(0x0a);
    if (end < 0 ? this.#held.length > CONTROL_LINE_LIMIT : end > CONTROL_LINE_LIMIT) {
      throw new WireError(
        'control-line-too-long',
        this.#offset,
        `at most ${CONTROL_LINE_LIMIT} bytes`,
        excerpt(this.#held),
      );
    }
    if (end < 0) return null;
    const line = this.#held.subarray(0, end);
    this.#held = this.#held.subarray(end + 1);
    const request = parseRequest(line.toString('utf8'));
    if (request === null)
      throw new WireError(
        'control-not-a-request',
        this.#offset,
        'a JSON object with "command"',
        excerpt(line),
      );
    this.#offset += end + 1;
    return request;
  }

  partial(): boolean {
    return this.#held.length > 0;
  }

  held(): number {
    return this.#held.length;
  }
}

function parseRequest(line: string): ControlRequest | null {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null) return null;
    const { command, argument = '' } = value as { command?: unknown; argument?: unknown };
    return typeof command === 'string' && typeof argument === 'string' ? { command, argument } : null;
  } catch {
    return null;
  }
}

/** One request as a line. */
export function encodeControlRequest(request: ControlRequest): Uint8Array {
  return Buffer.from(`${JSON.stringify(request)}\n`);
}

/** One reply as a line. */
export function encodeControlReply(reply: object): Uint8Array {
  return Buffer.from(`${JSON.stringify(reply)}\n`);
}
