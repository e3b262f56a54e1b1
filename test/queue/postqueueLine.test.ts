/** Lines of `postqueue -j`. */
import { test } from 'tap';
import { MAX_LINE, parsePostqueueLine } from '../../src/queue/postqueueLine.ts';

const LINE = {
  queue_name: 'deferred',
  queue_id: '4XyZ1a2b3cz1',
  arrival_time: 1795996800,
  message_size: 327,
  forced_expire: false,
  sender: 'a@example.org',
  recipients: [
    { address: 'b@bank.example', delay_reason: 'TLS is required, but was not offered' },
    { address: 'c@bank.example' },
  ],
};
const parse = (fields: object) => parsePostqueueLine(JSON.stringify({ ...LINE, ...fields }));

test('a message', async (t) => {
  t.same(parse({}), {
    id: '4XyZ1a2b3cz1',
    state: 'deferred',
    arrived: 1795996800000,
    sender: 'a@example.org',
    recipients: [
      { address: 'b@bank.example', reason: 'TLS is required, but was not offered' },
      { address: 'c@bank.example', reason: '' },
    ],
    moreRecipients: 0,
  });
  for (const [name, state] of [
    ['hold', 'hold'],
    ['active', 'active'],
    ['incoming', 'active'],
    ['maildrop', 'active'],
  ])
    t.equal(parse({ queue_name: name })?.state, state);
  for (const sender of ['MAILER-DAEMON', '', 5, null, `${'x'.repeat(320)}@example.org`])
    t.equal(parse({ sender })?.sender, '', 'no sender that could be told anything');
  t.equal(parse({ bounce_reason: 'x', later: [1] })?.id, '4XyZ1a2b3cz1', 'fields of later releases');
});

test('limits', async (t) => {
  const recipients = Array.from({ length: 50_001 }, () => ({
    address: 'a@b.example',
    delay_reason: 'x'.repeat(9),
  }));
  t.match(parse({ recipients }), { moreRecipients: 1 });
  t.equal(
    parse({ recipients: [{ address: 'a', delay_reason: 'x'.repeat(5000) }] })?.recipients[0]?.reason.length,
    600,
  );
  t.equal(parsePostqueueLine(`${JSON.stringify(LINE)}${' '.repeat(MAX_LINE)}`), null);
});

test('what is none', async (t) => {
  for (const fields of [
    { queue_name: 'other' },
    { queue_id: 1 },
    { arrival_time: '1' },
    { arrival_time: 1e15 },
    { recipients: null },
  ])
    t.equal(parse(fields), null, JSON.stringify(fields));
  for (const line of ['', 'x', '[]', 'null', '"a"', '{"queue_name":'])
    t.equal(parsePostqueueLine(line), null, line);
  t.same(parse({ recipients: [1, { address: 2 }, {}] })?.recipients, []);
});
