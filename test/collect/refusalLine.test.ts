/** What Postfix refused: whole lines, lines whose parts strangers chose, lines that are cut. */
import t from 'tap';
import { collected } from './collected.ts';

process.env.TZ = 'UTC';

const AT = 'Nov 22 18:47:31 mx postfix';
const CLIENT = 'unknown[192.0.2.9]';
const TAIL = 'from=<a@bank.example> to=<u@good.example> proto=ESMTP helo=<c.example>';

t.test('what was refused, to whom and why', async (t) => {
  const [made] = collected(t, [
    `${AT}/smtpd[1]: NOQUEUE: reject: RCPT from ${CLIENT}: 554 5.7.10 <u@good.example>: Recipient address rejected: Encryption needed; ${TAIL}`,
  ]);
  t.match(made, {
    type: 'refusal',
    leg: 'inbound',
    stage: 'RCPT',
    client: CLIENT,
    helo: 'c.example',
    sender: 'a@bank.example',
    recipient: 'u@good.example',
    recipientDomain: 'good.example',
    dsn: '5.7.10',
    reply: '554 5.7.10 <@good.example>: Recipient address rejected: Encryption needed',
  });
  t.match(
    collected(t, [
      `${AT}/cleanup[1]: AAAAA1: milter-reject: END-OF-MESSAGE from ${CLIENT}: 4.7.1 try later; ${TAIL}`,
      `${AT}/smtpd[1]: NOQUEUE: milter-reject: MAIL from ${CLIENT}: 550 5.7.1 no; from=<a@bank.example> proto=ESMTP helo=<c>`,
      `${AT}/smtpd[1]: NOQUEUE: reject: CONNECT from ${CLIENT}: 554 5.7.1 no`,
      `${AT}/cleanup[1]: AAAAA1: reject: header Subject: x from ${CLIENT}; ${TAIL}: 5.7.1 no`,
    ]),
    [
      { queueId: 'AAAAA1', stage: 'END-OF-MESSAGE', dsn: '4.7.1', reply: '4.7.1 try later' },
      { stage: 'MAIL', sender: 'a@bank.example', helo: 'c' },
      { stage: 'CONNECT', reply: '554 5.7.1 no' },
      { queueId: 'AAAAA1', reply: /^header Subject: x from/ },
    ],
  );
  const accepted = [
    `${AT}/smtpd[1]: NOQUEUE: hold: RCPT from ${CLIENT}: <u@good.example>: TLS; ${TAIL}`,
    `${AT}/smtpd[1]: NOQUEUE: filter: RCPT from ${CLIENT}: <u@good.example>: FILTER x:; ${TAIL}`,
    `${AT}/smtpd[1]: warning: NOQUEUE: reject: RCPT from ${CLIENT}: 554 5.7.1 x; ${TAIL}`,
  ];
  t.same(collected(t, accepted), [], 'held and filtered is not refused');
});

t.test('a local part that stands by itself', async (t) => {
  const reply = (said: string, to: string) =>
    collected(t, [
      `${AT}/smtpd[1]: NOQUEUE: reject: RCPT from ${CLIENT}: 550 5.1.1 ${said}; from=<> to=<${to}> proto=ESMTP helo=<x@c.example>`,
    ]).map((one) => 'reply' in one && 'helo' in one && [one.reply, one.helo])[0];
  t.same(reply('<alice>: User unknown in local recipient table', 'alice'), [
    '550 5.1.1 <*>: User unknown in local recipient table',
    '@c.example',
  ]);
  t.match(reply('Alice... no malice', 'alice@good.example'), ['550 5.1.1 *... no malice']);
  t.match(reply('no a b here', '"a b"@good.example'), ['550 5.1.1 no * here']);
  t.match(reply('<a>: a host', 'a'), ['550 5.1.1 <*>: a host']);
  t.match(reply('<postmaster>: no', 'postmaster'), ['550 5.1.1 <postmaster>: no']);
  t.match(reply(`${'aa'.repeat(400)} \u0130`, 'a@good.example'), [/^550 5\.1\.1 aa/]);
});

t.test('an address or a name that looks like the end of the line', async (t) => {
  const odd = '"x>: y; from=<forged@x.example> to=<f@x.example> proto=ESMTP helo=<f>"@good.example';
  const [made] = collected(t, [
    `${AT}/smtpd[1]: NOQUEUE: reject: RCPT from ${CLIENT}: 550 5.1.1 <${odd}>: unknown; from=<a@bank.example> to=<${odd}> proto=ESMTP helo=<h> to=<z@z.example>>`,
  ]);
  t.match(made, { sender: 'a@bank.example', recipientDomain: 'good.example', helo: 'h> to=<@z.example>' });
});

t.test('cut at every place', async (t) => {
  const whole = `${AT}/smtpd[1]: NOQUEUE: reject: RCPT from ${CLIENT}: 554 5.7.10 <u@good.example>: no; ${TAIL}`;
  for (let length = AT.length; length < whole.length; length++)
    for (const record of collected(t, [whole.slice(0, length)]))
      if (record.type !== 'refusal' || (record.sender !== undefined && record.sender !== 'a@bank.example'))
        t.fail(`${length}: ${JSON.stringify(record)}`);
});
