/**
 * Encodes the replies that a filter sends to an MTA.
 *
 * Foreign text could break the protocol, so messages with text are made by the functions below, which check
 * or clean it; `encodeReply` only writes. They throw a RangeError for a bug of the caller; the peer cannot
 * cause one.
 *
 * REPLYCODE (`ddd d.d.d text NUL`): code 400 to 599, always an enhanced code of the same class (Postfix calls
 * another one malformed), printable ASCII, `%` doubled because Sendmail takes the text for a format string,
 * several lines with CRLF between and `ddd-` in front of all but the last, exactly one NUL. Header values
 * fold with LF and white space; a CR would be stored. Limits below; an SMTP line has 512 bytes with its CRLF
 * (RFC 5321 section 4.5.3.1.5).
 *
 * Sources: Postfix `src/milter/milter8.c`, Sendmail `milter.c` and libmilter `smfi.c` (smfi_setmlreply).
 */
import { MILTER_CHUNK_SIZE, SMFIR } from './milterNames.ts';
import { emptyPacket, isWireText, PacketWriter } from './milterWriter.ts';

/** Macros to be sent at a stage (SMFIM); `names` separated by spaces. */
export interface MacroList {
  readonly stage: number;
  readonly names: string;
}

export interface OptnegReply {
  readonly kind: 'OPTNEG';
  readonly version: number;
  readonly actions: number;
  readonly protocol: number;
  readonly macroLists: readonly MacroList[];
}

export type MilterReply =
  | OptnegReply
  | { readonly kind: 'CONTINUE' | 'ACCEPT' | 'REJECT' | 'TEMPFAIL' | 'DISCARD' | 'SKIP' | 'PROGRESS' }
  /** `text` as on the wire, without the NUL. Made by `replyCode`. */
  | { readonly kind: 'REPLYCODE'; readonly text: string }
  /** Made by `addHeader`. */
  | { readonly kind: 'ADDHEADER'; readonly name: string; readonly value: string }
  /** Made by `insertHeader`, `changeHeader` and `deleteHeader`; CHGHEADER with an empty value deletes. */
  | {
      readonly kind: 'INSHEADER' | 'CHGHEADER';
      readonly index: number;
      readonly name: string;
      readonly value: string;
    }
  /** Made by `addRecipient` and `deleteRecipient` of milterRecipient.ts; a path as in SMTP. */
  | { readonly kind: 'ADDRCPT' | 'DELRCPT'; readonly path: string }
  | { readonly kind: 'ADDRCPT_PAR'; readonly path: string; readonly parameters: string }
  /** At most MILTER_CHUNK_SIZE bytes. Made by `replaceBody`. */
  | { readonly kind: 'REPLBODY'; readonly chunk: Uint8Array }
  /** Made by `quarantine`. */
  | { readonly kind: 'QUARANTINE'; readonly reason: string };

export const CONTINUE: MilterReply = { kind: 'CONTINUE' };
export const TEMPFAIL: MilterReply = { kind: 'TEMPFAIL' };
export const REJECT: MilterReply = { kind: 'REJECT' };

/** Characters of one line of a reply, code included, so that it fits an SMTP line. */
const MAX_REPLY_LINE = 510;
/** libmilter's limit. */
const MAX_REPLY_LINES = 32;
/** Bytes of the whole REPLYCODE payload; lines beyond it are left out. */
const MAX_REPLY_BYTES = 4096;
/** Characters of a quarantine reason; Postfix logs 100 of them. */
const MAX_QUARANTINE_REASON = 200;
/** Bytes of a header line, name included (RFC 5322 section 2.1.1); a longer one is split on its way. */
const MAX_HEADER_LINE = 998;
/** Bytes of a whole header value; Postfix's `header_size_limit` is larger. */
export const MAX_HEADER_VALUE = 65_000;
/** Printable ASCII, with text behind the white space of each fold: nearly every value, and all marks. */
const ORDINARY_VALUE = /^[\x20-\x7e]*(?:\n[ \t][\x21-\x7e][\x20-\x7e]*)*$/;

const EMPTY: Readonly<Partial<Record<MilterReply['kind'], Uint8Array>>> = {
  CONTINUE: emptyPacket(SMFIR.CONTINUE),
  ACCEPT: emptyPacket(SMFIR.ACCEPT),
  REJECT: emptyPacket(SMFIR.REJECT),
  TEMPFAIL: emptyPacket(SMFIR.TEMPFAIL),
  DISCARD: emptyPacket(SMFIR.DISCARD),
  SKIP: emptyPacket(SMFIR.SKIP),
  PROGRESS: emptyPacket(SMFIR.PROGRESS),
};

const writer = new PacketWriter();

/** One packet. Those without payload and the negotiation reply are shared: do not write to them. */
export function encodeReply(message: MilterReply): Uint8Array {
  switch (message.kind) {
    case 'CONTINUE':
    case 'ACCEPT':
    case 'REJECT':
    case 'TEMPFAIL':
    case 'DISCARD':
    case 'SKIP':
    case 'PROGRESS':
      return EMPTY[message.kind]!;
    case 'INSHEADER':
    case 'CHGHEADER':
      return writer
        .begin(SMFIR[message.kind], 6 + message.name.length + message.value.length)
        .uint32(message.index)
        .string(message.name)
        .string(message.value)
        .end();
    case 'ADDHEADER':
      return writer
        .begin(SMFIR.ADDHEADER, 2 + message.name.length + message.value.length)
        .string(message.name)
        .string(message.value)
        .end();
    case 'REPLYCODE':
      return writer
        .begin(SMFIR.REPLYCODE, 1 + message.text.length)
        .string(message.text)
        .end();
    case 'QUARANTINE':
      return writer
        .begin(SMFIR.QUARANTINE, 1 + message.reason.length)
        .string(message.reason)
        .end();
    case 'ADDRCPT':
    case 'DELRCPT':
      return writer
        .begin(SMFIR[message.kind], 1 + message.path.length)
        .string(message.path)
        .end();
    case 'ADDRCPT_PAR':
      return writer
        .begin(SMFIR.ADDRCPT_PAR, 2 + message.path.length + message.parameters.length)
        .string(message.path)
        .string(message.parameters)
        .end();
    case 'REPLBODY':
      return writer.begin(SMFIR.REPLBODY, message.chunk.length).data(message.chunk).end();
    case 'OPTNEG':
      return encodeOptneg(message);
    default:
      return message satisfies never;
  }
}

/** The last negotiation reply: all connections of one MTA get the same one. */
let optneg: { readonly of: OptnegReply; readonly bytes: Uint8Array } | null = null;

function encodeOptneg(message: OptnegReply): Uint8Array {
  const { version, actions, protocol, macroLists } = message;
  if (optneg !== null) {
    const { of, bytes } = optneg;
    const same = of.version === version && of.actions === actions && of.protocol === protocol;
    if (same && of.macroLists === macroLists) return bytes;
  }
  let room = 12;
  for (const { names } of macroLists) room += 5 + names.length;
  writer.begin(SMFIR.OPTNEG, room).uint32(version).uint32(actions).uint32(protocol);
  for (const { stage, names } of macroLists) writer.uint32(stage).string(names);
  const bytes = writer.end();
  optneg = { of: message, bytes };
  return bytes;
}

/**
 * An SMTP reply. `code` 400..599, `dsn` an enhanced code of the same class (`5.7.1`), `text` one line or
 * several separated by LF. Text is reduced to printable ASCII, lines and the whole are cut at their limits.
 */
export function replyCode(code: number, dsn: string, text: string): MilterReply {
  if (!Number.isInteger(code) || code < 400 || code > 599) throw new RangeError(`milter: reply code ${code}`);
  if (!/^[45]\.[0-9]{1,3}\.[0-9]{1,3}$/.test(dsn) || Number(dsn[0]) !== Math.floor(code / 100)) {
    throw new RangeError(`milter: enhanced code ${dsn} with ${code}`);
  }
  const room = MAX_REPLY_LINE - `${code} ${dsn} `.length;
  const lines: string[] = [];
  let size = 1;
  for (const line of text.split('\n')) {
    const clean = line
      .replace(/\r$/, '')
      .replace(/[^\x20-\x7e]/g, '?')
      .trim();
    if (clean === '') continue;
    const cut = clean.length <= room ? clean : `${clean.slice(0, room - 3)}...`;
    const doubled = `${dsn} ${cut.replaceAll('%', '%%')}`;
    size += doubled.length + 6;
    if (lines.length === MAX_REPLY_LINES || size > MAX_REPLY_BYTES) break;
    lines.push(doubled);
  }
  // Postfix calls a reply without text malformed
  if (lines.length === 0) lines.push(`${dsn} ${code < 500 ? 'Please try again later' : 'Refused'}`);
  const last = lines.length - 1;
  return {
    kind: 'REPLYCODE',
    text: lines.map((line, i) => `${code}${i < last ? '-' : ' '}${line}`).join('\r\n'),
  };
}

/** The last ordinary value: each is tried when it is made and again when it is sent. */
let lastOrdinary = '';

/**
 * Why an MTA would not store this header unchanged; null when it is well formed. `value` is latin1, folded
 * with LF.
 */
export function headerProblem(name: string, value: string): string | null {
  if (!/^[\x21-\x39\x3b-\x7e]+$/.test(name))
    return 'the name must be printable ASCII without colon and space';
  // short enough that no line of it is too long
  const short = name.length + 2 + value.length <= MAX_HEADER_LINE;
  if (short && (value === lastOrdinary || ORDINARY_VALUE.test(value))) {
    lastOrdinary = value;
    return null;
  }
  if (value.length > MAX_HEADER_VALUE) return `the value has more than ${MAX_HEADER_VALUE} bytes`;
  if (value.includes('\r') || !isWireText(value))
    return 'the value has a CR, a NUL or a character beyond one byte';
  let from = 0;
  for (let room = MAX_HEADER_LINE - name.length - 2; ; room = MAX_HEADER_LINE) {
    const at = value.indexOf('\n', from);
    const end = at < 0 ? value.length : at;
    if (end - from > room) return `a line has more than ${MAX_HEADER_LINE} bytes`;
    // a line of blanks only would end the header for some readers
    if (from > 0 && value.slice(from, end).trim() === '') return 'a folded line is empty';
    if (at < 0) return null;
    const next = value[at + 1];
    if (next !== ' ' && next !== '\t') return 'a line break is not followed by white space';
    from = at + 1;
  }
}

function checked(name: string, value: string): void {
  const problem = headerProblem(name, value);
  if (problem !== null)
    throw new RangeError(`milter: header "${name.replace(/[^\x20-\x7e]/g, '?')}": ${problem}`);
}

/** Adds at the end (Postfix) or before the first of that name (Sendmail). */
export function addHeader(name: string, value: string): MilterReply {
  checked(name, value);
  return { kind: 'ADDHEADER', name, value };
}

/** Puts on top: index 0 above the MTA's own Received, 1 below it; other places are not portable. */
export function insertHeader(index: 0 | 1, name: string, value: string): MilterReply {
  checked(name, value);
  return { kind: 'INSHEADER', index, name, value };
}

/** Gives the `index`-th header of that name, from 1, a new value that is not empty. */
export function changeHeader(index: number, name: string, value: string): MilterReply {
  checked(name, value);
  if (value === '') throw new RangeError('milter: an empty value would delete the header');
  return { kind: 'CHGHEADER', index: ordinal(index), name, value };
}

/** Deletes the `index`-th header of that name, from 1. */
export function deleteHeader(index: number, name: string): MilterReply {
  checked(name, '');
  return { kind: 'CHGHEADER', index: ordinal(index), name, value: '' };
}

function ordinal(index: number): number {
  if (!Number.isInteger(index) || index < 1 || index > 0x7fffffff)
    throw new RangeError(`milter: header index ${index}`);
  return index;
}

/**
 * The whole new body, in packets that must be sent without other packets between them; empty chunks are left
 * out.
 */
export function replaceBody(chunks: Iterable<Uint8Array>): MilterReply[] {
  const out: MilterReply[] = [];
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += MILTER_CHUNK_SIZE) {
      out.push({ kind: 'REPLBODY', chunk: chunk.subarray(at, at + MILTER_CHUNK_SIZE) });
    }
  }
  // without any packet the old body would stay
  if (out.length === 0) out.push({ kind: 'REPLBODY', chunk: new Uint8Array(0) });
  return out;
}

/** Holds the message; must be followed by CONTINUE or ACCEPT. */
export function quarantine(reason: string): MilterReply {
  const clean = reason.slice(0, MAX_QUARANTINE_REASON).replace(/[^\x20-\x7e]/g, '?');
  return { kind: 'QUARANTINE', reason: clean.trim() === '' ? 'held' : clean };
}

/** The text of a REPLYCODE as SMTP clients get it: `%%` becomes `%`. */
export function shownReply(text: string): string {
  return text.replaceAll('%%', '%');
}
