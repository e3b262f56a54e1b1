/** The milter session against golden transcripts (`milter/*.txt`), whole, packet by packet, byte by byte, cut anywhere. */
import { Buffer } from 'node:buffer';
import { readdirSync } from 'node:fs';
import t from 'tap';
import { root } from '../root.ts';
import { byteByByte, cutAt } from '../wire/milterVectors.ts';
import { packetsOf, play, readTranscript } from './milterTranscript.ts';

const names = readdirSync(new URL('test/session/milter/', root)).sort();

t.ok(names.length >= 14, `${names.length} transcripts`);

for (const name of names) {
  t.test(name, async (t) => {
    const lines = readTranscript(name);
    const want = lines.join('\n');
    const options = name.startsWith('limits') ? { limits: { maxPacketBytes: 1000, maxRecipients: 2 } } : {};
    const packets = packetsOf(lines);
    const stream = Buffer.concat(packets);
    t.equal(play(lines, packets, { ...options, pure: true }).join('\n'), want, 'packet by packet');
    t.equal(play(lines, [stream], options).join('\n'), want, 'in one piece');
    t.equal(play(lines, byteByByte(stream), options).join('\n'), want, 'byte by byte');
    const wrong: number[] = [];
    for (let at = 1; at < stream.length; at++) {
      if (play(lines, cutAt(stream, at), options).join('\n') !== want) wrong.push(at);
    }
    t.strictSame(wrong, [], `cut at each of ${stream.length} offsets`);
  });
}
