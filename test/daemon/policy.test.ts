/**
 * The daemon as the policy service sees it: several questions of one message never contradict each other, one table
 * from first to last, pins, observe mode, codes.
 */
import { test } from 'tap';
import { policyAnswers, policyRequest, startDaemon, TLS, untilClosed } from './startDaemon.ts';

const TABLE = `
[domains]
bank.example = encrypt
held.example = held
seen.example = observed
[policy held]
receive = encrypt
violation = hold
[policy observed]
receive = encrypt
mode = observe
[domain pinned.example]
receive = verify
fingerprint = ${'AB:'.repeat(31)}CD
`;

test('refusals carry a code that lookup turns back into the transaction', async (t) => {
  const { open, ask, log } = await startDaemon(t, TABLE);
  const socket = await open('policy');
  const [answer = ''] = await policyAnswers(socket, [policyRequest({ client_address: '198.51.100.7' })]);
  t.match(
    answer,
    /^530 5\.7\.0 bank\.example requires TLS .*this session is not encrypted\. \[[0-9A-Z]{8}\]$/,
  );
  const code = /\[(.*)\]$/.exec(answer)?.[1] ?? '';
  const found = await ask('lookup', code);
  t.match(found, {
    ok: true,
    verdict: {
      action: 'reject',
      client: '198.51.100.7',
      sender: 'alice@bank.example',
      row: 'bank.example',
      breach: 'plain',
    },
  });
  t.match(await ask('lookup', 'NOSUCH00'), { ok: false });
  const lines = log().filter((line) => line.event === 'tx.verdict');
  t.equal(lines.length, 1, 'one line a verdict');
  t.match(lines[0], { code, action: 'reject', reply: answer });
  socket.destroy();
});

test('TLS, no row, and loopback are answered DUNNO, never OK', async (t) => {
  const { open } = await startDaemon(t, TABLE);
  const socket = await open('policy');
  const answers = await policyAnswers(socket, [
    policyRequest(TLS),
    policyRequest({ sender: 'x@nowhere.example', recipient: 'y@nowhere.example' }),
    policyRequest({ client_address: '127.0.0.1' }),
    policyRequest({ protocol_state: 'CONNECT', sender: '', recipient: '' }),
    policyRequest({ protocol_state: 'VRFY' }),
  ]);
  t.same(answers, ['DUNNO', 'DUNNO', 'DUNNO', 'DUNNO', 'DUNNO']);
  socket.destroy();
});

test('an unknown TLS state defers with the cure, also where a row would only tag', async (t) => {
  const { open } = await startDaemon(
    t,
    `${TABLE}[domain tagged.example]\nreceive = encrypt\nviolation = tag\n`,
  );
  const socket = await open('policy');
  const untold = {
    encryption_protocol: undefined,
    encryption_cipher: undefined,
    encryption_keysize: undefined,
  };
  const [bank = '', tagged = ''] = await policyAnswers(socket, [
    policyRequest(untold),
    policyRequest({ ...untold, sender: 'a@tagged.example' }),
  ]);
  t.match(bank, /^451 4\.3\.5 .*built without TLS/);
  t.match(tagged, /^451 4\.3\.5 /);
  socket.destroy();
});

test('hold, and observe mode that only says what it would do', async (t) => {
  const { open, log } = await startDaemon(t, TABLE);
  const socket = await open('policy');
  const [held = '', seen = ''] = await policyAnswers(socket, [
    policyRequest({ sender: 'a@held.example' }),
    policyRequest({ sender: 'a@seen.example' }),
  ]);
  t.match(held, /^HOLD tlsward: sender a@held\.example: row "held\.example".*not encrypted/);
  t.equal(seen, 'DUNNO');
  t.match(
    log().find((line) => line.sender === 'a@seen.example'),
    { action: 'accept', would: 'reject', reply: /^530 5\.7\.0 seen\.example/ },
  );
  socket.destroy();
});

test('DATA and END-OF-MESSAGE with several recipients agree with what was said at RCPT', async (t) => {
  const { open } = await startDaemon(t, TABLE);
  const socket = await open('policy');
  const plain = { sender: 'x@nowhere.example' };
  const several = { ...plain, recipient: '', recipient_count: '2', queue_id: 'Q' };
  const answers = await policyAnswers(socket, [
    policyRequest({ ...plain, protocol_state: 'MAIL', recipient: '' }),
    policyRequest({ ...plain, recipient: 'one@our.example' }),
    policyRequest({ ...plain, recipient: 'two@bank.example' }),
    policyRequest({ ...plain, recipient: 'three@our.example' }),
    policyRequest({ ...several, protocol_state: 'DATA' }),
    policyRequest({ ...several, protocol_state: 'END-OF-MESSAGE' }),
  ]);
  t.same(
    answers.map((answer) => answer.split(' ')[0]),
    ['DUNNO', 'DUNNO', '530', 'DUNNO', 'DUNNO', 'DUNNO'],
  );
  socket.destroy();
});

test('recipients that passed RCPT without us are judged at DATA by their number', async (t) => {
  const { open } = await startDaemon(t, TABLE);
  const socket = await open('policy');
  const plain = { sender: 'x@nowhere.example', instance: 'c.1' };
  const data = { ...plain, recipient: '', protocol_state: 'DATA' };
  const answers = await policyAnswers(socket, [
    policyRequest({ ...plain, recipient: 'one@our.example' }),
    policyRequest({ ...plain, recipient: 'one@our.example' }),
    policyRequest({ ...data, recipient_count: '2' }),
    policyRequest({ ...data, recipient_count: '3' }),
    policyRequest({ ...data, ...TLS, recipient_count: '3' }),
  ]);
  t.same(answers.slice(0, 3), ['DUNNO', 'DUNNO', 'DUNNO'], 'one twice is two');
  t.match(
    answers[3],
    /^451 4\.3\.5 .*passed RCPT unasked, perhaps bare <postmaster>: list check_policy_service first in .* nowhere else.*\[[0-9A-Z]{8}\]$/,
    'the third may be a bank',
  );
  socket.destroy();
});

test('several recipients that were never shown are deferred when one might need TLS', async (t) => {
  const { open } = await startDaemon(t, TABLE);
  const socket = await open('policy');
  const unseen = {
    sender: 'x@nowhere.example',
    recipient: '',
    recipient_count: '2',
    protocol_state: 'DATA',
    instance: '9.9.9',
  };
  const answers = await policyAnswers(socket, [policyRequest(unseen)]);
  t.match(answers[0], /^451 4\.3\.5 .*list check_policy_service in smtpd_recipient_restrictions/);
  socket.destroy();
});

test('one message is decided by one table, also when a reload comes between its questions', async (t) => {
  const { open, ask, write } = await startDaemon(t, TABLE);
  const socket = await open('policy');
  const first = { sender: 'x@nowhere.example', recipient: 'one@our.example', instance: 'a.1' };
  t.same(await policyAnswers(socket, [policyRequest(first)]), ['DUNNO']);
  write(`${TABLE}[domain our.example]\nreceive = encrypt\n`);
  t.match(await ask('reload'), { ok: true, generation: 2, changes: { added: 1 } });
  const answers = await policyAnswers(socket, [
    policyRequest({ ...first, recipient: 'two@our.example' }),
    policyRequest({ ...first, recipient: '', recipient_count: '2', protocol_state: 'DATA' }),
    policyRequest({ ...first, instance: 'a.2' }),
  ]);
  t.same(answers.slice(0, 2), ['DUNNO', 'DUNNO']);
  t.match(answers[2], /^530 5\.7\.0 our\.example requires TLS/);
  socket.destroy();
});

test('a pin is met by the certificate digest or the public key digest', async (t) => {
  const { open } = await startDaemon(t, TABLE);
  const socket = await open('policy');
  const pin = `${'AB:'.repeat(31)}CD`;
  const from = { ...TLS, sender: 'a@pinned.example' };
  const answers = await policyAnswers(socket, [
    policyRequest({ ...from, ccert_fingerprint: pin }),
    policyRequest({ ...from, ccert_fingerprint: 'AA', ccert_pubkey_fingerprint: pin }),
    policyRequest({ ...from, ccert_fingerprint: 'AA' }),
    policyRequest(from),
  ]);
  t.same(answers.slice(0, 2), ['DUNNO', 'DUNNO']);
  t.match(answers[2], /^550 5\.7\.5 .*could not be verified/);
  t.match(answers[3], /^550 5\.7\.5 .*no client certificate was presented/);
  socket.destroy();
});

test('a reload with mistakes names them all and the old table stays', async (t) => {
  const { open, ask, write, log } = await startDaemon(t, TABLE);
  write('[domains]\nbank.example = encrpyt\nbad..example = may\n');
  const reply = await ask('reload');
  t.match(reply, { ok: false });
  t.match(
    (reply.problems as { text: string }[]).map(({ text }) => text).join('\n'),
    /encrpyt.*did you mean encrypt[\s\S]*bad\.\.example/,
  );
  t.match(
    log().find((line) => line.event === 'config.rejected'),
    { count: 2 },
  );
  const socket = await open('policy');
  t.match((await policyAnswers(socket, [policyRequest()]))[0], /^530 /);
  t.match(await ask('status'), { table: { generation: 1, lastReload: /refused .* 2 mistakes/ } });
  socket.destroy();
});

test('settings that need a restart are named by a reload', async (t) => {
  const { ask, write } = await startDaemon(t, TABLE);
  write(`socket-mode = 0600\n${TABLE}`);
  t.match(await ask('reload'), { ok: true, restartNeeded: ['socket-mode'] });
  write(`max-recipients = 20\nmax-connections = 20\n${TABLE}`);
  t.strictSame((await ask('reload')).restartNeeded, ['max-recipients']);
});

test('stop ends idle connections and removes the sockets', async (t) => {
  const { open, service, folder } = await startDaemon(t, TABLE);
  const socket = await open('policy');
  await policyAnswers(socket, [policyRequest()]);
  const closed = untilClosed(socket);
  t.equal(await service.stop(5), 0);
  await closed;
  const { existsSync } = await import('node:fs');
  t.notOk(existsSync(`${folder}/policy.sock`));
});
