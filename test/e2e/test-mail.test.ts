/**
 * `tlsward test-mail` on a real Postfix that writes its own log: what it says of a server with STARTTLS, of one without, of
 * one that refuses, and of a log that tells nothing of TLS.
 */
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { shellWord } from '../../src/doctor/mend.ts';
import { postfixPrograms } from './harness/mta/postfix-programs.ts';
import { createCa } from './harness/peers/ca.ts';
import { TlsSink } from './harness/peers/tls-sink.ts';
import { e2eSkip } from './harness/requirements.ts';
import { site, tlsOf } from './harness/scenes/deliver-scene.ts';

const skip = e2eSkip(['root', 'postfix', 'openssl']);

t.test('what became of a message, and under which TLS', { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const routes = new Map<string, string>();
  const sinks = new Map<string, TlsSink>();
  for (const kind of ['plain', 'right'] as const) {
    const sink = await TlsSink.start({ tls: tlsOf(kind, ca) });
    t.teardown(() => sink.stop());
    sinks.set(kind, sink);
    routes.set(`${kind}.example`, `smtp:[localhost]:${sink.port}`);
    routes.set(`must-${kind}.example`, `smtp:[localhost]:${sink.port}`);
  }
  const plainPort = sinks.get('plain')!.port;
  const tables = '[domains]\nother.example = may\n';
  const { postfix, daemon } = await site(t, ca, tables, routes, {
    main: { smtp_tls_security_level: 'may', smtp_tls_policy_maps: '' },
  });
  const programs = postfixPrograms();
  const words = programs.argv(join(programs.commands, 'sendmail'), ['-C', join(postfix.dir, 'etc')]);
  const sendmail = postfix.file('sendmail', `#!/bin/sh\nexec ${words.map(shellWord).join(' ')} "$@"\n`);
  chmodSync(sendmail, 0o755);
  const log = join(postfix.dir, 'mail.log');
  const ask = async (to: string, wait: string) => {
    const asked = daemon.command(
      ...(['test-mail', to, '--from', 'alice@local.example', '--json'] as const),
      ...(['--sendmail', sendmail, '--log', log, '--wait', wait] as const),
    );
    const { status, stdout, stderr } = await asked;
    t.equal(stderr, '');
    return { status, ...JSON.parse(stdout) };
  };

  const under = await ask('bob@right.example', '8');
  t.match(under, { status: 0, ok: true, outcome: 'protected' });
  const [delivery] = under.deliveries;
  t.match(delivery, { queueId: under.queueIds[0], to: 'bob@right.example', status: 'sent', dsn: '2.0.0' });
  t.match(
    delivery.tls.text,
    /TLS connection established to localhost\[127\.0\.0\.1\]:[0-9]+: TLSv1\.[23] with cipher /,
  );
  const [received] = sinks.get('right')!.messages;
  t.ok(received !== undefined, 'and it has arrived');

  const plain = await ask('bob@plain.example', '8');
  t.match(plain, {
    status: 1,
    ok: false,
    outcome: 'unknown',
    deliveries: [{ status: 'sent', tls: { kind: 'none' } }],
  });

  await postfix.setMain({ smtp_tls_policy_maps: `inline:{ { [localhost]:${plainPort} = encrypt } }` });
  const refused = await ask('bob@must-plain.example', '3');
  t.match(refused, {
    status: 2,
    outcome: 'undelivered',
    deliveries: [{ status: 'deferred', dsn: '4.7.4', tls: { kind: 'none' } }],
  });

  await postfix.setMain({ smtp_tls_loglevel: '0' });
  const silent = await ask('bob@right.example', '8');
  t.match(silent, { status: 1, outcome: 'unknown', deliveries: [{ status: 'sent', tls: { kind: 'none' } }] });
});
