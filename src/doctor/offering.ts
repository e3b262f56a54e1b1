/**
 * Checks of the TLS that Postfix offers for inbound mail: without it every row that requires TLS refuses all
 * mail.
 */

import { count } from '../core/plural.ts';
import { since } from '../core/postfixVersion.ts';
import { ENOUGH_VERDICTS, plainOnly } from '../daemon/tlsCounters.ts';
import { listOf } from '../mta/listValue.ts';
import { isYes, type MasterEntry, type PostfixConfig, valueFor } from '../mta/postfixConfig.ts';
import { askingEntries } from './asked.ts';
import { type Check, finding, NO_DAEMON, notKnown, type Severity } from './check.ts';
import { certificateByName, demandsCertificate, demandsTls, receivesByPin } from './demands.ts';
import type { DoctorFacts, HostFacts } from './facts.ts';
import { dropOverride, entryName, setFor, setMain, wrongValue } from './mend.ts';

/** Where a listener takes its certificate from; '' when it has none. */
export function certificateFiles(config: PostfixConfig, entry?: MasterEntry): string[] {
  const chain = listOf(valueFor(config, 'smtpd_tls_chain_files', entry));
  if (chain.length > 0) return chain;
  return ['smtpd_tls_cert_file', 'smtpd_tls_eccert_file', 'smtpd_tls_dcert_file']
    .map((name) => valueFor(config, name, entry))
    .filter((file) => file !== '' && file !== 'none');
}

function offersTls(config: PostfixConfig, entry: MasterEntry): boolean {
  const level = valueFor(config, 'smtpd_tls_security_level', entry);
  if (level !== '') return level !== 'none';
  if (isYes(config, 'smtpd_enforce_tls', entry) || isYes(config, 'smtpd_use_tls', entry)) return true;
  return isYes(config, 'smtpd_tls_wrappermode', entry);
}

/** Refusals for good where rows are enforced; less where they only observe. */
function byDemand(facts: DoctorFacts): Severity {
  return demandsTls(facts) ? 'danger' : 'warning';
}

/** Where the files really are, the administrator knows. */
function ownChain(config: PostfixConfig): string {
  const files = '/etc/ssl/private/mail.key, /etc/ssl/certs/mail.pem';
  return `${setMain(config, 'smtpd_tls_chain_files', files)}    (with your key, and your certificate with its chain)`;
}

const tlsNotOffered: Check = {
  id: 'tls-not-offered',
  group: 'receiving',
  gravest: 'danger',
  why: 'Partners whose row demands TLS are refused for good, although STARTTLS was never offered to them.',
  find(facts) {
    const { postfix } = facts;
    const entries = askingEntries(facts).map(({ entry }) => entry);
    if (entries.length === 0) return null;
    return entries
      .filter((entry) => !offersTls(postfix, entry))
      .map((entry) =>
        finding(
          byDemand(facts),
          `${entryName(entry)}: smtpd_tls_security_level is "${valueFor(postfix, 'smtpd_tls_security_level', entry)}"`,
          entry.overrides.has('smtpd_tls_security_level')
            ? dropOverride(postfix, entry, 'smtpd_tls_security_level')
            : setMain(postfix, 'smtpd_tls_security_level', 'may'),
          ...(certificateFiles(postfix, entry).length > 0 ? [] : [ownChain(postfix)]),
        ),
      );
  },
};

const starttlsHidden: Check = {
  id: 'starttls-hidden',
  group: 'receiving',
  gravest: 'danger',
  why: 'A client that is not told of STARTTLS sends in plaintext, and rows that demand TLS refuse it.',
  find(facts) {
    const { postfix } = facts;
    const entries = askingEntries(facts).map(({ entry }) => entry);
    if (entries.length === 0) return null;
    return entries.flatMap((entry) => {
      const words = listOf(valueFor(postfix, 'smtpd_discard_ehlo_keywords', entry));
      if (!words.some((word) => word.toLowerCase() === 'starttls')) return [];
      const rest = words.filter((word) => word.toLowerCase() !== 'starttls').join(', ');
      return [
        finding(
          byDemand(facts),
          `${entryName(entry)}: smtpd_discard_ehlo_keywords has starttls`,
          setFor(postfix, 'smtpd_discard_ehlo_keywords', rest, entry),
        ),
      ];
    });
  },
};

const noCertificate: Check = {
  id: 'tls-no-certificate',
  group: 'receiving',
  gravest: 'danger',
  why: 'Without a certificate of its own Postfix offers no STARTTLS that other servers can use.',
  find(facts) {
    const { postfix } = facts;
    const entries = askingEntries(facts)
      .map(({ entry }) => entry)
      .filter((entry) => offersTls(postfix, entry));
    if (entries.length === 0) return null;
    const without = entries.filter((entry) => certificateFiles(postfix, entry).length === 0);
    if (without.length === 0) return [];
    return [
      finding(
        byDemand(facts),
        `${without.map(entryName).join(', ')}: neither smtpd_tls_chain_files nor smtpd_tls_cert_file is set`,
        ownChain(postfix),
      ),
    ];
  },
};

const ccertNotAsked: Check = {
  id: 'ccert-not-asked',
  group: 'receiving',
  gravest: 'danger',
  why: 'Rows with receive = verify need a client certificate, and no client shows one that is not asked for.',
  find(facts) {
    if (!demandsCertificate(facts)) return null;
    const { postfix } = facts;
    const entries = askingEntries(facts)
      .map(({ entry }) => entry)
      .filter((entry) => offersTls(postfix, entry));
    return entries
      .filter(
        (entry) =>
          !isYes(postfix, 'smtpd_tls_ask_ccert', entry) && !isYes(postfix, 'smtpd_tls_req_ccert', entry),
      )
      .map((entry) => wrongValue('danger', postfix, 'smtpd_tls_ask_ccert', 'yes', entry));
  },
};

const ccertNoCa: Check = {
  id: 'ccert-no-ca',
  group: 'receiving',
  gravest: 'danger',
  why: 'Without CAs no client certificate is trusted, and rows that go by its name refuse everybody.',
  find(facts) {
    if (certificateByName(facts).length === 0) return null;
    const { postfix } = facts;
    return askingEntries(facts)
      .filter(({ entry }) => !hasCa(postfix, 'smtpd', entry))
      .map(({ entry }) =>
        finding(
          'danger',
          `${entryName(entry)}: smtpd_tls_CAfile and smtpd_tls_CApath are empty`,
          setFor(postfix, 'smtpd_tls_CAfile', '/etc/ssl/certs/ca-certificates.crt', entry),
        ),
      );
  },
};

/** Are there CAs for the server or the client side? */
export function hasCa(config: PostfixConfig, side: 'smtp' | 'smtpd', entry?: MasterEntry): boolean {
  return (
    valueFor(config, `${side}_tls_CAfile`, entry) !== '' ||
    valueFor(config, `${side}_tls_CApath`, entry) !== '' ||
    isYes(config, 'tls_append_default_CA', entry)
  );
}

const pinDigest: Check = {
  id: 'ccert-digest',
  group: 'receiving',
  gravest: 'danger',
  why: 'Pins of the table are SHA-256; with another digest none of them ever matches.',
  find(facts) {
    if (!receivesByPin(facts)) return null;
    const { postfix } = facts;
    return askingEntries(facts)
      .filter(
        ({ entry }) => valueFor(postfix, 'smtpd_tls_fingerprint_digest', entry).toLowerCase() !== 'sha256',
      )
      .map(({ entry }) => wrongValue('danger', postfix, 'smtpd_tls_fingerprint_digest', 'sha256', entry));
  },
};

/** Since this release smtpd accepts certificates for servers from clients, when it is told to. */
const TRUSTS_SERVER_CERTIFICATES = [3, 12] as const;

const publicCa: Check = {
  id: 'ccert-public-ca',
  group: 'receiving',
  gravest: 'note',
  why: 'Public CAs stop issuing certificates for clients in 2026: partners who renew theirs will be refused by rows that go by a name.',
  find(facts) {
    const rows = certificateByName(facts).filter(
      ({ fingerprints, clientIssuers }) => fingerprints.length === 0 && clientIssuers.length === 0,
    );
    if (rows.length === 0) return null;
    const { postfix } = facts;
    const can = since(postfix.version, ...TRUSTS_SERVER_CERTIFICATES);
    if (can && isYes(postfix, 'tls_trust_server_ccerts')) return [];
    return [
      finding(
        'note',
        `${count(rows.length, 'policy', 'policies')} with receive = verify and neither fingerprint nor client-issuers: ${rows[0]!.lineage[0] ?? ''}`,
        'add fingerprint = DIGEST to the policy; the digest that a partner shows is in the log, "journalctl -u tlsward"',
        ...(can ? [setMain(postfix, 'tls_trust_server_ccerts', 'yes')] : []),
      ),
    ];
  },
};

export const noTlsSeen: Check<HostFacts> = {
  id: 'tls-never-seen',
  group: 'receiving',
  gravest: 'warning',
  why: 'Rows demand TLS, and no session had any: TLS is not offered, or something in front of Postfix ends it.',
  find(facts) {
    if (!demandsTls(facts)) return null;
    if (!facts.daemon.known) return [notKnown(NO_DAEMON)];
    const judged = plainOnly(facts.daemon.value.verdictsByTls);
    if (judged < ENOUGH_VERDICTS) return [];
    return [
      finding(
        'warning',
        `no TLS in ${count(judged, 'verdict')} since ${facts.daemon.value.startedAt}`,
        'openssl s_client -starttls smtp -connect HOST:25    (from another host: is STARTTLS offered?)',
      ),
    ];
  },
};

const proxyInFront: Check = {
  id: 'proxy-in-front',
  group: 'receiving',
  gravest: 'warning',
  why: 'A proxy that ends TLS hands mail over in plaintext: Postfix, and so tlsward, sees no TLS in any session.',
  find(facts) {
    const { postfix } = facts;
    const entries = askingEntries(facts).flatMap(({ entry, behind }) => {
      const parameter =
        behind === undefined ? 'smtpd_upstream_proxy_protocol' : 'postscreen_upstream_proxy_protocol';
      const used = behind ?? entry;
      return valueFor(postfix, parameter, used) === '' ? [] : [{ used, parameter }];
    });
    if (entries.length === 0) return null;
    const seen = facts.daemon.known
      ? Object.values(facts.daemon.value.verdictsByTls).some((counters) =>
          Object.keys(counters).some((key) => key.startsWith('TLS') || key === 'otherTls'),
        )
      : false;
    // it passes TLS through
    if (seen) return [];
    return entries.map(({ used, parameter }) =>
      finding(
        'warning',
        `${entryName(used)}: ${parameter} is ${valueFor(postfix, parameter, used)}, and no session with TLS was seen yet`,
        'let the proxy pass TCP through (haproxy: mode tcp, send-proxy) and leave STARTTLS to Postfix',
      ),
    );
  },
};

const oldProtocols: Check = {
  id: 'tls-protocol-floor',
  group: 'receiving',
  gravest: 'warning',
  why: 'The floor of the rows is above every version that Postfix permits, so that nobody can meet it.',
  find(facts) {
    if (!demandsTls(facts)) return null;
    const { postfix } = facts;
    const only13 = facts.table.packed.settings.some(
      ({ minProtocol, receive }) => minProtocol === 'TLSv1.3' && receive !== 'none' && receive !== 'may',
    );
    return askingEntries(facts).flatMap(({ entry }) => {
      const value = valueFor(postfix, 'smtpd_tls_protocols', entry);
      const words = listOf(value.replaceAll(':', ' ')).map((word) => word.toLowerCase());
      const no = (version: string): boolean => words.includes(`!${version}`) || capped(words, version);
      const never = no('tlsv1.3') && (only13 || no('tlsv1.2'));
      return never ? [wrongValue('warning', postfix, 'smtpd_tls_protocols', '>=TLSv1.2', entry)] : [];
    });
  },
};

/** `<=TLSv1.1` ends below it. */
function capped(words: readonly string[], version: string): boolean {
  const cap = words.find((word) => word.startsWith('<='));
  return cap !== undefined && cap.slice(2) < version;
}

const received: Check = {
  id: 'received-without-tls',
  group: 'receiving',
  gravest: 'note',
  why: 'Without it the Received field of a message does not say which TLS it came with, and "tlsward hops" cannot show it.',
  find(facts) {
    const { postfix } = facts;
    if (askingEntries(facts).length === 0) return null;
    if (isYes(postfix, 'smtpd_tls_received_header')) return [];
    return [wrongValue('note', postfix, 'smtpd_tls_received_header', 'yes')];
  },
};

export const OFFERING: readonly Check[] = [
  tlsNotOffered,
  starttlsHidden,
  noCertificate,
  ccertNotAsked,
  ccertNoCa,
  pinDigest,
  publicCa,
  noTlsSeen,
  proxyInFront,
  oldProtocols,
  received,
];
