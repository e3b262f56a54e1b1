/** What the MTA says: every packet decoded, encoded, round-tripped and cut; what is refused, and by which rule. */
import { Buffer } from 'node:buffer';
import t from 'tap';
import { encodeCommand, encodeCommands } from '../../src/wire/milterClient.ts';
import { isNamed, type MilterCommand, MilterDecoder } from '../../src/wire/milterDecode.ts';
import { MAX_MILTER_PACKET } from '../../src/wire/milterFrame.ts';
import { joinMacros, macroPairs, macroValue } from '../../src/wire/milterMacros.ts';
import { bitNames, byteName, SMFIC, SMFIF, SMFIP } from '../../src/wire/milterNames.ts';
import { WireError } from '../../src/wire/wireError.ts';
import { bytes, packet, u16, u32, z } from './milterBytes.ts';
import { byteByByte, COMMANDS, cutAt, decodeAll, plain } from './milterVectors.ts';

t.test('every command: decoded, encoded, round-tripped, cut at every offset', async (t) => {
  for (const [name, wire, message] of COMMANDS) {
    const want = [plain(message)];
    t.strictSame(decodeAll(new MilterDecoder(), [wire]), want, `${name}: decoded`);
    t.strictSame(Buffer.from(encodeCommand(message)), wire, `${name}: encoded`);
    const decoder = new MilterDecoder();
    decoder.push(wire);
    t.strictSame(Buffer.from(encodeCommand(decoder.next()!)), wire, `${name}: decoded and encoded again`);
    for (let at = 1; at < wire.length; at++) {
      t.strictSame(decodeAll(new MilterDecoder(), cutAt(wire, at)), want, `${name}: cut at ${at}`);
    }
  }
});

t.test('all commands in one stream, however it is cut', async (t) => {
  const stream = Buffer.concat(COMMANDS.map(([, wire]) => wire));
  const want = COMMANDS.map(([, , message]) => plain(message));
  t.strictSame(
    Buffer.from(encodeCommands(COMMANDS.map(([, , message]) => message))),
    stream,
    'encoded together',
  );
  t.strictSame(decodeAll(new MilterDecoder(), [stream]), want, 'whole');
  t.strictSame(decodeAll(new MilterDecoder(), byteByByte(stream)), want, 'byte by byte');
  let wrong = 0;
  for (let at = 0; at <= stream.length; at++) {
    const got = decodeAll(new MilterDecoder(), cutAt(stream, at));
    if (JSON.stringify(got) !== JSON.stringify(want)) wrong++;
  }
  t.equal(wrong, 0, 'cut in two at every offset');
});

t.test('chunks pushed before the earlier ones were used up', async (t) => {
  const decoder = new MilterDecoder();
  const stream = Buffer.concat(COMMANDS.map(([, wire]) => wire));
  for (let at = 0; at < stream.length; at += 7) decoder.push(stream.subarray(at, at + 7));
  t.strictSame(
    decodeAll(decoder, [Buffer.alloc(0)]),
    COMMANDS.map(([, , message]) => plain(message)),
  );
});

/** The error that these bytes end in. */
function refused(wire: Uint8Array, decoder = new MilterDecoder()): WireError {
  try {
    decodeAll(decoder, [wire]);
  } catch (error) {
    if (error instanceof WireError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

t.test('what is refused', async (t) => {
  const bad = (rule: string, wire: Uint8Array, offset = 0): void => {
    const whole = refused(wire);
    t.match(whole, { rule, offset }, `${rule}: ${whole.got}`);
    t.match(whole.got, /^"[ -~]*"$/, 'shown in printable characters');
    const decoder = new MilterDecoder();
    let cut: unknown;
    try {
      decodeAll(decoder, byteByByte(Buffer.from(wire)));
    } catch (error) {
      cut = error;
    }
    t.match(cut, { rule, offset }, `${rule}: byte by byte`);
    t.throws(() => decoder.next(), cut as Error, 'the decoder is dead');
  };
  bad('milter-packet-empty', bytes(u32(0)));
  bad('milter-packet-empty', bytes(packet('A'), packet('H', z('x')), u32(0)), 12);
  bad('milter-packet-too-long', bytes(u32(MAX_MILTER_PACKET + 1)));
  bad('milter-packet-too-long', bytes(u32(0xffffffff), 'O'));
  bad('milter-http-request', bytes('GET / HTTP/1.1\r\n'));
  bad('milter-http-request', bytes('POST'));
  bad('milter-http-request', bytes('HTTP/1.1 400 Bad Request'));
  bad('milter-http-request', bytes('PRI * HTTP/2.0'));
  bad('milter-tls-hello', bytes([0x16, 3, 1, 2, 0, 1]));
  bad('milter-policy-request', bytes('request=smtpd_access_policy\n'));
  bad('milter-smtp-text', bytes('EHLO scanner.example\r\n'));
  bad('milter-smtp-text', bytes('220 mx.example ESMTP\r\n'));
  bad('milter-plain-text', bytes('hello, world'));
  bad('milter-plain-text', bytes('\r\n\r\n'));
  bad('milter-optneg-length', packet('O', u32(6), u32(0x1ff)));
  bad('milter-optneg-length', packet('O', u32(6), u32(0x1ff), u32(0x1fffff), 0));
  bad('milter-macro-stage', packet('D'));
  bad('milter-macro-pairs', packet('D', 'C', z('j')));
  bad('milter-macro-pairs', packet('D', 'C', z('j'), 'mx'));
  bad('milter-macro-pairs', packet('D', 'C', 0));
  bad('milter-macro-pairs', packet('D', 'C', z('j'), z('mx'), z('v')));
  bad('milter-string-end', packet('H'));
  bad('milter-string-end', packet('H', 'client'));
  bad('milter-trailing-bytes', packet('H', z('client'), 'x'));
  bad('milter-trailing-bytes', packet('H', z('client'), 0));
  bad('milter-string-end', packet('M'));
  bad('milter-string-end', packet('M', '<a@b>'));
  bad('milter-string-end', packet('R', z('<a@b>'), 'NOTIFY=NEVER'));
  bad('milter-string-end', packet('L'));
  bad('milter-string-end', packet('L', z('Subject')));
  bad('milter-string-end', packet('L', z('Subject'), 'x'));
  bad('milter-trailing-bytes', packet('L', z('Subject'), z('x'), z('y')));
  bad('milter-string-end', packet('C', 'host'));
  bad('milter-connect-family', packet('C', z('host')));
  bad('milter-connect-family', packet('C', z('host'), 'X', u16(1), z('a')));
  bad('milter-trailing-bytes', packet('C', z('host'), 'U', u16(1), z('a')));
  bad('milter-connect-port', packet('C', z('host'), '4'));
  bad('milter-connect-port', packet('C', z('host'), '4', 1));
  bad('milter-string-end', packet('C', z('host'), '4', u16(25)));
  bad('milter-string-end', packet('C', z('host'), '4', u16(25), '192.0.2.1'));
  bad('milter-trailing-bytes', packet('C', z('host'), '4', u16(25), z('192.0.2.1'), 'x'));
  bad('milter-string-end', packet('U', 'HELP'));
  for (const letter of 'ANTQK') bad('milter-payload', packet(letter, 'x'));
});

t.test('no string is read past its packet', async (t) => {
  // the NUL that is missing stands in the next packet
  t.match(refused(bytes(packet('H', 'client'), packet('H', z('x')))), {
    rule: 'milter-string-end',
    offset: 0,
  });
  t.match(refused(bytes(packet('L', z('Subject'), 'x'), packet('N'))), {
    rule: 'milter-string-end',
    offset: 0,
  });
});

t.test('the limit of a packet', async (t) => {
  const largest = packet('B', Buffer.alloc(MAX_MILTER_PACKET - 1, 'x'));
  const [message] = decodeAll(new MilterDecoder(), [largest]);
  t.equal(String(message?.chunk).length, MAX_MILTER_PACKET - 1, 'the largest passes');
  const pieces: Buffer[] = [];
  for (let at = 0; at < largest.length; at += 4000) pieces.push(largest.subarray(at, at + 4000));
  t.equal(decodeAll(new MilterDecoder(), pieces).length, 1, 'in pieces too');
  t.match(refused(packet('H', z('12345678')), new MilterDecoder(9)), { rule: 'milter-packet-too-long' });
  t.equal(
    decodeAll(new MilterDecoder(10), [packet('H', z('12345678'))]).length,
    1,
    'a smaller one can be set',
  );
});

t.test('an announced length takes no memory', async (t) => {
  const before = process.memoryUsage().arrayBuffers;
  const decoders: MilterDecoder[] = [];
  for (let i = 0; i < 1000; i++) {
    const decoder = new MilterDecoder();
    decoder.push(bytes(u32(MAX_MILTER_PACKET), 'B', 'some bytes'));
    t.equal(decoder.next(), null);
    decoders.push(decoder);
  }
  const grown = process.memoryUsage().arrayBuffers - before;
  t.ok(grown < 20_000_000, `1000 packets of 1 MiB announced hold ${grown} bytes`);
  t.ok(decoders.every((decoder) => decoder.partial()));
});

t.test('partial: from the first byte of a packet to its last', async (t) => {
  const decoder = new MilterDecoder();
  t.notOk(decoder.partial());
  const wire = packet('H', z('client.example'));
  for (let at = 0; at < wire.length; at++) {
    decoder.push(wire.subarray(at, at + 1));
    t.equal(decoder.next() !== null, at === wire.length - 1);
    t.equal(decoder.partial(), at < wire.length - 1, `after byte ${at}`);
  }
});

t.test('fields that are not read are passed over, and one message stands for the last of them', async (t) => {
  const decoder = new MilterDecoder();
  const field = (name: string): Buffer =>
    bytes(packet('D', 'L', z('i'), z('1')), packet('L', z(name), z('v')));
  decoder.push(bytes(field('From'), field('Subject'), field('To'), packet('N'), field('From')));
  const read = ['subject'];
  t.match(decoder.nextRead(read), { kind: 'HEADER', name: 'Subject', value: 'v' });
  t.match(decoder.nextRead(read), { kind: 'EOH' });
  t.match(decoder.nextRead(read), { kind: 'MACRO', stage: 'L', macros: '' }, 'the chunk ends with them');
  t.equal(decoder.nextRead(read), null);
  decoder.push(packet('D', 'R', z('i'), z('1')));
  t.match(
    decoder.nextRead([]),
    { kind: 'MACRO', stage: 'R', macros: 'i\0' + '1\0' },
    'other macros are read',
  );
});

t.test('header names compared without making strings', async (t) => {
  const field = (name: string): MilterCommand & { kind: 'HEADER' } => {
    const decoder = new MilterDecoder();
    decoder.push(packet('L', z(name), z('value')));
    return decoder.next() as MilterCommand & { kind: 'HEADER' };
  };
  for (const name of ['X-TLS-Ward', 'x-tls-ward', 'X-TLS-WARD', 'X-Tls-Ward ', 'x-tls-ward\t ']) {
    t.ok(isNamed(field(name), 'x-tls-ward'), JSON.stringify(name));
    t.ok(isNamed({ kind: 'HEADER', name, value: '' }, 'x-tls-ward'), `${JSON.stringify(name)}, plain`);
  }
  for (const name of [
    'X-TLS-War',
    'X-TLS-Wards',
    ' X-TLS-Ward',
    'X-TLS\rWard',
    '',
    'X_TLS-Ward',
    'X-TLS-WardX',
  ]) {
    t.notOk(isNamed(field(name), 'x-tls-ward'), JSON.stringify(name));
    t.notOk(isNamed({ kind: 'HEADER', name, value: '' }, 'x-tls-ward'), `${JSON.stringify(name)}, plain`);
  }
});

t.test('macros', async (t) => {
  const macros = joinMacros([
    ['j', 'mx.example'],
    ['{auth_authen}', '{tls_version}'],
    ['SSLv2', '{cipher}'],
    ['{tls_version}', 'TLSv1.3'],
    ['{cert_subject}', ''],
    ['cipher', 'AES'],
    ['{tls_version}', 'second'],
  ]);
  t.equal(macroValue(macros, 'j'), 'mx.example');
  t.equal(macroValue(macros, 'tls_version'), 'TLSv1.3', 'a value is no name; the first of two counts');
  t.equal(macroValue(macros, 'cert_subject'), '', 'empty is not absent');
  t.equal(macroValue(macros, 'cipher'), 'AES', 'braces are spelling');
  t.equal(macroValue(macros, 'cert_issuer'), null);
  t.equal(macroValue(macros, 'tls_versio'), null);
  t.equal(macroValue(macros, ''), null);
  t.equal(macroValue('', 'j'), null);
  t.equal(macroValue('j\0', 'j'), null, 'a name without a value');
  t.equal(macroValue('j', 'j'), null);
  t.strictSame(macroPairs('a\0b\0{c}\0\0'), [
    ['a', 'b'],
    ['{c}', ''],
  ]);
  t.strictSame(macroPairs(''), []);
});

t.test('names for logs', async (t) => {
  t.equal(bitNames(SMFIP, 0x90), 'NOBODY|NR_HDR');
  t.equal(bitNames(SMFIF, 0), '0');
  t.equal(bitNames(SMFIF, 0x80000001), 'ADDHDRS|0x80000000');
  t.equal(byteName(SMFIC, 0x4d), 'MAIL');
  t.equal(byteName(SMFIC, 0x07), '0x07');
  // mfdef.h: every bit once, none left out
  t.equal(
    Object.values(SMFIF).reduce((all, bit) => all + bit, 0),
    0x1ff,
  );
  t.equal(
    Object.values(SMFIP).reduce((all, bit) => all + bit, 0),
    0x301fffff,
  );
});
