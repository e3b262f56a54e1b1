/**
 * The MTA's side of the milter protocol: commands to packets, packets to replies. `simulate` and the tests
 * use it.
 *
 * The reply decoder is as strict as Postfix (bytes after an empty reply, a missing NUL and an unknown code
 * are errors), so Postfix accepts a reply that is accepted here. A REPLBODY chunk is a view, valid until the
 * next `push`.
 *
 * Sources: Postfix `src/milter/milter8.c`, Sendmail `milter.c`.
 */
import { Buffer } from 'node:buffer';
import { ByteReader } from './byteReader.ts';
import type { MilterCommand } from './milterDecode.ts';
import type { MacroList, MilterReply } from './milterEncode.ts';
import type { MilterFramer } from './milterFrame.ts';
import { SMFIC, SMFIR } from './milterNames.ts';
import { bad, PacketDecoder, stringsToEnd } from './milterPacket.ts';
import { PacketWriter } from './milterWriter.ts';

const writer = new PacketWriter();

/** One packet, in memory of its own. */
export function encodeCommand(message: MilterCommand): Uint8Array {
  switch (message.kind) {
    case 'OPTNEG':
      return writer
        .begin(SMFIC.OPTNEG, 12)
        .uint32(message.version)
        .uint32(message.actions)
        .uint32(message.protocol)
        .end();
    case 'MACRO':
      return writer
        .begin(SMFIC.MACRO, 1 + message.macros.length)
        .byte(message.stage.charCodeAt(0))
        .raw(message.macros)
        .end();
    case 'CONNECT': {
      const { hostname, family, port, address } = message;
      writer
        .begin(SMFIC.CONNECT, hostname.length + address.length + 5)
        .string(hostname)
        .byte(family.charCodeAt(0));
      return (family === 'U' ? writer : writer.uint16(port).string(address)).end();
    }
    case 'HELO':
      return oneString(SMFIC.HELO, message.name);
    case 'UNKNOWN':
      return oneString(SMFIC.UNKNOWN, message.text);
    case 'MAIL':
    case 'RCPT': {
      let room = 0;
      for (const arg of message.args) room += arg.length + 1;
      writer.begin(SMFIC[message.kind], room);
      for (const arg of message.args) writer.string(arg);
      return writer.end();
    }
    case 'HEADER': {
      const { name, value } = message;
      return writer
        .begin(SMFIC.HEADER, name.length + value.length + 2)
        .string(name)
        .string(value)
        .end();
    }
    case 'BODY':
    case 'BODYEOB':
      return writer.begin(SMFIC[message.kind], message.chunk.length).data(message.chunk).end();
    case 'DATA':
    case 'EOH':
    case 'ABORT':
    case 'QUIT':
    case 'QUIT_NC':
      return writer.begin(SMFIC[message.kind], 0).end();
    case 'OTHER':
      return writer.begin(message.command, message.payload.length).data(message.payload).end();
    default:
      return message satisfies never;
  }
}

function oneString(command: number, text: string): Uint8Array {
  return writer
    .begin(command, text.length + 1)
    .string(text)
    .end();
}

const REPLY_NAMES = new Map<number, keyof typeof SMFIR>(
  Object.entries(SMFIR).map(([name, byte]) => [byte, name as keyof typeof SMFIR]),
);

/** Packets of a filter to messages. */
export class ReplyDecoder extends PacketDecoder<MilterReply> {
  constructor() {
    super(decode);
  }
}

function decode(frame: MilterFramer): MilterReply {
  const { bytes, start, end } = frame;
  const kind = REPLY_NAMES.get(bytes[start]!);
  const at = start + 1;
  switch (kind) {
    case 'CONTINUE':
    case 'ACCEPT':
    case 'REJECT':
    case 'TEMPFAIL':
    case 'DISCARD':
    case 'SKIP':
    case 'PROGRESS':
      if (at !== end) throw bad(frame, 'milter-payload', 'no payload in this reply');
      return { kind };
    case 'REPLYCODE': {
      const [text] = strings(frame, at, 1);
      return { kind, text: text! };
    }
    case 'QUARANTINE': {
      const [reason] = strings(frame, at, 1);
      return { kind, reason: reason! };
    }
    case 'ADDHEADER': {
      const [name, value] = strings(frame, at, 2);
      return { kind, name: name!, value: value! };
    }
    case 'INSHEADER':
    case 'CHGHEADER': {
      const reader = new ByteReader(bytes, () => bad(frame, 'milter-header-index', 'an index'), at, end);
      const index = reader.uint32();
      const [name, value] = strings(frame, reader.at, 2);
      return { kind, index, name: name!, value: value! };
    }
    case 'ADDRCPT':
    case 'DELRCPT': {
      const [path] = strings(frame, at, 1);
      return { kind, path: path! };
    }
    case 'ADDRCPT_PAR': {
      const [path, parameters] = strings(frame, at, 2);
      return { kind, path: path!, parameters: parameters! };
    }
    case 'REPLBODY':
      return { kind, chunk: bytes.subarray(at, end) };
    case 'OPTNEG': {
      const cut = () => bad(frame, 'milter-optneg-length', 'version, actions and protocol');
      const reader = new ByteReader(bytes, cut, at, end);
      return {
        kind,
        version: reader.uint32(),
        actions: reader.uint32(),
        protocol: reader.uint32(),
        macroLists: macroLists(frame, reader.at),
      };
    }
    case undefined:
      throw bad(frame, 'milter-unknown-reply', 'a reply code of the protocol');
    default:
      return kind satisfies never;
  }
}

/** Exactly `count` strings up to the packet's end. */
function strings(frame: MilterFramer, at: number, count: number): readonly string[] {
  const found = stringsToEnd(frame, at);
  if (found.length < count) throw bad(frame, 'milter-string-end', 'a NUL at the end of every string');
  if (found.length > count) throw bad(frame, 'milter-trailing-bytes', 'nothing after the last string');
  return found;
}

function macroLists(frame: MilterFramer, from: number): MacroList[] {
  const cut = () => bad(frame, 'milter-macro-list', 'a stage and the names of its macros');
  const reader = new ByteReader(frame.bytes, cut, from, frame.end);
  const lists: MacroList[] = [];
  while (reader.at < reader.end) lists.push({ stage: reader.uint32(), names: reader.string() });
  return lists;
}

/** Several packets in one buffer, as an MTA writes macros and command together. */
export function encodeCommands(messages: Iterable<MilterCommand>): Uint8Array {
  return Buffer.concat([...messages].map(encodeCommand));
}
