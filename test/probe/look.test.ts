/**
 * One connection to servers that are wrong in one way each: what is seen, that it ends, and that nothing is left open.
 * The right ones are those of the end-to-end tests.
 */
import { createServer, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import { type Test, test } from 'tap';
import { contextOf, trustOf } from '../../src/probe/contexts.ts';
import { look } from '../../src/probe/look.ts';
import type { Sighting } from '../../src/probe/sighting.ts';
import { createCa } from '../e2e/harness/peers/ca.ts';
import { e2eSkip } from '../e2e/harness/requirements.ts';

const skip = e2eSkip(['openssl']);
const LIMITS = { connectMs: 5000, stepMs: 400, totalMs: 5000 };

/** What is seen of a server that does this with each connection. */
async function see(
  t: Test,
  serve: (socket: Socket) => void,
  { ca = '', servername = null as string | null, limits = LIMITS } = {},
): Promise<Sighting> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    serve(socket);
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const sighting = await look(
    {
      address: '127.0.0.1',
      port,
      ehloName: 'me.example',
      servername,
      context: contextOf(trustOf(ca, '')),
    },
    limits,
  );
  // waits for the connections that are left
  const closed = await new Promise((resolve) => server.close(resolve));
  t.equal(closed, undefined, 'the probe has closed its connection');
  return sighting;
}

/** Answers each line by the first that its verb is in. */
function talk(socket: Socket, replies: Readonly<Record<string, string>>, greeting = '220 mx\r\n'): void {
  socket.write(greeting);
  socket.on('data', (chunk) => {
    for (const line of chunk.toString('latin1').split('\r\n')) {
      const reply = replies[line.split(' ', 1)[0]!];
      if (reply !== undefined) socket.write(reply);
    }
  });
}

const reached = ({ reached }: Sighting): string =>
  'why' in reached ? `${reached.kind}: ${reached.why}` : reached.kind;

test('servers that are wrong', async (t) => {
  t.match(reached(await see(t, () => undefined)), /^broken: no answer within 0\.4 s/);
  t.match(reached(await see(t, (socket) => socket.end())), /^broken: the server closed the connection/);
  t.match(reached(await see(t, (socket) => socket.write('220 x'.padEnd(5000, 'x')))), /longer than 2048/);
  const babble = (socket: Socket) => {
    const timer = setInterval(() => socket.write('220-x\r\n'.repeat(50)), 5);
    socket.on('close', () => clearInterval(timer));
  };
  t.match(reached(await see(t, babble)), /more than 100 lines/);
  t.equal(
    reached(await see(t, (socket) => talk(socket, { EHLO: '250 mx\r\n', QUIT: '221 bye\r\n' }))),
    'plain',
  );
  t.equal(reached(await see(t, (socket) => talk(socket, {}, '554 no\r\n'))), 'unwilling', 'QUIT unanswered');
  const ehlo = '250-mx\r\n250 STARTTLS\r\n';
  const refused = await see(t, (socket) =>
    talk(socket, { EHLO: ehlo, STARTTLS: '454 4.7.0 no\r\n', QUIT: '221 bye\r\n' }),
  );
  t.match(refused.reached, { kind: 'refused', reply: { code: 454 } });
  const garbled = (socket: Socket) => talk(socket, { EHLO: ehlo, STARTTLS: '220 go\r\nno TLS at all\r\n' });
  const seen = await see(t, garbled);
  t.match(reached(seen), /^failed: /);
  t.equal(seen.injected, 'no TLS at all\r\n'.length);
  t.match(seen.steps.at(-2), {
    step: 'starttls',
    ok: false,
    says: '15 bytes were sent before the handshake',
  });
  const silent = await see(t, (socket) => talk(socket, { EHLO: ehlo, STARTTLS: '220 go\r\n' }));
  t.match(reached(silent), /^failed: no answer within/, 'no handshake');
});

test('no server', async (t) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise<void>((resolve) => server.close(() => resolve()));
  const context = contextOf({ ca: [], from: '' });
  const found = await look({ address: '127.0.0.1', port, ehloName: 'me.example', servername: null, context });
  t.same(found.reached, { kind: 'unreachable', why: 'connection refused', here: false });
});

test('a handshake', { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const { cert, key } = ca.issue('mx', { subject: '/CN=mx.bank.example', san: ['mx.bank.example'] });
  const asked: string[] = [];
  const serve = (inject: string) => (socket: Socket) => {
    socket.write('220 mx\r\n');
    const plain = (chunk: Buffer): void => {
      if (!chunk.toString().startsWith('STARTTLS')) {
        socket.write('250-mx\r\n250 STARTTLS\r\n');
        return;
      }
      socket.removeListener('data', plain);
      socket.write(`220 go\r\n${inject}`);
      const secure = new TLSSocket(socket, {
        isServer: true,
        secureContext: createSecureContext({ cert, key }),
        SNICallback: (name, done) => {
          asked.push(name);
          done(null, createSecureContext({ cert, key }));
        },
      });
      secure.on('error', () => undefined);
      secure.on('data', (text) =>
        secure.write(text.toString().startsWith('EHLO') ? '250 mx\r\n' : '221 bye\r\n'),
      );
    };
    socket.on('data', plain);
  };
  const trusted = await see(t, serve(''), { ca: ca.caFile });
  t.match(trusted.reached, { kind: 'tls', session: { protocol: 'TLSv1.3', bits: 256, distrust: '' } });
  t.same(
    trusted.steps.map(({ step, ok }) => `${step} ${ok}`),
    ['connect', 'greeting', 'ehlo', 'starttls', 'handshake', 'ehlo-tls'].map((step) => `${step} true`),
  );
  if (trusted.reached.kind !== 'tls') return;
  const [leaf, issuer] = trusted.reached.session.chain;
  t.same(leaf?.names, ['mx.bank.example']);
  t.equal(issuer?.subject, 'CN=Test Root CA');
  t.same(asked, [], 'no name is sent');

  const strange = await see(t, serve(''));
  t.match(
    strange.reached,
    { kind: 'tls', session: { distrust: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' } },
    'nobody is trusted',
  );
  await see(t, serve(''), { servername: 'mx.bank.example' });
  t.same(asked, ['mx.bank.example']);
  const injected = await see(t, serve('250 AUTH PLAIN\r\n'), { ca: ca.caFile });
  t.equal(injected.injected, 16);
  t.equal(injected.reached.kind, 'tls', 'they are thrown away');
});
