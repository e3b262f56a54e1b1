/**
 * The SMTP reply to a verdict that refuses: codes and text, without protocol framing.
 *
 * The codes depend on the kind of breach (contrib/doc/inbound.md); the enhanced codes are those of RFC 3463
 * and the IANA registry: X.7.0 other security status, X.7.5 cryptographic failure, X.7.6 algorithm not
 * supported, and X.3.5 system incorrectly configured for a state that the MTA did not report, which is never
 * the sender's fault.
 *
 * Foreign text (addresses, certificate names) is escaped and cut before it enters a sentence.
 */
import { escapeLine, escapeText } from '../core/escape.ts';
import type { TlsState } from '../core/tls.ts';
import type { Finding } from '../core/verdict.ts';
import { describeBreach, describeRequired, subjectOf } from './describeVerdict.ts';

/** An SMTP reply without framing; `text` is one line of printable ASCII. */
export interface Reply {
  readonly code: number;
  readonly dsn: string;
  readonly text: string;
}

/** Longest reply text: Postfix cuts policy replies at 510 bytes with its own words around ours. */
const MAX_REPLY_TEXT = 360;
/** Longest domain in it, in characters. */
const MAX_DOMAIN = 128;

type Codes = Readonly<Record<'reject' | 'defer', readonly [code: number, dsn: string]>>;

function codesOf(finding: Finding): Codes {
  switch (finding.breach?.kind) {
    case 'plain':
      return { reject: [530, '5.7.0'], defer: [450, '4.7.0'] };
    case 'protocol':
    case 'bits':
    case 'cipher':
      return { reject: [550, '5.7.6'], defer: [450, '4.7.6'] };
    case 'unknown':
      return { reject: [451, '4.3.5'], defer: [451, '4.3.5'] };
    default:
      return { reject: [550, '5.7.5'], defer: [450, '4.7.5'] };
  }
}

/**
 * The reply to a refusal: `action` is what is done, or would be done in observe mode; `lookupCode` is the
 * code for `tlsward lookup`. The row's own `reply` text may use {domain} {required} {seen} {help} {contact}
 * {code}.
 */
export function replyFor(
  finding: Finding,
  action: 'defer' | 'reject',
  tls: TlsState,
  lookupCode: string,
): Reply {
  const [code, dsn] = codesOf(finding)[action];
  const settings = finding.row?.settings;
  const fields: Readonly<Record<string, string>> = {
    domain: escapeText(subjectOf(finding), MAX_DOMAIN),
    required: describeRequired(finding),
    seen: describeBreach(finding, tls),
    help: settings?.help ?? '',
    contact: settings?.contact ?? '',
    code: lookupCode,
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
  // the template may contain the code, and cutting may have removed it
  const text = said.includes(lookupCode) ? said : `${said} [${lookupCode}]`;
  return { code, dsn, text };
}
