/**
 * Policy delegation end to end: Debian's Postfix with contrib/postfix/policy.main.cf, tlsward as a process, real SMTP.
 *
 * The matrix holds every kind of row against every kind of session, once with the row on the sender's side and once on the
 * recipient's.
 */
import t from 'tap';
import { TRUSTED_CLIENT } from './harness/daemon.ts';
import { openSession } from './harness/peers/smtp-session.ts';
import { e2eSkip } from './harness/requirements.ts';
import {
  arrivals,
  codeOf,
  outcome,
  playMatrix,
  verdictsAfter,
  withoutCode,
} from './harness/scenes/matrix.ts';
import { matrixTable, POLICY_MATRIX } from './harness/scenes/matrix-table.ts';
import { openScene } from './harness/scenes/scene.ts';

t.test('policy delegation', { skip: e2eSkip() }, async (t) => {
  const scene = await openScene({ fragment: 'policy', tables: matrixTable });
  t.teardown(() => scene.close());
  const { postfix, daemon } = scene;

  for (const side of ['sender', 'recipient'] as const) {
    t.test(`matrix: the row of the ${side}`, async (t) => {
      const from = daemon.mark();
      const played = await playMatrix(scene, POLICY_MATRIX, side);
      for (const { domain, kind, want, sent } of played) {
        t.equal(outcome(sent), want === 'H' ? '250' : want, `${domain}, ${kind}`);
      }

      const held = played.filter(({ want }) => want === 'H').map(({ sent }) => sent.queueId);
      const verdicts = await verdictsAfter(scene, from, played.length);
      t.equal(verdicts.length, played.length, 'one verdict for each transaction');
      t.equal(verdicts.filter(({ action }) => action === 'hold').length, held.length);
      t.equal(verdicts.filter(({ tagged }) => tagged === true).length, 3, 'tag: plain, TLS 1.0, NULL');
      t.equal(verdicts.filter(({ would }) => would === 'reject').length, 3, 'observe: the same three');

      for (const { domain, want, sender, recipient, sent } of played) {
        if (!want.includes('/')) continue;
        const { text } = sent.last;
        const lead = `<${recipient}>: Recipient address rejected: ${domain} requires TLS (`;
        t.ok(text.startsWith(lead), text);
        const line = verdicts.find(({ code }) => code === codeOf(text));
        const action = want.startsWith('450') ? 'defer' : 'reject';
        t.match(line, { action, protocol: 'policy', stage: 'RCPT', sender, row: domain });
        t.match(
          line?.reply,
          new RegExp(`^${want.replace('/', ' ')} ${domain} requires TLS`),
          'reply in our log',
        );
        const logged = `NOQUEUE: reject: RCPT from unknown[127.0.0.1]: ${want.replace('/', ' ')} ${text}; `;
        t.ok(await postfix.waitForLog(logged), 'reply in the mail log');
      }

      const waiting = (await postfix.queue()).filter(({ queue_name }) => queue_name === 'hold');
      t.strictSame(new Set(waiting.map(({ queue_id }) => queue_id)), new Set(held), 'the hold queue');
      const accepted = played.filter(({ want }) => want === '250').length;
      const delivered = await arrivals(scene, accepted);
      t.equal(delivered.length, accepted, 'all that was accepted arrived, and nothing else');
      t.ok(delivered.every((message) => message.first('X-TLS-Ward') === null));
      await postfix.clear();
    });
  }

  t.test('several recipients in different domains', async (t) => {
    const client = await scene.open('plain');
    const to = [
      'a@may.example',
      'b@encrypt.example',
      'c@defer.example',
      'd@local.example',
      'e@verify.example',
    ];
    const sent = await client.send({ from: 'x@may.example', to });
    t.strictSame(
      sent.rcpt.map(({ code, enhanced }) => `${code} ${enhanced}`),
      ['250 2.1.5', '530 5.7.0', '450 4.7.0', '250 2.1.5', '530 5.7.0'],
    );
    t.equal(sent.end?.code, 250);
    await client.quit();
    await postfix.waitForDelivered('a@may.example');
    await postfix.waitForDelivered('d@local.example');
    t.equal(postfix.delivered().length, 2);
    await postfix.clear();
  });

  t.test('the stricter row of the two wins', async (t) => {
    const client = await scene.open('plain');
    const strict = await client.send({ from: 'x@defer.example', to: 'y@encrypt.example' });
    t.match(strict.last, { code: 530, text: /encrypt\.example requires TLS/ });
    const lenient = await client.send({ from: 'x@encrypt.example', to: 'y@tag.example' });
    t.match(lenient.last, { code: 530, text: /encrypt\.example requires TLS/ });
    await client.quit();
  });

  t.test('which row: addresses, subdomains, spelling', async (t) => {
    const client = await scene.open('plain');
    const cases: readonly [string, number][] = [
      ['boss@may.example', 530],
      ['BOSS@May.Example', 530],
      ['clerk@may.example', 250],
      ['a@BANK.example', 530],
      ['a@mx.deep.bank.example', 530],
      ['a@notbank.example', 250],
      ['a@xn--bcher-kva.example', 530],
      ['"a@may.example"@bank.example', 530],
      // Postfix delivers such an address to the domain inside, where the one behind is its own
      ['"a@bank.example"@local.example', 530],
      ['a@[192.0.2.1]', 250],
      ['', 250],
    ];
    for (const [from, code] of cases) {
      t.equal((await client.send({ from, to: 'bob@local.example' })).last.code, code, `<${from}>`);
    }
    const wide = { from: 'a@bücher.example', to: 'bob@local.example' };
    t.match((await client.send({ ...wide, mailParameters: 'SMTPUTF8' })).last, { code: 530 });
    t.equal(
      (await client.send({ from: '', to: 'bob@encrypt.example' })).last.code,
      530,
      'a bounce to a strict domain',
    );
    await client.quit();
    await postfix.clear();
  });

  t.test('the null sender has a row of its own', async (t) => {
    const tables = matrixTable(scene.ca).replace('* = may', '* = may\n<> = strict');
    t.match(await daemon.reload(tables), { event: 'config.loaded' });
    const client = await scene.open('plain');
    const bounce = await client.send({ from: '', to: 'bob@local.example' });
    t.match(bounce.last, { code: 530, enhanced: '5.7.0' });
    await client.quit();
    t.match(await daemon.reload(matrixTable(scene.ca)), { event: 'config.loaded' });
  });

  t.test('a login stands in for a certificate for the recipient, not for the sender', async (t) => {
    const auth = { user: 'alice', password: 'secret' };
    const client = await openSession(postfix.port('submission'), { tls: true, auth });
    t.equal((await client.send({ from: 'alice@may.example', to: 'y@verify.example' })).last.code, 250);
    const claimed = await client.send({ from: 'alice@verify.example', to: 'bob@local.example' });
    t.match(claimed.last, { code: 550, enhanced: '5.7.5' });
    await client.quit();
    const line = await daemon.waitForLine(({ saslUsername }) => saslUsername !== undefined);
    t.match(line.saslUsername, /^alice/);
    await postfix.clear();
  });

  t.test('not judged: sendmail(1), and clients that are trusted', async (t) => {
    await postfix.sendmail(['-f', 'root@encrypt.example', 'bob@encrypt.example'], 'Subject: local\n\nx\n');
    t.equal((await postfix.waitForDelivered('bob@encrypt.example')).length, 1);
    const filter = await scene.open('plain', { localAddress: TRUSTED_CLIENT });
    t.equal((await filter.send({ from: 'filter@encrypt.example', to: 'bob@local.example' })).last.code, 250);
    await filter.quit();
    const line = await daemon.waitForLine(({ sender }) => sender === 'filter@encrypt.example');
    t.match(line, { event: 'tx.verdict', action: 'accept', notJudged: 'trusted-client' });
    await postfix.clear();
  });

  t.test('a later restriction still decides', async (t) => {
    const table = postfix.file('later', 'nobody@local.example 554 5.7.1 not here\n');
    const before = postfix.main('smtpd_recipient_restrictions')!;
    await postfix.setMain({
      smtpd_recipient_restrictions: `${before}, check_recipient_access texthash:${table}`,
    });
    const client = await scene.open('tls13');
    const { last } = await client.send({ from: 'a@encrypt.example', to: 'nobody@local.example' });
    t.match(last, { code: 554, text: /not here/ }, 'DUNNO, never OK');
    await client.quit();
    await postfix.setMain({ smtpd_recipient_restrictions: before });
  });

  t.test('listed at other stages', async (t) => {
    const service = '$tlsward_policy';
    await postfix.setMain({ smtpd_recipient_restrictions: '', smtpd_data_restrictions: service });
    let client = await scene.open('plain');
    const one = await client.send({ from: 'a@may.example', to: 'b@encrypt.example' });
    t.match(one.data, { code: 530, text: /<DATA>: Data command rejected: encrypt\.example requires TLS/ });
    const two = await client.send({ from: 'a@may.example', to: ['b@may.example', 'c@local.example'] });
    t.match(
      two.data,
      { code: 451, enhanced: '4.3.5' },
      'recipients it was not shown: cannot tell, so deferred',
    );
    await client.quit();
    client = await scene.open('tls13');
    t.equal((await client.send({ from: 'a@encrypt.example', to: 'b@may.example' })).last.code, 250);
    await client.quit();

    await postfix.setMain({ smtpd_data_restrictions: null, smtpd_end_of_data_restrictions: service });
    client = await scene.open('plain');
    const late = await client.send({ from: 'a@encrypt.example', to: 'b@may.example' });
    t.match(late.end, { code: 530, text: /End-of-data rejected: encrypt\.example requires TLS/ });
    await client.quit();

    const all = { smtpd_recipient_restrictions: service, smtpd_data_restrictions: service };
    await postfix.setMain(all);
    client = await scene.open('plain');
    const remembered = await client.send({ from: 'a@may.example', to: ['b@may.example', 'c@local.example'] });
    t.equal(remembered.last.code, 250, 'asked at RCPT too, it knows the recipients');
    await client.quit();

    await postfix.setMain({
      smtpd_delay_reject: 'no',
      smtpd_sender_restrictions: service,
      smtpd_recipient_restrictions: '',
      smtpd_data_restrictions: null,
      smtpd_end_of_data_restrictions: null,
    });
    client = await scene.open('plain');
    t.match(await client.mail('a@encrypt.example'), { code: 530, text: /Sender address rejected/ });
    await client.quit();
    await postfix.setMain({
      smtpd_delay_reject: null,
      smtpd_sender_restrictions: null,
      smtpd_recipient_restrictions: service,
    });
    await postfix.clear();
  });

  t.test('explain predicts what Postfix says', async (t) => {
    const certificate = { right: ['--cert', 'mx1.gov.example'], self: ['--cert', 'untrusted'] };
    const cases: readonly (readonly [keyof typeof certificate | 'plain' | 'tls13', string, string])[] = [
      ['plain', 'bank.example', 'may.example'],
      ['plain', 'may.example', 'defer.example'],
      ['plain', 'observe.example', 'may.example'],
      ['tls13', 'cipher.example', 'may.example'],
      ['tls13', 'verify.example', 'may.example'],
      ['self', 'verify.example', 'may.example'],
      ['right', 'own.example', 'may.example'],
      ['right', 'verify.example', 'tag.example'],
    ];
    for (const [kind, sender, recipient] of cases) {
      const client = await scene.open(kind);
      const from = `a@${sender}`;
      const to = `b@${recipient}`;
      const { last, end } = await client.send({ from, to });
      await client.quit();
      const tls = kind === 'plain' ? 'none' : 'TLSv1.3 TLS_AES_256_GCM_SHA384 256';
      const shown = kind === 'right' || kind === 'self' ? certificate[kind] : [];
      const args = ['--json', '--from', from, '--to', to, '--tls', tls, '--client', '127.0.0.1', ...shown];
      const { stdout, status } = await daemon.command('explain', ...args);
      const said = JSON.parse(stdout);
      if (end !== null) {
        t.match(said, { verdict: 'accept' }, `${kind} ${from} ${to}`);
        t.equal(status, 0);
        continue;
      }
      t.equal(status, 1);
      t.equal(
        `${last.code} ${last.enhanced}`,
        `${said.reply.code} ${said.reply.dsn}`,
        `${kind} ${from} ${to}`,
      );
      t.equal(withoutCode(last.text), withoutCode(`<${to}>: Recipient address rejected: ${said.reply.text}`));
    }
    await postfix.clear();
  });

  t.test('the code of a reply leads back to its transaction', async (t) => {
    const client = await scene.open('tls12');
    const { last } = await client.send({ from: 'lost@verify.example', to: 'bob@local.example' });
    await client.quit();
    const found = await daemon.command('lookup', codeOf(last.text)!);
    t.equal(found.status, 0);
    t.match(found.stdout, /lost@verify\.example/);
    t.match(found.stdout, /verify\.example/);
  });

  t.test('nothing went wrong inside', async (t) => {
    t.strictSame(daemon.events('bug'), []);
    t.strictSame(daemon.events('wire.error'), []);
    t.notMatch(postfix.log(), /fatal|panic|problem talking to server/);
  });
});
