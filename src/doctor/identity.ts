/** Checks of this host's own certificate, and of what its domains publish about it. */
import { escapeText } from '../core/escape.ts';
import { count } from '../core/plural.ts';
import type { TlsaRecord } from '../dns/resolver.ts';
import { valueFor } from '../mta/postfixConfig.ts';
import { askingEntries } from './asked.ts';
import { type Check, type Finding, finding, notKnown } from './check.ts';
import type { CertificateFacts, DoctorFacts, DomainFacts, Known } from './facts.ts';
import { certificateFiles } from './offering.ts';

const DAY_MS = 86_400_000;
/** Let's Encrypt renews 30 days before the end: what has less left was not renewed. */
const RENEW_DAYS = 14;

interface Chain {
  readonly path: string;
  readonly chain: Known<readonly CertificateFacts[]>;
}

/** The chains of the listeners that tlsward judges, each once. */
function chains(facts: DoctorFacts): Chain[] {
  const paths = new Set(askingEntries(facts).flatMap(({ entry }) => certificateFiles(facts.postfix, entry)));
  return [...paths].flatMap((path) => {
    const chain = facts.certificates.get(path);
    // a file of chain_files may hold a key alone
    return chain === undefined || (chain.known && chain.value.length === 0) ? [] : [{ path, chain }];
  });
}

/** The first certificate of each chain. */
function leaves(facts: DoctorFacts): { readonly path: string; readonly leaf: CertificateFacts }[] {
  return chains(facts).flatMap(({ path, chain }) => (chain.known ? [{ path, leaf: chain.value[0]! }] : []));
}

const RENEW = 'certbot renew --deploy-hook "postfix reload"    (or as you get your certificates)';

const unreadable: Check = {
  id: 'certificate-unreadable',
  group: 'identity',
  gravest: 'danger',
  why: 'Postfix offers no STARTTLS with a certificate that it cannot read.',
  find(facts) {
    const all = chains(facts);
    if (all.length === 0) return null;
    return all.flatMap(({ path, chain }) => {
      if (chain.known) return [];
      const absent = /does not exist|no certificate/.test(chain.why);
      const text = `${escapeText(path)}: ${escapeText(chain.why)}`;
      return [
        absent
          ? finding('danger', text, 'name the right file in smtpd_tls_chain_files or smtpd_tls_cert_file')
          : notKnown(text),
      ];
    });
  },
};

const expiry: Check = {
  id: 'certificate-expired',
  group: 'identity',
  gravest: 'danger',
  why: 'Senders that verify this host (MTA-STS, secure rows) keep their mail from the day on which the certificate ends.',
  find(facts) {
    const all = leaves(facts);
    if (all.length === 0) return null;
    return all.flatMap(({ path, leaf }): Finding[] => {
      const days = Math.floor((leaf.notAfter.getTime() - facts.now.getTime()) / DAY_MS);
      const day = leaf.notAfter.toISOString().slice(0, 10);
      if (leaf.notBefore.getTime() > facts.now.getTime())
        return [
          finding(
            'danger',
            `${escapeText(path)} is valid from ${leaf.notBefore.toISOString().slice(0, 10)} on`,
            RENEW,
          ),
        ];
      if (days < 0) return [finding('danger', `${escapeText(path)} ended on ${day}`, RENEW)];
      if (days < RENEW_DAYS)
        return [finding('warning', `${escapeText(path)} ends on ${day}, in ${count(days, 'day')}`, RENEW)];
      return [];
    });
  },
};

/** Does a name of a certificate (`*.` for one label) cover a host? */
function covers(pattern: string, host: string): boolean {
  if (!pattern.startsWith('*.')) return pattern === host;
  const dot = host.indexOf('.');
  return dot > 0 && host.slice(dot + 1) === pattern.slice(2);
}

/** Is a certificate of ours for this host? */
function isCertified(facts: DoctorFacts, host: string): boolean {
  return leaves(facts).some(({ leaf }) => leaf.names.some((name) => covers(name, host)));
}

/** The hosts of the MX records; a null MX has none. */
function hostsOf({ mx: answer }: DomainFacts): string[] {
  if (answer.kind !== 'found') return [];
  return answer.records.map(({ exchange }) => exchange).filter((host) => host !== '');
}

/** Our own MX hosts: those whose name is this host's, or in the certificate; all when none is. */
function ownHosts(facts: DoctorFacts, domain: DomainFacts): string[] {
  const own = valueFor(facts.postfix, 'myhostname').toLowerCase();
  return hostsOf(domain).filter((host) => host === own || isCertified(facts, host));
}

const names: Check = {
  id: 'certificate-name',
  group: 'identity',
  gravest: 'warning',
  why: 'Senders that verify this host look for the name of the MX record in its certificate, and keep their mail when it is not there.',
  find(facts) {
    const all = leaves(facts);
    if (all.length === 0) return null;
    const own = valueFor(facts.postfix, 'myhostname').toLowerCase();
    if (isCertified(facts, own)) return [];
    // the name that others know the host by is that of its MX record
    if (facts.domains.some((domain) => ownHosts(facts, domain).some((host) => host !== own))) return [];
    return [
      finding(
        'warning',
        `myhostname is ${escapeText(own)}; the certificate is for ${escapeText(all.flatMap(({ leaf }) => leaf.names).join(', '), 200) || 'no host'}`,
        `get a certificate for the name of the MX record, or: postconf -e 'myhostname = NAME'`,
      ),
    ];
  },
};

/** A failed lookup, in words. */
function failed(what: string, why: string): Finding {
  return notKnown(`${what}: ${escapeText(why)}`);
}

const mx: Check = {
  id: 'mx-elsewhere',
  group: 'identity',
  gravest: 'note',
  why: 'Mail of the domain reaches this host by another one: the TLS that tlsward sees is that of the last step.',
  find(facts) {
    if (facts.domains.length === 0) return null;
    return facts.domains.flatMap((domain) => {
      if (domain.mx.kind === 'unknown') return [failed(`MX of ${domain.domain}`, domain.mx.why)];
      if (domain.mx.kind === 'absent' || ownHosts(facts, domain).length > 0) return [];
      const hosts = hostsOf(domain).join(', ');
      return [
        finding(
          'note',
          `MX of ${domain.domain}: ${escapeText(hosts, 200) || 'none (null MX)'}; this host is ${valueFor(facts.postfix, 'myhostname')}`,
          'is there another mail host in front? Then its TLS decides: run tlsward there, or name it in trusted-clients',
        ),
      ];
    });
  },
};

const sts: Check = {
  id: 'sts-does-not-fit',
  group: 'identity',
  gravest: 'danger',
  why: 'Senders that follow MTA-STS deliver only to MX hosts that the policy names, by a certificate for them.',
  find(facts) {
    if (facts.domains.length === 0) return null;
    return facts.domains.flatMap((domain): Finding[] => {
      if (!domain.sts.known) return [failed(`MTA-STS of ${domain.domain}`, domain.sts.why)];
      const policy = domain.sts.value;
      if (policy === null || policy.mode === 'none' || domain.mx.kind !== 'found') return [];
      const severity = policy.mode === 'enforce' ? 'danger' : 'warning';
      const unnamed = hostsOf(domain).filter((host) => !policy.mx.some((pattern) => covers(pattern, host)));
      const uncertified =
        leaves(facts).length === 0 ? [] : ownHosts(facts, domain).filter((host) => !isCertified(facts, host));
      return [
        ...(unnamed.length === 0
          ? []
          : [
              finding(
                severity,
                `the MTA-STS policy of ${domain.domain} (${policy.mode}) does not name the MX ${escapeText(unnamed.join(', '), 200)}`,
                `add "mx: ${escapeText(unnamed[0]!)}" to https://mta-sts.${domain.domain}/.well-known/mta-sts.txt and change the id in DNS`,
              ),
            ]),
        ...(uncertified.length === 0
          ? []
          : [
              finding(
                severity,
                `the MTA-STS policy of ${domain.domain} (${policy.mode}) wants a certificate for ${escapeText(uncertified.join(', '), 200)}`,
                'get a certificate with that name',
              ),
            ]),
      ];
    });
  },
};

const tlsa: Check = {
  id: 'tlsa-does-not-fit',
  group: 'identity',
  gravest: 'danger',
  why: 'Senders that follow DANE deliver only to a host whose certificate its TLSA records name: all of them keep their mail.',
  find(facts) {
    const published = facts.domains.flatMap(({ tlsa: records }) => [...records]);
    if (published.length === 0) return null;
    const known = chains(facts).flatMap(({ chain }) => (chain.known ? [chain.value] : []));
    return [...new Map(published)].flatMap(([host, answer]): Finding[] => {
      if (answer.kind === 'unknown') return [failed(`TLSA of ${host}`, answer.why)];
      if (answer.kind === 'absent' || known.length === 0) return [];
      const usable = answer.records.filter(({ usage }) => usage === 2 || usage === 3);
      if (usable.length === 0) return [];
      const fits = usable.some((record) => known.some((chain) => fitsChain(record, chain)));
      if (fits) return [];
      return [
        finding(
          'danger',
          `none of ${count(usable.length, 'TLSA record')} at _25._tcp.${host} fits the certificate of this host`,
          `publish: _25._tcp.${host}. IN TLSA 3 1 1 ${spki(known) ?? 'DIGEST'}`,
          'when a certificate is renewed, publish the record of the new key before it is used',
        ),
      ];
    });
  },
};

/** Usage 3 names the host's own certificate, usage 2 one of the chain above it. */
function fitsChain(record: TlsaRecord, chain: readonly CertificateFacts[]): boolean {
  const hex = Buffer.from(record.data).toString('hex');
  const candidates = record.usage === 3 ? chain.slice(0, 1) : chain.slice(1);
  return candidates.some(({ digests }) =>
    digests.some(
      (one) => one.selector === record.selector && one.matching === record.matching && one.hex === hex,
    ),
  );
}

function spki(chainsKnown: readonly (readonly CertificateFacts[])[]): string | undefined {
  return chainsKnown[0]?.[0]?.digests.find(({ selector, matching }) => selector === 1 && matching === 1)?.hex;
}

const tlsrptRecord: Check = {
  id: 'tlsrpt-not-asked-for',
  group: 'identity',
  gravest: 'note',
  why: 'The domain asks others to insist on TLS (MTA-STS or TLSA) but not to report when that fails.',
  find(facts) {
    if (facts.domains.length === 0) return null;
    return facts.domains.flatMap((domain): Finding[] => {
      if (!domain.tlsrpt.known) return [failed(`TLSRPT of ${domain.domain}`, domain.tlsrpt.why)];
      const insists =
        (domain.sts.known && domain.sts.value !== null) ||
        [...domain.tlsa.values()].some(({ kind }) => kind === 'found');
      if (domain.tlsrpt.value || !insists) return [];
      return [
        finding(
          'note',
          `there is no TLSRPT record at _smtp._tls.${domain.domain}`,
          `publish: _smtp._tls.${domain.domain}. IN TXT "v=TLSRPTv1; rua=mailto:postmaster@${domain.domain}"`,
        ),
      ];
    });
  },
};

export const IDENTITY: readonly Check[] = [unreadable, expiry, names, mx, sts, tlsa, tlsrptRecord];
