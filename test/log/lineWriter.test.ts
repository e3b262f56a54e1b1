/**
 * The log's way out: order, batches, a reader that is slow, and what is said of lines that were lost.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { LineWriter } from '../../src/log/lineWriter.ts';
import { until } from '../until.ts';

function folder(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'tlsward-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('lines come out whole and in order, in batches and at the end', async (t) => {
  const file = join(folder(t), 'log');
  const fd = openSync(file, 'w');
  const writer = new LineWriter(fd);
  const lines = Array.from({ length: 5000 }, (_, i) => `line ${i} \u2192 ${'x'.repeat(i % 90)}\n`);
  // longer than any block that lines are collected in
  lines[2500] = `${'\u2192'.repeat(100_000)}\n`;
  for (const [i, line] of lines.entries()) {
    writer.write(line);
    // now and then the batch is written before the next line, and its place is used again
    if (i % 500 === 499) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const written = (): string => readFileSync(file, 'utf8');
  for (let i = 0; i < 1200 && written().length < lines.join('').length; i++)
    await new Promise((resolve) => setTimeout(resolve, 50));
  t.equal(written(), lines.join(''), 'without being asked, after a moment');
  writer.write('last\n');
  writer.flushSync();
  t.equal(written().slice(-5), 'last\n');
  closeSync(fd);
});

test('a full pipe is waited for, and what did not fit is counted in the log', async (t) => {
  const pipe = join(folder(t), 'pipe');
  execFileSync('mkfifo', [pipe]);
  const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
  const fd = openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
  const writer = new LineWriter(fd);
  const line = `${'y'.repeat(999)}\n`;
  for (let i = 0; i < 20_000; i++) writer.write(line);
  t.ok(writer.dropped > 3000, `${writer.dropped} of 20,000 lines of 1 kB did not fit into 16 MiB`);
  const chunks: Buffer[] = [];
  for (let quiet = 0; quiet < 100; ) {
    const chunk = Buffer.alloc(65_536);
    let size = 0;
    try {
      size = readSync(reader, chunk);
    } catch {
      // nothing there just now
    }
    quiet = size === 0 ? quiet + 1 : 0;
    chunks.push(chunk.subarray(0, size));
    await new Promise((resolve) => setTimeout(resolve, size === 0 ? 10 : 0));
  }
  const got = Buffer.concat(chunks).toString('latin1').split('\n').filter(Boolean);
  const told = got.filter((one) => one.startsWith('{')).map((one) => JSON.parse(one) as { lines: number });
  const lost = told.reduce((sum, { lines }) => sum + lines, 0);
  t.equal(got.length - told.length + lost, 20_000, 'every line is there or counted');
  t.ok(
    got.every((one) => one.startsWith('{') || one.length === 999),
    'none is torn',
  );
  closeSync(fd);
  closeSync(reader);
});

test('what cannot be written is counted, and the log goes on', async (t) => {
  const full = openSync('/dev/full', 'w');
  const writer = new LineWriter(full);
  for (let i = 0; i < 3; i++) writer.write('{"lost":true}\n');
  for (let i = 0; i < 1200 && writer.dropped < 3; i++)
    await new Promise((resolve) => setTimeout(resolve, 50));
  t.equal(writer.failure, 'ENOSPC');
  t.equal(writer.dropped, 3);
  closeSync(full);
  const pipe = join(folder(t), 'pipe');
  execFileSync('mkfifo', [pipe]);
  const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
  const fd = openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
  const gone = new LineWriter(fd);
  closeSync(reader);
  gone.write('{"lost":true}\n');
  await until(() => gone.failure === 'EPIPE');
  t.throws(() => {
    gone.write('x\n');
    gone.flushSync();
  }, /EPIPE/);
  const back = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
  gone.write('{"lost":false}\n');
  let text = '';
  await until(() => {
    const chunk = Buffer.alloc(65_536);
    try {
      text += chunk.subarray(0, readSync(back, chunk)).toString();
    } catch {
      // nothing there just now
    }
    return text.includes('"lost":false') && text.includes('log.dropped') && gone.failure === '';
  });
  const got = text.trim().split('\n');
  t.same(
    got.map((line) => JSON.parse(line) as object).filter((line) => 'lost' in line),
    [{ lost: false }],
  );
  t.match(got.join('\n'), /"event":"log.dropped","lines":2/);
  closeSync(back);
  closeSync(fd);
});

test('a line that was broken off does not spoil the next', async (t) => {
  // a file that may have 100 bytes: the write that passes the limit is cut, the next one fails (EFBIG)
  const file = join(folder(t), 'log');
  const program = `
    import { LineWriter } from ${JSON.stringify(new URL('../../src/log/lineWriter.js', import.meta.url).href)};
    import { openSync, ftruncateSync, readFileSync } from 'node:fs';
    process.on('SIGXFSZ', () => {});
    const fd = openSync(${JSON.stringify(file)}, 'a');
    const writer = new LineWriter(fd);
    writer.write('x'.repeat(900) + '\\n');
    writer.write('y'.repeat(900) + '\\n');
    const when = (what, then) => (what() ? then() : setTimeout(when, 20, what, then));
    when(() => writer.failure !== '', () => {
      ftruncateSync(fd, 500);
      writer.write('{"whole":true}\\n');
      const told = () => readFileSync(${JSON.stringify(file)}, 'latin1').includes('log.dropped');
      when(told, () => process.stdout.write(String(writer.dropped)));
    });
  `;
  // sh counts in blocks of 512 bytes
  const said = execFileSync(
    '/bin/sh',
    ['-c', 'ulimit -f 2; exec "$0" --input-type=module -e "$1"', process.execPath, program],
    // what coverage writes at the end would pass the limit too
    { env: { ...process.env, NODE_OPTIONS: '', NODE_V8_COVERAGE: '' } },
  );
  t.equal(said.toString(), '2');
  t.match(readFileSync(file, 'latin1').split('\n').slice(0, 3), [/^x{500}$/, /whole/, /log\.dropped/]);
});
