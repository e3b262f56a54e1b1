/**
 * Chunks of bytes to lines, within a limit: what a line has beyond it is left out.
 */
const LF = 10;

export class ByteLines {
  readonly #limit: number;
  #held: Buffer[] = [];
  #bytes = 0;

  /** `limit`: bytes of a line that are kept. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The lines that the chunk ends, without their LF. */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let at = 0;
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, at)) {
      lines.push(this.#end(chunk.subarray(at, end)));
      at = end + 1;
    }
    this.#hold(chunk.subarray(at));
    return lines;
  }

  /** What is left without an end; null: nothing. */
  rest(): string | null {
    return this.#bytes === 0 ? null : this.#end(Buffer.alloc(0));
  }

  #hold(bytes: Buffer): void {
    const kept = bytes.subarray(0, Math.max(0, this.#limit - this.#bytes));
    if (kept.length === 0) return;
    this.#held.push(Buffer.from(kept));
    this.#bytes += kept.length;
  }

  #end(bytes: Buffer): string {
    if (this.#bytes === 0) return bytes.toString('utf8', 0, Math.min(bytes.length, this.#limit));
    this.#hold(bytes);
    const line = Buffer.concat(this.#held).toString('utf8');
    this.#held = [];
    this.#bytes = 0;
    return line;
  }
}
