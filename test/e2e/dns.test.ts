/**
 * The stub resolver, the self-test and DANE against a real unbound that serves and validates a signed root zone: what is
 * secure, what is not, what cannot be told, and what an unbound that is dead, silent or does not validate comes to.
 */
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import t, { type Test } from 'tap';
import type { DaneFact } from '../../src/core/publishedFacts.ts';
import { findDane } from '../../src/dns/dane.ts';
import { selfTest } from '../../src/dns/selfTest.ts';
import { StubResolver } from '../../src/dns/stubResolver.ts';
import { type Dns, startDns } from './harness/dns/dns.ts';
import { e2eSkip } from './harness/requirements.ts';

const skip = e2eSkip(['root', 'unbound']);

const DIGEST = createHash('sha256').update('a key').digest('hex');
const TLSA = `TLSA 3 1 1 ${DIGEST}`;

/** Every question has an answer here, which may take longer than mail would wait: a thousand on a busy machine. */
const PATIENCE_MS = 60_000;

function stub(t: Test, dns: Dns, trusted = true): StubResolver {
  const servers = [{ host: dns.address, port: 53 }];
  const resolver = new StubResolver({ servers, trusted, totalMs: PATIENCE_MS });
  t.teardown(() => resolver.close());
  return resolver;
}

t.test('each kind of answer', { skip }, async (t) => {
  const long = Array.from(
    { length: 30 },
    (_, i) => `long.example. TXT "${String(i).padStart(3, '0')}${'x'.repeat(200)}"`,
  );
  const dns = await startDns(t, {
    records: [
      'bank.example. MX 10 MX.bank.example.',
      'bank.example. MX 20 mx2.bank.example.',
      'mx.bank.example. A 127.0.0.24',
      'mx.bank.example. AAAA ::1',
      `_25._tcp.mx.bank.example. ${TLSA}`,
      '_mta-sts.bank.example. TXT "v=STSv1; " "id=1;"',
      'null.example. MX 0 .',
      'alias.example. CNAME mx.bank.example.',
      'out.example. CNAME mx.plain.test.',
      'odd.example. MX 10 a\\.b\\ c.example.',
      'bad.example. TXT "x"',
      'plain.test. MX 10 mx.plain.test.',
      'mx.plain.test. A 127.0.0.25',
      ...long,
    ],
    bogus: ['bad.example.'],
    lame: ['lame.example.'],
  });
  const resolver = stub(t, dns);
  const at = `${dns.address}:53`;
  const of = (name: string, records: readonly unknown[], secure = true) => ({
    kind: 'found',
    records,
    secure,
    name,
  });
  t.same(await selfTest(resolver.servers), { kind: 'validates' });

  const mx = await resolver.mx('bank.example');
  t.match(mx, { kind: 'found', secure: true, name: 'bank.example' });
  t.same(mx.kind === 'found' && mx.records.toSorted((one, other) => one.preference - other.preference), [
    { preference: 10, exchange: 'mx.bank.example' },
    { preference: 20, exchange: 'mx2.bank.example' },
  ]);
  t.match(
    await resolver.addresses('mx.bank.example'),
    of('mx.bank.example', ['127.0.0.24', '0:0:0:0:0:0:0:1']),
  );
  t.match(await resolver.txt('_mta-sts.bank.example'), of('_mta-sts.bank.example', ['v=STSv1; id=1;']));
  const tlsa = await resolver.tlsa('_25._tcp.mx.bank.example');
  t.match(tlsa, of('_25._tcp.mx.bank.example', [{ usage: 3, selector: 1, matching: 1 }]));
  t.equal(tlsa.kind === 'found' && Buffer.from(tlsa.records[0]!.data).toString('hex'), DIGEST);
  t.match(await resolver.mx('null.example'), of('null.example', [{ preference: 0, exchange: '' }]));
  t.match(
    await resolver.addresses('alias.example'),
    of('mx.bank.example', ['127.0.0.24', '0:0:0:0:0:0:0:1']),
  );
  t.match(await resolver.cname('alias.example'), of('alias.example', ['mx.bank.example']));
  t.match(await resolver.mx('odd.example'), of('odd.example', [{ exchange: 'a\\046b\\032c.example' }]));

  t.match(
    await resolver.addresses('out.example'),
    of('mx.plain.test', ['127.0.0.25'], false),
    'an alias out of it',
  );
  t.match(await resolver.cname('out.example'), of('out.example', ['mx.plain.test']), 'that is signed itself');
  t.match(
    await resolver.mx('plain.test'),
    of('plain.test', [{ preference: 10, exchange: 'mx.plain.test' }], false),
  );
  t.match(await resolver.mx('no.plain.test'), { kind: 'absent', secure: false });
  t.match(await resolver.mx('nobody.example'), { kind: 'absent', secure: true }, 'NXDOMAIN');
  const nodata = await resolver.tlsa('mx.bank.example');
  t.match(nodata, { kind: 'absent', secure: true }, 'NODATA');
  t.ok(nodata.kind === 'absent' && nodata.ttlSeconds < 60, 'as long as the SOA says');
  for (const name of ['bad.example', 'lame.example', 'below.lame.example'])
    t.match(await resolver.txt(name), {
      kind: 'unknown',
      why: `${at} answered SERVFAIL (the servers of that name cannot be reached, or its DNSSEC signatures are wrong) about TXT of ${name}`,
    });

  const all = await resolver.txt('long.example');
  t.match(all, { kind: 'found', secure: true }, 'too long for UDP');
  t.same(
    all.kind === 'found' && all.records.map((text) => text.slice(0, 3)).toSorted(),
    long.map((_, i) => String(i).padStart(3, '0')),
  );

  const doubting = stub(t, dns, false);
  t.match(
    await doubting.mx('bank.example'),
    { kind: 'found', secure: false },
    'without trust nothing is secure',
  );
  t.match(await doubting.mx('nobody.example'), { kind: 'absent', secure: false });

  const many = await Promise.all(Array.from({ length: 1000 }, (_, i) => resolver.mx(`n${i}.example`)));
  t.equal(many.filter((one) => one.kind === 'absent' && one.secure).length, 1000, 'a thousand at once');
});

/** Domain to what DANE comes to there; the records are below. */
const DANE: Readonly<Record<string, DaneFact['kind'] | 'all' | 'some'>> = {
  'all.example': 'all',
  'some.example': 'some',
  'none.example': 'absent',
  'unusable.example': 'unusable',
  'null.example': 'absent',
  'implicit.example': 'all',
  'nobody.example': 'absent',
  'plain.test': 'absent',
  'abroad.example': 'absent',
  'alias.example': 'all',
  'out.example': 'all',
  'gone.example': 'all',
  'bogus.example': 'unknown',
  'lame.example': 'unknown',
  'lametlsa.example': 'unknown',
  'half.example': 'some',
};

t.test('DANE', { skip }, async (t) => {
  const host = (name: string) => [`${name}. A 127.0.0.24`, `_25._tcp.${name}. ${TLSA}`];
  const dns = await startDns(t, {
    records: [
      'all.example. MX 10 mx.all.example.',
      'all.example. MX 20 mx.other.example.',
      ...host('mx.all.example'),
      ...host('mx.other.example'),
      'some.example. MX 10 mx.all.example.',
      'some.example. MX 10 mx.none.example.',
      'none.example. MX 10 mx.none.example.',
      'mx.none.example. A 127.0.0.25',
      'unusable.example. MX 10 mx.unusable.example.',
      'mx.unusable.example. A 127.0.0.25',
      `_25._tcp.mx.unusable.example. TLSA 1 1 1 ${DIGEST}`,
      '_25._tcp.mx.unusable.example. TLSA 3 1 1 00ff',
      'null.example. MX 0 .',
      ...host('implicit.example'),
      'plain.test. MX 10 mx.plain.test.',
      ...host('mx.plain.test'),
      'abroad.example. MX 10 mx.plain.test.',
      'alias.example. MX 10 mx.alias.example.',
      'mx.alias.example. CNAME mx.all.example.',
      'out.example. MX 10 mx.out.example.',
      'mx.out.example. CNAME mx.plain.test.',
      `_25._tcp.mx.out.example. ${TLSA}`,
      'gone.example. MX 10 mx.all.example.',
      'gone.example. MX 20 mx.nowhere.example.',
      'bogus.example. MX 10 mx.all.example.',
      'lametlsa.example. MX 10 mx.lametlsa.example.',
      'mx.lametlsa.example. A 127.0.0.26',
      'half.example. MX 10 mx.all.example.',
      'half.example. MX 20 mx.lametlsa.example.',
    ],
    bogus: ['bogus.example.'],
    lame: ['lame.example.', '_25._tcp.mx.lametlsa.example.'],
  });
  const resolver = stub(t, dns);
  for (const [name, want] of Object.entries(DANE)) {
    const { fact, ttlSeconds } = await findDane(resolver, { name, host: false, port: 25 });
    t.equal(fact.kind === 'usable' ? fact.hosts : fact.kind, want, `${name} ${JSON.stringify(fact)}`);
    t.equal(ttlSeconds, want === 'unknown' ? 15 : 30, 'the records say less');
  }
  const host25 = await findDane(resolver, { name: 'mx.all.example', host: true, port: 25 });
  t.same(host25.fact, { kind: 'usable', hosts: 'all' });
  const host587 = await findDane(resolver, { name: 'mx.all.example', host: true, port: 587 });
  t.same(host587.fact, { kind: 'absent' });
  const far = await findDane(stub(t, dns, false), { name: 'all.example', host: false, port: 25 });
  t.equal(far.fact.kind, 'not-asked');
});

t.test('a resolver that is dead, silent, back again, or does not validate', { skip }, async (t) => {
  const records = ['bank.example. MX 10 mx.bank.example.'];
  const dns = await startDns(t, { records });
  const server = { host: dns.address, port: 53 };
  const resolver = new StubResolver({ servers: [server], trusted: true, attemptMs: 200, totalMs: 3000 });
  t.teardown(() => resolver.close());
  const question = { name: 'bank.example', host: true, port: 25 };

  process.kill(dns.pid, 'SIGSTOP');
  const silent = await findDane(resolver, question);
  t.match(silent.fact, {
    kind: 'unknown',
    why: /^127\.\S+:53, asked for A of bank\.example, gave no answer within/,
  });
  t.match(await selfTest([server], { attemptMs: 100, totalMs: 100 }), { kind: 'unknown' });
  process.kill(dns.pid, 'SIGCONT');
  t.match(await resolver.mx('bank.example'), { kind: 'found', secure: true });

  await dns.stop();
  const dead = await findDane(resolver, question);
  t.match(dead.fact, { kind: 'unknown', why: /refused: nothing listens there$/ });
  await dns.start();
  t.match(await resolver.mx('bank.example'), { kind: 'found', secure: true });

  const plain = await startDns(t, { records, validating: false });
  t.same(await selfTest([{ host: plain.address, port: 53 }]), {
    kind: 'does-not-validate',
    why: `${plain.address}:53 does not validate (no AD flag for the root)`,
  });
  t.match(await stub(t, plain).mx('bank.example'), { kind: 'found', secure: false });
});
