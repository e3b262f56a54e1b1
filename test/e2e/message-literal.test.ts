/**
 * Address literals in messages that rules speak of: to those whose row requires as much mail leaves under TLS, with the brackets
 * that its author wrote; all others are refused, or come back where an alias led to them. Nothing is said in plain text.
 */
import t from 'tap';
import { TlsSink } from './harness/peers/tls-sink.ts';
import { e2eSkip } from './harness/requirements.ts';
import { fieldOf, messageScene, NEIGHBOUR } from './harness/scenes/message-scene.ts';

t.jobs = 3; // most of the time here is waiting for Postfix
const skip = e2eSkip(['root', 'postfix', 'openssl', 'unbound', 'sasl']);
const TAGGED = '[rule secure]\nsubject-tag = [secure]\n';
const POLICY = '[policy tls]\ndeliver = encrypt\n';
const subject = '[secure] report';

t.test('by row, refused without one', { skip, buffered: true }, async (t) => {
  const x = await messageScene(t, {
    tables: (_, at) => `${TAGGED}${POLICY}[domains]\n[${at('self')}] = tls\n[${at('plain')}] = tls\n`,
  });
  const [self, good, plain] = (['self', 'good', 'plain'] as const).map((place) => `u@[${x.at(place)}]`);
  const id = await x.accepted(t, { to: [self!, 'v@good.example', NEIGHBOUR], subject });
  t.equal(await x.outcome(id, 'v@good.example'), 'tlsward-encrypt 2.0.0 sent');
  t.equal(await x.outcome(id, NEIGHBOUR), 'virtual 2.0.0 sent');
  await x.sink('self').waitForMessages(1);
  t.strictSame(x.got('self'), [`${self} TLSv1.3`], 'the server sees the literal');
  const [received] = x.sink('self').messages;
  t.match(fieldOf(received, 'To'), self!);
  t.notMatch(received!.content!.toLowerCase(), /tlsward-|x-tls-ward-route/);

  t.match((await x.post({ to: good!, subject })).last, {
    code: 550,
    enhanced: '5.7.10',
    text: /no row of the table requires it for this address literal; ask/,
  });
  await x.accepted(t, { to: plain!, subject });
  const notice = (await x.notice()).text.replace(/\r?\n[ \t]+/g, ' ');
  t.match(notice, /must be sent under TLS, and the mail server \S+ does not offer it/);
  t.match(notice, `Original-Recipient: rfc822;${plain}`);
  t.match((await x.post({ to: plain!, subject })).last, { code: 550, text: /did not offer it at/ });
  x.sealed(t);

  const ordinary = await x.accepted(t, { to: good! });
  t.equal(await x.outcome(ordinary, good!), 'smtp 2.0.0 sent', 'ordinary mail as ever');
  t.strictSame(await x.postfix.left(), []);
  t.strictSame(x.daemon.events('bug'), []);
});

t.test('where an alias leads to one', { skip, buffered: true }, async (t) => {
  const x = await messageScene(t, {
    tables: (_, at) => `${TAGGED}${POLICY}[domains]\n[${at('self')}] = tls\n`,
  });
  const [self, good] = (['self', 'good'] as const).map((place) => `u@[${x.at(place)}]`);
  const file = x.postfix.file('virtual', `team@our.example ${self}, ${good}, v@good.example\n`);
  await x.postfix.setMain({ virtual_alias_domains: 'our.example', virtual_alias_maps: `texthash:${file}` });
  const id = await x.accepted(t, { to: 'team@our.example', subject });
  t.equal(await x.outcome(id, good!), 'smtp 5.7.10 bounced', 'no row: the fence stops it');
  t.equal(await x.outcome(id, 'v@good.example'), 'tlsward-encrypt 2.0.0 sent');
  await x.sink('self').waitForMessages(1);
  t.strictSame(x.got('self'), [`${self} TLSv1.3`]);
  t.strictSame(x.got('good'), ['v@good.example TLSv1.3']);
  t.match(
    (await x.notice()).text.replace(/\r?\n[ \t]+/g, ' '),
    /an alias leads to \S+ by a path that does not/,
  );
});

t.test('beside one of whom no rule speaks, and through a relayhost', { skip, buffered: true }, async (t) => {
  const x = await messageScene(t, {
    tables: (hop) => `[rule secure]\nrecipient = good.example\n${POLICY}[domains]\n${hop('relay')} = tls\n`,
  });
  const literal = `u@[${x.at('plain')}]`;
  await x.accepted(t, { to: [literal, 'u@good.example'] });
  await x.sink('plain').waitForMessages(1);
  t.strictSame(x.got('plain'), [`${literal} null`], 'as its row says');
  await x.sink('good').waitForMessages(1);
  t.strictSame(x.got('good'), ['u@good.example TLSv1.3']);

  await x.daemon.reload(`${TAGGED}${POLICY}[domains]\n${x.hop('relay')} = tls\n`);
  await x.postfix.setMain({ relayhost: x.hop('relay') });
  await x.accepted(t, { to: literal, subject });
  await x.sink('relay').waitForMessages(1);
  t.strictSame(x.got('relay'), [`${literal} TLSv1.3`], 'the row of the next hop counts');
  x.sealed(t, 'plain');
});

t.test('IPv6', { skip, buffered: true }, async (t) => {
  const x = await messageScene(t, {
    main: { inet_protocols: 'all' },
    tables: `${TAGGED}${POLICY}[domains]\n[IPv6:::1] = tls\n`,
  });
  const { cert, key } = x.ca.issue('six', { subject: '/CN=six', san: ['six.example'] });
  const sink = await TlsSink.start({ host: '::1', port: x.port, tls: { cert, key } });
  t.teardown(() => sink.stop());
  for (const to of ['u@[IPv6:::1]', 'u@[ipv6:0:0::0:1]']) await x.accepted(t, { to, subject });
  await sink.waitForMessages(2);
  t.match(
    sink.messages.map(({ recipients, protocol }) => `${recipients.join()} ${protocol}`),
    ['u@[IPv6:0:0:0:0:0:0:0:1] TLSv1.3', 'u@[IPv6:0:0:0:0:0:0:0:1] TLSv1.3'],
  );
  t.strictSame(sink.plain, []);
  x.sealed(t);
});
