/** `tlsward tlsrpt send` with a DNS and a mail server of the test: dry run, sending once, mistakes, a report to ourselves. */

import { writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { run } from '../../src/cli/tlsrpt.ts';
import { fakeServer } from '../dns/fakeServer.ts';
import { page } from '../manual.ts';
import { delivery, MadeEvidence, newFolder } from '../trace/madeDays.ts';
import { NUMBER, name, record, string } from '../wire/dnsBytes.ts';
import { u16 } from '../wire/milterBytes.ts';
import { say } from './runCommand.ts';

const DAY = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);

/** Takes every message; what it took. */
async function mailServer(t: Test): Promise<{ readonly address: string; readonly taken: string[] }> {
  const taken: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    let text = '';
    let data = false;
    socket.write('220 mx ESMTP\r\n');
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      for (
        let end = text.indexOf(data ? '\r\n.\r\n' : '\r\n');
        end >= 0;
        end = text.indexOf(data ? '\r\n.\r\n' : '\r\n')
      ) {
        const line = text.slice(0, end);
        text = text.slice(end + (data ? 5 : 2));
        if (data) taken.push(`${line}\r\n`);
        data = !data && line === 'DATA';
        if (line === 'QUIT') socket.end('221 bye\r\n');
        else socket.write(data ? '354 go on\r\n' : '250 2.0.0 ok\r\n');
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as { port: number };
  return { address: `127.0.0.1:${port}`, taken };
}

async function place(t: Test, keys = '') {
  const folder = newFolder(t);
  const texts: Readonly<Record<string, string>> = {
    '_smtp._tls.bank.example': 'v=TLSRPTv1; rua=mailto:reports@bank.example,ftp://x.example',
  };
  const dns = await fakeServer(t, (query) => {
    const text = texts[query.name];
    const answers = [
      ...(query.type === 'MX' ? [record(query.name, NUMBER.MX, 60, u16(10), name('mx.bank.example'))] : []),
      ...(query.type === 'TXT' && text !== undefined
        ? [record(query.name, NUMBER.TXT, 60, string(text))]
        : []),
    ];
    query.answer({ answers });
  });
  const made = new MadeEvidence(join(folder, 'evidence'), 'mx1.example.org');
  const server = (domain: string) => ({ host: `mx.${domain}`, address: '192.0.2.1', port: 25 });
  const sessions = ['bank.example', 'other.example'].map((domain, i) =>
    delivery(`${DAY}T10:00:0${i}.000Z`, {
      queueId: `A${i}`,
      recipient: `<bob@${domain}>`,
      recipientDomain: domain,
      relay: server(domain),
      demanded: { level: 'may', from: 'log' },
    }),
  );
  made.day('collector', DAY, sessions);
  const config = join(folder, 'tls.ini');
  const service = [
    `policy-listen = unix:${folder}/p.sock`,
    `evidence = ${made.directory}`,
    'host-name = mx1.example.org',
    `resolver = 127.0.0.1:${dns.port}`,
    keys || 'tlsrpt-send = mail\ntlsrpt-organization = Us\ntlsrpt-contact = tlsrpt@example.org',
  ];
  writeFileSync(config, `[service]\n${service.join('\n')}\n[domains]\na.example = may\n`);
  const send = (...argv: string[]) => say(run, ['send', '--config', config, '--state', folder, ...argv]);
  return { folder, send };
}

test('a dry run, and sending once', async (t) => {
  const { send } = await place(t);
  const mail = await mailServer(t);
  const dry = await send('--dry-run');
  t.equal(dry.code, 0, dry.err);
  t.match(dry.out, /^\S+: Counted from deliveries in the mail log of mx1\.example\.org/);
  t.match(dry.out, /^bank\.example: 1 good, 0 failed, to mailto:reports@bank\.example$/m);
  t.match(dry.out, /^ {2}not to ftp:\/\/x\.example: neither mailto nor https$/m);
  t.match(dry.out, /"policy-domain":"bank\.example"/);
  t.match(dry.out, /^1 report, 1 domain without one$/m);
  t.equal(mail.taken.length, 0);
  const smtp = ['--smtp', mail.address];
  const sent = await send(...smtp, '--domain', 'bank.example');
  t.match(sent, {
    code: 0,
    out: `${DAY} bank.example: taken to mailto:reports@bank.example (250 2.0.0 ok)\n`,
  });
  t.match(sent.out, /: 1 report sent$/m);
  t.equal(mail.taken.length, 1);
  t.match(mail.taken[0], /^To: <reports@bank\.example>\r$/m);
  t.match(await send(...smtp), { code: 0, out: /0 reports sent, 1 domain without one/ });
  t.match(await send(...smtp, '--day', DAY), { code: 0, out: /0 reports sent/ });
  t.equal(mail.taken.length, 1, 'once only');
  t.match((await send('--dry-run')).out, /bank\.example \(sent before\)/);
});

test('with a spread, and without a mail server', async (t) => {
  const { send } = await place(t);
  const refused = await send('--smtp', '127.0.0.1:9', '--json');
  t.equal(refused.code, 75);
  t.match(JSON.parse(refused.out.split('\n')[0]!), { ok: false, domain: 'bank.example', state: 'refused' });
});

test('mistakes', async (t) => {
  const { send } = await place(t);
  const today = new Date().toISOString().slice(0, 10);
  for (const [argv, error] of [
    [['--day', today], /UsageError: --day: found .* expected a day \(UTC\) that is over/],
    [['--day', '2020-01-01'], /UsageError: --day/],
    [['--domain', '-'], /UsageError: --domain/],
    [['--spread', '99'], /UsageError: --spread/],
    [['--smtp', 'x'], /UsageError: --smtp/],
    [['--smtp', '127.0.0.1:25', '--sendmail', '/bin/true'], /exclude each other/],
    [['--to-self', 'nobody'], /UsageError: --to-self/],
    [['--to-self', 'a@example.org', '--wait', '0'], /UsageError: --wait/],
  ] as const)
    t.match((await send(...argv)).code, error, argv.join(' '));
  t.match((await send('--dry-run', '--day', '2020-01-01')).code, 0, 'a dry run may be about any day');
  const off = await place(t, 'tlsrpt-organization = Us\ntlsrpt-contact = a@example.org');
  t.match((await off.send()).code, /ConfigError: tlsrpt-send of \[service\] is no/);
  t.equal((await off.send('--dry-run')).code, 0);
  const half = await place(t, 'tlsrpt-send = mail');
  t.match(await half.send(), {
    code: 78,
    err: /tlsrpt-send = mail without tlsrpt-organization, tlsrpt-contact/,
  });
});

test('a report to ourselves', async (t) => {
  const { folder, send } = await place(t);
  const mail = await mailServer(t);
  const box = join(folder, 'box');
  const asked = send(
    '--smtp',
    mail.address,
    '--to-self',
    'postmaster@example.org',
    '--mailbox',
    box,
    '--wait',
    '60',
  );
  while (mail.taken.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  const signature =
    'DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=one; h=From:To:Subject:TLS-Report-Domain:\r\n TLS-Report-Submitter; bh=YQ==; b=YQ==\r\n';
  const claim = 'Authentication-Results: mx.example.org; dkim=pass header.d=example.org\r\n';
  writeFileSync(box, `${claim}${signature}${mail.taken[0]}`);
  const said = await asked;
  t.match(said, { code: 0, out: /^it came back, signed by example\.org with the key one\n/ }, said.err);
  t.match(said.out, /^better +the signature does not cover date, message-id$/m);
  t.match(said.out, /^checked +mx\.example\.org says pass for example\.org$/m);
  const bare = send('--smtp', mail.address, '--to-self', 'postmaster@example.org', '--mailbox', box);
  while (mail.taken.length === 1) await new Promise((resolve) => setTimeout(resolve, 20));
  writeFileSync(box, mail.taken[1]!);
  t.match(await bare, { code: 1, out: /receivers ignore it\nwrong +no DKIM-Signature/ });
  const none = await send(
    '--smtp',
    mail.address,
    '--to-self',
    'a@example.org',
    '--mailbox',
    folder,
    '--wait',
    '1',
    '--json',
  );
  t.match(none.code, 75);
  t.match(await send('--smtp', mail.address, '--to-self', 'a@example.org'), {
    code: 0,
    out: /^sent to a@example\.org as </,
  });
  t.match(await send('--smtp', '127.0.0.1:9', '--to-self', 'a@example.org'), {
    code: 75,
    err: /was not taken/,
  });
});

test('the page names the options', async (t) => {
  const text = page('contrib/doc/tlsrpt-send.md');
  for (const word of [
    '--dry-run',
    '--day',
    '--spread',
    '--smtp',
    '--sendmail',
    '--to-self',
    '--mailbox',
    '--state',
  ])
    t.ok(text.includes(word), word);
});
