/**
 * What Postfix's configuration says about how it judges servers: whom it trusts, which names it wants, whether it
 * follows DANE. Without a Postfix on this host its defaults count, with the CAs of the system.
 *
 * Sources: Postfix postconf(5), the parameters by their names.
 */
import type { AnsweredLevel } from '../core/settings.ts';
import { ANSWERED_LEVELS } from '../core/settings.ts';
import { listOf } from '../mta/listValue.ts';
import { type PostfixConfig, valueFor } from '../mta/postfixConfig.ts';
import { systemTrust, type Trust, trustOf } from './contexts.ts';
import type { Family, MtaRules } from './judge.ts';

const FAMILIES = ['ipv4', 'ipv6'] as const satisfies readonly Family[];

export interface OwnMta {
  readonly rules: MtaRules;
  readonly trust: Trust;
  /** smtp_tls_security_level; null: it is not known. */
  readonly level: AnsweredLevel | null;
  /** What it says in EHLO; null: not known. */
  readonly ehloName: string | null;
  /** `3.7.11`; null: not known. */
  readonly release: string | null;
}

/** `caFile`: instead of what main.cf says; null: main.cf. Throws the error of the system for CAs that cannot be read. */
export function ownMta(config: PostfixConfig | null, caFile: string | null): OwnMta {
  if (config === null)
    return {
      rules: {
        verifyMatch: ['hostname'],
        secureMatch: ['nexthop', 'dot-nexthop'],
        insecureMx: 'dane',
        dnssec: true,
        families: FAMILIES,
        first: null,
      },
      trust: caFile === null ? systemTrust() : trustOf(caFile, ''),
      level: null,
      ehloName: null,
      release: null,
    };
  const value = (name: string): string => valueFor(config, name);
  const words = (name: string): string[] => listOf(value(name)).flatMap((word) => word.split(':'));
  const insecure = value('smtp_tls_dane_insecure_mx_policy');
  const level = value('smtp_tls_security_level');
  return {
    rules: {
      verifyMatch: words('smtp_tls_verify_cert_match'),
      secureMatch: words('smtp_tls_secure_cert_match'),
      insecureMx: insecure === 'may' || insecure === 'encrypt' ? insecure : 'dane',
      dnssec: value('smtp_dns_support_level') === 'dnssec',
      families: families(listOf(value('inet_protocols'))),
      first: FAMILIES.find((one) => one === value('smtp_address_preference')) ?? null,
    },
    trust:
      caFile === null ? trustOf(value('smtp_tls_CAfile'), value('smtp_tls_CApath')) : trustOf(caFile, ''),
    level: ANSWERED_LEVELS.find((one) => one === level) ?? (level === '' ? 'none' : null),
    ehloName: value('smtp_helo_name') || null,
    release: config.release,
  };
}

/** `all` stands for both; Postfix does not start with none. */
function families(words: readonly string[]): readonly Family[] {
  const named = FAMILIES.filter((one) => words.includes(one));
  return named.length === 0 ? FAMILIES : named;
}

/** Does this Postfix compare MX hosts with the patterns of an MTA-STS policy? Since 3.10.5 (`mx_host_pattern`). */
export function comparesHosts(version: string): boolean {
  const [, major, minor, micro] = /^([0-9]{1,3})\.([0-9]{1,3})(?:\.([0-9]{1,3}))?/.exec(version) ?? [];
  if (major === undefined || minor === undefined) return false;
  const number = Number(major) * 1000 + Number(minor);
  // without a third number it is the newest of its kind
  return number > 3010 || (number === 3010 && (micro === undefined || Number(micro) >= 5));
}
