/** Lines become bytes and leaves, whatever characters they have. */
import { test } from 'tap';
import { Frontier, leafHash } from '../../src/evidence/merkle.ts';
import { LineQueue } from '../../src/recorder/lineQueue.ts';

test('ASCII and other characters become UTF-8, and each line a leaf', (t) => {
  for (const lines of [['{"a":1}'], ['{"a":"b"}', '{"a":"é"}', '{"a":"\u{1f600}€"}'], ['é'], ['']]) {
    const text = lines.map((line) => `${line}\n`).join('');
    const queue = new LineQueue();
    queue.add('', 0);
    t.ok(queue.isEmpty, 'no batch without lines');
    queue.add(text, lines.length);
    t.equal(queue.bytes, Buffer.byteLength(text));
    const tree = new Frontier();
    let written = '';
    queue.writeDue(tree, (bytes, from) => {
      written = Buffer.from(bytes.subarray(from)).toString('utf8');
      return bytes.length - from;
    });
    t.equal(written, text);
    const expected = new Frontier();
    for (const line of lines) expected.add(leafHash(line));
    t.strictSame(tree.root(), expected.root());
    t.strictSame(queue.synced(), { lines: lines.length, bytes: Buffer.byteLength(text) });
  }
  t.end();
});
