/**
 * SMTP replies out of the bytes of a server that may be hostile.
 *
 *   reply = *( code "-" [ text ] line-end ) code [ SP text ] line-end
 *   code  = three digits
 *
 * Line ends are LF, a CR before it belongs to it, as Postfix takes them. Limits: a line of 2,048 bytes and a reply
 * of 100 lines; beyond them, or with a line that is no part of a reply, the dialogue cannot go on.
 * Sources: RFC 5321 sections 4.2 and 4.5.3.1.5; Postfix `src/smtp/smtp_chat.c` (line_length_limit = 2048).
 */

export interface Reply {
  /** 200 to 599. */
  readonly code: number;
  /** The texts behind the codes, one character a byte. At least one. */
  readonly lines: readonly string[];
}

/** Of a reply that is not whole yet: the texts of its lines, and what came of the next one. */
export interface Partial {
  readonly lines: readonly string[];
  readonly text: string;
}

/** A reply and what came behind it, or what there is of one, or why it can never become one. */
type Taken =
  | { readonly kind: 'reply'; readonly reply: Reply; readonly rest: string }
  | { readonly kind: 'more'; readonly partial: Partial }
  | { readonly kind: 'broken'; readonly why: string };

const MAX_LINE = 2048;
const MAX_LINES = 100;
export const NOTHING_YET: Partial = { lines: [], text: '' };

/** `bytes`: one character each. Lines that were taken before are not looked at again. */
export function takeReply(before: Partial, bytes: string): Taken {
  const text = before.text + bytes;
  const lines = [...before.lines];
  for (let start = 0; ; ) {
    const end = text.indexOf('\n', start);
    const length = (end < 0 ? text.length : end) - start;
    if (length > MAX_LINE) return { kind: 'broken', why: `a line longer than ${MAX_LINE} bytes` };
    if (end < 0) return { kind: 'more', partial: { lines, text: text.slice(start) } };
    const line = text.slice(start, end > start && text[end - 1] === '\r' ? end - 1 : end);
    const match = /^([2-5][0-9]{2})(?:([ -])|$)/.exec(line);
    if (match === null) return { kind: 'broken', why: 'a line that is no reply' };
    lines.push(line.slice(4));
    if (match[2] !== '-')
      return { kind: 'reply', reply: { code: Number(match[1]), lines }, rest: text.slice(end + 1) };
    if (lines.length === MAX_LINES) return { kind: 'broken', why: `a reply of more than ${MAX_LINES} lines` };
    start = end + 1;
  }
}

/** `454 4.7.0 TLS not available`: code and last line. */
export function replyText({ code, lines }: Reply): string {
  return `${code} ${lines.at(-1) ?? ''}`.trimEnd();
}

/** The enhanced status code that the text begins with, else the code's own class: `4.7.0`, `4.0.0` (RFC 2034). */
export function statusOf(reply: Reply): string {
  const own = /^[245]\.[0-9]{1,3}\.[0-9]{1,3}(?= |$)/.exec(reply.lines.at(-1) ?? '')?.[0];
  return own ?? `${Math.floor(reply.code / 100)}.0.0`;
}

/** Does the reply to EHLO name this extension? The first line is the server's name. */
export function offers(reply: Reply, extension: string): boolean {
  return reply.lines.slice(1).some((line) => line.split(' ', 1)[0]!.toUpperCase() === extension);
}
