/** The loop: what is saved before what is sent, and what becomes of it. */
import { test } from 'tap';
import type { Submitted } from '../../../src/mta/submit.ts';
import type { Begun } from '../../../src/notices/ledger.ts';
import type { Outcome } from '../../../src/notices/outcome.ts';
import { runNotices } from '../../../src/notices/run/runNotices.ts';
import { newNotices, type SavedNotices } from '../../../src/notices/run/stateFile.ts';
import type { QueuedMessage } from '../../../src/queue/queued.ts';

const HOUR = 3_600_000;
const reason = 'TLS is required, but was not offered by host mx.bank.example[192.0.2.1]';

function message(id: string, more: Partial<QueuedMessage> = {}): QueuedMessage {
  return {
    ...{ id, state: 'deferred', arrived: Date.now() - HOUR, sender: 'alice@our.example', moreRecipients: 0 },
    recipients: [{ address: 'b@bank.example', reason }],
    ...more,
  };
}

/** What the queue has at each look in turn: an error, messages, null for one that cannot be read. */
type Look = readonly (QueuedMessage | null)[] | Error;

interface World {
  readonly saved?: SavedNotices;
  /** What the MTA says to each letter in turn; then it takes all. */
  readonly posts?: readonly Submitted['how'][];
  /** null: it cannot be saved. */
  readonly save?: (count: number) => boolean;
  readonly outcomes?: ReadonlyMap<string, Outcome> | null;
  readonly lifetimeMs?: number | null;
}

/** Runs as many looks, and says what happened in order. */
async function play(
  looks: readonly Look[],
  world: World = {},
): Promise<{ log: string[]; saved: SavedNotices }> {
  const log: string[] = [];
  const stop = new AbortController();
  let [look, saves, posts] = [0, 0, 0];
  let saved = world.saved ?? newNotices(Date.now());
  const told = (begun: Begun): string => `${begun.kind} ${begun.author.address} ${begun.told.length}`;
  await runNotices({
    afterMs: HOUR / 2,
    intervalMs: 2,
    domains: ['our.example'],
    host: 'mx.our.example',
    saved,
    save: async (one) => {
      if (world.save?.(saves++) === false) throw new Error('full');
      saved = JSON.parse(JSON.stringify(one)) as SavedNotices;
    },
    queue: async (take) => {
      const now = looks[look++];
      if (now === undefined) stop.abort();
      if (now instanceof Error) throw now;
      for (const one of now ?? []) take(one, false);
    },
    demandOf: () => ({ level: 'encrypt', pattern: 'bank.example', at: '', byRule: false, exception: false }),
    lifetime: async () => world.lifetimeMs ?? null,
    outcomes: (told) => {
      if (world.outcomes === undefined) return null;
      return told.length === 0 ? new Map() : world.outcomes;
    },
    post: async (to, text) => {
      const known = saved.ledger.entries.flatMap((entry) => entry.told.map(({ key }) => key));
      const subject = /^Subject: (.*)$/m.exec(text)?.[1];
      log.push(`post ${to}: ${subject}; saved ${known.length}`);
      const how = world.posts?.[posts++] ?? 'taken';
      return { how, why: how === 'taken' ? '' : `it said ${how}` };
    },
    events: {
      sent: (begun, unsure) => log.push(`sent ${told(begun)}${unsure ? ' unsure' : ''}`),
      refused: (begun, why, givenUp) =>
        log.push(`refused ${told(begun)}: ${why}${givenUp ? ', given up' : ''}`),
      leftOut: (counts) => log.push(`left out ${JSON.stringify(counts)}`),
      trouble: (what, why) => log.push(`${what}: ${why}`),
    },
    signal: stop.signal,
  });
  return { log, saved };
}

const NOTE = 'post alice@our.example: Your message to bank.example has not been delivered yet; saved 1';
const LEFT = 'post alice@our.example: Your message to bank.example waits no longer; saved 0';

test('a notice, and one when it has left', async (t) => {
  const one = message('A1');
  const first = await play([[one], [one], [{ ...one, state: 'active' }]]);
  t.same(first.log, [NOTE, 'sent waiting alice@our.example 1'], 'once');
  const again = await play([[one], []], { saved: first.saved });
  t.same(again.log, [], 'started again: no second one; and gone for one look only');
  const { log } = await play([[], [], []], { saved: again.saved });
  t.same(log, [LEFT, 'sent left alice@our.example 1']);
});

test('nothing is sent that is not saved', async (t) => {
  const one = message('A1');
  t.same((await play([[one], [one]], { save: () => false })).log, ['state: full']);
  const { log, saved } = await play([[one], [one]], { save: (count) => count !== 1 });
  t.same(log, ['state: full', 'state: ', NOTE, 'sent waiting alice@our.example 1']);
  t.equal(saved.ledger.entries.length, 1);
});

test('the connection was lost when all was there', async (t) => {
  const one = message('A1');
  const { log, saved } = await play([[one], [one]], { posts: ['unsure'] });
  t.same(log, [NOTE, 'sent waiting alice@our.example 1 unsure'], 'it counts as told');
  t.same((await play([[one]], { saved })).log, []);
});

test('what the MTA does not take', async (t) => {
  const one = message('A1');
  const down = await play([[one], [one], [one]], { posts: ['server'] });
  t.same(down.log, [NOTE, 'mail: it said server'], 'it is left alone for a while');
  t.same(down.saved.ledger.entries, []);
  t.same(
    (await play([[one]], { saved: down.saved })).log,
    [NOTE, 'sent waiting alice@our.example 1'],
    'then told',
  );
  const later = await play([[one], [one]], { posts: ['temporary'] });
  t.same(later.log, [NOTE, 'refused waiting alice@our.example 1: it said temporary']);
  const never = await play([[one], [one], [], [], []], { posts: ['permanent'] });
  t.same(
    never.log,
    [NOTE, 'refused waiting alice@our.example 1: it said permanent, given up'],
    'nor when it leaves',
  );
});

test('a queue that cannot be read says nothing of what is in it', async (t) => {
  const one = message('A1');
  const { saved } = await play([[one]]);
  const error = new Error('mail system is down');
  t.same((await play([error, error, error], { saved })).log, ['queue: mail system is down']);
  t.same((await play([[null], [null], [null], [one]], { saved })).log, [
    'queue: not all of it can be read',
    'queue: ',
  ]);
});

test('what records say', async (t) => {
  const one = message('A1');
  const { saved } = await play([[one]]);
  const key = saved.ledger.entries[0]!.told[0]!.key;
  const outcome = (sent: readonly string[], returned: readonly string[]) =>
    new Map([
      [key, { sent: new Map(sent.map((domain) => [domain, 'tls'] as const)), returned: new Set(returned) }],
    ]);
  const gone: readonly Look[] = [[], [], []];
  t.same((await play(gone, { saved, outcomes: outcome(['bank.example'], []) })).log, [
    'post alice@our.example: Your message to bank.example has left; saved 0',
    'sent left alice@our.example 1',
  ]);
  const back = await play(gone, { saved, outcomes: outcome([], ['bank.example']) });
  t.same([back.log, back.saved.ledger.entries[0]?.told], [[], []], 'the MTA has told of it');
  const none = await play(gone, { saved, outcomes: new Map() });
  t.same([none.log, none.saved.ledger.entries[0]?.told.length], [[], 1], 'they may lag behind');
  const old = JSON.parse(JSON.stringify(none.saved)) as typeof none.saved;
  const aged = {
    ...old,
    ledger: {
      ...old.ledger,
      entries: old.ledger.entries.map((entry) => ({
        ...entry,
        told: entry.told.map((told) => ({ ...told, goneAt: Date.now() - HOUR })),
      })),
    },
  };
  t.same((await play([[]], { saved: aged, outcomes: new Map() })).log, [
    LEFT,
    'sent left alice@our.example 1',
  ]);
  t.same(
    (await play([[]], { saved: aged, lifetimeMs: HOUR })).log,
    [],
    'at the end of its life it comes back',
  );
});

test('who is left out is said', async (t) => {
  const { log } = await play([
    [message('A1', { sender: 'x@other.example' })],
    [message('A1', { sender: 'x@other.example' })],
  ]);
  t.same(log, ['left out {"foreign":1,"machine":0,"unreadable":0,"beyond":0}'], 'once an hour');
});
