/**
 * The stub resolver against servers that behave and servers that do not: what is an answer, what is ignored, what is
 * absence, and what is "could not find out"; that it is in time, and leaves nothing open.
 */
import { createSocket } from 'node:dgram';
import t, { type Test } from 'tap';
import type { DnsServer } from '../../src/dns/exchange.ts';
import { type StubOptions, StubResolver } from '../../src/dns/stubResolver.ts';
import { until } from '../until.ts';
import {
  FLAG,
  labels,
  message,
  NUMBER,
  name,
  opt,
  pointer,
  question,
  record,
  soa,
  string,
} from '../wire/dnsBytes.ts';
import { bytes, type Part, u16 } from '../wire/milterBytes.ts';
import { fakeServer, type Handler } from './fakeServer.ts';

const SELF = pointer(12);
const A = (last: number, owner: Part = SELF) => record(owner, NUMBER.A, 60, [192, 0, 2, last]);
const SIGNED = FLAG.QR | FLAG.RA | FLAG.AD;

function stub(t: Test, servers: readonly DnsServer[], more: Partial<StubOptions> = {}): StubResolver {
  const resolver = new StubResolver({ servers, trusted: true, attemptMs: 5000, totalMs: 15_000, ...more });
  t.teardown(() => resolver.close());
  return resolver;
}

/** For servers that are waited for in vain. */
const QUICK = { attemptMs: 300, totalMs: 1200 };
/** For those that answer, perhaps on a machine that has much to do. */
const PATIENT = { attemptMs: 10_000, totalMs: 30_000 };

async function served(t: Test, handler: Handler, more: Partial<StubOptions> = {}) {
  const server = await fakeServer(t, handler);
  return { server, resolver: stub(t, [server], more), at: `127.0.0.1:${server.port}` };
}

/** Sockets and timers that keep the process alive, without those of the fake servers. */
const open = (): number =>
  process.getActiveResourcesInfo().filter((kind) => /UDP|TCPSocket|TCPConnect|Timeout|GetAddrInfo/.test(kind))
    .length;

t.test('each kind of record', async (t) => {
  const { resolver, server } = await served(t, (query) => {
    const data: Record<string, readonly Part[]> = {
      MX: [u16(10), name('MX.Bank.example')],
      TXT: [string('v=STSv1; '), string('id=1;')],
      TLSA: [3, 1, 1, 'x'.repeat(32)],
      A: [[192, 0, 2, 1]],
      AAAA: [[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]],
      CNAME: [name('to.example')],
      SOA: [name('a'), name('b'), ...[1, 2, 3, 4, 300].map((n) => [0, 0, ...u16(n)])],
    };
    const number = NUMBER[query.type as keyof typeof NUMBER];
    query.answer({
      flags: SIGNED,
      answers: [record(SELF, number, 60, ...data[query.type]!)],
      additional: [opt()],
    });
  });
  const found = (records: readonly unknown[], of = 'bank.example') => ({
    kind: 'found',
    records,
    secure: true,
    ttlSeconds: 60,
    name: of,
  });
  t.same(await resolver.mx('bank.example'), found([{ preference: 10, exchange: 'mx.bank.example' }]));
  t.same(await resolver.txt('_mta-sts.bank.example'), found(['v=STSv1; id=1;'], '_mta-sts.bank.example'));
  const tlsa = { usage: 3, selector: 1, matching: 1, data: Uint8Array.from({ length: 32 }, () => 0x78) };
  t.same(await resolver.tlsa('_25._tcp.bank.example'), found([tlsa], '_25._tcp.bank.example'));
  t.same(await resolver.addresses('bank.example'), found(['192.0.2.1', '2001:db8:0:0:0:0:0:1']));
  t.same(await resolver.cname('bank.example'), found(['to.example']));
  t.same(await resolver.soa(''), found([300], ''));
  t.same(server.asked.toSorted(), [
    'A bank.example udp',
    'AAAA bank.example udp',
    'CNAME bank.example udp',
    'MX bank.example udp',
    'SOA  udp',
    'TLSA _25._tcp.bank.example udp',
    'TXT _mta-sts.bank.example udp',
  ]);
  t.equal(new Set(server.queries.map(({ id }) => id)).size > 1, true, 'ids differ');
  t.equal(new Set(server.queries.map(({ from }) => from?.port)).size > 1, true, 'ports differ');
});

t.test('what one answer comes to', async (t) => {
  let handler: Handler = () => {};
  const { resolver, at } = await served(t, (query, server) => handler(query, server));
  const comes = async (what: string, to: Handler, want: unknown, type: 'txt' | 'mx' | 'cname' = 'mx') => {
    handler = to;
    t.same(await resolver[type]('bank.example'), want, what);
  };
  const mx = (ttl = 60, owner: Part = SELF) => record(owner, NUMBER.MX, ttl, u16(1), name('mx.example'));
  const alias = (from: Part, to: string, ttl = 50) => record(from, NUMBER.CNAME, ttl, name(to));
  const found = { kind: 'found', records: [{ preference: 1, exchange: 'mx.example' }] };
  const plain = { ...found, secure: false, ttlSeconds: 60, name: 'bank.example' };
  const absent = { kind: 'absent', secure: false, ttlSeconds: 60 };
  const unknown = (what: string) => ({ kind: 'unknown', why: `${at} ${what} about MX of bank.example` });

  await comes('no AD', (q) => q.answer({ answers: [mx()] }), plain);
  await comes('AD', (q) => q.answer({ flags: SIGNED, answers: [mx()] }), { ...plain, secure: true });
  await comes('TTL 0', (q) => q.answer({ answers: [mx(0)] }), { ...plain, ttlSeconds: 1 });
  await comes('a long TTL', (q) => q.answer({ answers: [mx(2 ** 31 - 1)] }), {
    ...plain,
    ttlSeconds: 86_400,
  });
  await comes('the least TTL', (q) => q.answer({ answers: [mx(70), mx(20)] }), {
    ...plain,
    records: [...found.records, ...found.records],
    ttlSeconds: 20,
  });
  await comes('another name in another case', (q) => q.answer({ answers: [mx(60, 'BANK.example')] }), plain);
  await comes('a record of somebody else', (q) => q.answer({ answers: [mx(60, 'other.example')] }), absent);
  await comes(
    'a name with a dot inside a label is somebody else',
    (q) => q.answer({ answers: [mx(60, labels('bank.example'))] }),
    absent,
  );
  await comes('a server of the zone', (q) => q.answer({ flags: FLAG.QR | FLAG.AA, answers: [mx()] }), plain);

  await comes('NODATA', (q) => q.answer({ authority: [soa('example', 900, 300)] }), {
    ...absent,
    ttlSeconds: 300,
  });
  await comes('NXDOMAIN', (q) => q.answer({ rcode: 3, authority: [soa('example', 200, 300)] }), {
    ...absent,
    ttlSeconds: 200,
  });
  await comes('signed absence', (q) => q.answer({ flags: SIGNED, rcode: 3 }), { ...absent, secure: true });
  await comes('absence for ever', (q) => q.answer({ authority: [soa('', 99_999, 99_999)] }), {
    ...absent,
    ttlSeconds: 3600,
  });
  await comes('absence for no time', (q) => q.answer({ authority: [soa('', 0, 0)] }), {
    ...absent,
    ttlSeconds: 1,
  });

  await comes(
    'an alias',
    (q) => q.answer({ flags: SIGNED, answers: [alias(SELF, 'b.example'), mx(60, 'b.example')] }),
    {
      ...plain,
      secure: true,
      ttlSeconds: 50,
      name: 'b.example',
    },
  );
  await comes(
    'aliases in any order',
    (q) =>
      q.answer({
        answers: [mx(60, 'c.example'), alias('b.example', 'c.example', 40), alias(SELF, 'b.example')],
      }),
    { ...plain, ttlSeconds: 40, name: 'c.example' },
  );
  await comes('an alias to nothing', (q) => q.answer({ rcode: 3, answers: [alias(SELF, 'b.example')] }), {
    ...absent,
    ttlSeconds: 50,
  });
  await comes(
    'the alias itself',
    (q) => q.answer({ answers: [alias(SELF, 'b.example')] }),
    {
      kind: 'found',
      records: ['b.example'],
      secure: false,
      ttlSeconds: 50,
      name: 'bank.example',
    },
    'cname',
  );
  const chain = (length: number) =>
    Array.from({ length }, (_, i) => alias(i === 0 ? SELF : `n${i}.example`, `n${i + 1}.example`));
  await comes('ten aliases', (q) => q.answer({ answers: [...chain(10), mx(60, 'n10.example')] }), {
    ...plain,
    ttlSeconds: 50,
    name: 'n10.example',
  });
  const endless = unknown('answered with a chain of aliases that does not end');
  await comes('eleven', (q) => q.answer({ answers: [...chain(11), mx(60, 'n11.example')] }), endless);
  await comes(
    'a circle',
    (q) => q.answer({ answers: [alias(SELF, 'b.example'), alias('b.example', 'bank.example')] }),
    endless,
  );
  await comes('an alias of itself', (q) => q.answer({ answers: [alias(SELF, 'bank.example')] }), endless);
  await comes(
    'two aliases of one name',
    (q) => q.answer({ answers: [alias(SELF, 'b.example'), alias(SELF, 'c.example')] }),
    unknown('answered that bank.example is an alias of two names, when asked'),
  );
  await comes(
    'an alias not followed',
    (q) => q.answer({ flags: FLAG.QR | FLAG.AA, answers: [alias(SELF, 'b.example')] }),
    unknown('answered with an alias that it did not follow'),
  );

  await comes(
    'SERVFAIL',
    (q) => q.answer({ rcode: 2 }),
    unknown(
      'answered SERVFAIL (the servers of that name cannot be reached, or its DNSSEC signatures are wrong)',
    ),
  );
  await comes(
    'SERVFAIL explained',
    (q) => q.answer({ rcode: 2, additional: [opt(0, [15, u16(7)])] }),
    unknown('answered SERVFAIL (signature expired)'),
  );
  await comes(
    'SERVFAIL with records',
    (q) => q.answer({ rcode: 2, flags: SIGNED, answers: [mx()] }),
    unknown(
      'answered SERVFAIL (the servers of that name cannot be reached, or its DNSSEC signatures are wrong)',
    ),
  );
  await comes(
    'REFUSED',
    (q) => q.answer({ rcode: 5 }),
    unknown('answered REFUSED (it does not serve this host)'),
  );
  await comes(
    'FORMERR without the question',
    (q) => q.answer({ rcode: 1, question: null }),
    unknown('answered FORMERR'),
  );
  await comes('BADVERS', (q) => q.answer({ additional: [opt(1)] }), unknown('answered RCODE 16'));
  await comes(
    'NXDOMAIN and records',
    (q) => q.answer({ rcode: 3, answers: [mx()] }),
    unknown('answered NXDOMAIN, and with records,'),
  );
  await comes(
    'a referral',
    (q) => q.answer({ flags: FLAG.QR, authority: [record('example', NUMBER.NS, 60, name('ns.example'))] }),
    unknown('does not offer recursion to this host and was asked'),
  );
});

t.test('AD counts only where it is trusted', async (t) => {
  const handler: Handler = (query) =>
    query.name.startsWith('no.')
      ? query.answer({ flags: SIGNED, rcode: 3 })
      : query.answer({ flags: SIGNED, answers: [A(1)] });
  for (const trusted of [true, false]) {
    const { resolver } = await served(t, handler, { trusted });
    t.equal(resolver.trusted, trusted);
    t.match(await resolver.addresses('a.example'), { kind: 'found', secure: trusted });
    t.match(await resolver.mx('no.example'), { kind: 'absent', secure: trusted });
  }
});

t.test('addresses from two answers', async (t) => {
  let v4: Handler = () => {};
  let v6: Handler = () => {};
  const { resolver, at } = await served(t, (query, server) => (query.type === 'A' ? v4 : v6)(query, server));
  const six = record(SELF, NUMBER.AAAA, 30, [...new Array(15).fill(0), 1]);
  const gives =
    (flags: number, ...answers: ReturnType<typeof record>[]): Handler =>
    (q) =>
      q.answer({ flags, answers });
  const PLAIN = FLAG.QR | FLAG.RA;
  const fails: Handler = (q) => q.answer({ rcode: 2 });
  const comes = async (one: Handler, other: Handler, want: object) => {
    v4 = one;
    v6 = other;
    t.same(await resolver.addresses('a.example'), want);
  };
  const found = {
    kind: 'found',
    records: ['192.0.2.1', '0:0:0:0:0:0:0:1'],
    secure: true,
    ttlSeconds: 30,
    name: 'a.example',
  };
  await comes(gives(SIGNED, A(1)), gives(SIGNED, six), found);
  await comes(gives(SIGNED, A(1)), gives(PLAIN, six), { ...found, secure: false });
  const only4 = { ...found, records: ['192.0.2.1'], ttlSeconds: 60 };
  await comes(gives(SIGNED, A(1)), gives(PLAIN), only4);
  await comes(gives(SIGNED, A(1)), fails, only4);
  await comes(gives(PLAIN, A(1)), gives(SIGNED), { ...only4, secure: false });
  await comes(gives(SIGNED), gives(SIGNED, six), { ...found, records: ['0:0:0:0:0:0:0:1'] });
  await comes(fails, gives(SIGNED, six), { ...found, records: ['0:0:0:0:0:0:0:1'] });
  await comes(gives(SIGNED), gives(SIGNED), { kind: 'absent', secure: true, ttlSeconds: 60 });
  await comes(gives(SIGNED), gives(PLAIN), { kind: 'absent', secure: false, ttlSeconds: 60 });
  const why =
    'answered SERVFAIL (the servers of that name cannot be reached, or its DNSSEC signatures are wrong)';
  await comes(fails, gives(SIGNED), { kind: 'unknown', why: `${at} ${why} about A of a.example` });
  await comes(gives(SIGNED), fails, { kind: 'unknown', why: `${at} ${why} about AAAA of a.example` });
});

t.test('what is not the answer is waited past', async (t) => {
  const spoof = createSocket('udp4');
  t.teardown(() => spoof.close());
  const { resolver, server } = await served(t, (query) => {
    const wrong = { flags: SIGNED, answers: [record(SELF, NUMBER.TXT, 9, string('wrong'))] };
    const right = { flags: SIGNED, answers: [record(SELF, NUMBER.TXT, 9, string('right'))] };
    query.answer({ ...wrong, id: query.id ^ 1 });
    query.answer({ ...wrong, question: question('other.example', NUMBER.TXT) });
    query.answer({ ...wrong, question: question('bank.example', NUMBER.MX) });
    query.answer({
      flags: SIGNED,
      question: null,
      answers: [record('bank.example', NUMBER.TXT, 9, string('wrong'))],
    });
    query.send(bytes());
    query.send(bytes(7));
    query.send(bytes('\0'.repeat(40)));
    const forged = message({ id: query.id, question: query.question, ...wrong });
    spoof.send(forged, query.from!.port, query.from!.address, () => {
      setTimeout(() => query.answer({ ...right, question: question('BANK.Example', NUMBER.TXT) }), 30);
    });
  });
  t.match(await resolver.txt('bank.example'), { kind: 'found', records: ['right'] });
  t.equal(server.queries.length, 1);
});

t.test('truncated: asked again over TCP', async (t) => {
  const many = Array.from({ length: 200 }, (_, i) => A(i));
  const { resolver, server } = await served(t, (query) => {
    if (query.over === 'udp') query.answer({ flags: FLAG.QR | FLAG.RA | FLAG.TC, answers: many.slice(0, 3) });
    else query.answer({ flags: SIGNED, answers: query.type === 'A' ? many : [] });
  });
  const lookup = await resolver.addresses('a.example');
  t.match(lookup, { kind: 'found', secure: true });
  t.equal(lookup.kind === 'found' && lookup.records.length, 200);
  t.same(server.asked.toSorted(), [
    'A a.example tcp',
    'A a.example udp',
    'AAAA a.example tcp',
    'AAAA a.example udp',
  ]);
});

t.test('TCP that goes wrong', async (t) => {
  let tcp: Handler = () => {};
  const { resolver, server, at } = await served(
    t,
    (query, self) => {
      if (query.over === 'udp') query.answer({ flags: FLAG.QR | FLAG.RA | FLAG.TC });
      else tcp(query, self);
    },
    PATIENT,
  );
  const comes = async (to: Handler, why: string) => {
    tcp = to;
    t.same(await resolver.mx('a.example'), {
      kind: 'unknown',
      why: `${at}, asked for MX of a.example, ${why}`,
    });
  };
  const long = 'has a long answer, and over TCP it';
  await comes((_, self) => self.hangUp(), `${long} closed the connection`);
  await comes((q) => q.answer({ id: q.id ^ 1 }), `${long} answered something else`);
  await comes((q) => q.send(bytes()), `${long} answered something else`);
  await comes((q) => q.answer({ answers: [bytes(9)] }), `${long} sent a broken answer (dns-name-cut)`);
  await comes((q) => q.answer({ flags: FLAG.QR | FLAG.RA | FLAG.TC }), 'cut its answer over TCP');
  tcp = () => {};
  t.match(await stub(t, [server], { attemptMs: 1500, totalMs: 1600 }).mx('a.example'), {
    kind: 'unknown',
    why: /, has a long answer, and over TCP it gave no answer within \d\.\d s$/,
  });
  await server.withoutTcp();
  await comes(() => {}, `${long} refused: nothing listens there`);
});

t.test('an answer in pieces over TCP', async (t) => {
  const { resolver } = await served(t, (query) => {
    if (query.over === 'udp') return query.answer({ flags: FLAG.QR | FLAG.RA | FLAG.TC });
    const answers = query.type === 'A' ? [A(1)] : [];
    const whole = message({ id: query.id, question: query.question, flags: SIGNED, answers });
    const wire = bytes(u16(whole.length), whole);
    query.stream!.setNoDelay(true);
    let at = 0;
    const step = () => {
      query.stream!.write(wire.subarray(at, at + 1));
      at += 1;
      if (at < wire.length) setImmediate(step);
    };
    step();
  });
  t.match(await resolver.addresses('a.example'), { kind: 'found', records: ['192.0.2.1'] });
});

t.test('slow, dead and broken servers', async (t) => {
  const good: Handler = (query) => query.answer({ flags: SIGNED, answers: query.type === 'A' ? [A(1)] : [] });
  const found = { kind: 'found', records: ['192.0.2.1'] };
  const silent = await fakeServer(t, () => {});
  const sound = await fakeServer(t, good);
  const failing = await fakeServer(t, (query) => query.answer({ rcode: 2 }));
  const garbage = await fakeServer(t, (query) => query.answer({ answers: [bytes(5)] }));
  const gone = await fakeServer(t, () => {});
  await gone.stop();

  t.match(
    await stub(t, [silent, sound], { attemptMs: 150 }).addresses('a.example'),
    found,
    'the second is asked',
  );
  t.match(await stub(t, [failing, sound]).addresses('b.example'), found, 'SERVFAIL: the second is asked');
  t.match(
    await stub(t, [garbage, sound]).addresses('c.example'),
    found,
    'a broken answer: the second is asked',
  );
  t.match(await stub(t, [gone, sound]).addresses('d.example'), found, 'nobody there: the second is asked');

  const why = async (servers: readonly DnsServer[], options = PATIENT) => {
    const begin = performance.now();
    const lookup = await stub(t, servers, options).mx('a.example');
    return { lookup, ms: performance.now() - begin };
  };
  const named = (server: DnsServer, what: string) => ({
    kind: 'unknown',
    why: `127.0.0.1:${server.port}, asked for MX of a.example, ${what}`,
  });
  silent.queries.length = 0;
  const nothing = await why([silent], QUICK);
  t.match(nothing.lookup, { kind: 'unknown', why: /gave no answer within \d\.\d s$/ });
  t.ok(nothing.ms > 1000 && nothing.ms < 20_000, `${Math.round(nothing.ms)} ms`);
  t.ok(silent.queries.length >= 2, 'again and again, until the time is over');
  t.equal(
    new Set(silent.queries.map(({ from, id }) => `${from?.port} ${id}`)).size,
    silent.queries.length,
    'each with a port or id of its own',
  );
  t.same((await why([garbage])).lookup, named(garbage, 'sent a broken answer (dns-name-cut)'));
  t.same((await why([gone])).lookup, named(gone, 'refused: nothing listens there'));
  failing.queries.length = 0;
  const both = await why([failing, gone]);
  t.match(
    both.lookup,
    { kind: 'unknown', why: /^127\.0\.0\.1:\d+ answered SERVFAIL/ },
    'in the words of the first',
  );
  t.equal(failing.queries.length, 1, 'not asked again');
});

t.test('a late answer helps nobody else', async (t) => {
  const { resolver, server } = await served(
    t,
    (query, self) => {
      const text = self.queries.length === 1 ? 'late' : 'in time';
      const send = () => query.answer({ answers: [record(SELF, NUMBER.TXT, 9, string(text))] });
      if (self.queries.length === 1) setTimeout(send, 120);
      else setTimeout(send, 60);
    },
    { attemptMs: 100 },
  );
  t.match(await resolver.txt('a.example'), { kind: 'found', records: ['in time'] });
  t.ok(server.queries.length >= 2);
});

t.test('the same question is asked once at a time', async (t) => {
  const { resolver, server } = await served(t, (query) => {
    setTimeout(() => query.answer({ answers: query.type === 'A' ? [A(1)] : [] }), 30);
  });
  const all = await Promise.all(Array.from({ length: 500 }, () => resolver.addresses('a.example')));
  t.equal(all.filter((one) => one.kind === 'found').length, 500);
  t.equal(server.queries.length, 2);
  await resolver.addresses('a.example');
  t.equal(server.queries.length, 4, 'and again afterwards');
});

t.test('more questions than sockets', async (t) => {
  let together = 0;
  let most = 0;
  const before = open();
  const { resolver, server } = await served(
    t,
    (query) => {
      most = Math.max(most, ++together);
      setTimeout(() => {
        together--;
        query.answer({ answers: [record(SELF, NUMBER.TXT, 9, string('x'))] });
      }, 20);
    },
    { attemptMs: 10_000, totalMs: 30_000 },
  );
  // no time passes for the resolver: on a slow machine it would let others have the places of those that are old
  const { now } = performance;
  performance.now = () => 0;
  t.teardown(() => {
    performance.now = now;
  });
  const all = await Promise.all(Array.from({ length: 6000 }, (_, i) => resolver.txt(`n${i}.example`)));
  performance.now = now;
  const found = all.filter((one) => one.kind === 'found').length;
  t.equal(found, 256 + 4096);
  t.same(
    new Set(all.flatMap((one) => (one.kind === 'unknown' ? [one.why] : []))),
    new Set(['too many DNS lookups at once']),
  );
  t.equal(server.queries.length, found);
  t.ok(most <= 256, `${most} at once`);
  t.match(await resolver.txt('after.example'), { kind: 'found' }, 'and then as before');
  await server.stop();
  // no socket and no timer is left
  await until(() => open() <= before);
});

t.test('waiting for a turn ends too', async (t) => {
  const { resolver } = await served(t, () => {}, { attemptMs: 200, totalMs: 200 });
  const all = await Promise.all(Array.from({ length: 600 }, (_, i) => resolver.txt(`n${i}.example`)));
  t.equal(all.filter((one) => one.kind === 'unknown').length, 600);
});

t.test('close ends everything', async (t) => {
  const before = open();
  const { resolver, server } = await served(
    t,
    (query) => {
      if (query.over === 'udp' && query.type === 'TXT') query.answer({ flags: FLAG.QR | FLAG.RA | FLAG.TC });
    },
    { attemptMs: 60_000, totalMs: 60_000 },
  );
  const asked = [
    resolver.mx('a.example'),
    resolver.txt('a.example'),
    ...Array.from({ length: 300 }, (_, i) => resolver.tlsa(`n${i}.example`)),
  ];
  const early = resolver.mx('b.example');
  while (!server.asked.includes('TXT a.example tcp')) await new Promise((resolve) => setTimeout(resolve, 5));
  const late = resolver.mx('c.example');
  resolver.close();
  for (const lookup of await Promise.all([...asked, early, late])) {
    if (lookup.kind !== 'unknown' || !/because tlsward is shutting down/.test(lookup.why))
      t.same(lookup, 'not asked');
  }
  t.same(await resolver.mx('d.example'), {
    kind: 'unknown',
    why: 'not asked, because tlsward is shutting down',
  });
  await server.stop();
  // no socket and no timer is left
  await until(() => open() <= before);
});

t.test('names that cannot be', async (t) => {
  const { resolver, server } = await served(t, () => {});
  t.same(await resolver.mx('x'.repeat(64)), { kind: 'absent', secure: false, ttlSeconds: 3600 });
  t.match(await resolver.mx('Not.Canonical'), { kind: 'unknown', why: /not a label/ });
  t.match(await resolver.addresses('a..b'), { kind: 'unknown' });
  t.equal(server.queries.length, 0);
  t.throws(() => new StubResolver({ servers: [], trusted: true }), RangeError);
  const nowhere = stub(t, [{ host: '127.0.0.1', port: 0 }]);
  t.match(await nowhere.mx('a.example'), {
    kind: 'unknown',
    why: /^127\.0\.0\.1:0, asked for MX of a.example, /,
  });
});
