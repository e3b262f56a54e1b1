/**
 * The small parts beside the driver: codes, the list of recent verdicts, the memory that joins questions.
 */
import { test } from 'tap';
import { parseInternalAddress } from '../../src/core/address.ts';
import { TableBuilder } from '../../src/core/packing.ts';
import { PolicyTable } from '../../src/core/table.ts';
import { PLAIN } from '../../src/core/tls.ts';
import type { Transaction } from '../../src/core/transaction.ts';
import { accepted, type Verdict } from '../../src/core/verdict.ts';
import type { VerdictRecord } from '../../src/log/verdictFields.ts';
import { visible } from '../../src/log/visible.ts';
import { createCodes, normaliseCode } from '../../src/net/codes.ts';
import { TransactionMemory } from '../../src/net/memory.ts';
import { RecentVerdicts } from '../../src/net/recent.ts';

const TRANSACTION: Transaction = {
  door: 'policy',
  stage: 'RCPT',
  arrival: 'smtp',
  clientAddress: '192.0.2.1',
  clientName: 'unknown',
  clientPort: 4711,
  heloName: 'x',
  sender: parseInternalAddress('a@x.example'),
  recipients: [parseInternalAddress('b@y.example')],
  unseenRecipients: false,
  queueId: '',
  saslUsername: '',
  mtaName: '',
  tls: PLAIN,
};

test('codes are eight characters, different, and survive being read out', async (t) => {
  const code = createCodes(0.5);
  const many = Array.from({ length: 2000 }, code);
  t.equal(new Set(many).size, 2000);
  t.ok(many.every((text) => /^[0-9A-HJKMNP-TV-Z]{8}$/.test(text)));
  t.equal(normaliseCode(' [g00l-0o1i] '), 'G0010011');
  t.equal(normaliseCode(many[7]!.toLowerCase()), many[7]);
});

test('foreign text is escaped for logs and terminals', async (t) => {
  t.equal(visible('plain <a@b>'), 'plain <a@b>');
  t.equal(visible('a\nb\x1b[31m\u2028\u202e\x85\\'), 'a\\u{a}b\\u{1b}[31m\\u{2028}\\u{202e}\\u{85}\\u{5c}');
  t.equal(visible('x'.repeat(300)).length, 259);
});

function record(code: string, verdict: Verdict): VerdictRecord {
  return {
    code,
    timeMs: 0,
    transaction: TRANSACTION,
    verdict,
    reply: null,
    generation: 1,
    conn: 1,
    notes: [],
  };
}

test('accepted mail does not push refusals out of the recent list', async (t) => {
  const recent = new RecentVerdicts(2);
  const refused: Verdict = { ...accepted('no-mail'), action: 'reject' };
  recent.add(record('R1', refused));
  for (let i = 0; i < 1000; i++) recent.add(record(`A${i}`, accepted('no-mail')));
  t.ok(recent.find('A1'), 'the first of a second');
  t.ok(recent.find('R1'));
  t.ok(recent.find('A999'));
  t.notOk(recent.find('A500'), 'not all of a busy one');
  for (let i = 0; i < 300; i++) recent.add({ ...record(`B${i}`, accepted('no-mail')), timeMs: 1000 * i });
  t.notOk(recent.find('A1'), 'not for ever');
  t.ok(recent.find('B44'));
  recent.add(record('R2', refused));
  recent.add(record('R3', refused));
  t.notOk(recent.find('R1'), 'the oldest of its own kind goes');
  t.ok(recent.find('R3'));
});

test('an instance keeps its table and recipients until it is too old', async (t) => {
  const memory = new TransactionMemory();
  const table = new PolicyTable(
    new TableBuilder().finish([], [], () => 0),
    1,
    '',
  );
  const more = [parseInternalAddress('gr\u00fcn c@y.example'), parseInternalAddress('postmaster')];
  const instance = memory.begin('1.2', table, 1000, {});
  t.same(instance.recipients(), []);
  instance.add(TRANSACTION.recipients);
  instance.add(TRANSACTION.recipients);
  instance.add(more);
  t.equal(memory.instance('1.2', 2000)?.table, table);
  t.same(memory.instance('1.2', 2000)?.recipients(), [...TRANSACTION.recipients, ...more], 'each once');
  t.equal(memory.instance('1.2', 1000 + 11 * 60_000), undefined);
  memory.sweep(1000 + 11 * 60_000);
  t.equal(memory.instance('1.2', 1000), undefined);
  memory.begin('1.3', table, 1000, {});
  memory.end('1.3');
  t.equal(memory.instance('1.3', 1000), undefined);
  for (let i = 0; i < 50_000; i++) memory.begin(`2.${i}`, table, 2000, {});
  t.ok(memory.instance('2.49999', 2000));
  t.ok(memory.instance('2.40001', 2000), 'the younger half at least');
  t.equal(memory.instance('2.29999', 2000), undefined, 'bounded in number');
  const [one, two] = [{}, {}];
  memory.begin('3.1', table, 2000, one);
  memory.begin('3.2', table, 2000, two);
  memory.begin('3.3', table, 2000, one);
  t.equal(memory.instance('3.1', 2000), undefined, 'over when its connection speaks of the next');
  t.ok(memory.instance('3.2', 2000), 'another connection is another smtpd');
  t.ok(memory.instance('3.3', 2000));
});

test('fingerprints seen by the policy service serve one question of the milter', async (t) => {
  const memory = new TransactionMemory();
  memory.rememberPins(TRANSACTION, ['AA'], 0);
  t.same(memory.takePins({ ...TRANSACTION, clientPort: 4712 }, 1), [], 'another connection');
  t.same(
    memory.takePins({ ...TRANSACTION, recipients: [parseInternalAddress('c@y.example')] }, 1),
    [],
    'another recipient',
  );
  t.same(memory.takePins(TRANSACTION, 1), ['AA']);
  t.same(memory.takePins(TRANSACTION, 1), [], 'only once');
  memory.rememberPins(TRANSACTION, ['AA'], 0);
  t.same(memory.takePins(TRANSACTION, 61_000), [], 'not after a minute');
});
