import { test } from 'tap';
import {
  type Checkpoint,
  formatCheckpoint,
  keyNameOf,
  originOf,
  parseCheckpoint,
} from '../../src/evidence/checkpoint.ts';
import { Frontier, leafHash } from '../../src/evidence/merkle.ts';

const ORIGIN = originOf(keyNameOf('mx.example.org', 'daemon'), '2026-11-30');

function checkpointOf(lines: readonly string[]): Checkpoint {
  const frontier = new Frontier();
  for (const line of lines) frontier.add(leafHash(line));
  const bytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
  return { origin: ORIGIN, size: lines.length, root: frontier.root(), bytes, frontier: frontier.hashes() };
}

test('there and back', async (t) => {
  t.equal(ORIGIN, 'tlsward/mx.example.org/daemon/2026-11-30');
  for (const count of [0, 1, 2, 3, 7, 8, 100]) {
    const checkpoint = checkpointOf(Array.from({ length: count }, (_, i) => `{"v":1,"n":${i}}`));
    t.same(parseCheckpoint(formatCheckpoint(checkpoint)), checkpoint, `${count}`);
  }
  // one line of no bytes: the first root of the Certificate Transparency reference trees
  t.equal(
    formatCheckpoint(checkpointOf([''])),
    `${ORIGIN}\n1\nbjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=\nbytes 1\n` +
      'frontier bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=\n',
  );
});

test('what is not a checkpoint', async (t) => {
  const text = formatCheckpoint(checkpointOf(['a', 'b', 'c']));
  const bad = [
    '',
    'a\n3\n',
    text.slice(0, -1),
    `${text}more\n`,
    text.replace('\n3\n', '\n03\n'),
    text.replace('\n3\n', '\n4\n'),
    text.replace('\n3\n', '\n3.0\n'),
    text.replace('\n3\n', '\n-3\n'),
    text.replace('bytes 6', 'bytes 6 '),
    text.replace('bytes 6', 'bytes'),
    text.replace('bytes 6', 'bytes 99999999999999999'),
    text.replace('frontier', 'Frontier'),
    text.replace(/ [^ ]+\n$/, '\n'),
    text.replace(/frontier.*/, `frontier${' AAAA'.repeat(2)}`),
    text.replace(/(frontier) (\S+) (\S+)/, '$1 $3 $2'),
    text.replace(ORIGIN, ''),
    formatCheckpoint({ ...checkpointOf(['a', 'b', 'c']), root: checkpointOf(['a']).root }),
  ];
  for (const one of bad) t.equal(parseCheckpoint(one), null, JSON.stringify(one));
});
