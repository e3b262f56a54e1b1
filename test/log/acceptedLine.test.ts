/** The line of an accepted message is what pino writes for its fields, byte by byte. */
import { pino } from 'pino';
import { test } from 'tap';
import type { EnvelopeAddress } from '../../src/core/address.ts';
import { DEFAULTS } from '../../src/core/settings.ts';
import type { ClientCertificate, TlsState } from '../../src/core/tls.ts';
import type { Stage, Transaction } from '../../src/core/transaction.ts';
import { verdictOf } from '../../src/core/verdict.ts';
import { acceptedLine } from '../../src/log/acceptedLine.ts';
import { Log } from '../../src/log/log.ts';
import { briefFields, type VerdictRecord } from '../../src/log/verdictFields.ts';
import { transaction } from '../core/buildTables.ts';
import { generator } from '../mark/generator.ts';

const TIME = ',"time":"2026-11-30T01:02:03.456Z"';
let written = '';
const sink = {
  write(line: string): void {
    written = line;
  },
};
const reference = pino({ level: 'info', base: null, timestamp: () => TIME }, sink);

function byPino(record: VerdictRecord): string {
  reference.info(briefFields(record), 'accepted');
  return written;
}

/** What JSON, pino and the escaping of foreign text each treat in a way of their own, and what they leave alone. */
const PIECES: readonly string[] = [
  ...['', 'a', 'bank.example', ' ', '"', '\\', "'", '<', '>', '@', '/', '\\u{41}', 'and 3 more'],
  ...['\0', '\b', '\t', '\n', '\r', '\x1f', '\x7f', '\u0080', '\u00e9', '\u2028', '\u202e', '\ufeff'],
  ...['\ud800', '\udfff', '\u{1f600}', 'x'.repeat(60), 'y'.repeat(99), 'z'.repeat(127), '"'.repeat(120)],
];
const STAGES: readonly Stage[] = ['RCPT', 'DATA', 'END-OF-MESSAGE', 'MAIL'];

function recordFrom(seed: number): VerdictRecord {
  const random = generator(seed);
  const text = (): string => Array.from({ length: random.integer(4) }, () => random.pick(PIECES)).join('');
  const maybe = (): string => (random.integer(2) === 0 ? '' : text());
  const list = (most: number): string[] => Array.from({ length: random.integer(most) }, text);
  const address = (): EnvelopeAddress => ({
    kind: 'malformed',
    text: text(),
    mailbox: '',
    domain: '',
    readings: [],
  });
  const certificate = random.pick<() => ClientCertificate>([
    () => ({ kind: 'none' }),
    () => ({ kind: 'unproven' }),
    () => ({ kind: 'unknown', why: text() }),
    () => ({ kind: 'untrusted', fingerprints: list(2) }),
    () => ({ kind: 'trusted', commonName: text(), issuer: text(), fingerprints: [] }),
  ]);
  const tls = random.pick<() => TlsState>([
    () => ({ kind: 'plain' }),
    () => ({ kind: 'unknown', why: text() }),
    () => ({
      kind: 'tls',
      protocol: text(),
      cipher: text(),
      bits: random.pick([null, 0, 256]),
      certificate: certificate(),
    }),
  ])();
  const tx: Transaction = {
    ...transaction('<>', [], tls),
    protocol: random.pick(['policy', 'milter']),
    stage: random.pick(STAGES),
    clientAddress: text(),
    sender: random.integer(5) === 0 ? null : address(),
    recipients: Array.from({ length: random.pick([0, 1, 1, 1, 2, 5, 49, 50, 51, 300]) }, address),
    queueId: maybe(),
    saslUsername: maybe(),
  };
  const row = { pattern: text(), settings: DEFAULTS, at: { file: 'f', line: 1 } };
  const sides = random.pick([[], ['sender'], ['recipient', 'sender']] as const);
  const verdict = verdictOf(
    sides.map((side) => ({ side, address: null, row: random.integer(4) === 0 ? null : row, breach: null })),
    tls,
  );
  const route = {
    rules: list(25),
    ways: list(25),
    outcome: random.pick(['routed', 'held', text()]),
  };
  return {
    code: '7Q2K0001',
    timeMs: 0,
    transaction: tx,
    verdict,
    reply: null,
    generation: 1,
    tableHash: '',
    conn: random.integer(100_000),
    notes: random.integer(3) === 0 ? list(25) : [],
    ...(random.integer(3) === 0 ? { route } : null),
  };
}

test('5,000 random records, every optional field present and absent', async (t) => {
  const fields = new Map<string, number>();
  for (let seed = 1; seed <= 5000; seed++) {
    const record = recordFrom(seed);
    const expected = byPino(record);
    const line = acceptedLine(record, TIME);
    if (line !== expected) t.equal(line, expected, `seed ${seed}`);
    for (const name of Object.keys(JSON.parse(line) as object)) fields.set(name, (fields.get(name) ?? 0) + 1);
  }
  const optional = ['row', 'queueId', 'saslUsername', 'certificate', 'commonName', 'rule', 'route', 'notes'];
  for (const name of optional) {
    const times = fields.get(name) ?? 0;
    t.ok(times > 200 && times < 4900, `${name} is in ${times} of 5,000 lines`);
  }
});

test('a usual message', async (t) => {
  const tls: TlsState = {
    kind: 'tls',
    protocol: 'TLSv1.3',
    cipher: 'TLS_AES_256_GCM_SHA384',
    bits: 256,
    certificate: { kind: 'none' },
  };
  const tx = { ...transaction('<alice@bank.example>', ['<bob@our.example>'], tls), queueId: '4dJq1x' };
  const record = { ...recordFrom(1), transaction: tx, verdict: verdictOf([], tls), notes: [], conn: 7 };
  const { route: _route, ...usual } = record;
  const line = acceptedLine(usual, TIME);
  t.equal(line, byPino(usual));
  t.match(
    line,
    /"recipients":"<bob@our\.example>","tls":"TLSv1\.3 TLS_AES_256_GCM_SHA384 256","queueId":"4dJq1x","msg":"accepted"\}\n$/,
  );
});

test('the level decides whether the line is written', async (t) => {
  const lines: string[] = [];
  const log = new Log('warn', { write: (line: string) => void lines.push(line) });
  const record = recordFrom(2);
  t.equal(log.verdict(record), null);
  t.same(lines, []);
  log.setLevel('info');
  log.verdict(record);
  t.equal(lines.length, 1);
  const time = /,"time":"[^"]*"/.exec(lines[0]!)?.[0] ?? '';
  t.equal(lines[0], acceptedLine(record, time));
  log.setLevel('error');
  log.verdict(record);
  t.equal(lines.length, 1);
});
