/** One look at the queue. */
import { readFileSync } from 'node:fs';
import { test } from 'tap';
import { Gathering } from '../../src/notices/gather.ts';
import { MailqReader } from '../../src/queue/mailqText.ts';
import type { QueuedMessage } from '../../src/queue/queued.ts';
import { root } from '../root.ts';

const NOW = Date.parse('2026-11-30T12:00:00Z');
const MINUTE = 60_000;
const reason = 'TLS is required, but was not offered by host mx.bank.example[192.0.2.1]';

function message(
  id: string,
  minutes: number,
  sender = 'alice@our.example',
  more: Partial<QueuedMessage> = {},
): QueuedMessage {
  return {
    ...{ id, state: 'deferred', arrived: NOW - minutes * MINUTE, sender, moreRecipients: 0 },
    recipients: [{ address: 'b@bank.example', reason }],
    ...more,
  };
}
function look(messages: readonly QueuedMessage[], told: readonly string[] = [], sendmail = false): Gathering {
  const gathering = new Gathering({
    domains: ['our.example'],
    afterMs: 30 * MINUTE,
    now: NOW,
    demandOf: () => ({ level: 'encrypt', pattern: 'bank.example', at: '', byRule: false, exception: false }),
    isTold: (key) => told.some((id) => key.startsWith(id)),
  });
  for (const one of messages) gathering.add(one, sendmail);
  return gathering;
}

test('who is owed what', async (t) => {
  const gathering = look([
    message('A1', 40),
    message('A2', 29),
    message('A3', 90),
    message('B1', 60, 'bob@our.example'),
    message('C1', 60, ''),
    message('D1', 60, 'x@other.example'),
    message('E1', 60, 'owner-x@our.example'),
    message('F1', 60, 'a b@our.example'),
    message('G1', 60, 'alice@our.example', {
      recipients: [{ address: 'c@x.example', reason: 'greylisted' }],
    }),
  ]);
  t.same(
    gathering.owed.map(({ author, messages }) => [author.address, messages.map(({ id }) => id)]),
    [
      ['alice@our.example', ['A3', 'A1']],
      ['bob@our.example', ['B1']],
    ],
  );
  t.same(gathering.leftOut, { foreign: 1, machine: 1, unreadable: 1, beyond: 0 });
});

test('messages of which somebody was told', async (t) => {
  const queue = [
    message('A1', 40),
    message('A2', 40, undefined, { state: 'active', recipients: [] }),
    message('A3', 40),
  ];
  const gathering = look(queue, ['A1', 'A2', 'A9']);
  t.equal(gathering.present.size, 2, 'whatever their state');
  t.same(
    gathering.owed.map(({ messages }) => messages.map(({ id }) => id)),
    [['A3']],
  );
});

test('of many messages the oldest are listed', async (t) => {
  const many = Array.from({ length: 3000 }, (_, i) => message(`A${i}`, 40 + ((i * 7) % 3000)));
  const { owed, leftOut } = look(many);
  t.equal(owed[0]?.keys.length, 2000);
  t.equal(leftOut.beyond, 1000);
  t.equal(owed[0]?.messages.length, 20);
  const ages = owed[0]!.messages.map(({ arrived }) => arrived);
  t.same(ages, [...ages].sort());
  const authors = Array.from({ length: 25_000 }, (_, i) => message(`A${i}`, 40, `u${i}@our.example`));
  t.equal(look(authors).owed.length, 20_000);
});

test('what a real Sendmail printed', async (t) => {
  const reader = new MailqReader(NOW);
  const lines = readFileSync(new URL('test/queue/mailq-v.txt', root), 'utf8').split('\n');
  const found = [...lines.map((line) => reader.push(line)), reader.end()].filter((one) => one !== null);
  const old = found.map((one) => ({ ...one, arrived: NOW - 40 * MINUTE }));
  const { owed } = look(old, [], true);
  t.same(
    owed.map(({ author }) => author.address),
    ['alice@our.example'],
  );
  t.ok(owed[0]!.keys.length > 5, `${owed[0]!.keys.length} of ${found.length} messages wait for want of TLS`);
  t.match(
    owed[0]!.messages.find(({ id }) => id === '6AU6J9uD030872'),
    { key: '6AU6J9uD030872', recipients: [{ address: 'u@long.example', cause: 'encryption too weak' }] },
  );
});

test('what mailq of Sendmail may have cut', async (t) => {
  const long = `alice@${'x'.repeat(60)}.our.example`.slice(-78);
  const gathering = look([message('A1', 40, long)], [], true);
  t.same([gathering.owed, gathering.leftOut.unreadable], [[], 1]);
});
