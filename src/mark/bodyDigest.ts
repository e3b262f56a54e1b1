/**
 * The digest of a body that a mark may bind (`mark-binds = body`): SHA-256, base64url without padding, over a
 * form that does not change on the path from the milter to a mailbox. The body is hashed chunk by chunk; none
 * of it is kept.
 *
 * Form: that of DKIM's `simple` body canonicalization (RFC 6376 section 3.4.3) except for what storing
 * changes: CRs are ignored, so CRLF and LF are the same line end, and so are line ends at the end of the
 * body. White space counts.
 *
 * An mbox puts `>` in front of lines that begin with `From ` (mboxo), or with any number of `>` and then
 * `From ` (mboxrd); so does Sendmail's local mailer. A saved body may be either, so it has up to three
 * digests: as it is, and with each kind of quoting undone.
 *
 * Lasting changes of the body (8BITMIME to quoted-printable, long lines broken, a footer) change the digest.
 */
import { createHash, type Hash } from 'node:crypto';

const LF = 0x0a;
const CR = 0x0d;

/** The state after the part of a body seen so far; immutable. */
export class BodyDigest {
  /** Everything seen so far. */
  readonly #all: Hash;
  /**
   * The same without the line ends after the last text. Line ends are hashed as they arrive, so that a long
   * run of them never has to be hashed at once.
   */
  readonly #settled: Hash;

  private constructor(all: Hash, settled: Hash) {
    this.#all = all;
    this.#settled = settled;
  }

  /** The state before the first byte of a body. */
  static readonly start: BodyDigest = new BodyDigest(createHash('sha256'), createHash('sha256'));

  /** The state after one more chunk; any split into chunks gives the same digest. The bytes are not kept. */
  with(chunk: Uint8Array): BodyDigest {
    const bytes = withoutReturns(chunk);
    let text = bytes.length;
    while (text > 0 && bytes[text - 1] === LF) text--;
    if (text === 0) return new BodyDigest(this.#all.copy().update(bytes), this.#settled);
    const settled = this.#all.copy().update(bytes.subarray(0, text));
    const all = settled.copy();
    return new BodyDigest(text < bytes.length ? all.update(bytes.subarray(text)) : all, settled);
  }

  /** The digest of the body if nothing follows: 43 characters. */
  value(): string {
    return this.#settled.copy().digest('base64url');
  }
}

function withoutReturns(chunk: Uint8Array): Uint8Array {
  if (!chunk.includes(CR)) return chunk;
  const out = new Uint8Array(chunk.length);
  let length = 0;
  for (let i = 0; i < chunk.length; i++) if (chunk[i] !== CR) out[length++] = chunk[i]!;
  return out.subarray(0, length);
}

const PILE_BYTES = 65_536;

/** A digest that is fed small pieces: they are collected before they are hashed. */
class Piled {
  #digest: BodyDigest;
  readonly #pile = Buffer.allocUnsafe(PILE_BYTES);
  #length = 0;

  constructor(digest: BodyDigest = BodyDigest.start) {
    this.#digest = digest;
  }

  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const some = bytes.subarray(at, at + PILE_BYTES - this.#length);
      this.#pile.set(some, this.#length);
      this.#length += some.length;
      at += some.length;
      if (this.#length === PILE_BYTES) this.#settle();
    }
  }

  #settle(): BodyDigest {
    this.#digest = this.#digest.with(this.#pile.subarray(0, this.#length));
    this.#length = 0;
    return this.#digest;
  }

  fork(): Piled {
    return new Piled(this.#settle());
  }

  value(): string {
    return this.#settle().value();
  }
}

const FROM = Buffer.from('From ');
const QUOTE = 0x3e;
/** A line with more of them is not treated as quoted. */
const MAX_QUOTES = 1000;

/** The digests that the body of a saved message may have had; chunks in order, split anywhere. */
export class SavedBody {
  readonly #asIs = new Piled();
  /** mboxo, mboxrd: null until there is a line that they quote. */
  #once: Piled | null = null;
  #any: Piled | null = null;
  /**
   * At the beginning of a line: its `>`s, and how much of `From ` stands behind them; null: inside a line.
   */
  #quotes: number | null = 0;
  #matched = 0;

  push(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let done = 0;
    for (let at = 0; at < bytes.length; ) {
      if (this.#quotes === null) {
        const lf = bytes.indexOf(LF, at);
        if (lf < 0) break;
        at = lf + 1;
        this.#quotes = 0;
        this.#matched = 0;
        // a quoted line may begin here; it is held until that is known
        if (at < bytes.length && bytes[at] !== QUOTE) this.#quotes = null;
        else {
          this.#text(bytes.subarray(done, at));
          done = at;
        }
        continue;
      }
      const byte = bytes[at]!;
      if (byte === QUOTE && this.#matched === 0 && this.#quotes < MAX_QUOTES) this.#quotes++;
      else if (this.#quotes > 0 && byte === FROM[this.#matched]) this.#matched++;
      else {
        this.#release(false);
        done = at;
        continue;
      }
      at++;
      done = at;
      if (this.#matched === FROM.length) this.#release(true);
    }
    if (done < bytes.length) this.#text(bytes.subarray(done));
  }

  /** Each possible digest, once. */
  values(): readonly string[] {
    if (this.#quotes !== null) this.#release(false);
    const all = [this.#asIs, this.#once, this.#any].flatMap((one) => (one === null ? [] : [one.value()]));
    return [...new Set(all)];
  }

  #text(bytes: Uint8Array): void {
    this.#asIs.push(bytes);
    this.#once?.push(bytes);
    this.#any?.push(bytes);
  }

  /** The beginning of a line is known; `quoted`: it is `>From ` with one or more `>`. */
  #release(quoted: boolean): void {
    const quotes = this.#quotes ?? 0;
    const text = Buffer.concat([Buffer.alloc(quotes, '>'), FROM.subarray(0, this.#matched)]);
    this.#quotes = null;
    this.#matched = 0;
    if (!quoted) {
      this.#text(text);
      return;
    }
    this.#once ??= this.#asIs.fork();
    this.#any ??= this.#asIs.fork();
    this.#asIs.push(text);
    this.#once.push(quotes === 1 ? text.subarray(1) : text);
    this.#any.push(text.subarray(1));
  }
}
