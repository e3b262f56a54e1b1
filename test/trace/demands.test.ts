/** What the table demanded of a delivery: the last answer about the recipient's domain before it, and no other. */
import { join } from 'node:path';
import t from 'tap';
import { parseAsked } from '../../src/trace/asked.ts';
import { demandsOf } from '../../src/trace/demands.ts';
import { follow } from '../../src/trace/follow.ts';
import { Evidence, openPlace } from '../../src/trace/places.ts';
import { delivery, MadeEvidence, type MadeRecord, message, newFolder } from './madeDays.ts';

const [BEFORE, DAY, EARLIER] = ['2026-11-19', '2026-11-20', '2026-11-18'] as const;
const ID = '4XyZ1a2b3cz1';

const told = (time: string, reply: string, more: object = {}): MadeRecord => ({
  time,
  type: 'map',
  leg: 'outbound',
  map: 'deliver',
  key: 'example.org',
  status: 'OK',
  reply,
  row: { pattern: 'example.org', at: 't.ini:3' },
  table: { hash: 'ab'.repeat(32), generation: 1 },
  ...more,
});

t.test('what was told last before', async (t) => {
  const cases: readonly (readonly [what: string, MadeRecord[], string | undefined, object?])[] = [
    ['nothing', [], undefined],
    ['the day before', [told(`${BEFORE}T09:00:00.000Z`, 'OK may')], 'OK may'],
    ['two days before', [told(`${EARLIER}T09:00:00.000Z`, 'OK may')], undefined],
    [
      'the last one, and none after it',
      [
        told(`${DAY}T09:00:00.000Z`, 'OK may'),
        told(`${DAY}T10:00:00.000Z`, 'OK secure'),
        told(`${DAY}T10:20:00.000Z`, 'OK encrypt'),
      ],
      'OK secure',
    ],
    ['another domain', [told(`${DAY}T09:00:00.000Z`, 'OK may', { key: 'other.example' })], undefined],
    ['another map', [told(`${DAY}T09:00:00.000Z`, 'OK may', { map: 'deliver-verify' })], undefined],
    [
      'the map of a clone of smtp(8)',
      [told(`${DAY}T09:00:00.000Z`, 'OK secure', { map: 'deliver-verify' })],
      'OK secure',
      { agent: 'tlsward-verify/smtp' },
    ],
    [
      'the log tells itself',
      [told(`${DAY}T09:00:00.000Z`, 'OK secure')],
      undefined,
      { demanded: { level: 'secure', from: 'tls=' } },
    ],
    ['no connection', [told(`${DAY}T09:00:00.000Z`, 'OK secure')], undefined, { relay: undefined }],
  ];
  for (const [what, answers, expected, more] of cases) {
    const made = new MadeEvidence(join(newFolder(t), 'evidence'), 'mx.example.org', 'full');
    for (const day of [EARLIER, BEFORE, DAY])
      made.day(
        'daemon',
        day,
        answers.filter(({ time }) => time.startsWith(day)),
      );
    made.day('collector', DAY, [
      message(`${DAY}T10:12:13.000Z`, { queueId: ID }),
      delivery(`${DAY}T10:12:14.000Z`, {
        queueId: ID,
        recipient: '<bob@example.org>',
        recipientDomain: 'example.org',
        relay: { host: 'mx.example.org' },
        demanded: undefined,
        ...more,
      }),
    ]);
    const evidence = new Evidence([openPlace(made.directory)], '2026-11-30');
    const { passages } = follow(evidence, parseAsked(ID, '')!, { from: EARLIER, to: DAY });
    t.equal(passages.length, 1);
    const found = [...demandsOf(evidence, passages).values()].map(({ reply }) => reply);
    t.same(found, expected === undefined ? [] : [expected], what);
  }
});
