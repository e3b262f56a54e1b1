/**
 * What records and the daemon's answer amount to, kind by kind: when it is bad, when it is good again, and when nothing
 * is known.
 */
import { test } from 'tap';
import type { Condition, Kind, Look } from '../../src/alarms/condition.ts';
import { type Memory, NO_MEMORY, Watch } from '../../src/alarms/watch.ts';
import type { StatusReply } from '../../src/daemon/controlReplies.ts';
import { delivery, HASH, NOT_OFFERED, NOT_VERIFIED, other, PLAIN, verdict } from './records.ts';

const WINDOW = 3_600_000;
const SLOT = WINDOW / 6;
const SETTINGS = { windowMs: WINDOW, failures: 5, failureShare: 0.1, destinations: 5 };
const START = Date.parse('2026-11-30T12:00:00Z');
const NO_LOOK: Look = { conditions: [], unjudged: [] };

const STATUS = {
  ok: true,
  startedAt: '2026-11-30T00:00:00.000Z',
  table: { generation: 1, hash: HASH, rows: 1, loadedAt: '', overdue: [], lastReload: '', restartNeeded: [] },
  evidence: null,
  log: { dropped: 0, failure: '' },
} as unknown as StatusReply;

function watch(memory: Memory = NO_MEMORY): Watch {
  return new Watch(SETTINGS, memory);
}

function find(one: Watch, kind: Kind, nowMs: number, status: StatusReply = STATUS): Condition | undefined {
  return one.look({ status }, NO_LOOK, nowMs).conditions.find((condition) => condition.kind === kind);
}

test('partner-out: at least five, and more than a tenth', async (t) => {
  const one = watch();
  for (let i = 0; i < 4; i++)
    one.take(delivery(START + i, 'bank.example', { queueId: `Q${i}`, ...NOT_OFFERED }), true);
  t.match(find(one, 'partner-out', START), { level: 'between' });
  one.take(delivery(START + 4, 'bank.example', { queueId: 'Q4', ...NOT_OFFERED }), true);
  t.match(find(one, 'partner-out', START), {
    level: 'bad',
    subject: 'bank.example',
    count: 5,
    since: START,
    summary: /no STARTTLS offered \(5 of 5 messages\)/,
    advice: [
      /^tlsward trace Q4$/,
      /--partner bank.example/,
      /^tlsward except bank.example .*--deliver may .*# /,
    ],
  });
  for (let i = 5; i < 50; i++) one.take(delivery(START + i, 'bank.example', { queueId: `Q${i}` }), true);
  t.match(
    find(one, 'partner-out', START),
    { level: 'between', count: 5 },
    'a tenth is not more than a tenth',
  );
  for (let i = 50; i < 120; i++) one.take(delivery(START + i, 'bank.example', { queueId: `Q${i}` }), true);
  t.match(find(one, 'partner-out', START), { level: 'good' }, 'below half of it');
});

test('partner-out: a message counts once, and not at all when it was sent after all', async (t) => {
  const one = watch();
  for (let again = 0; again < 5; again++)
    for (let i = 0; i < 5; i++)
      one.take(delivery(START + again * SLOT, 'bank.example', { queueId: `Q${i}`, ...NOT_VERIFIED }), true);
  t.match(find(one, 'partner-out', START + 4 * SLOT), {
    level: 'bad',
    count: 5,
    summary: /5 of 5/,
    advice: [/^tlsward trace/, /^tlsward report/, /--deliver encrypt /],
  });
  t.match(find(one, 'partner-out', START + 9 * SLOT), { level: 'bad', count: 5 }, 'where it was tried last');
  for (let i = 0; i < 3; i++)
    one.take(delivery(START + 5 * SLOT, 'bank.example', { queueId: `Q${i}` }), true);
  t.match(find(one, 'partner-out', START + 5 * SLOT), { level: 'good', count: 2 });
  t.match(find(one, 'partner-out', START + 30 * SLOT), { level: 'unknown' }, 'nothing is known any more');
  t.ok(one.look(null, NO_LOOK, START).unjudged.includes('partner-out'));
});

test('partner-out: other failures say nothing about TLS', async (t) => {
  const one = watch();
  const unknownUser = { outcome: 'bounced', dsn: '5.1.1', reply: '550 5.1.1 no such user' } as const;
  for (let i = 0; i < 9; i++)
    one.take(delivery(START, 'bank.example', { queueId: `Q${i}`, ...unknownUser }), true);
  t.equal(find(one, 'partner-out', START), undefined);
  for (let i = 0; i < 5; i++)
    one.take(delivery(START, 'bank.example', { queueId: `R${i}`, ...NOT_VERIFIED }), false);
  t.equal(find(one, 'partner-out', START), undefined, 'nor do the records of other hosts');
});

test('partner-in: refused by a row in force', async (t) => {
  const one = watch();
  const required = { pattern: 'bank.example', at: 'tlsward.ini:9', level: 'encrypt', mode: 'enforce' };
  for (let i = 0; i < 9; i++) {
    one.take(
      verdict(START, 'watched.example', {
        ...PLAIN,
        action: 'accept',
        would: 'reject',
        row: { ...required, mode: 'observe' },
      }),
      true,
    );
    one.take(verdict(START, 'may.example', { ...PLAIN, row: { ...required, level: 'may' } }), true);
    one.take(verdict(START, 'put.example', { ...PLAIN, action: 'defer' }), true);
    one.take(verdict(START, 'bank.example', PLAIN), true);
  }
  const found = one.look(null, NO_LOOK, START).conditions.filter(({ kind }) => kind === 'partner-in');
  t.strictSame(
    found.filter(({ level }) => level === 'bad').map(({ subject, count }) => `${subject} ${count}`),
    ['bank.example 9'],
    'one that comes back after it was put off is the same message',
  );
  t.match(
    found.find(({ subject }) => subject === 'bank.example'),
    {
      summary: 'mail from bank.example is refused: plaintext (9 of 9 messages)',
      advice: [/^tlsward trace/, /^tlsward report/, /--receive may /],
    },
  );
  t.strictSame(one.failing(START), { in: 10, out: 0 });
});

test('partners-failing: many at once', async (t) => {
  const one = watch();
  const fail = (domain: string): void => {
    for (let i = 0; i < 5; i++)
      one.take(delivery(START, domain, { queueId: `${domain}${i}`, ...NOT_VERIFIED }), true);
  };
  t.match(find(one, 'partners-failing', START), { level: 'unknown' });
  for (let i = 0; i < 19; i++) fail(`p${i}.example`);
  t.match(find(one, 'partners-failing', START), { level: 'between' });
  fail('p19.example');
  t.match(find(one, 'partners-failing', START), {
    level: 'bad',
    count: 100,
    summary: /mail with 20 partners/,
  });
  for (let i = 0; i < 11; i++)
    for (let j = 0; j < 5; j++)
      one.take(delivery(START, `p${i}.example`, { queueId: `p${i}.example${j}` }), true);
  t.match(find(one, 'partners-failing', START), { level: 'good' });
});

test('partner-out: failures alone are never good, however few', async (t) => {
  const one = watch();
  for (let i = 0; i < 6; i++)
    one.take(
      delivery(START + (i < 5 ? 0 : SLOT), 'bank.example', { queueId: `Q${i}`, ...NOT_OFFERED }),
      true,
    );
  t.match(find(one, 'partner-out', START + SLOT), { level: 'bad', count: 6 });
  t.match(find(one, 'partner-out', START + 6 * SLOT), { level: 'between', count: 1 }, 'only a retry is left');
  one.take(delivery(START + 6 * SLOT, 'bank.example', { queueId: 'R' }), true);
  t.match(find(one, 'partner-out', START + 6 * SLOT), { level: 'good', count: 1 });
});

test('starttls-stripped: few destinations that are all lost say nothing good', async (t) => {
  const one = watch();
  for (let i = 0; i < 6; i++) {
    const relay = { host: `mx.site${i}.example`, address: `198.${i}.0.1`, port: 25 };
    const at = i < 5 ? START : START + 3 * SLOT;
    one.take(delivery(at, `d${i}.example`, { queueId: `Q${i}`, ...NOT_OFFERED, relay }), true);
  }
  t.match(find(one, 'starttls-stripped', START + 3 * SLOT), { level: 'bad', count: 6 });
  t.match(find(one, 'starttls-stripped', START + 7 * SLOT), { level: 'between', count: 1 });
});

test('starttls-stripped: unrelated destinations, most of those that had TLS', async (t) => {
  const domains = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `${name}.example`);
  const relay = (i: number) => ({
    relay: { host: `mx.site${i}.example`, address: `198.${i}.0.1`, port: 25 },
  });
  const had = watch();
  for (const [i, domain] of domains.entries())
    had.take(delivery(START, domain, { queueId: 'Q', ...relay(i) }), true);
  t.match(find(had, 'starttls-stripped', START), { level: 'good' });
  const { memory } = had;
  t.equal(memory.hadTls.length, 6);
  const later = START + 24 * WINDOW;
  const one = watch(JSON.parse(JSON.stringify(memory)));
  t.match(find(one, 'starttls-stripped', later), { level: 'unknown' });
  const plain = { tls: { state: 'plain', how: 'joined' } } as const;
  for (const [i, domain] of domains.slice(0, 4).entries())
    one.take(delivery(later, domain, { queueId: 'Q', ...plain, ...relay(i) }), true);
  t.match(find(one, 'starttls-stripped', later), { level: 'between' }, 'four of five');
  one.take(delivery(later, domains[4]!, { queueId: 'Q', ...NOT_OFFERED, ...relay(4) }), true);
  t.match(find(one, 'starttls-stripped', later), {
    level: 'bad',
    severity: 'critical',
    count: 5,
    summary: /your own network strips STARTTLS: 5 of 5/,
  });
  for (const [i, domain] of domains.slice(0, 3).entries())
    one.take(delivery(later + 1, domain, { queueId: 'R', ...relay(i) }), true);
  t.match(find(one, 'starttls-stripped', later + 1), { level: 'good' });
  const provider = watch(memory);
  for (const domain of domains)
    provider.take(delivery(later, domain, { queueId: 'Q', ...plain, ...relay(1) }), true);
  t.match(
    find(provider, 'starttls-stripped', later),
    { level: 'between', count: 6 },
    'one provider is one cause',
  );
  const never = watch();
  for (const [i, domain] of domains.entries())
    never.take(delivery(later, domain, { queueId: 'Q', ...plain, ...relay(i) }), true);
  t.match(
    find(never, 'starttls-stripped', later),
    { level: 'unknown' },
    'of who never had it nothing was taken',
  );
});

test('partner-certificate: another digest under the same name', async (t) => {
  const shown = (fingerprint: string, commonName = 'mx.gov.example') => ({
    tls: { state: 'tls', certificate: 'trusted', commonName, fingerprint } as const,
    row: { pattern: 'gov.example', at: 'x:1', level: 'verify', mode: 'enforce' },
  });
  const one = watch();
  one.take(verdict(START, 'gov.example', shown('AA:AA')), true);
  one.take(verdict(START, 'gov.example', shown('BB:BB', 'mx2.gov.example')), true);
  t.equal(find(one, 'partner-certificate', START), undefined, 'the first, and that of another server');
  const again = watch(JSON.parse(JSON.stringify(one.memory)));
  const later = START + 48 * WINDOW;
  again.take(verdict(later, 'gov.example', shown('CC:CC')), true);
  t.match(find(again, 'partner-certificate', later), {
    level: 'bad',
    subject: 'gov.example',
    summary: /CC:CC/,
  });
  for (const old of ['AA:AA', 'CC:CC']) again.take(verdict(later, 'gov.example', shown(old)), true);
  t.match(find(again, 'partner-certificate', later + WINDOW), { level: 'good' }, 'told for one window');
  const restarted = watch(JSON.parse(JSON.stringify(again.memory)));
  t.match(find(restarted, 'partner-certificate', later + WINDOW), { level: 'good' }, 'and after a restart');
  const muchLater = watch(again.memory);
  const end = later + 20 * WINDOW;
  t.match(find(muchLater, 'partner-certificate', end), { level: 'good' }, 'also when it was long away');
  t.equal(find(muchLater, 'partner-certificate', end + WINDOW), undefined, 'for one window');
  t.ok(
    watch().look(null, NO_LOOK, START).unjudged.includes('partner-certificate'),
    'a restart does not know of deliveries before its window',
  );
});

test('partner-certificate: what deliveries say of the server', async (t) => {
  for (const [reply, peer, words] of [
    ['Server certificate not verified', 'untrusted', 'certificate of an untrusted issuer'],
    ['Server certificate not verified', 'trusted', 'certificate of another name'],
    ['Server certificate not trusted: certificate has expired', undefined, 'certificate expired'],
  ] as const) {
    const one = watch();
    const tls = { state: 'tls', ...(peer === undefined ? {} : { peer }) } as const;
    one.take(
      delivery(START, 'law.example', { queueId: 'Q', outcome: 'deferred', dsn: '4.7.5', reply, tls }),
      true,
    );
    t.match(find(one, 'partner-certificate', START), { level: 'bad', summary: new RegExp(words) });
    one.take(
      delivery(START, 'law.example', { queueId: 'R', tls: { state: 'tls', peer: 'untrusted' } }),
      true,
    );
    t.match(find(one, 'partner-certificate', START), { level: 'bad' }, 'a session that proves nothing');
    one.take(delivery(START, 'law.example', { queueId: 'R' }), true);
    t.match(find(one, 'partner-certificate', START), { level: 'good' });
  }
});

test('refusals-after-reload', async (t) => {
  const one = watch();
  const fill = (at: number, refused: number, all: number): void => {
    for (let i = 0; i < all; i++) one.take(verdict(at + i, 'bank.example', i < refused ? PLAIN : {}), true);
  };
  fill(START - SLOT, 1, 50);
  t.equal(find(one, 'refusals-after-reload', START), undefined);
  one.take(other(START, { type: 'reload', ok: true, table: { hash: HASH, generation: 2 } }), true);
  t.match(find(one, 'refusals-after-reload', START), { level: 'unknown' });
  fill(START + 1000, 8, 20);
  const { getHours, getMinutes } = Date.prototype;
  const date = new Date(START);
  const time = [getHours.call(date), getMinutes.call(date)].map((n) => String(n).padStart(2, '0')).join(':');
  t.match(find(one, 'refusals-after-reload', START + 2000), {
    level: 'bad',
    subject: 'mx',
    count: 8,
    since: START,
    summary: `since the reload of ${time} more mail is refused on mx: 40 % of 20 answers, before it 2 %`,
  });
  one.take(other(START + 3000, { type: 'reload', ok: true, table: { hash: HASH, generation: 3 } }), true);
  fill(START + 4000, 0, 30);
  t.match(find(one, 'refusals-after-reload', START + 5000), { level: 'good' });
});

test('table-differs: the last table of each host', async (t) => {
  const one = watch();
  one.take(verdict(START, 'a.example'), true);
  t.equal(find(one, 'table-differs', START), undefined, 'one host');
  const start = { type: 'start', version: '1', node: '22', host: 'mx2' };
  one.take(other(START, { ...start, table: { hash: HASH, generation: 1 } }), false);
  t.match(find(one, 'table-differs', START), { level: 'good' });
  one.take(other(START + 1, { ...start, table: { hash: 'b'.repeat(64), generation: 1 } }), false);
  t.match(find(one, 'table-differs', START), {
    level: 'bad',
    summary: /mx a{12}, mx2 b{12}/,
    domains: ['mx', 'mx2'],
  });
  t.equal(
    find(one, 'table-differs', START + 48 * WINDOW),
    undefined,
    'who is silent for a day is not compared',
  );
  const unjudged = one.look(null, NO_LOOK, START + 48 * WINDOW).unjudged;
  t.ok(unjudged.includes('table-differs'), 'a host alone proves no agreement');
  t.notOk(one.look(null, NO_LOOK, START).unjudged.includes('table-differs'));
});

test('log-lost: the rate limit of a logger, and lines of the daemon', async (t) => {
  const one = watch();
  const gap = {
    type: 'gap',
    from: new Date(START).toISOString(),
    to: new Date(START).toISOString(),
    count: 9,
  };
  one.take(other(START, { ...gap, why: 'the writer ended' }), true);
  t.equal(find(one, 'log-lost', START), undefined);
  one.take(
    other(START, { ...gap, why: 'systemd-journald: Suppressed 9 messages from postfix@-.service' }),
    true,
  );
  t.match(find(one, 'log-lost', START), { level: 'bad', subject: 'mx', summary: /Suppressed 9/ });
  t.equal(find(one, 'log-lost', START + WINDOW), undefined, 'told for one window');
  const dropped = { ...STATUS, log: { dropped: 3, failure: '' } } as StatusReply;
  t.match(find(one, 'log-lost', START + WINDOW, dropped), { level: 'bad', subject: '', summary: /3 lines/ });
  t.match(find(one, 'log-lost', START + 2 * WINDOW - 1, dropped), { level: 'bad' });
  t.equal(find(one, 'log-lost', START + 2 * WINDOW, dropped), undefined, 'no more were');
});

test('a restart remembers what the last window does not tell', async (t) => {
  const before = watch();
  const fill = (one: Watch, at: number, refused: number): void => {
    for (let i = 0; i < 20; i++) one.take(verdict(at + i, 'bank.example', i < refused ? PLAIN : {}), true);
  };
  const reload = other(START, { type: 'reload', ok: true, table: { hash: HASH, generation: 2 } });
  fill(before, START - SLOT, 4);
  before.take(reload, true);
  fill(before, START + 1, 10);
  const start = { type: 'start', version: '1', node: '22', host: 'mx2' };
  before.take(other(START, { ...start, table: { hash: 'b'.repeat(64), generation: 1 } }), false);
  const expired = {
    outcome: 'deferred',
    dsn: '4.7.5',
    reply: 'Server certificate not trusted: certificate has expired',
  } as const;
  before.take(delivery(START, 'law.example', { queueId: 'Q', ...expired }), true);
  const dropped = { ...STATUS, log: { dropped: 3, failure: '' } } as StatusReply;
  const first = find(before, 'refusals-after-reload', START + 100, dropped);
  t.match(first, { level: 'between', summary: /50 % of 20 answers, before it 20 %/ });

  const saved = JSON.parse(JSON.stringify(before.memory)) as Memory;
  const again = watch(saved);
  again.take(reload, true);
  fill(again, START + 1, 10);
  again.take(delivery(START, 'law.example', { queueId: 'Q', ...expired }), true);
  t.strictSame(find(again, 'refusals-after-reload', START + 100, dropped), first, 'the window before it');
  t.match(find(again, 'table-differs', START + 100, dropped), { level: 'bad' }, 'hosts that are silent');

  const later = START + 2 * WINDOW;
  const long = watch(saved);
  t.match(find(long, 'partner-certificate', later, dropped), { level: 'bad', subject: 'law.example' });
  t.equal(find(long, 'log-lost', later, dropped), undefined, 'the same three lines');
  const more = { ...STATUS, log: { dropped: 4, failure: '' } } as StatusReply;
  t.match(find(long, 'log-lost', later, more), { level: 'bad' });
  fill(long, later, 1);
  t.match(find(long, 'refusals-after-reload', later + 100, more), { level: 'good' });
});

test('what the daemon says of itself', async (t) => {
  const one = watch();
  const table = {
    ...STATUS.table,
    lastReload: 'refused: tlsward.ini:3',
    overdue: ['x.ini:1: [exception a.example]'],
  };
  const kept = {
    directory: '/e',
    failure: 'ENOSPC at write',
    onFailure: 'defer',
    waitingBytes: 0,
    lastSyncMs: 0,
  };
  const status = { ...STATUS, table, evidence: kept } as unknown as StatusReply;
  const found = one.look({ status }, NO_LOOK, START).conditions.filter(({ level }) => level === 'bad');
  t.match(
    found.map(({ kind, severity }) => `${kind} ${severity}`),
    ['evidence critical', 'reload-refused warning', 'exception-expired warning'],
  );
  const lagging = { ...kept, failure: '', waitingBytes: 10, lastSyncMs: START - 61_000 };
  t.match(find(one, 'evidence', START, { ...STATUS, evidence: lagging } as unknown as StatusReply), {
    severity: 'warning',
    summary: /10 bytes wait for the disk since 61 s/,
  });
  const down = one.look({ error: 'cannot reach it' }, NO_LOOK, START);
  t.match(down.conditions[0], { kind: 'daemon-down', severity: 'critical', summary: /cannot reach it/ });
  for (const kind of ['evidence', 'reload-refused', 'exception-expired', 'log-lost'] as const)
    t.ok(down.unjudged.includes(kind), `${kind} is not known then`);
  t.ok(one.look(null, NO_LOOK, START).unjudged.includes('daemon-down'), 'without a control socket');
});
