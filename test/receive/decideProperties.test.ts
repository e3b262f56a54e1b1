/**
 * What must hold for every table, session and envelope, tried on random ones; a failure names its seed.
 *
 * "Stricter never laxer" is stated for rows that defer or refuse. A row that holds or tags is milder than a state that
 * cannot be told, which always defers: there, a better look at a session may rightly turn a deferral into a tag.
 */
import { test } from 'tap';
import { parsePath } from '../../src/core/address.ts';
import type { Settings } from '../../src/core/settings.ts';
import type { ClientCertificate, TlsState } from '../../src/core/tls.ts';
import type { Transaction } from '../../src/core/transaction.ts';
import { type Action, combine, type Verdict } from '../../src/core/verdict.ts';
import { decide } from '../../src/receive/decide.ts';
import { reasonsOf } from '../../src/receive/describeVerdict.ts';
import { replyFor } from '../../src/receive/smtpReply.ts';
import { OTHER_DIGEST, PIN, type RowOf, tableOf, transaction } from '../core/buildTables.ts';
import { type Generator, generator } from '../mark/generator.ts';

const NOBODY = { trustedClients: [] };
const HARSHNESS: readonly Action[] = ['accept', 'hold', 'defer', 'reject'];
const PROTOCOLS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'];
const CIPHERS = ['TLS_AES_256_GCM_SHA384', 'ECDHE-RSA-RC4-SHA', 'DES-CBC3-SHA', ''];
const DOMAINS = ['a.example', 'b.example', 'mx.a.example', 'deep.mx.a.example', 'c.test'];
const PATTERNS = ['*', '<>', ...DOMAINS, '.a.example', '.example', '.mx.a.example', 'x@a.example', '.test'];
const VIOLATIONS = ['tag', 'defer', 'reject', 'hold'] as const;

function certificate(random: Generator): ClientCertificate {
  const fingerprints = random.pick([[], [OTHER_DIGEST], [OTHER_DIGEST, PIN]]);
  switch (random.integer(6)) {
    case 0:
      return { kind: 'unknown', why: 'not told' };
    case 1:
      return { kind: 'unproven' };
    case 2:
      return { kind: 'untrusted', fingerprints };
    case 3:
    case 4:
      return {
        kind: 'trusted',
        commonName: random.pick(['', ...DOMAINS]),
        issuer: random.pick(['A', 'B']),
        fingerprints,
      };
    default:
      return { kind: 'none' };
  }
}

function session(random: Generator): TlsState {
  const kind = random.integer(6);
  if (kind === 0) return { kind: 'unknown', why: 'not told' };
  if (kind === 1) return { kind: 'plain' };
  return {
    kind: 'tls',
    protocol: random.pick([...PROTOCOLS, 'TLSv1.3', 'QUIC']),
    cipher: random.pick(CIPHERS),
    bits: random.pick([null, 56, 128, 256, 256]),
    certificate: certificate(random),
  };
}

function settings(random: Generator, violations: readonly Settings['violation'][]): Partial<Settings> {
  return {
    receive: random.pick(['none', 'may', 'encrypt', 'verify', 'verify']),
    minProtocol: random.pick(['TLSv1', 'TLSv1.2', 'TLSv1.3']),
    minBits: random.pick([0, 128, 256]),
    denyCiphers: random.pick([[], [], ['rc4'], ['rc4', 'des']]),
    clientNames: random.pick([[], [], ['mx.a.example'], ['.example']]),
    clientIssuers: random.pick([[], [], ['A']]),
    fingerprints: random.pick([[], [], [PIN]]),
    violation: random.pick(violations),
    mode: random.pick(['enforce', 'enforce', 'enforce', 'observe']),
  };
}

function rows(random: Generator, violations: readonly Settings['violation'][] = VIOLATIONS): RowOf[] {
  const patterns = new Set(Array.from({ length: 1 + random.integer(6) }, () => random.pick(PATTERNS)));
  return [...patterns].map((pattern) => [pattern, settings(random, violations)]);
}

function path(random: Generator): string {
  const domain = random.pick(DOMAINS);
  switch (random.integer(12)) {
    case 0:
      return '<>';
    case 1:
      return '<postmaster>';
    case 2:
      return `<x@${domain}`;
    case 3:
      return `<y%${domain}>`;
    default:
      return `<${random.pick(['x', 'y'])}@${domain}>`;
  }
}

function question(random: Generator): Transaction {
  const to = Array.from({ length: random.integer(4) }, () => path(random));
  return {
    ...transaction(path(random), to, session(random)),
    saslUsername: random.pick(['', '', 'somebody']),
  };
}

/** All that an unrelated row must leave alone; row numbers and line numbers aside. */
function essence(verdict: Verdict): string {
  const finding = (of: Verdict['decisive']): string =>
    `${of?.side} ${of?.address?.text} ${of?.row?.pattern} ${of?.breach?.kind} ${of?.toPostmaster}`;
  return [
    verdict.action,
    verdict.wouldBe,
    verdict.tagged,
    verdict.judged,
    verdict.mark,
    finding(verdict.decisive),
    ...verdict.findings.map(finding),
  ].join('; ');
}

const harshness = (verdict: Verdict): number => HARSHNESS.indexOf(verdict.action);

test('an unrelated row never changes a verdict', async (t) => {
  const random = generator();
  for (let round = 0; round < 10_000; round++) {
    const some = rows(random);
    const asked = question(random);
    const unrelated = random.pick([
      'other.invalid',
      '.other.invalid',
      'a.example.invalid',
      'z@a.example',
      '.deep.mx.a.example',
      'xa.example',
      '[192.0.2.1]',
    ]);
    const more = [...some];
    more.splice(random.integer(some.length + 1), 0, [unrelated, settings(random, VIOLATIONS)]);
    const before = essence(decide(asked, tableOf(some), NOBODY));
    const after = essence(decide(asked, tableOf(more), NOBODY));
    if (before !== after)
      t.fail(`seed ${random.seed} round ${round}: with ${unrelated}: ${before} became ${after}`);
  }
  t.pass(`seed ${random.seed}`);
});

test('the verdict of another recipient spares work and changes nothing', async (t) => {
  const random = generator();
  let spared = 0;
  for (let round = 0; round < 10_000; round++) {
    const table = tableOf(rows(random));
    const whole = question(random);
    const one = (): Transaction => ({ ...whole, recipients: [parsePath(path(random))] });
    const before = decide(one(), table, NOBODY);
    const asked = random.integer(8) === 0 ? { ...one(), tls: session(random) } : one();
    const want = decide(asked, table, NOBODY);
    const found = decide(asked, table, NOBODY, before);
    if (essence(want) !== essence(found))
      t.fail(`seed ${random.seed} round ${round}: ${essence(want)} became ${essence(found)}`);
    if (found.findings[0]?.side === 'sender' && found.findings[0] === before.findings[0]) spared++;
  }
  t.ok(spared > 1000, `seed ${random.seed}`);
});

/** The same row, asking for more. */
function stricter(random: Generator, row: Partial<Settings>): Partial<Settings> {
  const up = <T>(order: readonly T[], value: T): T =>
    order[Math.min(order.length - 1, order.indexOf(value) + 1)]!;
  switch (random.integer(6)) {
    case 0:
      return { ...row, receive: up(['none', 'may', 'encrypt', 'verify'], row.receive!) };
    case 1:
      return { ...row, minProtocol: up(['TLSv1', 'TLSv1.2', 'TLSv1.3'], row.minProtocol!) };
    case 2:
      return { ...row, minBits: up([0, 128, 256], row.minBits!) };
    case 3:
      return { ...row, denyCiphers: [...row.denyCiphers!, random.pick(['rc4', 'gcm', 'des'])] };
    case 4:
      return { ...row, violation: 'reject' };
    default:
      return { ...row, mode: 'enforce' };
  }
}

test('a stricter row never yields a laxer verdict', async (t) => {
  const random = generator();
  let harsher = 0;
  for (let round = 0; round < 20_000; round++) {
    const some = rows(random, ['defer', 'reject']);
    const asked = { ...question(random), unseenRecipients: random.integer(4) === 0 };
    const at = random.integer(some.length);
    const more = some.map(([pattern, row], i): RowOf => [pattern, i === at ? stricter(random, row) : row]);
    const before = decide(asked, tableOf(some), NOBODY);
    const after = decide(asked, tableOf(more), NOBODY);
    if (harshness(after) < harshness(before)) {
      t.fail(
        `seed ${random.seed} round ${round}: ${JSON.stringify(some[at])} to ${JSON.stringify(more[at])}: ${before.action} to ${after.action}, ${JSON.stringify(asked.tls)}`,
      );
    }
    if (harshness(after) > harshness(before)) harsher++;
  }
  t.ok(harsher > 500, `seed ${random.seed}: harsher ${harsher} times`);
});

test('a verdict on all recipients is the harshest of those on each', async (t) => {
  const random = generator();
  for (let round = 0; round < 5000; round++) {
    const table = tableOf(rows(random));
    const asked = question(random);
    const whole = decide(asked, table, NOBODY);
    const each = asked.recipients.map((recipient) =>
      decide({ ...asked, recipients: [recipient] }, table, NOBODY),
    );
    if (each.length === 0) continue;
    const worst = Math.max(...each.map(harshness));
    if (
      harshness(whole) !== worst ||
      combine(each).action !== whole.action ||
      combine(each).wouldBe !== whole.wouldBe
    ) {
      t.fail(`seed ${random.seed} round ${round}: ${whole.action}, but ${each.map((one) => one.action)}`);
    }
    const turned = decide({ ...asked, recipients: [...asked.recipients].reverse() }, table, NOBODY);
    if (
      turned.action !== whole.action ||
      turned.wouldBe !== whole.wouldBe ||
      turned.tagged !== whole.tagged
    ) {
      t.fail(`seed ${random.seed} round ${round}: the order of recipients matters`);
    }
  }
  t.pass(`seed ${random.seed}`);
});

test('unseen recipients are only waved through when any recipient would be', async (t) => {
  const random = generator();
  let waved = 0;
  for (let round = 0; round < 10_000; round++) {
    const table = tableOf(rows(random, ['defer', 'reject', 'hold']));
    const asked: Transaction = {
      ...question(random),
      sender: parsePath('<>'),
      recipients: [],
      stage: 'DATA',
    };
    if (decide({ ...asked, unseenRecipients: true }, table, NOBODY).action !== 'accept') continue;
    waved++;
    for (const domain of DOMAINS) {
      const one = decide({ ...asked, recipients: [parsePath(`<x@${domain}>`)] }, table, NOBODY);
      if (one.action !== 'accept')
        t.fail(
          `seed ${random.seed} round ${round}: ${one.action} for ${domain}, ${JSON.stringify(asked.tls)}`,
        );
    }
  }
  t.ok(waved > 500, `seed ${random.seed}: ${waved} waved through`);
});

test('a table of observing rows never touches mail', async (t) => {
  const random = generator();
  let would = 0;
  for (let round = 0; round < 5000; round++) {
    const table = tableOf(
      rows(random).map(([pattern, row]): RowOf => [pattern, { ...row, mode: 'observe' }]),
    );
    const verdict = decide({ ...question(random), unseenRecipients: random.integer(2) === 0 }, table, NOBODY);
    if (verdict.action !== 'accept' || verdict.tagged)
      t.fail(`seed ${random.seed} round ${round}: ${verdict.action}`);
    if (verdict.wouldBe !== null) would++;
  }
  t.ok(would > 500, `seed ${random.seed}: would have acted ${would} times`);
});

test('never throws, and always has words', async (t) => {
  const random = generator();
  for (let round = 0; round < 10_000; round++) {
    const odd = (): string => random.text(random.pick([3, 20, 200]));
    const tls: TlsState =
      random.integer(2) === 0
        ? session(random)
        : {
            kind: 'tls',
            protocol: odd(),
            cipher: odd(),
            bits: random.pick([null, 0, -1, Number.NaN]),
            certificate: { kind: 'trusted', commonName: odd(), issuer: odd(), fingerprints: [odd()] },
          };
    const asked: Transaction = {
      ...transaction(
        random.integer(9) === 0 ? null : odd(),
        Array.from({ length: random.integer(4) }, odd),
        tls,
      ),
      stage: random.pick([
        'CONNECT',
        'EHLO',
        'MAIL',
        'RCPT',
        'DATA',
        'END-OF-MESSAGE',
        'VRFY',
        'ETRN',
      ] as const),
      arrival: random.pick(['smtp', 'smtp', 'local'] as const),
      clientAddress: odd(),
      unseenRecipients: random.integer(3) === 0,
    };
    const verdict = decide(asked, tableOf(rows(random)), NOBODY);
    if (reasonsOf(verdict).length === 0) t.fail(`seed ${random.seed} round ${round}: no reason`);
    const { action, decisive } = verdict;
    if (action === 'defer' || action === 'reject') {
      const reply = replyFor(decisive!, action, tls, 'CODE');
      const right = action === 'reject' ? reply.code >= 500 : reply.code < 500;
      if (!right || !/^[ -~]+$/.test(reply.text))
        t.fail(`seed ${random.seed} round ${round}: ${JSON.stringify(reply)}`);
    } else if (action === 'hold' && decisive?.breach == null)
      t.fail(`seed ${random.seed} round ${round}: held for nothing`);
  }
  t.pass(`seed ${random.seed}`);
});
