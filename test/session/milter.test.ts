/** The milter session against golden transcripts (`milter/*.txt`), whole, packet by packet, byte by byte, cut anywhere. */
import { Buffer } from 'node:buffer';
import { readdirSync } from 'node:fs';
import t from 'tap';
import { root } from '../root.ts';
import { byteByByte, cutAt } from '../wire/milterVectors.ts';
import { firstDifference } from './firstDifference.ts';
import { packetsOf, play, readTranscript } from './milterTranscript.ts';

const names = readdirSync(new URL('test/session/milter/', root)).sort();

t.test('transcripts', async (t) => {
  t.ok(names.length >= 14, `${names.length} transcripts`);
});

for (const name of names) {
  t.test(name, async (t) => {
    const lines = readTranscript(name);
    const options = name.startsWith('limits') ? { limits: { maxPacketBytes: 1000, maxRecipients: 2 } } : {};
    const packets = packetsOf(lines);
    const stream = Buffer.concat(packets);
    const difference = (pieces: Iterable<Uint8Array>, pure = false): string | null =>
      firstDifference(play(lines, pieces, { ...options, pure }), lines);
    t.equal(difference(packets, true), null, 'packet by packet');
    t.equal(difference([stream]), null, 'in one piece');
    t.equal(difference(byteByByte(stream)), null, 'byte by byte');
    const answered = lines.filter((line) => !line.startsWith('C '));
    for (const pieces of [packets, [stream], byteByByte(stream)]) {
      const found = firstDifference(play(lines, pieces, { ...options, passing: true }), answered);
      t.equal(found, null, `${pieces.length} pieces, without what is not read`);
    }
    const wrong: string[] = [];
    for (let at = 1; at < stream.length; at++) {
      const found = difference(cutAt(stream, at));
      if (found !== null) wrong.push(`cut at ${at}: ${found}`);
    }
    t.strictSame(wrong, [], `cut at each of ${stream.length} offsets`);
  });
}
