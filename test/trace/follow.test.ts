/** Limits of what is followed; the passages themselves are in test/cli/trace.test.ts. */
import { join } from 'node:path';
import t from 'tap';
import { parseAsked } from '../../src/trace/asked.ts';
import { follow } from '../../src/trace/follow.ts';
import { Evidence, openPlace } from '../../src/trace/places.ts';
import { delivery, MadeEvidence, message, newFolder } from './madeDays.ts';

const DAY = '2026-11-20';
const RANGE = { from: DAY, to: DAY };

t.test('records in memory are limited, and the newest are shown', async (t) => {
  const made = new MadeEvidence(join(newFolder(t), 'evidence'), 'mx.example.org', 'full');
  const time = (i: number): string => new Date(Date.parse(DAY) + i * 1000).toISOString();
  const many = Array.from({ length: 100 }, (_, i) => i);
  made.day('collector', DAY, [
    ...many.map((i) => message(time(i), { queueId: `4M${i}`, messageId: `<${i}@bank.example>` })),
    ...many.map((i) => delivery(time(i + 1), { queueId: `4M${i}` })),
  ]);
  const evidence = new Evidence([openPlace(made.directory)], '2026-11-30');
  const asked = parseAsked('alice@bank.example', '')!;
  const all = follow(evidence, asked, RANGE);
  t.same([all.passages.length, all.more, all.cut], [20, 160, false]);
  t.equal(all.passages.at(-1)?.lives[0]?.queueId, '4M99');
  t.equal(all.passages[0]?.lives[0]?.queueId, '4M80');
  const few = follow(evidence, asked, RANGE, { seeds: 10, records: 50_000 });
  t.ok(few.passages.length <= 10);
  t.equal(few.passages.at(-1)?.lives[0]?.queueId, '4M99');
  const cut = follow(evidence, parseAsked('<5@bank.example>', '')!, RANGE, { seeds: 100, records: 1 });
  t.equal(cut.cut, true);
  t.equal(follow(evidence, parseAsked('4NONE', '')!, RANGE).passages.length, 0);
});

t.test('what may be asked', async (t) => {
  for (const text of ['', ' ', '@bank.example', '<>', '<@bank.example>', `${'a'.repeat(2100)}@bank.example`])
    t.equal(parseAsked(text, ''), null, text.slice(0, 20));
  const place = {
    directory: 'a',
    streams: [],
    keys: [{ month: '2026-11', secret: Buffer.alloc(32) }],
    keyTrouble: '',
  };
  t.match(parseAsked('<"a b"@BANK.example>', '')?.keysIn(place), [
    { kind: 'address', text: 'a b@bank.example' },
    { kind: 'messageId' },
    { kind: 'address', text: /^h:2026-11:[\w-]{16}@bank\.example$/ },
    { kind: 'messageId' },
  ]);
  const pseudonym = 'h:2026-11:AAAAAAAAAAAAAAAA@bank.example';
  t.match(parseAsked(pseudonym, '')?.keysIn(place), [{ text: pseudonym }, { text: pseudonym }]);
  t.match(parseAsked('3fq8', '3FQ8')?.keysIn(place), [
    { kind: 'queueId', text: '3fq8' },
    { kind: 'code', text: '3FQ8' },
  ]);
});
