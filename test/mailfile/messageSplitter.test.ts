import t from 'tap';
import { MAX_HEADER_BYTES, MessageSplitter, type SplitMessage } from '../../src/mailfile/messageSplitter.ts';
import { generator } from '../mark/generator.ts';

function split(text: string, cuts: readonly number[] = []): SplitMessage[] {
  const bytes = Buffer.from(text, 'latin1');
  const splitter = new MessageSplitter();
  const found: SplitMessage[] = [];
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    found.push(...splitter.push(bytes.subarray(from, cut)));
    from = cut;
  }
  return [...found, ...splitter.end()];
}

/** `name=value|name=value` of each message. */
function fields(text: string): string[] {
  return split(text).map((one) => one.headers.map(({ name, value }) => `${name}=${value}`).join('|'));
}

t.test('one message', (t) => {
  t.strictSame(fields('Subject: a\nFrom: b\n\nbody: no\n'), ['Subject=a|From=b']);
  t.strictSame(fields('Subject: a\r\nFrom: b\r\n\r\nbody: no\r\n'), ['Subject=a|From=b']);
  t.strictSame(fields('Subject: a\n b\n\tc\r\n d\n\n'), ['Subject=a\n b\n\tc\n d'], 'folds as LF');
  t.strictSame(
    fields('A:x\nB:  y\nC:\ty\nD:\nE: \n z\n\n'),
    ['A=x|B= y|C=\ty|D=|E=\n z'],
    'one space goes, no tab',
  );
  t.strictSame(
    fields('X-TLS-Ward : 1\nX-TLS-Ward \t: 2\n\n'),
    ['X-TLS-Ward =1|X-TLS-Ward \t=2'],
    'names as written',
  );
  t.strictSame(fields('A: 1\nno field\nB: 2\n\n'), ['A=1'], 'a line that is no field ends the header');
  t.strictSame(fields('A b: 1\nB: 2\n\n'), [''], 'a name with a space is no field');
  t.strictSame(fields(': 1\n\n'), ['']);
  t.strictSame(fields('\nA: 1\n'), [''], 'an empty line first: no header');
  t.strictSame(fields('A: 1'), ['A=1'], 'no line end at all');
  t.strictSame(fields('A: 1\n b'), ['A=1\n b']);
  t.strictSame(fields(''), []);
  t.strictSame(fields('\xef\xbb\xbfA: 1\n\n'), ['A=1'], 'byte order mark');
  t.strictSame(fields('A: \xff\x80\0\r x\n\n'), ['A=\xff\x80\0\r x'], 'one character a byte');
  t.strictSame(
    fields('A: 1\n\nFrom a  Sun Nov 22 18:47:31 2026\nB: 2\n\n'),
    ['A=1'],
    'a From_ line in a single message is body',
  );
  const [one] = split('Subject: a\n\nbody');
  t.match(one, { number: 1, offset: 0, bodyOffset: 12, fromLine: null, cut: false });
  t.end();
});

const DATE = 'Sun Nov 22 18:47:31 2026';

t.test('bodies, in any cutting', (t) => {
  const bodies = (text: string, size: number): string[] => {
    const found: SplitMessage[] = [];
    const splitter = new MessageSplitter(() => {
      let body = '';
      return {
        push: (bytes) => {
          body += Buffer.from(bytes).toString('latin1');
        },
        values: () => [body],
      };
    });
    const bytes = Buffer.from(text, 'latin1');
    for (let at = 0; at < bytes.length; at += size)
      found.push(...splitter.push(bytes.subarray(at, at + size)));
    found.push(...splitter.end());
    return found.map(({ bodyDigests }) => bodyDigests?.join('|') ?? 'unread');
  };
  const long = `From ${'x'.repeat(600)} 18:47 2026`;
  const late = `From x ${DATE} ${'y'.repeat(600)}`;
  const box = `From a ${DATE}\nS: 1\n\nF\nFr\n\nFrom now on\n\n>From b ${DATE}\n${long}\n\n${long}\n\nFrom c ${DATE}\nS: 2\nno field\nx`;
  const first = `F\nFr\n\nFrom now on\n\n>From b ${DATE}\n${long}\n\n${long}\n\n`;
  for (let size = 1; size < 700; size += size < 12 ? 1 : 97) {
    t.strictSame(bodies(box, size), [first, 'no field\nx'], `cut at ${size}`);
    t.strictSame(bodies(`From a ${DATE}\nS: 1\n\na\n\n${late}\nS: 2\n\nb\n`, size), ['a\n\n', 'b\n']);
    t.strictSame(bodies(`S: 1\r\n\r\na\r\n\r\nFrom c ${DATE}\r\nb`, size), [`a\r\n\r\nFrom c ${DATE}\r\nb`]);
  }
  t.strictSame(bodies('S: 1\n\n', 9), ['']);
  t.strictSame(bodies(`S: ${'x'.repeat(MAX_HEADER_BYTES)}\n\nbody`, 65_536), ['unread']);
  t.end();
});

t.test('mbox', (t) => {
  const box = [
    `From alice@partner.example  ${DATE}\nSubject: 1\n\nbody\n>From quoted ${DATE}\n\n>From quoted ${DATE}\n\n`,
    `From MAILER-DAEMON ${DATE}\nSubject: 2\nX-Y: z\n\n\nFrom here on it is text\nFrom x ${DATE} not behind an empty line\n\n`,
    `From - ${DATE} +0100\nSubject: 3\n\n\n\nFrom now on, without a date\n\n`,
    `From b@c ${DATE}\n\n`,
    `From d@e ${DATE}\nno field\nSubject: none\n\n`,
    `From f@g ${DATE}\nSubject: 6`,
  ].join('');
  t.strictSame(fields(box), ['Subject=1', 'Subject=2|X-Y=z', 'Subject=3', '', '', 'Subject=6']);
  const all = split(box);
  t.strictSame(
    all.map((one) => one.number),
    [1, 2, 3, 4, 5, 6],
  );
  t.strictSame(
    all.map((one) => one.fromLine?.split(' ')[1]),
    ['alice@partner.example', 'MAILER-DAEMON', '-', 'b@c', 'd@e', 'f@g'],
  );
  for (const one of all) {
    t.equal(box.slice(0, one.offset).endsWith(`${one.fromLine}\n`), true, 'offset is behind the From_ line');
  }
  t.match(box.slice(all[1]!.bodyOffset), /^\nFrom here on/);
  t.match(box.slice(all[4]!.bodyOffset), /^no field\n/);
  t.strictSame(
    split(box.replace(/\n/g, '\r\n')).map((one) => one.headers),
    all.map((one) => one.headers),
    'CRLF',
  );
  t.end();
});

t.test('the way of cutting never matters', (t) => {
  const g = generator();
  const pieces = [
    'From a@b Sun Nov 22 18:47:31 2026\n',
    '\n',
    '\r\n',
    'A: 1\n',
    ' fold\n',
    '\tfold\r\n',
    'no field\n',
    '>From x\n',
    'B : \xff',
    '\r',
    'x'.repeat(600),
    ':',
  ];
  for (let round = 0; round < 2000; round++) {
    let text = g.integer(2) === 0 ? pieces[0]! : '';
    for (let i = g.integer(25); i > 0; i--) text += g.pick(pieces);
    const whole = JSON.stringify(split(text));
    const cuts = Array.from({ length: g.integer(12) }, () => g.integer(text.length + 1)).sort(
      (a, b) => a - b,
    );
    if (JSON.stringify(split(text, cuts)) !== whole) t.fail(`seed ${g.seed}, round ${round}: cut at ${cuts}`);
    if (
      round % 20 === 0 &&
      JSON.stringify(
        split(
          text,
          [...text].map((_, i) => i),
        ),
      ) !== whole
    )
      t.fail(`seed ${g.seed}, round ${round}: every byte`);
  }
  t.pass('2000 files');
  t.end();
});

t.test('limits', (t) => {
  const big = split(`A: 1\nB: ${'x'.repeat(MAX_HEADER_BYTES)}\nC: 3\n\n`);
  t.strictSame(
    big.map((one) => [one.headers.length, one.cut]),
    [[1, true]],
  );
  const many = split(`${'A: 1234567890\n'.repeat(200_000)}\n`)[0]!;
  t.equal(many.cut, true);
  t.equal(many.headers.length, Math.floor(MAX_HEADER_BYTES / 14));
  const near = split(`A: ${'x'.repeat(100_000)}\nB: 2\n\n`)[0]!;
  t.strictSame(
    [near.cut, near.headers.length, near.headers[0]?.value.length],
    [false, 2, 100_000],
    'a line of 100 kB',
  );
  const box = split(
    `From a ${DATE}\nB: ${'x'.repeat(2 * MAX_HEADER_BYTES)}\n\nbody\n\nFrom b ${DATE}\nC: 3\n\n`,
  );
  t.strictSame(
    box.map((one) => [one.cut, one.headers.length]),
    [
      [true, 0],
      [false, 1],
    ],
    'the next message is found',
  );
  t.end();
});

t.test('a body costs no memory', (t) => {
  const splitter = new MessageSplitter();
  const chunk = Buffer.alloc(65_536, 'x');
  const lines = Buffer.from('some line of text\n'.repeat(3640));
  splitter.push(Buffer.from(`From a ${DATE}\nA: 1\n\n`));
  globalThis.gc?.();
  const before = process.memoryUsage();
  // 64 MB in one line, 64 MB in many
  for (let i = 0; i < 1000; i++) splitter.push(chunk);
  for (let i = 0; i < 1000; i++) splitter.push(lines);
  const after = process.memoryUsage();
  const grown =
    after.heapUsed +
    after.external +
    after.arrayBuffers -
    before.heapUsed -
    before.external -
    before.arrayBuffers;
  t.ok(grown < 48_000_000, `128 MB of body, ${Math.round(grown / 1e6)} MB more in use`);
  t.equal(
    splitter.push(Buffer.from(`\n\nFrom b ${DATE}\nB: 2\n\n`)).length,
    1,
    'and the next message is found',
  );
  t.end();
});
