/** `tlsward trace`: what a person is told, and the exit status. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Io } from '../../src/cli/command.ts';
import { run } from '../../src/cli/trace.ts';
import { delivery, MadeEvidence, type MadePrivacy, message, newFolder, verdict } from '../trace/madeDays.ts';

const DAY_MS = 86_400_000;
const NOW = Date.now();
const dayAgo = (days: number): string => new Date(NOW - days * DAY_MS).toISOString().slice(0, 10);
const DAY = dayAgo(3);

async function trace(...argv: string[]) {
  let out = '';
  let err = '';
  const io: Io = { out: (text) => (out += text), err: (text) => (err += text), env: {}, colour: false };
  const status = await run(argv, io);
  return { status, out, err };
}

/** A message that came, went through a content filter, and left for two recipients; one that was refused. */
function made(t: Test, privacy: MadePrivacy = 'hashed'): MadeEvidence {
  const evidence = new MadeEvidence(join(newFolder(t), 'evidence'), 'mx.example.org', privacy);
  const two = {
    recipients: ['<bob@example.org>', '<carol@other.example>'],
    recipientDomains: ['example.org', 'other.example'],
    recipientCount: 2,
  };
  evidence.day('daemon', DAY, [
    verdict(`${DAY}T10:12:13.500Z`, two),
    {
      time: `${DAY}T10:30:00.000Z`,
      type: 'gap',
      from: `${DAY}T10:12:00.000Z`,
      to: `${DAY}T10:12:40.000Z`,
      count: 12,
      why: 'disk full',
    },
    verdict(`${DAY}T11:00:00.000Z`, {
      code: '3FQ80002',
      queueId: undefined,
      sender: '<eve@other.example>',
      action: 'reject',
      breach: 'encrypt',
      because: ['the session has no TLS\u001b[31m'],
      tls: { state: 'plain' },
    }),
  ]);
  evidence.day('collector', DAY, [
    message(`${DAY}T10:12:13.000Z`, { host: 'mx' }),
    delivery(`${DAY}T10:12:14.000Z`, {
      host: 'mx',
      outcome: 'filtered',
      tls: { state: 'plain' },
      relay: { host: '127.0.0.1' },
    }),
    message(`${DAY}T10:12:15.000Z`, {
      host: 'mx',
      queueId: '4XyNEW',
      origQueueId: '4XyZ1a2b3cz1',
      client: '127.0.0.1',
    }),
    delivery(`${DAY}T10:12:16.000Z`, { host: 'mx', queueId: '4XyNEW' }),
    delivery(`${DAY}T10:12:17.000Z`, {
      host: 'mx',
      queueId: '4XyNEW',
      recipient: '<carol@other.example>',
      recipientDomain: 'other.example',
      tls: { state: 'unknown', why: 'no line about the connection' },
    }),
  ]);
  return evidence;
}

t.test('a passage by each of its names', async (t) => {
  const { directory } = made(t);
  const told = await trace('3FQ80001', '--evidence', directory);
  t.equal(told.status, 0);
  for (const part of [
    `message    4XyZ1a2b3cz1 on mx.example.org, ${DAY} 10:12:13`,
    `came       ${DAY} 10:12:13 from 192.0.2.25 (mx1.bank.example), TLSv1.3 TLS_AES_256_GCM_SHA384 256 bits, no client certificate`,
    'verdict    accept [3FQ80001], demanded encrypt by row bank.example (/etc/tlsward/tlsward.ini:12, enforce)',
    `then       4XyNEW on mx, ${DAY} 10:12:15, from 4XyZ1a2b3cz1 by its orig_queue_id`,
    'sent 2.0.0 by mx.example.org [198.51.100.7]:25, TLSv1.3 TLS_AES_256_GCM_SHA384 256 bits, server verified, demanded secure',
    'TLS not known, demanded secure',
    'no line about the connection',
    '12 missing (disk full)',
  ])
    t.ok(told.out.includes(part), part);
  for (const name of [
    '3fq8-ooo1',
    '4XyZ1a2b3cz1',
    '4XyNEW',
    '<1234.5678@bank.example>',
    '1234.5678@bank.example',
  ])
    t.equal((await trace(name, '--evidence', directory)).out, told.out, name);
});

t.test('an address is turned into its pseudonyms, and shown in their place', async (t) => {
  const { directory } = made(t);
  const told = await trace('carol@OTHER.example', '--evidence', directory);
  t.equal(told.status, 0);
  t.match(told.out, /to carol@other\.example: sent/);
  t.match(told.out, /not known {2}how it went to carol@other\.example: no line/);
  t.notMatch(told.out, /bob@/, 'others stay pseudonyms');
  t.match((await trace('eve@other.example', '--evidence', directory)).out, /^message {4}without a queue id/);
  const absent = await trace('nobody@other.example', '--evidence', directory);
  t.equal(absent.status, 1);
  t.match(absent.out, `nobody@other.example: not found from ${dayAgo(30)} to ${dayAgo(0)}`);
  t.match(absent.out, `the first file of the daemon is of ${DAY}`);
  t.match(absent.out, '12 missing (disk full)');
  t.equal(
    (await trace('Carol@other.example', '--evidence', directory)).status,
    1,
    'local parts differ by case',
  );
});

t.test('what cannot be told', async (t) => {
  const hashed = made(t);
  rmSync(join(hashed.directory, 'pseudonyms', `${DAY.slice(0, 7)}.key`));
  const erased = await trace('carol@other.example', '--evidence', hashed.directory);
  t.equal(erased.status, 75);
  t.match(erased.out, `the key of ${DAY.slice(0, 7)} was deleted`);
  t.equal(
    (await trace('carol@third.example', '--evidence', hashed.directory)).status,
    1,
    'no record of that domain',
  );
  const { directory } = made(t, 'domains');
  const domains = await trace('carol@other.example', '--evidence', directory);
  t.equal(domains.status, 75);
  t.match(domains.out, 'privacy = domains');
  t.equal((await trace('3FQ80001', '--evidence', directory)).status, 0);
  t.equal((await trace('x', '--evidence', join(directory, 'absent'))).status, 75);
  t.match((await trace('x', '--evidence', newFolder(t))).err, /has no stream/);
  const full = made(t, 'full');
  t.match(
    (await trace('carol@other.example', '--evidence', full.directory)).out,
    /to carol@other\.example: sent/,
  );
});

t.test('over two hosts by the Message-ID, and reused queue ids apart', async (t) => {
  const inner = new MadeEvidence(join(newFolder(t), 'inner'), 'store.example.org', 'full');
  const outer = new MadeEvidence(join(newFolder(t), 'outer'), 'mx.example.org', 'full');
  outer.day('daemon', DAY, [
    verdict(`${DAY}T10:00:00.000Z`),
    verdict(`${DAY}T12:00:00.000Z`, { code: '3FQ80009' }),
  ]);
  outer.day('collector', DAY, [
    message(`${DAY}T10:00:00.100Z`),
    delivery(`${DAY}T10:00:01.100Z`),
    delivery(`${DAY}T12:00:01.100Z`),
  ]);
  inner.day('collector', DAY, [
    message(`${DAY}T10:00:02.100Z`, { queueId: '4INNER' }),
    delivery(`${DAY}T10:00:03.100Z`, { queueId: '4INNER', agent: 'lmtp' }),
  ]);
  const both = ['--evidence', outer.directory, '--evidence', inner.directory];
  const told = await trace('3FQ80001', ...both);
  t.match(
    told.out,
    `then       4INNER on store.example.org, ${DAY} 10:00:02, from 4XyZ1a2b3cz1 by its Message-ID`,
  );
  t.notMatch(told.out, '12:00:01');
  t.notMatch((await trace('3FQ80009', ...both)).out, '10:00:01');
  const { passages } = JSON.parse((await trace('4INNER', ...both, '--json')).out);
  t.match(passages, [
    {
      messages: [
        { queueId: '4XyZ1a2b3cz1', joined: null },
        { queueId: '4INNER', joined: { to: '4XyZ1a2b3cz1', host: 'mx.example.org', by: 'Message-ID' } },
      ],
    },
  ]);
});

t.test('texts of others are escaped', async (t) => {
  const { directory } = made(t);
  const told = await trace('3FQ80002', '--evidence', directory);
  t.match(told.out, 'the session has no TLS\\u{1b}[31m');
  t.notMatch(told.out, '\u001b');
});

t.test('the directory of the configuration, and arguments that are wrong', async (t) => {
  const { directory } = made(t);
  const config = join(newFolder(t), 'tlsward.ini');
  writeFileSync(config, `[service]\nevidence = ${directory}\n`);
  t.equal((await trace('3FQ80001', '--config', config)).status, 0);
  writeFileSync(config, '[service]\n');
  await t.rejects(trace('3FQ80001', '--config', config), /has no key evidence/);
  for (const argv of [
    ['@bank.example'],
    ['<>'],
    [''],
    ['3FQ80001', '--since', 'yesterday'],
    ['3FQ80001', '--since', '2999-01-01'],
  ])
    await t.rejects(trace(...argv, '--evidence', directory), /found/, argv.join(' '));
  t.equal(
    (await trace('3FQ80001', '--evidence', directory, '--since', dayAgo(1))).status,
    1,
    'older than --since',
  );
  t.equal((await trace('3FQ80001', '--evidence', directory, '--since', '4d')).status, 0);
});

t.test('a folder of days only', async (t) => {
  const directory = join(newFolder(t), 'empty');
  mkdirSync(join(directory, 'daemon'), { recursive: true });
  const told = await trace('3FQ80001', '--evidence', directory);
  t.equal(told.status, 1);
  t.match(told.out, 'there are no records of the daemon');
});

t.test('a message with many recipients, and a Message-ID on many messages', async (t) => {
  const evidence = new MadeEvidence(join(newFolder(t), 'evidence'), 'mx.example.org', 'full');
  const many = Array.from({ length: 300 }, (_, i) => i);
  const time = (i: number): string => new Date(Date.parse(DAY) + i * 1000).toISOString();
  const id = { messageId: '<the-same@bank.example>' };
  evidence.day('collector', DAY, [
    ...many.map((i) => message(time(i), { ...id, queueId: `4M${i}` })),
    message(time(400), { ...id, messageId: '<another@bank.example>' }),
    ...many.map((i) =>
      delivery(time(401), {
        recipient: `<user${i}@example.org>`,
        tls: { state: 'unknown', why: `reason ${i}` },
      }),
    ),
  ]);
  const list = await trace('4XyZ1a2b3cz1', '--evidence', evidence.directory);
  t.equal(list.status, 0);
  t.match(list.out, 'and 290 attempts before');
  t.match(list.out, /reason 8\n +and 291 more\n/);
  t.ok(list.out.split('\n').length < 50);
  const joined = await trace('4M7', '--evidence', evidence.directory);
  t.match(joined.out, 'and 290 more that are joined to these');
  t.ok(joined.out.split('\n').length < 100);
});

t.test('a relative directory is taken from the folder of the configuration', async (t) => {
  const evidence = made(t);
  const config = join(evidence.directory, '../tlsward.ini');
  writeFileSync(config, '[service]\nevidence = evidence\n');
  t.match(await trace('3FQ80001', '--config', config), { status: 0, err: '' });
});
