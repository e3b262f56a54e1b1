/**
 * Another policy server, played on loopback: answers, connections used again, one that went away, silence, garbage.
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type Test, test } from 'tap';
import type { PublishedQuestion } from '../../src/core/publishedFacts.ts';
import { PolicyServerClient } from '../../src/discovery/policyServerClient.ts';
import { SocketmapDecoder } from '../../src/wire/socketmapDecode.ts';
import { formatSocketmapReply, type SocketmapReply } from '../../src/wire/socketmapEncode.ts';
import { until } from '../until.ts';

type Say = string | SocketmapReply | null;

interface Played {
  readonly server: PolicyServerClient;
  readonly port: number;
  readonly keys: string[];
  readonly sockets: Set<Socket>;
  readonly listener: Server;
  opened: number;
}

/** `say`: bytes as they are, a reply, or null for silence. */
async function play(
  t: Test,
  say: (key: string, socket: Socket) => Say | Promise<Say>,
  deadlineMs = 30_000,
): Promise<Played> {
  const sockets = new Set<Socket>();
  const keys: string[] = [];
  const listener = createServer((socket) => {
    played.opened++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    const decoder = new SocketmapDecoder();
    socket.on('data', async (chunk) => {
      decoder.push(chunk);
      for (let request = decoder.next(); request !== null; request = decoder.next()) {
        keys.push(`${request.map} ${request.key}`);
        const said = await say(request.key, socket);
        if (said === null) continue;
        const text = typeof said === 'string' ? said : formatSocketmapReply(said);
        socket.write(typeof said === 'string' ? text : `${text.length}:${text},`);
      }
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as AddressInfo;
  const server = new PolicyServerClient({
    address: { kind: 'inet', host: '127.0.0.1', port },
    map: 'QUERY',
    version: { major: 3, minor: 7 },
    deadlineMs,
  });
  const played: Played = { server, port, keys, sockets, listener, opened: 0 };
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
    listener.close();
  });
  return played;
}

const about = (name: string, more: Partial<PublishedQuestion> = {}): PublishedQuestion => ({
  name,
  host: false,
  port: 25,
  ...more,
});
const ok = (value: string): SocketmapReply => ({ status: 'OK', value });

test('what it says', async (t) => {
  const played = await play(t, (key): Say => {
    if (key === 'nothing.example') return { status: 'NOTFOUND' };
    if (key === 'temp.example') return { status: 'TEMP', reason: 'upstream is down' };
    if (key === 'perm.example') return { status: 'PERM', reason: 'no' };
    if (key === 'odd.example') return ok('secure foo=bar');
    return ok('secure match=mx.a.example servername=hostname policy_type=sts');
  });
  const { server } = played;
  t.strictSame(await server.ask(about('a.example')), {
    kind: 'policy',
    level: 'secure',
    attributes: [
      { name: 'match', value: 'mx.a.example' },
      { name: 'servername', value: 'hostname' },
    ],
  });
  t.strictSame(await server.ask(about('nothing.example')), { kind: 'nothing' });
  t.match(await server.ask(about('temp.example')), {
    kind: 'unknown',
    why: 'it answers TEMP upstream is down',
  });
  t.match(await server.ask(about('perm.example')), { kind: 'unknown', why: /PERM no/ });
  t.match(await server.ask(about('odd.example')), { kind: 'unknown', why: /not known/ });
  await server.ask(about('a.example', { host: true }));
  await server.ask(about('a.example', { host: true, port: 587 }));
  t.strictSame(played.keys.slice(-2), ['QUERY [a.example]', 'QUERY [a.example]:587']);
  t.equal(played.opened, 1, 'one connection, used again');
});

test('many at once: each answer goes to whoever asked, a slow one holds up nobody', async (t) => {
  let release = () => {};
  const others = new Promise<void>((resolve) => {
    release = resolve;
  });
  const played = await play(
    t,
    async (key) => {
      if (key.startsWith('slow')) await others;
      return ok(`secure match=${key}`);
    },
    10_000,
  );
  const names = Array.from({ length: 60 }, (_, i) => `${i % 10 === 0 ? 'slow' : 'm'}${i}.example`);
  const finished: string[] = [];
  const answers = await Promise.all(
    names.map(async (name) => {
      const answer = await played.server.ask(about(name));
      finished.push(name);
      if (finished.length === 54) release();
      return answer;
    }),
  );
  for (const [i, answer] of answers.entries())
    t.match(answer, { kind: 'policy', attributes: [{ name: 'match', value: names[i] }] });
  t.ok(played.opened <= 64, `${played.opened} connections`);
  t.ok(
    finished.slice(-6).every((name) => name.startsWith('slow')),
    'the slow ones came last',
  );
});

test('domains for which it hangs hold up no others', async (t) => {
  const played = await play(t, (key) => (key.includes('hang') ? null : ok('encrypt')), 20_000);
  const one = Array.from({ length: 100 }, (_, i) => played.server.ask(about(`hang${i}.evil.example`)));
  t.match(await played.server.ask(about('a.example')), { level: 'encrypt' });
  t.ok(played.opened <= 17, 'one owner has a quarter of the connections');
  const all = Array.from({ length: 100 }, (_, i) => played.server.ask(about(`hang${i}.example`)));
  // a second makes a question old; until then whoever comes may be told to come again
  let answer = await played.server.ask(about('b.example'));
  for (const end = performance.now() + 60_000; answer.kind === 'unknown' && performance.now() < end; )
    answer = await played.server.ask(about('b.example'));
  t.match(answer, { level: 'encrypt' });
  // those that made room are closed
  await until(() => played.sockets.size <= 64);
  played.server.close();
  for (const { kind } of await Promise.all([...one, ...all])) t.equal(kind, 'unknown');
});

test('a connection that has gone is made anew, once', async (t) => {
  const played = await play(t, () => ok('encrypt'));
  t.match(await played.server.ask(about('a.example')), { level: 'encrypt' });
  for (const socket of played.sockets) socket.destroy();
  t.match(await played.server.ask(about('b.example')), { level: 'encrypt' }, 'nobody notices');
  t.equal(played.opened, 2);
  const closing = await play(t, (_key, socket) => {
    socket.destroy();
    return null;
  });
  t.match(await closing.server.ask(about('c.example')), { kind: 'unknown', why: /closed the connection/ });
  t.equal(closing.keys.length, 2, 'asked twice, not for ever');
});

test('dead, silent, talking nonsense: never an answer', async (t) => {
  const { port, server, listener, sockets } = await play(t, () => null, 400);
  const begun = performance.now();
  t.match(await server.ask(about('a.example')), { kind: 'unknown', why: 'no answer within 0.4 s' });
  t.ok(performance.now() - begun < 20_000);
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => listener.close(resolve));
  t.match(await server.ask(about('a.example')), { kind: 'unknown', why: 'cannot be reached (ECONNREFUSED)' });
  t.ok(port > 0);
  for (const [bytes, why] of [
    ['HTTP/1.1 400 Bad Request\r\n\r\n', /did not send a socketmap reply/],
    ['999999:', /did not send a socketmap reply/],
    ['2:OK,', /did not send a socketmap reply/],
    ['5:maybe,', /did not send a socketmap reply/],
    ['10:OK encrypt,6:OK may', /an unsolicited reply/],
    ['10:OK encr', /no answer within|closed/],
  ] as const) {
    // half a reply is waited for in vain
    const played = await play(t, () => bytes, bytes.endsWith('encr') ? 400 : 30_000);
    t.match(await played.server.ask(about('a.example')), { kind: 'unknown', why }, bytes);
  }
  let over = (): void => {};
  const tooLate = new Promise<void>((resolve) => {
    over = resolve;
  });
  const late = await play(
    t,
    async (key) => {
      if (key === 'late.example') await tooLate;
      return ok(key === 'late.example' ? 'may' : 'encrypt');
    },
    1500,
  );
  t.match(await late.server.ask(about('late.example')), { kind: 'unknown' });
  over();
  t.match(
    await late.server.ask(about('b.example')),
    { level: 'encrypt' },
    'the answer that came too late is nobody else’s',
  );
});

test('closing ends what waits', async (t) => {
  const { server } = await play(t, () => null);
  const waiting = server.ask(about('a.example'));
  await new Promise((resolve) => setTimeout(resolve, 50));
  server.close();
  t.match(await waiting, { kind: 'unknown' });
  t.match(await server.ask(about('a.example')), { kind: 'unknown', why: /tlsward is shutting down/ });
});
