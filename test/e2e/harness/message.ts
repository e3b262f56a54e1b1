/**
 * A mail message as found in a Maildir or the queue, taken apart just enough for assertions: header fields in order, and
 * the body as it is. Bytes are kept (`raw`); the strings are latin1, one character per byte, so nothing is lost and
 * a test that cares about a charset decodes it itself. Source: RFC 5322 §2.2 (fields, folding).
 */

export interface Field {
  readonly name: string;
  /** Unfolded: line breaks removed, the white space that followed them kept; outer white space trimmed. */
  readonly value: string;
}

export interface MailMessage {
  readonly raw: Buffer;
  readonly text: string;
  readonly fields: readonly Field[];
  readonly body: string;
  /** Every value of a field, in order; the name in any case. */
  all(name: string): string[];
  /** The first value of a field, or null. */
  first(name: string): string | null;
}

/** Line ends may be LF (as Postfix stores mail) or CRLF. */
export function parseMessage(raw: Buffer): MailMessage {
  const text = raw.toString('latin1');
  const gap = /\r?\n\r?\n/.exec(text);
  const head = gap === null ? text : text.slice(0, gap.index);
  const fields: Field[] = [];
  for (const line of head.replace(/\r?\n(?=[ \t])/g, '').split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.push({ name: line.slice(0, colon).trimEnd(), value: line.slice(colon + 1).trim() });
  }
  const all = (name: string) =>
    fields.filter((field) => field.name.toLowerCase() === name.toLowerCase()).map((field) => field.value);
  return {
    raw,
    text,
    fields,
    body: gap === null ? '' : text.slice(gap.index + gap[0].length),
    all,
    first: (name) => all(name)[0] ?? null,
  };
}
