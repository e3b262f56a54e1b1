/**
 * One vector per form of every milter packet: its name, its bytes, and the message it stands for. Each is decoded,
 * encoded, round-tripped and cut at every byte offset, commands by the filter's decoder and the MTA's encoder, replies
 * the other way round.
 */
import { Buffer } from 'node:buffer';
import type { MilterCommand } from '../../src/wire/milterDecode.ts';
import type { MilterReply } from '../../src/wire/milterEncode.ts';
import { packet, u16, u32, z } from './milterBytes.ts';

export type Vector<T> = readonly [name: string, bytes: Buffer, message: T];

const chunk = Buffer.from('two\r\nlines\r\n\0not text\xff', 'latin1');

export const COMMANDS: readonly Vector<MilterCommand>[] = [
  [
    'what both MTAs offer',
    packet('O', u32(6), u32(0x1ff), u32(0x1fffff)),
    { kind: 'OPTNEG', version: 6, actions: 0x1ff, protocol: 0x1fffff },
  ],
  [
    'bits up to the highest',
    packet('O', u32(0xffffffff), u32(0x80000001), u32(0xf01fffff)),
    { kind: 'OPTNEG', version: 0xffffffff, actions: 0x80000001, protocol: 0xf01fffff },
  ],
  [
    'macros of CONNECT',
    packet('D', 'C', z('j'), z('mx.example'), z('{daemon_name}'), z('smtpd')),
    { kind: 'MACRO', stage: 'C', macros: 'j\0mx.example\0{daemon_name}\0smtpd\0' },
  ],
  ['no macros', packet('D', 'M'), { kind: 'MACRO', stage: 'M', macros: '' }],
  [
    'a macro with an empty value, last',
    packet('D', 'H', z('{verify}'), z('NO'), z('{cn_subject}'), z('')),
    { kind: 'MACRO', stage: 'H', macros: '{verify}\0NO\0{cn_subject}\0\0' },
  ],
  [
    'macros of a stage nobody knows',
    packet('D', 0xee, z('x'), z('\xe9')),
    { kind: 'MACRO', stage: '\xee', macros: 'x\0\xe9\0' },
  ],
  [
    'CONNECT over IPv4',
    packet('C', z('host10.test'), '4', u16(49152), z('192.0.2.1')),
    { kind: 'CONNECT', hostname: 'host10.test', family: '4', port: 49152, address: '192.0.2.1' },
  ],
  [
    'CONNECT over IPv6 as Sendmail writes it',
    packet('C', z('[IPv6:2001:db8::1]'), '6', u16(65535), z('IPv6:2001:db8:0:0:0:0:0:1')),
    {
      kind: 'CONNECT',
      hostname: '[IPv6:2001:db8::1]',
      family: '6',
      port: 65535,
      address: 'IPv6:2001:db8:0:0:0:0:0:1',
    },
  ],
  [
    'CONNECT through a local socket',
    packet('C', z('localhost'), 'L', u16(0), z('/run/x.sock')),
    { kind: 'CONNECT', hostname: 'localhost', family: 'L', port: 0, address: '/run/x.sock' },
  ],
  [
    'CONNECT from nowhere',
    packet('C', z('unknown'), 'U'),
    { kind: 'CONNECT', hostname: 'unknown', family: 'U', port: 0, address: '' },
  ],
  ['HELO', packet('H', z('client.example')), { kind: 'HELO', name: 'client.example' }],
  ['HELO with nothing', packet('H', z('')), { kind: 'HELO', name: '' }],
  [
    'MAIL with parameters',
    packet('M', z('<alice@partner.example>'), z('SIZE=500'), z('BODY=8BITMIME'), z('REQUIRETLS')),
    { kind: 'MAIL', args: ['<alice@partner.example>', 'SIZE=500', 'BODY=8BITMIME', 'REQUIRETLS'] },
  ],
  ['MAIL from the null sender', packet('M', z('<>')), { kind: 'MAIL', args: ['<>'] }],
  ['MAIL that did not come by SMTP', packet('M', z('')), { kind: 'MAIL', args: [''] }],
  [
    'RCPT with 8-bit and control characters',
    packet('R', z('<"a\r\x01 b"@xn--bcher-kva.example>'), z('NOTIFY=NEVER'), z('\xfc')),
    { kind: 'RCPT', args: ['<"a\r\x01 b"@xn--bcher-kva.example>', 'NOTIFY=NEVER', '\xfc'] },
  ],
  ['DATA', packet('T'), { kind: 'DATA' }],
  [
    'HEADER with folds and 8-bit',
    packet('L', z('Subject'), z('one\n\ttwo \xe4')),
    { kind: 'HEADER', name: 'Subject', value: 'one\n\ttwo \xe4' },
  ],
  [
    'HEADER without a value',
    packet('L', z('X-Empty'), z('')),
    { kind: 'HEADER', name: 'X-Empty', value: '' },
  ],
  ['HEADER without a name', packet('L', z(''), z(' x')), { kind: 'HEADER', name: '', value: ' x' }],
  ['EOH', packet('N'), { kind: 'EOH' }],
  ['BODY', packet('B', chunk), { kind: 'BODY', chunk }],
  ['BODY of nothing', packet('B'), { kind: 'BODY', chunk: Buffer.alloc(0) }],
  ['BODYEOB', packet('E'), { kind: 'BODYEOB', chunk: Buffer.alloc(0) }],
  ['BODYEOB with a last chunk', packet('E', chunk), { kind: 'BODYEOB', chunk }],
  ['ABORT', packet('A'), { kind: 'ABORT' }],
  ['QUIT', packet('Q'), { kind: 'QUIT' }],
  ['QUIT_NC', packet('K'), { kind: 'QUIT_NC' }],
  ['UNKNOWN', packet('U', z('XCLIENT NAME=x')), { kind: 'UNKNOWN', text: 'XCLIENT NAME=x' }],
  [
    'a command nobody knows',
    packet('z', 'abc', 0),
    { kind: 'OTHER', command: 0x7a, payload: Buffer.from('abc\0') },
  ],
];

export const REPLIES: readonly Vector<MilterReply>[] = [
  [
    'negotiation without lists',
    packet('O', u32(2), u32(0x3f), u32(0x7f)),
    { kind: 'OPTNEG', version: 2, actions: 0x3f, protocol: 0x7f, macroLists: [] },
  ],
  [
    'negotiation with lists',
    packet('O', u32(6), u32(0x131), u32(0xfffff), u32(1), z('{tls_version} {cipher}'), u32(5), z('i')),
    {
      kind: 'OPTNEG',
      version: 6,
      actions: 0x131,
      protocol: 0xfffff,
      macroLists: [
        { stage: 1, names: '{tls_version} {cipher}' },
        { stage: 5, names: 'i' },
      ],
    },
  ],
  ['CONTINUE', packet('c'), { kind: 'CONTINUE' }],
  ['ACCEPT', packet('a'), { kind: 'ACCEPT' }],
  ['REJECT', packet('r'), { kind: 'REJECT' }],
  ['TEMPFAIL', packet('t'), { kind: 'TEMPFAIL' }],
  ['DISCARD', packet('d'), { kind: 'DISCARD' }],
  ['SKIP', packet('s'), { kind: 'SKIP' }],
  ['PROGRESS', packet('p'), { kind: 'PROGRESS' }],
  [
    'REPLYCODE',
    packet('y', z('530 5.7.0 50%% of us need TLS')),
    { kind: 'REPLYCODE', text: '530 5.7.0 50%% of us need TLS' },
  ],
  [
    'REPLYCODE of two lines',
    packet('y', z('550-5.7.1 first\r\n550 5.7.1 last')),
    { kind: 'REPLYCODE', text: '550-5.7.1 first\r\n550 5.7.1 last' },
  ],
  ['ADDHEADER', packet('h', z('X-New'), z('val')), { kind: 'ADDHEADER', name: 'X-New', value: 'val' }],
  [
    'INSHEADER with a fold',
    packet('i', u32(1), z('X-TLS-Ward'), z('v=1;\n leg=receive')),
    { kind: 'INSHEADER', index: 1, name: 'X-TLS-Ward', value: 'v=1;\n leg=receive' },
  ],
  [
    'CHGHEADER',
    packet('m', u32(2), z('Subject'), z('[secure] \xe4')),
    { kind: 'CHGHEADER', index: 2, name: 'Subject', value: '[secure] \xe4' },
  ],
  [
    'CHGHEADER that deletes',
    packet('m', u32(300), z('X-TLS-Ward'), z('')),
    { kind: 'CHGHEADER', index: 300, name: 'X-TLS-Ward', value: '' },
  ],
  ['ADDRCPT', packet('+', z('<bob@good.example>')), { kind: 'ADDRCPT', path: '<bob@good.example>' }],
  [
    'ADDRCPT_PAR',
    packet('2', z('<b@good.example.tlsward-encrypt>'), z('NOTIFY=NEVER ORCPT=rfc822;b@good.example')),
    {
      kind: 'ADDRCPT_PAR',
      path: '<b@good.example.tlsward-encrypt>',
      parameters: 'NOTIFY=NEVER ORCPT=rfc822;b@good.example',
    },
  ],
  [
    'ADDRCPT_PAR with no parameters',
    packet('2', z('<b@good.example>'), z('')),
    { kind: 'ADDRCPT_PAR', path: '<b@good.example>', parameters: '' },
  ],
  [
    'DELRCPT with 8-bit',
    packet('-', z('<"a b"@b\xc3\xbccher.example>')),
    { kind: 'DELRCPT', path: '<"a b"@b\xc3\xbccher.example>' },
  ],
  ['REPLBODY', packet('b', chunk), { kind: 'REPLBODY', chunk }],
  ['REPLBODY of nothing', packet('b'), { kind: 'REPLBODY', chunk: Buffer.alloc(0) }],
  [
    'QUARANTINE',
    packet('q', z('TLS required; waiting')),
    { kind: 'QUARANTINE', reason: 'TLS required; waiting' },
  ],
];

/** A message as a plain value that compares: getters read, views copied. */
export function plain(message: MilterCommand | MilterReply): Record<string, unknown> {
  switch (message.kind) {
    case 'MACRO':
      return { kind: 'MACRO', stage: message.stage, macros: message.macros };
    case 'HEADER':
      return { kind: 'HEADER', name: message.name, value: message.value };
    case 'BODY':
    case 'BODYEOB':
    case 'REPLBODY':
      return { kind: message.kind, chunk: Buffer.from(message.chunk).toString('latin1') };
    case 'OTHER':
      return { ...message, payload: Buffer.from(message.payload).toString('latin1') };
    default:
      return { ...message };
  }
}

interface AnyDecoder {
  push(chunk: Uint8Array): void;
  next(): MilterCommand | MilterReply | null;
  partial(): boolean;
}

/**
 * Feeds the pieces one by one and returns all messages as plain values. Each piece is given in memory of its own that is
 * overwritten once it was asked for everything, as a socket's read buffer would be.
 */
export function decodeAll(decoder: AnyDecoder, pieces: Iterable<Uint8Array>): Record<string, unknown>[] {
  const found: Record<string, unknown>[] = [];
  for (const piece of pieces) {
    const lent = new Uint8Array(piece);
    decoder.push(lent);
    for (let message = decoder.next(); message !== null; message = decoder.next()) found.push(plain(message));
    lent.fill(0xa5);
  }
  return found;
}

/** The stream in two, cut at `at`. */
export function cutAt(stream: Buffer, at: number): Buffer[] {
  return [stream.subarray(0, at), stream.subarray(at)];
}

/** The stream in pieces of one byte. */
export function byteByByte(stream: Buffer): Buffer[] {
  return Array.from(stream, (_, i) => stream.subarray(i, i + 1));
}
