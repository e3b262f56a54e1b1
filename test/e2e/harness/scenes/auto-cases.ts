/**
 * Domains by what they publish and how their servers are, with what `deliver = auto` must come to for each: the answer that
 * Postfix is given, and what becomes of a message.
 */

import { stsPolicy } from '../dns/sts-host.ts';
import type { DomainSpec } from './auto-scene.ts';
import { run } from './deliver-scene.ts';

export interface Case extends DomainSpec {
  /** What `postmap -q` prints; TEMP: refuses to answer, for this reason. */
  readonly answer: RegExp;
  /** `P`, `U`, `T`, `V` as in deliver-dns.test.ts, else the code with which the mail waits. */
  readonly result: string;
  /** The same of a Postfix that compares MX hosts with the patterns of the policy itself (3.10.5 and later). */
  readonly comparing?: string;
}

export const mx = (domain: string) => [`mx.${domain}.example`];
/** A policy of the domain's own MX host, enforced. */
export const enforce = (domain: string) => ({ body: stsPolicy({ mode: 'enforce', mx: mx(domain) }) });
export const NOTHING = /^$/;
export const DANE_ONLY = /^dane-only /;
/** The one name of the policy; wherever it stands in the answer. */
export const SECURE = /^secure (?:\S+ )*match=mx\.[a-z]+\.example servername=hostname( |$)/;
export const TEMP = /^TEMP /;
export const AUTO = '[domain .example]\ndeliver = auto\n';

export const CASES: Readonly<Record<string, Case>> = {
  // nothing published: Postfix's own level, which is may
  plain: { answer: NOTHING, result: 'P' },
  self: { server: { certificate: 'self' }, answer: NOTHING, result: 'U' },
  // DANE
  dane: { server: { certificate: 'self', tlsa: 'right' }, answer: DANE_ONLY, result: 'V' },
  badtlsa: { server: { certificate: 'right', tlsa: 'wrong' }, answer: DANE_ONLY, result: '4.7.5' },
  danenotls: { server: { tlsa: 'right' }, answer: DANE_ONLY, result: '4.7.4' },
  unusable: { server: { certificate: 'self', tlsa: 'unusable' }, answer: /^encrypt /, result: 'U' },
  unusableplain: { server: { tlsa: 'unusable' }, answer: /^encrypt /, result: '4.7.4' },
  // names in other shapes: no MX record, an alias for an MX host, some hosts of several
  implicit: {
    server: { certificate: 'self', tlsa: 'right' },
    implicit: true,
    answer: DANE_ONLY,
    result: 'V',
  },
  alias: {
    server: { certificate: 'self', tlsa: 'right' },
    mx: ['10 mail.alias.example.'],
    records: ['mail.alias.example. CNAME mx.alias.example.'],
    answer: DANE_ONLY,
    result: 'V',
  },
  some: {
    server: { certificate: 'self', tlsa: 'right' },
    mx: ['10 mx.some.example.', '20 mx.plain.example.'],
    answer: /^dane$/,
    result: 'V',
  },
  nullmx: { mx: ['0 .'], answer: NOTHING, result: '5.1.0' },
  // both: MTA-STS would refuse the first and accept the second
  both: {
    server: { certificate: 'self', tlsa: 'right' },
    sts: enforce('elsewhere'),
    answer: DANE_ONLY,
    result: 'V',
  },
  overruled: {
    server: { certificate: 'right', tlsa: 'wrong' },
    sts: enforce('overruled'),
    answer: DANE_ONLY,
    result: '4.7.5',
  },
  // MTA-STS enforced
  sts: {
    server: { certificate: 'right' },
    sts: enforce('sts'),
    answer: SECURE,
    result: 'V',
  },
  wild: {
    server: { certificate: 'right' },
    sts: { body: stsPolicy({ mode: 'enforce', mx: ['*.wild.example'] }) },
    answer: /^secure match=\.wild\.example servername=hostname( |$)/,
    result: 'V',
  },
  stsname: {
    server: { certificate: 'wrong' },
    sts: enforce('stsname'),
    answer: SECURE,
    result: '4.7.5',
  },
  stsself: {
    server: { certificate: 'self' },
    sts: enforce('stsself'),
    answer: SECURE,
    result: '4.7.5',
  },
  stsplain: { sts: enforce('stsplain'), answer: SECURE, result: '4.7.4' },
  stsother: {
    server: { certificate: 'right' },
    sts: enforce('elsewhere'),
    answer: /^secure match=mx\.elsewhere\.example servername=hostname( |$)/,
    result: '4.7.5',
    comparing: '4.3.0',
  },
  stsunusable: {
    server: { certificate: 'self', tlsa: 'unusable' },
    sts: enforce('stsunusable'),
    answer: SECURE,
    result: '4.7.5',
  },
  // aliases to a provider's; another record beside ours; two of ours are none
  hosted: {
    server: { certificate: 'right' },
    records: [
      '_mta-sts.hosted.example. CNAME _mta-sts.sts.example.',
      'mta-sts.hosted.example. CNAME mta-sts.sts.example.',
    ],
    sts: enforce('hosted'),
    answer: SECURE,
    result: 'V',
  },
  beside: {
    server: { certificate: 'right' },
    records: ['_mta-sts.beside.example. TXT "unrelated"', '_mta-sts.beside.example. TXT "v=STSv1; id=7;"'],
    sts: enforce('beside'),
    answer: SECURE,
    result: 'V',
  },
  doubled: {
    records: [
      '_mta-sts.doubled.example. TXT "v=STSv1; id=7;"',
      '_mta-sts.doubled.example. TXT "v=STSv1; id=8;"',
    ],
    sts: enforce('doubled'),
    answer: NOTHING,
    result: 'P',
  },
  'sub.sts': { answer: NOTHING, result: 'P' },
  somests: {
    server: { certificate: 'self', tlsa: 'right' },
    mx: ['10 mx.somests.example.', '20 mx.plain.example.'],
    sts: enforce('somests'),
    answer: DANE_ONLY,
    result: 'V',
  },
  slow: { sts: { ...enforce('slow'), delayMs: 1500 }, answer: SECURE, result: '4.7.4' },
  // MTA-STS not enforced
  testing: { sts: { body: stsPolicy({ mode: 'testing', mx: mx('testing') }) }, answer: NOTHING, result: 'P' },
  stopped: { sts: { body: stsPolicy({ mode: 'none' }) }, answer: NOTHING, result: 'P' },
  // a record, and no policy to be had
  nohost: { sts: null, answer: NOTHING, result: 'P' },
  missing: { sts: { ...enforce('missing'), status: 404 }, answer: NOTHING, result: 'P' },
  moved: {
    sts: { status: 302, headers: { location: 'https://mta-sts.sts.example/.well-known/mta-sts.txt' } },
    answer: NOTHING,
    result: 'P',
  },
  big: {
    sts: { body: `${enforce('big').body}${'x: y\r\n'.repeat(20_000)}` },
    answer: NOTHING,
    result: 'P',
  },
  html: {
    sts: { ...enforce('html'), headers: { 'content-type': 'text/html' } },
    answer: NOTHING,
    result: 'P',
  },
  grammar: { sts: { body: 'version: STSv1\r\nmode: enforce\r\n' }, answer: NOTHING, result: 'P' },
  cut: { sts: { ...enforce('cut'), trouble: 'reset' }, answer: NOTHING, result: 'P' },
  hostself: { sts: { ...enforce('hostself'), certificate: 'self' }, answer: NOTHING, result: 'P' },
  hostname: { sts: { ...enforce('hostname'), certificate: 'wrong' }, answer: NOTHING, result: 'P' },
  hostexpired: { sts: { ...enforce('hostexpired'), certificate: 'expired' }, answer: NOTHING, result: 'P' },
  // what could not be found out is not absence
  txtforged: { sts: enforce('txtforged'), bogus: ['_mta-sts.'], answer: TEMP, result: '4.7.5' },
  txtdead: { lame: ['_mta-sts.'], answer: TEMP, result: '4.7.5' },
  tlsaforged: {
    server: { certificate: 'right', tlsa: 'right' },
    bogus: ['_25._tcp.mx.'],
    answer: TEMP,
    result: '4.7.5',
  },
  tlsadead: {
    server: { certificate: 'right' },
    sts: enforce('tlsadead'),
    lame: ['_tcp.mx.'],
    answer: TEMP,
    result: '4.7.5',
  },
  mxforged: { bogus: [''], answer: TEMP, result: '4.4.3' },
  mxdead: { lame: [''], answer: TEMP, result: '4.4.3' },
};

/** What an administrator is told by `postmap -q`: a value, nothing, or `TEMP why`. */
export async function answerOf(map: string, domain: string): Promise<string> {
  const { stdout, stderr } = await run('postmap', ['-q', domain, `${map}:deliver`]);
  const trouble = /(?:temporary|permanent) error: (.*)/.exec(stderr)?.[1];
  return trouble === undefined ? stdout.trimEnd() : `TEMP ${trouble}`;
}
