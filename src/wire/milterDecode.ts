/**
 * Decodes the commands that an MTA sends to a filter. `push` takes chunks of the stream and `next` returns
 * messages, which do not depend on how the stream was split into chunks.
 *
 * Text is latin1, one character a byte, because MTAs pass bytes of any encoding through. There are many
 * macros and header fields, and most of them are not used. Their messages therefore refer to bytes of the
 * chunk and make strings only on demand. A chunk, and all that refers to it, is valid until the next `push`.
 * Fields that the session does not read, and macros of fields, are checked like all others, but no message is
 * made of them: they are most of what an MTA sends.
 *
 * Strict where an error could change the meaning: every string must end with a NUL inside its packet, nothing
 * may follow the last one, and macros come in pairs. An unknown command byte gives the message `OTHER`, which
 * the session handles. All integers are big-endian, the port included.
 *
 * Sources: libmilter `engine.c`, Postfix `src/milter/milter8.c` (format strings), Sendmail `milter.c`.
 */
import type { Buffer } from 'node:buffer';
import { MAX_MILTER_PACKET, type MilterFramer } from './milterFrame.ts';
import { SMFIC } from './milterNames.ts';
import { bad, PacketDecoder, type ReadFields, stringsToEnd } from './milterPacket.ts';

/**
 * Macros for the command whose letter is `stage`; they replace earlier ones of that stage, even if the list
 * is empty.
 */
export interface MacroCommand {
  readonly kind: 'MACRO';
  readonly stage: string;
  /** `name NUL value NUL ...`, see milterMacros.ts. */
  readonly macros: string;
}

/** One header field; `value` without the line end, folds as LF and white space. */
export interface HeaderCommand {
  readonly kind: 'HEADER';
  readonly name: string;
  readonly value: string;
}

export interface ConnectCommand {
  readonly kind: 'CONNECT';
  readonly hostname: string;
  /** IPv4, IPv6, local socket, unknown. */
  readonly family: '4' | '6' | 'L' | 'U';
  /** 0 for family L and U. */
  readonly port: number;
  /** As the MTA wrote it (Sendmail: `IPv6:` in front); a path for L, '' for U. */
  readonly address: string;
}

export type MilterCommand =
  | { readonly kind: 'OPTNEG'; readonly version: number; readonly actions: number; readonly protocol: number }
  | MacroCommand
  | ConnectCommand
  | { readonly kind: 'HELO'; readonly name: string }
  /** args[0] is the path as the client sent it, and always present; the others are ESMTP parameters. */
  | { readonly kind: 'MAIL' | 'RCPT'; readonly args: readonly string[] }
  | HeaderCommand
  | { readonly kind: 'BODY' | 'BODYEOB'; readonly chunk: Uint8Array }
  | { readonly kind: 'DATA' | 'EOH' | 'ABORT' | 'QUIT' | 'QUIT_NC' }
  /** An SMTP command that the MTA does not know. */
  | { readonly kind: 'UNKNOWN'; readonly text: string }
  /** An unknown milter command. */
  | { readonly kind: 'OTHER'; readonly command: number; readonly payload: Uint8Array };

/** A MACRO message as decoded. */
class MacroView implements MacroCommand {
  readonly kind = 'MACRO';
  readonly stage: string;
  readonly #bytes: Buffer;
  readonly #start: number;
  readonly #end: number;

  constructor(bytes: Buffer, start: number, end: number) {
    this.stage = String.fromCharCode(bytes[start]!);
    this.#bytes = bytes;
    this.#start = start + 1;
    this.#end = end;
  }

  get macros(): string {
    return this.#start === this.#end ? '' : this.#bytes.toString('latin1', this.#start, this.#end);
  }
}

/** A HEADER message as decoded. */
class HeaderView implements HeaderCommand {
  readonly kind = 'HEADER';
  readonly #bytes: Buffer;
  readonly #start: number;
  readonly #nameEnd: number;
  readonly #end: number;

  constructor(bytes: Buffer, start: number, nameEnd: number, end: number) {
    this.#bytes = bytes;
    this.#start = start;
    this.#nameEnd = nameEnd;
    this.#end = end;
  }

  get name(): string {
    return this.#bytes.toString('latin1', this.#start, this.#nameEnd);
  }

  get value(): string {
    return this.#bytes.toString('latin1', this.#nameEnd + 1, this.#end - 1);
  }

  named(lowerName: string): boolean {
    return nameIs(lowerName, this.#bytes, this.#start, this.#nameEnd);
  }
}

/** Is bytes[start, end) this name? Ignores case and white space before the colon; makes no string. */
function nameIs(lowerName: string, bytes: Buffer, start: number, end: number): boolean {
  let length = end - start;
  if (length < lowerName.length) return false;
  while (length > lowerName.length && isBlank(bytes[start + length - 1]!)) length--;
  if (length !== lowerName.length) return false;
  for (let i = 0; i < length; i++) {
    let byte = bytes[start + i]!;
    if (byte >= 0x41 && byte <= 0x5a) byte |= 0x20;
    if (byte !== lowerName.charCodeAt(i)) return false;
  }
  return true;
}

function isRead(names: readonly string[], bytes: Buffer, start: number, end: number): boolean {
  for (const name of names) if (nameIs(name, bytes, start, end)) return true;
  return false;
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09;
}

/** Is the field one of that name (given in lower case)? Trailing blanks of its name do not count. */
export function isNamed(field: HeaderCommand, lowerName: string): boolean {
  if (field instanceof HeaderView) return field.named(lowerName);
  const { name } = field;
  let length = name.length;
  while (length > lowerName.length && isBlank(name.charCodeAt(length - 1))) length--;
  return length === lowerName.length && name.slice(0, length).toLowerCase() === lowerName;
}

const DATA: MilterCommand = { kind: 'DATA' };
const EOH: MilterCommand = { kind: 'EOH' };
const ABORT: MilterCommand = { kind: 'ABORT' };
const QUIT: MilterCommand = { kind: 'QUIT' };
const QUIT_NC: MilterCommand = { kind: 'QUIT_NC' };
/** Stands for fields, and macros of fields, that are not read: macros that no session reads. */
const PASSED: MilterCommand = { kind: 'MACRO', stage: 'L', macros: '' };

/** Packets of an MTA to messages. */
export class MilterDecoder extends PacketDecoder<MilterCommand> {
  /** `maxPacketBytes` counts command byte and payload. */
  constructor(maxPacketBytes: number = MAX_MILTER_PACKET) {
    super(decode, maxPacketBytes, PASSED);
  }
}

function decode(frame: MilterFramer, read: ReadFields): MilterCommand {
  const { bytes, end } = frame;
  const at = frame.start + 1;
  switch (bytes[frame.start]) {
    case SMFIC.MACRO:
      return macro(frame, at, read);
    case SMFIC.HEADER: {
      const nameEnd = stringEnd(frame, at);
      lastString(frame, nameEnd + 1);
      if (read !== null && !isRead(read, bytes, at, nameEnd)) return PASSED;
      return new HeaderView(bytes, at, nameEnd, end);
    }
    case SMFIC.RCPT:
      return { kind: 'RCPT', args: stringsToEnd(frame, at) };
    case SMFIC.MAIL:
      return { kind: 'MAIL', args: stringsToEnd(frame, at) };
    case SMFIC.HELO:
      return { kind: 'HELO', name: onlyString(frame, at) };
    case SMFIC.CONNECT:
      return connect(frame, at);
    case SMFIC.OPTNEG:
      if (end - at !== 12)
        throw bad(frame, 'milter-optneg-length', 'version, actions and protocol, 12 bytes');
      return {
        kind: 'OPTNEG',
        version: bytes.readUInt32BE(at),
        actions: bytes.readUInt32BE(at + 4),
        protocol: bytes.readUInt32BE(at + 8),
      };
    case SMFIC.BODY:
      return { kind: 'BODY', chunk: bytes.subarray(at, end) };
    case SMFIC.BODYEOB:
      // both MTAs send it empty, but the protocol allows a last chunk in it
      return { kind: 'BODYEOB', chunk: bytes.subarray(at, end) };
    case SMFIC.DATA:
      return alone(frame, DATA);
    case SMFIC.EOH:
      return alone(frame, EOH);
    case SMFIC.ABORT:
      return alone(frame, ABORT);
    case SMFIC.QUIT:
      return alone(frame, QUIT);
    case SMFIC.QUIT_NC:
      return alone(frame, QUIT_NC);
    case SMFIC.UNKNOWN:
      return { kind: 'UNKNOWN', text: onlyString(frame, at) };
    default:
      return { kind: 'OTHER', command: bytes[frame.start]!, payload: bytes.subarray(at, end) };
  }
}

function alone(frame: MilterFramer, message: MilterCommand): MilterCommand {
  if (frame.end !== frame.start + 1) throw bad(frame, 'milter-payload', 'no payload after this command');
  return message;
}

/** Index of the NUL that ends the string at `from`, inside the packet. */
function stringEnd(frame: MilterFramer, from: number): number {
  const { bytes, end } = frame;
  for (let i = from; i < end; i++) if (bytes[i] === 0) return i;
  throw bad(frame, 'milter-string-end', 'a NUL at the end of every string');
}

/** Checks that the string at `from` ends the packet; the index of its NUL. */
function lastString(frame: MilterFramer, from: number): number {
  const nul = stringEnd(frame, from);
  if (nul + 1 !== frame.end) throw bad(frame, 'milter-trailing-bytes', 'nothing after the last string');
  return nul;
}

function onlyString(frame: MilterFramer, at: number): string {
  return frame.bytes.toString('latin1', at, lastString(frame, at));
}

function macro(frame: MilterFramer, at: number, read: ReadFields): MilterCommand {
  const { bytes, end } = frame;
  if (at >= end) throw bad(frame, 'milter-macro-stage', 'the command that the macros belong to');
  let nuls = 0;
  for (let i = at + 1; i < end; i++) if (bytes[i] === 0) nuls++;
  if (end > at + 1 && (bytes[end - 1] !== 0 || (nuls & 1) !== 0)) {
    throw bad(frame, 'milter-macro-pairs', 'names and values in pairs, each with its NUL');
  }
  if (read !== null && bytes[at] === SMFIC.HEADER) return PASSED;
  return new MacroView(bytes, at, end);
}

function connect(frame: MilterFramer, at: number): MilterCommand {
  const { bytes, end } = frame;
  const nameEnd = stringEnd(frame, at);
  const hostname = bytes.toString('latin1', at, nameEnd);
  const family = String.fromCharCode(bytes[nameEnd + 1] ?? 0);
  const rest = nameEnd + 2;
  if (rest <= end && family === 'U') {
    if (rest !== end) throw bad(frame, 'milter-trailing-bytes', 'nothing after family U');
    return { kind: 'CONNECT', hostname, family, port: 0, address: '' };
  }
  if (rest > end || (family !== '4' && family !== '6' && family !== 'L')) {
    throw bad(frame, 'milter-connect-family', 'address family 4, 6, L or U');
  }
  if (rest + 2 > end) throw bad(frame, 'milter-connect-port', 'a port after the address family');
  const nul = lastString(frame, rest + 2);
  const address = bytes.toString('latin1', rest + 2, nul);
  return { kind: 'CONNECT', hostname, family, port: bytes.readUInt16BE(rest), address };
}
