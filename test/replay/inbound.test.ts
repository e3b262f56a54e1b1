/** Recorded answers by another table: what counts once, what is different, what cannot be told. */
import { test } from 'tap';
import type { VerdictEvidence } from '../../src/evidence/record.ts';
import { candidateOf } from '../../src/replay/candidate.ts';
import { Changes } from '../../src/replay/changes.ts';
import { Inbound } from '../../src/replay/inbound.ts';
import { type RowOf, tableOf } from '../core/buildTables.ts';
import { verdict } from '../trace/madeDays.ts';

const PLAIN = { state: 'plain' };

function at(second: number, fields: object): VerdictEvidence {
  const time = `2026-11-30T10:00:${String(second).padStart(2, '0')}.000Z`;
  return { v: 1, n: 0, host: 'mx', ...verdict(time), ...fields } as unknown as VerdictEvidence;
}

function replayed(rows: readonly RowOf[], records: readonly VerdictEvidence[], rules = 0) {
  const changes = new Changes();
  const inbound = new Inbound(candidateOf(tableOf(rows), { trustedClients: [] }, rules), changes);
  for (const record of records) inbound.add(record, 'place');
  const groups = changes.groups.map(
    ({ partner, kind, before, after, row, why, count }) =>
      `${partner} ${kind} ${count}: ${before} > ${after} ${row} ${why}`,
  );
  return { ...changes.totals.in, groups, inside: inbound.inside, contradicted: inbound.contradicted };
}

const RCPT = { protocol: 'policy', stage: 'RCPT', queueId: undefined };
const sent = (to: string, domain: string) => ({
  recipients: [to],
  recipientDomains: [domain],
  recipientCount: 1,
});

test('a stricter row refuses what came in plaintext, a laxer one takes what was refused', async (t) => {
  const records = [
    at(1, { tls: PLAIN }),
    at(2, {}),
    at(3, {
      tls: PLAIN,
      senderDomain: 'clinic.example',
      sender: '@clinic.example',
      action: 'reject',
      breach: 'plain',
    }),
    at(4, { notJudged: 'local' }),
  ];
  t.match(replayed([['bank.example', { receive: 'encrypt' }]], records), {
    unchanged: 1,
    changed: 2,
    unknown: 0,
    inside: 1,
    groups: [
      'bank.example rejected 1: accept > reject bank.example plain',
      'clinic.example accepted 1: reject > accept  ',
    ],
  });
  t.match(
    replayed([['bank.example', { receive: 'encrypt', mode: 'observe' }]], records).groups[1],
    /^bank\.example observed 1: accept > accept \(would reject\) bank\.example plain$/,
  );
});

test('several answers about one recipient count once', async (t) => {
  const whole = at(2, { tls: PLAIN });
  const asked = at(1, { ...RCPT, tls: PLAIN });
  const strict: RowOf[] = [['bank.example', { receive: 'encrypt' }]];
  t.match(replayed(strict, [asked, whole]), { changed: 1, unchanged: 0 });
  t.match(replayed([], [asked, whole]), { changed: 0, unchanged: 1 });
  t.match(replayed([], [asked, asked, whole]), { unchanged: 2 }, 'two messages, one of which went on');
  t.match(replayed([], [asked, at(2, sent('@other.example', 'other.example'))]), { unchanged: 2 });
  // the milter was told more: its answer is the one that counts
  const pin = { receive: 'verify', fingerprints: ['AA:01'], clientNames: ['x.example'] } as const;
  const tls = {
    state: 'tls',
    protocol: 'TLSv1.3',
    cipher: 'TLS_AES_256_GCM_SHA384',
    bits: 256,
    certificate: 'none',
  };
  t.match(replayed([['bank.example', pin]], [at(1, { ...RCPT, tls }), at(2, { tls })]), {
    changed: 1,
    unknown: 0,
  });
});

test('a message to several: those who would be refused, and the others', async (t) => {
  const many = at(1, {
    tls: PLAIN,
    recipients: ['@a.example', '@b.example', '@c.example'],
    recipientDomains: ['a.example', 'b.example', 'c.example'],
    recipientCount: 3,
  });
  const rows: RowOf[] = [
    ['a.example', { receive: 'encrypt' }],
    ['b.example', { receive: 'encrypt', violation: 'tag' }],
  ];
  t.match(replayed(rows, [many]), {
    changed: 3,
    groups: [
      'bank.example rejected 1: accept > reject a.example plain',
      'bank.example observed 2: accept > accept, tagged b.example plain',
    ],
  });
  const more = { ...many, recipientCount: 100 } as VerdictEvidence;
  t.match(replayed(rows, [more]), { changed: 3, unknown: 97 }, 'of whom only the domains are known');
  t.match(
    replayed([['bank.example', { receive: 'encrypt' }]], [more]),
    { changed: 3, unknown: 97 },
    'and each might be a bare <postmaster>, which is always accepted',
  );
});

test('what a record does not tell is not claimed', async (t) => {
  const hashed = at(1, { sender: 'h:2026-11:1Vv0q3n2bN7dXkTq@bank.example', tls: PLAIN });
  const one: RowOf[] = [['boss@bank.example', { receive: 'encrypt' }]];
  t.match(replayed(one, [hashed]), { unknown: 1, groups: ['bank.example unknown 1:  >   address'] });
  t.match(replayed(one, [at(1, { sender: 'Boss@bank.example', tls: PLAIN })]), { changed: 1 });
  t.match(replayed(one, [at(1, { sender: 'any@bank.example', tls: PLAIN })]), { unchanged: 1 });
  t.match(replayed(one, [at(1, {})]), { unchanged: 1 }, 'TLS does for every row');
  const issued: RowOf[] = [['bank.example', { receive: 'verify', clientIssuers: ['Example CA'] }]];
  const tls = {
    state: 'tls',
    protocol: 'TLSv1.3',
    cipher: 'TLS_AES_256_GCM_SHA384',
    bits: 256,
    certificate: 'trusted',
    commonName: 'mx.bank.example',
  };
  t.match(replayed(issued, [at(1, { tls })]), { unknown: 1, groups: [/certificate$/] });
  t.match(replayed(issued, [at(1, { tls: { ...tls, commonName: 'evil.example' } })]), { changed: 1 });
  t.match(replayed([['gov.example', { receive: 'encrypt' }]], [at(1, { ambiguous: true, tls: PLAIN })]), {
    unknown: 1,
  });
  t.match(replayed([], [at(1, { ambiguous: true, tls: PLAIN })]), { unchanged: 1 });
  t.match(replayed([], [at(1, { rule: 'secure', route: 'refused', action: 'reject' })]), { unknown: 1 });
  t.match(
    replayed(
      [['bank.example', { receive: 'verify' }]],
      [at(1, { rule: 'secure', route: 'held', action: 'hold' })],
    ),
    { changed: 1 },
  );
});

test('the table itself gives what it gave, or that is said', async (t) => {
  const same = { hash: '', generation: 1 };
  const rows: RowOf[] = [['bank.example', { receive: 'encrypt' }]];
  t.match(replayed(rows, [at(1, { tls: PLAIN, table: same })]), {
    contradicted: 1,
    changed: 0,
    unchanged: 0,
  });
  t.match(replayed(rows, [at(1, { table: same })]), { contradicted: 0, unchanged: 1 });
  t.match(
    replayed(
      [['boss@bank.example', { receive: 'encrypt' }]],
      [at(1, { tls: PLAIN, table: same, sender: '@bank.example' })],
    ),
    { unchanged: 1, unknown: 0 },
  );
});
