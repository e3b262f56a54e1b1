/** The daemon's end of the stream, with its thread: lines arrive in order, and whatever ends is told and counted. */
import { EventEmitter } from 'node:events';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type Test, test } from 'tap';
import { lineText, Mailbox } from '../../src/evidence/lineText.ts';
import { Recorder, type RecorderOptions } from '../../src/recorder/recorder.ts';
import { StreamStore } from '../../src/recorder/store.ts';
import { until } from '../until.ts';
import { checkStream } from './streamCheck.ts';

const extension = import.meta.url.endsWith('.js') ? 'js' : 'ts';
const WORKER = new URL(`../../src/recorder/worker.${extension}`, import.meta.url);

const STORE = {
  stream: 'daemon',
  host: 'mx.example.org',
  privacy: 'hashed',
  retentionDays: null,
  syncs: true,
  token: 'aa',
  unclean: 'gap',
  reserveBytes: 0,
} as const;

interface Bed {
  readonly recorder: Recorder;
  readonly directory: string;
  readonly troubles: string[];
  readonly workers: Worker[];
}

function opened(
  t: Test,
  more: Partial<RecorderOptions> = {},
  before: (directory: string) => void = () => {},
  onHead: (day: string, note: string) => void = () => {},
): Bed {
  const directory = mkdtempSync(join(tmpdir(), 'tlsward-recorder-'));
  before(directory);
  const troubles: string[] = [];
  const workers: Worker[] = [];
  const recorder = new Recorder(
    {
      directory: join(directory, 'evidence'),
      stream: 'daemon',
      host: 'mx.example.org',
      privacy: 'hashed',
      retentionDays: null,
      syncMs: 50,
      reserveBytes: 0,
      ...more,
    },
    { onHead, onTrouble: (why) => troubles.push(why) },
    (job) => {
      const worker = new Worker(WORKER, { workerData: job, execArgv: [] });
      workers.push(worker);
      return worker;
    },
  );
  t.teardown(async () => {
    await recorder.close(1000);
    rmSync(directory, { recursive: true, force: true });
  });
  return { recorder, directory: join(directory, 'evidence'), troubles, workers };
}

const text = (id: string): string =>
  lineText(new Date().toISOString(), 'message', 'mx.example.org', {
    queueId: id,
    sender: new Mailbox('a@bank.example'),
    source: { kind: 'test', position: id },
  });

const ids = (bed: Bed, t: Test): string[] =>
  checkStream(t, join(bed.directory, 'daemon')).records.flatMap((record) =>
    record.type === 'message' ? [record.queueId] : [],
  );

test('what is recorded is synced, in order', async (t) => {
  const bed = opened(t);
  const { recorder } = bed;
  const sent: string[] = [];
  const put = (): void => {
    const id = `Q${sent.length}`;
    sent.push(id);
    recorder.record(text(id));
  };
  // before the stream is open, too
  for (let i = 0; i < 100; i++) put();
  await recorder.opened;
  t.ok(recorder.works);
  for (let i = 0; i < 2000; i++) put();
  await until(() => recorder.status.records === sent.length + 1);
  t.match(recorder.status, { writer: 'open', failure: '', trouble: '', gaps: 0, lost: 0, waitingBytes: 0 });
  t.ok(recorder.status.lastSyncMs > 0);
  t.match(recorder.memory, { name: 'evidence', limit: 80 * 1024 * 1024 });
  for (let i = 0; i < 500; i++) put();
  t.equal(await recorder.close(10_000), true);
  t.strictSame(ids(bed, t), sent);
  t.strictSame(bed.troubles, []);
  recorder.record(text('late'));
});

test('what waited for the stream is handed over piece by piece', async (t) => {
  const posted: { kind: string; texts?: string; count?: number }[] = [];
  const thread = Object.assign(new EventEmitter(), {
    postMessage: (message: { kind: string }) => posted.push(message),
    terminate: () => Promise.resolve(0),
  });
  const options = { ...STORE, directory: '/nowhere', syncMs: 50 };
  const recorder = new Recorder(options, { onHead: () => {}, onTrouble: () => {} }, () => thread as never);
  for (let i = 0; i < 9000; i++) recorder.record(`${i}`.padEnd(1000));
  const state = { done: 0, failure: '', waitingBytes: 0, limitBytes: 0 };
  const handed = () => posted.reduce((sum, { count = 0 }) => sum + count, 0);
  thread.emit('message', { kind: 'open', state });
  t.ok(
    posted.length === 1 && posted[0]!.texts!.length <= 1_048_576,
    'one batch, then others have their turn',
  );
  await until(() => {
    thread.emit('message', { kind: 'state', state, taken: handed(), done: 0 });
    return handed() === 9000;
  });
  thread.emit('message', { kind: 'state', state, taken: 9000, done: 9000 });
  t.equal(recorder.status.handedBytes, 0);
  const numbers = posted.flatMap(({ texts = '' }) => texts.split('\n').map(Number));
  t.strictSame(numbers, [...numbers.keys()], 'in order');
  for (let i = 0; i < 3000; i++) recorder.record(`${i}`.padEnd(1000));
  const closed = recorder.close(1000);
  t.equal(posted.at(-1)!.kind, 'close');
  t.equal(handed(), 12_000, 'all of it before the end');
  thread.emit('message', { kind: 'closed', ok: true });
  t.equal(await closed, true);
});

test('a thread that ends is replaced, and its lines are a gap', async (t) => {
  const bed = opened(t, { syncMs: 60_000 });
  const { recorder, workers, troubles } = bed;
  await recorder.opened;
  for (let i = 0; i < 5; i++) recorder.record(text(`A${i}`));
  await until(() => recorder.status.handedBytes === 0 || recorder.status.records > 0);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await workers[0]!.terminate();
  await until(() => !recorder.works);
  recorder.record(text('B'));
  await until(() => workers.length === 2 && recorder.status.writer === 'open');
  t.match(troubles[0], /^the writer ended/);
  recorder.record(text('C'));
  t.equal(await recorder.close(10_000), true);
  const { records } = checkStream(t, join(bed.directory, 'daemon'));
  const gaps = records.flatMap((record) => (record.type === 'gap' ? [record] : []));
  t.equal(gaps.length, 1);
  t.match(gaps[0], { count: 5, why: /the writer ended/ });
  t.match(ids(bed, t).slice(-2), ['B', 'C']);
  t.match(recorder.status, { lost: 5 });
});

test('a directory that cannot be used: told, and tried again', async (t) => {
  let blocked = '';
  const bed = opened(t, {}, (directory) => {
    blocked = join(directory, 'evidence');
    writeFileSync(blocked, '');
  });
  const { recorder, troubles } = bed;
  await recorder.opened;
  t.notOk(recorder.works);
  t.match(troubles, [/EEXIST|ENOTDIR/]);
  recorder.record(text('early'));
  rmSync(blocked);
  mkdirSync(blocked);
  await until(() => recorder.works);
  await recorder.close(10_000);
  t.strictSame(ids(bed, t), ['early']);
  t.equal(troubles.at(-1), '');
});

test('the head of a day that ended before the start is told', async (t) => {
  const yesterday = Date.now() - 86_400_000;
  const heads: [string, string][] = [];
  const bed = opened(
    t,
    { syncMs: 0 },
    (directory) => {
      const store = new StreamStore(
        { ...STORE, directory: join(directory, 'evidence') },
        { now: () => yesterday, monotonic: () => yesterday },
      );
      store.append(text('Y'));
      store.close();
    },
    (...head) => heads.push(head),
  );
  await bed.recorder.opened;
  const day = new Date(yesterday).toISOString().slice(0, 10);
  t.match(heads, [[day, new RegExp(`^tlsward/mx\\.example\\.org/daemon/${day}\n2\n`)]]);
  bed.recorder.record(text('T'));
  await bed.recorder.close(10_000);
  t.strictSame(ids(bed, t), ['Y', 'T']);
});

test('a second writer is refused, and goes on when the first has ended', async (t) => {
  const first = opened(t);
  await first.recorder.opened;
  const second = opened(t, { directory: first.directory });
  await second.recorder.opened;
  t.notOk(second.recorder.works);
  t.match(second.troubles, [/lock: process [0-9]+ writes this stream; only one may/]);
  second.recorder.record(text('second'));
  first.recorder.record(text('first'));
  await first.recorder.close(10_000);
  await until(() => second.recorder.works);
  await second.recorder.close(10_000);
  t.strictSame(ids(first, t), ['first', 'second']);
});

test('a file that is taken away is begun anew, and said', async (t) => {
  const bed = opened(t);
  const { recorder, troubles, directory } = bed;
  await recorder.opened;
  recorder.record(text('before'));
  await until(() => recorder.status.records === 2);
  renameSync(directory, `${directory}.moved`);
  await until(() => troubles.length === 2);
  t.match(troubles, [/removed or replaced/, '']);
  recorder.record(text('after'));
  await recorder.close(10_000);
  t.strictSame(ids(bed, t), ['after']);
  const { records } = checkStream(t, join(directory, 'daemon'));
  t.match(records[1], { type: 'gap', count: 0, why: /removed or replaced/ });
});

test('more than has room is counted', async (t) => {
  const bed = opened(t);
  const { recorder } = bed;
  const wide = text('w').replace('"source"', `"clientName":"${'x'.repeat(60_000)}","source"`);
  for (let i = 0; i < 400; i++) recorder.record(wide);
  t.ok(recorder.status.handedBytes <= recorder.status.handedLimitBytes);
  const { lost } = recorder.status;
  t.ok(lost > 100 && lost < 200, `${lost}`);
  recorder.missed('a record that could not be made');
  await recorder.opened;
  await until(() => recorder.status.gaps === 1 && recorder.works);
  t.equal(recorder.status.lost, lost + 1);
  t.equal(await recorder.close(10_000), true);
});

test('a text of two lines is no record', async (t) => {
  const bed = opened(t);
  const { recorder, troubles } = bed;
  await recorder.opened;
  recorder.record(text('before'));
  recorder.record(`${text('first')}\n${text('second')}`);
  recorder.record(text('after'));
  t.equal(recorder.status.lost, 1);
  t.match(troubles, ['a record had a line end']);
  t.ok(await recorder.close(20_000));
  t.same(ids(bed, t), ['before', 'after']);
  const gaps = checkStream(t, join(bed.directory, 'daemon')).records.filter(({ type }) => type === 'gap');
  t.match(gaps, [{ count: 1, why: 'a record had a line end' }]);
});
