/**
 * Random tables, SMTP sessions and envelopes for the differential test, from a seeded generator. Pure: what is played and
 * compared is differential-play.ts.
 *
 * Nothing here knows what ought to come of a case. Domains and settings are few, so that rows are met as often as missed,
 * and every setting that the receive leg reads occurs.
 */
import type { Generator } from '../../../mark/generator.ts';
import { TRUSTED_CLIENT } from '../daemon.ts';
import type { CertificateAuthority } from '../peers/ca.ts';
import type { MtaName } from './case.ts';

export type ClientName = 'none' | 'right' | 'wrong' | 'sanOnly' | 'selfSigned' | 'expired';

/** How a client speaks TLS; the bits are those of its cipher. */
export interface Suite {
  readonly protocol: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
  /** For node:tls. */
  readonly ciphers: string;
}

export interface Envelope {
  /** Without brackets; '' is the null sender. */
  readonly from: string;
  readonly to: readonly string[];
}

/** One connection with its messages. */
export interface SessionCase {
  readonly clientAddress: string;
  readonly helo: string;
  /** null: no STARTTLS. */
  readonly suite: Suite | null;
  readonly client: ClientName;
  readonly login: boolean;
  readonly messages: readonly Envelope[];
  /** Leave `--fingerprint` out for `explain` where no row has the digest of this certificate. */
  readonly digestsLeftOut: boolean;
}

const DOMAINS = ['one.example', 'two.example', 'mx.two.example', 'three.example', 'bücher.example'] as const;
/** All domains that a recipient can have; Postfix delivers them to one Maildir. */
export const LOCAL_DOMAINS = [...DOMAINS, 'other.example'] as const;
const PATTERNS = [...DOMAINS, '.two.example', '.example', '*', '<>', 'boss@one.example', 'x@other.example'];

const SUITES: readonly Suite[] = [
  { protocol: 'TLSv1.3', ciphers: 'TLS_AES_256_GCM_SHA384' },
  { protocol: 'TLSv1.3', ciphers: 'TLS_AES_128_GCM_SHA256' },
  { protocol: 'TLSv1.3', ciphers: 'TLS_CHACHA20_POLY1305_SHA256' },
  { protocol: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES256-GCM-SHA384' },
  { protocol: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' },
  { protocol: 'TLSv1.2', ciphers: 'ECDHE-RSA-CHACHA20-POLY1305' },
];
/** What only a server that takes everything negotiates. */
const WEAK_SUITES: readonly Suite[] = [
  { protocol: 'TLSv1.2', ciphers: 'NULL-SHA256:@SECLEVEL=0' },
  { protocol: 'TLSv1.1', ciphers: 'ECDHE-RSA-AES256-SHA:@SECLEVEL=0' },
  { protocol: 'TLSv1', ciphers: 'ECDHE-RSA-AES128-SHA:@SECLEVEL=0' },
];

/** Effective key bits of the suites above. */
export function bitsOf(cipher: string): number {
  if (cipher.startsWith('NULL')) return 0;
  return cipher.includes('128') ? 128 : 256;
}

/** A table; every key that the receive leg reads is in one of its rows now and then. */
export function randomTable(random: Generator, ca: CertificateAuthority): string {
  const patterns = new Set(Array.from({ length: 3 + random.integer(7) }, () => random.pick(PATTERNS)));
  return [...patterns].map((pattern) => row(random, ca, pattern)).join('\n');
}

function row(random: Generator, ca: CertificateAuthority, pattern: string): string {
  const receive = random.pick(['none', 'may', 'encrypt', 'encrypt', 'verify', 'verify', 'verify']);
  const lines = [`[domain ${pattern}]`, `receive = ${receive}`];
  const maybe = (chance: number, key: string, values: readonly string[]): void => {
    if (random.integer(chance) === 0) lines.push(`${key} = ${random.pick(values)}`);
  };
  maybe(2, 'violation', ['tag', 'defer', 'hold', 'reject']);
  maybe(4, 'mode', ['observe']);
  if (random.integer(8) === 0) lines.push('mark = none');
  maybe(6, 'help', ['https://help.example/tls?a=1&b=100%']);
  maybe(8, 'reply', ['{domain}: {seen} (wanted: {required}) {contact} {code}', 'no: {seen}']);
  if (receive === 'encrypt' || receive === 'verify') {
    maybe(2, 'min-protocol', ['TLSv1', 'TLSv1.2', 'TLSv1.3']);
    maybe(3, 'min-bits', ['0', '128', '256']);
    maybe(4, 'deny-ciphers', ['AES_128, AES128', 'chacha20', 'GCM', 'NULL']);
  }
  if (receive === 'verify') {
    const bare = !/^[a-z]/.test(pattern);
    const { selfSigned, right } = ca.clients;
    const pin = random.integer(2) === 0;
    if (bare && !pin) lines.push('client-names = mx1.gov.example');
    else maybe(2, 'client-names', ['mx1.gov.example', '.gov.example', 'mx1.other.example', 'nobody.example']);
    maybe(4, 'client-issuers', ['Test Root CA', 'Another Root CA']);
    const pins = [selfSigned.fingerprint, selfSigned.pubkeyFingerprint, right.fingerprint, UNKNOWN_PIN];
    if (pin) lines.push(`fingerprint = ${random.pick(pins)}`);
  }
  return `${lines.join('\n')}\n`;
}

const UNKNOWN_PIN = `${'AB:'.repeat(31)}CD`;

/** Other spellings: what Postfix finds a domain in, routes, quotes, literals, no domain at all. */
const ODD: readonly ((domain: string, other: string) => string)[] = [
  () => 'boss@one.example',
  () => 'X@Other.Example',
  (domain) => `"a b"@${domain}`,
  (domain) => `B@${domain.toUpperCase()}`,
  (domain, other) => `x%${other}@${domain}`,
  (domain, other) => `"x@${other}"@${domain}`,
  (domain, other) => `${other}!x@${domain}`,
  (domain) => `@x.example,@y.example:b@${domain}`,
  (domain) => `b@${domain}.`,
  (domain) => `a..b@${domain}`,
  (domain) => `.b.@sub.${domain}`,
  (domain) => `"q\\"r"@${domain}`,
  (domain) => `b+c=d@${domain}`,
  () => 'b@[192.0.2.1]',
  () => 'bob',
  () => '"postmaster"',
];

function address(random: Generator): string {
  const domain = random.pick([...DOMAINS, 'other.example']);
  if (random.integer(3) > 0) return `a${random.integer(100)}@${domain}`;
  return random.pick(ODD)(domain, random.pick(DOMAINS));
}

function envelope(random: Generator): Envelope {
  const from = random.integer(8) === 0 ? '' : address(random);
  const several = random.integer(3) === 0 ? 2 + random.integer(3) : 1;
  const to = Array.from({ length: several }, () =>
    random.integer(8) === 0 ? random.pick(['postmaster', 'Postmaster', 'POSTMASTER']) : address(random),
  );
  return { from, to };
}

/**
 * A session with one to three messages, of `left` at most. The Postfix of the test takes every protocol and HELO name,
 * Sendmail does not.
 */
export function randomSession(random: Generator, mta: MtaName, left: number): SessionCase {
  const postfix = mta === 'postfix';
  const suites = postfix && random.integer(4) === 0 ? WEAK_SUITES : SUITES;
  const suite = random.integer(5) === 0 ? null : random.pick(suites);
  const count = Math.min(left, 1 + random.integer(3));
  const messages = Array.from({ length: count }, () => envelope(random));
  return {
    clientAddress: random.integer(15) === 0 ? TRUSTED_CLIENT : '127.0.0.1',
    helo: random.pick(['client.example', '[127.0.0.1]', postfix ? 'a(b);c@d_e' : 'f']),
    suite,
    client: suite === null ? 'none' : random.pick(CLIENTS),
    login: random.integer(6) === 0,
    // Sendmail as Debian builds it has no SMTPUTF8
    messages: postfix ? messages : messages.map(inAscii),
    digestsLeftOut: random.integer(2) === 0,
  };
}

function inAscii({ from, to }: Envelope): Envelope {
  const ascii = (text: string): string => text.replaceAll(/bücher/gi, 'xn--bcher-kva');
  return { from: ascii(from), to: to.map(ascii) };
}

const CLIENTS: readonly ClientName[] = [
  'none',
  'none',
  'right',
  'right',
  'wrong',
  'sanOnly',
  'selfSigned',
  'expired',
];
