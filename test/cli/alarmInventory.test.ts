/** What the probes saw of partners' servers, as alarms: pins and records that broke, certificates that end. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { inventoryLook, PartnerInventory, seenOf } from '../../src/cli/alarmInventory.ts';
import type { Change, KnownServer, Partner } from '../../src/probe/inventory.ts';
import { inventoryFile, writeInventory } from '../../src/probe/inventoryFile.ts';

const NOW = Date.parse('2026-11-30T12:00:00Z');
const DAY = 86_400_000;
const WINDOW = 3_600_000;
const PIN = { kind: 'pin', text: 'AA:BB', breaksWith: 'key' } as const;
const TLSA = { kind: 'tlsa', text: '3 1 1 0123', breaksWith: 'key' } as const;

function at(ms: number): string {
  return new Date(ms).toISOString();
}

function server(fields: Partial<KnownServer> = {}): KnownServer {
  return {
    host: 'mx.bank.example',
    address: '192.0.2.25',
    protocol: 'TLSv1.3',
    subject: 'CN=mx.bank.example',
    issuer: 'CN=Bad\u202e CA',
    names: ['mx.bank.example'],
    notAfter: at(NOW + 60 * DAY),
    chainNotAfter: at(NOW + 60 * DAY),
    sha256: '00',
    keySha256: '11',
    since: at(NOW),
    seen: at(NOW),
    bindings: [],
    ...fields,
  };
}

function partner(fields: Partial<Partner> = {}): Partner {
  return {
    domain: 'bank.example',
    row: 'bank.example',
    level: 'secure',
    at: at(NOW),
    ends: 'sent',
    code: '',
    says: '',
    until: null,
    servers: [server()],
    changes: [],
    ...fields,
  };
}

const CHANGE: Change = {
  at: at(NOW),
  host: 'mx.bank.example',
  address: '192.0.2.25',
  what: 'issuer',
  from: 'CN=Old CA, until 2026-12-01',
  to: 'CN=New CA, until 2027-12-01',
  broke: [PIN, TLSA],
};

function look(partners: readonly Partner[], nowMs = NOW) {
  return inventoryLook(seenOf({ partners }), { days: 14, windowMs: WINDOW }, nowMs).conditions;
}

test('another certificate is an alarm when something does not fit it', async (t) => {
  t.strictSame(look([partner()]), []);
  t.strictSame(look([partner({ changes: [{ ...CHANGE, broke: [] }] })]), [], 'nothing broke');
  t.match(look([partner({ changes: [CHANGE] })]), [
    {
      kind: 'partner-pins',
      subject: 'bank.example',
      level: 'bad',
      since: NOW,
      summary:
        'bank.example: mx.bank.example [192.0.2.25] shows a certificate of another issuer (CN=Old CA, until 2026-12-01; now CN=New CA, until 2027-12-01), which does not fit pin AA:BB, TLSA 3 1 1 0123',
      domains: ['bank.example'],
      advice: ['tlsward probe bank.example', /telephone/, /pin/],
    },
  ]);
  const fits = [{ ...PIN, text: 'CC:DD' }];
  t.match(look([partner({ changes: [CHANGE], servers: [server({ bindings: fits })] })]), [
    { summary: /does not fit TLSA 3 1 1 0123$/ },
  ]);
  const both = [...fits, { ...TLSA, text: '3 1 1 4567' }];
  t.strictSame(look([partner({ changes: [CHANGE], servers: [server({ bindings: both })] })]), [], 'mended');
  t.strictSame(look([partner({ changes: [CHANGE], servers: [] })])[0]?.kind, 'partner-expiring', 'gone');
});

test('it goes on while mail would wait', async (t) => {
  const changed = partner({ changes: [CHANGE] });
  t.match(look([changed], NOW + WINDOW - 1), [{ level: 'bad' }]);
  t.match(look([changed], NOW + WINDOW), [{ level: 'good' }]);
  t.match(look([{ ...changed, ends: 'waits' }], NOW + WINDOW), [{ level: 'bad' }]);
  t.match(look([{ ...changed, ends: 'waits' }], NOW + 8 * DAY), [{ level: 'unknown' }]);
});

test('a certificate that ends soon', async (t) => {
  const ending = (days: number, more: Partial<KnownServer> = {}): Partner =>
    partner({
      servers: [server(), server({ address: '192.0.2.26', chainNotAfter: at(NOW + days * DAY), ...more })],
    });
  t.strictSame(look([ending(14)]), []);
  t.match(look([ending(13.5)]), [
    {
      kind: 'partner-expiring',
      subject: 'bank.example',
      level: 'bad',
      summary:
        'the certificate of bank.example at mx.bank.example [192.0.2.26], or one of its chain, ends on 2026-12-14, in 13 days; issuer: CN=Bad\\u{202e} CA',
    },
  ]);
  t.match(look([ending(-1)]), [{ level: 'bad', summary: /ended on 2026-11-29; / }]);
  t.match(look([ending(5)], NOW + 8 * DAY), [{ level: 'unknown' }], 'nobody has looked since');
  t.strictSame(look([ending(5, { seen: at(NOW - 8 * DAY) })]), [], 'a server that does not answer any more');
  t.match(look([partner({ servers: [] })]), [{ level: 'unknown' }]);
  t.match(look([ending(5, { chainNotAfter: 'never' })]), [], 'no time');
});

test('many at once are one', async (t) => {
  const many = (n: number): Partner[] =>
    Array.from({ length: n }, (_, i) =>
      partner({ domain: `d${i}.example`, servers: [server({ chainNotAfter: at(NOW + DAY) })] }),
    );
  t.equal(look(many(19)).filter(({ level }) => level === 'bad').length, 19);
  const found = look(many(20));
  t.match(
    found.filter(({ level }) => level === 'bad'),
    [{ subject: '', count: 20, summary: /^certificates of 20 partners; the first: .* d0\.example / }],
  );
  t.equal(found.filter(({ level }) => level === 'between').length, 20);
});

test('the file: absent, replaced, no inventory', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-inventory-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = inventoryFile(folder);
  const inventory = new PartnerInventory({ file, days: 14, windowMs: WINDOW });
  const none = { conditions: [], unjudged: ['partner-pins', 'partner-expiring'] };
  t.strictSame(inventory.look(NOW), { look: none, trouble: '' });
  await writeInventory(file, { v: 1, partners: [partner({ changes: [CHANGE] })] });
  t.match(inventory.look(NOW), {
    look: { conditions: [{ kind: 'partner-pins' }], unjudged: [] },
    trouble: '',
  });
  await writeInventory(file, { v: 1, partners: [partner()] });
  t.strictSame(inventory.look(NOW).look, { conditions: [], unjudged: [] });
  for (const [text, why] of [
    ['{', /certificates\.json: is no JSON/],
    ['{"v":2,"partners":[]}', /is no inventory of version 1/],
    ['{"v":1,"partners":[{"domain":"a.example","servers":[{}],"changes":[{}]}]}', /: is no inventory$/],
  ] as const) {
    writeFileSync(file, text);
    const found = inventory.look(NOW);
    t.strictSame(found.look, none);
    t.match(found.trouble, why);
    t.match(inventory.look(NOW).trouble, why, 'and again');
  }
  rmSync(file);
  t.strictSame(inventory.look(NOW), { look: none, trouble: '' });
});
