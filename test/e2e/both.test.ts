/**
 * Both protocols at once, and the life of the daemon under mail: contrib/postfix/both.main.cf in Debian's Postfix, tlsward
 * reloaded between two messages, given a broken table, killed and started again, told to stop in the middle of a
 * transaction. No message may pass unjudged, none may be refused for good because tlsward was away.
 */
import t from 'tap';
import { pause } from './harness/deadline.ts';
import { freePorts } from './harness/processes.ts';
import { e2eSkip } from './harness/requirements.ts';
import { arrivals, codeOf, markFields, outcome, playMatrix, verdictsAfter } from './harness/scenes/matrix.ts';
import { matrixTable, POLICY_MATRIX } from './harness/scenes/matrix-table.ts';
import { openScene } from './harness/scenes/scene.ts';

const MARK = 'X-TLS-Ward';
const BOB = 'bob@local.example';
const skip = e2eSkip();
/** What a client hears while tlsward is away: of the policy service or of the milter, whichever Postfix asks first. */
const AWAY = /^45[01]\/4\.7\.1$/;

t.test('both interfaces', { skip }, async (t) => {
  const scene = await openScene({
    fragment: 'both',
    tables: matrixTable,
  });
  t.teardown(() => scene.close());
  const { postfix, daemon } = scene;
  t.afterEach(() => postfix.clear());
  /** The matrix table with a row for may.example, which has none otherwise. */
  const stricter = () => matrixTable(scene.ca).replace('* = may', '* = may\nmay.example = encrypt');

  for (const side of ['sender', 'recipient'] as const) {
    t.test(`matrix: the row of the ${side}`, async (t) => {
      const from = daemon.mark();
      const played = await playMatrix(scene, POLICY_MATRIX, side);
      for (const { domain, kind, want, sent } of played) {
        t.equal(outcome(sent), want === 'H' ? '250' : want, `${domain}, ${kind}`);
      }
      const accepted = played.filter(({ want }) => want === '250');
      const delivered = await arrivals(scene, accepted.length);
      t.equal(delivered.length, accepted.length);
      for (const { sent, kind, domain } of accepted) {
        const message = delivered.find(({ text }) => text.includes(`id ${sent.queueId}`));
        const marks = (message?.all(MARK) ?? []).map(markFields);
        const low = ['plain', 'tls10', 'null'].includes(kind);
        t.match(marks, [{ state: low ? 'unprotected' : 'protected' }], `${domain}, ${kind}`);
        t.equal(marks.length, 1);
      }
      // what passed the policy service is judged again at the end of the message: both interfaces must say the same
      const passed = played.filter(({ want }) => !want.includes('/')).length;
      const verdicts = await verdictsAfter(scene, from, played.length + passed);
      t.equal(verdicts.length, played.length + passed);
      const byMilter = verdicts.filter(({ protocol }) => protocol === 'milter');
      t.equal(byMilter.length, passed);
      t.strictSame(
        byMilter.filter(({ action }) => action === 'reject' || action === 'defer'),
        [],
        'the milter refuses nothing that the policy service let pass',
      );
    });
  }

  t.test('what the policy service was told of one session serves no other', async (t) => {
    const sender = 'a@pinned.example';
    const policy = postfix.main('smtpd_recipient_restrictions')!;
    const [localPort] = await freePorts(1);
    const from = daemon.mark();
    // passes the policy service, and is refused by what comes after it
    await postfix.setMain({ smtpd_recipient_restrictions: `${policy}, reject` });
    const pinned = await scene.open('self', { localPort: localPort! });
    await pinned.mail(sender);
    t.equal((await pinned.rcpt(BOB)).code, 554);
    t.match(await verdictsAfter(scene, from, 1), [{ protocol: 'policy', action: 'accept' }]);
    await pinned.reset();
    // the same port, no certificate, and the policy service is not asked
    await postfix.setMain({ smtpd_recipient_restrictions: '' });
    const other = await scene.open('tls13', { localPort: localPort! });
    await other.mail(sender);
    t.match(await other.rcpt(BOB), { code: 451, enhanced: '4.3.5' });
    await other.quit();
    await postfix.setMain({ smtpd_recipient_restrictions: policy });
  });

  t.test('the pin of a client that a proxy speaks for, by XCLIENT', async (t) => {
    await postfix.setMain({ smtpd_authorized_xclient_hosts: '127.0.0.1' });
    const client = await scene.open('self');
    t.equal((await client.send({ from: 'a@pinned.example', to: BOB })).last.code, 250);
    t.equal((await client.xclient({ ADDR: '192.0.2.7', PORT: '4711', NAME: '[UNAVAILABLE]' })).code, 220);
    await client.ehlo('behind.example');
    const sent = await client.send({ from: 'a@pinned.example', to: BOB });
    t.equal(sent.last.code, 250);
    await client.quit();
    const [, second] = await arrivals(scene, 2);
    t.match(markFields(second?.first(MARK) ?? ''), { state: 'protected', certificate: 'untrusted' });
    await postfix.setMain({ smtpd_authorized_xclient_hosts: null });
  });

  t.test('a reload between two messages of one connection', async (t) => {
    const client = await scene.open('plain');
    t.equal((await client.send({ from: 'a@may.example', to: BOB })).end?.code, 250);
    const loaded = await daemon.reload(stricter());
    t.match(loaded, { event: 'config.loaded' });
    const changed = await daemon.waitForLine(({ event, added }) => event === 'config.changed' && added === 1);
    t.match(JSON.stringify(changed.lines), /may\.example/);
    const second = await client.send({ from: 'a@may.example', to: BOB });
    t.match(second.last, { code: 530, enhanced: '5.7.0', text: /may\.example requires TLS/ });
    t.match(await daemon.waitForLine(({ code }) => code === codeOf(second.last.text)), {
      generation: loaded.generation,
    });
    await client.quit();
    t.match(await daemon.reload(matrixTable(scene.ca)), { event: 'config.loaded' });
  });

  t.test('a transaction is decided by one table from start to end', async (t) => {
    const client = await scene.open('plain');
    await client.mail('a@local.example');
    t.equal((await client.rcpt(BOB)).code, 250);
    await daemon.reload(stricter());
    t.equal((await client.rcpt('b@may.example')).code, 250, 'the table it began with');
    t.equal((await client.data('Subject: old table\n\nx\n')).code, 250);
    t.equal(
      (await client.send({ from: 'a@local.example', to: 'b@may.example' })).last.code,
      530,
      'the next: new',
    );
    await client.quit();
    await daemon.reload(matrixTable(scene.ca));
  });

  t.test('a broken table changes nothing', async (t) => {
    const broken = `${matrixTable(scene.ca)}\n[domains]\nx.example = encrpyt\nmay.example = nosuch\n[domain y.example]\nmin-bits = many\n`;
    const rejected = await daemon.reload(broken);
    t.match(rejected, { event: 'config.rejected', count: 3 });
    t.match(JSON.stringify(rejected.problems), /encrpyt.*nosuch.*many/s);
    const { status } = await daemon.command('check');
    t.equal(status, 78);
    const client = await scene.open('plain');
    t.equal((await client.send({ from: 'a@encrypt.example', to: BOB })).last.code, 530);
    t.equal((await client.send({ from: 'a@may.example', to: BOB })).end?.code, 250);
    await client.quit();
    t.match(await daemon.reload(matrixTable(scene.ca)), { event: 'config.loaded' });
  });

  t.test('killed and started again', async (t) => {
    const open = await scene.open('tls13');
    t.equal((await open.send({ from: 'a@encrypt.example', to: BOB })).end?.code, 250);
    await daemon.kill();
    t.match(outcome(await open.send({ from: 'a@encrypt.example', to: BOB })), AWAY);
    const during = await scene.open('plain');
    t.match(await during.mail('a@may.example'), { code: 451, enhanced: '4.7.1' });
    await during.quit();

    await daemon.start();
    t.match(
      await open.send({ from: 'a@may.example', to: BOB }),
      { last: { code: 451 } },
      'Postfix does not connect to a milter again within a session',
    );
    await open.quit();
    const after = await scene.open('plain');
    t.equal((await after.send({ from: 'a@encrypt.example', to: BOB })).last.code, 530);
    t.equal((await after.send({ from: 'a@may.example', to: BOB })).end?.code, 250);
    await after.quit();
    t.equal((await arrivals(scene, 2)).length, 2, 'nothing passed in between');
  });

  t.test('silent: mail is deferred in time, and served again', async (t) => {
    await postfix.setMain({
      tlsward_policy: postfix.main('tlsward_policy')!.replace('timeout=5s', 'timeout=1s'),
      smtpd_milters: '',
    });
    process.kill(daemon.pid, 'SIGSTOP');
    const client = await scene.open('plain');
    const started = performance.now();
    t.match(await client.send({ from: 'a@may.example', to: BOB }), {
      last: { code: 450, enhanced: '4.7.1', text: /TLS policy service unavailable/ },
    });
    // Postfix by itself waits 100 s
    t.ok(performance.now() - started < 60_000);
    process.kill(daemon.pid, 'SIGCONT');
    t.equal((await client.send({ from: 'a@may.example', to: BOB })).end?.code, 250);
    await client.quit();
    await postfix.setMain({ smtpd_milters: '$tlsward_milter' });
  });

  t.test('told to stop: transactions under way are finished', async (t) => {
    const busy = await scene.open('tls13');
    const idle = await scene.open('plain');
    await busy.mail('a@encrypt.example');
    t.equal((await busy.rcpt(BOB)).code, 250);
    const stopping = daemon.stop();
    await daemon.waitForEvent('service.stop');
    await pause(200);
    const { code } = await busy.data('Subject: in flight\n\nx\n');
    t.equal(code, 250, 'decided although the daemon was stopping');
    t.equal(await stopping, 0, 'exit status; the sockets are gone');
    const [message] = await postfix.waitForDelivered(BOB);
    t.match(markFields(message!.first(MARK)!), { state: 'protected' });
    t.match(outcome(await idle.send({ from: 'a@may.example', to: BOB })), AWAY);
    await busy.quit();
    await idle.quit();
    await daemon.start();
    t.match(await daemon.command('status'), { status: 0 });
  });

  t.test('nothing went wrong inside', async (t) => {
    t.strictSame(daemon.events('bug'), []);
    t.strictSame(daemon.events('wire.error'), []);
    // a delivery that a reload of ours interrupts meets the new queue manager's lock, and is made again
    const log = postfix.log().replace(/fatal: shared lock active\/\w+: Resource temporarily/g, '');
    t.notMatch(log, /fatal|panic/);
  });
});
