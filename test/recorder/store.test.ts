/**
 * The writer of a stream: whatever system call fails, and wherever the process or the power ends, the next start finds a
 * valid tree, and no line that was acknowledged is missing.
 */
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { readVerifiers } from '../../src/archive/verifierFile.ts';
import { verifyStream } from '../../src/archive/verifyStream.ts';
import { lineText, Mailbox } from '../../src/evidence/lineText.ts';
import { StreamStore } from '../../src/recorder/store.ts';
import type { StoreOptions } from '../../src/recorder/storeOptions.ts';
import { type Fault, FaultySystem } from './faultySystem.ts';
import { checkStream, readStream } from './streamCheck.ts';

/** Hundreds of folders: in memory, where there is a file system for that. */
const MEMORY = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const HOST = 'mx.example.org';
const DAY_MS = 86_400_000;
const START = Date.UTC(2026, 10, 29, 23, 0, 0);

/** A folder and a clock for one or more writers. */
class Bed {
  readonly directory = mkdtempSync(join(MEMORY, 'tlsward-recorder-'));
  now = START;
  readonly heads: string[] = [];
  #count = 0;
  /** Ids of lines that were appended, and those of them that were acknowledged. */
  readonly appended: string[] = [];
  readonly acknowledged = new Set<string>();
  /** How many were appended before the writer that is open now. */
  #before = 0;

  get folder(): string {
    return join(this.directory, 'daemon');
  }

  open(system = new FaultySystem(), more: Partial<StoreOptions> = {}): StreamStore {
    this.#before = this.appended.length;
    const options: StoreOptions = {
      directory: this.directory,
      stream: 'daemon',
      host: HOST,
      privacy: 'hashed',
      retentionDays: null,
      syncs: true,
      token: 'aa',
      unclean: 'gap',
      reserveBytes: 0,
      ...more,
    };
    return new StreamStore(options, {
      system,
      now: () => this.now,
      monotonic: () => this.now,
      onDayEnd: (day) => this.heads.push(day),
    });
  }

  text(id: string): string {
    return lineText(new Date(this.now).toISOString(), 'message', HOST, {
      queueId: id,
      sender: new Mailbox(`${id}@bank.example`),
      source: { kind: 'test', position: id },
    });
  }

  /** Appends so many lines; commits, and then those count as acknowledged. */
  put(store: StreamStore, lines: number, commit = true): void {
    const ids = Array.from({ length: lines }, () => `Q${this.#count++}`);
    store.append(ids.map((id) => this.text(id)).join('\n'));
    this.appended.push(...ids);
    store.write();
    if (commit) this.commit(store);
  }

  /** All lines that this writer took are acknowledged, or none more. */
  commit(store: StreamStore): void {
    if (!store.commit()) return;
    for (const id of this.appended.slice(this.#before)) this.acknowledged.add(id);
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function bed(t: Test): Bed {
  const made = new Bed();
  t.teardown(() => made.remove());
  return made;
}

/** Two writers, one after the other, over the end of a day and a second one. */
function scenario(on: Bed, system: FaultySystem): void {
  const first = on.open(system);
  on.put(first, 2);
  on.put(first, 3, false);
  on.put(first, 1);
  on.now += 2 * 3_600_000;
  first.tick();
  on.put(first, 2);
  first.close();
  if (system.isDead) return;
  on.now += DAY_MS;
  const second = on.open(system);
  on.put(second, 2);
  on.put(second, 1, false);
  on.commit(second);
  second.close();
}

test('lines, heads and days', async (t) => {
  const on = bed(t);
  const system = new FaultySystem();
  scenario(on, system);
  const { records, days, unsigned, rest } = checkStream(t, on.folder);
  t.strictSame(days, ['2026-11-29', '2026-11-30', '2026-12-01']);
  t.strictSame(on.heads, ['2026-11-29', '2026-11-30']);
  t.equal(unsigned + rest, 0);
  t.strictSame(
    records.flatMap((record) => (record.type === 'message' ? [record.queueId] : [])),
    on.appended,
  );
  t.match(
    records.flatMap((record) => (record.type === 'message' ? [record.sender] : []))[0],
    /^h:2026-11:[A-Za-z0-9_-]{16}@bank\.example$/,
  );
  const mode = (name: string): string => (statSync(join(on.directory, name)).mode & 0o777).toString(8);
  t.equal(mode('daemon/2026-11-29.jsonl'), (0o640 & ~process.umask()).toString(8));
  t.equal(mode('daemon/evidence.key'), '600');
  t.equal(mode('pseudonyms/2026-11.key'), '600');
  t.notOk(
    readdirSync(on.folder).some((name) => /new|lock/.test(name)),
    readdirSync(on.folder).join(),
  );
});

/** What `tlsward evidence verify` finds. */
function unverified(folder: string): string[] {
  const keys = readVerifiers(join(folder, 'evidence.pub'));
  if (typeof keys === 'string') return [keys];
  return verifyStream(folder, keys[0]!, null)
    .filter(({ result }) => result !== 'holds')
    .map(({ day, findings, notes }) => `${day}: ${findings.map(({ words }) => words)} ${notes}`);
}

/** What must hold after a fault and a clean start behind it. */
function checkAfter(t: Test, on: Bed, name: string): string {
  const store = on.open(new FaultySystem());
  on.put(store, 1);
  if (!store.close()) return `${name}: not closed`;
  const { records, unsigned, rest } = readStream(t, on.folder);
  const kept = records.flatMap((record) => (record.type === 'message' ? [record.queueId] : []));
  const missing = [...on.acknowledged].filter((id) => !kept.includes(id));
  const gaps = records.filter(({ type }) => type === 'gap').length;
  const lost = on.appended.length > kept.length;
  const sorted = [...new Set(kept)].sort((a, b) => Number(a.slice(1)) - Number(b.slice(1)));
  const wrong = [
    missing.length > 0 ? `acknowledged and missing: ${missing.join()}` : '',
    sorted.join() === kept.join() ? '' : `twice or out of order: ${kept.join()}`,
    unsigned + rest === 0 ? '' : `${unsigned} unsigned, ${rest} bytes behind`,
    // before its first line was synced there is nothing to tell a gap from
    lost && gaps === 0 && on.acknowledged.size > 1 ? 'lost without a gap' : '',
    ...unverified(on.folder),
    readdirSync(on.folder).some((file) => /\.torn-[0-9]+\.new$|\.jsonl\.new/.test(file))
      ? 'a draft is left'
      : '',
  ].filter(Boolean);
  return wrong.length === 0 ? '' : `${name}: ${wrong.join('; ')}`;
}

function callsOfScenario(): FaultySystem {
  const on = new Bed();
  const system = new FaultySystem();
  scenario(on, system);
  on.remove();
  return system;
}

/** Plays the scenario with a fault, then `after`, then a clean start. */
function play(t: Test, fault: Fault, after: (system: FaultySystem, on: Bed) => void, name: string): string {
  const on = new Bed();
  const system = new FaultySystem(fault);
  try {
    scenario(on, system);
  } catch (error) {
    if (!system.isDead && !(error instanceof Error && 'code' in error)) throw error;
  }
  after(system, on);
  try {
    return checkAfter(t, on, name);
  } catch (error) {
    return `${name}: ${error instanceof Error ? error.stack : String(error)}`;
  } finally {
    on.remove();
  }
}

const { calls, names } = callsOfScenario();

test('killed before any system call', async (t) => {
  t.ok(calls > 80, `${calls} calls: ${names.join(' ')}`);
  const wrong: string[] = [];
  for (let at = 1; at <= calls; at++)
    for (const what of names[at - 1] === 'write' ? (['kill', 'short'] as const) : (['kill'] as const))
      wrong.push(play(t, { at, what }, () => {}, `${what} at ${at} (${names[at - 1]})`));
  t.strictSame(wrong.filter(Boolean), []);
});

test('the power fails before any system call', async (t) => {
  const wrong: string[] = [];
  for (let at = 1; at <= calls; at++)
    for (const zeros of [false, true])
      wrong.push(
        play(
          t,
          { at, what: 'kill' },
          (system) => system.cutPower(zeros),
          `power at ${at} (${names[at - 1]}) ${zeros}`,
        ),
      );
  t.strictSame(wrong.filter(Boolean), []);
});

test('killed again at the start that follows', async (t) => {
  const wrong: string[] = [];
  const torn = names.flatMap((name, i) => (name === 'write' ? [i + 1] : []));
  for (const at of torn)
    for (let again = 1 + (at % 3); again < 45; again += 3) {
      const name = `short at ${at}, killed again at ${again}`;
      const found = play(
        t,
        { at, what: 'short' },
        (_, on) => {
          try {
            const store = on.open(new FaultySystem({ at: again, what: 'kill' }));
            on.put(store, 1);
            store.close();
          } catch {
            // killed
          }
        },
        name,
      );
      wrong.push(found);
    }
  t.strictSame(wrong.filter(Boolean), []);
});

test('any system call fails, once or a few times', async (t) => {
  const wrong: string[] = [];
  for (let at = 1; at <= calls; at++)
    for (const code of ['EIO', 'ENOSPC'])
      for (const times of [1, 3])
        wrong.push(
          play(t, { at, what: { code, times } }, () => {}, `${code} ${times} at ${at} (${names[at - 1]})`),
        );
  t.strictSame(wrong.filter(Boolean), []);
});

test('after a failed sync the lines are written again, and nothing signed is cut', async (t) => {
  const on = bed(t);
  const system = new FaultySystem({ at: 1, what: { code: 'EIO', times: 3, calls: ['datasync'] } });
  const store = on.open(system);
  on.put(store, 3);
  t.match(store.state, { failure: 'EIO at datasync', failures: 1, records: 0 });
  t.equal(on.acknowledged.size, 0);
  on.put(store, 2);
  on.put(store, 2);
  t.equal(on.acknowledged.size, 0);
  on.put(store, 1);
  t.match(store.state, { failure: '', failures: 3, records: 9, waitingBytes: 0, gaps: 0 });
  t.ok(system.names.filter((name) => name === 'truncate').length >= 3);
  store.close();
  const { records, unsigned } = checkStream(t, on.folder);
  t.equal(unsigned, 0);
  t.equal(records.length, 9, 'each line once');
});

test('a full disk: lines wait, then are counted, then a gap says how many', async (t) => {
  const on = bed(t);
  const system = new FaultySystem();
  const store = on.open(system, { limitBytes: 2000 });
  on.put(store, 1);
  system.fault = { at: 1, what: { code: 'ENOSPC', times: 14, calls: ['write'] } };
  for (let i = 0; i < 6; i++) on.put(store, 2);
  t.match(store.state, { failure: 'ENOSPC at write', gaps: 0 });
  t.ok(store.state.lost > 0 && store.state.waitingBytes <= 2000, JSON.stringify(store.state));
  const { lost } = store.state;
  while (!store.commit()) t.equal(store.state.gaps, 0);
  t.match(store.state, { failure: '', lost, gaps: 1 });
  store.commit();
  store.close();
  const { records } = checkStream(t, on.folder);
  const gap = records.find(({ type }) => type === 'gap');
  t.match(gap, { count: lost, why: /no room in memory .*ENOSPC at write/ });
  t.equal(records.filter(({ type }) => type === 'message').length, 13 - lost);
});

test('the reserve gives room at the first ENOSPC', async (t) => {
  const on = bed(t);
  const reserve = join(on.folder, 'reserve');
  on.open(new FaultySystem(), { reserveBytes: 4096 }).close();
  t.equal(statSync(reserve).size, 4096);
  const system = new FaultySystem();
  const store = on.open(system, { reserveBytes: 4096, unclean: 'ignore' });
  on.put(store, 1);
  system.fault = { at: 1, what: { code: 'ENOSPC', times: 1, calls: ['write'] } };
  on.put(store, 3);
  t.equal(on.acknowledged.size, 4);
  t.match(store.state, { failure: '', failures: 0, gaps: 0 });
  t.notOk(statSync(reserve, { throwIfNoEntry: false }));
  store.close();
});

test('the reserve gives room at a start on a full disk', async (t) => {
  for (const call of ['create', 'write', 'link', 'openAppend']) {
    const on = bed(t);
    const options = { reserveBytes: 4096, unclean: 'ignore' } as const;
    const first = on.open(new FaultySystem(), options);
    on.put(first, 1);
    first.close();
    const system = new FaultySystem({ at: 1, what: { code: 'ENOSPC', times: 1, calls: [call] } });
    const store = on.open(system, options);
    t.notOk(statSync(join(on.folder, 'reserve'), { throwIfNoEntry: false }), call);
    on.put(store, 3);
    t.equal(on.acknowledged.size, 4);
    store.close();
    t.equal(checkStream(t, on.folder).unsigned, 0);
  }
  const on = bed(t);
  const system = new FaultySystem({ at: 1, what: { code: 'ENOSPC', times: 1, calls: ['create'] } });
  t.throws(() => on.open(system, { reserveBytes: 4096 }), { code: 'ENOSPC' }, 'without a reserve');
});

test('one writer only', async (t) => {
  const on = bed(t);
  const store = on.open();
  t.throws(() => on.open(new FaultySystem(), { token: 'bb' }), {
    code: 'ELOCKED',
    message: /process [0-9]+ writes/,
  });
  // another run of the machine, a process that is no more, garbage
  store.close();
  const lock = join(on.folder, 'lock');
  for (const stale of [
    `${process.pid} 1 - ab\n`,
    `999999999 - - ab\n`,
    `${process.pid} - 00000000-0000-0000-0000-000000000000 ab\n`,
    'garbage',
    '',
  ]) {
    writeFileSync(lock, stale);
    on.open(new FaultySystem(), { token: 'bb' }).close();
    t.notOk(statSync(lock, { throwIfNoEntry: false }), stale.trim());
  }
});

test('a file that is shorter than what was signed is a gap, and goes on', async (t) => {
  const on = bed(t);
  const store = on.open();
  on.put(store, 5);
  store.close();
  truncateSync(join(on.folder, '2026-11-29.jsonl'), 400);
  const next = on.open();
  on.put(next, 1);
  next.close();
  const text = readFileSync(join(on.folder, '2026-11-29.jsonl'), 'utf8');
  t.match(text, /"type":"gap".*signed lines are missing/);
  t.match(text, /"type":"torn"/);
  t.match(text, /"queueId":"Q5"/);
});

test('the clock', async (t) => {
  const on = bed(t);
  let monotonic = 0;
  const options = {
    directory: on.directory,
    stream: 'daemon',
    host: HOST,
    privacy: 'domains',
    retentionDays: null,
    syncs: true,
    token: 'aa',
    unclean: 'ignore',
    reserveBytes: 0,
  } as const;
  const store = new StreamStore(options, { now: () => on.now, monotonic: () => monotonic });
  on.put(store, 1);
  monotonic += 1000;
  on.now += 1000;
  store.tick();
  on.now -= 5 * 3_600_000 + 1500;
  store.tick();
  on.put(store, 1);
  // back to the day before: the file stays
  on.now -= DAY_MS;
  store.tick();
  on.put(store, 1);
  store.close();
  const { records, days } = checkStream(t, on.folder);
  t.strictSame(days, ['2026-11-29']);
  t.strictSame(
    records.flatMap((record) => (record.type === 'clock' ? [record.stepMs] : [])),
    [-(5 * 3_600_000 + 1500), -DAY_MS],
  );
});

test('retention deletes days and keys, and keeps heads', async (t) => {
  const on = bed(t);
  const store = on.open(new FaultySystem(), { retentionDays: 40 });
  for (let day = 0; day < 80; day += 10) {
    on.put(store, 1);
    for (const end of ['index', 'tally'])
      writeFileSync(join(on.folder, `${new Date(on.now).toISOString().slice(0, 10)}.${end}`), '');
    on.now += 10 * DAY_MS;
    store.tick();
  }
  on.put(store, 1);
  store.close();
  const files = readdirSync(on.folder);
  const days = (end: string): string[] =>
    files.filter((name) => name.endsWith(end)).map((name) => name.slice(0, 10));
  t.strictSame(
    days('.jsonl'),
    ['2027-01-08', '2027-01-18', '2027-01-28', '2027-02-07', '2027-02-17'].slice(-5),
  );
  t.equal(days('.ckpt').length, 9, 'all heads');
  t.strictSame(
    days('.index'),
    days('.jsonl')
      .slice(0, -1)
      .filter((day) => days('.index').includes(day)),
  );
  t.strictSame(days('.tally'), days('.index'), 'with what was counted of them');
  t.strictSame(readdirSync(join(on.directory, 'pseudonyms')), ['2027-01.key', '2027-02.key']);
});

test('a head file is replaced when it is large', async (t) => {
  const on = bed(t);
  const store = on.open();
  for (let i = 0; i < 300; i++) on.put(store, 1);
  store.close();
  const { size } = statSync(join(on.folder, '2026-11-29.ckpt'));
  t.ok(size < 65_536 && size > 0, `${size}`);
  t.equal(readStream(t, on.folder).unsigned, 0);
});

test('keys are never replaced', async (t) => {
  const on = bed(t);
  on.open().close();
  const key = join(on.folder, 'evidence.key');
  const pem = readFileSync(key, 'utf8');
  const pub = join(on.folder, 'evidence.pub');
  const published = readFileSync(pub, 'utf8');
  t.match(published, /^tlsward\/mx\.example\.org\/daemon\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+\n$/);
  on.open(new FaultySystem(), { host: 'other.example' }).close();
  t.equal(readFileSync(pub, 'utf8'), published, 'nor renamed with the host');
  writeFileSync(key, 'garbage');
  t.throws(() => on.open(), { code: 'EKEY', message: /is no Ed25519 key/ });
  rmSync(key);
  t.throws(() => on.open(), { code: 'EKEY', message: /is missing/ });
  writeFileSync(key, pem);
  rmSync(pub);
  on.open().close();
  t.equal(readFileSync(pub, 'utf8'), published, 'the public half is made again');
  writeFileSync(pub, 'garbage\n');
  t.throws(() => on.open(), { code: 'EKEY' });
  const month = join(on.directory, 'pseudonyms', '2026-11.key');
  writeFileSync(pub, published);
  const store = on.open();
  writeFileSync(month, 'short');
  on.put(store, 1);
  t.match(store.state, { trouble: /pseudonyms: EKEY/, failure: '' });
  store.close();
  t.match(readFileSync(join(on.folder, '2026-11-29.jsonl'), 'utf8'), /"sender":"@bank.example"/);
});
