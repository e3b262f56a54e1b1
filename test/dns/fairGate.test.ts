/**
 * The shared limit: groups have their part and no more, those who wait take turns, what hangs makes room, and nothing is
 * left when all is over.
 */
import { test } from 'tap';
import { siteOf } from '../../src/core/site.ts';
import { FairGate, type GateLimits, type Place, sharesOf } from '../../src/dns/fairGate.ts';

const LIMITS: GateLimits = { most: 4, mostWaiting: 10, patienceMs: 5000, oldMs: Number.POSITIVE_INFINITY };
const of = (group: string, most = 2) => [{ group, most }];

/** Which of these have a place by now. */
async function entered(...asked: readonly Promise<Place | null>[]): Promise<boolean[]> {
  const pending = Symbol('pending');
  const now = new Promise((resolve) => setImmediate(resolve, pending));
  return Promise.all(asked.map(async (one) => (await Promise.race([one, now])) !== pending));
}

test('a group has its part, the whole its bound', async (t) => {
  const gate = new FairGate(LIMITS);
  const a = [gate.enter(of('a')), gate.enter(of('a')), gate.enter(of('a'))];
  const b = [gate.enter(of('b')), gate.enter(of('b'))];
  t.strictSame(await entered(...a, ...b), [true, true, false, true, true], 'the third of a group waits');
  t.strictSame([gate.size, gate.waiting], [4, 1]);
  const c = gate.enter(of('c'));
  t.strictSame(await entered(c), [false], 'the fifth of all waits');
  (await b[0])?.leave();
  (await b[0])?.leave();
  t.strictSame(await entered(c, a[2]!), [true, false], 'a place for whoever has room for it');
  (await a[0])?.leave();
  t.strictSame(await entered(a[2]!), [true]);
  gate.close();
});

test('groups that wait take turns', async (t) => {
  const gate = new FairGate({ ...LIMITS, most: 1, mostWaiting: 1000 });
  const first = await gate.enter(of('x'));
  const order: string[] = [];
  const want = (group: string) =>
    gate.enter(of(group)).then((place) => {
      order.push(group);
      place?.leave();
    });
  const all = [...Array.from({ length: 100 }, () => want('many')), want('few'), want('one')];
  first?.leave();
  await Promise.all(all);
  t.strictSame(order.slice(0, 4), ['many', 'few', 'one', 'many']);
  t.strictSame([gate.size, gate.waiting, order.length], [0, 0, 102]);
});

test('nobody waits longer than patience, and no more than may', async (t) => {
  const gate = new FairGate({ ...LIMITS, most: 1, mostWaiting: 3, patienceMs: 300 });
  const place = await gate.enter(of('a'));
  const waiting = Array.from({ length: 5 }, (_, i) => gate.enter(of(`g${i}`)));
  t.strictSame(await entered(...waiting), [false, false, false, true, true]);
  t.strictSame(await Promise.all(waiting), [null, null, null, null, null]);
  t.equal(gate.waiting, 0);
  place?.leave();
  t.ok(await gate.enter(of('b')), 'and it goes on');
});

test('what hangs makes room for what comes', async (t) => {
  const gate = new FairGate({ most: 3, mostWaiting: 10, patienceMs: 5000, oldMs: 40 });
  const hanging = await Promise.all([gate.enter(of('a')), gate.enter(of('b')), gate.enter(of('c'))]);
  const began = performance.now();
  const next = await gate.enter(of('d'));
  t.ok(next !== null && performance.now() - began >= 39, 'as soon as the oldest is old');
  t.strictSame(
    hanging.map((place) => place?.signal.aborted),
    [true, false, false],
  );
  hanging[0]?.leave();
  t.equal(gate.size, 3, 'it has no place to give back');
  // time passes for the gate as this process has it
  await new Promise((resolve) => setTimeout(resolve, 500));
  t.strictSame(await entered(gate.enter(of('e'))), [true], 'at once');
  t.strictSame([hanging[1]?.signal.aborted, gate.putOut], [true, 2]);
});

test('a group makes room for its own only', async (t) => {
  const gate = new FairGate({ most: 10, mostWaiting: 10, patienceMs: 5000, oldMs: 20 });
  const other = await gate.enter(of('b'));
  const own = await Promise.all([gate.enter(of('a')), gate.enter(of('a'))]);
  t.ok(await gate.enter(of('a')));
  t.strictSame([other?.signal.aborted, own[0]?.signal.aborted, own[1]?.signal.aborted], [false, true, false]);
});

test('a flood of one owner leaves the others alone', async (t) => {
  const gate = new FairGate({ ...LIMITS, most: 64, mostWaiting: 1000, patienceMs: 20 });
  const ask = (name: string) => gate.enter(sharesOf(siteOf(name), 64));
  const flood = Array.from({ length: 200 }, (_, i) => ask(`h${i}.evil.example`));
  const abroad = Array.from({ length: 200 }, (_, i) => ask(`h${i}.x.co.uk`));
  t.strictSame(await entered(ask('bank.example'), ask('shop.co.uk'), ask('y.co.uk')), [true, true, true]);
  t.equal(gate.size, 16 + 16 + 3);
  const many = Array.from({ length: 200 }, (_, i) => ask(`h.x${i}.co.uk`));
  t.strictSame(await entered(ask('other.example')), [true], 'a registry has half of it');
  await Promise.all([...flood, ...abroad, ...many]);
  t.equal(gate.waiting, 0);
});

test('a process that is held up makes nobody old', async (t) => {
  const gate = new FairGate({ ...LIMITS, most: 1, oldMs: 1000 });
  const place = await gate.enter(of('a'));
  const next = gate.enter(of('b'));
  const until = performance.now() + 1200;
  while (performance.now() < until);
  await new Promise((resolve) => setTimeout(resolve, 60));
  t.strictSame([place?.signal.aborted, gate.waiting], [false, 1]);
  place?.leave();
  (await next)?.leave();
  t.equal(gate.size, 0);
});

test('closed: whoever waits or has a place hears so', async (t) => {
  const gate = new FairGate({ ...LIMITS, most: 1 });
  const place = await gate.enter(of('a'));
  const waiting = [gate.enter(of('a')), gate.enter(of('b'))];
  gate.close();
  t.strictSame(await Promise.all([...waiting, gate.enter(of('c'))]), [null, null, null]);
  t.strictSame([place?.signal.aborted, gate.size], [true, 1], 'the place stays taken until it is given back');
  place?.leave();
  t.equal(gate.size, 0);
});
