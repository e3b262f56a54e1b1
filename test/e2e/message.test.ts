/**
 * Rules about single messages on a real Postfix, by recipient: the fragments of contrib/postfix as they are shipped, the
 * running daemon, mail routed by DNS to servers that do and do not offer TLS. Which messages and recipients it is about, what
 * each server saw, what the author gets back; and what nobody can switch on or off by writing it.
 */
import t from 'tap';
import { openSession } from './harness/peers/smtp-session.ts';
import { e2eSkip } from './harness/requirements.ts';
import { AUTHOR, fieldOf, messageScene, NEIGHBOUR, SECRET } from './harness/scenes/message-scene.ts';

t.jobs = 3; // most of the time here is waiting for Postfix
const skip = e2eSkip(['root', 'postfix', 'openssl', 'unbound', 'sasl']);
const TAGGED = '[rule secure]\nsubject-tag = [secure]\n';
const subject = '[secure] report';
const OK = { code: 250, enhanced: '2.0.0' };

t.test('a tag in the subject: under TLS, or back at once', { skip, buffered: true }, async (t) => {
  const x = await messageScene(t, {
    // the row alone would do without TLS, and would say so to Postfix
    tables: `${TAGGED}help = https://mail.example.org/secure\n[domain plain.example]\ndeliver = may\n`,
  });
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
    /This message must be sent under TLS, and the mail server mx\.plain\.example does not offer it/,
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
  t.strictSame(await postfix.left(), []);
  t.strictSame(x.daemon.events('bug'), []);
});

t.test('marked mail where rows say dane, and nothing is published', { skip, buffered: true }, async (t) => {
  const tables = `${TAGGED}[policy published]\ndeliver = dane\n[domains]\n.example = published\n`;
  const main = { smtp_dns_support_level: 'dnssec' };
  const x = await messageScene(t, { tables, main, trusted: true });
  const id = await x.accepted(t, { to: 'u@self.example', subject });
  t.equal(await x.outcome(id, 'u@self.example'), 'tlsward-encrypt 2.0.0 sent', 'the floor alone');
  const plain = await x.accepted(t, { to: 'u@plain.example', subject });
  t.equal(await x.outcome(plain, 'u@plain.example'), 'tlsward-encrypt 5.7.4 bounced');
  x.sealed(t);

  // nobody to say that there are no TLSA records: dane-only, which Postfix finds out to be impossible
  const blind = await messageScene(t, { tables, main });
  t.match(JSON.stringify(blind.daemon.events('config.notice')), /set resolver/);
  const lost = await blind.accepted(t, { to: 'u@self.example', subject });
  t.equal(await blind.outcome(lost, 'u@self.example'), 'tlsward-encrypt 5.7.5 bounced');
  t.match(
    (await blind.notice()).text.replace(/\r?\n[ \t]+/g, ' '),
    /DANE authenticates, and its domain publishes no TLSA records/,
  );
  blind.sealed(t);
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
    'u@plain.example': 'tlsward-row 2.0.0 sent',
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
  if (x.postfix.since(3, 11))
    t.match(asked.last, { code: 250 }, 'what becomes of it is in requiretls.test.ts');
  else t.match(asked.mail, { code: 555, enhanced: '5.5.4', text: /REQUIRETLS/ }, 'refused by Postfix itself');
});

t.test(
  'what an author or a stranger writes does not switch it off or on',
  { skip, buffered: true },
  async (t) => {
    const tables = `${TAGGED}[rule gate]\nrecipient = never.example\ncannot = fallback\nfallback = [mx.gateway.example]\n`;
    const x = await messageScene(t, { tables });
    const open = { to: 'u@plain.example', subject, headers: ['TLS-Required: no'] };
    if (x.postfix.since(3, 10)) {
      const { last } = await x.post(open);
      t.match(
        last,
        { code: 550, enhanced: '5.7.10', text: /TLS-Required: no .* \(rule / },
        'TLS-Required: no',
      );
    } else {
      const id = await x.accepted(t, open);
      t.equal(await x.outcome(id, 'u@plain.example'), 'tlsward-encrypt 5.7.4 bounced', 'TLS-Required: no');
    }
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
    text: /127\.0\.0\.99\]>: this message must be sent under TLS/,
  });
  await client.quit();
  t.notMatch(x.postfix.log(), /warning:.*(?:ORCPT|ESMTP argument)/, 'Postfix understood every parameter');
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
