/** Log lines leave in batches: by size, by time, and all at once at the end. */
import { once } from 'node:events';
import { test } from 'tap';
import { Batch } from '../../src/log/batch.ts';

/** A destination that keeps what it is given. */
function sink() {
  const written: string[] = [];
  let flushed = 0;
  return {
    written,
    flushes: () => flushed,
    write: (text: string) => void written.push(text),
    flushSync: () => void flushed++,
  };
}

test('lines are held until there are enough of them', async (t) => {
  const out = sink();
  const batch = new Batch(out);
  const line = `${'x'.repeat(1023)}\n`;
  for (let i = 0; i < 63; i++) batch.write(line);
  t.same(out.written, []);
  batch.write(line);
  t.same(out.written, [line.repeat(64)], 'one piece, in order');
  batch.write('a\n');
  batch.write('b\n');
  batch.flushSync();
  t.same(out.written.slice(1), ['a\nb\n']);
  t.equal(out.flushes(), 1, 'and what is below is flushed too');
  batch.flushSync();
  t.equal(out.written.length, 2, 'nothing twice');
});

test('a line that came alone leaves soon', async (t) => {
  const out = sink();
  const left = new EventTarget();
  const batch = new Batch({
    write: (text: string) => {
      out.write(text);
      left.dispatchEvent(new Event('left'));
    },
  });
  batch.write('alone\n');
  const waiting = setTimeout(() => t.fail('still held after five seconds'), 5000);
  await once(left, 'left');
  clearTimeout(waiting);
  t.same(out.written, ['alone\n']);
});
