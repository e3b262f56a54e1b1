/**
 * The text of a record as its producer hands it over: a line without its beginning. The writer of the stream puts
 * `{"v":1,"n":N,` in front (src/recorder).
 *
 *   "time":"2026-11-30T01:02:03.456Z","type":"verdict","host":"mx.example.org",...}
 *
 * An address stands raw between two U+0000, in place of a JSON value: the writer puts what `privacy` leaves of it
 * there, so that the thread that serves mail makes no HMAC. Texts in which addresses may occur (replies,
 * reasons) lose their local parts here, whatever `privacy` says.
 */
import { escapeText } from '../core/escape.ts';
import { type Address, RECORD_VERSION, type RecordType } from './record.ts';

/** What stands around an address. */
const ADDRESS_EDGE = '\0';

/** Characters that would end the address or the line. */
const EDGES = /[\0\n]/;
/** Longest address that is handed over, in characters; Postfix accepts 2,048. */
const MAX_ADDRESS = 2048;

/** An address as the MTA gave it, for the writer. */
export function addressText(address: string): string {
  const text = address.length > MAX_ADDRESS ? address.slice(-MAX_ADDRESS) : address;
  return `${ADDRESS_EDGE}${EDGES.test(text) ? escapeText(text, MAX_ADDRESS) : text}${ADDRESS_EDGE}`;
}

/** Anything but printable ASCII without quote and backslash. */
const NOT_PLAIN = /[^\x20-\x21\x23-\x5b\x5d-\x7e]/;

/** A JSON string. */
export function quoted(text: string): string {
  return NOT_PLAIN.test(text) ? JSON.stringify(text) : `"${text}"`;
}

/** Longest text that is looked at to see whether it needs no escaping. */
const MAX_PLAIN = 128;
/** Printable ASCII that neither `escapeText` nor JSON writes in another way. */
const PLAIN = /^[\x20-\x21\x23-\x5b\x5d-\x7e]*$/;

/** A text of a peer, escaped, as a JSON string; a plain one is looked at only once. */
export function foreignText(text: string): string {
  return text.length <= MAX_PLAIN && PLAIN.test(text) ? `"${text}"` : quoted(escapeText(text));
}

/** A mailbox, for `lineText`. */
export class Mailbox {
  readonly text: string;

  /** `text`: as the MTA gave it. */
  constructor(text: string) {
    this.text = text;
  }
}

export type FieldValue =
  | string
  | number
  | boolean
  | null
  | undefined
  | Mailbox
  | readonly FieldValue[]
  | { readonly [name: string]: FieldValue };

/** The beginning of every text: `"time":...,"type":...,"host":...`. */
export function lineHead(time: string, type: RecordType, host: string): string {
  return `"time":"${time}","type":"${type}","host":${quoted(host)}`;
}

/** The whole text of a record; fields that are undefined are left out. */
export function lineText(
  time: string,
  type: RecordType,
  host: string,
  fields: Readonly<Record<string, FieldValue>> = {},
): string {
  let text = lineHead(time, type, host);
  for (const name in fields) {
    const value = fields[name];
    if (value !== undefined) text += `,"${name}":${valueText(value)}`;
  }
  return `${text}}`;
}

function valueText(value: Exclude<FieldValue, undefined>): string {
  if (typeof value === 'string') return quoted(value);
  if (value === null || typeof value !== 'object') return String(value);
  if (value instanceof Mailbox) return addressText(value.text);
  if (Array.isArray(value))
    return `[${(value as readonly FieldValue[]).map((one) => valueText(one ?? null)).join(',')}]`;
  let text = '';
  for (const [name, one] of Object.entries(value))
    if (one !== undefined) text += `${text === '' ? '' : ','}"${name}":${valueText(one)}`;
  return `{${text}}`;
}

/** A pattern of a row, or a key: an address only when it has a local part. */
export function patternText(pattern: string): string {
  return pattern.includes('@') ? addressText(pattern) : foreignText(pattern);
}

/** Where a local part cannot begin earlier. Outside of ASCII nothing ends one (RFC 6531 section 3.3). */
const BEFORE_LOCAL = /[\x00-\x20<>"'(),;:[\]]/;

/** The text without the local parts of the addresses in it: `sender <@bank.example>: ...`. Linear. */
export function withoutLocalParts(text: string): string {
  let at = text.indexOf('@');
  if (at < 0) return text;
  let kept = '';
  let from = 0;
  while (at >= 0) {
    kept += text.slice(from, beginOfLocal(text, at, from));
    from = at;
    at = text.indexOf('@', at + 1);
  }
  return kept + text.slice(from);
}

function beginOfLocal(text: string, at: number, least: number): number {
  let begin = at;
  if (text[at - 1] === '"') {
    let open = text.lastIndexOf('"', at - 2);
    while (open > least && isEscaped(text, open)) open = text.lastIndexOf('"', open - 1);
    // the quoted text may have an "@" itself: it goes with what stands behind that; and one without a beginning may
    // begin anywhere
    return Math.max(open, least);
  }
  while (begin > least && !BEFORE_LOCAL.test(text[begin - 1]!)) begin--;
  return begin;
}

/** Is there a backslash before it, as it is or as core/escape.ts writes it? */
function isEscaped(text: string, at: number): boolean {
  return text[at - 1] === '\\' || text.endsWith('\\u{5c}', at);
}

/**
 * The whole line, without LF, of a text that was handed over; `address` says what is left of each address. null
 * for a text with half an address.
 */
export function finishedLine(n: number, text: string, address: (written: string) => Address): string | null {
  let line = `{"v":${RECORD_VERSION},"n":${n},`;
  let from = 0;
  for (let open = text.indexOf(ADDRESS_EDGE); open >= 0; open = text.indexOf(ADDRESS_EDGE, from)) {
    const close = text.indexOf(ADDRESS_EDGE, open + 1);
    if (close < 0) return null;
    line += text.slice(from, open) + quoted(address(text.slice(open + 1, close)));
    from = close + 1;
  }
  return line + (from === 0 ? text : text.slice(from));
}
