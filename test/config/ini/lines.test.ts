import { Buffer } from 'node:buffer';
import { parse } from 'ini';
import t from 'tap';
import { decodeIniText } from '../../../src/config/ini/iniText.ts';
import { MAX_LINE_BYTES } from '../../../src/config/ini/limits.ts';
import { estimateRows, type LineHandler, walkLines } from '../../../src/config/ini/lines.ts';
import { Invalid } from '../../../src/config/ini/problem.ts';
import { RowScanner } from '../../../src/config/ini/rowScanner.ts';
import { canonicalDomain } from '../../../src/core/domain.ts';
import { newSeed, Random } from '../configFixture.ts';

/** Everything a walk says, one text for each call, in order. */
function walk(content: string | Uint8Array, rowSections: readonly string[] = []): string[] {
  const said: string[] = [];
  const handler: LineHandler = {
    header(raw, line) {
      const name = decodeIniText(raw);
      said.push(`${line} [${name instanceof Invalid ? '?' : name}]`);
      return rowSections.includes(raw);
    },
    entry: (key, value, line) => said.push(`${line} ${key}=${value}`),
    row(bytes, plain, line) {
      const text = (from: number, to: number) => Buffer.from(bytes.subarray(from, to)).toString('latin1');
      said.push(
        `${line} ${text(plain.nameStart, plain.nameEnd)}=${text(plain.wordStart, plain.wordEnd)} plain`,
      );
    },
    wrong: (line, wrong) => said.push(`${line} wrong: ${wrong.found}`),
    notice: (line, text) => said.push(`${line} notice: ${text}`),
  };
  walkLines(typeof content === 'string' ? Buffer.from(content) : content, handler);
  return said;
}

t.test('halves', (t) => {
  const good = (raw: string, want: string) => t.equal(decodeIniText(raw), want, raw);
  const bad = (raw: string, found: RegExp) => {
    const value = decodeIniText(raw);
    t.ok(value instanceof Invalid && found.test(value.found), raw);
  };
  good('  a b \t', 'a b');
  good('', '');
  good('a ; comment', 'a');
  good('a#b', 'a');
  good('a\\;b\\#c', 'a;b#c');
  good('a\\,b', 'a\\,b');
  good('"a;b # c"', 'a;b # c');
  good("'a;b'", 'a;b');
  good('"\\u00fc"', 'ü');
  good('true', 'true');
  good('null', 'null');
  good('"1"', '1');
  good('1', '1');
  bad("'1'", /not text/);
  bad("'true'", /not text/);
  bad('\'{"a":1}\'', /not text/);
  bad("'[1]'", /not text/);
  bad('"a\\qb"', /a\\u\{5c\}qb/);
  bad('"', /"""/);
  bad('"a" ; comment', /a comment after a quoted value/);
  bad('"a\\nb"', /"a\\u\{a\}b"/);
  t.end();
});

t.test('lines', (t) => {
  const good = (content: string | Uint8Array, ...want: string[]) =>
    t.strictSame(walk(content, ['domains']), want, JSON.stringify(String(content).slice(0, 60)));
  good('');
  good('\n\n; a comment\n  # another = one\n');
  good('[a]\nb = c', '1 [a]', '2 b=c');
  good('\ufeff[a]\r\nb = c\r\n', '1 [a]', '2 b=c');
  good('[policy x] ; why\nb=c=d ; e', '1 [policy x]', '2 b=c=d');
  good('  [a]\t\n\tb\t=\tc\t', '1 [a]', '2 b=c');
  good('[domain [192.0.2.1]]\n', '1 [domain [192.0.2.1]]');
  good('[domain [relay.example]:587]\n', '1 [domain [relay.example]:587]');
  good('[domains]\n[192.0.2.1] = may\n[x]:25=may', '1 [domains]', '2 [192.0.2.1]=may', '3 [x]:25=may');
  good('[a]\n"b;c" = d\n', '1 [a]', '2 b;c=d');
  good('[a]\nb =\n', '1 [a]', '2 b=');
  good('b = c # d', '1 b=c');
  good('b = c#d', '1 notice: "#d" is read as a comment; quote the value if it belongs to it', '1 b=c');
  // fast rows, and rows that need a closer look
  good('[domains]\na.example = may\n', '1 [domains]', '2 a.example=may plain');
  good('[domains]\r\n.x.a.example\t=\tmay\t; c\r\n', '1 [domains]', '2 .x.a.example=may plain');
  good('[domains]\na.example=may', '1 [domains]', '2 a.example=may plain');
  good('[domains]\n.example = may', '1 [domains]', '2 .example=may');
  good('[domains]\nA.example = may', '1 [domains]', '2 A.example=may');
  good('[domains]\na.example = "may"', '1 [domains]', '2 a.example=may');
  good('[domains]\na.example = may be', '1 [domains]', '2 a.example=may be');
  good('[domains]\n[a]\na.example = may\n', '1 [domains]', '2 [a]', '3 a.example=may');
  // mistakes
  good('b', '1 wrong: "b"');
  good('= b', '1 wrong: nothing before "="');
  good('a ; b = c', '1 wrong: a comment before "=" in "a ; b = c"');
  good('[a\nb = c', '1 [a]', '1 wrong: "[a"', '2 b=c');
  good('[a] b\nc = d', '1 [a]', '1 wrong: "[a] b"', '2 c=d');
  good('a = b\rc = d\n', '1 wrong: a carriage return inside the line');
  good('[domains]\na.example = may ; b\rc\n', '1 [domains]', '2 wrong: a carriage return inside the line');
  good('a = b\0\n', '1 wrong: a NUL byte');
  good('\n\na = \0\n', '3 wrong: a NUL byte');
  good(Buffer.from('\ufeff[a]\n', 'utf16le'), '1 wrong: a NUL byte');
  good(
    Buffer.from('[a]\nb = \xff\nc = d\n', 'latin1'),
    '1 [a]',
    '2 wrong: bytes that are not UTF-8',
    '3 c=d',
  );
  good(
    Buffer.from('[domains]\na.example = may ; \xff\nb.example = may\n', 'latin1'),
    '1 [domains]',
    '2 wrong: bytes that are not UTF-8',
    '3 b.example=may',
  );
  good('a = b\x1b[31m', '1 wrong: "\\u{1b}", an invisible character');
  good('a = b\u202ec', '1 wrong: "\\u{202e}", an invisible character');
  const long = 'x'.repeat(MAX_LINE_BYTES + 1);
  good(`; ${long}\na = b`, `1 wrong: a line of ${long.length + 2} bytes`, '2 a=b');
  good(
    `[domains]\na.example = may ;${long}\nb.example = may`,
    '1 [domains]',
    `2 wrong: a line of ${long.length + 17} bytes`,
    '3 b.example=may plain',
  );
  t.end();
});

t.test('estimate of rows', (t) => {
  t.equal(estimateRows(new Uint8Array(0)), 0);
  const rows = Buffer.from('domain-of-some-length.example = encrypt\n'.repeat(50_000));
  const guess = estimateRows(rows);
  t.ok(guess >= 50_000 && guess < 60_000, `${guess}`);
  t.end();
});

/**
 * On files without what we refuse or ini loses (duplicates, dots in section names, array keys, bare words), our walk and
 * `ini.parse` say the same.
 */
t.test('agrees with ini.parse on well-formed files', (t) => {
  const random = new Random(newSeed());
  t.comment(`seed ${random.seed}`);
  const wordLetters = 'abcxyzABC019_-.@*<>+';
  const valueLetters = 'abc XYZ 019 _-.@,:/=\'"\\;#éß[]{}';
  for (let run = 0; run < 3000; run++) {
    const lines: string[] = [];
    const names = new Set<string>();
    for (let section = random.below(4); section >= 0; section--) {
      const name = random.text('abc xyz', 8, 1).trim() || 's';
      if (names.has(name)) continue;
      names.add(name);
      lines.push(`[${name}]${random.text(' \t', 2)}`);
      const keys = new Set<string>();
      for (let entry = random.below(6); entry > 0; entry--) {
        const key = random.text(wordLetters, 10, 1);
        if (keys.has(key)) continue;
        keys.add(key);
        lines.push(
          `${random.text(' \t', 2)}${key}${random.text(' ', 2)}=${random.text(' ', 2)}${random.text(valueLetters, 12)}`,
        );
        if (random.below(6) === 0) lines.push(random.pick(['', '; comment = x', '  # [comment]', '\t']));
      }
    }
    const content = lines.join(random.pick(['\n', '\r\n'])) + random.pick(['', '\n']);
    const said = walk(content).filter((text) => !text.includes(' notice: '));
    if (said.some((text) => text.includes(' wrong: '))) continue;
    const ours: Record<string, Record<string, string>> = {};
    let current: Record<string, string> = {};
    for (const text of said) {
      const [, line = ''] = /^[0-9]+ (.*)$/s.exec(text) ?? [];
      if (line.startsWith('[')) {
        current = {};
        ours[line.slice(1, -1)] = current;
      } else current[line.slice(0, line.indexOf('='))] = line.slice(line.indexOf('=') + 1);
    }
    const theirs = Object.fromEntries(
      Object.entries(parse(content)).map(([name, entries]) => [
        name,
        Object.fromEntries(Object.entries(entries as object).map(([key, value]) => [key, String(value)])),
      ]),
    );
    if (JSON.stringify(ours) !== JSON.stringify(theirs)) {
      t.strictSame(ours, theirs, JSON.stringify(content));
      break;
    }
  }
  t.pass('3000 files');
  t.end();
});

/** The fast path may know less than the careful one, never more: what it takes is canonical and reads the same. */
t.test('plain rows are what the careful path would read', (t) => {
  const random = new Random(newSeed());
  t.comment(`seed ${random.seed}`);
  const plain = new RowScanner();
  let taken = 0;
  for (let run = 0; run < 60_000; run++) {
    const name = random.text(
      random.pick(['abx.', 'ab-_.19', 'abA.é*', 'xn-.', 'a.']),
      random.pick([6, 12, 70]),
      1,
    );
    const word = random.text(random.pick(['abz', 'ab-_9', 'aB"é ']), 6);
    const blank = () => random.text(' \t', 2);
    const tail = random.pick(['', ' ; c', '\t# é', ';c', '\r', '\\;']);
    const line = `${blank()}${name}${blank()}=${blank()}${word}${blank()}${tail}`;
    const bytes = Buffer.from(`${line}\nnext = x\n`);
    if (!plain.scan(bytes, 0)) continue;
    taken++;
    const read = (from: number, to: number) => bytes.subarray(from, to).toString('latin1');
    const foundName = read(plain.nameStart, plain.nameEnd);
    const careful = walk(`[s]\n${line}\nnext = x\n`);
    const same =
      careful[1] === `2 ${foundName}=${read(plain.wordStart, plain.wordEnd)}` &&
      read(plain.next, plain.next + 4) === 'next' &&
      canonicalDomain(foundName.replace(/^\./, '')) === foundName.replace(/^\./, '');
    if (!same) {
      t.fail(JSON.stringify(line), { careful, foundName });
      break;
    }
  }
  t.ok(taken > 500, `${taken} lines taken`);
  t.end();
});

/** And it takes every ordinary row, or a big table would be slow without anyone seeing it. */
t.test('ordinary rows are plain', (t) => {
  const plain = new RowScanner();
  const takes = (line: string) => plain.scan(Buffer.from(line), 0);
  for (const name of [
    'bank.example',
    '.mail.bank.example',
    'a-b.c_d.example',
    '0.example',
    `${'a'.repeat(63)}.example`,
  ]) {
    t.ok(takes(`${name} = encrypt`), name);
  }
  const longest = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`;
  t.ok(takes(`${longest}=may\n`), 'a name of 253');
  for (const name of [
    'localhost',
    '.example',
    'a..example',
    'a.example.',
    '-a.example',
    'a-.example',
    'a.example-',
    'xn--a.example',
    'a.1',
    'a.ex_ample',
    `${'a'.repeat(64)}.example`,
    `e${longest}`,
    '*',
    '',
  ]) {
    t.notOk(takes(`${name} = encrypt`), name);
  }
  t.end();
});
