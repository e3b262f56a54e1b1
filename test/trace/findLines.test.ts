/** Records are found by the index and without it, the same ones, however the files came to be. */
import {
  appendFileSync,
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { checkpointFile, linesFile } from '../../src/archive/layout.ts';
import type { EvidenceRecord } from '../../src/evidence/record.ts';
import { findLines } from '../../src/trace/findLines.ts';
import { DayIndex, indexFile, writeIndex } from '../../src/trace/indexFile.ts';
import { lastHead } from '../../src/trace/lastHead.ts';
import { hashOf, lineKeys } from '../../src/trace/lineKeys.ts';
import { readRecord } from '../../src/trace/readRecord.ts';
import { hasKey, type Key, type KeyKind } from '../../src/trace/recordKeys.ts';
import { delivery, MadeEvidence, type MadeRecord, message, newFolder, verdict } from './madeDays.ts';

const DAY = '2026-11-20';

function numbers(folder: string, keys: readonly Key[], finished = true, day = DAY): number[] {
  return [...findLines({ folder, day, finished }, keys, { unreadable: 0 })].map(({ n }) => n);
}

function made(t: Test, records: readonly MadeRecord[]): string {
  const evidence = new MadeEvidence(newFolder(t), 'mx.example.org');
  evidence.day('daemon', DAY, records);
  return evidence.stream('daemon').folder;
}

/** Texts that a peer may send: what looks like a field, quotes, backslashes, characters of other scripts. */
const HOSTILE = [
  'x","queueId":"4XyZFORGED',
  '\\","code":"3FQ8F0RG',
  'a\\',
  'ü@b\u00fccher.example',
  '}{][',
  '\u2028\u202e',
  '"',
  '',
];

function traffic(): MadeRecord[] {
  return Array.from({ length: 400 }, (_, i): MadeRecord => {
    const time = `${DAY}T10:00:${String(i % 60).padStart(2, '0')}.000Z`;
    const hostile = HOSTILE[i % HOSTILE.length]!;
    const id = `4X${i % 97}`;
    if (i % 4 === 0)
      return verdict(time, { code: `3FQ8${String(i).padStart(4, '0')}`, queueId: id, helo: hostile });
    if (i % 4 === 1)
      return delivery(time, {
        queueId: id,
        reply: hostile,
        recipient: `<user${i % 11}@customer${i % 7}.example>`,
      });
    if (i % 4 === 2) return message(time, { queueId: id, messageId: hostile, origQueueId: `4X${i % 13}` });
    return { time, type: 'gap', from: time, to: time, count: i, why: hostile };
  });
}

t.test('with and without the index the same records are found as in all of them', async (t) => {
  const folder = made(t, traffic());
  const all = readFileSync(linesFile(folder, DAY), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => readRecord(Buffer.from(line))!);
  t.equal(all.length, 401);
  const texts: Record<KeyKind, readonly string[]> = {
    type: ['gap', 'day'],
    code: ['3FQ80000', '3FQ80004', '3FQ8F0RG', 'none'],
    queueId: ['4X0', '4X12', '4X96', '4XyZFORGED'],
    messageId: [...HOSTILE],
    address: all.flatMap((record) => ('recipient' in record ? [record.recipient ?? ''] : [])).slice(0, 5),
    domain: ['bank.example', 'customer3.example', 'example.org', 'absent.example'],
  };
  let found = 0;
  for (const [kind, list] of Object.entries(texts))
    for (const [i, text] of list.entries()) {
      const key = { kind: kind as KeyKind, text };
      const expected = all.filter((record) => hasKey(record, key)).map(({ n }) => n);
      found += expected.length;
      t.same(numbers(folder, [key], false), expected, `without index: ${kind} ${i}`);
      t.same(numbers(folder, [key]), expected, `with index: ${kind} ${i}`);
    }
  t.ok(existsSync(indexFile(folder, DAY)));
  t.ok(found > 500);
  const two: Key[] = [
    { kind: 'queueId', text: '4X0' },
    { kind: 'domain', text: 'customer3.example' },
  ];
  t.same(numbers(folder, two), numbers(folder, two, false), 'several keys, each record once');
});

t.test('several pseudonyms of one address', async (t) => {
  const evidence = new MadeEvidence(newFolder(t), 'mx.example.org');
  const months = ['2026-09', '2026-10', '2026-11', '2026-12'];
  const pseudonyms = months.map((month) => evidence.address('alice@bank.example', `${month}-01`));
  const others = Array.from({ length: 50 }, (_, i) => evidence.address(`user${i}@bank.example`, DAY));
  evidence.day(
    'collector',
    DAY,
    [...pseudonyms, ...others].map((sender) => delivery(`${DAY}T10:00:00.000Z`, { sender })),
  );
  const { folder } = evidence.stream('collector');
  const keys = pseudonyms.flatMap((text): Key[] => [
    { kind: 'address', text },
    { kind: 'messageId', text },
  ]);
  for (const finished of [false, true])
    t.same(
      numbers(folder, keys, finished),
      [1, 2, 3],
      'records that were read late, none of a month to come',
    );
});

t.test('many keys of one kind', async (t) => {
  const folder = made(t, traffic());
  const ids = Array.from({ length: 30 }, (_, i): Key => ({ kind: 'queueId', text: `4X${3 * i}` }));
  const odd: Key = { kind: 'queueId', text: 'x","queueId":"4X0' };
  const messageIds = HOSTILE.map((text): Key => ({ kind: 'messageId', text }));
  const events = ['gap', 'torn', 'clock', 'day'].map((text): Key => ({ kind: 'type', text }));
  for (const keys of [ids, [...ids, odd], messageIds, events, [...ids, ...messageIds, ...events]]) {
    const found = numbers(folder, keys, false);
    t.same(found, numbers(folder, keys), 'as by the index');
    t.same(
      found,
      [...new Set(keys.flatMap((key) => numbers(folder, [key], false)))].sort((a, b) => a - b),
      'as one by one',
    );
    t.ok(found.length > 20);
  }
});

t.test('an index of many segments, and a key on many pages', async (t) => {
  const records = Array.from({ length: 3000 }, (_, i) =>
    delivery(`${DAY}T10:00:00.000Z`, { queueId: `4X${i}`, recipient: `<user${i}@customer.example>` }),
  );
  const folder = made(t, records);
  const indexed = { file: linesFile(folder, DAY), head: lastHead(checkpointFile(folder, DAY)) };
  const sizes: number[] = [];
  for (const words of [100, 999, 1 << 22]) {
    writeIndex(folder, DAY, indexed, words);
    sizes.push(statSync(indexFile(folder, DAY)).size);
    t.ok(DayIndex.open(folder, DAY, indexed), 'it is the one that is used');
    t.equal(numbers(folder, [{ kind: 'domain', text: 'bank.example' }]).length, 3000);
    for (const i of [0, 1, 499, 2999])
      t.same(numbers(folder, [{ kind: 'queueId', text: `4X${i}` }]), [i + 1]);
    t.same(numbers(folder, [{ kind: 'queueId', text: '4X3000' }]), []);
  }
  t.ok(sizes[0]! >= sizes[2]!);
  t.throws(
    () => writeIndex(folder, DAY, indexed, 16),
    { code: 'EFBIG' },
    'more segments than a search may look into',
  );
});

t.test('what a text holds is no field', async (t) => {
  const line = Buffer.from(
    '{"v":1,"n":1,"time":"x","type":"verdict","helo":"\\",\\"queueId\\":\\"F","tls":{"queueId":"inner"},"list":[{"code":"deep"},"]"],"queueId":"4X1"}\n',
  );
  const hashes: number[] = [];
  lineKeys(line, 0, line.length - 1, (hash) => hashes.push(hash));
  t.same(hashes, [hashOf({ kind: 'queueId', text: '4X1' })]);
});

t.test('lines that are cut anywhere end the search for keys, and nothing else', async (t) => {
  const line = Buffer.from(
    `{"v":1,"n":2,${JSON.stringify(verdict(`${DAY}T10:00:00.000Z`, { helo: 'a\\"b' })).slice(1)}\n`,
  );
  const whole: number[] = [];
  lineKeys(line, 0, line.length - 1, (hash) => whole.push(hash));
  t.ok(whole.length > 5);
  for (let length = 0; length < line.length; length++) {
    let found = 0;
    lineKeys(line.subarray(0, length), 0, length, () => found++);
    t.ok(found <= whole.length + 1, `${length}`);
  }
});

t.test('an index that is not of the day as it is now is made again', async (t) => {
  const folder = made(t, [
    verdict(`${DAY}T10:00:00.000Z`),
    verdict(`${DAY}T10:00:01.000Z`, { queueId: '4OTHER' }),
  ]);
  const file = linesFile(folder, DAY);
  const key: Key[] = [{ kind: 'queueId', text: '4OTHER' }];
  const head = lastHead(checkpointFile(folder, DAY));
  t.match(head, /^3 [A-Za-z0-9+/]{43}=$/);
  t.same(numbers(folder, key), [2]);
  t.ok(DayIndex.open(folder, DAY, { file, head }), 'there is one');
  t.equal(DayIndex.open(folder, DAY, { file, head: `4 ${head.slice(2)}` }), null, 'another head');
  const { atime, mtime } = statSync(file);
  utimesSync(file, atime, new Date(mtime.getTime() + 5000));
  t.equal(DayIndex.open(folder, DAY, { file, head }), null, 'the lines were written to');
  appendFileSync(
    file,
    `{"v":1,"n":3,${JSON.stringify({ host: 'h', ...verdict(`${DAY}T11:00:00.000Z`, { queueId: '4OTHER' }) }).slice(1)}\n`,
  );
  t.same(numbers(folder, key), [2, 3], 'lines that came later');
  const bytes = readFileSync(indexFile(folder, DAY));
  for (const [name, broken] of [
    ['empty', Buffer.alloc(0)],
    ['half', bytes.subarray(0, bytes.length - 3)],
    ['another version', Buffer.concat([Buffer.from('tlsward-index 2'), bytes.subarray(15)])],
    ['no header', Buffer.concat([Buffer.alloc(64), bytes.subarray(64)])],
  ] as const) {
    writeFileSync(indexFile(folder, DAY), broken);
    t.same(numbers(folder, key), [2, 3], name);
    t.equal(readFileSync(indexFile(folder, DAY)).length, bytes.length, `${name}: made again`);
  }
  writeFileSync(
    indexFile(folder, DAY),
    Buffer.concat([bytes.subarray(0, 4096), Buffer.alloc(bytes.length - 4096, 0xff)]),
  );
  t.doesNotThrow(() => numbers(folder, key), 'offsets beyond the file lead nowhere');
});

t.test(
  'no index of a day that grows, of a folder that cannot be written to, or through a link',
  async (t) => {
    const folder = made(t, [verdict(`${DAY}T10:00:00.000Z`)]);
    const key: Key[] = [{ kind: 'queueId', text: '4XyZ1a2b3cz1' }];
    t.same(numbers(folder, key, false), [1]);
    t.notOk(existsSync(indexFile(folder, DAY)));
    symlinkSync('/etc/hostname', indexFile(folder, DAY));
    t.same(numbers(folder, key), [1]);
    t.ok(statSync(indexFile(folder, DAY)).size > 4096, 'a link in its place is replaced, not followed');
    const [old = '', young = ''] = ['1-aa', '2-bb'].map((name) => join(folder, `.${DAY}.index-${name}`));
    for (const draft of [old, young]) writeFileSync(draft, '');
    utimesSync(old, 0, 0);
    writeIndex(folder, DAY, { file: linesFile(folder, DAY), head: '' });
    t.same([existsSync(old), existsSync(young)], [false, true], 'what a killed process left is removed');
    unlinkSync(young);
    if (process.getuid?.() !== 0) {
      const other = made(t, [verdict(`${DAY}T10:00:00.000Z`)]);
      chmodSync(other, 0o500);
      t.same(numbers(other, key), [1]);
      chmodSync(other, 0o700);
      t.notOk(existsSync(indexFile(other, DAY)));
    }
    t.throws(() => writeIndex(join(folder, 'absent'), DAY, { file: linesFile(folder, DAY), head: '' }), {
      code: 'ENOENT',
    });
    t.same(
      readdirSync(folder).filter((name) => name.startsWith('.')),
      [],
      'no draft is left',
    );
  },
);

t.test('lines that are no records are counted, not shown', async (t) => {
  const folder = made(t, [verdict(`${DAY}T10:00:00.000Z`)]);
  const file = linesFile(folder, DAY);
  const record = { v: 1, n: 2, host: 'h', ...verdict(`${DAY}T10:00:00.000Z`) } as unknown as EvidenceRecord;
  const lines = [
    '{"v":1,"n":2,"queueId":"4XyZ1a2b3cz1"',
    JSON.stringify({ ...record, v: 2 }),
    JSON.stringify({ ...record, tls: { state: 'encrypted' } }),
    JSON.stringify({ ...record, tls: 'tls' }),
    JSON.stringify({ ...record, recipients: 'all' }),
    JSON.stringify({ ...record, action: 'deliver' }),
    JSON.stringify({ ...record, time: 'yesterday' }),
    JSON.stringify({ ...record, recipients: undefined }),
    JSON.stringify({ ...record, type: 'constructor' }),
    JSON.stringify({ ...record, later: 'a field of a later version' }),
  ];
  appendFileSync(file, lines.map((line) => `${line}\n`).join(''));
  for (const finished of [false, true]) {
    const trouble = { unreadable: 0 };
    const found = [
      ...findLines({ folder, day: DAY, finished }, [{ kind: 'queueId', text: '4XyZ1a2b3cz1' }], trouble),
    ];
    t.equal(found.length, 2, 'the first, and the one with another field');
    t.equal(trouble.unreadable, 9);
  }
});
