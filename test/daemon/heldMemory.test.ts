/**
 * What connections hold together is bounded: whoever holds most is closed, and everybody else goes on.
 */
import { test } from 'tap';
import { encodeCommands, ReplyDecoder } from '../../src/wire/milterClient.ts';
import type { MilterCommand } from '../../src/wire/milterDecode.ts';
import { shownReply } from '../../src/wire/milterEncode.ts';
import { encodeSocketmapRequest } from '../../src/wire/socketmapClient.ts';
import { until } from '../until.ts';
import { policyAnswers, policyRequest, startDaemon } from './startDaemon.ts';

const ROWS = '[domains]\nbank.example = encrypt\n';
/** The least that permits the largest message of the default limits. */
const MIN_LIMIT = 24 * 1024 * 1024;

interface Status {
  readonly memory: readonly { readonly name: string; readonly used: number; readonly limit: number }[];
  readonly connections: Readonly<Record<string, { readonly open: number }>>;
}

const START: readonly MilterCommand[] = [
  { kind: 'OPTNEG', version: 6, actions: 0x1ff, protocol: 0x1fffff },
  { kind: 'CONNECT', hostname: 'c', family: '4', port: 1, address: '192.0.2.1' },
  { kind: 'HELO', name: 'c' },
  { kind: 'MAIL', args: ['<a@x.example>'] },
];

test('unfinished messages share max-memory; the largest is closed', async (t) => {
  const on = await startDaemon(t, `max-memory = 24M\n${ROWS}`);
  const held = async (): Promise<Status['memory'][number]> => {
    const { memory } = (await on.ask('status')) as unknown as Status;
    return memory.find(({ name }) => name === 'connections')!;
  };
  const small = await on.open('policy');
  // half a request, which must be there when the rest comes
  small.write(policyRequest().slice(0, 100));
  const field: MilterCommand = { kind: 'HEADER', name: 'X-TLS-Ward', value: 'x'.repeat(60_000) };
  let closed = 0;
  for (let i = 0; i < 40; i++) {
    const socket = await on.open('milter');
    socket.on('error', () => {}).on('end', () => closed++);
    socket.resume();
    socket.write(encodeCommands([...START, ...Array<MilterCommand>(i === 7 ? 16 : 14).fill(field)]));
    const { used, limit } = await held();
    t.equal(limit, MIN_LIMIT);
    if (used > limit) t.fail(`${used} bytes`);
  }
  const told = () =>
    on.log().filter(({ event, limit }) => event === 'conn.limit' && limit === 'max-memory').length;
  // what is told may not have reached the other end yet
  await until(() => closed >= 10 && told() === closed);
  t.ok(closed <= 20, `${closed} of 40 closed`);
  t.ok((await held()).used > MIN_LIMIT / 2);
  t.match(await policyAnswers(small, [policyRequest().slice(100)]), [/^530 /], 'the small one was not');
  t.equal(on.log().filter(({ event }) => event === 'bug').length, 0);
});

test('what is counted is let go of with its message and its connection', async (t) => {
  const on = await startDaemon(t, ROWS);
  const used = async (): Promise<number> =>
    ((await on.ask('status')) as unknown as Status).memory.find(({ name }) => name === 'connections')!.used;
  const comesTo = async (holds: (bytes: number) => boolean): Promise<number> => {
    let bytes = 0;
    await until(async () => {
      bytes = await used();
      return holds(bytes);
    });
    return bytes;
  };
  const idle = await used();
  const socket = await on.open('milter');
  socket.on('error', () => {});
  socket.resume();
  const field: MilterCommand = { kind: 'HEADER', name: 'X-TLS-Ward', value: 'x'.repeat(60_000) };
  socket.write(encodeCommands([...START, field, field]));
  t.ok((await comesTo((bytes) => bytes > 120_000)) > 120_000, 'header fields');
  socket.write(encodeCommands([{ kind: 'ABORT' }]));
  t.ok((await comesTo((bytes) => bytes < 10_000)) < 10_000, 'gone with the message');
  // a packet that is cut
  socket.write(encodeCommands([{ kind: 'BODY', chunk: new Uint8Array(60_000) }]).subarray(0, 50_000));
  t.ok((await comesTo((bytes) => bytes > 50_000)) >= 50_000, 'part of a packet');
  socket.destroy();
  t.equal(await comesTo((bytes) => bytes === idle), idle);
});

test('recipients of one message are bounded in bytes', async (t) => {
  const on = await startDaemon(t, `trusted-clients =\n${ROWS}`);
  const socket = await on.open('milter');
  const replies = new ReplyDecoder();
  let answered = 0;
  let many = 0;
  socket.on('data', (chunk: Buffer) => {
    replies.push(chunk);
    for (let reply = replies.next(); reply !== null; reply = replies.next()) {
      answered++;
      if (reply.kind === 'REPLYCODE' && /^452 4\.5\.3 Too many recipients/.test(shownReply(reply.text)))
        many++;
    }
  });
  socket.write(
    encodeCommands([
      ...START.slice(0, 3),
      { kind: 'MACRO', stage: 'M', macros: '{client_addr}\x001\0' },
      START[3]!,
    ]),
  );
  for (let i = 0; i < 600; i++)
    socket.write(encodeCommands([{ kind: 'RCPT', args: [`<${'x'.repeat(10_000)}${i}@y.example>`] }]));
  await until(() => answered >= 600);
  t.ok(many > 150 && many < 500, `${many} of 600 recipients of 10,000 characters`);
  const { memory } = (await on.ask('status')) as unknown as Status;
  const { used } = memory.find(({ name }) => name === 'connections')!;
  t.ok(used > 8 * 1024 * 1024 && used <= 17 * 1024 * 1024, `${used} bytes`);
  socket.destroy();
});

test('a peer that asks without reading is not read from', async (t) => {
  // every answer of a row with auto comes later: nothing may be read on behind the peer's back
  const on = await startDaemon(
    t,
    'socketmap-listen = unix:socketmap.sock\n[domain *]\ndeliver = auto\n',
    async () => {
      const fact = { kind: 'other', answer: { kind: 'unknown', why: 'w'.repeat(200) } };
      return {
        find: async () => fact,
        memory: [],
        finders: { kind: 'other' },
        counters: {},
        daneOff: '',
        close: async () => {},
        leaveFolder: async () => {},
        retire: async () => {},
      } as never;
    },
  );
  const socket = await on.open('socketmap');
  socket.on('error', () => {}).pause();
  const requests = Buffer.concat(
    Array.from({ length: 2000 }, (_, i) => encodeSocketmapRequest('deliver', `d${i}.example`)),
  );
  let sent = 0;
  const send = (): void => {
    while (sent < 60) {
      sent++;
      if (!socket.write(requests)) {
        socket.once('drain', send);
        return;
      }
    }
  };
  send();
  let most = 0;
  for (let i = 0; i < 40; i++) {
    const { memory } = (await on.ask('status')) as unknown as Status;
    most = Math.max(most, memory.find(({ name }) => name === 'connections')!.used);
    await new Promise((go) => setTimeout(go, 50));
  }
  t.ok(most > 0 && most < 1024 * 1024, `at most ${most} bytes were held`);
  t.ok(sent < 60, `${sent} of 60 batches were taken`);
  socket.destroy();
});
