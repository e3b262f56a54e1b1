/**
 * What outsiders can do to a daemon that looks up what they publish: text of theirs in the log, at the MTA and on terminals;
 * spellings of one name; DNS that is silent for thousands of domains; reloads meanwhile. DNS is a server of the test's, and
 * the finder the real one.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import type { Io, Run } from '../../src/cli/command.ts';
import { run as explain } from '../../src/cli/explain.ts';
import { run as published } from '../../src/cli/published.ts';
import { encodeSocketmapRequest, SocketmapReplyDecoder } from '../../src/wire/socketmapClient.ts';
import { formatSocketmapReply } from '../../src/wire/socketmapEncode.ts';
import { fakeServer, type Handler } from '../dns/fakeServer.ts';
import { until } from '../until.ts';
import { FLAG, labels, NUMBER, name, record, soa, string } from '../wire/dnsBytes.ts';
import { u16 } from '../wire/milterBytes.ts';
import { startDaemon, type TestDaemon } from './startDaemon.ts';

const ROWS = '[domain *]\ndeliver = auto\n[domains]\nfixed.example = encrypt\n';
const FIXED = 'OK encrypt protocols=>=TLSv1.2 ciphers=high';
const SIGNED = FLAG.QR | FLAG.RD | FLAG.RA | FLAG.AD;
/** A terminal escape, a line end and what looks like a log line, C1 and bidirectional controls as UTF-8. */
const EVIL = '\u001b]0;x\u0007\u001b[31m\r\n{"event":"forged"}\u00c2\u0085\u00e2\u0080\u00ae';

const table = (resolver: string, more = ''): string =>
  `socketmap-listen = unix:socketmap.sock\n${resolver}\n${more}${ROWS}`;

/** A daemon's connection and a function that asks one question on it. */
async function asking(t: Test, daemon: TestDaemon): Promise<(key: string, map?: string) => Promise<string>> {
  const socket: Socket = await daemon.open('socketmap');
  t.teardown(() => socket.destroy());
  const decoder = new SocketmapReplyDecoder();
  const waiting: ((reply: string) => void)[] = [];
  socket.on('data', (chunk: Buffer) => {
    decoder.push(chunk);
    for (let reply = decoder.next(); reply !== null; reply = decoder.next())
      waiting.shift()?.(formatSocketmapReply(reply));
  });
  socket.on('error', () => {});
  socket.on('end', () => socket.destroy());
  socket.on('close', () => {
    for (const one of waiting.splice(0)) one('closed');
  });
  return (key, map = 'deliver') =>
    new Promise((resolve) => {
      waiting.push(resolve);
      socket.write(encodeSocketmapRequest(map, key));
    });
}

async function say(command: Run, config: string, ...argv: string[]): Promise<string> {
  let text = '';
  const io: Io = { out: (more) => (text += more), err: (more) => (text += more), env: {}, colour: false };
  await command(['--config', config, ...argv], io);
  return text;
}

/** Nothing that moves a cursor or hides text, and no line of an outsider's making. */
function harmless(t: Test, text: string, what: string): void {
  t.match(text, /^[\x20-\x7e\n]*$/, what);
  t.notMatch(text, /^\{"event":"forged"/m, what);
}

/** Answers for any name: one signed MX host, no TLSA, no MTA-STS. */
const plain: Handler = (query) => {
  if (query.name === '') query.answer({ flags: SIGNED, answers: [soa('', 60, 60)] });
  else if (query.type === 'MX')
    query.answer({ flags: SIGNED, answers: [record(query.name, NUMBER.MX, 60, u16(1), name('mx.example'))] });
  else if (query.type === 'A')
    query.answer({ flags: SIGNED, answers: [record(query.name, NUMBER.A, 60, [192, 0, 2, 1])] });
  else query.answer({ flags: SIGNED, authority: [soa('example', 60, 60)] });
};

const descriptors = (): number => readdirSync('/proc/self/fd').length;

test('text out of DNS harms no log, no MTA and no terminal', async (t) => {
  const dns = await fakeServer(t, (query, server) => {
    if (query.type === 'TXT')
      query.answer({ answers: [record(query.name, NUMBER.TXT, 60, string(`v=STSv1; id=1${EVIL};`))] });
    else if (query.type === 'MX' && query.name === 'mx.evil.example')
      query.answer({
        flags: SIGNED,
        answers: [record(query.name, NUMBER.MX, 60, u16(1), labels(EVIL, 'example'))],
      });
    else if (query.name.startsWith('_mta-sts.')) query.answer({ rcode: 2 });
    else if (query.name === 'alias.evil.example')
      query.answer({
        flags: SIGNED,
        answers: [record(query.name, NUMBER.CNAME, 60, labels(EVIL, 'example'))],
      });
    else plain(query, server);
  });
  const daemon = await startDaemon(t, table(`resolver = 127.0.0.1:${dns.port}`));
  const ask = await asking(t, daemon);
  for (const domain of ['mx.evil.example', 'alias.evil.example', 'txt.evil.example']) {
    const reply = await ask(domain);
    harmless(t, reply, `reply for ${domain}: ${JSON.stringify(reply)}`);
    t.match(reply, /^(?:TEMP |NOTFOUND )/);
    harmless(t, await say(published, daemon.config, domain), `published ${domain}`);
    harmless(t, await say(explain, daemon.config, '--deliver', domain), `explain ${domain}`);
  }
  harmless(
    t,
    daemon
      .log()
      .map((line) => JSON.stringify(Object.values(line)))
      .join('\n'),
    'log',
  );
  t.ok(dns.asked.length > 0);
});

test('nor does that of another policy server', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'tlsward-'));
  const path = join(dir, 'other.sock');
  let payload = '';
  const server = createServer((socket) =>
    socket.on('data', () => {
      const bytes = Buffer.from(payload, 'latin1');
      socket.write(Buffer.concat([Buffer.from(`${bytes.length}:`), bytes, Buffer.from(',')]));
    }),
  );
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.teardown(() => {
    server.close();
    rmSync(dir, { recursive: true, force: true });
  });
  const daemon = await startDaemon(t, table(`published = socketmap:unix:${path}:QUERY`));
  const ask = await asking(t, daemon);
  for (payload of [
    `TEMP ${EVIL}`,
    `PERM ${EVIL}`,
    `OK ${EVIL}`,
    `OK secure match=${EVIL}`,
    `OK secure ${EVIL}=x`,
    `OK secure match=a.example policy_type=sts { policy_string = ${EVIL} }`,
    `OK secure match=a.example } ciphers=null`,
    EVIL,
  ]) {
    const reply = await ask('a.example');
    t.match(reply, /^TEMP /, JSON.stringify(payload));
    harmless(t, reply, 'reply');
    harmless(t, await say(published, daemon.config, 'a.example'), 'published');
    harmless(t, await say(explain, daemon.config, '--deliver', 'a.example'), 'explain');
  }
  harmless(
    t,
    daemon
      .log()
      .map((line) => JSON.stringify(Object.values(line)))
      .join('\n'),
    'log',
  );
});

test('spellings of one name are one question, and no path', async (t) => {
  const dns = await fakeServer(t, plain);
  const daemon = await startDaemon(t, table(`resolver = 127.0.0.1:${dns.port}`, 'sts-cache = sts\n'));
  const ask = await asking(t, daemon);
  for (const key of [
    'bank.example',
    'BANK.example',
    'Bank.Example.',
    'b\u00fccher.example',
    'B\u00dcCHER.example',
  ])
    t.equal(await ask(key), 'NOTFOUND ', key);
  await ask('xn--bcher-kva.example');
  const txt = dns.asked.filter((asked) => asked.startsWith('TXT '));
  t.strictSame(txt, ['TXT _mta-sts.bank.example udp', 'TXT _mta-sts.xn--bcher-kva.example udp']);
  const { folder } = daemon;
  const before = readdirSync(folder).sort();
  for (const key of ['../up', '..%2fup', 'a/../../b.example', '/etc/passwd', 'sts/../x.example', '__proto__'])
    for (const command of ['published', 'published-refresh', 'published-forget'])
      t.type(await daemon.ask(command, key), 'object');
  t.strictSame(readdirSync(folder).sort(), before);
  t.strictSame(readdirSync(join(folder, 'sts')), []);
});

test('DNS that is silent for thousands of domains costs nobody else', async (t) => {
  const dns = await fakeServer(t, (query, server) => {
    if (/^$|known\.example$|^(?:_25\._tcp\.)?mx\.example$/.test(query.name)) plain(query, server);
  });
  const daemon = await startDaemon(t, table(`resolver = 127.0.0.1:${dns.port}`));
  const fixed = await asking(t, daemon);
  t.equal(await fixed('known.example'), 'NOTFOUND ');
  const atRest = descriptors();
  const rss = process.memoryUsage.rss();
  const askers = await Promise.all(Array.from({ length: 300 }, () => asking(t, daemon)));
  // each is accepted
  await Promise.all(askers.map((ask) => ask('fixed.example')));
  const open = descriptors();
  let most = 0;
  let slowest = 0;
  let lag = 0;
  let done = false;
  const hanging = Promise.all(
    askers.flatMap((ask, i) => Array.from({ length: 10 }, (_, j) => ask(`d${i}-${j}.example`))),
  ).then((replies) => {
    done = true;
    return replies;
  });
  for (let i = 0; i < 100 && !done; i++) {
    const asked = performance.now();
    t.equal(await fixed('fixed.example'), FIXED);
    t.equal(await fixed('known.example'), 'NOTFOUND ');
    slowest = Math.max(slowest, performance.now() - asked);
    most = Math.max(most, descriptors() - open);
    const paused = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 20));
    lag = Math.max(lag, performance.now() - paused - 20);
  }
  // a busy machine holds up whatever this process does
  t.ok(slowest < 500 + 10 * lag, `a row that needs no lookup waited ${slowest} ms, a timer ${lag} ms`);
  // sockets of the two resolvers: 256 each at most
  t.ok(most > 100 && most <= 560, `${most} more descriptors`);
  const counters = ((await daemon.ask('status')).published as { counters: { running: number } }).counters;
  t.ok(counters.running <= 1024, `${counters.running} running`);
  t.ok(process.memoryUsage.rss() - rss < 150e6);
  const stopped = performance.now();
  await daemon.service.stop(0);
  t.equal(
    (await hanging).filter((reply) => !/^(?:TEMP |closed)/.test(reply)).length,
    0,
    'never less than asked',
  );
  // one of the silent lookups alone takes six
  t.ok(performance.now() - stopped < 5000 + 10 * lag, 'a stop ends them');
  await until(() => descriptors() <= atRest);
});

test('reloads that replace the finder under load lose no question and no descriptor', async (t) => {
  const late: Handler = (query, server) => void setTimeout(() => plain(query, server), 20);
  const servers = [await fakeServer(t, late), await fakeServer(t, late)];
  const text = (turn: number) =>
    table(`resolver = 127.0.0.1:${servers[turn % 2]!.port}`, 'sts-cache = sts\n');
  const daemon = await startDaemon(t, text(0));
  const askers = await Promise.all(Array.from({ length: 20 }, () => asking(t, daemon)));
  await Promise.all(askers.map((ask) => ask('fixed.example')));
  const before = descriptors();
  let over = false;
  let asked = 0;
  const wrong: string[] = [];
  const load = askers.map(async (ask, i) => {
    for (let j = 0; !over; j++) {
      const reply = await ask(`d${i}-${j}.example`);
      asked++;
      if (reply !== 'NOTFOUND ') wrong.push(reply);
    }
  });
  for (let turn = 1; turn <= 12; turn++) {
    daemon.write(text(turn));
    t.match(await daemon.ask('reload'), { ok: true });
    await until(() => asked > 20 * turn);
  }
  over = true;
  await Promise.all(load);
  t.strictSame(wrong, []);
  t.ok(asked > 200, `${asked} questions`);
  await until(() => descriptors() <= before).catch(() => t.fail(`${descriptors()} of ${before}`));
  t.ok(servers.every((one) => one.queries.length > 0));
});
