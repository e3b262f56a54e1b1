/**
 * The driver with a small protocol of the test's own: chunking, order, deadlines, limits, faults, half-close, shutdown.
 */
import { connect, type Server, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { type Test, test } from 'tap';
import type { Work } from '../../src/core/work.ts';
import { Log } from '../../src/log/log.ts';
import type { Handler } from '../../src/net/connection.ts';
import { canUseHandles } from '../../src/net/directSocketTest.ts';
import { Driver, type DriverLimits } from '../../src/net/driver.ts';
import { SLICE_MS } from '../../src/net/slices.ts';
import type { Protocol } from '../../src/session/protocol.ts';
import { WireError } from '../../src/wire/wireError.ts';
import { until } from '../until.ts';

const MANY = 20_000;

/** Lines in, answers out; "boom" throws in the session, "junk" breaks the protocol, "many" gets many replies, "bye" closes. */
const lines: Protocol<number, string, string, string, string> = {
  name: 'control',
  decoder: () => {
    let held = '';
    return {
      push: (chunk) => {
        held += Buffer.from(chunk).toString('latin1');
      },
      next: () => {
        const end = held.indexOf('\n');
        if (end < 0) return null;
        const line = held.slice(0, end);
        held = held.slice(end + 1);
        if (line === 'junk') throw new WireError('control-not-a-request', 0, 'no junk', '"junk"');
        return line;
      },
      partial: () => held !== '',
      keep: () => {},
      held: () => held.length,
    };
  },
  start: () => 0,
  step: (state, line) => {
    if (line === 'boom') throw new Error('our own bug');
    if (line === 'many') {
      return { state, out: Array.from({ length: MANY }, (_, i) => `reply ${i}`), ask: line };
    }
    if (line === 'bye') return { state, out: ['bye'], close: true };
    return { state: state + 1, out: [], ask: line };
  },
  answer: (state, answer) => ({ state, out: [`${state}:${answer}`] }),
  failSafe: (state) => ({ state, out: ['sorry'] }),
  encode: (out) => Buffer.from(`${out}\n`),
  idle: () => true,
  held: () => 0,
};

const LIMITS: DriverLimits = {
  maxConnections: 100,
  maxConnectionsPerClient: 100,
  idleTimeoutSeconds: 60,
  requestTimeoutSeconds: 60,
};

interface ServedLines {
  readonly driver: Driver<number, string, string, string, string>;
  readonly open: () => Promise<Socket>;
  readonly log: () => Record<string, unknown>[];
}

async function serveLines(
  t: Test,
  handler: Handler<string, string>,
  limits: Partial<DriverLimits> = {},
  direct = false,
): Promise<ServedLines> {
  const sink = new PassThrough();
  let text = '';
  sink.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const driver = new Driver({
    protocol: lines,
    handler,
    limits: { ...LIMITS, ...limits },
    log: new Log('debug', sink),
    direct,
  });
  const server: Server = driver.server();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  t.teardown(() => driver.drain(0));
  const open = (): Promise<Socket> =>
    new Promise((resolve) => {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => resolve(socket));
      socket.on('error', () => {});
    });
  return {
    driver,
    open,
    log: () =>
      text
        .trim()
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

/** Everything the peer says until it closes. */
function untilClosed(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    socket.on('close', () => resolve(text));
    socket.on('end', () => socket.end());
  });
}

/** Both kinds of sockets. */
const SOCKETS = [
  ['', false],
  [', on a handle', true],
] as const;

test('this Node has the handles that are used directly', async (t) => {
  t.equal(await canUseHandles(), true);
});

const echo: Handler<string, string> = (query) => query;

for (const [how, direct] of SOCKETS) {
  test(`several messages in one read are answered in order in one connection${how}`, async (t) => {
    const { open } = await serveLines(t, echo, {}, direct);
    const socket = await open();
    socket.write('a\nb\nc\nbye\n');
    t.equal(await untilClosed(socket), '1:a\n2:b\n3:c\nbye\n');
  });
}

for (const [how, direct] of SOCKETS) {
  test(`bytes one at a time give the same answers${how}`, async (t) => {
    const { open } = await serveLines(t, echo, {}, direct);
    const socket = await open();
    socket.setNoDelay(true);
    const done = untilClosed(socket);
    for (const char of 'ab\nbye\n') {
      socket.write(char);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    t.equal(await done, '1:ab\nbye\n');
  });
}

/** Keeps the process busy for some slices, however fast it is, and says where others may have their turn. */
function* busy(query: string): Work<string> {
  for (let slice = 0; slice < 6; slice++) {
    const end = performance.now() + SLICE_MS + 1;
    while (performance.now() < end);
    yield;
  }
  if (query === 'broken') throw new Error('our own bug');
  return query;
}

test('work that takes long lets other connections have their turns', async (t) => {
  const { open, log } = await serveLines(t, (query) => (query === 'fast' ? query : busy(query)));
  const [slow, other] = [await open(), await open()];
  const order: string[] = [];
  slow.on('data', (chunk: Buffer) => order.push(chunk.toString()));
  other.on('data', (chunk: Buffer) => order.push(chunk.toString()));
  const done = untilClosed(slow);
  slow.write('slow\nbroken\nfast\nbye\n');
  other.write('fast\n');
  t.equal(await done, '1:slow\nsorry\n3:fast\nbye\n');
  t.equal(order[0], '1:fast\n', 'answered while the slow one was worked on');
  const bugs = log().filter(({ event }) => event === 'bug');
  t.equal(bugs.length, 1);
  t.match(bugs[0], { stack: /our own bug/ });
  other.destroy();
});

test('many replies to one message arrive in order', async (t) => {
  const { open } = await serveLines(t, echo);
  const socket = await open();
  socket.write('many\nlast\nbye\n');
  const replies = Array.from({ length: MANY }, (_, i) => `reply ${i}\n`).join('');
  t.equal(await untilClosed(socket), `${replies}0:many\n1:last\nbye\n`);
});

test('an answer that takes time keeps later messages waiting, in order', async (t) => {
  const { open } = await serveLines(t, async (query) => {
    await new Promise((resolve) => setTimeout(resolve, query === 'slow' ? 30 : 1));
    return query;
  });
  const socket = await open();
  const done = untilClosed(socket);
  socket.write('slow\nfast\n');
  setTimeout(() => socket.write('later\nbye\n'), 10);
  t.equal(await done, '1:slow\n2:fast\n3:later\nbye\n');
});

for (const [how, direct] of SOCKETS) {
  test(`a peer that half-closes still gets its answer${how}`, async (t) => {
    const later = async (query: string): Promise<string> => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return query;
    };
    const { open } = await serveLines(t, later, {}, direct);
    const socket = await open();
    const done = untilClosed(socket);
    socket.end('a\n');
    t.equal(await done, '1:a\n');
  });

  test(`a peer that resets the connection is logged${how}`, async (t) => {
    const { open, log, driver } = await serveLines(t, echo, {}, direct);
    const socket = await open();
    socket.write('a\n');
    await new Promise((resolve) => socket.once('data', resolve));
    socket.resetAndDestroy();
    await until(() => driver.open === 0);
    const [line, ...others] = log().filter(({ event }) => event === 'conn.error');
    t.match(line, { error: 'read ECONNRESET' });
    t.same(others, []);
  });
}

for (const [how, direct] of SOCKETS) {
  test(`a broken protocol closes that connection, names the rule, and leaves the others alone${how}`, async (t) => {
    const { open, log, driver } = await serveLines(t, echo, {}, direct);
    const other = await open();
    const bad = await open();
    bad.write('a\njunk\nb\n');
    t.equal(await untilClosed(bad), '1:a\n', 'what was answered before is delivered');
    other.write('still\nbye\n');
    t.equal(await untilClosed(other), '1:still\nbye\n');
    t.equal(driver.counters.wireErrors, 1);
    t.match(
      log().find((line) => line.event === 'wire.error'),
      { rule: 'control-not-a-request', got: '"junk"', protocol: 'control' },
    );
  });
}

for (const [how, direct] of SOCKETS) {
  test(`our own bug gives the fail-safe reply, a line with the stack, and service goes on${how}`, async (t) => {
    const { open, log, driver } = await serveLines(
      t,
      (query) => {
        if (query === 'handler') throw new Error('bug in the handler');
        return query;
      },
      {},
      direct,
    );
    const socket = await open();
    socket.write('boom\nhandler\nx\nbye\n');
    t.equal(await untilClosed(socket), 'sorry\nsorry\n2:x\nbye\n');
    t.equal(driver.counters.bugs, 2);
    const bugs = log().filter((line) => line.event === 'bug');
    t.equal(bugs.length, 2);
    t.match(bugs[0], { stack: /our own bug[\s\S]*driver.test/ });
  });
}

test('a rejected promise is a bug too', async (t) => {
  const { open } = await serveLines(t, () => Promise.reject(new Error('late bug')));
  const socket = await open();
  socket.write('a\nbye\n');
  t.equal(await untilClosed(socket), 'sorry\nbye\n');
});

for (const [how, direct] of SOCKETS) {
  test(`max-connections refuses with a log line and serves those it has${how}`, async (t) => {
    const { open, log, driver } = await serveLines(t, echo, { maxConnections: 1 }, direct);
    const first = await open();
    first.write('a\n');
    await new Promise((resolve) => first.once('data', resolve));
    const second = await open();
    t.equal(await untilClosed(second), '');
    first.write('b\nbye\n');
    t.equal(await untilClosed(first), '2:b\nbye\n');
    t.equal(driver.counters.refused, 1);
    t.match(
      log().find((line) => line.event === 'conn.limit'),
      { limit: 'max-connections', value: 1 },
    );
  });
}

test('max-connections-per-client counts down again when a connection closes', async (t) => {
  const { open, log } = await serveLines(t, echo, { maxConnectionsPerClient: 1 }, true);
  const first = await open();
  first.write('bye\n');
  await untilClosed(first);
  // the server may hear later than we that it is closed
  let second = first;
  await until(async () => {
    second = await open();
    second.write('a\n');
    return new Promise((resolve) => {
      second.once('data', () => resolve(true)).once('close', () => resolve(false));
      second.once('end', () => second.end());
    });
  });
  const third = await open();
  t.equal(await untilClosed(third), '');
  second.destroy();
  t.match(
    log().findLast((line) => line.event === 'conn.limit'),
    { limit: 'max-connections-per-client' },
  );
});

for (const [how, direct] of SOCKETS) {
  test(`request-timeout cuts a peer that starts a message and never ends it${how}`, async (t) => {
    const { open, log } = await serveLines(t, echo, { requestTimeoutSeconds: 1 }, direct);
    const idle = await open();
    const slow = await open();
    slow.write('never-ending');
    await untilClosed(slow);
    t.match(
      log().find((line) => line.event === 'conn.limit'),
      { limit: 'request-timeout', value: 1 },
    );
    idle.write('a\nbye\n');
    t.equal(await untilClosed(idle), '1:a\nbye\n', 'an idle connection has no request deadline');
  });
}

for (const [how, direct] of SOCKETS) {
  test(`request-timeout spares a peer whose messages end in time, wherever reads are cut${how}`, async (t) => {
    const { open, log } = await serveLines(t, echo, { requestTimeoutSeconds: 3 }, direct);
    const busy = await open();
    const done = untilClosed(busy);
    busy.write('a');
    for (let i = 0; i < 45; i++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      busy.write('\na');
    }
    busy.write('\nbye\n');
    t.match(await done, /^46:a\nbye$/m);
    t.same(
      log().filter((line) => line.event === 'conn.limit'),
      [],
    );
  });

  test(`request-timeout forgets a slow reader that has read${how}`, async (t) => {
    const { open, log } = await serveLines(
      t,
      () => 'x'.repeat(20_000_000),
      { requestTimeoutSeconds: 4 },
      direct,
    );
    const slow = await open();
    slow.write('a\n');
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const done = untilClosed(slow);
    await new Promise((resolve) => setTimeout(resolve, 5000));
    slow.write('bye\n');
    t.ok((await done).endsWith('x\nbye\n'));
    t.same(
      log().filter((line) => line.event === 'conn.limit'),
      [],
    );
  });
}

for (const [how, direct] of SOCKETS) {
  test(`idle-timeout closes a silent connection${how}`, async (t) => {
    const { open, log } = await serveLines(t, echo, { idleTimeoutSeconds: 1 }, direct);
    await untilClosed(await open());
    t.match(
      log().find((line) => line.event === 'conn.limit'),
      { limit: 'idle-timeout' },
    );
  });
}

for (const [how, direct] of SOCKETS) {
  test(`end of stream inside a message is named${how}`, async (t) => {
    const { open, log } = await serveLines(t, echo, {}, direct);
    const socket = await open();
    const done = untilClosed(socket);
    socket.end('half');
    await done;
    t.match(
      log().find((line) => line.event === 'wire.error'),
      { rule: 'control-truncated' },
    );
  });
}

for (const [how, direct] of SOCKETS) {
  test(`a peer that sends and never reads does not fill memory${how}`, async (t) => {
    const big = 'x'.repeat(1000);
    const { open, driver } = await serveLines(t, () => big, {}, direct);
    const socket = await open();
    socket.pause();
    // several reads' worth: what one read brought is always answered
    socket.write('a\n'.repeat(300_000));
    await until(() => driver.counters.messages > 0);
    await new Promise((resolve) => setTimeout(resolve, 300));
    t.ok(driver.counters.messages < 300_000, `stopped reading after ${driver.counters.messages} messages`);
    socket.destroy();
  });
}

test('drain closes idle connections at once and waits for those at work', async (t) => {
  let release: (() => void) | null = null;
  const { open, driver } = await serveLines(
    t,
    (query) =>
      new Promise((resolve) => {
        release = () => resolve(query);
      }),
  );
  const idle = await open();
  const busy = await open();
  const idleClosed = untilClosed(idle);
  const answer = untilClosed(busy);
  busy.write('work\n');
  await until(() => release);
  const drained = driver.drain(60);
  await idleClosed;
  release!();
  t.equal(await answer, '1:work\n');
  t.equal(await drained, 0, 'nobody was cut off');
});

test('drain cuts off what does not end within its limit', async (t) => {
  let asked = false;
  const { open, driver } = await serveLines(t, () => {
    asked = true;
    return new Promise<string>(() => {});
  });
  const busy = await open();
  busy.write('work\n');
  await until(() => asked);
  t.equal(await driver.drain(0.1), 1);
});
