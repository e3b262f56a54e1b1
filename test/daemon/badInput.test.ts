/**
 * Hostile and broken peers on every socket of a running daemon: a named rule or limit in the log, that connection closed,
 * everybody else served on, memory flat.
 */
import { randomBytes } from 'node:crypto';
import { test } from 'tap';
import { least } from '../measured.ts';
import { policyAnswers, policyRequest, startDaemon, untilClosed } from './startDaemon.ts';

const TABLE = '[domains]\nbank.example = encrypt\n';
const MIB = 1024 * 1024;

/** Socket, what is sent, the rule that must be named. */
const CASES: readonly (readonly ['policy' | 'milter' | 'control', string, Buffer, RegExp])[] = [
  ['policy', 'an endless line', Buffer.alloc(2 * MIB, 'a'), /^policy-/],
  [
    'policy',
    'an endless value',
    Buffer.concat([Buffer.from('request=smtpd_access_policy\nsender='), Buffer.alloc(2 * MIB, 'x')]),
    /^policy-/,
  ],
  [
    'policy',
    'attributes without end',
    Buffer.from(`request=smtpd_access_policy\n${'a=b\n'.repeat(5000)}`),
    /^policy-/,
  ],
  ['policy', 'binary', randomBytes(5000), /^policy-/],
  ['policy', 'a web browser', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), /^policy-/],
  ['policy', 'a TLS handshake', Buffer.from('1603010200010001fc0303', 'hex'), /^policy-/],
  ['policy', 'another protocol', Buffer.from('request=other\n\n'), /^policy-/],
  ['policy', 'NUL bytes', Buffer.from('request=smtpd_access_policy\nsender=\0\n\n'), /^policy-/],
  ['milter', 'a packet of 2 GiB', Buffer.from('7fffffff4f', 'hex'), /^milter-/],
  ['milter', 'an empty packet', Buffer.from('00000000', 'hex'), /^milter-/],
  ['milter', 'a web browser', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), /^milter-/],
  ['milter', 'a TLS handshake', Buffer.from('1603010200010001fc0303', 'hex'), /^milter-/],
  ['milter', 'binary', Buffer.concat([Buffer.from([0xff]), randomBytes(5000)]), /^milter-/],
  ['milter', 'events before negotiation', Buffer.from('0000000145', 'hex'), /^milter-/],
  ['control', 'an endless line', Buffer.alloc(MIB, 'a'), /^control-/],
  ['control', 'not JSON', Buffer.from('status\n'), /^control-/],
];

test('each kind of nonsense is named and closes only its own connection', async (t) => {
  const { open, log } = await startDaemon(t, TABLE);
  const witness = await open('policy');
  for (const [name, what, bytes, rule] of CASES) {
    const before = log().length;
    const socket = await open(name);
    const closed = untilClosed(socket);
    socket.write(bytes);
    await closed;
    const error = log()
      .slice(before)
      .find((line) => line.event === 'wire.error');
    t.match(error?.rule, rule, `${name}: ${what}`);
    t.ok(String(error?.got).length < 200, 'only an excerpt is logged');
    t.match((await policyAnswers(witness, [policyRequest()]))[0], /^530 /, 'others are served on');
  }
  witness.destroy();
});

test('truncated input is named when the peer goes', async (t) => {
  const { open, log } = await startDaemon(t, TABLE);
  for (const [name, bytes] of [
    ['policy', 'request=smtpd_access_policy\nsender=a'],
    ['milter', '\0\0\0\x20D'],
    ['control', '{"command":'],
  ] as const) {
    const socket = await open(name);
    const closed = untilClosed(socket);
    socket.end(Buffer.from(bytes, 'latin1'));
    await closed;
    t.match(
      log().findLast((line) => line.event === 'wire.error'),
      { rule: `${name}-truncated`, protocol: name },
    );
  }
});

test('memory stays flat under a flood of broken connections', async (t) => {
  const { open } = await startDaemon(t, TABLE);
  const flood = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const [name, , bytes] = CASES[i % CASES.length]!;
      const socket = await open(name);
      const closed = untilClosed(socket);
      socket.write(bytes);
      await closed;
    }
  };
  await flood(100);
  // what was let go of may not be collected yet; what is kept grows by each flood
  const grown = await least(60, async () => {
    const before = process.memoryUsage.rss();
    await flood(400);
    return (process.memoryUsage.rss() - before) / MIB;
  });
  t.ok(grown < 60, `grew by ${grown.toFixed(1)} MiB`);
});
