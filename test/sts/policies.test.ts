/**
 * The finder, line by line of what it promises, with a clock that the test moves. Nothing here uses network or disk.
 */
import { chmodSync } from 'node:fs';
import { test } from 'tap';
import { STS_LIMITS } from '../../src/sts/options.ts';
import { StsPolicies } from '../../src/sts/policies.ts';
import { until } from '../until.ts';
import { absent, found, unknown } from './fakes.ts';
import {
  Bed,
  DAY,
  failedFetch,
  fetchedPolicy,
  gate,
  HOUR,
  MINUTE,
  policyText,
  SECOND,
  START,
} from './finder.ts';

const BANK = 'bank.example';
const TXT = `_mta-sts.${BANK}`;

test('a policy is fetched once and answered at once', async (t) => {
  const bed = new Bed(t);
  bed.publish(BANK, 'one');
  const policies = await bed.open();
  const fact = await policies.find(BANK);
  t.match(fact, {
    kind: 'policy',
    id: 'one',
    fetchedAt: START,
    policy: { mode: 'enforce', mx: ['mail.bank.example'] },
  });
  t.same(bed.asked(), { dns: 1, https: 1 });
  t.same(bed.told(), [
    { kind: 'fetched', domain: BANK, id: 'one', mode: 'enforce', expiresAt: START + 7 * DAY },
  ]);
  bed.time += 4 * MINUTE;
  t.equal(await policies.find(BANK), fact);
  await policies.settled();
  t.same(bed.asked(), { dns: 0, https: 0 });
  t.match(policies.counters(), { asked: 2, fromCache: 1, records: 1, fetches: 1, policies: 1, running: 0 });
});

test('patterns that are not compared are told once for each text', async (t) => {
  const bed = new Bed(t);
  const policies = await bed.open();
  const text = (mx: readonly string[], mode = 'enforce') => policyText(mode, 604_800, mx.join('\nmx: '));
  const told = () => bed.told().filter(({ kind }) => kind === 'patterns');
  bed.publish(BANK, 'one', fetchedPolicy(text(['*.example', 'localhost', 'mx.bank.example'])));
  await policies.find(BANK);
  const first = { kind: 'patterns', domain: BANK, id: 'one', mode: 'enforce' };
  t.strictSame(told(), [{ ...first, patterns: ['*.example', 'localhost'], count: 2, left: 1 }]);
  await policies.refresh(BANK);
  t.strictSame(told(), [], 'the same again');
  const many = Array.from({ length: 100 }, (_, i) => `*.tld${i}`);
  bed.publish(BANK, 'two', fetchedPolicy(text(many)));
  await policies.refresh(BANK);
  t.match(told(), [{ patterns: many.slice(0, 5), count: 100, left: 0 }]);
  bed.publish(BANK, 'three', fetchedPolicy(text(['*.example'], 'none')));
  await policies.refresh(BANK);
  bed.publish(BANK, 'four', fetchedPolicy(text(['*.co.example'], 'enforce')));
  await policies.refresh(BANK);
  t.strictSame(told(), [], 'switched off, or intersectTlsParameters enough');
});

test('all modes are facts', async (t) => {
  const bed = new Bed(t);
  const policies = await bed.open();
  for (const mode of ['enforce', 'testing', 'none']) {
    bed.publish(`${mode}.example`, 'one', fetchedPolicy(policyText(mode)));
    t.match(await policies.find(`${mode}.example`), { kind: 'policy', policy: { mode } });
  }
});

test('the record decides whether there is anything to fetch', async (t) => {
  const bed = new Bed(t);
  const policies = await bed.open();
  bed.hosts.set(BANK, fetchedPolicy(policyText()));
  for (const records of [[], ['v=spf1 -all'], ['v=STSv1; id=1;', 'v=STSv1; id=1;'], ['v=STSv1; id=;']]) {
    bed.resolver.txts.set(TXT, found(records));
    t.same(await policies.find(BANK), { kind: 'absent' }, JSON.stringify(records));
    policies.forget(BANK);
  }
  t.equal(bed.asked().https, 0);
  for (const name of ['BANK.example', 'bank.example.', '[192.0.2.1]', '', 'a/../b', `${'a.'.repeat(122)}b`]) {
    t.same(await policies.find(name), { kind: 'absent' }, name);
    t.same(await policies.refresh(name), { kind: 'absent' });
  }
  t.equal(bed.asked().dns, 0, 'names that can have no policy are not asked for');
});

test('absence is remembered for its TTL, between a minute and an hour', async (t) => {
  const bed = new Bed(t);
  const policies = await bed.open();
  for (const [ttl, kept] of [
    [0, MINUTE],
    [10, MINUTE],
    [600, 10 * MINUTE],
    [86_400, HOUR],
  ] as const) {
    bed.resolver.txts.set(TXT, absent(ttl));
    t.same(await policies.find(BANK), { kind: 'absent' });
    t.match(policies.inspect(BANK), { kind: 'remembered', fact: { kind: 'absent' }, until: bed.time + kept });
    bed.time += kept - 1;
    t.same(await policies.find(BANK), { kind: 'absent' });
    t.same(bed.asked(), { dns: 1, https: 0 }, `TTL ${ttl}`);
    bed.time += 1;
    t.equal(policies.inspect(BANK), null);
  }
});

test('not knowing is not absence, and is remembered for 15 s', async (t) => {
  const bed = new Bed(t);
  const policies = await bed.open();
  bed.resolver.txts.set(TXT, unknown('SERVFAIL'));
  t.same(await policies.find(BANK), { kind: 'unknown', why: 'SERVFAIL' });
  bed.time += 15 * SECOND - 1;
  t.same(await policies.find(BANK), { kind: 'unknown', why: 'SERVFAIL' });
  t.same(bed.asked(), { dns: 1, https: 0 });
  bed.publish(BANK, 'one');
  bed.time += 1;
  t.match(await policies.find(BANK), { kind: 'policy', id: 'one' });
});

test('a failed fetch is not repeated for five minutes for the same id', async (t) => {
  const bed = new Bed(t);
  bed.publish(BANK, 'one', failedFetch(), 60);
  const policies = await bed.open();
  const failed = { kind: 'failed', failure: 'sts-policy-fetch-error', why: 'answered 500' };
  t.same(await policies.find(BANK), failed);
  t.match(bed.told(), [{ kind: 'failed', domain: BANK, id: 'one', kept: false, mode: null }]);
  for (let i = 0; i < 4; i++) {
    bed.time += MINUTE;
    t.same(await policies.find(BANK), failed);
  }
  t.same(bed.asked(), { dns: 5, https: 1 }, 'DNS is asked after each TTL, the host is not');
  bed.resolver.txts.set(TXT, unknown());
  bed.time += 30 * SECOND;
  await policies.find(BANK);
  bed.time += 30 * SECOND - 1;
  await policies.find(BANK);
  t.equal(bed.asked().https, 0, 'nor after a moment without DNS');
  bed.publish(BANK, 'one', fetchedPolicy(policyText()), 60);
  policies.sweep();
  bed.time += 15 * SECOND;
  t.match(await policies.find(BANK), { kind: 'policy' });
  t.equal(bed.asked().https, 1);
});

test('another id is tried at once', async (t) => {
  const bed = new Bed(t);
  bed.publish(BANK, 'one', failedFetch(), 60);
  const policies = await bed.open();
  await policies.find(BANK);
  bed.publish(BANK, 'two');
  bed.time += MINUTE;
  t.match(await policies.find(BANK), { kind: 'policy', id: 'two' });
  t.equal(policies.counters().remembered, 0, 'the failure is forgotten');
});

test('the id is compared behind the answer, and a new one fetched', async (t) => {
  const bed = new Bed(t);
  bed.publish(BANK, 'one');
  const policies = await bed.open();
  const old = await policies.find(BANK);
  bed.publish(BANK, 'two', fetchedPolicy(policyText('testing')));
  bed.asked();
  bed.time += 5 * MINUTE - 1;
  await policies.find(BANK);
  await policies.settled();
  t.same(bed.asked(), { dns: 0, https: 0 }, 'not before the TTL');
  bed.time += 1;
  t.equal(await policies.find(BANK), old, 'the answer does not wait');
  await policies.settled();
  t.same(bed.asked(), { dns: 1, https: 1 });
  t.match(await policies.find(BANK), {
    kind: 'policy',
    id: 'two',
    policy: { mode: 'testing' },
    fetchedAt: bed.time,
  });
});

test('the same id does not prolong the policy', async (t) => {
  const bed = new Bed(t);
  bed.publish(BANK, 'one', undefined, 86_400);
  const policies = await bed.open();
  await policies.find(BANK);
  bed.time += HOUR;
  await policies.find(BANK);
  await policies.settled();
  t.same(bed.asked(), { dns: 2, https: 1 }, 'compared after an hour at the latest');
  t.match(policies.inspect(BANK), { fetchedAt: START, expiresAt: START + 7 * DAY, lastChecked: bed.time });
});

test('nothing but its end cancels a policy', async (t) => {
  const bed = new Bed(t);
  bed.publish(BANK, 'one');
  const policies = await bed.open();
  const fact = await policies.find(BANK);
  const answers = [
    absent(60),
    unknown(),
    found([]),
    found(['v=STSv1; id=1;', 'v=STSv1; id=2;']),
    found(['v=STSv1; id=;']),
  ];
  bed.hosts.set(BANK, failedFetch());
  for (const answer of answers) {
    bed.resolver.txts.set(TXT, answer);
    bed.time += HOUR;
    t.equal(await policies.find(BANK), fact);
    await policies.settled();
  }
  bed.resolver.txts.set(TXT, found(['v=STSv1; id=two;']));
  bed.time += HOUR;
  bed.told();
  t.equal(await policies.find(BANK), fact);
  await policies.settled();
  t.match(bed.told(), [{ kind: 'failed', id: 'two', kept: true, mode: 'enforce' }]);
  t.equal(await policies.find(BANK), fact);
  const failedAt = bed.time;
  t.match(policies.inspect(BANK), {
    id: 'one',
    lastFailure: { failure: 'sts-policy-fetch-error', why: 'answered 500', at: failedAt },
  });
  t.equal(policies.counters().failing, 1);
  bed.resolver.txts.set(TXT, absent());
  bed.time = START + 7 * DAY - 1;
  t.equal(await policies.find(BANK), fact, 'until the last millisecond');
  await policies.settled();
  bed.told();
  bed.time += 1;
  t.same(await policies.find(BANK), { kind: 'absent' });
  t.match(bed.told(), [
    { kind: 'expired', domain: BANK, id: 'one', mode: 'enforce', lastFailure: { at: failedAt } },
  ]);
  t.equal(policies.counters().policies, 0);
});

test('a new id whose policy cannot be had is tried again after 5, 10, 20 minutes', async (t) => {
  const bed = new Bed(t);
  bed.publish(BANK, 'one', undefined, 60);
  const policies = await bed.open();
  await policies.find(BANK);
  bed.publish(BANK, 'two', failedFetch(), 60);
  const tried: number[] = [];
  bed.asked();
  for (let minute = 1; minute <= 200; minute++) {
    bed.time = START + minute * MINUTE;
    t.match(await policies.find(BANK), { kind: 'policy', id: 'one' });
    await policies.settled();
    if (bed.asked().https > 0) tried.push(minute);
  }
  t.same(tried, [1, 6, 16, 36, 76, 136, 196], 'and then each hour');
});

test('a failed new id does not wait for a long TTL', async (t) => {
  const bed = new Bed(t);
  bed.publish(BANK, 'one', undefined, 60);
  const policies = await bed.open();
  await policies.find(BANK);
  bed.publish(BANK, 'two', failedFetch(), 86_400);
  bed.time += MINUTE;
  await policies.find(BANK);
  await policies.settled();
  bed.publish(BANK, 'two', undefined, 86_400);
  bed.time += 5 * MINUTE;
  await policies.find(BANK);
  await policies.settled();
  t.match(policies.inspect(BANK), { id: 'two', fetchedAt: bed.time });
});

test('a policy in use is fetched ahead of its end', async (t) => {
  const bed = new Bed(t);
  bed.publish(BANK, 'one');
  bed.publish('short.example', 'one', fetchedPolicy(policyText('enforce', 7200)));
  bed.publish('idle.example', 'one');
  const policies = await bed.open();
  for (const domain of [BANK, 'short.example', 'idle.example']) await policies.find(domain);
  bed.time += HOUR;
  for (const domain of [BANK, 'short.example']) await policies.find(domain);
  await policies.settled();
  bed.asked();
  const sweepAt = async (time: number) => {
    bed.time = time;
    policies.sweep();
    await policies.settled();
    return bed.fetches.splice(0);
  };
  t.same(await sweepAt(START + 1.5 * HOUR - 1), []);
  t.same(await sweepAt(START + 1.5 * HOUR), ['short.example'], 'a quarter of two hours is left');
  t.match(policies.inspect('short.example'), { fetchedAt: bed.time, lastUsed: START + HOUR });
  t.same(await sweepAt(START + 3 * HOUR), [], 'not used since');
  t.same(await sweepAt(START + 6 * DAY - 1), []);
  t.same(policies.inspect('short.example'), null, 'so it has expired');
  t.same(await sweepAt(START + 6 * DAY), [BANK], 'a day is left');
  t.same(await sweepAt(START + 7 * DAY), []);
  t.equal(policies.inspect('idle.example'), null, 'nobody asked for it again');
  t.match(policies.inspect(BANK), { expiresAt: START + 13 * DAY });
  t.equal(policies.counters().policies, 1);
});

test('fetching ahead does not depend on the record', async (t) => {
  for (const answer of [absent(), unknown(), found(['v=STSv1; id=two;'])]) {
    const bed = new Bed(t);
    bed.publish(BANK, 'one');
    const policies = await bed.open();
    await policies.find(BANK);
    bed.time += MINUTE;
    await policies.find(BANK);
    bed.resolver.txts.set(TXT, answer);
    bed.time = START + 6.5 * DAY;
    policies.sweep();
    await policies.settled();
    const id = answer.kind === 'found' ? 'two' : 'one';
    t.match(policies.inspect(BANK), { id, fetchedAt: bed.time }, answer.kind);
  }
});

test('a failure to fetch ahead is tried again, more and more seldom', async (t) => {
  const bed = new Bed(t);
  bed.publish(BANK, 'one');
  const policies = await bed.open();
  await policies.find(BANK);
  bed.time += MINUTE;
  await policies.find(BANK);
  bed.hosts.set(BANK, failedFetch());
  bed.asked();
  const tried: number[] = [];
  const from = START + 6 * DAY;
  for (let minute = 0; minute < 200; minute++) {
    bed.time = from + minute * MINUTE;
    policies.sweep();
    await policies.settled();
    if (bed.asked().https > 0) tried.push(minute);
  }
  t.same(tried, [0, 5, 15, 35, 75, 135, 195]);
  t.match(bed.told().slice(1), [{ kind: 'failed', kept: true }]);
  bed.hosts.set(BANK, fetchedPolicy(policyText()));
  bed.time += 2 * HOUR;
  policies.sweep();
  await policies.settled();
  t.match(policies.inspect(BANK), { fetchedAt: bed.time, lastFailure: null });
  t.equal(policies.counters().failing, 0);
});

test('one lookup for all who wait', async (t) => {
  const bed = new Bed(t);
  bed.publish(BANK, 'one');
  const policies = await bed.open();
  const { closed, open } = gate();
  bed.gate = closed;
  const waiting = Array.from({ length: 50 }, () => policies.find(BANK));
  const forced = [policies.refresh(BANK), policies.refresh(BANK)];
  t.equal(policies.counters().running, 1);
  open();
  const facts = await Promise.all(waiting);
  t.equal(new Set(facts).size, 1);
  t.match(facts[0], { kind: 'policy' });
  t.equal(new Set(await Promise.all(forced)).size, 1);
  t.same(bed.asked(), { dns: 2, https: 2 }, 'one for those who asked, one for those who forced');
});

test('a clock that is put back prolongs nothing', async (t) => {
  const bed = new Bed(t);
  const policies = await bed.open();
  bed.resolver.txts.set(TXT, absent(3600));
  bed.publish('failing.example', 'one', failedFetch());
  bed.publish('kept.example', 'one', fetchedPolicy(policyText('enforce', 7 * 86_400)));
  t.same(await policies.find(BANK), { kind: 'absent' });
  t.match(await policies.find('failing.example'), { kind: 'failed' });
  t.match(await policies.find('kept.example'), { kind: 'policy' });
  bed.time -= 365 * DAY;
  bed.publish(BANK, 'one');
  bed.publish('failing.example', 'one');
  bed.publish('kept.example', 'two', fetchedPolicy(policyText('testing')));
  t.match(await policies.find(BANK), { kind: 'policy' }, 'absence is not remembered for a year');
  t.match(await policies.find('failing.example'), { kind: 'policy' }, 'nor failure');
  t.match(await policies.find('kept.example'), { kind: 'policy', policy: { mode: 'enforce' } });
  const kept = policies.inspect('kept.example');
  t.equal(kept?.kind === 'policy' && kept.expiresAt, bed.time + 7 * DAY, 'its max_age from now on');
  bed.time += 61 * SECOND;
  await policies.find('kept.example');
  await policies.settled();
  t.match(policies.inspect('kept.example'), { id: 'two', mode: 'testing' }, 'and DNS is asked again');
});

test('hanging hosts of one owner leave room for all others', async (t) => {
  const bed = new Bed(t);
  const { closed, open } = gate();
  const policies = await bed.open({
    limits: { fetches: 16, lookups: 400 },
    fetch: async (domain, signal) => {
      if (domain.startsWith('hang')) {
        const ended = new Promise((resolve) => signal.addEventListener('abort', resolve));
        await Promise.race([closed, ended]);
        return failedFetch('it hangs');
      }
      return fetchedPolicy(policyText());
    },
  });
  const names = Array.from({ length: 150 }, (_, i) => `hang${i}.evil.example`);
  for (const name of [...names, 'a.example', 'b.evil.example']) bed.publish(name, 'one');
  const hanging = names.map((name) => policies.find(name));
  while (policies.counters().fetching < 4) await new Promise(setImmediate);
  t.match(await policies.find('a.example'), { kind: 'policy' }, 'another owner');
  t.equal(policies.counters().fetching, 4, 'a quarter of the places');
  const busy = await Promise.race(hanging);
  t.same(busy, { kind: 'unknown', why: 'too many lookups at once' }, 'nobody waits longer than a second');
  await until(() => policies.counters().waiting === 0);
  open();
  const facts = await Promise.all(hanging);
  t.equal(facts.filter(({ kind }) => kind === 'failed').length, 4, 'those were tried');
  t.equal(
    facts.filter(({ kind }) => kind === 'unknown').length,
    146,
    'not one is taken for failed that was not',
  );
});

test('fetches that hang make room, and are not taken for failed', async (t) => {
  const bed = new Bed(t);
  const policies = await bed.open({
    limits: { fetches: 8 },
    fetch: async (domain, signal) => {
      if (!domain.startsWith('hang')) return fetchedPolicy(policyText());
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      return failedFetch('given up');
    },
  });
  const names = Array.from({ length: 8 }, (_, i) => `hang${i}.example`);
  for (const name of [...names, 'a.example']) bed.publish(name, 'one');
  const hanging = names.map((name) => policies.find(name));
  while (policies.counters().fetching < 8) await new Promise(setImmediate);
  // 3 s make a fetch old; whoever comes before waits for a second only
  let fact = await policies.find('a.example');
  for (let tries = 0; fact.kind === 'unknown' && tries < 20; tries++) fact = await policies.find('a.example');
  t.match(fact, { kind: 'policy' }, 'all places were taken by what hangs');
  t.match(await hanging[0], { kind: 'unknown', why: /took too long while others waited/ });
  t.equal(bed.told().filter(({ kind }) => kind === 'failed').length, 0);
  t.match(policies.inspect('hang0.example'), { kind: 'remembered', until: bed.time + 15 * SECOND });
  await policies.close();
  await Promise.all(hanging);
});

test('too many at once are turned away, not queued', async (t) => {
  const bed = new Bed(t);
  const policies = await bed.open({ limits: { fetches: 2, lookups: 4 } });
  for (let i = 0; i < 6; i++) bed.publish(`d${i}.example`, 'one');
  bed.publish(BANK, 'one');
  await policies.find(BANK);
  const { closed, open } = gate();
  bed.gate = closed;
  const waiting = Array.from({ length: 6 }, (_, i) => policies.find(`d${i}.example`));
  const busy = { kind: 'unknown', why: 'too many lookups at once' };
  t.same(await waiting[4], busy, 'lookups');
  t.same(await waiting[5], busy);
  t.same(await waiting[2], busy, 'fetches');
  t.same(await waiting[3], busy);
  bed.time += HOUR;
  t.match(await policies.find(BANK), { kind: 'policy' }, 'what is kept is answered');
  t.equal(policies.counters().running, 2, 'and not compared for now');
  t.equal(policies.inspect('d2.example'), null, 'that is not remembered');
  open();
  t.match(await waiting[0], { kind: 'policy' });
  t.match(await waiting[1], { kind: 'policy' });
  t.match(await policies.find('d2.example'), { kind: 'policy' });
  t.equal(policies.counters().tooMany, 4);
});

test('the least recently used go first', async (t) => {
  const bed = new Bed(t);
  const policies = await bed.open({ limits: { policies: 3, remembered: 2 } });
  for (let i = 0; i < 4; i++) bed.publish(`d${i}.example`, 'one');
  for (let i = 0; i < 3; i++) await policies.find(`d${i}.example`);
  await policies.find('d0.example');
  await policies.find('d3.example');
  const kept = [0, 1, 2, 3].filter((i) => policies.inspect(`d${i}.example`) !== null);
  t.same(kept, [0, 2, 3]);
  for (const name of ['a', 'b', 'c']) await policies.find(`${name}.example`);
  t.same(
    ['a', 'b', 'c'].filter((name) => policies.inspect(`${name}.example`) !== null),
    ['b', 'c'],
  );
  t.match(policies.counters(), { policies: 3, remembered: 2 });
});

test('long policies count as what they are', async (t) => {
  const bed = new Bed(t);
  const long = policyText() + 'x: y\n'.repeat(1000);
  const policies = await bed.open({ limits: { bytes: 25_000 } });
  for (let i = 0; i < 5; i++) {
    bed.publish(`d${i}.example`, 'one', fetchedPolicy(long));
    await policies.find(`d${i}.example`);
  }
  // two bytes for each character of the text and of its first hundred lines
  const { policies: kept, bytes } = policies.counters();
  t.equal(kept, 2);
  t.ok(bytes > 2 * 2 * long.length && bytes <= 25_000, `${bytes} bytes`);
  policies.forget('d4.example');
  policies.forget('d3.example');
  t.equal(policies.counters().bytes, 0);
});

test('long policies push out long ones, not the short ones of others', async (t) => {
  const bed = new Bed(t);
  const policies = await bed.open({ limits: { policies: 100, bytes: 100_000 } });
  bed.publish(BANK, 'one');
  await policies.find(BANK);
  const long = policyText() + 'x: y\n'.repeat(1000);
  for (let i = 0; i < 50; i++) {
    bed.publish(`d${i}.evil.example`, 'one', fetchedPolicy(long));
    await policies.find(`d${i}.evil.example`);
  }
  t.match(policies.inspect(BANK), { kind: 'policy' }, 'the least recently used, and still there');
  t.equal(policies.inspect('d0.evil.example'), null);
  t.ok(policies.counters().bytes <= 100_000);
});

test('what is remembered is let go', async (t) => {
  const bed = new Bed(t);
  bed.publish(BANK, 'one', failedFetch());
  const policies = await bed.open();
  await policies.find(BANK);
  await policies.find('other.example');
  t.equal(policies.counters().remembered, 2);
  bed.time += 5 * MINUTE;
  policies.sweep();
  t.equal(policies.counters().remembered, 0);
});

test('refresh asks now, and the old policy stays if that fails', async (t) => {
  const bed = new Bed(t);
  bed.publish(BANK, 'one');
  const policies = await bed.open();
  await policies.find(BANK);
  bed.time += SECOND;
  t.match(await policies.refresh(BANK), { kind: 'policy', fetchedAt: bed.time });
  bed.hosts.set(BANK, failedFetch());
  t.match(await policies.refresh(BANK), { kind: 'policy', fetchedAt: bed.time });
  t.equal(policies.forget(BANK), true);
  t.match(await policies.refresh(BANK), { kind: 'failed' });
  t.match(await policies.refresh(BANK), { kind: 'failed' });
  t.same(bed.asked(), { dns: 5, https: 5 }, 'the five minutes do not hold it back');
  bed.hosts.set(BANK, fetchedPolicy(policyText()));
  t.match(await policies.refresh(BANK), { kind: 'policy' });
  t.match(await policies.refresh('other.example'), { kind: 'absent' });
});

test('forget', async (t) => {
  const bed = new Bed(t);
  bed.publish(BANK, 'one');
  const policies = await bed.open();
  t.equal(policies.forget(BANK), false);
  await policies.find(BANK);
  t.equal(policies.forget(BANK), true);
  t.equal(policies.inspect(BANK), null);
  bed.resolver.txts.set(TXT, absent());
  t.same(await policies.find(BANK), { kind: 'absent' });
  t.equal(policies.forget(BANK), true);
});

test('inspect does not count as use', async (t) => {
  const bed = new Bed(t);
  bed.publish(BANK, 'one');
  const policies = await bed.open();
  await policies.find(BANK);
  bed.time += MINUTE;
  t.match(policies.inspect(BANK), {
    kind: 'policy',
    domain: BANK,
    id: 'one',
    mode: 'enforce',
    mx: ['mail.bank.example'],
    maxAgeSeconds: 604_800,
    lastUsed: START,
    lastFailure: null,
  });
  bed.time = START + 6.5 * DAY;
  policies.sweep();
  await policies.settled();
  t.equal(bed.asked().https, 1);
});

test('a policy with a tiny max_age serves for a minute', async (t) => {
  const bed = new Bed(t);
  bed.publish(BANK, 'one', fetchedPolicy(policyText('enforce', 0)));
  const policies = await bed.open();
  await policies.find(BANK);
  bed.time += MINUTE - 1;
  await policies.find(BANK);
  t.same(bed.asked(), { dns: 1, https: 1 });
  bed.time += 1;
  await policies.find(BANK);
  t.same(bed.asked(), { dns: 1, https: 1 });
});

test('a policy that expires while its id is compared', async (t) => {
  const bed = new Bed(t);
  bed.publish(BANK, 'one');
  const policies = await bed.open();
  await policies.find(BANK);
  const { closed, open } = gate();
  bed.resolver.gate = closed;
  bed.time = START + 7 * DAY - 1;
  t.match(await policies.find(BANK), { kind: 'policy' });
  bed.time += 1;
  const waiting = policies.find(BANK);
  bed.resolver.txts.set(TXT, unknown());
  open();
  t.match(await waiting, { kind: 'unknown' });
});

test('faults of what it works with', async (t) => {
  const bed = new Bed(t);
  bed.publish(BANK, 'one');
  const policies = await bed.open({ fetch: () => Promise.reject(new Error('a fault')) });
  t.same(await policies.find(BANK), { kind: 'unknown', why: 'an internal error' });
  bed.resolver.txt = () => Promise.reject(new Error('a fault'));
  t.same(await policies.find('other.example'), { kind: 'unknown', why: 'an internal error' });
  t.equal(policies.counters().running, 0);
});

test('closing', async (t) => {
  const bed = new Bed(t);
  bed.publish(BANK, 'one');
  bed.publish('other.example', 'one');
  let aborted = false;
  const policies = await bed.open({
    fetch: (_, signal) =>
      new Promise((resolve) =>
        signal.addEventListener('abort', () => {
          aborted = true;
          resolve(failedFetch('given up'));
        }),
      ),
  });
  const waiting = policies.find(BANK);
  await new Promise((resolve) => setImmediate(resolve));
  await policies.close();
  t.equal(aborted, true);
  t.same(await waiting, { kind: 'unknown', why: 'shutting down' });
  t.same(await policies.find('other.example'), { kind: 'unknown', why: 'shutting down' });
  t.same(await policies.refresh('other.example'), { kind: 'unknown', why: 'shutting down' });
  t.same(bed.told(), [], 'that is no failure of the policy host');
  policies.sweep();
  await policies.close();
});

test('as many fetches as there may be, without a warning of Node', async (t) => {
  const warnings: string[] = [];
  const onWarning = ({ name, message }: Error) => void warnings.push(`${name}: ${message}`);
  process.on('warning', onWarning);
  t.teardown(() => process.removeListener('warning', onWarning));
  const bed = new Bed(t);
  // the real fetch, which waits for an address
  bed.resolver.addresses = () => new Promise(() => undefined);
  const policies = await StsPolicies.open({
    resolver: bed.resolver,
    folder: null,
    opening: null,
    event: () => undefined,
  });
  const names = Array.from({ length: STS_LIMITS.fetches }, (_, i) => `d${i}.example`);
  for (const name of names) bed.publish(name, 'one');
  const found = names.map((name) => policies.find(name));
  await until(() => policies.counters().fetches === names.length);
  await policies.close();
  for (const fact of await Promise.all(found)) t.same(fact, { kind: 'unknown', why: 'shutting down' });
  t.same(warnings, []);
});

test('the timer holds no process', async (t) => {
  const before = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const policies = await new Bed(t).open();
  t.equal(process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length, before);
  await policies.close();
});

test('what is remembered of domains without a policy is bounded in bytes', async (t) => {
  const bed = new Bed(t);
  const policies = await bed.open({ limits: { rememberedBytes: 20_000 } });
  for (let i = 0; i < 200; i++) await policies.find(`d${i}.example`);
  const [, remembered] = policies.memory;
  t.ok(remembered!.used > 10_000 && remembered!.used <= 20_000, `${remembered!.used} bytes`);
  t.equal(policies.inspect('d0.example'), null, 'the oldest is forgotten');
  t.ok(policies.inspect('d199.example'));
  for (let i = 0; i < 200; i++) policies.forget(`d${i}.example`);
  t.equal(policies.memory[1]!.used, 0);
});

test('a policy keeps what is left of its lifetime when the clock is set, and across a restart', async (t) => {
  const folder = t.testdir();
  chmodSync(folder, 0o700);
  const bed = new Bed(t);
  let monotonic = 0;
  const pass = (ms: number): void => {
    bed.time += ms;
    monotonic += ms;
  };
  bed.publish(BANK, 'one'); // for seven days
  const open = () => bed.open({ folder, monotonic: () => monotonic });
  const policies = await open();
  await policies.find(BANK);
  pass(2 * DAY);
  bed.hosts.set(BANK, failedFetch());
  bed.resolver.txts.set(TXT, absent());
  for (const step of [400 * DAY, -400 * DAY, -90 * DAY, 3 * HOUR]) {
    bed.time += step;
    const fact = await policies.find(BANK);
    t.match(fact, { kind: 'policy', id: 'one', fetchedAt: bed.time - 2 * DAY }, `set by ${step / DAY} days`);
    await policies.settled();
  }
  t.match(policies.inspect(BANK), { expiresAt: bed.time + 5 * DAY });
  bed.time += 400 * DAY;
  await policies.close();

  const again = await open();
  pass(5 * DAY - MINUTE);
  t.match(await again.find(BANK), { kind: 'policy', id: 'one' });
  pass(2 * MINUTE);
  t.match(await again.find(BANK), { kind: 'absent' }, 'and no longer');
});
