/**
 * A replay never claims what is not so: random transactions are decided by one table, recorded with each `privacy`, and
 * judged again from the record by another table; what that says must contain what the other table says of the
 * transaction itself, and be one answer where the record has all that counts.
 */
import { test } from 'tap';
import { type EnvelopeAddress, parseInternalAddress, parsePath } from '../../src/core/address.ts';
import { PolicyTable } from '../../src/core/table.ts';
import type { TlsState } from '../../src/core/tls.ts';
import type { Transaction } from '../../src/core/transaction.ts';
import { verdictText } from '../../src/daemon/verdictEvidence.ts';
import { finishedLine } from '../../src/evidence/lineText.ts';
import { addressOf, type Privacy } from '../../src/evidence/pseudonym.ts';
import type { VerdictEvidence } from '../../src/evidence/record.ts';
import { verdictFields } from '../../src/log/verdictFields.ts';
import { decide } from '../../src/receive/decide.ts';
import { candidateOf } from '../../src/replay/candidate.ts';
import { type Answers, judge, OUTCOMES } from '../../src/replay/judge.ts';
import { recipientsOf, senderOf, transactionOf } from '../../src/replay/recorded.ts';
import { readRecord } from '../../src/trace/readRecord.ts';
import { GOOD, type RowOf, tableOf, transaction } from '../core/buildTables.ts';
import { generator } from '../mark/generator.ts';

const random = generator();
const { pick } = random;
const KEY = { month: '2026-11', secret: Buffer.alloc(32, 7) };
const ISSUERS = ['Example CA', 'Other CA'];
const PINS = ['AA:01', 'BB:02', 'CC:03'];
const PATTERNS = [
  '*',
  '<>',
  'bank.example',
  '.bank.example',
  'boss@bank.example',
  'clerk@bank.example',
  'our.example',
  'chief@our.example',
  'gov.example',
];

function rows(): RowOf[] {
  return PATTERNS.filter(() => random.integer(2) === 0).map((pattern): RowOf => {
    const receive = pick(['none', 'may', 'encrypt', 'encrypt', 'verify'] as const);
    const settings = {
      receive,
      violation: pick(['tag', 'defer', 'reject', 'hold'] as const),
      mode: pick(['enforce', 'enforce', 'observe'] as const),
      minBits: pick([128, 256]),
      fingerprints: receive === 'verify' && random.integer(2) === 0 ? [pick(PINS)] : [],
      clientIssuers: receive === 'verify' && random.integer(2) === 0 ? [pick(ISSUERS)] : [],
      clientNames: pattern === '*' || pattern === '<>' ? ['mx.bank.example'] : [],
    };
    return [pattern, settings];
  });
}

function table(hash: string): PolicyTable {
  return new PolicyTable(tableOf(rows()).packed, 1, hash);
}

function session(protocol: 'policy' | 'milter'): TlsState {
  const kind = random.integer(8);
  if (kind === 0) return { kind: 'unknown', why: 'w' };
  if (kind < 3) return { kind: 'plain' };
  const certificate = pick(['none', 'trusted', 'trusted', 'untrusted', 'unproven', 'unknown'] as const);
  const fingerprints = protocol === 'policy' ? pick([[pick(PINS)], [pick(PINS), pick(PINS)]]) : [];
  const tls = { ...GOOD, bits: pick([128, 256, null]) };
  if (certificate === 'trusted') {
    const commonName = pick(['bank.example', 'mx.bank.example', 'x@bank.example', 'c'.repeat(300), '']);
    return { ...tls, certificate: { kind: 'trusted', commonName, issuer: pick(ISSUERS), fingerprints } };
  }
  if (certificate === 'untrusted') return { ...tls, certificate: { kind: 'untrusted', fingerprints } };
  return {
    ...tls,
    certificate: certificate === 'unknown' ? { kind: 'unknown', why: 'w' } : { kind: certificate },
  };
}

const PATHS = [
  '<boss@bank.example>',
  '<Boss@bank.example>',
  '<any@bank.example>',
  '<a@mx.bank.example>',
  '<chief@our.example>',
  '<any@our.example>',
  '<postmaster>',
  '<someone>',
  '<a%gov.example@our.example>',
  '<x(y@gov.example>',
  '<j\u00f6@bank.example>',
  '<a@none.example>',
];

function transactionAtRandom(): Transaction {
  const protocol = pick(['policy', 'milter'] as const);
  const many = random.integer(6) === 0 ? 60 : random.integer(5) === 0 ? 0 : 1 + random.integer(3);
  const parse = (path: string): EnvelopeAddress =>
    protocol === 'milter' ? parsePath(path) : parseInternalAddress(path.slice(1, -1));
  const recipients = Array.from({ length: many }, () => parse(pick(PATHS)));
  const sender = random.integer(6) === 0 ? parse('<>') : parse(pick(PATHS));
  return {
    ...transaction('<a@b.example>', [], session(protocol)),
    protocol,
    stage: many === 1 && protocol === 'policy' ? 'RCPT' : 'END-OF-MESSAGE',
    sender,
    recipients,
    unseenRecipients: many === 0 || random.integer(12) === 0,
    saslUsername: random.integer(4) === 0 ? 'alice' : '',
  };
}

function recorded(tx: Transaction, by: PolicyTable, privacy: Privacy): VerdictEvidence {
  const verdict = decide(tx, by, { trustedClients: [] });
  const record = {
    code: 'AAAAAAAA',
    timeMs: Date.UTC(2026, 10, 30),
    transaction: tx,
    verdict,
    reply: null,
    generation: 1,
    tableHash: by.hash,
    conn: 1,
    notes: [],
  };
  const line = finishedLine(0, verdictText(record, verdictFields(record), 'h'), (address) =>
    addressOf(address, privacy, KEY),
  );
  return readRecord(Buffer.from(line!)) as VerdictEvidence;
}

/** Has the record all that the table asks for? */
function hasAll(record: VerdictEvidence, { packed }: PolicyTable): boolean {
  const { sender = '', recipients, recipientCount, ambiguous } = record;
  if (ambiguous === true || recipientCount > recipients.length) return false;
  if ([sender, ...recipients].some((address) => address.includes('\\'))) return false;
  return packed.settings.every(({ receive }) => receive !== 'verify');
}

/** Enforced and observed of the true answer. */
function truth(tx: Transaction, by: PolicyTable): [number, number] {
  const { action, tagged, wouldBe } = decide(tx, by, { trustedClients: [] });
  const word = tagged ? 'tag' : action === 'accept' ? 'ok' : action;
  return [OUTCOMES.indexOf(word), OUTCOMES.indexOf(wouldBe ?? 'ok')];
}

/** Is the true answer among them? */
function contains({ enforced, observed }: Answers, [act, would]: [number, number]): boolean {
  const acts = enforced.least <= act && act <= enforced.most;
  return (
    acts &&
    (would === 0
      ? observed.least <= act || observed.least === 0
      : observed.least <= would && would <= observed.most)
  );
}

test('what is claimed of a record is so', async (t) => {
  t.comment(`TLSWARD_SEED=${random.seed}`);
  const wrong: string[] = [];
  let certain = 0;
  const needless: string[] = [];
  for (let i = 0; i < 200; i++) {
    const tx = transactionAtRandom();
    const [before, after] = [table('aa'.repeat(32)), table('bb'.repeat(32))];
    const candidate = candidateOf(after, { trustedClients: [] }, 0);
    for (const privacy of ['domains', 'hashed', 'full'] as const) {
      const record = recorded(tx, before, privacy);
      const told = recipientsOf(record, candidate);
      const asked = told.length === 0 ? [null] : told;
      for (const [at, one] of asked.entries()) {
        const answers = judge(
          candidate,
          transactionOf(record),
          senderOf(record, candidate),
          one === null ? [] : one.choices,
          record.ambiguous === true,
        );
        if (answers.doubt === null) certain++;
        else if (privacy === 'full' && hasAll(record, after))
          needless.push(JSON.stringify({ record, doubt: answers.doubt }));
        const real =
          one === null
            ? [tx]
            : tx.recipients
                .slice(at, at + one.count)
                .map((recipient) => ({ ...tx, recipients: [recipient] }));
        for (const each of real) {
          const [act, would] = truth(each, after);
          const right =
            contains(answers, [act, would]) && (answers.doubt !== null || answers.enforced.least === act);
          if (!right)
            wrong.push(
              JSON.stringify({ privacy, record, each, act, would, answers: { ...answers, decisive: null } }),
            );
        }
      }
    }
  }
  t.strictSame(wrong.slice(0, 3), [], `${wrong.length} claims that are not so`);
  t.strictSame(needless.slice(0, 3), [], `${needless.length} doubts about what is recorded`);
  t.ok(certain > 100, `${certain} are certain`);
});
