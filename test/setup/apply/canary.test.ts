/** The canary: what each reply of Postfix proves, and a daemon that does not answer. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { askPostfix, playListeners } from '../../../src/setup/apply/canary.ts';
import { postfixOf } from '../../mta/postfixOf.ts';
import { usualWanted } from '../planCases.ts';

/** Answers each line by its first word; the lines that came are kept. */
async function smtpStub(
  replies: Readonly<Record<string, string>>,
): Promise<{ server: Server; port: number; seen: string[] }> {
  const seen: string[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.write('220-mx.example.org\r\n220 ESMTP\r\n');
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString();
      for (let end = text.indexOf('\r\n'); end >= 0; end = text.indexOf('\r\n')) {
        const line = text.slice(0, end);
        text = text.slice(end + 2);
        seen.push(line);
        const word = line.split(/[ :]/, 1)[0]!;
        socket.write(`${replies[word] ?? '250 2.0.0 Ok'}\r\n`);
        if (word === 'QUIT') socket.end();
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port, seen };
}

const configOf = (port: number | string) =>
  postfixOf('mydestination = localhost, example.org\nmyhostname = mx.example.org', {
    master: `465 inet n - y - - smtpd -o smtpd_tls_wrappermode=yes\n127.0.0.1:${port} inet n - y - - smtpd\n`,
  });

test('what Postfix answers', async (t) => {
  const cases = [
    [{}, true, '250 2.0.0 Ok'],
    [
      { RCPT: '450 4.7.1 <x>: Recipient address rejected: TLS policy service unavailable' },
      false,
      'unavailable',
    ],
    [{ MAIL: '451 4.7.1 Service unavailable - try again later' }, false, 'Service unavailable'],
    [{ RCPT: '451 4.3.5 <x>: Recipient address rejected: Server configuration problem' }, false, '4.3.5'],
    [{ RCPT: '451 4.3.0 <x>: Temporary lookup failure' }, false, 'Temporary lookup'],
    [{ MAIL: '530 5.7.0 Must issue a STARTTLS command first' }, null, 'STARTTLS'],
    [{ RCPT: '554 5.7.1 blocked by a list of the site' }, null, 'blocked'],
    [{ EHLO: '250-mx\r\n250-PIPELINING\r\n250 8BITMIME' }, true, '250 2.0.0 Ok'],
  ] as const;
  for (const [replies, ok, words] of cases) {
    const { server, port, seen } = await smtpStub(replies);
    const step = await askPostfix(configOf(port));
    t.equal(step.ok, ok, step.said);
    t.ok(step.said.includes(words), step.said);
    t.same(seen, ['EHLO mx.example.org', 'MAIL FROM:<>', 'RCPT TO:<postmaster@example.org>', 'RSET', 'QUIT']);
    server.close();
  }
});

test('a Postfix that does not answer', async (t) => {
  const { server, port } = await smtpStub({});
  server.close();
  await once(server, 'close');
  t.match(await askPostfix(configOf(port)), { name: 'smtp', ok: false, said: /ECONNREFUSED/ });
  t.match(await askPostfix(configOf('nosuchport')), { ok: null }, 'a name of a port that we do not know');
});

test('a daemon that does not answer', async (t) => {
  // a path in a test's own folder may be too long for a socket
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const config = postfixOf(`queue_directory = ${dir}`);
  const steps = await playListeners(usualWanted(config, {}));
  t.same(
    steps.map(({ name, ok }) => [name, ok]),
    [
      ['policy', false],
      ['milter', false],
      ['socketmap', false],
    ],
  );
  t.match(steps[0]?.said, /ENOENT/);
  t.same(await playListeners(usualWanted(config, { wishes: [] })), []);
});
