/**
 * Lines of the log as the bytes that will be written. Each is copied at once: under load, hundreds of lines that wait as
 * strings, each made of many pieces, cost the garbage collector more than the lines cost to make.
 */

/** Room of one block. */
const BLOCK_BYTES = 131_072;
/** Most bytes of UTF-8 for one unit of UTF-16. */
const MOST_PER_UNIT = 3;
const NOTHING = Buffer.alloc(0);

export class LineBlock {
  /** Bytes and lines that wait. */
  bytes = 0;
  lines = 0;
  #full: Buffer[] = [];
  #open: Buffer = NOTHING;
  #used = 0;
  #spare: Buffer | null = null;

  add(line: string): void {
    const most = MOST_PER_UNIT * line.length;
    if (this.#used + most > this.#open.length) {
      this.#close();
      this.#open = this.#block(most);
    }
    const written = this.#open.write(line, this.#used);
    this.#used += written;
    this.bytes += written;
    this.lines++;
  }

  /** All that waits, in order; then nothing waits. */
  take(): Buffer {
    this.#close();
    const taken = this.#full.length === 1 ? this.#full[0]! : Buffer.concat(this.#full);
    this.#full = [];
    this.#open = NOTHING;
    this.bytes = 0;
    this.lines = 0;
    return taken;
  }

  /** What `take` returned, or the rest of it, is not needed any more: the next block may be at its place. */
  reuse({ buffer }: Buffer): void {
    if (buffer.byteLength === BLOCK_BYTES) this.#spare = Buffer.from(buffer);
  }

  #block(least: number): Buffer {
    const spare = this.#spare;
    if (spare === null || least > BLOCK_BYTES) return Buffer.allocUnsafeSlow(Math.max(BLOCK_BYTES, least));
    this.#spare = null;
    return spare;
  }

  #close(): void {
    if (this.#used > 0) this.#full.push(this.#open.subarray(0, this.#used));
    this.#used = 0;
  }
}
