/**
 * DANE, line by line: what each kind of host counts as, what the hosts come to together, what is asked and what is not,
 * and how long it may be kept.
 */
import t, { type Test } from 'tap';
import type { DaneFact, PublishedQuestion } from '../../src/core/publishedFacts.ts';
import { findDane } from '../../src/dns/dane.ts';
import { FakeResolver } from './fakeResolver.ts';

const DOMAIN: PublishedQuestion = { name: 'bank.example', host: false, port: 25 };
const SIGNED = 'A h.example = 192.0.2.1';
const USABLE = '3 1 1 sha256';

interface Case {
  readonly fact: DaneFact;
  /** Questions, in order; not compared when left out. */
  readonly asked?: readonly string[];
  readonly ttl?: number;
  readonly question?: PublishedQuestion;
}

async function comes(t: Test, what: string, lines: readonly string[], want: Case): Promise<void> {
  const resolver = new FakeResolver(lines);
  const found = await findDane(resolver, want.question ?? DOMAIN);
  t.same(found.fact, want.fact, what);
  if (want.asked !== undefined) t.same(resolver.asked, want.asked, `${what}: asked`);
  if (want.ttl !== undefined) t.equal(found.ttlSeconds, want.ttl, `${what}: seconds`);
}

const ALL: DaneFact = { kind: 'usable', hosts: 'all' };
const SOME: DaneFact = { kind: 'usable', hosts: 'some' };
const ABSENT: DaneFact = { kind: 'absent' };
const UNUSABLE: DaneFact = { kind: 'unusable' };
const left = (why: string): DaneFact => ({ kind: 'not-asked', why });
const unknown = (key: string): DaneFact => ({ kind: 'unknown', why: `no answer about ${key}` });

t.test('nobody to believe: nothing is asked', async (t) => {
  const resolver = new FakeResolver([], false);
  t.same(await findDane(resolver, DOMAIN), {
    fact: { kind: 'not-asked', why: 'no trusted DNSSEC-validating resolver is configured' },
    ttlSeconds: 60,
  });
  t.same(resolver.asked, []);
});

t.test('MX', async (t) => {
  const mx = 'MX bank.example';
  const only = (what: string, outcome: string, fact: DaneFact, ttl?: number) =>
    comes(t, what, [`${mx} = ${outcome}`], { fact, asked: [mx], ...(ttl === undefined ? {} : { ttl }) });
  await only('not to be had', 'unknown', unknown(mx), 15);
  await only('unsigned', '10 h.example insecure', ABSENT, 300);
  await only('unsigned absence', 'absent insecure', ABSENT, 300);
  await only('null MX', '0 .', ABSENT, 300);
  const implicit = [`${mx} = absent`, 'A bank.example = 192.0.2.1', `TLSA _25._tcp.bank.example = ${USABLE}`];
  const asked = [mx, 'A bank.example', 'TLSA _25._tcp.bank.example'];
  await comes(t, 'proven absent: the domain is the host', implicit, { fact: ALL, asked });
  await comes(t, 'and has no address', [`${mx} = absent`, 'A bank.example = absent'], { fact: ABSENT });
  await comes(t, 'an MX is never asked for a host', implicit.slice(1), {
    fact: ALL,
    asked: asked.slice(1),
    question: { ...DOMAIN, host: true },
  });
  const port = ['A bank.example = 192.0.2.1', `TLSA _587._tcp.bank.example = ${USABLE}`];
  await comes(t, 'the port', port, { fact: ALL, question: { ...DOMAIN, host: true, port: 587 } });
  for (const name of ['[192.0.2.1]', '[ipv6:2001:db8:0:0:0:0:0:1]'])
    await comes(t, name, [], { fact: ABSENT, asked: [], question: { name, host: true, port: 25 } });
  const twice = [`${mx} = 10 h.example, 20 h.example, 5 .`, SIGNED, `TLSA _25._tcp.h.example = ${USABLE}`];
  await comes(t, 'one host twice', twice, {
    fact: ALL,
    asked: [mx, 'A h.example', 'TLSA _25._tcp.h.example'],
  });
});

t.test('one host', async (t) => {
  const host = (what: string, lines: readonly string[], fact: DaneFact, asked?: readonly string[]) =>
    comes(t, what, ['MX bank.example = 10 h.example', ...lines], {
      fact,
      ...(asked === undefined ? {} : { asked: ['MX bank.example', ...asked] }),
    });
  const tlsa = 'TLSA _25._tcp.h.example';
  await host('no address', ['A h.example = absent'], ABSENT, ['A h.example']);
  await host('unsigned: TLSA is not asked for', ['A h.example = 192.0.2.1 insecure'], ABSENT, [
    'A h.example',
  ]);
  await host('addresses not to be had', ['A h.example = unknown'], unknown('A h.example'), ['A h.example']);
  await host('TLSA not to be had', [SIGNED, `${tlsa} = unknown`], unknown(tlsa));
  await host('no TLSA', [SIGNED, `${tlsa} = absent`], ABSENT, ['A h.example', tlsa]);
  await host('no TLSA, unsigned', [SIGNED, `${tlsa} = absent insecure`], ABSENT);
  await host('TLSA, unsigned', [SIGNED, `${tlsa} = ${USABLE} insecure`], ABSENT);
  await host('TLSA', [SIGNED, `${tlsa} = ${USABLE}`], ALL);
});

t.test('an alias', async (t) => {
  const host = (what: string, lines: readonly string[], fact: DaneFact, asked: readonly string[]) =>
    comes(t, what, ['MX bank.example = 10 h.example', ...lines], {
      fact,
      asked: ['MX bank.example', 'A h.example', ...asked],
    });
  const signed = 'A h.example = alias to.example 192.0.2.1';
  const open = `${signed} insecure`;
  const [own, far] = ['TLSA _25._tcp.h.example', 'TLSA _25._tcp.to.example'];
  await host('where it leads', [signed, `${far} = ${USABLE}`], ALL, [far]);
  await host('else its own', [signed, `${far} = absent`, `${own} = ${USABLE}`], ALL, [far, own]);
  await host('unsigned where it leads', [signed, `${far} = ${USABLE} insecure`, `${own} = absent`], ABSENT, [
    far,
    own,
  ]);
  await host('unusable where it leads', [signed, `${far} = 0 1 1 sha256`], UNUSABLE, [far]);
  await host('cannot be told where it leads', [signed, `${far} = unknown`], unknown(far), [far]);
  const cname = 'CNAME h.example';
  await host('unsigned, but signed at first', [open, `${cname} = to.example`, `${own} = ${USABLE}`], ALL, [
    cname,
    own,
  ]);
  await host('unsigned from the start', [open, `${cname} = to.example insecure`], ABSENT, [cname]);
  await host('unsigned, and cannot be told', [open, `${cname} = unknown`], unknown(cname), [cname]);
});

t.test('which records can be used', async (t) => {
  const record = (text: string, usable: boolean) =>
    comes(t, text, ['MX bank.example = 10 h.example', SIGNED, `TLSA _25._tcp.h.example = ${text}`], {
      fact: usable ? ALL : UNUSABLE,
    });
  for (const usage of [0, 1, 2, 3, 4, 255]) await record(`${usage} 1 1 32`, usage === 2 || usage === 3);
  for (const selector of [0, 1, 2, 255]) await record(`3 ${selector} 1 32`, selector < 2);
  for (const [matching, length, usable] of [
    [0, 0, false],
    [0, 1, true],
    [1, 0, false],
    [1, 31, false],
    [1, 32, true],
    [1, 33, false],
    [1, 64, false],
    [2, 32, false],
    [2, 63, false],
    [2, 64, true],
    [3, 32, false],
    [255, 64, false],
  ] as const)
    await record(`3 1 ${matching} ${length}`, usable);
  await record('1 1 1 sha256, 3 1 1 31, 2 0 2 sha512', true);
  await record('1 1 1 sha256, 3 1 1 31', false);
});

/** Outcomes of a host: usable, bad (unusable), none, unsigned, gone (no address), failing. */
const LINES: Readonly<Record<string, (host: string) => readonly string[]>> = {
  usable: (host) => [`A ${host} = 192.0.2.1`, `TLSA _25._tcp.${host} = ${USABLE}`],
  bad: (host) => [`A ${host} = 192.0.2.1`, `TLSA _25._tcp.${host} = 1 1 1 sha256`],
  none: (host) => [`A ${host} = 192.0.2.1`, `TLSA _25._tcp.${host} = absent`],
  unsigned: (host) => [`A ${host} = 192.0.2.1 insecure`],
  gone: (host) => [`A ${host} = absent`],
  failing: (host) => [`A ${host} = unknown`],
};

/** Hosts, to what they come to together: `failing` stands for "unknown". */
const TOGETHER = `
usable                  all
usable usable           all
usable gone             all
usable none             some
usable unsigned         some
usable bad              some
usable failing          some
usable failing gone     some
usable bad none failing some
bad                     unusable
bad bad                 unusable
bad gone                unusable
bad none                left
bad unsigned            left
bad bad none gone       left
bad failing             failing
none                    absent
none unsigned gone      absent
none failing            failing
unsigned failing        failing
failing                 failing
failing failing         failing
gone failing            failing
gone                    absent
gone gone               absent
`;

t.test('hosts together, in any order', async (t) => {
  const facts: Readonly<Record<string, DaneFact>> = {
    all: ALL,
    some: SOME,
    unusable: UNUSABLE,
    absent: ABSENT,
    left: left('some of the MX hosts have TLSA records, none of which can be used'),
  };
  for (const line of TOGETHER.trim().split('\n')) {
    const words = line.trim().split(/ +/);
    const want = words.pop()!;
    for (const hosts of [words, words.toReversed()]) {
      const names = hosts.map((_, i) => `h${i}.example`);
      const failing = names[hosts.indexOf('failing')];
      await comes(
        t,
        hosts.join(' '),
        [
          `MX bank.example = ${names.map((name) => `10 ${name}`).join(', ')}`,
          ...names.flatMap((name, i) => LINES[hosts[i]!]!(name)),
        ],
        { fact: want === 'failing' ? unknown(`A ${failing}`) : facts[want]! },
      );
    }
  }
});

t.test('more hosts than are looked at', async (t) => {
  const many = (count: number, kind: string) => {
    const names = Array.from({ length: count }, (_, i) => `h${i}.example`);
    // the highest preference first, so that the last twenty are those with the lowest
    const mx = `MX bank.example = ${names.map((name, i) => `${1000 - i} ${name}`).join(', ')}`;
    return [mx, ...names.slice(-20).flatMap((name) => LINES[kind]!(name))];
  };
  await comes(t, '20', many(20, 'usable'), { fact: ALL });
  await comes(t, '21', many(21, 'usable'), { fact: SOME });
  // a later one may have them: Postfix, which tries the hosts, looks by itself
  const fact = left('there are more than 20 MX hosts');
  await comes(t, '21 that cannot be used', many(21, 'bad'), { fact });
  await comes(t, '21 without', many(21, 'none'), { fact });
  await comes(t, '21 unsigned', many(21, 'unsigned'), { fact });
  await comes(t, '21 that are not there', many(21, 'gone'), { fact });
  await comes(t, '500', many(500, 'usable'), { fact: SOME });
});

t.test('how long it may be kept', async (t) => {
  const kept = (seconds: number, mx: number, address: number, tlsa: number) =>
    comes(
      t,
      `${mx} ${address} ${tlsa}`,
      [
        `MX bank.example = 10 h.example ttl ${mx}`,
        `A h.example = 192.0.2.1 ttl ${address}`,
        `TLSA _25._tcp.h.example = absent ttl ${tlsa}`,
      ],
      { fact: ABSENT, ttl: seconds },
    );
  await kept(100, 100, 200, 300);
  await kept(100, 200, 100, 300);
  await kept(100, 300, 200, 100);
  await kept(30, 300, 5, 100);
  await kept(3600, 90_000, 86_400, 7200);
  const failing = [
    'MX bank.example = 10 a.example, 20 b.example',
    ...LINES.usable!('a.example'),
    'A b.example = unknown',
  ];
  await comes(t, 'with one that failed', failing, { fact: SOME, ttl: 300 });
});
