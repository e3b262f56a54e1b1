/**
 * Finding out what is published: both mechanisms side by side, once for each next hop, bounded in time and number; facts
 * kept for their TTL; a resolver that does not deserve its trust.
 */
import { test } from 'tap';
import type {
  DaneFact,
  OtherAnswer,
  Published,
  PublishedQuestion,
  StsFact,
} from '../../src/core/publishedFacts.ts';
import { DaneFinder } from '../../src/discovery/daneFinder.ts';
import {
  PolicyDiscovery,
  type PolicyDiscoveryOptions,
  type StsFinder,
} from '../../src/discovery/policyDiscovery.ts';
import { findDane } from '../../src/dns/dane.ts';
import type { SelfTest } from '../../src/dns/proofs.ts';
import { type StsInspection, startCounters } from '../../src/sts/events.ts';
import { until } from '../until.ts';
import { FakeDns, gate, TLSA } from './fakes.ts';

const about = (name: string, more: Partial<PublishedQuestion> = {}): PublishedQuestion => ({
  name,
  host: false,
  port: 25,
  ...more,
});

const NONE = {
  policies: 0,
  failing: 0,
  remembered: 0,
  running: 0,
  fetching: 0,
  waiting: 0,
  hanging: 0,
  bytes: 0,
};

class FakeSts implements StsFinder {
  readonly asked: string[] = [];
  readonly refreshed: string[] = [];
  fact: StsFact = { kind: 'absent' };
  gate: Promise<void> = Promise.resolve();
  closed = false;

  async find(domain: string): Promise<StsFact> {
    this.asked.push(domain);
    if (this.known.has(domain)) return this.fact;
    await this.gate;
    return this.fact;
  }

  async refresh(domain: string): Promise<StsFact> {
    this.refreshed.push(domain);
    return this.fact;
  }

  forget = (domain: string): boolean => this.asked.includes(domain);
  inspect = (domain: string): StsInspection | null =>
    this.known.has(domain) ? { kind: 'remembered', domain, fact: this.fact, until: 0 } : null;
  readonly known = new Set<string>();
  latest = () => [];
  counters = () => ({ ...startCounters(), ...NONE });
  readonly memory = [];
  settled = async (): Promise<void> => {};
  leaveFolder = async (): Promise<void> => {};
  close = async (): Promise<void> => {
    this.closed = true;
  };
}

interface Bench {
  readonly finder: DaneFinder;
  readonly dns: FakeDns;
  readonly sts: FakeSts;
  readonly publications: PolicyDiscovery;
  readonly told: string[];
  now: number;
  selfTest: SelfTest;
  tests: number;
  /** Called while a test is under way. */
  onTest: () => void;
}

function bench(
  limits: Partial<PolicyDiscoveryOptions> = {},
  selfTest: SelfTest = { kind: 'validates' },
): Bench {
  const dns = new FakeDns();
  const sts = new FakeSts();
  const told: string[] = [];
  const made = { dns, sts, told, now: 1_000_000, selfTest, tests: 0, onTest: () => {} };
  const finder = new DaneFinder({
    find: (question) => findDane(dns, question),
    test: async () => {
      made.tests++;
      await Promise.resolve();
      made.onTest();
      return made.selfTest;
    },
    now: () => made.now,
    changed: (state) => told.push(state.kind === 'on' ? 'on' : `${state.kind}: ${state.why}`),
  });
  const finders = { kind: 'own', dane: finder, sts } as const;
  return Object.assign(made, {
    finder,
    publications: new PolicyDiscovery({ finders, release: () => {}, ...limits }),
  });
}

const dane = (published: Published): DaneFact['kind'] | 'other' =>
  published.kind === 'own' ? published.dane.kind : 'other';

test('both mechanisms, once for each next hop, kept for their TTL', async (t) => {
  const each = bench();
  const { dns, sts, publications } = each;
  dns.domain('both.example', { tlsa: [TLSA] });
  const found = await Promise.all(Array.from({ length: 50 }, () => publications.find(about('both.example'))));
  t.match(found[0], { kind: 'own', dane: { kind: 'usable', hosts: 'all' } });
  t.ok(
    found.every((one) => one === found[0]),
    'one lookup for all who wait',
  );
  t.strictSame(sts.asked, ['both.example']);
  const asked = dns.asked.length;
  await publications.find(about('both.example'));
  t.equal(dns.asked.length, asked, 'kept');
  t.match(publications.inspect(about('both.example')).dane, {
    fact: { kind: 'usable' },
    until: each.now + 300_000,
  });
  each.now += 300_000;
  await publications.find(about('both.example'));
  t.ok(dns.asked.length > asked, 'for its TTL');
  t.equal(publications.inspect(about('other.example')).dane, null);
  t.ok(publications.forget('both.example'));
  t.equal(publications.inspect(about('both.example')).dane, null);
  t.notOk(publications.forget('nobody.example'));
  await publications.refresh(about('both.example'));
  t.strictSame(sts.refreshed, ['both.example']);
});

test('only TLSA records, where nothing else matters', async (t) => {
  const { dns, sts, publications } = bench();
  dns.domain('x.example', { tlsa: [TLSA] });
  sts.gate = new Promise(() => {});
  const found = await publications.find(about('x.example', { daneOnly: true }));
  t.match(found, { kind: 'own', dane: { kind: 'usable', hosts: 'all' }, sts: { kind: 'absent' } });
  t.strictSame(sts.asked, []);
});

test('a host has no MTA-STS, and its port counts', async (t) => {
  const { dns, sts, publications } = bench();
  dns.records.set('A mx.a.example', ['192.0.2.1']);
  dns.records.set('TLSA _587._tcp.mx.a.example', [TLSA]);
  t.match(await publications.find(about('mx.a.example', { host: true, port: 587 })), {
    dane: { kind: 'usable' },
    sts: { kind: 'absent' },
  });
  t.match(await publications.find(about('mx.a.example', { host: true })), { dane: { kind: 'absent' } });
  t.strictSame(sts.asked, []);
  await publications.refresh(about('mx.a.example', { host: true }));
  t.strictSame(sts.refreshed, []);
});

test('where DANE decides MTA-STS is not waited for', async (t) => {
  const { dns, sts, publications } = bench();
  const slow = gate();
  sts.gate = slow.wait;
  dns.domain('dane.example', { tlsa: [TLSA] });
  t.match(await publications.find(about('dane.example')), {
    dane: { kind: 'usable' },
    sts: { kind: 'unknown', why: /DANE decides/ },
  });
  dns.failing.add('MX bogus.example');
  t.match(await publications.find(about('bogus.example')), {
    dane: { kind: 'unknown' },
    sts: { kind: 'unknown' },
  });
  slow.open();
});

test('bounded in time: what is not there counts as unknown, and is kept for the next', async (t) => {
  const { dns, sts, publications } = bench({ deadlineMs: 60 });
  const slow = gate();
  sts.gate = slow.wait;
  dns.domain('a.example');
  t.match(await publications.find(about('a.example')), {
    dane: { kind: 'absent' },
    sts: { kind: 'unknown', why: 'no result within 0.06 s' },
  });
  t.equal(publications.counters.late, 1);
  slow.open();
  t.match(await publications.find(about('a.example')), { sts: { kind: 'absent' } });
  t.equal(publications.running, 0);
});

test('bounded in number: as many wait for their turn, beyond that the answer comes at once', async (t) => {
  const { dns, sts, publications } = bench({ mostAtOnce: 20 });
  const slow = gate();
  dns.gate = slow.wait;
  sts.gate = slow.wait;
  const waiting = Array.from({ length: 200 }, (_, i) => publications.find(about(`d${i}.example`)));
  await new Promise(setImmediate);
  t.equal(publications.running, 20);
  t.match(await waiting.at(-1), {
    dane: { kind: 'unknown', why: 'too many lookups at once' },
    sts: { kind: 'unknown' },
  });
  t.equal(publications.counters.tooMany, 160);
  t.equal(publications.waiting, 20);
  const [lookUps] = publications.memory.filter(({ name }) => name === 'lookups');
  t.match(lookUps, { used: 4096 * (publications.running + 20), limit: 4096 * 2 * 20 });
  slow.open();
  const found = await Promise.all(waiting);
  t.equal(found.filter((one) => dane(one) === 'absent').length, 40);
  t.equal(publications.running, 0);
  t.equal(dane(await publications.find(about('d199.example'))), 'absent', 'nothing is remembered of it');
});

test('what is known is answered however many wait', async (t) => {
  const { dns, sts, publications } = bench({ mostAtOnce: 20, deadlineMs: 200 });
  dns.domain('known.example');
  sts.known.add('known.example');
  await publications.find(about('known.example'));
  const slow = gate();
  dns.gate = slow.wait;
  sts.gate = slow.wait;
  const waiting = Array.from({ length: 100 }, (_, i) => publications.find(about(`d${i}.example`)));
  for (let i = 0; i < 5; i++)
    t.match(await publications.find(about('known.example')), {
      dane: { kind: 'absent' },
      sts: { kind: 'absent' },
    });
  t.equal(publications.counters.known, 5);
  t.equal(publications.running, 20);
  await Promise.all(waiting);
  slow.open();
});

test('one owner of domains leaves room for others', async (t) => {
  const { dns, sts, publications } = bench({ mostAtOnce: 20, deadlineMs: 300 });
  const slow = gate();
  sts.gate = slow.wait;
  dns.domain('bank.example');
  sts.known.add('bank.example');
  const waiting = Array.from({ length: 60 }, (_, i) => publications.find(about(`d${i}.evil.example`)));
  await new Promise(setImmediate);
  t.equal(publications.running, 5, 'a quarter');
  t.match(await publications.find(about('bank.example')), {
    dane: { kind: 'absent' },
    sts: { kind: 'absent' },
  });
  slow.open();
  await Promise.all(waiting);
  t.equal(publications.running, 0);
});

test('of those that take long only so many hold the MTA up', async (t) => {
  const { sts, publications } = bench({ mostSlow: 3, slowMs: 30, deadlineMs: 20_000 });
  const slow = gate();
  sts.gate = slow.wait;
  const over: string[] = [];
  const waiting = Array.from({ length: 8 }, async (_, i) => {
    const found = await publications.find(about(`d${i}.example`));
    over.push(`d${i} ${found.kind === 'own' && found.sts.kind}`);
  });
  await until(() => over.length >= 5);
  t.strictSame(over, ['d0 unknown', 'd1 unknown', 'd2 unknown', 'd3 unknown', 'd4 unknown']);
  t.equal(publications.counters.cut, 5);
  slow.open();
  await Promise.all(waiting);
  t.strictSame(over.slice(5), ['d5 absent', 'd6 absent', 'd7 absent'], 'the others go on');
  t.match(await publications.find(about('d0.example')), { sts: { kind: 'absent' } });
});

test('a resolver that does not validate', async (t) => {
  const each = bench({}, { kind: 'does-not-validate', why: '127.0.0.1:53 does not validate' });
  each.dns.domain('a.example', { tlsa: [TLSA] });
  t.match(await each.publications.find(about('a.example')), {
    dane: { kind: 'not-asked', why: '127.0.0.1:53 does not validate' },
  });
  t.equal(each.publications.daneOff, '127.0.0.1:53 does not validate');
  t.strictSame(each.told, ['off: 127.0.0.1:53 does not validate']);
  t.equal(each.dns.asked.filter((question) => !question.startsWith('TXT')).length, 0);
  await each.publications.find(about('a.example'));
  t.equal(each.tests, 1, 'not tested for each question');
  each.selfTest = { kind: 'validates' };
  each.now += 600_000;
  t.equal(dane(await each.publications.find(about('a.example'))), 'usable', 'put right');
  t.strictSame(each.told.slice(1), ['on']);
  each.selfTest = { kind: 'does-not-validate', why: 'no longer' };
  each.now += 600_000;
  await each.publications.find(about('a.example'));
  await new Promise(setImmediate);
  t.equal(dane(await each.publications.find(about('b.example'))), 'not-asked', 'and noticed when it stops');
});

test('a resolver that cannot be tested is not believed', async (t) => {
  const each = bench({}, { kind: 'unknown', why: 'no answer' });
  each.dns.domain('a.example');
  t.match(await each.publications.find(about('a.example')), {
    dane: { kind: 'unknown', why: 'the resolver could not be tested: no answer' },
  });
  const { tests } = each;
  await each.publications.find(about('a.example'));
  t.equal(each.tests, tests, 'not for each question');
  each.selfTest = { kind: 'validates' };
  each.now += 5000;
  t.equal(dane(await each.publications.find(about('a.example'))), 'absent');
  t.strictSame(each.told, ['untested: no answer', 'on']);
  const fine = bench();
  await fine.publications.find(about('a.example'));
  t.strictSame(fine.told, [], 'that it works is no news at the start');
});

test('a resolver that is caught while it runs: mail waits until it has been tested', async (t) => {
  const each = bench();
  each.dns.domain('known.example', { tlsa: [TLSA] });
  each.dns.domain('fresh.example', { tlsa: [TLSA] });
  t.equal(dane(await each.publications.find(about('known.example'))), 'usable');
  const { tests } = each;
  const slow = gate();
  each.selfTest = { kind: 'does-not-validate', why: 'no AD' };
  // its answers without AD are no answers, and raise the doubt (dns/proofs.ts)
  each.dns.failing.add('MX fresh.example');
  each.dns.gate = slow.wait;
  const asked = each.publications.find(about('fresh.example'));
  await new Promise(setImmediate);
  each.finder.doubt();
  t.match(each.publications.daneOff, /like one that does not validate/, 'status says so at once');
  slow.open();
  t.match(await asked, { dane: { kind: 'not-asked', why: 'no AD' } });
  t.ok(each.tests > tests, 'tested at once');
  t.strictSame(each.told, ['off: no AD']);
  t.equal(each.publications.daneOff, 'no AD');
  t.equal(dane(await each.publications.find(about('known.example'))), 'usable', 'what was proven stands');
  t.equal(each.publications.inspect(about('fresh.example')).dane, null, 'and what was not is not kept');

  each.selfTest = { kind: 'validates' };
  each.dns.failing.clear();
  each.now += 10_000;
  t.equal(dane(await each.publications.find(about('fresh.example'))), 'usable');
  t.strictSame(each.told, ['off: no AD', 'on']);
});

test('a doubt during a test needs another one; without an answer mail waits', async (t) => {
  const each = bench();
  each.dns.domain('a.example');
  await each.publications.find(about('a.example'));
  each.now += 300_000;
  each.selfTest = { kind: 'unknown', why: 'silence' };
  each.finder.doubt();
  t.match(await each.publications.find(about('a.example')), {
    dane: { kind: 'unknown', why: /being tested/ },
  });
  t.strictSame(each.told, ['untested: silence']);
  const { tests } = each;
  each.selfTest = { kind: 'validates' };
  each.now += 5000;
  each.finder.doubt();
  each.finder.doubt();
  t.equal(dane(await each.publications.find(about('a.example'))), 'absent');
  t.equal(each.tests - tests, 2, 'the one that was under way proves nothing about what came since');
  t.strictSame(each.told, ['untested: silence', 'on']);
});

test('doubts that never end do not keep the answer off', async (t) => {
  const each = bench();
  each.dns.domain('a.example');
  await each.publications.find(about('a.example'));
  each.selfTest = { kind: 'does-not-validate', why: 'no AD' };
  each.onTest = () => {
    if (each.tests < 1000) each.finder.doubt();
  };
  const { tests } = each;
  each.finder.doubt();
  t.match(await each.publications.find(about('b.example')), { dane: { kind: 'not-asked', why: 'no AD' } });
  t.ok(each.tests - tests < 5, `${each.tests - tests} tests`);
});

test('a clock that is put back prolongs nothing', async (t) => {
  const each = bench();
  each.dns.domain('a.example');
  t.equal(dane(await each.publications.find(about('a.example'))), 'absent');
  each.now -= 365 * 86_400_000;
  each.dns.domain('a.example', { tlsa: [TLSA] });
  const { tests } = each;
  t.equal(dane(await each.publications.find(about('a.example'))), 'usable');
  t.ok(each.tests > tests, 'the resolver is tested as before');
});

test('another server instead', async (t) => {
  const answers: OtherAnswer[] = [{ kind: 'nothing' }, { kind: 'unknown', why: 'down' }];
  let closed = false;
  const publications = new PolicyDiscovery({
    finders: {
      kind: 'other',
      server: {
        ask: async () => answers.shift() ?? Promise.reject(new Error('a bug')),
        close: () => {
          closed = true;
        },
      },
    },
    release: () => {},
  });
  t.strictSame(await publications.find(about('a.example')), { kind: 'other', answer: { kind: 'nothing' } });
  t.match(await publications.find(about('a.example')), { answer: { kind: 'unknown', why: 'down' } });
  t.match(await publications.find(about('a.example')), {
    answer: { kind: 'unknown', why: /an internal error/ },
  });
  t.equal(publications.daneOff, '');
  t.notOk(publications.forget('a.example'));
  await publications.retire();
  t.ok(closed);
});

test('one that is replaced ends what it has begun', async (t) => {
  const { sts, publications } = bench();
  const slow = gate();
  sts.gate = slow.wait;
  const waiting = publications.find(about('a.example'));
  const retired = publications.retire();
  await new Promise(setImmediate);
  t.equal(sts.closed, false);
  slow.open();
  t.match(await waiting, { sts: { kind: 'absent' } });
  await retired;
  t.equal(sts.closed, true);
});
