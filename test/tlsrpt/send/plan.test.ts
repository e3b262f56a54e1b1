/** Counts of a day, and the reports made of them: every session in exactly one. */
import t from 'tap';
import { type Counted, DayAccount, type Policy, type Session } from '../../../src/tlsrpt/send/dayAccount.ts';
import { type Entry, hostsOf, ofServers, planOf, totalsOf, withSts } from '../../../src/tlsrpt/send/plan.ts';
import { generator } from '../../mark/generator.ts';

const none = (domain: string, server = ''): Policy => ({
  type: 'no-policy-found',
  domain,
  strings: [],
  mxHosts: [],
  server,
});
const tlsa = (host: string, server = ''): Policy => ({
  ...none(host, server),
  type: 'tlsa',
  strings: ['3 1 1 00'],
});
const failure = (result: string, information = '') => ({
  result,
  sendingAddress: '',
  mxHost: '',
  mxHelo: '',
  mxAddress: '',
  information,
  reason: '',
});
const good = (domain: string, policy: Policy): Session => ({ domain, policy, ok: true, failures: [] });
const accounted = (sessions: readonly Session[]) => {
  const account = new DayAccount();
  for (const one of sessions) account.add(one);
  return account.finish();
};
const shown = (entries: readonly Entry[]) =>
  entries.map(({ domain, policies }) => [
    domain,
    ...policies.map((one) => `${one.policy.type} ${one.successful}`),
  ]);

t.test('results of DANE go to the host', async (t) => {
  const counts = accounted([
    good('a.example', tlsa('mx.host.example')),
    good('b.example', tlsa('mx.host.example')),
    good('b.example', none('b.example')),
    good('c.example', tlsa('mx.bare.example')),
    good('mx.host.example', none('mx.host.example')),
  ]);
  t.same(hostsOf(counts), ['mx.bare.example', 'mx.host.example']);
  t.same(shown(planOf(counts, new Set(['mx.bare.example']))), [
    ['b.example', 'no-policy-found 1'],
    ['c.example', 'tlsa 1'],
    ['mx.host.example', 'tlsa 2', 'no-policy-found 1'],
  ]);
});

t.test('every session is in one report', async (t) => {
  const random = generator();
  t.comment(`seed ${random.seed}`);
  const names = Array.from({ length: 8 }, (_, i) => `d${i}.example`);
  for (let round = 0; round < 50; round++) {
    const sessions = Array.from({ length: random.integer(200) }, (): Session => {
      const domain = random.pick(names);
      const policy = random.pick([none(domain), tlsa(random.pick(names)), tlsa(`mx.${domain}`)]);
      const ok = random.integer(2) === 0;
      return { domain, policy, ok, failures: ok ? [] : [failure('certificate-expired')] };
    });
    const bare = new Set(names.filter(() => random.integer(2) === 0));
    const entries = planOf(accounted(sessions), bare);
    const all = totalsOf(entries.flatMap(({ policies }) => policies));
    t.same(all, {
      successful: sessions.filter(({ ok }) => ok).length,
      failed: sessions.filter(({ ok }) => !ok).length,
    });
    t.equal(new Set(entries.map(({ domain }) => domain)).size, entries.length, 'one report a domain');
  }
});

t.test('only MX hosts, and the policy of the domain', async (t) => {
  const [entry] = planOf(
    accounted([
      good('a.example', none('a.example', 'mx1.a.example')),
      good('a.example', none('a.example', 'mx2.a.example')),
      good('a.example', none('a.example', 'smarthost.example')),
      good('a.example', { ...none('a.example', 'mx1.a.example'), type: 'secure', strings: ['.a.example'] }),
    ]),
    new Set(),
  );
  const left = ofServers(entry!.policies, ['mx1.a.example', 'mx2.a.example']);
  t.same(
    left.map(({ policy, successful }) => [policy.type, successful]),
    [
      ['no-policy-found', 2],
      ['secure', 1],
    ],
  );
  const sts = { names: ['.a.example'], lines: ['version: STSv1'], mx: ['*.a.example'] };
  const types = (found: readonly Counted[]) => found.map(({ policy }) => policy.type);
  t.same(types(withSts(left, sts)), ['no-policy-found', 'sts']);
  t.match(withSts(left, sts)[1], { policy: { strings: ['version: STSv1'], mxHosts: ['*.a.example'] } });
  t.same(types(withSts(left, { ...sts, names: ['other.example'] })), ['no-policy-found', 'no-policy-found']);
  t.same(types(withSts(left, null)), ['no-policy-found', 'no-policy-found']);
});

t.test('limits', async (t) => {
  const account = new DayAccount(20_000);
  for (let i = 0; i < 100; i++) account.add(good(`d${i}.example`, none(`d${i}.example`)));
  t.ok(account.left > 0);
  t.equal(account.finish().length + account.left, 100, 'what finds no room is counted');
  const many = new DayAccount();
  for (let i = 0; i < 1000; i++)
    many.add({
      ...good('a.example', none('a.example')),
      ok: false,
      failures: [failure('validation-failure', `reason ${i}`)],
    });
  const [counted] = many.finish()[0]!.policies;
  t.equal(counted!.failed, 1000);
  t.equal(counted!.failures.length, 101);
  t.match(
    counted!.failures[0],
    { sessions: 900, information: '', result: 'validation-failure' },
    'folded by type',
  );
});

t.test('a hundred thousand domains', async (t) => {
  const account = new DayAccount();
  for (let i = 0; i < 100_000; i++)
    account.add(good(`d${i}.example`, none(`d${i}.example`, `mx.d${i}.example`)));
  t.equal(account.left, 0);
  t.equal(planOf(account.finish(), new Set()).length, 100_000);
});
