/**
 * The ways through Postfix on which a message's own requirement could get lost, and was, when the simple form of it was tried:
 * requeue, hold and release, a relayhost, transport tables, a content filter, the gateway for those who cannot, sendmail(1).
 */
import t from 'tap';
import { pause } from './harness/deadline.ts';
import { startContentFilter } from './harness/peers/content-filter.ts';
import { freePorts } from './harness/processes.ts';
import { e2eSkip } from './harness/requirements.ts';
import { AUTHOR, messageScene, NEIGHBOUR } from './harness/scenes/message-scene.ts';

t.jobs = 3; // most of the time here is waiting for Postfix
const skip = e2eSkip(['root', 'postfix', 'openssl', 'unbound', 'sasl']);
const TAGGED = '[rule secure]\nsubject-tag = [secure]\n';
const subject = '[secure] report';

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
  t.ok(
    await postfix.waitForLog(/milter-hold: END-OF-MESSAGE/, { from }),
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
  t.match(
    forged.last,
    { code: 550, enhanced: '5.7.1', text: /has a routing suffix/ },
    'but authors name none',
  );
  t.strictSame(await postfix.left(), []);
});

t.test('through a content filter that hands mail back', { skip, buffered: true }, async (t) => {
  const [reinject = 0] = await freePorts(1);
  const filter = await startContentFilter(reinject);
  t.teardown(() => filter.stop());
  const services = [
    'scan unix - - n - - smtp\n  -o smtp_header_checks= -o smtp_tls_security_level=none -o smtp_tls_policy_maps=',
    `127.0.0.1:${reinject} inet n - n - - smtpd\n  -o content_filter=\n  -o smtpd_milters=\n  -o smtpd_relay_restrictions=permit_mynetworks,reject`,
  ];
  const main = { content_filter: `scan:[127.0.0.1]:${filter.port}` };
  const x = await messageScene(t, { tables: TAGGED, services, main });
  await x.accepted(t, { to: ['u@good.example', 'u@plain.example', NEIGHBOUR], subject });
  await x.postfix.waitForDelivered(NEIGHBOUR);
  await x.sink('good').waitForMessages(1);
  const notice = await x.notice();
  t.match(notice.text, /must be sent under TLS/);
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

t.test('a gateway that does no TLS', { skip, buffered: true }, async (t) => {
  const tables = (hop: (place: 'plain') => string) =>
    `${TAGGED}cannot = fallback\nfallback = ${hop('plain')}\n[domains]\nnever.example = none\n`;
  const x = await messageScene(t, { tables });
  const id = await x.accepted(t, { to: 'u@never.example', subject });
  t.equal(
    await x.outcome(id, 'u@never.example'),
    'tlsward-fallback 4.7.4 deferred',
    'it is ours: mail waits for it',
  );
  x.sealed(t);
  // the rule goes, and mail for its gateway is in the queue
  await x.daemon.reload('[domains]\nnever.example = none\n');
  const from = x.postfix.logMark();
  await x.postfix.flush();
  t.match(
    await x.outcome(id, 'u@never.example', from),
    / 4\.\d\.\d deferred$/,
    'it does not take another way',
  );
  x.sealed(t);
});

t.test('mail from sendmail(1)', { skip, buffered: true }, async (t) => {
  const main = { non_smtpd_milters: '$tlsward_milter' };
  const service = () => ({ 'local-domains': 'local.example, .local.example' });
  const x = await messageScene(t, { tables: TAGGED, main, service });
  const to = ['u@good.example', 'u@plain.example', NEIGHBOUR];
  await x.postfix.sendmail(['-f', AUTHOR, ...to], x.text({ to, subject }));
  await x.postfix.waitForDelivered(NEIGHBOUR);
  await x.sink('good').waitForMessages(1);
  t.match((await x.notice()).text, /must be sent under TLS/);
  t.strictSame(x.got('good'), ['u@good.example TLSv1.3']);
  await x.postfix.sendmail(['-f', AUTHOR, 'v@plain.example'], x.text({ to: 'v@plain.example', subject }));
  t.match(
    (await x.notice(2)).text.replace(/\n[ \t]+/g, ' '),
    /mx\.plain\.example did not offer it/,
    'known by now',
  );
  x.sealed(t);
});
