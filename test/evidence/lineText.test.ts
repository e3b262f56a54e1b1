/** The text of records: what a producer hands over is one line, and one JSON object once the writer has it. */
import { test } from 'tap';
import { escapeText } from '../../src/core/escape.ts';
import {
  addressText,
  finishedLine,
  foreignText,
  lineText,
  Mailbox,
  patternText,
  quoted,
  withoutLocalParts,
} from '../../src/evidence/lineText.ts';
import { recordOf } from './lines.ts';

const TIME = '2026-11-30T01:02:03.456Z';
const SOURCE = { kind: 'journal', position: 's=1' };

test('a text is a record without its beginning', async (t) => {
  const text = lineText(TIME, 'delivery', 'mx.example.org', {
    leg: 'outbound',
    queueId: '4dJq1x',
    sender: new Mailbox(''),
    recipient: new Mailbox('<"a b"@X.example>'),
    recipientDomain: 'x.example',
    dsn: undefined,
    tls: { state: 'tls', bits: 256, reused: true, peer: undefined },
    outcome: 'sent',
    reply: 'said "250 \\ ok"\u2028\n',
    delay: 0.5,
    source: SOURCE,
  });
  t.ok(text.startsWith(`"time":"${TIME}","type":"delivery","host":"mx.example.org","leg":`));
  t.same(recordOf(t, text, 7), {
    v: 1,
    n: 7,
    time: TIME,
    type: 'delivery',
    host: 'mx.example.org',
    leg: 'outbound',
    queueId: '4dJq1x',
    sender: '<>',
    recipient: 'a b@x.example',
    recipientDomain: 'x.example',
    tls: { state: 'tls', bits: 256, reused: true },
    outcome: 'sent',
    reply: 'said "250 \\ ok"\u2028\n',
    delay: 0.5,
    source: SOURCE,
  });
  t.same(recordOf(t, lineText(TIME, 'gap', 'h', { from: TIME, to: TIME, count: null, why: 'w' })), {
    v: 1,
    n: 0,
    time: TIME,
    type: 'gap',
    host: 'h',
    from: TIME,
    to: TIME,
    count: null,
    why: 'w',
  });
});

test('no address ends the line or itself', async (t) => {
  for (const odd of ['a\0b@x.example', 'a\nb@x.example', '\0\n', `${'l'.repeat(5000)}@x.example`]) {
    const text = addressText(odd);
    t.equal(text.split('\0').length, 3);
    t.notOk(text.includes('\n'));
    t.ok(text.length < 2100);
  }
  t.equal(finishedLine(0, 'a\0b\0c\0', String), null, 'half an address');
  t.equal(
    finishedLine(3, '"a":\0x\0,"b":\0y\0}', (one) => `${one}"`),
    '{"v":1,"n":3,"a":"x\\"","b":"y\\""}',
  );
});

test('strings and patterns', async (t) => {
  for (const text of ['', 'plain', 'a"b', 'a\\b', 'ü', '\u2028\n\0', '\u007f'])
    t.equal(JSON.parse(quoted(text)), text);
  t.equal(patternText('.bank.example'), '".bank.example"');
  t.equal(patternText('boss@law.example'), '\0boss@law.example\0');
});

test('free text loses local parts', async (t) => {
  const cases = [
    ['no address', 'no address'],
    [
      'sender <alice@bank.example>: row "boss@law.example" (f:1)',
      'sender <@bank.example>: row "@law.example" (f:1)',
    ],
    ['<"a b"@x.example> and c@d.example', '<@x.example> and @d.example'],
    ['+ boss@law.example: encrypt', '+ @law.example: encrypt'],
    ['a@b@c.example', '@c.example'],
    ['@', '@'],
    ['<"a@secret"@c.example>: no', '<"@c.example>: no'],
    ['<"a@x secret"@c.example> "q"', '<"@c.example> "q"'],
    ['<"john \\"x\\" smith"@c.example>', '<@c.example>'],
    ['<"john \\u{5c}"x\\u{5c}" smith"@c.example>', '<@c.example>'],
    ['secret\u00a0jos\u00e9\u2028x@c.example', '@c.example'],
  ] as const;
  for (const [text, want] of cases) t.equal(withoutLocalParts(text), want, escapeText(text));
  t.equal(withoutLocalParts(`${'x'.repeat(100_000)}@y`), '@y');
  t.equal(withoutLocalParts('"@'.repeat(20_000)).length > 0, true, 'in linear time');
  t.equal(withoutLocalParts(`${'\\\\"'.repeat(20_000)}"@`.repeat(2)).includes('\\\\'), false);
});

test('a text of a peer is escaped, then quoted', async (t) => {
  const texts = ['', 'mx.example.org', '"', '\\', '\u00e9', '\0', '\n', '\x7f', '\u{1f600}', 'a@b', '~ !'];
  const lengths = [127, 128, 129, 256, 257, 1000];
  for (const text of [...texts, ...lengths.map((length) => 'x'.repeat(length))])
    t.equal(foreignText(text), quoted(escapeText(text)), escapeText(text));
});
