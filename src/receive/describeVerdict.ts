/**
 * A verdict in words for a person: the reasons, what was required and what was seen. Foreign text (addresses,
 * certificate names) is escaped and cut before it enters a sentence.
 */
import { escapeText } from '../core/escape.ts';
import { formatPosition } from '../core/position.ts';
import type { TlsState } from '../core/tls.ts';
import type { Finding, Verdict } from '../core/verdict.ts';
import { certificateNames } from './decide.ts';

/** Characters of one foreign text. */
const MAX_FOREIGN = 128;

/** "TLSv1.3 TLS_AES_256_GCM_SHA384 256", "no TLS", "unknown". */
export function describeTls(tls: TlsState): string {
  if (tls.kind === 'tls')
    return `${escapeText(tls.protocol, MAX_FOREIGN)} ${escapeText(tls.cipher, MAX_FOREIGN)} ${tls.bits ?? '?'}`;
  return tls.kind === 'plain' ? 'no TLS' : 'unknown';
}

/** The client certificate in words for a person. */
export function describeCertificate(tls: TlsState): string {
  if (tls.kind !== 'tls') return 'no client certificate';
  const { certificate } = tls;
  switch (certificate.kind) {
    case 'none':
      return 'no client certificate was presented';
    case 'unproven':
      return 'no verified client certificate was presented';
    case 'untrusted':
      return 'the client certificate could not be verified';
    case 'unknown':
      return 'the mail server reported nothing about the client certificate';
    case 'trusted':
      return `the verified client certificate names ${certificate.commonName === '' ? 'no host (it has no CN)' : escapeText(certificate.commonName, MAX_FOREIGN)}`;
  }
}

/**
 * What the row of this finding asks for: "TLSv1.2 or later, 128 bits or more, a client certificate for
 * mx1.gov.example".
 */
export function describeRequired(finding: Finding): string {
  const settings = finding.row?.settings;
  if (settings === undefined) return 'TLS as the strictest row requires';
  if (settings.receive === 'none' || settings.receive === 'may') return 'nothing';
  const parts = [`${settings.minProtocol} or later`, `${settings.minBits} bits or more`];
  if (settings.denyCiphers.length > 0) parts.push(`no ${settings.denyCiphers.join(', ')}`);
  if (settings.receive === 'verify' && finding.row !== null) {
    const pins = settings.fingerprints.length > 0 ? 'a pinned client certificate' : '';
    const names =
      settings.clientNames.length > 0 || pins === ''
        ? `a verified client certificate for ${escapeText(certificateNames(finding.row).join(', '))}`
        : '';
    parts.push([names, pins].filter(Boolean).join(' or '));
    if (settings.clientIssuers.length > 0)
      parts.push(`issued by ${escapeText(settings.clientIssuers.join(' or '))}`);
  }
  return parts.join(', ');
}

/** The domain that a sentence names: that of the address, or the row's pattern when the address has none. */
export function subjectOf(finding: Finding): string {
  if (finding.address !== null && finding.address.domain !== '') return finding.address.domain;
  return finding.row?.pattern ?? 'a recipient';
}

/** What was seen that does not fit, as the second half of a sentence. */
export function describeBreach(finding: Finding, tls: TlsState): string {
  switch (finding.breach?.kind) {
    case undefined:
      return 'which this session meets';
    case 'plain':
      return 'this session is not encrypted';
    case 'protocol':
    case 'bits':
    case 'cipher':
      return `this session uses ${describeTls(tls)}`;
    case 'issuer':
      return `the client certificate was issued by ${tls.kind === 'tls' && tls.certificate.kind === 'trusted' ? escapeText(tls.certificate.issuer, MAX_FOREIGN) : '?'}`;
    case 'unknown':
      return `the mail server did not report enough about this session (${escapeText(finding.breach.why, 160)})`;
    case 'certificate':
    case 'name':
    case 'pin':
      return describeCertificate(tls);
  }
}

const POSTMASTER = 'mail for <postmaster> is accepted in any case (RFC 5321 section 4.5.1)';

/** One line per finding, in order: which row, for whom, and how it came out. */
export function reasonsOf(verdict: Verdict): string[] {
  switch (verdict.judged) {
    case 'no-mail':
      return ['no mail at this stage: nothing to judge'];
    case 'local':
      return ['did not arrive by SMTP: not judged'];
    case 'again':
      return ['this host sent it to itself for a second look: not judged'];
    case 'trusted-client':
      return ['client is in trusted-clients: not judged'];
    case 'judged':
      break;
  }
  if (verdict.findings.length === 0) return ['no row applies: accepted'];
  return verdict.findings.map((finding) => reasonOf(finding, verdict.tls));
}

/** The line of one finding. */
export function reasonOf(finding: Finding, tls: TlsState): string {
  const { row } = finding;
  if (row === null)
    return `recipients not shown: ${finding.breach?.kind === 'unknown' ? finding.breach.why : ''}`;
  const who = `${finding.side} ${escapeText(finding.address?.text ?? '')}`;
  const where = `row "${row.pattern}" (${formatPosition(row.at)}, receive = ${row.settings.receive}`;
  const how = finding.breach === null ? 'met' : describeBreach(finding, tls);
  const mode = row.settings.mode === 'observe' ? ', mode = observe' : '';
  const never = finding.toPostmaster === true && finding.breach !== null ? `; ${POSTMASTER}` : '';
  return `${who}: ${where}${mode}): ${how}${never}`;
}
