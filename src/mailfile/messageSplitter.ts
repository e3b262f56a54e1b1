/**
 * Takes the bytes of a file and returns the headers of its messages; bodies are skipped and never kept. Pure,
 * no I/O.
 *
 * Two forms, told apart by the first five bytes. `From ` begins an mbox, anything else is one message (a
 * UTF-8 byte order mark in front is skipped).
 *
 *   mbox    = *( From_ header-fields [ empty-line body ] )
 *   From_   = "From " sender " " date
 *
 * A From_ line is at the start or after an empty line, and contains a time and a four-digit year.
 *
 * In a body, writers put `>` in front of such lines (mboxo, mboxrd), so a line with `>` never begins a
 * message. mboxcl2 uses `Content-Length` instead of quoting, which is why a bare `From ` without a date is
 * body text too. Fields: names as written, with the white space before the colon; values as milters receive
 * them: one character a byte, folds as LF, without the line end and without one space after the colon. A line
 * that is neither a field nor a continuation ends the header, as in Postfix. LF and CRLF both end a line.
 *
 * Limits: a header of more than 1 MiB is cut there and marked as cut; of a line in a body, only 512 bytes are
 * examined.
 */
import type { HeaderField } from '../core/messageEdit.ts';

export interface SplitMessage {
  /** From 1. */
  readonly number: number;
  /**
   * Offset of the first byte of the header, and of what follows it (the body, or a line that is not a field).
   */
  readonly offset: number;
  readonly bodyOffset: number;
  /** The From_ line without its line end; null in a file with one message. */
  readonly fromLine: string | null;
  readonly headers: readonly HeaderField[];
  /** The header was larger than the limit; `headers` has what came before. */
  readonly cut: boolean;
  /** The result of reading the body; null when bodies are skipped or the start of the body is not known. */
  readonly bodyDigests: readonly string[] | null;
}

/** Receives a body chunk by chunk. */
export interface BodyReader {
  push(bytes: Uint8Array): void;
  values(): readonly string[];
}

export const MAX_HEADER_BYTES = 1_048_576;
const MAX_BODY_LINE = 512;
const FROM = /^From [^ ]* /;
const TIME = /[0-9]:[0-9]{2}/g;
const YEAR = /[ +-][0-9]{4}/g;
const FIELD = /^([!-9;-~]+[ \t]*):/;
const LF = 0x0a;

/**
 * Matches the first byte of a body line that is neither empty nor begins with `F`: most lines of a file, so
 * they are skipped fast.
 */
function isText(byte: number): boolean {
  return byte !== LF && byte !== 0x0d && byte !== 0x46;
}

/** Does the line begin like a From_ line, with a time and then a year in it? */
function isFromLine(line: string): boolean {
  const head = FROM.exec(line)?.[0];
  if (head === undefined) return false;
  TIME.lastIndex = head.length;
  if (!TIME.test(line)) return false;
  YEAR.lastIndex = TIME.lastIndex;
  return YEAR.test(line);
}

export class MessageSplitter {
  #state: 'start' | 'header' | 'body' = 'start';
  #mbox = false;
  /** Bytes of the current line that came in earlier chunks; of a body line only its beginning. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** Length of the current line so far, kept or not. */
  #lineBytes = 0;
  #position = 0;
  #blankBefore = true;
  #number = 0;
  #offset = 0;
  #headerBytes = 0;
  #fromLine: string | null = null;
  #headers: { name: string; value: string[] }[] = [];
  #ready: SplitMessage[] = [];
  readonly #newReader: (() => BodyReader) | null;
  /** The reader of the current message's body. */
  #reader: BodyReader | null = null;
  /** A message whose body has not ended yet. */
  #open: SplitMessage | null = null;
  /** What the current body line is and, until that is known, its bytes so far. */
  #line: 'unknown' | 'text' | 'from' = 'unknown';
  #undecided = Buffer.alloc(0);

  /** `newReader`: each body is read by a new one, and a message is returned at the end of its body. */
  constructor(newReader: (() => BodyReader) | null = null) {
    this.#newReader = newReader;
  }

  /** True when nothing more of the file needs to be read: it holds one message and its header is complete. */
  get done(): boolean {
    return this.#state === 'body' && !this.#mbox && this.#newReader === null;
  }

  /** Takes a chunk (any split gives the same messages); returns the messages whose header ended in it. */
  push(chunk: Uint8Array): SplitMessage[] {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (let at = 0; at < bytes.length && !this.done; ) {
      const lf = bytes.indexOf(LF, at);
      const end = lf < 0 ? bytes.length : lf + 1;
      if (lf >= 0 && this.#lineBytes === 0 && this.#state === 'body' && isText(bytes[at]!)) {
        this.#position += end - at;
        this.#blankBefore = false;
        this.#reader?.push(bytes.subarray(at, end));
        at = end;
        continue;
      }
      if (this.#state === 'body' && this.#reader !== null) this.#passBody(bytes.subarray(at, end));
      this.#hold(bytes, at, end);
      if (lf >= 0) this.#endLine();
      at = end;
    }
    return this.#take();
  }

  /** End of input: returns the last message, if its header is still open. */
  end(): SplitMessage[] {
    if (this.#lineBytes > 0) this.#endLine();
    if (this.#state === 'header') this.#finish(this.#position);
    this.#closeBody();
    return this.#take();
  }

  /** Passes part of a body line to the reader, unless the line may turn out to begin the next message. */
  #passBody(bytes: Buffer): void {
    if (this.#line === 'unknown') {
      this.#undecided = Buffer.concat([this.#undecided, bytes]);
      const start = this.#undecided.toString('latin1', 0, MAX_BODY_LINE);
      const from = this.#mbox && this.#blankBefore && 'From '.startsWith(start.slice(0, 5));
      // as much as will be examined when the line ends
      if (from && start.length === MAX_BODY_LINE) this.#decide(isFromLine(start));
      else if (!from) this.#decide(false);
    } else if (this.#line === 'text') this.#reader?.push(bytes);
  }

  /** Is the line a From_ line? If not, what was kept of it is body text. */
  #decide(from: boolean): void {
    if (this.#line !== 'unknown') return;
    this.#line = from ? 'from' : 'text';
    if (!from) this.#reader?.push(this.#undecided);
    this.#undecided = Buffer.alloc(0);
  }

  #closeBody(): void {
    if (this.#open === null) return;
    this.#ready.push({ ...this.#open, bodyDigests: this.#reader?.values() ?? null });
    this.#open = null;
    this.#reader = null;
  }

  #take(): SplitMessage[] {
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }

  #hold(bytes: Buffer, start: number, end: number): void {
    const limit = this.#state === 'body' ? MAX_BODY_LINE : MAX_HEADER_BYTES - this.#headerBytes;
    const room = Math.max(0, limit - this.#heldBytes);
    const kept = Math.min(room, end - start);
    if (kept > 0) this.#held.push(Buffer.from(bytes.subarray(start, start + kept)));
    this.#heldBytes += kept;
    this.#lineBytes += end - start;
  }

  #endLine(): void {
    const start = this.#position;
    const whole = this.#heldBytes === this.#lineBytes;
    const line = Buffer.concat(this.#held)
      .toString('latin1')
      .replace(/\r?\n$/, '');
    this.#held = [];
    this.#heldBytes = 0;
    this.#position += this.#lineBytes;
    this.#headerBytes += this.#lineBytes;
    this.#lineBytes = 0;
    if (this.#state === 'start') this.#firstLine(line, start, whole);
    else if (this.#state === 'header') this.#headerLine(line, start, whole);
    else this.#bodyLine(line);
  }

  #firstLine(line: string, start: number, whole: boolean): void {
    if (line.startsWith('From ')) {
      this.#mbox = true;
      this.#begin(line);
      return;
    }
    const mark = line.startsWith('\xef\xbb\xbf') ? 3 : 0;
    this.#begin(null);
    this.#offset = start + mark;
    this.#headerBytes = this.#position - this.#offset;
    this.#headerLine(line.slice(mark), start + mark, whole);
  }

  #begin(fromLine: string | null): void {
    this.#closeBody();
    this.#state = 'header';
    this.#number++;
    this.#offset = this.#position;
    this.#headerBytes = 0;
    this.#fromLine = fromLine;
    this.#headers = [];
  }

  #headerLine(line: string, start: number, whole: boolean): void {
    const last = this.#headers.at(-1);
    const field = FIELD.exec(line);
    if (!whole) this.#finish(start, true);
    else if (line === '') {
      this.#blankBefore = true;
      this.#finish(this.#position);
    } else if (last !== undefined && (line[0] === ' ' || line[0] === '\t')) last.value.push(line);
    else if (field !== null) {
      const name = field[1]!;
      const value = line.slice(name.length + 1);
      this.#headers.push({ name, value: [value.startsWith(' ') ? value.slice(1) : value] });
    } else {
      this.#blankBefore = false;
      this.#finish(start);
      // it belongs to the body, as it does for the MTA
      this.#reader?.push(Buffer.from(`${line}\n`, 'latin1'));
    }
  }

  #finish(bodyOffset: number, cut = false): void {
    this.#state = 'body';
    const message: SplitMessage = {
      number: this.#number,
      offset: this.#offset,
      bodyOffset,
      fromLine: this.#fromLine,
      headers: this.#headers.map(({ name, value }) => ({ name, value: value.join('\n') })),
      cut,
      bodyDigests: null,
    };
    this.#headers = [];
    if (this.#newReader === null) this.#ready.push(message);
    else {
      this.#open = message;
      // the rest of a cut header would be taken for the body
      this.#reader = cut ? null : this.#newReader();
    }
  }

  #bodyLine(line: string): void {
    const from = this.#mbox && this.#blankBefore && isFromLine(line);
    this.#decide(from);
    this.#line = 'unknown';
    if (from) this.#begin(line);
    else this.#blankBefore = line === '';
  }
}
