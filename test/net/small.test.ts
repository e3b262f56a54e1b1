/**
 * The small parts beside the driver: codes, the list of recent verdicts, the memory that joins questions.
 */

import { test } from 'tap';
import { parseInternalAddress } from '../../src/core/address.ts';
import { PolicyTable } from '../../src/core/table.ts';
import { TableBuilder } from '../../src/core/tableBuilder.ts';
import { type ClientCertificate, PLAIN, type TlsState } from '../../src/core/tls.ts';
import type { Transaction } from '../../src/core/transaction.ts';
import { accepted, type Verdict } from '../../src/core/verdict.ts';
import { allAtOnce } from '../../src/core/work.ts';
import { createCodes, normaliseCode } from '../../src/daemon/codes.ts';
import { RecentVerdicts } from '../../src/daemon/recentVerdicts.ts';
import { TransactionMemory } from '../../src/daemon/transactionMemory.ts';
import { type VerdictRecord, verdictFields } from '../../src/log/verdictFields.ts';

const TRANSACTION: Transaction = {
  protocol: 'policy',
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

function record(code: string, verdict: Verdict): VerdictRecord {
  return {
    code,
    timeMs: 0,
    transaction: TRANSACTION,
    verdict,
    reply: null,
    generation: 1,
    tableHash: '0'.repeat(64),
    conn: 1,
    notes: [],
  };
}

/** As the judge adds it. */
function remember(recent: RecentVerdicts, added: VerdictRecord): void {
  recent.add(added, verdictFields(added));
}

test('accepted mail does not push refusals out of the recent list', async (t) => {
  const recent = new RecentVerdicts(2, 1_000_000);
  const refused: Verdict = { ...accepted('no-mail'), action: 'reject' };
  remember(recent, record('R1', refused));
  for (let i = 0; i < 1000; i++) remember(recent, record(`A${i}`, accepted('no-mail')));
  t.ok(recent.find('A1'), 'the first of a second');
  t.match(recent.find('R1'), { code: 'R1', action: 'reject', time: '1970-01-01T00:00:00.000Z' });
  t.notOk(recent.find('A500'), 'not all of a busy one');
  for (let i = 0; i < 300; i++)
    remember(recent, { ...record(`B${i}`, accepted('no-mail')), timeMs: 1000 * i });
  t.notOk(recent.find('A1'), 'not for ever');
  t.ok(recent.find('B44'));
  remember(recent, record('R2', refused));
  remember(recent, record('R3', refused));
  t.notOk(recent.find('R1'), 'the oldest of its own kind goes');
  t.ok(recent.find('R3'));
  const none = new RecentVerdicts(0, 1_000_000);
  remember(none, record('R1', refused));
  t.notOk(none.find('R1'));
});

test('the recent list is bounded in bytes, and so is what is kept of one verdict', async (t) => {
  const limit = 256 * 1024;
  const recent = new RecentVerdicts(100_000, limit);
  const recipients = Array.from({ length: 10_000 }, (_, i) =>
    parseInternalAddress(`${'\u{1f600}'.repeat(900)}${i}@d${i}.example`),
  );
  const transaction = { ...TRANSACTION, recipients, heloName: '\u202e'.repeat(5000) };
  for (let i = 0; i < 500; i++) {
    const verdict: Verdict = { ...accepted('no-mail'), action: 'hold' };
    remember(recent, { ...record(`H${i}`, verdict), transaction, notes: ['n'.repeat(100_000), 'm'] });
    const { used, limit: most } = recent.memory;
    if (used > most) t.fail(`${used} bytes`);
  }
  t.ok(recent.memory.used > limit / 2);
  t.notOk(recent.find('H0'), 'the oldest is forgotten');
  const found = recent.find('H499') as { readonly recipients: string[] };
  t.match(found, { code: 'H499', action: 'hold' });
  t.equal(found.recipients.at(-1), `and ${10_000 - found.recipients.length + 1} more`);
  t.ok(JSON.stringify(found).length < 32_768, `${JSON.stringify(found).length} characters`);
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
  t.same(allAtOnce(instance.recipients()), []);
  memory.add('1.2', instance, TRANSACTION.recipients);
  memory.add('1.2', instance, TRANSACTION.recipients);
  memory.add('1.2', instance, more);
  t.equal(memory.instance('1.2', 2000)?.table, table);
  const known = allAtOnce(memory.instance('1.2', 2000)!.recipients());
  t.same(known, [...TRANSACTION.recipients, ...more], 'each once');
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

test('what the policy service was told of a certificate serves one question of the milter', async (t) => {
  const told = (certificate: ClientCertificate, changes: Partial<Transaction> = {}): Transaction => ({
    ...TRANSACTION,
    server: '192.0.2.25 25',
    tls: { kind: 'tls', protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', bits: 256, certificate },
    ...changes,
  });
  const pinned = told({ kind: 'untrusted', fingerprints: ['AA'] });
  const asked = told({ kind: 'unproven' }, { protocol: 'milter' });
  const tls = asked.tls as Extract<TlsState, { kind: 'tls' }>;
  const named = (commonName: string, issuer = 'CA', fingerprints: readonly string[] = []): Transaction =>
    told({ kind: 'trusted', commonName, issuer, fingerprints });

  let memory = new TransactionMemory();
  memory.rememberCertificate(pinned, 7, 0);
  t.same(memory.takeCertificate(asked, 7, 1), { kind: 'untrusted', fingerprints: ['AA'] });
  t.equal(memory.takeCertificate(asked, 7, 1), null, 'only once');
  memory.rememberCertificate(told({ kind: 'none' }), 7, 0);
  t.same(memory.takeCertificate(asked, 7, 1), { kind: 'none' });
  memory.rememberCertificate(named('mx.x.example', 'CA', ['AA', 'BB']), 9, 0);
  t.same(memory.takeCertificate(named('mx.x.example'), 7, 1), {
    kind: 'trusted',
    commonName: 'mx.x.example',
    issuer: 'CA',
    fingerprints: ['AA', 'BB'],
  });

  const others: Record<string, Transaction> = {
    'another address': { ...asked, clientAddress: '192.0.2.2' },
    'another port': { ...asked, clientPort: 4712 },
    'no port': { ...asked, clientPort: 0 },
    'the same port at another listener': { ...asked, server: '192.0.2.25 587' },
    'another HELO name': { ...asked, heloName: 'y' },
    'another protocol': { ...asked, tls: { ...tls, protocol: 'TLSv1.2' } },
    'another cipher': { ...asked, tls: { ...tls, cipher: 'TLS_AES_128_GCM_SHA256' } },
    'other bits': { ...asked, tls: { ...tls, bits: 128 } },
    'a certificate that verified': named('mx.x.example'),
    'another sender': { ...asked, sender: parseInternalAddress('c@x.example') },
    'the null sender': { ...asked, sender: parseInternalAddress('') },
    'another recipient': { ...asked, recipients: [parseInternalAddress('c@y.example')] },
    'no TLS': { ...asked, tls: PLAIN },
  };
  for (const [what, other] of Object.entries(others)) {
    memory = new TransactionMemory();
    memory.rememberCertificate(pinned, 7, 0);
    t.equal(memory.takeCertificate(other, 7, 1), null, what);
  }
  for (const [what, other] of [
    ['another name', named('mx.y.example')],
    ['another issuer', named('mx.x.example', 'Another CA')],
    ['none that verified', asked],
  ] as const) {
    memory.rememberCertificate(named('mx.x.example', 'CA', ['AA']), 7, 0);
    t.equal(memory.takeCertificate(other, 7, 1), null, what);
  }
  memory.rememberCertificate(pinned, 7, 0);
  t.equal(memory.takeCertificate(asked, 8, 1), null, 'remembered before the milter connection was there');
  memory.rememberCertificate(pinned, 7, 0);
  t.equal(memory.takeCertificate(asked, 7, 61_000), null, 'not after a minute');
  memory.rememberCertificate(pinned, 7, 0);
  memory.takeCertificate(others['another recipient']!, 7, 1);
  t.equal(memory.takeCertificate(asked, 7, 1), null, 'nor after another question of the milter');
  memory.rememberCertificate(pinned, 7, 0);
  memory.forgetCertificate({ ...pinned, recipients: [parseInternalAddress('c@y.example')] });
  t.equal(memory.takeCertificate(asked, 7, 1), null, 'nor after another question of the policy service');
  memory.rememberCertificate(pinned, 7, 0);
  memory.rememberCertificate(told({ kind: 'none' }), 7, 0);
  t.same(memory.takeCertificate(asked, 7, 1), { kind: 'none' }, 'the last word counts');
  memory.rememberCertificate(pinned, 7, 0);
  memory.rememberCertificate(told({ kind: 'untrusted', fingerprints: ['A'.repeat(192)] }), 7, 0);
  t.equal(memory.takeCertificate(asked, 7, 1), null, 'what is too long to keep clears what was there');
  const long = { ...pinned, clientAddress: 'x'.repeat(1000) };
  memory.rememberCertificate(long, 7, 0);
  t.equal(memory.takeCertificate({ ...asked, clientAddress: long.clientAddress }, 7, 1), null, 'no address');
  const odd = 'a b(c)<d>;e@f"g\\h-1.x_y';
  memory.rememberCertificate({ ...pinned, heloName: odd.replace(/[ <>();@"\\]/g, '?') }, 7, 0);
  t.ok(memory.takeCertificate({ ...asked, heloName: odd }, 7, 1), 'a HELO name as each interface shows it');
});
