/**
 * The fragments of contrib/postfix as an administrator pastes them, in a real Postfix with tlsward beside it: partners'
 * plain mail is refused, other mail passes, strangers cannot relay, and while tlsward is dead or silent everything is
 * deferred and nothing is accepted. Nothing in a fragment is rewritten but ports and the CA file: the socket paths are
 * relative to the queue folder, so they are right for this instance too, chrooted or not.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { root } from '../root.ts';
import { Daemon, type LogLine } from './harness/daemon.ts';
import { until } from './harness/deadline.ts';
import { Postfix } from './harness/mta/postfix.ts';
import { parseMain } from './harness/mta/postfix-config.ts';
import { writeAged } from './harness/mta/postfix-setup.ts';
import { type CertificateAuthority, createCa } from './harness/peers/ca.ts';
import type { Reply } from './harness/peers/smtp-reply.ts';
import { openSession, type SessionOptions } from './harness/peers/smtp-session.ts';
import { freePorts } from './harness/processes.ts';
import { command, e2eSkip } from './harness/requirements.ts';

t.jobs = 3; // most of the time here is Postfix waiting for a daemon that does not answer
const skip = e2eSkip(['root', 'postfix', 'openssl', 'sasl']);
const BOB = 'bob@local.example';

function fragment(name: string): string {
  return readFileSync(fileURLToPath(new URL(`contrib/postfix/${name}`, root)), 'utf8');
}

/** The lines about client certificates, switched on. */
function withCertificates(text: string, ca: CertificateAuthority): string {
  return text.replace(/^#(smtpd_tls_\w+ = )/gm, '$1').replace(/(smtpd_tls_CAfile = ).*/, `$1${ca.caFile}`);
}

/** What the fragments say about TLS, undone, so that it can only come from them. */
const WITHOUT_FRAGMENT = {
  smtpd_tls_ask_ccert: 'no',
  smtpd_tls_CAfile: '',
  smtpd_tls_fingerprint_digest: 'md5',
  smtpd_tls_loglevel: '0',
  smtpd_tls_received_header: 'no',
};

interface Site {
  readonly postfix: Postfix;
  readonly tlsward: Daemon;
  /** A listener like the first line of Debian's master.cf, chrooted. */
  readonly chrooted: number;
}

/** Postfix with these lines and tlsward with its sockets in the queue folder, as tmpfiles.d and tlsward.ini have them. */
async function site(
  t: Test,
  ca: CertificateAuthority,
  lines: string,
  services: string[] = [],
): Promise<Site> {
  const [chrooted = 0] = await freePorts(1);
  const postfix = new Postfix({
    ca,
    main: { ...WITHOUT_FRAGMENT, ...parseMain(lines) },
    listeners: { mx: {} },
    services: [`127.0.0.1:${chrooted} inet n - y - - smtpd`, ...services],
  });
  t.teardown(() => postfix.close());
  const folder = join(postfix.dir, 'queue/tlsward');
  mkdirSync(folder);
  chownSync(folder, 0, postfix.group);
  chmodSync(folder, 0o2750);
  const tlsward = await Daemon.create({
    protocols: ['control'],
    service: {
      'socket-mode': '0660',
      'policy-listen': `unix:${folder}/policy.sock`,
      'milter-listen': `unix:${folder}/milter.sock`,
    },
    tables: [
      '[domains]\nbank.example = encrypt\n[domain gov.example]\nreceive = verify\nclient-names = mx1.gov.example',
      `[domain lab.example]\nreceive = verify\nfingerprint = ${ca.clients.selfSigned.fingerprint}`,
    ].join('\n'),
  });
  t.teardown(() => tlsward.close());
  await tlsward.start();
  await postfix.start();
  return { postfix, tlsward, chrooted };
}

/** The last reply to one message. A refused STARTTLS is one: there an ordinary client gives up, too. */
async function reply(port: number, from: string, to = BOB, options: SessionOptions = {}): Promise<Reply> {
  const { tls, auth, ...plain } = options;
  const client = await openSession(port, plain);
  try {
    if (tls !== undefined) {
      const start = await client.starttls(tls === true ? {} : tls);
      if (start.code !== 220) return start;
      await client.ehlo();
    }
    if (auth !== undefined) await client.authPlain(auth.user, auth.password);
    return (await client.send({ from, to })).last;
  } finally {
    await client.quit();
  }
}

const MAIN = ['policy', 'milter', 'both'] as const;
/** While tlsward is away: the policy service is missed at RCPT, the milter from the first command on. */
const DOWN = {
  policy: { code: 450, enhanced: '4.7.1', text: /TLS policy service unavailable/ },
  milter: { code: 451, enhanced: '4.7.1', text: /Service unavailable - try again later/ },
  milterTls: { code: 454, enhanced: '4.3.0' },
};
const ACCEPTED = { code: 250, enhanced: '2.0.0' };
const REFUSED = { code: 530, enhanced: '5.7.0', text: /bank\.example requires TLS/ };

for (const name of MAIN) {
  t.test(`${name}.main.cf`, { skip, buffered: true }, async (t) => {
    const ca = createCa();
    t.teardown(() => ca.remove());
    const { postfix, tlsward, chrooted } = await site(t, ca, fragment(`${name}.main.cf`));
    const port = postfix.port('mx');
    const outside = { localAddress: '127.0.0.9' };

    for (const [where, at] of [
      ['not chrooted', port],
      ['chrooted', chrooted],
    ] as const) {
      t.match(await reply(at, 'alice@bank.example'), REFUSED, `${where}: plain mail from a partner`);
      t.match(await reply(at, 'alice@bank.example', BOB, { tls: true }), ACCEPTED, `${where}: with TLS`);
    }
    t.match(await reply(port, 'alice@other.example'), ACCEPTED, 'plain mail from anybody else');
    await postfix.waitForDelivered(BOB, { count: 3 });
    const protectedMail = postfix
      .delivered(BOB)
      .find((mail) => mail.first('Return-Path')?.includes('bank.example'));
    t.match(protectedMail?.first('Received'), /using TLSv1\.3 with cipher/, 'Received says what was used');
    t.equal(
      protectedMail?.first('X-TLS-Ward') !== null,
      name !== 'policy',
      'the milter marks, the policy service cannot',
    );

    const far = 'someone@far.example';
    const relay = { code: 554, enhanced: '5.7.1', text: /Relay access denied/ };
    t.match(await reply(port, 'x@other.example', far, outside), relay, 'a stranger cannot relay');
    t.match(
      await reply(port, 'alice@bank.example', far, outside),
      relay,
      'and learns nothing about the table',
    );
    t.match(await reply(port, 'x@other.example', BOB, outside), ACCEPTED, 'but may write to us');
    t.match(await reply(port, 'alice@bank.example', BOB, outside), REFUSED);
    const toUs = (line: LogLine) => line.event === 'tx.verdict' && line.client === '127.0.0.9';
    t.match(
      (await tlsward.waitForLine(toUs)).recipients,
      /bob@local/,
      'relay attempts do not even reach tlsward',
    );

    await postfix.clear();
    await tlsward.kill();
    const missed = name === 'policy' ? DOWN.policy : DOWN.milter;
    const missedTls = name === 'policy' ? DOWN.policy : DOWN.milterTls;
    for (const from of ['alice@bank.example', 'alice@other.example']) {
      t.match(await reply(port, from), missed, `tlsward killed: plain mail from ${from}`);
      t.match(
        await reply(port, from, BOB, { tls: true }),
        missedTls,
        `tlsward killed: TLS mail from ${from}`,
      );
    }
    t.strictSame([await postfix.queue(), postfix.delivered()], [[], []], 'nothing was accepted');

    await tlsward.start();
    t.match(await reply(port, 'alice@bank.example'), REFUSED, 'started again');
    t.match(await reply(port, 'alice@bank.example', BOB, { tls: true }), ACCEPTED);

    process.kill(tlsward.pid, 'SIGSTOP');
    const begun = performance.now();
    const silent = await reply(port, 'alice@other.example', BOB, { timeoutMs: 180_000 });
    process.kill(tlsward.pid, 'SIGCONT');
    t.match(silent, missed, `silent: deferred after ${Math.round((performance.now() - begun) / 1000)} s`);
    t.ok(performance.now() - begun < 120_000, 'within the time limits, not after 200 s');
  });
}

/** Whole messages that arrive of one DATA with a second message behind a bare newline, dot, CRLF. */
async function smuggled(postfix: Postfix): Promise<string[]> {
  await postfix.clear();
  const client = await openSession(postfix.port('mx'), { localAddress: '127.0.0.9' });
  await client.mail('mallory@other.example');
  await client.rcpt(BOB);
  await client.command('DATA');
  const second = `MAIL FROM:<alice@partner.example>\r\nRCPT TO:<${BOB}>\r\nDATA\r\nSubject: second\r\n\r\nx`;
  client.write(`Subject: first\r\n\r\nx\n.\r\n${second}\r\n.\r\n`);
  await client.reply('the end of the first');
  await client.quit();
  await postfix.waitForDelivered(BOB);
  await until(10_000, 'an empty queue', async () => (await postfix.queue()).length === 0);
  return postfix.delivered(BOB).map((mail) => `${mail.first('Return-Path')} ${mail.first('Subject')}`);
}

t.test('a message smuggled in behind a bare newline', { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  for (const name of MAIN) {
    const { postfix } = await site(t, ca, fragment(`${name}.main.cf`));
    const first = '<mallory@other.example> first';
    t.strictSame(await smuggled(postfix), [first], `${name}: is text of the first`);
    if (name === 'both') {
      await postfix.setMain({ smtpd_forbid_bare_newline: 'no', smtpd_forbid_unauth_pipelining: 'no' });
      const both = [first, '<alice@partner.example> second'];
      t.strictSame((await smuggled(postfix)).sort(), both.sort(), 'without the line it is a message');
    }
    await postfix.stop();
  }
});

t.test('client certificates, with the commented lines switched on', { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const { right, wrong, selfSigned } = ca.clients;
  for (const name of MAIN) {
    const { postfix } = await site(t, ca, withCertificates(fragment(`${name}.main.cf`), ca));
    const port = postfix.port('mx');
    const refused = { code: 550, enhanced: '5.7.5' };
    const from = 'alice@gov.example';
    t.match(await reply(port, from, BOB, { tls: right }), ACCEPTED, `${name}: the right name`);
    t.match(await reply(port, from, BOB, { tls: wrong }), refused, `${name}: another name`);
    t.match(await reply(port, from, BOB, { tls: true }), refused, `${name}: no certificate`);
    const pinned = await reply(port, 'alice@lab.example', BOB, { tls: selfSigned });
    // a milter is not told fingerprints: neither accepted nor refused for good
    const untold = { code: 451, enhanced: '4.3.5' };
    t.match(pinned, name === 'milter' ? untold : ACCEPTED, `${name}: a pin`);
    await postfix.stop();
  }
});

t.test('mail that did not come by SMTP', { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const { postfix } = await site(t, ca, fragment('milter.main.cf'));
  await postfix.sendmail(['-f', 'alice@bank.example', BOB], 'Subject: cron\n\nx\n');
  t.equal((await postfix.waitForDelivered(BOB)).length, 1, 'without a milter for it');
  await postfix.setMain({ non_smtpd_milters: '$tlsward_milter' });
  await postfix.sendmail(['-f', 'alice@bank.example', BOB], 'Subject: cron\n\nx\n');
  t.equal(
    (await postfix.waitForDelivered(BOB, { count: 2 })).length,
    2,
    'tlsward in non_smtpd_milters does no harm',
  );
});

t.test('reinject.master.cf and submission.master.cf', { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const [reinject = 0, submission = 0] = await freePorts(2);
  // SASL's password file lies outside this instance's chroot; Debian's own submission entry is chrooted
  const services = [
    fragment('reinject.master.cf').replace(':10025 ', `:${reinject} `),
    fragment('submission.master.cf').replace(/^submission inet n - y/m, `127.0.0.1:${submission} inet n - n`),
  ];
  t.ok(services.every((text) => /^127\.0\.0\.1:\d+ inet/m.test(text)));
  const { postfix, tlsward } = await site(t, ca, fragment('both.main.cf'), services);
  t.match(await reply(postfix.port('mx'), 'alice@bank.example'), REFUSED);
  t.match(await reply(reinject, 'alice@bank.example'), ACCEPTED, 'a content filter hands partner mail back');

  const user = { tls: true, auth: { user: 'alice', password: 'secret' }, localAddress: '127.0.0.9' } as const;
  t.match(
    await reply(submission, 'alice@local.example', 'bob@bank.example', user),
    ACCEPTED,
    'a user, with TLS',
  );
  const verify = await reply(submission, 'alice@gov.example', BOB, user);
  t.match(
    verify,
    { code: 550, enhanced: '5.7.5' },
    'users are judged: this row wants a certificate of its sender',
  );
  await tlsward.kill();
  t.match(
    await reply(submission, 'alice@local.example', 'bob@bank.example', user),
    DOWN.milterTls,
    'tlsward killed',
  );
  t.match(await reply(reinject, 'alice@bank.example'), ACCEPTED, 'the listener that does not ask goes on');
});

t.test('postconf reads every fragment without a warning', { skip }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-pc-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const postconf = (...args: string[]) =>
    execFileSync(command('sh'), ['-c', 'exec "$@" 2>&1', 'sh', command('postconf'), '-c', dir, ...args], {
      encoding: 'utf8',
    });
  const mine = 'compatibility_level = 3.6\nmyhostname = mx.example.org\n';
  for (const name of MAIN) {
    const more = name === 'both' ? ['reinject', 'submission'] : [];
    const services = ['smtp inet n - y - - smtpd\n', ...more.map((file) => fragment(`${file}.master.cf`))];
    writeAged(join(dir, 'main.cf'), `${mine}${fragment(`${name}.main.cf`)}`);
    writeAged(join(dir, 'master.cf'), services.join(''));
    t.notMatch(postconf('-n'), /warning|fatal/, name);
    t.notMatch(postconf('-M'), /warning|fatal/, name);
    t.notMatch(postconf('-P'), /warning|fatal/, name);
  }
  t.match(postconf('-P'), /^127\.0\.0\.1:10025\/inet\/smtpd_milters = *$/m);
  for (const way of ['recipient', 'header']) {
    const parts = [`message-${way}`, ...(way === 'header' ? [] : ['message-again'])];
    const main = ['milter', 'deliver', 'message-fence', ...parts].map((file) => fragment(`${file}.main.cf`));
    const master = parts.map((file) => fragment(`${file}.master.cf`));
    writeAged(join(dir, 'main.cf'), `${mine}${main.join('')}`);
    writeAged(join(dir, 'master.cf'), `smtp inet n - y - - smtpd\n${master.join('')}`);
    for (const what of ['-n', '-M', '-P']) t.notMatch(postconf(what), /warning|fatal/, `${way} ${what}`);
    t.match(postconf('-P'), /^tlsward-verify\/unix\/smtp_tls_security_level = verify$/m);
  }
  writeAged(join(dir, 'main.cf'), `${mine}${fragment('both.main.cf')}tlsward_polcy = x\n`);
  t.match(postconf('-n'), /warning.*tlsward_polcy/, 'and it would warn');
});
