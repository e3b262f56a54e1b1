/**
 * DNS messages: the question byte by byte, answers with every kind of record, names in every spelling, and whatever a
 * broken or hostile server may put there.
 */
import { Buffer } from 'node:buffer';
import t from 'tap';
import { type DnsAnswer, type DnsRecord, decodeAnswer } from '../../src/wire/dnsDecode.ts';
import { encodeQuery } from '../../src/wire/dnsEncode.ts';
import { encodeName, readName } from '../../src/wire/dnsName.ts';
import { extendedErrorWords, rcodeName, TYPE } from '../../src/wire/dnsNumbers.ts';
import { WireError } from '../../src/wire/wireError.ts';
import {
  FLAG,
  labels,
  message,
  NUMBER,
  name,
  opt,
  pointer,
  question,
  record,
  soa,
  string,
} from './dnsBytes.ts';
import { bytes, type Part, u16, u32 } from './milterBytes.ts';

const ASKED = question('a.example', NUMBER.A);
const HEAD = 12;

t.test('the question', async (t) => {
  const hex = (text: string) => text.replaceAll(' ', '');
  t.equal(
    Buffer.from(encodeQuery(0xabcd, { name: '_25._tcp.mx.bank.example', type: 'TLSA' })!).toString('hex'),
    hex(
      'abcd 0120 0001 0000 0000 0001 03 5f3235 04 5f746370 02 6d78 04 62616e6b 07 6578616d706c65 00 0034 0001' +
        '00 0029 04d0 0000 8000 0000',
    ),
    'id, RD and AD, one question, OPT with 1232 bytes and DO',
  );
  t.equal(
    Buffer.from(encodeQuery(0, { name: '', type: 'SOA' })!).toString('hex'),
    hex('0000 0120 0001 0000 0000 0001 00 0006 0001 00 0029 04d0 0000 8000 0000'),
    'the root',
  );
  t.same(
    Object.entries(TYPE).filter(([type, number]) => NUMBER[type as keyof typeof NUMBER] !== number),
    [],
    'numbers of types',
  );
});

t.test('names there and back', async (t) => {
  const good = (wire: Buffer, text: string, next = wire.length) => {
    const read = readName(bytes('x'.repeat(HEAD), wire), HEAD);
    t.same(read, { name: text, next: HEAD + next }, JSON.stringify(text));
    t.same(Buffer.from(encodeName(text)!), Buffer.from(wire.toString('latin1').toLowerCase(), 'latin1'));
  };
  good(name(''), '');
  good(name('example'), 'example');
  good(name('_25._tcp.MX.Example'), '_25._tcp.mx.example');
  good(name('_mta-sts.xn--bcher-kva.example'), '_mta-sts.xn--bcher-kva.example');
  good(name('-a-.example'), '-a-.example');
  good(labels('a.b', 'example'), 'a\\046b.example');
  good(labels('a b\0'), 'a\\032b\\000');
  good(labels('a\\b', '*'), 'a\\092b.\\042');
  good(labels('b\xfccher'), 'b\\252cher');
  good(labels('x'.repeat(63)), 'x'.repeat(63));
  const longest = ['a', 'b', 'c'].map((one) => one.repeat(63)).join('.');
  good(name(`${longest}.${'d'.repeat(61)}`), `${longest}.${'d'.repeat(61)}`);
  t.equal(encodeName(`${longest}.${'d'.repeat(62)}`), null, 'a name of 256 bytes is nobody');
  t.equal(encodeName('x'.repeat(64)), null, 'nor is a label of 64');
  t.equal(encodeQuery(1, { name: 'x'.repeat(64), type: 'A' }), null);
  for (const text of [
    'A.example',
    'a..b',
    '.',
    'a.',
    '.a',
    'a b',
    'ü',
    'a\\b',
    'a\\97b',
    'a\\097',
    'a\\300',
    'a\\',
    '*',
    '☃',
  ]) {
    t.throws(() => encodeName(text), RangeError, `${JSON.stringify(text)} is not canonical`);
  }
});

t.test('pointers', async (t) => {
  const at = (start: number, ...parts: readonly Part[]) =>
    readName(bytes('x'.repeat(HEAD), ...parts), HEAD + start);
  t.same(at(9, name('example'), 1, 'a', pointer(HEAD)), { name: 'a.example', next: HEAD + 13 });
  t.same(at(9, name('example'), pointer(HEAD)), { name: 'example', next: HEAD + 11 });
  t.same(
    at(13, name('example'), 1, 'a', pointer(HEAD), 1, 'b', pointer(HEAD + 9)),
    { name: 'b.a.example', next: HEAD + 17 },
    'one after another',
  );
  const rule = (wanted: string, start: number, ...parts: readonly Part[]) =>
    t.throws(() => at(start, ...parts), { name: 'WireError', rule: wanted }, parts.join(' '));
  rule('dns-name-pointer', 0, pointer(HEAD));
  rule('dns-name-pointer', 0, 1, 'a', pointer(HEAD));
  rule('dns-name-pointer', 0, pointer(HEAD + 2), name('a'));
  rule('dns-name-pointer', 0, pointer(0));
  rule('dns-name-pointer', 2, 0, 0, pointer(HEAD - 1));
  rule('dns-name-pointer', 2, pointer(HEAD + 2), pointer(HEAD));
  rule('dns-name-label', 0, 0x40, 'x'.repeat(64), 0);
  rule('dns-name-label', 0, 0x80, 0);
  rule('dns-name-cut', 0);
  rule('dns-name-cut', 0, 1);
  rule('dns-name-cut', 0, 1, 'a');
  rule('dns-name-cut', 0, 0xc0);
  rule('dns-name-long', 0, ...'abcd'.split('').flatMap((one) => [63, one.repeat(63)]), 0);
  // 33 pointers, each to the one before
  const chain = [
    0,
    ...Array.from({ length: 33 }, (_, i) => pointer(i === 0 ? HEAD : HEAD + 1 + 2 * (i - 1))).flat(),
  ];
  rule('dns-name-pointer', 1 + 2 * 32, chain);
  t.same(at(1 + 2 * 31, chain), { name: '', next: HEAD + 1 + 2 * 32 });
});

t.test('records', async (t) => {
  const good = (wire: Buffer, want: DnsRecord) => {
    const answer = decodeAnswer(message({ question: ASKED, answers: [wire] }));
    t.same(answer.answers, [want], want.type);
  };
  const owner = { name: 'a.example', ttlSeconds: 60 };
  const of = (type: number, ...data: readonly Part[]) => record('A.Example', type, 60, ...data);
  good(of(NUMBER.A, [192, 0, 2, 1]), { ...owner, type: 'A', bytes: Uint8Array.of(192, 0, 2, 1) });
  const v6 = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
  good(of(NUMBER.AAAA, v6), { ...owner, type: 'AAAA', bytes: Uint8Array.from(v6) });
  good(of(NUMBER.CNAME, pointer(HEAD)), { ...owner, type: 'CNAME', target: 'a.example' });
  good(of(NUMBER.MX, u16(10), name('MX.example')), {
    ...owner,
    type: 'MX',
    preference: 10,
    exchange: 'mx.example',
  });
  good(of(NUMBER.MX, u16(0), name('')), { ...owner, type: 'MX', preference: 0, exchange: '' });
  good(of(NUMBER.MX, u16(1), labels('mx.good', 'x')), {
    ...owner,
    type: 'MX',
    preference: 1,
    exchange: 'mx\\046good.x',
  });
  good(of(NUMBER.TXT, string('v=STSv1; '), string(''), string('id=\xe9\0;')), {
    ...owner,
    type: 'TXT',
    text: 'v=STSv1; id=\xe9\0;',
  });
  good(of(NUMBER.TXT, string('')), { ...owner, type: 'TXT', text: '' });
  const tlsa = { ...owner, type: 'TLSA', usage: 3, selector: 1, matching: 1 } as const;
  good(of(NUMBER.TLSA, 3, 1, 1, [1, 2, 3]), { ...tlsa, data: Uint8Array.of(1, 2, 3) });
  good(of(NUMBER.TLSA, 3, 1, 1), { ...tlsa, data: new Uint8Array() });
  good(record('a.example', NUMBER.A, 2 ** 31, [1, 2, 3, 4]), {
    ...owner,
    ttlSeconds: 0,
    type: 'A',
    bytes: Uint8Array.of(1, 2, 3, 4),
  });

  const bad = (rule: string, type: number, ...data: readonly Part[]) =>
    t.throws(
      () =>
        decodeAnswer(message({ question: ASKED, answers: [of(type, ...data), of(NUMBER.A, [1, 2, 3, 4])] })),
      { name: 'WireError', rule },
    );
  bad('dns-cut', NUMBER.A, [1, 2, 3]);
  bad('dns-data', NUMBER.A, [1, 2, 3, 4, 5]);
  bad('dns-cut', NUMBER.AAAA, [1, 2, 3, 4]);
  bad('dns-cut', NUMBER.CNAME);
  bad('dns-cut', NUMBER.CNAME, 1, 'a');
  bad('dns-data', NUMBER.CNAME, name('a'), 0);
  bad('dns-cut', NUMBER.MX, 0);
  bad('dns-cut', NUMBER.MX, u16(10));
  bad('dns-cut', NUMBER.TXT);
  bad('dns-cut', NUMBER.TXT, 5, 'four');
  bad('dns-cut', NUMBER.TLSA, 3, 1);
  bad('dns-cut', NUMBER.SOA, name('a'), name('b'), u32(1));
});

t.test('the whole answer', async (t) => {
  const plain: DnsAnswer = {
    id: 7,
    authoritative: false,
    truncated: false,
    recursionAvailable: true,
    authenticData: false,
    rcode: 0,
    extendedError: null,
    question: { name: 'a.example', type: 1 },
    answers: [],
    soa: null,
  };
  const asked = { id: 7, question: ASKED };
  t.same(decodeAnswer(message(asked)), plain);
  t.same(decodeAnswer(message({ ...asked, flags: FLAG.QR | FLAG.AA | FLAG.AD })), {
    ...plain,
    authoritative: true,
    authenticData: true,
    recursionAvailable: false,
  });
  t.same(decodeAnswer(message({ ...asked, rcode: 2 })), { ...plain, rcode: 2 });
  t.same(
    decodeAnswer(message({ id: 7, rcode: 1 })),
    { ...plain, rcode: 1, question: null },
    'no question repeated',
  );
  t.same(decodeAnswer(message({ ...asked, additional: [opt()] })), plain);
  t.same(decodeAnswer(message({ ...asked, additional: [opt(1)] })), { ...plain, rcode: 16 }, 'BADVERS');
  const explained = opt(0, [10, 'cookie'], [15, [...u16(7), 0x62]], [15, u16(9)], [15, 'x']);
  t.same(decodeAnswer(message({ ...asked, rcode: 2, additional: [explained] })), {
    ...plain,
    rcode: 2,
    extendedError: 7,
  });
  t.same(decodeAnswer(message({ ...asked, rcode: 3, authority: [soa('example', 900, 300)] })), {
    ...plain,
    rcode: 3,
    soa: { name: 'example', ttlSeconds: 900, type: 'SOA', minimumSeconds: 300 },
  });
  t.same(
    decodeAnswer(message({ ...asked, answers: [soa('a.example', 1, 2)] })).soa,
    null,
    'an SOA that was asked for',
  );
  const a = record('a.example', NUMBER.A, 5, [1, 2, 3, 4]);
  t.same(
    decodeAnswer(message({ ...asked, authority: [a], additional: [a] })),
    plain,
    'only answers are answers',
  );
  const signed = record('a.example', NUMBER.RRSIG, 5, 'anything');
  const chaos = bytes(name('a.example'), u16(1), u16(3), u32(5), u16(2), 'xx');
  t.same(decodeAnswer(message({ ...asked, answers: [signed, chaos] })), plain, 'other types and classes');
  const cut = message({ ...asked, flags: FLAG.QR | FLAG.TC | FLAG.RA, answers: [a] }).subarray(0, -3);
  t.same(decodeAnswer(cut), { ...plain, truncated: true }, 'truncated anywhere');

  const bad = (rule: string, wire: Uint8Array) =>
    t.throws(() => decodeAnswer(wire), { name: 'WireError', rule }, rule);
  bad('dns-not-an-answer', message({ ...asked, flags: 0 }));
  bad('dns-opcode', message({ ...asked, flags: FLAG.QR | 0x2800 }));
  bad('dns-questions', bytes(u16(7), u16(FLAG.QR), u16(2), u16(0), u16(0), u16(0), ASKED, ASKED));
  bad('dns-class', message({ id: 7, question: bytes(name('a'), u16(1), u16(3)) }));
  bad('dns-opt', message({ ...asked, additional: [opt(), opt()] }));
  bad('dns-opt', message({ ...asked, answers: [opt()] }));
  bad('dns-trailing', bytes(message(asked), 0));
  bad('dns-cut', message({ ...asked, additional: [opt().fill(9, 10, 11)] }));
  bad('dns-name-cut', message({ ...asked, answers: [Buffer.alloc(0)] }));
});

t.test('records are copies', async (t) => {
  const wire = message({ question: ASKED, answers: [record('a.example', NUMBER.TLSA, 5, 3, 1, 1, [9, 9])] });
  const [found] = decodeAnswer(wire).answers;
  wire.fill(0);
  t.same(found?.type === 'TLSA' && [...found.data], [9, 9]);
});

t.test('every cut of a long answer is refused', async (t) => {
  const answers = [
    record('a.example', NUMBER.CNAME, 5, name('b.example')),
    record('b.example', NUMBER.MX, 5, u16(1), pointer(HEAD)),
    record('b.example', NUMBER.TXT, 5, string('text')),
    record('b.example', NUMBER.TLSA, 5, 3, 1, 1, 'data'),
  ];
  const wire = message({ question: ASKED, answers, authority: [soa('example', 1, 1)], additional: [opt()] });
  t.equal(decodeAnswer(wire).answers.length, 4);
  for (let length = 0; length < wire.length; length++) {
    try {
      decodeAnswer(wire.subarray(0, length));
      t.fail(`${length} bytes`);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
  }
  // a view in the middle of a larger buffer sees nothing of what is around it
  const around = Buffer.concat([Buffer.from('before'), wire, Buffer.from('behind')]);
  t.same(decodeAnswer(around.subarray(6, 6 + wire.length)), decodeAnswer(wire));
  t.throws(() => decodeAnswer(around.subarray(6, 5 + wire.length)), WireError);
});

t.test('words', async (t) => {
  t.equal(rcodeName(2), 'SERVFAIL');
  t.equal(rcodeName(16), 'RCODE 16');
  t.equal(extendedErrorWords(7), 'signature expired');
  t.equal(extendedErrorWords(0), null);
});
