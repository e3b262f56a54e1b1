/**
 * The shapes of a line of the log: JSON or text, with its priority where the journal reads it; and the text itself.
 */
import { closeSync, fstatSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { isJournal, shapeLine } from '../../src/log/lineShape.ts';
import { LineWriter } from '../../src/log/lineWriter.ts';
import { readableLine } from '../../src/log/readableLine.ts';

const TIME = '2026-11-29T13:04:05.123Z';
const REJECT = {
  level: 30,
  time: TIME,
  event: 'tx.verdict',
  code: '3FQ8M2TX',
  protocol: 'policy',
  action: 'reject',
  client: '192.0.2.1',
  sender: 'alice@gov.example',
  recipients: 'bob@example.org',
  tls: 'no TLS',
  row: 'gov.example',
  reply: '530 5.7.0 gov.example requires TLS [3FQ8M2TX]',
  msg: 'violation',
};
const json = (fields: object): string => `${JSON.stringify(fields)}\n`;

test('the journal is known by its device and inode', async (t) => {
  const file = join(t.testdir({ f: '' }), 'f');
  const fd = openSync(file, 'r');
  t.teardown(() => closeSync(fd));
  const { dev, ino } = fstatSync(fd, { bigint: true });
  t.equal(isJournal(fd, { JOURNAL_STREAM: `${dev}:${ino}` }), true);
  t.equal(isJournal(fd, { JOURNAL_STREAM: `${dev}:${ino + 1n}` }), false, 'standard output was redirected');
  t.equal(isJournal(fd, { JOURNAL_STREAM: '' }), false);
  t.equal(isJournal(fd, {}), false);
  t.equal(isJournal(1_000_000, { JOURNAL_STREAM: '1:1' }), false);
});

test('each level has its priority, and JSON stays as it is behind it', async (t) => {
  const line = (level: number): string => json({ level, time: TIME, event: 'x', msg: 'm' });
  for (const [level, priority] of [
    [60, 2],
    [50, 3],
    [40, 4],
    [30, 6],
    [20, 7],
    [10, 7],
  ] as const) {
    t.equal(shapeLine(line(level), 'json', true), `<${priority}>${line(level)}`);
    t.equal(shapeLine(line(level), 'json', false), line(level));
    t.match(shapeLine(line(level), 'text', true), new RegExp(`^<${priority}>\\w+ x: m\\n$`));
  }
  t.equal(shapeLine(line(40), 'text', false), `${TIME} warn x: m\n`);
});

test('a verdict in one line', async (t) => {
  const text = (fields: object): string => readableLine({ ...REJECT, ...fields }, true).text;
  t.equal(
    text({}),
    `${TIME} reject alice@gov.example -> bob@example.org from 192.0.2.1, no TLS, row gov.example: 530 5.7.0 gov.example requires TLS [3FQ8M2TX]`,
  );
  const accept = { action: 'accept', reply: undefined, row: undefined, sender: '' };
  t.equal(text(accept), `${TIME} accept <> -> bob@example.org from 192.0.2.1, no TLS, no row [3FQ8M2TX]`);
  t.match(text({ ...accept, would: 'reject' }), ' accept (would reject) <> -> ');
  t.match(text({ rule: 'secure', route: 'held' }), ', rule secure: held: 530');
  const recipients = Array.from({ length: 9 }, (_, i) => `r${i}@x.example`);
  t.match(
    text({ recipients }),
    ' -> r0@x.example, r1@x.example, r2@x.example, r3@x.example, r4@x.example, and 4 more from',
  );
  t.equal(readableLine(REJECT, false).text, text({}).slice(TIME.length + 1), 'without the time');
  const tones = [
    [{}, 'bad'],
    [accept, 'good'],
    [{ ...accept, would: 'defer' }, 'warn'],
    [{ action: 'hold' }, 'warn'],
    [{ action: 'defer' }, 'warn'],
  ] as const;
  for (const [fields, tone] of tones) t.equal(readableLine({ ...REJECT, ...fields }, true).tone, tone);
});

test('any other event, and fields of any kind', async (t) => {
  const rest = { keys: ['a', 'b'], n: 1, words: 'two words', none: null };
  const line = readableLine({ level: 50, time: TIME, event: 'x.y', msg: 'it happened', ...rest }, true);
  t.same(line, {
    text: `${TIME} error x.y: it happened; keys="[\\"a\\",\\"b\\"]" n=1 words="two words"`,
    tone: 'bad',
  });
  t.same(readableLine({}, true), { text: 'line : ', tone: 'none' });
  t.match(readableLine({ ...REJECT, sender: { a: 1 }, recipients: null }, true).text, 'reject <> ->  from');
});

test('foreign text cannot reach a terminal', async (t) => {
  const { text } = readableLine({ ...REJECT, sender: '\u001b[2J\u202e\n<3>x', recipients: ['\u0007'] }, true);
  t.match(text, /^[\x20-\x7e]*$/);
  t.match(text, 'reject \\u{1b}[2J\\u{202e}\\u{a}<3>x -> \\u{7} from');
  const long = readableLine(
    { level: 30, event: 'x', msg: 'm', a: 'y'.repeat(1e6), b: 'z'.repeat(1e6) },
    true,
  );
  t.ok(long.text.length < 1000, `${long.text.length} characters`);
});

test('lines that were dropped are told in the same shape', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'log');
  const fd = openSync(file, 'w');
  const writer = new LineWriter(fd);
  writer.shape = (line) => shapeLine(line, 'text', true);
  writer.dropped = 3;
  writer.write(json(REJECT));
  writer.flushSync();
  closeSync(fd);
  t.match(
    readFileSync(file, 'utf8'),
    /^<6>reject alice.*\n<4>warn log\.dropped: lines were dropped because the log was not read; lines=3\n$/,
  );
});
