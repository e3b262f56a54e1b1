/**
 * REQUIRETLS (RFC 8689) with the Postfix that has it, 3.11: the author's parameter of MAIL is a rule's condition, and a rule asks
 * for it through the policy service; the server that gets the message sees the parameter, one that does not have it nothing.
 */
import t from 'tap';
import { releaseSkip } from './harness/requirements.ts';
import { messageScene } from './harness/scenes/message-scene.ts';

const skip = releaseSkip('sid', ['root', 'openssl', 'sasl', 'unbound']);

t.test('REQUIRETLS', { skip, timeout: 600_000 }, async (t) => {
  const x = await messageScene(t, {
    release: 'sid',
    policy: true,
    requireTls: ['good'],
    service: () => ({ 'postfix-version': '3.11' }),
    tables: [
      '[rule asked]\nrequiretls = yes\ndeliver = verify',
      '[rule partner]\nrecipient = .good.example, good.example, self.example\nsender = carol@local.example',
      'deliver = verify\nrequest-requiretls = yes',
      '[domains]\nwatched.example = encrypt',
    ].join('\n'),
  });
  t.ok(x.postfix.since(3, 11), x.postfix.version);
  const session = { tls: true } as const;
  const listener = 'smtp';

  const plain = await x.post({ to: 'u@good.example', listener, mailParameters: 'REQUIRETLS' });
  t.match(plain.mail, { code: 555, enhanced: '5.5.4' }, 'not offered in plain text');

  const asked = await x.accepted(t, {
    to: 'u@good.example',
    listener,
    session,
    mailParameters: 'REQUIRETLS',
  });
  t.equal(await x.outcome(asked, 'u@good.example'), 'tlsward-verify 2.0.0 sent', 'the rule made it verify');
  const [first] = await x.sink('good').waitForMessages(1);
  t.match(first, { protocol: 'TLSv1.3', parameters: /\bREQUIRETLS\b/ });

  const weak = await x.accepted(t, { to: 'u@self.example', listener, session, mailParameters: 'REQUIRETLS' });
  t.match(
    await x.outcome(weak, 'u@self.example'),
    /^tlsward-verify 5\.7\.\d+ bounced$/,
    'nobody to be believed',
  );

  const from = 'carol@local.example';
  const requested = await x.accepted(t, { to: 'u@good.example', from, listener });
  t.equal(await x.outcome(requested, 'u@good.example'), 'tlsward-verify 2.0.0 sent');
  const second = (await x.sink('good').waitForMessages(2))[1];
  t.match(
    second,
    { protocol: 'TLSv1.3', parameters: /\bREQUIRETLS\b/ },
    'asked for through the policy service',
  );

  const usual = await x.accepted(t, { to: 'u@good.example', listener });
  t.equal(await x.outcome(usual, 'u@good.example'), 'smtp 2.0.0 sent');
  const third = (await x.sink('good').waitForMessages(3))[2];
  t.notMatch(third!.parameters, /REQUIRETLS/, 'nobody asked');
  x.sealed(t);
  t.strictSame(x.daemon.events('bug'), []);
});
