/** Who was told, how often, and what is left of it after a restart. */
import { test } from 'tap';
import { type Begun, EMPTY_LEDGER, Ledger, type Owed } from '../../src/notices/ledger.ts';
import type { WaitingMessage } from '../../src/notices/waitingMessage.ts';

const HOUR = 3_600_000;
const NOW = Date.parse('2026-11-30T12:00:00Z');

const author = (name: string) => ({ address: `${name}@our.example`, domain: 'our.example' });
function message(key: string): WaitingMessage {
  const recipient = { address: `b@bank.example`, domain: 'bank.example', cause: 'no STARTTLS offered' };
  return { key, id: key, arrived: NOW - HOUR, recipients: [recipient], more: 0 };
}
function owed(name: string, keys: readonly string[], listed = keys): Owed<WaitingMessage> {
  return {
    author: author(name),
    messages: listed.map(message),
    keys: keys.map((key) => ({ key, arrived: NOW - HOUR })),
  };
}
/** As a restart would. */
const again = (ledger: Ledger, now: number): Ledger =>
  new Ledger(JSON.parse(JSON.stringify(ledger.saved(now))) as ReturnType<Ledger['saved']>);

function begun(ledger: Ledger, name: string, keys: readonly string[], now = NOW): Begun {
  const one = ledger.begin(owed(name, keys), `id-${keys[0]}`, now);
  if (one === null) throw new Error('it did not begin');
  return one;
}
const keysOf = (one: Begun | null): string[] | undefined => one?.told.map(({ key }) => key);

test('a message is told of once, also after a restart', async (t) => {
  let ledger = new Ledger(EMPTY_LEDGER);
  t.notOk(ledger.has('A'));
  begun(ledger, 'alice', ['A', 'B']);
  ledger = again(ledger, NOW);
  t.ok(ledger.has('A') && ledger.has('B'), 'killed before it was sent: it counts as told');
  t.equal(ledger.begin(owed('alice', ['A', 'B']), 'x', NOW), null);
  t.same(keysOf(ledger.begin(owed('alice', ['A', 'C']), 'x', NOW)), ['C']);
  t.same(ledger.authorOf('A'), author('alice'));
  t.equal(ledger.authorOf('Z'), null);
});

test('three letters at once, then one an hour', async (t) => {
  let ledger = new Ledger(EMPTY_LEDGER);
  for (const key of ['A', 'B', 'C']) ledger.taken(begun(ledger, 'alice', [key]));
  ledger = again(ledger, NOW);
  t.equal(ledger.begin(owed('alice', ['D']), 'x', NOW), null);
  t.notOk(ledger.has('D'), 'it is told later');
  t.ok(ledger.begin(owed('bob', ['E']), 'x', NOW), 'others are');
  t.equal(ledger.begin(owed('alice', ['D']), 'x', NOW + HOUR - 1), null);
  t.same(keysOf(ledger.begin(owed('alice', ['D', 'F']), 'x', NOW + HOUR)), ['D', 'F'], 'all of it in one');
  t.same(ledger.sent, { waiting: 3, left: 0 });
});

test('all authors together get 500 an hour', async (t) => {
  const ledger = new Ledger(EMPTY_LEDGER);
  let sent = 0;
  for (let i = 0; i < 600; i++) if (ledger.begin(owed(`u${i}`, [`K${i}`]), 'x', NOW) !== null) sent++;
  t.equal(sent, 500);
  for (let i = 600; i < 2000; i++)
    if (ledger.begin(owed(`u${i}`, [`K${i}`]), 'x', NOW + HOUR) !== null) sent++;
  t.equal(sent, 1000);
});

test('memory is bounded', async (t) => {
  const ledger = new Ledger(EMPTY_LEDGER);
  const many = Array.from({ length: 5000 }, (_, i) => `K${i}`);
  const one = ledger.begin(owed('alice', many, many.slice(0, 20)), 'x', NOW)!;
  t.equal(one.told.length, 2000, 'of one author');
  t.equal(one.told.filter(({ listed }) => listed).length, 20, 'and those that are listed are among them');
  t.equal(ledger.begin(owed('alice', ['more']), 'x', NOW), null);
  for (let i = 0; i < 40; i++) {
    const keys = many.slice(0, 1000).map((key) => `${i}.${key}`);
    ledger.begin(owed(`u${i}`, keys, keys.slice(0, 20)), 'x', NOW);
  }
  const text = JSON.stringify(ledger.saved(NOW));
  t.ok(text.length < 6 * 1024 * 1024, `${text.length} bytes`);
  t.ok(text.length > 1024 * 1024);
});

test('what the MTA did not take', async (t) => {
  const ledger = new Ledger(EMPTY_LEDGER);
  ledger.undo(begun(ledger, 'alice', ['A']));
  t.notOk(ledger.has('A'), 'the MTA was down');
  t.same(again(ledger, NOW).saved(NOW).entries, [], 'as if nothing had been');
  let now = NOW;
  let tries = 0;
  for (;;) {
    const one = ledger.begin(owed('alice', ['A']), 'x', now);
    if (one === null) {
      now += 1000;
      continue;
    }
    tries++;
    if (ledger.refused(one, false, now)) break;
    t.notOk(ledger.has('A'));
  }
  t.equal(tries, 20, 'not for ever');
  t.ok(now - NOW > 12 * HOUR && now - NOW < 30 * HOUR, `${(now - NOW) / HOUR} h`);
  t.ok(ledger.has('A'), 'and not again');
  ledger.mark(new Set(), true, now);
  t.match(ledger.gone(now + 1), [{ told: [{ key: 'A', letter: '' }] }], 'nothing is said when it leaves');
});

test('an author whom the MTA does not know', async (t) => {
  let ledger = new Ledger(EMPTY_LEDGER);
  t.equal(ledger.refused(begun(ledger, 'ghost', ['A', 'B']), true, NOW), true);
  ledger = again(ledger, NOW);
  t.ok(ledger.has('A') && ledger.has('B'));
  t.equal(ledger.begin(owed('ghost', ['C']), 'x', NOW + HOUR), null, 'is not asked about with each message');
  t.ok(ledger.begin(owed('ghost', ['C']), 'x', NOW + 2 * HOUR));
  ledger.forget(['A', 'B', 'C']);
  t.equal(ledger.saved(NOW + 3 * HOUR).entries.length, 1);
  t.equal(ledger.saved(NOW + 72 * HOUR).entries.length, 0, 'and forgotten some day');
});

test('a message that is gone', async (t) => {
  const ledger = new Ledger(EMPTY_LEDGER);
  ledger.taken(begun(ledger, 'alice', ['A', 'B']));
  ledger.mark(new Set(['A']), true, NOW + 1);
  t.same(ledger.gone(NOW + 1), [], 'it may have changed its folder while the queue was read');
  ledger.mark(new Set(['A', 'B']), true, NOW + 2);
  t.same(ledger.gone(NOW + 3), [], 'it is there');
  ledger.mark(new Set(['A']), false, NOW + 3);
  t.same(ledger.gone(NOW + 4), [], 'not all could be read');
  ledger.mark(new Set(['A']), true, NOW + 4);
  ledger.mark(new Set(['A']), true, NOW + 5);
  const [gone] = ledger.gone(NOW + 5);
  t.match(gone, { author: author('alice'), told: [{ key: 'B', goneAt: NOW + 4 }] });
  const left = ledger.beginLeft(gone!.author, gone!.told, NOW + 5)!;
  t.notOk(ledger.has('B'));
  t.equal(again(ledger, NOW).has('B'), false, 'killed now, nothing is said: and never twice');
  t.equal(ledger.refused(left, false, NOW + 5), false);
  t.ok(ledger.has('B'), 'it is tried again');
  t.equal(ledger.beginLeft(author('alice'), gone!.told, NOW + 6), null, 'later');
  const second = ledger.beginLeft(author('alice'), gone!.told, NOW + HOUR)!;
  ledger.taken(second);
  t.same(ledger.sent, { waiting: 1, left: 1 });
  t.equal(ledger.refused(ledger.beginLeft(author('alice'), [], NOW + HOUR)!, true, NOW + HOUR), true);
  t.equal(ledger.beginLeft(author('nobody'), [], NOW), null);
});

test('a clock that is set back', async (t) => {
  const ledger = new Ledger(EMPTY_LEDGER);
  ledger.refused(begun(ledger, 'alice', ['A'], NOW + 1e9), false, NOW + 1e9);
  t.ok(ledger.begin(owed('alice', ['A']), 'x', NOW), 'nobody waits for the old time');
});
