/** Everything that is signed arrives once, whatever the server does; nothing else does. */
import { appendFileSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { checkpointFile, linesFile } from '../../src/archive/layout.ts';
import { type ShipEvent, type Shipping, ship } from '../../src/ship/ship.ts';
import { shipStatus } from '../../src/ship/shipStatus.ts';
import { readState, stateFile } from '../../src/ship/state.ts';
import { EvidenceFolder } from './evidenceFolder.ts';
import { type FakeClickhouse, startFake } from './fakeClickhouse.ts';

const DAY = '2026-11-29';
const NEXT = '2026-11-30';

async function shipped(
  fake: FakeClickhouse,
  directory: string,
  options: Partial<Shipping> = {},
  until: ShipEvent['event'] | (() => boolean) = () => false,
): Promise<{ result: string; events: ShipEvent[] }> {
  const events: ShipEvent[] = [];
  const base = {
    target: fake.target(),
    directories: [directory],
    once: true,
    intervalMs: 20,
    backOffMs: 5,
  };
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  const timer = setInterval(() => typeof until === 'function' && until() && stop(), 10);
  const result = await ship({ ...base, ...options, signal: controller.signal }, (event) => {
    events.push(event);
    if (event.event === until) stop();
  });
  clearInterval(timer);
  return { result, events };
}

/** Are the lines of a day there, each once? Compared as one text: tap takes seconds for so many. */
function same(t: Test, fake: FakeClickhouse, stream: EvidenceFolder, day: string, what = day): void {
  t.ok(fake.lines(day, stream.name).join('\n') === stream.lines(day).join('\n'), what);
}

test('finished days and a growing one, in blocks cut at fixed numbers', async (t) => {
  const fake = await startFake(t);
  const directory = t.testdir();
  const daemon = new EvidenceFolder(directory, 'daemon');
  const collector = new EvidenceFolder(directory, 'collector');
  daemon.fill(DAY, 10_003);
  daemon.fill(NEXT, 9_990);
  collector.fill(NEXT, 2);
  t.same(await shipped(fake, directory), { result: 'sent', events: [{ event: 'sent', records: 19_995 }] });
  const cuts = () => fake.inserts.splice(0).map(({ from, count }) => [from, count]);
  t.same(cuts(), [
    ...[
      [0, 10_000],
      [10_000, 3],
    ],
    ...[
      [0, 9_990],
      [0, 2],
    ],
  ]);
  for (const day of [DAY, NEXT]) same(t, fake, daemon, day);
  same(t, fake, collector, NEXT);

  t.same((await shipped(fake, directory)).events, [{ event: 'sent', records: 0 }], 'nothing is new');
  daemon.fill(NEXT, 5);
  await shipped(fake, directory);
  t.same(cuts(), [[9_990, 5]], 'of a tail only what is new');
  daemon.fill(NEXT, 7);
  await shipped(fake, directory);
  t.same(
    cuts(),
    [
      [0, 10_000],
      [10_000, 2],
    ],
    'a block that has become full goes whole',
  );
  daemon.fill('2026-12-01', 1);
  await shipped(fake, directory);
  t.same(cuts(), [[0, 1]]);
  same(t, fake, daemon, NEXT);
  t.equal(fake.rows.size, 10_003 + 10_002 + 1 + 2);

  const file = stateFile(directory, 'daemon', fake.target());
  t.equal(statSync(file).mode & 0o777, 0o600);
  t.equal(statSync(join(directory, 'ship')).mode & 0o027, 0);
  t.same(readdirSync(join(directory, 'ship')).length, 2, 'nothing is left beside them');
});

test('blocks of long lines are cut sooner, and alike', async (t) => {
  const fake = await startFake(t);
  const directory = t.testdir();
  const daemon = new EvidenceFolder(directory, 'daemon');
  for (let i = 0; i < 300; i++) daemon.add(DAY, 'reload', { ok: true, lines: ['x'.repeat(60_000)] });
  daemon.sign(DAY);
  await shipped(fake, directory);
  const cuts = fake.inserts.map(({ from, count }) => [from, count]);
  t.equal(cuts.length, 3);
  t.ok(cuts[0]![1]! * 60_000 < (8 << 20) + 65_536, 'no more than 8 MiB and a line');
  const more = fake.inserts.length;
  await shipped(fake, directory, { only: DAY });
  t.same(
    fake.inserts.slice(more).map(({ from, count }) => [from, count]),
    cuts,
  );
  t.equal(fake.rows.size, 300);
});

test('only what is signed is sent', async (t) => {
  const fake = await startFake(t);
  const directory = t.testdir();
  const daemon = new EvidenceFolder(directory, 'daemon');
  daemon.add(DAY, 'start', { version: '1', node: '20' });
  daemon.write(DAY);
  t.match(await shipped(fake, directory), { result: 'sent', events: [{ records: 0 }] }, 'no checkpoint yet');
  daemon.sign(DAY);
  daemon.add(DAY, 'stop');
  daemon.write(DAY);
  appendFileSync(linesFile(daemon.folder, DAY), '{"v":1,"n":2,"ti');
  appendFileSync(checkpointFile(daemon.folder, DAY), 'tlsward/mx.example.org/daemon/2026-11-29\n9');
  t.match(await shipped(fake, directory), { events: [{ records: 1 }] });
  t.same(fake.lines(DAY, 'daemon'), [daemon.lines(DAY)[0]]);
  rmSync(stateFile(directory, 'daemon', fake.target()));
  t.match(await shipped(fake, directory), { events: [{ records: 1 }] }, 'without its position it goes again');
  t.equal(fake.rows.size, 1, 'which makes no second row');
});

test('a server in trouble: all arrives, and it is told once', async (t) => {
  const fake = await startFake(t);
  const directory = t.testdir();
  const daemon = new EvidenceFolder(directory, 'daemon');
  daemon.fill(DAY, 300);
  const troubles = [
    ...[{ status: 500 }, { status: 503, text: 'busy' }, { status: 429 }, { status: 500, code: '241' }],
    ...(['lost', 'cut', 'silent', 'strange'] as const),
  ];
  fake.troubles.push(...troubles);
  const { result, events } = await shipped(
    fake,
    directory,
    { once: false, target: fake.target(1500) },
    'back',
  );
  t.equal(result, 'stopped');
  same(t, fake, daemon, DAY);
  t.equal(fake.rows.size, 300);
  t.same(
    events.map(({ event }) => event),
    ['away', 'back'],
  );
  t.same(
    fake.inserts.map(({ from, count }) => [from, count]),
    [...troubles, null].map(() => [0, 300]),
    'the same block at every try',
  );
});

test('nobody listens: it waits, says so in its status, and goes on', async (t) => {
  const fake = await startFake(t);
  const directory = t.testdir();
  const daemon = new EvidenceFolder(directory, 'daemon');
  daemon.fill(DAY, 10);
  const target = fake.target();
  await fake.close();
  const { result, events } = await shipped(fake, directory, { target });
  t.equal(result, 'away');
  t.match(events, [{ event: 'away', why: /^ECONNREFUSED: connection refused$/ }]);
  const status = () => shipStatus(target, [directory])[0];
  t.match(status(), { day: null, waiting: 10, acknowledged: null, problem: { text: /ECONNREFUSED/ } });
  const again = new (fake.constructor as new () => FakeClickhouse)();
  t.teardown(() => again.close());
  await again.listen(fake.port);
  await shipped(again, directory, { target, once: false, intervalMs: 10 }, () => again.rows.size === 10);
  t.match(status(), { day: DAY, sent: 10, waiting: 0, acknowledged: /^20/, problem: null });
});

test('a kill between answer and position: the block goes once more', async (t) => {
  const fake = await startFake(t);
  const directory = t.testdir();
  const daemon = new EvidenceFolder(directory, 'daemon');
  daemon.fill(DAY, 9_990);
  await shipped(fake, directory);
  const file = stateFile(directory, 'daemon', fake.target());
  const before = readFileSync(file);
  daemon.fill(DAY, 20);
  await shipped(fake, directory);
  t.equal(readState(file).position?.sent, 10_010);
  writeFileSync(file, before);
  t.match(await shipped(fake, directory), { events: [{ records: 20 }] });
  t.equal(fake.rows.size, 10_010);
  same(t, fake, daemon, DAY);
  for (const text of ['null', '{"v":1,"day":"2026-11-29","sent":5,"index":5,"offset":9,"frontier":[]}']) {
    writeFileSync(file, text);
    t.match(await shipped(fake, directory), { events: [{ records: 10_010 }] }, `unreadable: ${text}`);
  }
  t.equal(fake.rows.size, 10_010);
});

test('a server that refuses ends it, with the reason', async (t) => {
  const fake = await startFake(t);
  const directory = t.testdir();
  const daemon = new EvidenceFolder(directory, 'daemon');
  daemon.fill(DAY, 10);
  const refusal = async (): Promise<string> => {
    const { result, events } = await shipped(fake, directory, { once: false });
    t.equal(result, 'refused');
    const [event] = events;
    return event?.event === 'refused' ? event.why : JSON.stringify(events);
  };
  fake.troubles.push({
    status: 404,
    text: 'Code: 60, e.displayText() = DB::Exception: Table is gone\n\u001b[2J',
  });
  t.equal(await refusal(), '404: Code: 60, e.displayText() = DB::Exception: Table is gone \\u{1b}[2J');
  for (const trouble of [
    ...[{ status: 400 }, { status: 403 }, { status: 302 }, { status: 413 }],
    ...[
      { status: 500, code: '117' },
      { status: 500, text: 'Code: 117. DB::Exception: Unknown field' },
    ],
  ]) {
    fake.troubles.push(trouble);
    t.match(await refusal(), new RegExp(`^${trouble.status}: `));
  }
  t.match(shipStatus(fake.target(), [directory]), [{ problem: { text: /^500: / } }]);
  fake.columns.delete('why');
  fake.columns.set('n', 'UInt8');
  t.match(await refusal(), /ALTER TABLE tlsward.evidence MODIFY COLUMN n UInt32, ADD COLUMN why String$/);
  fake.engine = 'MergeTree';
  t.match(await refusal(), /is a MergeTree: expected ReplacingMergeTree/);
  fake.engine = '';
  t.match(
    await refusal(),
    /^there is no table tlsward.evidence: make it with contrib\/clickhouse\/schema.sql$/,
  );
  fake.credentials = { user: 'ship', password: 'right' };
  const target = { ...fake.target(), credentials: { user: 'ship', password: 'wrong-secret' } };
  const { events } = await shipped(fake, directory, { target });
  t.match(events, [{ event: 'refused', why: /^401: Code: 193/ }]);
  t.notMatch(JSON.stringify(events), 'wrong-secret');
  t.notMatch(readFileSync(stateFile(directory, 'daemon', fake.target()), 'utf8'), 'wrong-secret');
  t.equal(fake.rows.size, 0);
});

test('settings are sent where the server knows them', async (t) => {
  const fake = await startFake(t);
  const directory = t.testdir();
  new EvidenceFolder(directory, 'daemon').fill(DAY, 1);
  const sent = async (...known: string[]): Promise<Record<string, string>> => {
    fake.settings = known;
    await shipped(fake, directory, { only: DAY });
    const {
      query: _,
      wait_end_of_query: __,
      ...settings
    } = Object.fromEntries(fake.inserts.at(-1)!.url.searchParams);
    return settings;
  };
  t.same(await sent('insert_deduplicate'), { insert_deduplicate: '0' });
  t.same(await sent('async_insert', 'insert_distributed_sync', 'distributed_foreground_insert'), {
    async_insert: '0',
    distributed_foreground_insert: '1',
  });
});

test('what does not verify is not sent, and is said', async (t) => {
  const fake = await startFake(t);
  const directory = t.testdir();
  const daemon = new EvidenceFolder(directory, 'daemon');
  daemon.fill(DAY, 20);
  daemon.fill(NEXT, 20);
  const file = linesFile(daemon.folder, DAY);
  const whole = readFileSync(file);
  const flipped = Buffer.from(whole);
  flipped[whole.length >> 1]! ^= 1;
  writeFileSync(file, flipped);
  const { result, events } = await shipped(fake, directory);
  t.equal(result, 'unsound');
  t.match(events, [
    { event: 'unsound', why: `the lines of ${file} are not those that were signed` },
    { event: 'sent', records: 20 },
  ]);
  t.same(fake.lines(DAY, 'daemon'), []);
  same(t, fake, daemon, NEXT, 'later days are not kept back');

  // the newest day is tried again, because it may be mended
  const last = linesFile(daemon.folder, NEXT);
  daemon.fill(NEXT, 1);
  const good = readFileSync(last);
  for (const [bad, why] of [
    [good.subarray(0, good.length - 3), /has 20 whole lines, and 21 were signed$/],
    [good.subarray(0, 100), /was cut while it was read|has \d+ whole lines/],
    [Buffer.concat([good.subarray(0, -10), Buffer.alloc(70_000, 97)]), /no line ends within/],
  ] as const) {
    writeFileSync(last, bad);
    const said = await shipped(fake, directory);
    t.equal(said.result, 'unsound');
    t.match(said.events, [{ event: 'unsound', why }]);
  }
  t.match(shipStatus(fake.target(), [directory]), [{ waiting: 1, problem: { text: /no line ends within/ } }]);
  writeFileSync(last, good);
  t.match(await shipped(fake, directory), { result: 'sent', events: [{ records: 1 }] });
  t.match(shipStatus(fake.target(), [directory]), [{ waiting: 0, problem: null }]);

  // a signed line that is no record, another's number, text that is no UTF-8
  for (const [i, line] of [
    '[]',
    '{"v":1,"n":0}',
    '{"v":1,"n":22,"time":"2026-11-30T00:00:00.000Z","type":"x"}',
    'no',
  ].entries()) {
    const folder = join(directory, `other-${i}`);
    const other = new EvidenceFolder(folder, 'daemon');
    other.addLine(DAY, line);
    other.sign(DAY);
    const said = await shipped(fake, folder);
    t.match(said.events, [{ event: 'unsound', why: /line 1 is no record 0$/ }], line);
  }
  rmSync(linesFile(daemon.folder, NEXT));
  daemon.fill('2026-12-01', 1);
  t.match(await shipped(fake, directory), { result: 'sent' }, 'a day that was sent may go');
  t.equal(fake.lines(DAY, 'daemon').length, 0);
});

test('a day that is removed unsent is said', async (t) => {
  const fake = await startFake(t);
  const directory = t.testdir();
  const daemon = new EvidenceFolder(directory, 'daemon');
  daemon.fill(DAY, 5);
  await shipped(fake, directory);
  daemon.fill(DAY, 5);
  daemon.fill(NEXT, 5);
  rmSync(linesFile(daemon.folder, DAY));
  const { result, events } = await shipped(fake, directory);
  t.equal(result, 'unsound');
  t.match(events, [{ event: 'unsound', why: /is gone, and 10 lines were signed$/ }, { records: 5 }]);
});
