import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { MAX_LINE_BYTES } from '../../src/archive/layout.ts';
import { chunksOf, EndlessLineError, linesOf } from '../../src/archive/readDay.ts';

function read(file: string, from?: number): { lines: string[]; rest: number } {
  const lines: string[] = [];
  const source = linesOf(file, from);
  for (let next = source.next(); ; next = source.next()) {
    if (next.done === true) return { lines, rest: next.value };
    lines.push(Buffer.from(next.value).toString('latin1'));
  }
}

test('lines of every length, across chunks', async (t) => {
  const file = join(t.testdir(), 'day');
  const lines: string[] = [];
  for (let i = 0, total = 0; total < 3 << 20; i++) {
    const length = [i, 0, MAX_LINE_BYTES, 500, 1, MAX_LINE_BYTES - 1][i % 6]! % (MAX_LINE_BYTES + 1);
    lines.push(String.fromCharCode(97 + (i % 26)).repeat(length));
    total += length + 1;
  }
  writeFileSync(file, `${lines.join('\n')}\n`);
  const found = read(file);
  t.equal(found.rest, 0);
  t.equal(found.lines.length, lines.length);
  t.equal(found.lines.join('\n') === lines.join('\n'), true);
  const from = lines[0]!.length + 1 + lines[1]!.length + 1;
  t.equal(read(file, from).lines.length, lines.length - 2);
  let offset = 0;
  for (const chunk of chunksOf(file)) {
    t.equal(chunk.offset, offset);
    t.equal(chunk.bytes[chunk.end - 1], 10);
    offset += chunk.end - chunk.start;
  }
  t.equal(offset, lines.join('\n').length + 1);
});

test('what follows the last LF', async (t) => {
  const file = join(t.testdir(), 'day');
  const good = (text: string, lines: string[], rest: number): void => {
    writeFileSync(file, text);
    t.same(read(file), { lines, rest }, JSON.stringify(text.slice(0, 20)));
  };
  good('', [], 0);
  good('a', [], 1);
  good('\n', [''], 0);
  good('a\n\nb\ncd', ['a', '', 'b'], 2);
  good('x'.repeat(MAX_LINE_BYTES), [], MAX_LINE_BYTES);
});

test('a line without end', async (t) => {
  const file = join(t.testdir(), 'day');
  for (const end of ['x', '\n', 'x'.repeat(3 << 20)]) {
    writeFileSync(file, `a\n${'x'.repeat(MAX_LINE_BYTES + 1)}${end}`);
    const source = linesOf(file);
    t.equal(Buffer.from(source.next().value as Uint8Array).toString(), 'a');
    t.throws(() => source.next(), new EndlessLineError(file, 2));
  }
});

test('links, folders and what is missing', async (t) => {
  const directory = t.testdir({ day: 'a\n' });
  symlinkSync(join(directory, 'day'), join(directory, 'link'));
  mkdirSync(join(directory, 'folder'));
  t.throws(() => read(join(directory, 'link')), { code: 'ELOOP' });
  t.throws(() => read(join(directory, 'folder')), { code: 'EINVAL' });
  t.throws(() => read(join(directory, 'none')), { code: 'ENOENT' });
});

test('the file is closed when no more lines are wanted', async (t) => {
  const file = join(t.testdir(), 'day');
  writeFileSync(file, 'a\nb\n');
  const open = (): number => readdirSync('/proc/self/fd').length;
  const before = open();
  for (let i = 0; i < 50; i++) {
    for (const line of linesOf(file)) if (line.length > 0) break;
    for (const chunk of chunksOf(file)) if (chunk.end > 0) break;
  }
  t.ok(open() < before + 10, `${before} files open, then ${open()}`);
});
