/**
 * Rules about single messages on a real Postfix, by recipient: the fragments of contrib/postfix as they are shipped, the
 * running daemon, mail routed by DNS to servers that do and do not offer TLS. What each server saw, what the author gets
 * back, and what is in the queue in between is asserted; the ways in which the simple form of this was undone when it was
 * tried (requeue, hold, several recipients, local ones, relayhost, content filter) each have a test.
 */
import t from 'tap';
import { startContentFilter } from './harness/content-filter.ts';
import { pause } from './harness/deadline.ts';
import { AUTHOR, fieldOf, messageScene, NEIGHBOUR, SECRET } from './harness/message-scene.ts';
import { freePorts } from './harness/processes.ts';
import { e2eSkip } from './harness/requirements.ts';
import { openSession } from './harness/smtp-session.ts';

t.jobs = 3; // most of the time here is waiting for Postfix
const skip = e2eSkip(['root', 'postfix', 'openssl', 'unbound', 'sasl']);
const TAGGED = '[rule secure]\nsubject-tag = [secure]\n';
const subject = '[secure] report';
const OK = { code: 250, enhanced: '2.0.0' };

t.test('a tag in the subject: under TLS, or back at once', { skip, buffered: true }, async (t) => {
  const x = await messageScene(t, { tables: `${TAGGED}help = https://mail.example.org/secure\n` });
  const { postfix } = x;

  const id = await x.accepted(t, { to: 'u@good.example', subject });
  t.equal(await x.outcome(id, 'u@good.example'), 'tlsward-encrypt 2.0.0 sent');
  const [received] = x.sink('good').messages;
  t.match(received, { recipients: ['u@good.example'], protocol: 'TLSv1.3' }, 'the server sees no suffix');
  t.equal(fieldOf(received, 'To'), 'u@good.example');
  t.equal(fieldOf(received, 'Subject'), subject);
  t.ok(received!.content!.endsWith(`\n\n${SECRET}\n`));
  t.notMatch(received!.content!.toLowerCase(), /tlsward-encrypt|x-tls-ward-route/, 'nor anything of ours');

  const plain = await x.accepted(t, { to: 'u@plain.example', subject });
  t.equal(await x.outcome(plain, 'u@plain.example'), 'tlsward-encrypt 5.7.4 bounced');
  const notice = (await x.notice()).text.replace(/\r?\n[ \t]+/g, ' ');
  t.match(
    notice,
    /This message must travel under TLS, and the mail server mx\.plain\.example does not offer it/,
  );
  t.match(notice, /^Status: 5\.7\.4$/m);
  t.match(notice, /^Action: failed$/m);
  t.match(notice, /^Original-Recipient: rfc822; ?u@plain\.example$/m, 'the address that the author wrote');
  t.match(notice, new RegExp(`^Subject: ${subject.replace(/[[\]]/g, '\\$&')}$`, 'm'));
  x.sealed(t);

  const again = await x.post({ to: 'v@plain.example', subject });
  t.match(
    again.last,
    { code: 550, enhanced: '5.7.10' },
    'the next one is refused while its author looks at it',
  );
  t.match(again.last.text, /plain\.example/);
  t.match(again.last.text, /TLS/);
  t.match(again.last.text, /https:\/\/mail\.example\.org\/secure/);
  x.sealed(t);

  const ordinary = await x.accepted(t, { to: 'u@plain.example' });
  t.equal(await x.outcome(ordinary, 'u@plain.example'), 'smtp 2.0.0 sent', 'mail without the tag as ever');
  t.match(x.got('plain'), ['u@plain.example null']);
  const elsewhere = await x.accepted(t, { to: 'u@self.example', subject });
  t.equal(
    await x.outcome(elsewhere, 'u@self.example'),
    'tlsward-encrypt 2.0.0 sent',
    'no certificate is asked for',
  );
  x.sealed(t, 'plain');
  t.strictSame(await postfix.queue(), []);
  t.strictSame(x.daemon.events('bug'), []);
});

t.test('each recipient by what it needs, local ones beside them', { skip, buffered: true }, async (t) => {
  const tables = [
    '[rule to-self]\nrecipient = self.example\ndeliver = verify\n',
    '[rule of-carol]\nsender = carol@local.example\nrecipient = good.example\ndeliver = verify\n',
    '[rule confidential]\nheader = Sensitivity: company-confidential\nrecipient = .example\n',
  ].join('');
  const x = await messageScene(t, { tables });
  const to = ['u@good.example', 'u@plain.example', 'u@self.example', NEIGHBOUR, 'dora@LOCAL.example'];
  const id = await x.accepted(t, { to, from: 'carol@local.example', subject: 'mixed' });
  const outcomes = Object.fromEntries(
    await Promise.all(to.map(async (one) => [one, await x.outcome(id, one)] as const)),
  );
  t.strictSame(outcomes, {
    'u@good.example': 'tlsward-verify 2.0.0 sent',
    'u@plain.example': 'smtp 2.0.0 sent',
    'u@self.example': 'tlsward-verify 5.7.5 bounced',
    [NEIGHBOUR]: 'virtual 2.0.0 sent',
    'dora@LOCAL.example': 'virtual 2.0.0 sent',
  });
  const [local] = await x.postfix.waitForDelivered(NEIGHBOUR);
  t.equal(local!.first('X-Original-To'), NEIGHBOUR);
  t.match(x.got('plain'), ['u@plain.example null'], 'no rule speaks of this one');
  const notice = (await x.notice(1, 'carol@local.example')).text.replace(/\r?\n[ \t]+/g, ' ');
  t.match(notice, /to a server that proves its name, and the server has/);
  t.match(notice, /^Original-Recipient: rfc822; ?u@self\.example$/m);
  t.notMatch(notice, /plain\.example>:|good\.example>:/, 'the others are not in it');

  const both = await x.accepted(t, {
    to: ['u@good.example', NEIGHBOUR],
    headers: ['Sensitivity:  Company-Confidential'],
    subject: 'header',
  });
  t.equal(await x.outcome(both, 'u@good.example'), 'tlsward-encrypt 2.0.0 sent', 'a header value');
  t.equal(await x.outcome(both, NEIGHBOUR), 'virtual 2.0.0 sent');
  x.sealed(t, 'plain');
  t.strictSame(x.daemon.events('bug'), []);
});

t.test('by login, and by REQUIRETLS', { skip, buffered: true }, async (t) => {
  const tables = '[rule alice]\nuser = alice@mx.tlsward.example\n[rule asked]\nrequiretls = yes\n';
  const x = await messageScene(t, { tables });
  const session = { tls: true, auth: { user: 'alice', password: 'secret' } } as const;
  const post = { to: 'u@good.example', listener: 'submission', subject: 'logged in' };
  const id = await x.accepted(t, { ...post, session });
  t.equal(await x.outcome(id, 'u@good.example'), 'tlsward-encrypt 2.0.0 sent');
  const other = await x.accepted(t, { to: 'u@good.example', subject: 'not logged in' });
  t.equal(await x.outcome(other, 'u@good.example'), 'smtp 2.0.0 sent');
  const asked = await x.post({ ...post, session, mailParameters: 'REQUIRETLS' });
  t.match(asked.mail, { code: 555, enhanced: '5.5.4', text: /REQUIRETLS/ }, 'this Postfix refuses it itself');
});

t.test(
  'what an author or a stranger writes does not switch it off or on',
  { skip, buffered: true },
  async (t) => {
    const tables = `${TAGGED}[rule gate]\nrecipient = never.example\ncannot = fallback\nfallback = [mx.gateway.example]\n`;
    const x = await messageScene(t, { tables });
    const id = await x.accepted(t, { to: 'u@plain.example', subject, headers: ['TLS-Required: no'] });
    t.equal(await x.outcome(id, 'u@plain.example'), 'tlsward-encrypt 5.7.4 bounced', 'TLS-Required: no');
    x.sealed(t);

    const outside = { localAddress: '127.0.0.9' };
    for (const to of [
      'u@good.example.tlsward-encrypt',
      'u@local.example.tlsward-encrypt',
      'u@good.example.gate.tlsward-fallback',
    ]) {
      const { last } = await x.post({ to, session: outside, from: 'x@other.example' });
      t.match(last, { code: 554, enhanced: '5.7.1', text: /Relay access denied/ }, `a stranger to ${to}`);
    }
    const headers = ['X-TLS-Ward-Route: fallback', 'x-tls-ward-route : encrypt'];
    const forged = await x.accepted(t, { to: ['u@plain.example', NEIGHBOUR], headers, subject: 'forged' });
    t.equal(
      await x.outcome(forged, 'u@plain.example'),
      'smtp 2.0.0 sent',
      'a route header says nothing here',
    );
    t.equal(await x.outcome(forged, NEIGHBOUR), 'virtual 2.0.0 sent');
    const [local] = await x.postfix.waitForDelivered(NEIGHBOUR);
    t.strictSame(local!.all('X-TLS-Ward-Route'), [], 'and is removed');
    t.equal(fieldOf(x.sink('plain').messages[0], 'X-TLS-Ward-Route'), null);
    t.strictSame([x.got('gateway'), x.got('good')], [[], []]);
  },
);

t.test('requeued, held and released', { skip, buffered: true }, async (t) => {
  const tables = `${TAGGED}cannot = hold\n[domains]\nnever.example = none\n`;
  const x = await messageScene(t, { tables, main: { defer_transports: 'tlsward-encrypt, smtp' } });
  const { postfix } = x;
  const to = ['u@good.example', 'u@plain.example'];
  const first = await x.accepted(t, { to, subject });
  for (const one of to) t.equal(await x.outcome(first, one), 'error 4.3.2 deferred');
  let from = postfix.logMark();
  await postfix.requeue();
  const [, second = ''] = await postfix.waitForLog(/cleanup\[\d+\]: (\w+): message-id=/, { from });
  t.not(second, first, 'a new message to Postfix, which no milter has seen');
  for (const one of to) t.equal(await x.outcome(second, one, from), 'error 4.3.2 deferred');
  await postfix.hold(second);
  await postfix.setMain({ defer_transports: null });
  from = postfix.logMark();
  await postfix.flush();
  await pause(300);
  t.equal((await postfix.queue())[0]?.queue_name, 'hold');
  x.sealed(t);
  await postfix.release(second);
  t.equal(await x.outcome(second, 'u@good.example', from), 'tlsward-encrypt 2.0.0 sent');
  t.equal(await x.outcome(second, 'u@plain.example', from), 'tlsward-encrypt 5.7.4 bounced');
  t.strictSame(x.got('good'), ['u@good.example TLSv1.3']);

  from = postfix.logMark();
  await x.accepted(t, { to: ['u@good.example', 'u@never.example'], subject });
  const held = await postfix.waitForQueue(({ queue_name }) => queue_name === 'hold');
  t.match(
    postfix.log().slice(from),
    /milter-hold: END-OF-MESSAGE/,
    'the row of one recipient forbids what it needs',
  );
  x.sealed(t);
  await postfix.release(held.queue_id);
  t.equal(
    await x.outcome(held.queue_id, 'u@good.example', from),
    'tlsward-encrypt 2.0.0 sent',
    'released by -H',
  );

  await x.accepted(t, { to: ['w@good.example', 'u@never.example'], subject });
  const again = await postfix.waitForQueue((entry) => entry.queue_name === 'hold');
  from = postfix.logMark();
  await postfix.requeue();
  await postfix.waitForLog(
    /tlsward-encrypt\/smtp\[\d+\]: \w+: to=<w@good\.example\.tlsward-encrypt>.*status=sent/,
    { from },
  );
  t.ok(again, 'released by -r');
  x.sealed(t);
});

t.test('through a relayhost', { skip, buffered: true }, async (t) => {
  const x = await messageScene(t, {
    tables: TAGGED,
    service: (hop) => ({ relayhost: hop('relay') }),
  });
  await x.postfix.setMain({ relayhost: x.hop('relay') });
  const to = ['u@good.example', 'u@plain.example', NEIGHBOUR];
  const id = await x.accepted(t, { to, subject });
  t.equal(await x.outcome(id, 'u@good.example'), 'tlsward-encrypt 2.0.0 sent');
  t.equal(await x.outcome(id, 'u@plain.example'), 'tlsward-encrypt 2.0.0 sent');
  t.equal(await x.outcome(id, NEIGHBOUR), 'virtual 2.0.0 sent');
  t.strictSame(x.got('relay'), ['u@good.example u@plain.example TLSv1.3'], 'one transaction, real addresses');
  t.strictSame([x.sink('good').connections, x.sink('plain').connections], [0, 0]);
  x.sealed(t);
});

t.test('by the next hop that Postfix would take', { skip, buffered: true }, async (t) => {
  // a gateway: the MX of backend.example is this host, and a transport table says where its server is
  const x = await messageScene(t, { tables: TAGGED, main: { relay_domains: 'backend.example' } });
  const { postfix } = x;
  const table = postfix.file(
    'transport',
    `backend.example relay:${x.hop('gateway')}\nother.example smtp:${x.hop('plain')}\n`,
  );
  const maps = `${postfix.main('transport_maps')}, texthash:${table}`;
  await postfix.setMain({ transport_maps: maps, relayhost: x.hop('relay') });
  const outside = { localAddress: '127.0.0.9' };
  const inward = await x.accepted(t, {
    to: 'u@backend.example',
    from: 'x@other.example',
    subject,
    session: outside,
  });
  t.equal(await x.outcome(inward, 'u@backend.example'), 'tlsward-encrypt 2.0.0 sent');
  t.strictSame(x.got('gateway'), ['u@backend.example TLSv1.3']);
  t.notMatch(x.sink('gateway').messages[0]!.content!, /tlsward-via/);
  const outward = await x.accepted(t, { to: 'u@good.example', subject });
  t.equal(await x.outcome(outward, 'u@good.example'), 'tlsward-encrypt 2.0.0 sent');
  t.strictSame(x.got('relay'), ['u@good.example TLSv1.3'], 'a relayhost that tlsward.ini does not name');

  const refused = await x.accepted(t, { to: 'u@other.example', subject });
  t.equal(await x.outcome(refused, 'u@other.example'), 'tlsward-encrypt 5.7.4 bounced');
  const again = await x.post({ to: 'v@other.example', subject });
  t.match(again.last, { code: 550, text: /mx\.plain\.example did not offer it/ }, 'remembered by next hop');
  x.sealed(t);

  const forged = await x.post({ to: 'u@good.example.tlsward-via.b-22.127.0.0.1.tlsward-encrypt' });
  t.match(forged.last, { code: 550, enhanced: '5.7.1', text: /names the next hop/ }, 'but authors name none');
  t.strictSame(await postfix.queue(), []);
});

t.test('addresses that need care', { skip, buffered: true }, async (t) => {
  const x = await messageScene(t, { tables: TAGGED });
  const client = await openSession(x.postfix.port('plain'));
  t.teardown(() => client.destroy());
  const text = x.text({ to: 'undisclosed', subject });
  const send = async (address: string, parameters = '') => {
    t.equal((await client.mail(AUTHOR, 'RET=HDRS ENVID=e1')).code, 250);
    t.equal((await client.rcpt(address, parameters)).code, 250, address);
    return client.data(text);
  };
  const sent = ['list+a=b@good.example', '"a b@c"@good.example', 'Bob@GOOD.Example', '"x,y"@good.example'];
  for (const address of sent) t.match(await send(address), OK, address);
  const received = await x.sink('good').waitForMessages(sent.length);
  t.strictSame(
    received.flatMap(({ recipients }) => recipients).sort(),
    [...sent].sort(),
    'as they were typed',
  );
  t.match(await send('list+a=b@plain.example', 'NOTIFY=FAILURE'), OK);
  t.match((await x.notice()).text, /^Original-Recipient: rfc822; ?list\+a=b@plain\.example$/m);
  t.match(await send('carol@good.example', 'NOTIFY=SUCCESS ORCPT=rfc822;list@far.example'), OK);
  t.match(
    (await x.notice(2)).text,
    /^Original-Recipient: rfc822; ?list@far\.example$/m,
    'the one that came with it',
  );
  t.match(await send(`u@[127.0.0.99]`), {
    code: 550,
    enhanced: '5.7.10',
    text: /cannot be sent another way/,
  });
  await client.quit();
  t.notMatch(x.postfix.log(), /warning:.*(?:ORCPT|ESMTP argument)/, 'Postfix understood every parameter');
  x.sealed(t);
});

t.test('through a content filter that hands mail back', { skip, buffered: true }, async (t) => {
  const [reinject = 0] = await freePorts(1);
  const filter = await startContentFilter(reinject);
  t.teardown(() => filter.stop());
  const services = [
    `127.0.0.1:${reinject} inet n - n - - smtpd\n  -o content_filter=\n  -o smtpd_milters=\n  -o smtpd_relay_restrictions=permit_mynetworks,reject`,
  ];
  const main = { content_filter: `smtp:[127.0.0.1]:${filter.port}` };
  const x = await messageScene(t, { tables: TAGGED, services, main });
  await x.accepted(t, { to: ['u@good.example', 'u@plain.example', NEIGHBOUR], subject });
  await x.postfix.waitForDelivered(NEIGHBOUR);
  await x.sink('good').waitForMessages(1);
  const notice = await x.notice();
  t.match(notice.text, /must travel under TLS/);
  t.strictSame(x.got('good'), ['u@good.example TLSv1.3']);
  t.match(filter.seen, [{ recipients: { length: 3 } }], 'the filter saw it before');
  x.sealed(t);
});

t.test('to the gateway where the recipient cannot', { skip, buffered: true }, async (t) => {
  const tables = (hop: (place: 'gateway') => string) =>
    `${TAGGED}cannot = fallback\nfallback = ${hop('gateway')}\n[domains]\nnever.example = none\n`;
  const x = await messageScene(t, { tables });
  const to = ['u@good.example', 'u@never.example', NEIGHBOUR];
  const id = await x.accepted(t, { to, subject });
  t.equal(await x.outcome(id, 'u@good.example'), 'tlsward-encrypt 2.0.0 sent');
  t.equal(await x.outcome(id, 'u@never.example'), 'tlsward-fallback 2.0.0 sent');
  t.equal(await x.outcome(id, NEIGHBOUR), 'virtual 2.0.0 sent');
  t.strictSame(x.got('gateway'), ['u@never.example TLSv1.3'], 'that recipient and no other');
  t.strictSame(x.got('good'), ['u@good.example TLSv1.3']);

  // what nobody could know: the first comes back, and from then on it is known
  const found = await x.accepted(t, { to: 'u@plain.example', subject });
  t.equal(await x.outcome(found, 'u@plain.example'), 'tlsward-encrypt 5.7.4 bounced');
  const known = await x.accepted(t, { to: ['v@plain.example', 'v@good.example'], subject });
  t.equal(await x.outcome(known, 'v@plain.example'), 'tlsward-fallback 2.0.0 sent');
  t.equal(await x.outcome(known, 'v@good.example'), 'tlsward-encrypt 2.0.0 sent');
  t.strictSame(x.got('gateway').slice(1), ['v@plain.example TLSv1.3']);
  x.sealed(t);
});

t.test('a reply to mail that arrived protected', { skip, buffered: true }, async (t) => {
  const x = await messageScene(t, {
    tables: '[rule replies]\nreply-to-marked = yes\n',
    service: () => ({ 'mark-key': 'mark.key', 'reply-token': 'always' }),
  });
  const partner = 'carol@plain.example';
  const incoming = { from: partner, to: NEIGHBOUR, listener: 'smtp', subject: 'question' };
  const headers = ['Message-Id: <q1@plain.example>', 'References: <old@plain.example>'];
  const session = { tls: true, localAddress: '127.0.0.9' } as const;
  t.match((await x.post({ ...incoming, headers, session })).last, OK);
  t.match((await x.post({ ...incoming, headers, session: { localAddress: '127.0.0.9' } })).last, OK);
  const mails = await x.postfix.waitForDelivered(NEIGHBOUR, { count: 2 });
  const protectedMail = mails.find((mail) => /with ESMTPS/.test(mail.first('Received') ?? ''))!;
  const plainMail = mails.find((mail) => mail !== protectedMail)!;
  const references = protectedMail.first('References')!;
  t.ok(references.startsWith('<old@plain.example> <'), references);
  t.equal(plainMail.first('References'), '<old@plain.example>', 'no token for what arrived in plain text');

  const reply = { from: NEIGHBOUR, to: partner, subject: 'Re: question' };
  const answering = (mail: typeof plainMail) => [
    'In-Reply-To: <q1@plain.example>',
    `References: ${mail.first('References')} <q1@plain.example>`,
  ];
  const secure = await x.accepted(t, { ...reply, headers: answering(protectedMail) });
  t.equal(await x.outcome(secure, partner), 'tlsward-encrypt 5.7.4 bounced');
  x.sealed(t);
  const known = await x.post({
    ...reply,
    to: [partner, 'eve@good.example'],
    headers: answering(protectedMail),
  });
  t.match(known.last, { code: 550, enhanced: '5.7.10', text: /a reply to mail of plain\.example/ });
  x.sealed(t);
  const plain = await x.accepted(t, { ...reply, headers: answering(plainMail) });
  t.equal(await x.outcome(plain, partner), 'smtp 2.0.0 sent');
});

t.test('mail from sendmail(1)', { skip, buffered: true }, async (t) => {
  const main = { non_smtpd_milters: '$tlsward_milter' };
  const service = () => ({ 'local-domains': 'local.example, .local.example' });
  const x = await messageScene(t, { tables: TAGGED, main, service });
  const to = ['u@good.example', 'u@plain.example', NEIGHBOUR];
  await x.postfix.sendmail(['-f', AUTHOR, ...to], x.text({ to, subject }));
  await x.postfix.waitForDelivered(NEIGHBOUR);
  await x.sink('good').waitForMessages(1);
  t.match((await x.notice()).text, /must travel under TLS/);
  t.strictSame(x.got('good'), ['u@good.example TLSv1.3']);
  await x.postfix.sendmail(['-f', AUTHOR, 'v@plain.example'], x.text({ to: 'v@plain.example', subject }));
  t.match(
    (await x.notice(2)).text.replace(/\n[ \t]+/g, ' '),
    /mx\.plain\.example did not offer it/,
    'known by now',
  );
  x.sealed(t);
});

t.test('tlsward killed, restarted and reloaded in between', { skip, buffered: true }, async (t) => {
  const x = await messageScene(t, { tables: TAGGED, main: { defer_transports: 'tlsward-encrypt' } });
  const { postfix, daemon } = x;
  const to = ['u@good.example', 'u@plain.example', NEIGHBOUR];
  const id = await x.accepted(t, { to, subject });
  t.equal(await x.outcome(id, 'u@good.example'), 'error 4.3.2 deferred');
  await daemon.kill();
  await postfix.setMain({ defer_transports: null });
  let from = postfix.logMark();
  await postfix.flush();
  const { from: sender } = { from: AUTHOR };
  for (const one of to.slice(0, 2))
    t.match(await x.outcome(id, one, from), /4\.\d\.\d deferred/, `dead: ${one}`);
  t.match(
    (await x.post({ to: 'u@plain.example', subject, from: sender })).last,
    { code: 451 },
    'nothing new is taken',
  );
  x.sealed(t);
  t.strictSame(x.got('good'), []);
  await daemon.start();
  from = postfix.logMark();
  await postfix.flush();
  t.equal(await x.outcome(id, 'u@good.example', from), 'tlsward-encrypt 2.0.0 sent');
  t.equal(await x.outcome(id, 'u@plain.example', from), 'tlsward-encrypt 5.7.4 bounced');

  // and while it is restarted and reloaded all the time
  let busy = true;
  const turmoil = (async () => {
    for (let i = 0; i < 4; i++) {
      await (i % 2 ? daemon.kill() : daemon.stop());
      await daemon.start();
      await daemon.reload(`${TAGGED}[domains]\nn${i}.example = may\n`);
    }
    busy = false;
  })();
  let taken = 0;
  for (let i = 0; busy || i < 10; i++) {
    const { last } = await x.post({
      to: [`u${i}@good.example`, `u${i}@self.example`, `u${i}@plain.example`],
      subject,
    });
    if (last.code === 250) taken++;
    else t.match(last.code, /^(?:451|550)$/);
    await pause(20);
  }
  await turmoil;
  for (let i = 0; (await postfix.queue()).length > 0 && i < 40; i++) {
    await postfix.flush();
    await pause(250);
  }
  t.strictSame(await postfix.queue(), []);
  t.ok(taken > 0, `${taken} were taken`);
  t.equal(x.got('good').length, taken + 1, 'each arrived, once');
  t.equal(x.got('self').length, taken);
  x.sealed(t);
  t.strictSame(daemon.events('bug'), []);
});

t.test('connections that are kept', { skip, buffered: true }, async (t) => {
  // an administrator who keeps connections all the same
  const main = { smtp_connection_cache_destinations: 'plain.example, self.example' };
  const x = await messageScene(t, { tables: TAGGED, main });
  const { postfix } = x;
  const client = await openSession(postfix.port('plain'));
  t.teardown(() => client.destroy());
  const send = async (to: string, tagged: boolean) => {
    const post = { to, ...(tagged ? { subject } : {}) };
    return (await client.send({ from: AUTHOR, to, text: x.text(post) })).queueId!;
  };
  for (const i of [1, 2, 3])
    t.equal(
      await x.outcome(await send(`u${i}@plain.example`, false), `u${i}@plain.example`),
      'smtp 2.0.0 sent',
    );
  t.equal(x.sink('plain').connections, 1, 'ordinary mail goes over one connection');
  t.equal(
    await x.outcome(await send('m@plain.example', true), 'm@plain.example'),
    'tlsward-encrypt 5.7.4 bounced',
  );
  t.notMatch(x.sink('plain').clear, /secure/, 'and marked mail not over that one');
  t.equal(x.sink('plain').received.length, 3);

  // a row that is raised counts for the next message
  for (const i of [1, 2, 3])
    t.equal(
      await x.outcome(await send(`u${i}@self.example`, true), `u${i}@self.example`),
      'tlsward-encrypt 2.0.0 sent',
    );
  await x.daemon.reload(`${TAGGED}[domain self.example]\ndeliver = verify\n`);
  const waits = 'tlsward-encrypt 4.7.5 deferred';
  for (const i of [4, 5, 6])
    t.equal(await x.outcome(await send(`u${i}@self.example`, true), `u${i}@self.example`), waits);
  await client.quit();
  t.equal((await postfix.queue()).length, 3, 'they wait: it is the row that asks for it, not the message');
  t.equal(x.got('self').length, 3);
  x.sealed(t, 'plain');
});
