/**
 * A verdict in words: the SMTP reply, the reasons, what was required and what was seen. Pure text, no protocol framing.
 *
 * Codes by kind of breach (design: "What a level means on the receive leg"); the enhanced codes are those of RFC 3463
 * and the IANA registry: X.7.0 other security status, X.7.5 cryptographic failure, X.7.6 algorithm not supported, and
 * X.3.5 system incorrectly configured for a state the MTA did not tell us, which is never the sender's fault.
 *
 * Foreign text (addresses, certificate names) is escaped and cut before it enters a sentence.
 */

import { escapeLine, escapeText } from '../core/escape.ts';
import { formatPosition } from '../core/position.ts';
import type { TlsState } from '../core/tls.ts';
import type { Finding, Verdict } from '../core/verdict.ts';
import { certificateNames } from './decide.ts';

/** An SMTP reply without framing; `text` is one line of printable ASCII. */
export interface Reply {
  readonly code: number;
  readonly dsn: string;
  readonly text: string;
}

/** Longest reply text: Postfix cuts policy replies at 510 bytes with its own words around ours. */
const MAX_REPLY_TEXT = 360;
/** Characters of one foreign text in it. */
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
      return 'the mail server did not tell about the client certificate';
    case 'trusted':
      return `the verified client certificate names ${certificate.commonName === '' ? 'nobody (no CN)' : escapeText(certificate.commonName, MAX_FOREIGN)}`;
  }
}

/** What the row of this finding asks for: "TLSv1.2 or later, 128 bits or more, a client certificate for mx1.gov.example". */
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

/** The domain a sentence speaks of: that of the address, or the row's pattern when the address has none. */
export function subjectOf(finding: Finding): string {
  if (finding.address !== null && finding.address.domain !== '') return finding.address.domain;
  return finding.row?.pattern ?? 'a recipient';
}

/** What was seen that does not fit, as the second half of a sentence. */
function describeBreach(finding: Finding, tls: TlsState): string {
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
      return `the mail server did not tell enough about this session (${escapeText(finding.breach.why, 160)})`;
    case 'certificate':
    case 'name':
    case 'pin':
      return describeCertificate(tls);
  }
}

/** Codes of a permanent and of a temporary refusal: SMTP reply code, enhanced status code. */
type Codes = readonly [permanent: number, dsn: string, temporary: number, dsn: string];

function codesOf(finding: Finding): Codes {
  switch (finding.breach?.kind) {
    case 'plain':
      return [530, '5.7.0', 450, '4.7.0'];
    case 'protocol':
    case 'bits':
    case 'cipher':
      return [550, '5.7.6', 450, '4.7.6'];
    case 'unknown':
      return [451, '4.3.5', 451, '4.3.5'];
    default:
      return [550, '5.7.5', 450, '4.7.5'];
  }
}

/**
 * The reply to a refusal: `action` is what is (or in observe mode would be) done, `code` the eight characters that
 * `tlsward lookup` finds again. The row's own `reply` text may use {domain} {required} {seen} {help} {contact} {code}.
 */
export function replyFor(finding: Finding, action: 'defer' | 'reject', tls: TlsState, code: string): Reply {
  const [permanent, permanentDsn, temporary, temporaryDsn] = codesOf(finding);
  const [smtpCode, dsn] = action === 'reject' ? [permanent, permanentDsn] : [temporary, temporaryDsn];
  const settings = finding.row?.settings;
  const fields: Readonly<Record<string, string>> = {
    domain: escapeText(subjectOf(finding), MAX_FOREIGN),
    required: describeRequired(finding),
    seen: describeBreach(finding, tls),
    help: settings?.help ?? '',
    contact: settings?.contact ?? '',
    code,
  };
  const template = settings?.reply ?? '{domain} requires TLS ({required}); {seen}. {help}';
  const said = escapeLine(
    template
      .replace(/\{([a-z]+)\}/g, (whole, name: string) =>
        Object.hasOwn(fields, name) ? fields[name]! : whole,
      )
      .trim(),
    MAX_REPLY_TEXT,
  );
  // the template may have it, and the cut may have taken it away again
  const text = said.includes(code) ? said : `${said} [${code}]`;
  return { code: smtpCode, dsn, text };
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
