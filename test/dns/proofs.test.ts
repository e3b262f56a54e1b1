/**
 * A resolver that ceases to validate: what it says without AD counts only as long as it is shown to validate, by a test that
 * began after the answer.
 */
import t from 'tap';
import { Proofs, type SelfTest } from '../../src/dns/proofs.ts';
import { selfTest } from '../../src/dns/selfTest.ts';
import { StubResolver } from '../../src/dns/stubResolver.ts';
import { FLAG, NUMBER, name, record, soa } from '../wire/dnsBytes.ts';
import { u16 } from '../wire/milterBytes.ts';
import { fakeServer, type Query } from './fakeServer.ts';

const SIGNED = FLAG.QR | FLAG.RD | FLAG.RA | FLAG.AD;
const PLAIN = FLAG.QR | FLAG.RD | FLAG.RA;

const mx = (query: Query, flags: number) =>
  query.answer({ flags, answers: [record(query.name, NUMBER.MX, 60, u16(1), name('mx.example'))] });
const rootWith = (query: Query, flags: number) => query.answer({ flags, answers: [soa('', 60, 60)] });

t.test('tests are shared by those who asked before they began', async (t) => {
  const server = { host: '127.0.0.1', port: 53 };
  const other = { host: '127.0.0.2', port: 53 };
  const begun: ((result: SelfTest) => void)[] = [];
  let doubts = 0;
  const proofs = new Proofs({
    test: () => new Promise((resolve) => begun.push(resolve)),
    doubt: () => doubts++,
  });
  const results: string[] = [];
  const ask = (who: string, of = server) =>
    proofs.after(of).then(({ kind }) => results.push(`${who} ${kind}`));
  const first = ask('first');
  const late = Promise.all(Array.from({ length: 100 }, () => ask('late')));
  const elsewhere = ask('elsewhere', other);
  t.equal(begun.length, 2, 'one for each server');
  begun[0]!({ kind: 'validates' });
  await first;
  t.strictSame(results, ['first validates']);
  t.equal(begun.length, 3, 'one more for all that came while it was under way');
  begun[2]!({ kind: 'does-not-validate', why: 'x' });
  await late;
  t.equal(results.filter((one) => one === 'late does-not-validate').length, 100);
  t.equal(doubts, 1);
  begun[1]!({ kind: 'unknown', why: 'x' });
  await elsewhere;
  const again = ask('again');
  t.equal(begun.length, 4);
  begun[3]!({ kind: 'validates' });
  await again;
  const broken = new Proofs({ test: () => Promise.reject(new Error('a bug')), doubt: () => doubts++ });
  t.match(await broken.after(server), { kind: 'unknown', why: /an internal error/ });
  t.equal(doubts, 1);
});

t.test('an answer without AD counts only from a server that validates', async (t) => {
  let validates = true;
  let answersTests = true;
  const server = await fakeServer(t, (query) => {
    if (query.name === '') {
      if (answersTests) rootWith(query, validates ? SIGNED : PLAIN);
    } else mx(query, validates && query.name.startsWith('signed') ? SIGNED : PLAIN);
  });
  let doubts = 0;
  const proofs = new Proofs({
    test: (one) => selfTest([one], { attemptMs: 100, totalMs: 200 }),
    doubt: () => doubts++,
  });
  const resolver = new StubResolver({ servers: [server], trusted: true, proofs });
  t.teardown(() => resolver.close());
  const tests = () => server.queries.filter((query) => query.name === '').length;

  t.match(await resolver.mx('signed.example'), { kind: 'found', secure: true });
  t.equal(tests(), 0, 'a signed answer is its own proof');
  t.match(await resolver.mx('plain.example'), { kind: 'found', secure: false });
  t.equal(tests(), 1);
  t.equal(server.queries.at(-1)?.name, '', 'after the answer');

  validates = false;
  t.match(await resolver.mx('signed.example'), {
    kind: 'unknown',
    why: `127.0.0.1:${server.port} does not validate (no AD flag for the root)`,
  });
  t.match(await resolver.tlsa('_25._tcp.signed.example'), { kind: 'unknown' });
  t.ok(doubts >= 1);
  answersTests = false;
  t.match(await resolver.mx('signed.example'), { kind: 'unknown', why: /gave no answer/ });
  validates = true;
  answersTests = true;
  t.match(await resolver.mx('plain.example'), { kind: 'found', secure: false });

  const untrusted = new StubResolver({ servers: [server], trusted: false, proofs });
  t.teardown(() => untrusted.close());
  const before = tests();
  t.match(await untrusted.mx('plain.example'), { kind: 'found', secure: false });
  t.equal(tests(), before, 'nobody asked for it');
});

t.test('of two servers the one that validates is heard', async (t) => {
  const plain = await fakeServer(t, (query) =>
    query.name === '' ? rootWith(query, PLAIN) : mx(query, PLAIN),
  );
  const sound = await fakeServer(t, (query) => mx(query, SIGNED));
  const proofs = new Proofs({ test: (one) => selfTest([one]), doubt: () => {} });
  const resolver = new StubResolver({ servers: [plain, sound], trusted: true, proofs });
  t.teardown(() => resolver.close());
  t.match(await resolver.mx('a.example'), { kind: 'found', secure: true });
});
