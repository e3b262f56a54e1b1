/** What the filter says: packets, the rules for reply texts, headers and bodies, and the MTA's strict reading of them. */
import { Buffer } from 'node:buffer';
import t from 'tap';
import { encodeCommand, ReplyDecoder } from '../../src/wire/milterClient.ts';
import {
  addHeader,
  changeHeader,
  deleteHeader,
  encodeReply,
  headerProblem,
  insertHeader,
  MAX_HEADER_VALUE,
  type MilterReply,
  quarantine,
  replaceBody,
  replyCode,
  shownReply,
} from '../../src/wire/milterEncode.ts';
import { MILTER_CHUNK_SIZE } from '../../src/wire/milterNames.ts';
import { bytes, packet, u32, z } from './milterBytes.ts';
import { byteByByte, cutAt, decodeAll, plain, REPLIES } from './milterVectors.ts';

t.test('every reply: encoded, decoded, round-tripped, cut at every offset', async (t) => {
  for (const [name, wire, message] of REPLIES) {
    const want = [plain(message)];
    t.strictSame(Buffer.from(encodeReply(message)), wire, `${name}: encoded`);
    t.strictSame(Buffer.from(encodeReply(message)), wire, `${name}: encoded once more`);
    t.strictSame(decodeAll(new ReplyDecoder(), [wire]), want, `${name}: decoded`);
    for (let at = 1; at < wire.length; at++) {
      t.strictSame(decodeAll(new ReplyDecoder(), cutAt(wire, at)), want, `${name}: cut at ${at}`);
    }
  }
  const stream = Buffer.concat(REPLIES.map(([, wire]) => wire));
  const all = REPLIES.map(([, , message]) => plain(message));
  t.strictSame(decodeAll(new ReplyDecoder(), [stream]), all, 'in one stream');
  t.strictSame(decodeAll(new ReplyDecoder(), byteByByte(stream)), all, 'byte by byte');
});

function caught(decoder: ReplyDecoder): unknown {
  try {
    return decoder.next();
  } catch (error) {
    return error;
  }
}

t.test('replies that Postfix would not take', async (t) => {
  const bad = (rule: string, wire: Uint8Array): void => {
    const decoder = new ReplyDecoder();
    decoder.push(wire);
    t.match(caught(decoder), { rule }, rule);
    t.match(caught(decoder), { rule }, 'the decoder is dead');
  };
  for (const letter of 'cartdsp') bad('milter-payload', packet(letter, 'x'));
  bad('milter-string-end', packet('y'));
  bad('milter-string-end', packet('y', '550 5.7.1 no'));
  bad('milter-trailing-bytes', packet('y', z('550 5.7.1 no'), z('more')));
  bad('milter-string-end', packet('h', z('X-A')));
  bad('milter-trailing-bytes', packet('h', z('X-A'), z('b'), 0));
  bad('milter-header-index', packet('i', 0, 0));
  bad('milter-string-end', packet('m', u32(1), z('X-A')));
  bad('milter-string-end', packet('q', 'held'));
  bad('milter-string-end', packet('+', '<a@b.example>'));
  bad('milter-trailing-bytes', packet('-', z('<a@b.example>'), z('<c@d.example>')));
  bad('milter-string-end', packet('2', z('<a@b.example>')));
  bad('milter-trailing-bytes', packet('2', z('<a@b.example>'), z(''), 0));
  bad('milter-optneg-length', packet('O', u32(6), u32(0)));
  bad('milter-macro-list', packet('O', u32(6), u32(0), u32(0), u32(1)));
  bad('milter-macro-list', packet('O', u32(6), u32(0), u32(0), u32(1), 'i'));
  bad('milter-macro-list', packet('O', u32(6), u32(0), u32(0), u32(1), z('i'), 0));
  bad('milter-unknown-reply', packet('f'));
  bad('milter-unknown-reply', packet('Z'));
  bad('milter-packet-empty', bytes(u32(0)));
  bad('milter-http-request', bytes('HTTP'));
  const decoder = new ReplyDecoder();
  t.notOk(decoder.partial());
  decoder.push(bytes(u32(2)));
  t.equal(decoder.next(), null);
  t.ok(decoder.partial());
});

function text(reply: MilterReply): string {
  if (reply.kind !== 'REPLYCODE') throw new Error(reply.kind);
  return reply.text;
}

t.test('reply codes', async (t) => {
  const good = (code: number, dsn: string, said: string, want: string): void => {
    t.equal(text(replyCode(code, dsn, said)), want, JSON.stringify(said));
  };
  good(530, '5.7.0', 'TLS needed', '530 5.7.0 TLS needed');
  good(451, '4.3.5', 'later', '451 4.3.5 later');
  good(550, '5.7.5', '100% of %s', '550 5.7.5 100%% of %%s');
  good(550, '5.7.5', 'caf\xe9 \u20ac\x07\0', '550 5.7.5 caf? ???');
  good(550, '5.7.1', 'a\nb\nc', '550-5.7.1 a\r\n550-5.7.1 b\r\n550 5.7.1 c');
  good(550, '5.7.1', 'a\r\n\r\n \nb\n', '550-5.7.1 a\r\n550 5.7.1 b');
  good(550, '5.7.1', 'a\rb', '550 5.7.1 a?b');
  good(550, '5.7.1', '', '550 5.7.1 Refused');
  good(450, '4.7.1', '\n \n', '450 4.7.1 Please try again later');
  t.equal(shownReply(text(replyCode(550, '5.7.5', '100% of %%'))), '550 5.7.5 100% of %%');
});

t.test('reply codes that no MTA would take as meant', async (t) => {
  for (const code of [250, 354, 399, 600, 550.5, Number.NaN]) {
    t.throws(() => replyCode(code, '5.7.1', 'x'), RangeError, String(code));
  }
  for (const [code, dsn] of [
    [550, '4.7.1'],
    [450, '5.7.1'],
    [550, ''],
    [550, '5.7'],
    [550, '5.7.1234'],
    [550, '5.7.1\r\n250 ok'],
    [550, '2.0.0'],
  ] as const) {
    t.throws(() => replyCode(code, dsn, 'x'), RangeError, `${code} ${JSON.stringify(dsn)}`);
  }
});

t.test('limits of a reply', async (t) => {
  const long = text(replyCode(550, '5.7.1', 'x'.repeat(2000)));
  t.equal(long.length, 510, 'a line fits SMTP with its CRLF');
  t.ok(long.endsWith('...'));
  t.equal(
    shownReply(text(replyCode(550, '5.7.1', '%'.repeat(2000)))).length,
    510,
    'counted as the client sees it',
  );
  const lines = text(
    replyCode(550, '5.7.1', Array.from({ length: 100 }, (_, i) => `line ${i}`).join('\n')),
  ).split('\r\n');
  t.equal(lines.length, 32);
  t.match(lines[30], /^550-5\.7\.1 line 30$/);
  t.match(lines[31], /^550 5\.7\.1 line 31$/, 'the last line is one');
  const many = text(replyCode(550, '5.7.1', 'y'.repeat(400).concat('\n').repeat(30)));
  t.ok(many.length < 4096, `${many.length} bytes in all`);
  t.match(many.split('\r\n').at(-1), /^550 5/);
});

t.test('headers', async (t) => {
  const good = (name: string, value: string): void => {
    t.equal(headerProblem(name, value), null, JSON.stringify([name, value]));
  };
  const bad = (name: string, value: string, problem: RegExp): void => {
    t.match(headerProblem(name, value), problem, JSON.stringify([name, value.slice(0, 40)]));
    t.throws(() => addHeader(name, value), RangeError);
    t.throws(() => insertHeader(1, name, value), RangeError);
    t.throws(() => changeHeader(1, name, value), RangeError);
  };
  good('X-TLS-Ward', 'v=1;\n leg=receive;\n\tx=y');
  good('!#~', '');
  good('Subject', 'caf\xe9');
  good('X', 'a'.repeat(995));
  good('X', `${'a'.repeat(995)}\n ${'b'.repeat(997)}`);
  bad('', 'x', /name/);
  bad('X:Y', 'x', /name/);
  bad('X Y', 'x', /name/);
  bad('X\n', 'x', /name/);
  bad('X\xe9', 'x', /name/);
  bad('X', 'a\r\n b', /CR/);
  bad('X', 'a\0b', /NUL/);
  bad('X', '\u20ac', /one byte/);
  bad('X', 'a\nb', /white space/);
  bad('X', 'a\n', /white space/);
  bad('X', 'a\n\n b', /white space/);
  bad('X', 'a\n \n b', /empty/);
  bad('X', 'a\n ', /empty/);
  bad('X', 'a'.repeat(996), /998/);
  bad('X', `a\n ${'b'.repeat(998)}`, /998/);
  bad('X', 'a\n b'.repeat(MAX_HEADER_VALUE), /65000/);
  t.strictSame(deleteHeader(3, 'X-A'), { kind: 'CHGHEADER', index: 3, name: 'X-A', value: '' });
  t.throws(() => changeHeader(1, 'X-A', ''), RangeError, 'a change to nothing would delete');
  for (const index of [0, -1, 1.5, 2 ** 31])
    t.throws(() => deleteHeader(index, 'X-A'), RangeError, String(index));
});

t.test('what the encoders refuse to write', async (t) => {
  t.throws(() => encodeReply({ kind: 'QUARANTINE', reason: 'a\0b' }), RangeError);
  t.throws(() => encodeReply({ kind: 'ADDHEADER', name: 'X', value: '\u0100' }), RangeError);
  t.throws(() => encodeCommand({ kind: 'HELO', name: 'a\0b' }), RangeError);
  t.throws(() => encodeCommand({ kind: 'MAIL', args: ['<\u{1f4e7}@x.example>'] }), RangeError);
});

t.test('packets beyond the common buffer', async (t) => {
  for (const length of [1000, 1013, 1014, 1015, 1016, 1017, 1018, 1019, 1020, 1021, 1500, 60_000]) {
    const value = 'v'.repeat(length);
    t.strictSame(
      Buffer.from(encodeReply({ kind: 'ADDHEADER', name: 'X', value })),
      packet('h', z('X'), z(value)),
      String(length),
    );
  }
  const one = encodeReply({ kind: 'QUARANTINE', reason: 'first' });
  encodeReply({ kind: 'QUARANTINE', reason: 'second one' });
  t.strictSame(Buffer.from(one), packet('q', z('first')), 'what was encoded stays');
});

t.test('body replacement', async (t) => {
  const sizes = (chunks: number[]): number[] =>
    replaceBody(chunks.map((size) => new Uint8Array(size))).map((reply) => {
      if (reply.kind !== 'REPLBODY') throw new Error(reply.kind);
      return reply.chunk.length;
    });
  t.strictSame(sizes([10, 20]), [10, 20]);
  t.strictSame(sizes([MILTER_CHUNK_SIZE]), [65_535]);
  t.strictSame(sizes([MILTER_CHUNK_SIZE + 1, 0, 5]), [65_535, 1, 5]);
  t.strictSame(sizes([200_000]), [65_535, 65_535, 65_535, 3395]);
  t.strictSame(sizes([]), [0], 'an empty body is said');
  t.strictSame(sizes([0, 0]), [0]);
});

t.test('quarantine reasons', async (t) => {
  t.strictSame(quarantine('TLS required'), { kind: 'QUARANTINE', reason: 'TLS required' });
  t.strictSame(quarantine('a\r\n\0\xe9'), { kind: 'QUARANTINE', reason: 'a????' });
  t.strictSame(quarantine('  '), { kind: 'QUARANTINE', reason: 'held' });
  t.equal((quarantine('x'.repeat(999)) as { reason: string }).reason.length, 200);
});
