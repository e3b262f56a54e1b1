/**
 * SMTP replies: lines in, whole replies out. Sources: RFC 5321 §4.2 (code, `-` or space, text), RFC 2034 (enhanced
 * status codes at the start of the text).
 */

/** One SMTP reply, all its lines. */
export interface Reply {
  readonly code: number;
  /** "5.7.10", or null when the first line has none. */
  readonly enhanced: string | null;
  /** Text without codes, lines joined by a newline. */
  readonly text: string;
  /** Text of each line after the reply code, enhanced code included. */
  readonly lines: readonly string[];
}

const REPLY_LINE = /^([2-5]\d\d)([ -]|$)(.*)$/;
const ENHANCED = /^([245]\.\d{1,3}\.\d{1,3})(?: |$)/;

export class ReplyReader {
  #buffer = '';
  #lines: string[] = [];

  /** Complete replies in this chunk (and what was left over before). `seen` gets every line. Throws on a malformed line. */
  *push(chunk: string, seen: (line: string) => void): Iterable<Reply> {
    this.#buffer += chunk;
    for (let end = this.#buffer.indexOf('\n'); end >= 0; end = this.#buffer.indexOf('\n')) {
      const line = this.#buffer.slice(0, end).replace(/\r$/, '');
      this.#buffer = this.#buffer.slice(end + 1);
      seen(line);
      const match = REPLY_LINE.exec(line);
      if (match === null) throw new Error(`malformed reply line: ${line.slice(0, 80)}`);
      this.#lines.push(match[3]!);
      if (match[2] !== '-') yield this.#complete(Number(match[1]));
    }
  }

  #complete(code: number): Reply {
    const lines = this.#lines;
    this.#lines = [];
    return {
      code,
      enhanced: ENHANCED.exec(lines[0] ?? '')?.[1] ?? null,
      text: lines.map((line) => line.replace(ENHANCED, '')).join('\n'),
      lines,
    };
  }
}
