/** What is kept of a partner, what counts as a change, and what stays within its limits. */
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import {
  EMPTY,
  type Inventory,
  MAX_PARTNERS,
  type Partner,
  updatedInventory,
  updatedPartner,
} from '../../src/probe/inventory.ts';
import { inventoryFile, readInventory, writeInventory } from '../../src/probe/inventoryFile.ts';
import type { AddressReport, ProbeReport } from '../../src/probe/report.ts';

interface Shown {
  readonly sha256: string;
  readonly key?: string;
  readonly issuer?: string;
  readonly tlsa?: string;
  readonly pins?: AddressReport['pins'];
}

/** A report on `mx.bank.example`; null: it did not answer. */
function report(at: string, shown: Shown | null, host = 'mx.bank.example'): ProbeReport {
  const leaf = {
    subject: 'CN=mx.bank.example',
    issuer: shown?.issuer ?? 'CN=R3',
    names: Array.from({ length: 30 }, (_, i) => `mx${i}.bank.example`),
    notBefore: '2026-11-01T00:00:00.000Z',
    notAfter: '2027-01-30T00:00:00.000Z',
    sha256: shown?.sha256 ?? '',
    keySha256: shown?.key ?? 'K1',
  };
  const issuer = { ...leaf, subject: 'CN=R3', issuer: 'CN=Root', notAfter: '2026-12-24T00:00:00.000Z' };
  return {
    target: 'bank.example',
    port: 25,
    at,
    mx: { kind: 'signed', why: '', more: 0 },
    trust: '',
    hosts: [
      {
        host,
        preference: 10,
        trouble: '',
        tlsa: [],
        addresses: [
          {
            address: '192.0.2.1',
            own: false,
            checks: [],
            protocol: shown === null ? null : 'TLSv1.3',
            cipher: null,
            chain: shown === null ? [] : [leaf, issuer],
            tlsa: shown?.tlsa ?? null,
            pins: shown?.pins ?? [],
          },
        ],
      },
    ],
    levels: [],
    row: {
      row: 'deliver = secure of bank.example (t.ini:1)',
      level: 'secure',
      ends: 'sent',
      how: 'verified',
      code: '',
      says: 'the name mx0.bank.example',
      host,
      until: '2026-12-24T00:00:00.000Z',
      varies: false,
    },
    closing: '',
  };
}

const DAYS = ['2026-11-28T00:00:00.000Z', '2026-11-29T00:00:00.000Z', '2026-11-30T00:00:00.000Z'] as const;

test('a partner over some days', async (t) => {
  const first = updatedPartner(undefined, 'bank.example', report(DAYS[0], { sha256: 'C1' }));
  t.same(first.changes, [], 'what is new has not changed');
  const [server] = first.partner.servers;
  t.match(server, { since: DAYS[0], seen: DAYS[0], chainNotAfter: '2026-12-24T00:00:00.000Z', sha256: 'C1' });
  t.equal(server?.names.length, 20);
  t.match(first.partner, { domain: 'bank.example', level: 'secure', ends: 'sent', at: DAYS[0] });

  const same = updatedPartner(first.partner, 'bank.example', report(DAYS[1], { sha256: 'C1' }));
  t.same(same.changes, []);
  t.match(same.partner.servers[0], { since: DAYS[0], seen: DAYS[1] });

  const silent = updatedPartner(same.partner, 'bank.example', report(DAYS[2], null));
  t.match(silent.partner.servers, [{ sha256: 'C1', seen: DAYS[1] }], 'no answer is no change');

  const moved = updatedPartner(
    same.partner,
    'bank.example',
    report(DAYS[2], { sha256: 'C9' }, 'other.bank.example'),
  );
  t.same(
    moved.partner.servers.map(({ host }) => host),
    ['other.bank.example'],
    'a host that is gone goes',
  );
  t.same(moved.changes, [], 'another host is no change of this one');
});

test('changes, and what they break', async (t) => {
  const bound = {
    sha256: 'C1',
    tlsa: '3 1 1 0123456789abcdef...',
    pins: [{ digest: 'AA:BB', of: 'certificate' }] as const,
  };
  const { partner } = updatedPartner(undefined, 'bank.example', report(DAYS[0], bound));
  t.same(partner.servers[0]?.bindings, [
    { kind: 'pin', text: 'AA:BB', breaksWith: 'certificate' },
    { kind: 'tlsa', text: '3 1 1 0123456789abcdef...', breaksWith: 'key' },
  ]);
  const after = (shown: Shown) => updatedPartner(partner, 'bank.example', report(DAYS[1], shown)).changes;
  t.match(after({ sha256: 'C2', tlsa: bound.tlsa }), [{ what: 'certificate', broke: [{ kind: 'pin' }] }]);
  t.match(after({ sha256: 'C2', key: 'K2' }), [{ what: 'key', broke: [{ kind: 'pin' }, { kind: 'tlsa' }] }]);
  const [issuer] = after({ ...bound, sha256: 'C2', key: 'K2', issuer: 'CN=Other' });
  t.match(issuer, {
    at: DAYS[1],
    what: 'issuer',
    from: 'CN=R3, until 2027-01-30',
    to: 'CN=Other, until 2027-01-30',
    broke: [],
  });
  for (const [record, breaksWith] of [
    ['3 0 1 ab', 'certificate'],
    ['2 1 1 ab', 'issuer'],
    ['2 0 1 ab', 'issuer'],
  ] as const) {
    const found = updatedPartner(undefined, 'bank.example', report(DAYS[0], { sha256: 'C1', tlsa: record }));
    t.match(found.partner.servers[0]?.bindings, [{ breaksWith }], record);
  }
  let kept: Partner = partner;
  for (let i = 0; i < 15; i++)
    kept = updatedPartner(kept, 'bank.example', report(DAYS[1], { sha256: `D${i}` })).partner;
  t.equal(kept.changes.length, 10);
});

test('all of them', async (t) => {
  const one = (domain: string, at: string): Partner => ({
    ...updatedPartner(undefined, domain, report(at, null)).partner,
    at,
  });
  const before: Inventory = { v: 1, partners: [one('a.example', DAYS[0]), one('b.example', DAYS[0])] };
  const after = updatedInventory(before, [one('b.example', DAYS[1])], new Set(['b.example', 'c.example']));
  t.same(
    after.partners.map(({ domain, at }) => `${domain} ${at}`),
    [`b.example ${DAYS[1]}`],
  );
  const many = Array.from({ length: MAX_PARTNERS + 10 }, (_, i) =>
    one(`d${i}.example`, DAYS[i < 10 ? 0 : 1]),
  );
  const full = updatedInventory(EMPTY, many, new Set(many.map(({ domain }) => domain)));
  t.equal(full.partners.length, MAX_PARTNERS);
  t.notOk(
    full.partners.some(({ domain }) => domain === 'd3.example'),
    'the oldest go',
  );
});

test('the file', async (t) => {
  const state = mkdtempSync(join(tmpdir(), 'tlsward-'));
  t.teardown(() => rmSync(state, { recursive: true }));
  const file = inventoryFile(state);
  t.same(readInventory(file), EMPTY, 'there is none yet');
  const { partner } = updatedPartner(undefined, 'bank.example', report(DAYS[0], { sha256: 'C1' }));
  await writeInventory(file, { v: 1, partners: [partner] });
  t.same(readInventory(file), { v: 1, partners: [partner] });
  t.same(readdirSync(join(state, 'probe')), ['certificates.json']);
  t.equal(statSync(file).mode & 0o777, 0o600);
  for (const text of ['', '{', '[]', '{"v":2,"partners":[]}', '{"v":1}', '{"v":1,"partners":[null]}']) {
    writeFileSync(file, text);
    t.throws(() => readInventory(file), /move it away to begin again/, text);
  }
  rmSync(file);
  chmodSync(state, 0o755);
  writeFileSync(join(state, 'a file'), '');
  await t.rejects(writeInventory(inventoryFile(join(state, 'a file')), EMPTY), { code: 'ENOTDIR' });
});
