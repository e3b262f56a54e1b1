/** What a level comes to for a domain of several hosts and addresses. */
import t from 'tap';
import type { AnsweredLevel } from '../../src/core/settings.ts';
import type { MailHosts } from '../../src/probe/hosts.ts';
import type { MtaRules } from '../../src/probe/judge.ts';
import { plainDemand, verdictOf } from '../../src/probe/levels.ts';
import type { Probed, SeenAddress } from '../../src/probe/probe.ts';
import type { Sighting } from '../../src/probe/sighting.ts';

const RULES: MtaRules = {
  verifyMatch: ['hostname'],
  secureMatch: ['nexthop'],
  insecureMx: 'dane',
  dnssec: true,
  families: ['ipv4', 'ipv6'],
  first: null,
};

const REACHED: Readonly<Record<string, Sighting['reached']>> = {
  plain: { kind: 'plain' },
  tls: {
    kind: 'tls',
    session: { protocol: 'TLSv1.3', cipher: 'x', bits: 256, chain: [], shown: 0, distrust: '' },
  },
  closed: { kind: 'unreachable', why: 'connection refused', here: false },
  away: { kind: 'unreachable', why: 'this host has no way to that network', here: true },
};

/** `10 plain`, `20 tls 6away`: hosts with their preference and what each address shows; those with a 6 are of IPv6. */
function domain(...hosts: string[]): Probed {
  const seen = hosts.map((text, i) => {
    const [preference = '', ...kinds] = text.split(' ');
    const addresses = kinds.map((kind, j): SeenAddress => {
      const sighting = { reached: REACHED[kind.replace('6', '')]!, steps: [], injected: 0, extensions: [] };
      const address = kind.startsWith('6') ? `2001:db8::${10 * i + j}` : `192.0.2.${10 * i + j}`;
      return { address, sighting, named: null, floored: null, offers: null };
    });
    const host = {
      preference: Number(preference),
      name: `mx${i}.bank.example`,
      addresses: addresses.map(({ address }) => address),
      trouble: kinds.length === 0 ? 'it has no address' : '',
      absent: kinds.length === 0,
      tlsa: { kind: 'none' } as const,
    };
    return { host, addresses };
  });
  const found: MailHosts = { kind: 'hosts', hosts: seen.map(({ host }) => host), mx: 'signed', more: 0 };
  return { destination: { name: 'bank.example', isHost: false, port: 25 }, found, hosts: seen };
}

function ends(
  level: AnsweredLevel,
  probed: Probed,
  onlyHosts: ((name: string) => boolean) | null = null,
  rules: Partial<MtaRules> = {},
): string {
  const demand = { ...plainDemand(level), onlyHosts };
  const { outcome, host, varies } = verdictOf(probed, demand, { ...RULES, ...rules }, 0);
  const how = outcome.kind === 'sent' ? outcome.how : outcome.kind === 'waits' ? outcome.code : outcome.kind;
  return `${how} ${host.slice(0, 3)}${varies ? ' varies' : ''}`.trim();
}

t.test('hosts by preference', async (t) => {
  t.equal(ends('may', domain('10 plain', '20 tls')), 'plain mx0');
  t.equal(ends('encrypt', domain('10 plain', '20 tls')), 'trusted mx1');
  t.equal(ends('encrypt', domain('10 closed', '20 tls')), 'trusted mx1');
  t.equal(ends('encrypt', domain('10', '20 tls')), 'trusted mx1');
  t.equal(ends('encrypt', domain('10 closed', '20 plain')), '4.7.4 mx1', 'the last one says why');
  t.equal(ends('may', domain('10')), '5.4.4 mx0');
});

t.test('hosts and addresses of the same rank', async (t) => {
  t.equal(ends('may', domain('10 plain', '10 tls')), 'plain mx0 varies');
  t.equal(ends('may', domain('10 tls plain')), 'plain mx0 varies');
  t.equal(ends('encrypt', domain('10 tls plain')), 'trusted mx0 varies');
  t.equal(ends('may', domain('10 tls tls')), 'trusted mx0');
  t.equal(ends('may', domain('10 tls away')), 'trusted mx0', 'a family that this host has not');
  t.equal(ends('may', domain('10 away')), '4.4.1 mx0');
});

t.test('families of addresses', async (t) => {
  const is = (want: string, level: AnsweredLevel, hosts: readonly string[], rules: Partial<MtaRules>) =>
    t.equal(ends(level, domain(...hosts), null, rules), want, `${level} ${hosts} ${JSON.stringify(rules)}`);
  is('plain mx0 varies', 'may', ['10 tls 6plain'], {});
  is('trusted mx0', 'may', ['10 tls 6plain'], { first: 'ipv4' });
  is('plain mx0', 'may', ['10 tls 6plain'], { first: 'ipv6' });
  is('trusted mx0', 'encrypt', ['10 tls 6plain'], { first: 'ipv6' });
  is('trusted mx0', 'may', ['10 tls 6plain'], { families: ['ipv4'] });
  is('trusted mx1', 'may', ['10 6plain', '20 tls'], { families: ['ipv4'] });
  is('5.4.4 mx0', 'may', ['10 6tls'], { families: ['ipv4'] });
  is('plain mx1', 'may', ['10 tls', '10 6plain'], { first: 'ipv6' });
  is('trusted mx0', 'may', ['10 6tls', '20 plain'], { first: 'ipv4' });
  is('trusted mx0', 'may', ['10 tls 6away'], { first: 'ipv6' });
});

t.test('only some hosts are used', async (t) => {
  t.equal(
    ends('may', domain('10 plain', '20 tls'), (name) => name === 'mx1.bank.example'),
    'trusted mx1',
  );
  t.equal(
    ends('may', domain('10 plain'), () => false),
    '4.3.0',
  );
});

t.test('at most five addresses', async (t) => {
  t.equal(ends('encrypt', domain('10 plain plain plain plain plain', '20 tls')), '4.7.4 mx0');
  t.equal(ends('encrypt', domain('10 plain plain plain plain', '20 tls')), 'trusted mx1');
});

t.test('no hosts', async (t) => {
  const none = (found: MailHosts) => ends('may', { ...domain(), found });
  t.equal(none({ kind: 'null-mx' }), '5.1.0');
  t.equal(none({ kind: 'unknown', why: 'SERVFAIL' }), '4.4.3');
});
