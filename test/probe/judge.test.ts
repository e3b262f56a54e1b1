/** What each level comes to with each kind of sighting: the table of judge.ts, and what DANE makes of its own levels. */
import t from 'tap';
import type { AnsweredLevel } from '../../src/core/settings.ts';
import type { HostTlsa } from '../../src/dns/dane.ts';
import { judge, type MtaRules, type Outcome, type Question } from '../../src/probe/judge.ts';
import type { Sighting } from '../../src/probe/sighting.ts';

const RULES: MtaRules = {
  verifyMatch: ['hostname'],
  secureMatch: ['nexthop', 'dot-nexthop'],
  insecureMx: 'dane',
  dnssec: true,
  families: ['ipv4', 'ipv6'],
  first: null,
};

function seen(reached: Sighting['reached']): Sighting {
  return { reached, steps: [], injected: 0, extensions: [] };
}

const session = (distrust: string) =>
  seen({
    kind: 'tls',
    session: { protocol: 'TLSv1.3', cipher: 'x', bits: 256, chain: [], shown: 0, distrust },
  });

const SEEN: Readonly<Record<string, Sighting>> = {
  closed: seen({ kind: 'unreachable', why: 'connection refused', here: false }),
  silent: seen({ kind: 'broken', why: 'no answer within 30 s' }),
  busy: seen({ kind: 'unwilling', reply: { code: 421, lines: ['4.3.2 busy'] } }),
  plain: seen({ kind: 'plain' }),
  refused: seen({ kind: 'refused', reply: { code: 454, lines: ['4.7.0 not now'] } }),
  garbled: seen({ kind: 'failed', why: 'wrong version number', silent: false }),
  trusted: session(''),
  self: session('DEPTH_ZERO_SELF_SIGNED_CERT'),
};

const USABLE: HostTlsa = {
  kind: 'records',
  name: 'mx.bank.example',
  records: [{ usage: 3, selector: 1, matching: 1, data: new Uint8Array(32) }],
};
const UNUSABLE: HostTlsa = {
  kind: 'records',
  name: 'mx.bank.example',
  records: [{ usage: 1, selector: 1, matching: 1, data: new Uint8Array(32) }],
};

function outcome(
  level: AnsweredLevel,
  sighting: Sighting,
  more: Partial<Question> = {},
  tlsa?: HostTlsa,
): Outcome {
  return judge({
    demand: { level, match: [] },
    host: {
      preference: 10,
      name: 'mx.bank.example',
      addresses: ['192.0.2.1'],
      trouble: '',
      absent: false,
      tlsa: tlsa ?? { kind: 'none' },
    },
    mx: 'signed',
    nexthop: 'bank.example',
    rules: RULES,
    sighting,
    named: null,
    sni: false,
    now: 0,
    ...more,
  });
}

function short(found: Outcome): string {
  if (found.kind === 'sent') return found.how[0]!.toUpperCase();
  return found.kind === 'waits' ? found.code : '?';
}

t.test('levels', async (t) => {
  // a trusted chain without a certificate that can be read has no name either
  const table = `
    level       closed silent busy  plain refused garbled trusted self
    none        4.4.1  4.4.2  4.3.2 P     P       P       P       P
    may         4.4.1  4.4.2  4.3.2 P     P       4.7.5   T       U
    encrypt     4.4.1  4.4.2  4.3.2 4.7.4 4.7.0   4.7.5   T       U
    verify      4.4.1  4.4.2  4.3.2 4.7.4 4.7.0   4.7.5   4.7.5   4.7.5
    secure      4.4.1  4.4.2  4.3.2 4.7.4 4.7.0   4.7.5   4.7.5   4.7.5
    fingerprint 4.4.1  4.4.2  4.3.2 4.7.4 4.7.0   4.7.5   4.7.5   4.7.5
    dane        4.4.1  4.4.2  4.3.2 P     P       4.7.5   T       U
    dane-only   4.7.5  4.7.5  4.7.5 4.7.5 4.7.5   4.7.5   4.7.5   4.7.5
  `;
  const [head = '', ...rows] = table.trim().split('\n');
  const kinds = head.trim().split(/ +/).slice(1);
  for (const row of rows) {
    const [level = '', ...cells] = row.trim().split(/ +/);
    for (const [i, kind] of kinds.entries())
      t.equal(short(outcome(level as AnsweredLevel, SEEN[kind]!)), cells[i], `${level}, ${kind}`);
  }
});

t.test('DANE', async (t) => {
  const { self, plain } = SEEN as { self: Sighting; plain: Sighting };
  const is = (
    want: string,
    level: AnsweredLevel,
    sighting: Sighting,
    tlsa: HostTlsa,
    more: Partial<Question> = {},
  ) => t.equal(short(outcome(level, sighting, more, tlsa)), want, `${level} ${tlsa.kind}`);
  is('4.7.5', 'dane', self, USABLE);
  is('4.7.4', 'dane', plain, USABLE);
  is('4.7.4', 'dane-only', plain, USABLE);
  is('U', 'dane', self, UNUSABLE);
  is('4.7.4', 'dane', plain, UNUSABLE);
  is('4.7.5', 'dane-only', self, UNUSABLE);
  is('?', 'dane', self, { kind: 'unknown', why: 'SERVFAIL' });
  is('U', 'encrypt', self, { kind: 'unknown', why: 'SERVFAIL' });
  const unsigned = { mx: 'unsigned' } as const;
  is('4.7.5', 'dane-only', self, USABLE, unsigned);
  is('4.7.5', 'dane', self, USABLE, unsigned);
  is('U', 'dane', self, USABLE, { ...unsigned, rules: { ...RULES, insecureMx: 'may' } });
  is('4.7.4', 'dane', plain, USABLE, { ...unsigned, rules: { ...RULES, insecureMx: 'encrypt' } });
  const blind = { rules: { ...RULES, dnssec: false } };
  is('U', 'dane', self, USABLE, blind);
  is('4.7.5', 'dane-only', self, USABLE, blind);
});

t.test('the name is sent only where Postfix sends it', async (t) => {
  const named = seen({ kind: 'failed', why: 'unrecognized name', silent: false });
  const { trusted } = SEEN as { trusted: Sighting };
  t.equal(short(outcome('encrypt', trusted, { named })), 'T');
  t.equal(short(outcome('encrypt', trusted, { named, sni: true })), '4.7.5');
  t.equal(short(outcome('may', trusted, { named, sni: true })), 'T');
  t.equal(short(outcome('dane', trusted, { named }, USABLE)), '4.7.5');
});
