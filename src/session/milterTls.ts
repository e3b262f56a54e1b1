/**
 * From macros to the TLS state of an SMTP session: the only place that interprets the macros of each MTA.
 *
 * An MTA omits macros that have no value, so an absent TLS macro means plaintext only if we know that it was
 * requested. The proof is `{client_addr}` among the macros of MAIL: no MTA sends it there by default, it
 * always has a value, and it is in the same list as our TLS macros. If it is present, the macros of MAIL
 * decide alone. Without it (a version of the protocol without macro lists) the macros of HELO can prove TLS
 * but not plaintext, and the state is unknown.
 *
 * The certificate, for a session with TLS:
 *
 *     `{verify}` present (Sendmail)           OK trusted; FAIL untrusted; NO, NONE none; NOT and the rest unknown
 *     `{verify}` absent, `v` says Postfix     `{cert_issuer}` present: trusted; absent: none, or one that did not verify
 *     otherwise                               unknown
 *
 * Sendmail gives subject and issuer of certificates that failed to verify, Postfix only those that verified,
 * and without the issuer's name only when it has none. An empty value is not an absent one: a verified
 * certificate without a CN has an empty subject. Postfix's values are bare bytes, Sendmail's have `+XX` in
 * them.
 *
 * Sources: Postfix MILTER_README and `smtpd_milter.c`, Sendmail `cf/README` (STARTTLS variables) and `tls.c`.
 */
import { type ClientCertificate, PLAIN, type TlsState } from '../core/tls.ts';
import { decodeXtext, utf8OrLatin1 } from '../wire/foreignText.ts';
import { macroValue } from '../wire/milterMacros.ts';

/** Where the facts come from. */
export interface TlsSources {
  /** Macros of the last HELO and of this MAIL. */
  readonly heloMacros: string;
  readonly mailMacros: string;
  /** Did we send our own macro lists at negotiation? */
  readonly listsSent: boolean;
  /** Macro `v` of CONNECT names Postfix. */
  readonly postfix: boolean;
}

const NOT_TOLD: TlsState = {
  kind: 'unknown',
  why:
    'the mail server did not send the macros requested at MAIL: set milter_protocol = 6 in Postfix, ' +
    'or list {tls_version} in milter_helo_macros (Sendmail: confMILTER_MACROS_HELO)',
};

const CERTIFICATE_NOT_TOLD: ClientCertificate = {
  kind: 'unknown',
  why: 'the mail server did not send the macros requested at MAIL: set milter_protocol = 6 in Postfix',
};
const VERIFY_NOT_TOLD: ClientCertificate = {
  kind: 'unknown',
  why:
    'the mail server did not report whether the certificate verified: list {verify} in confMILTER_MACROS_ENVFROM (Sendmail), ' +
    'or v in milter_connect_macros (Postfix)',
};
const NAME_NOT_TOLD: ClientCertificate = {
  kind: 'unknown',
  why: 'the mail server did not send {cn_subject}: list it with {verify} in confMILTER_MACROS_ENVFROM (Sendmail)',
};
const NOT_ASKED: ClientCertificate = {
  kind: 'unknown',
  why: 'the mail server does not ask clients for a certificate: remove V from confTLS_SRV_OPTIONS (Sendmail)',
};
const NO_CERTIFICATE: ClientCertificate = { kind: 'none' };
const UNPROVEN: ClientCertificate = { kind: 'unproven' };
const UNTRUSTED: ClientCertificate = { kind: 'untrusted', fingerprints: [] };

/** The TLS state for the message that these macros of MAIL begin. */
export function tlsOf(sources: TlsSources): TlsState {
  const { heloMacros, mailMacros, listsSent, postfix } = sources;
  const proven = listsSent && macroValue(mailMacros, 'client_addr') !== null;
  const atMail = macroValue(mailMacros, 'tls_version');
  if (atMail !== null) return encrypted(atMail, mailMacros, proven, postfix);
  if (proven) return PLAIN;
  const atHelo = macroValue(heloMacros, 'tls_version');
  return atHelo === null ? NOT_TOLD : encrypted(atHelo, heloMacros, false, postfix);
}

function encrypted(protocol: string, macros: string, proven: boolean, postfix: boolean): TlsState {
  const cipher = macroValue(macros, 'cipher') ?? '';
  return {
    kind: 'tls',
    protocol,
    cipher,
    bits: bitsOf(macroValue(macros, 'cipher_bits'), cipher),
    certificate: certificateOf(macros, proven, postfix),
  };
}

/** Key bits. With a cipher, 0 is the value of a NULL cipher: known, but no encryption. */
function bitsOf(text: string | null, cipher: string): number | null {
  if (text === '0' && cipher !== '') return 0;
  return text !== null && /^[1-9][0-9]{0,5}$/.test(text) ? Number(text) : null;
}

function certificateOf(macros: string, proven: boolean, postfix: boolean): ClientCertificate {
  const verify = macroValue(macros, 'verify');
  switch (verify) {
    case null:
      return postfix ? postfixCertificate(macros, proven) : VERIFY_NOT_TOLD;
    case 'OK':
      return sendmailCertificate(macros);
    case 'NO':
    case 'NONE':
      return NO_CERTIFICATE;
    case 'FAIL':
      return UNTRUSTED;
    case 'NOT':
      return NOT_ASKED;
    default:
      return {
        kind: 'unknown',
        why: `the mail server could not verify the certificate: {verify} is ${verify}`,
      };
  }
}

function postfixCertificate(macros: string, proven: boolean): ClientCertificate {
  if (!proven) return CERTIFICATE_NOT_TOLD;
  const issuer = macroValue(macros, 'cert_issuer');
  if (issuer === null) return UNPROVEN;
  return {
    kind: 'trusted',
    commonName: utf8OrLatin1(macroValue(macros, 'cert_subject') ?? ''),
    issuer: utf8OrLatin1(issuer),
    fingerprints: [],
  };
}

function sendmailCertificate(macros: string): ClientCertificate {
  const commonName = macroValue(macros, 'cn_subject');
  if (commonName === null) return NAME_NOT_TOLD;
  return {
    kind: 'trusted',
    commonName: sendmailName(commonName),
    issuer: sendmailName(macroValue(macros, 'cn_issuer') ?? ''),
    fingerprints: [],
  };
}

/** A name as Sendmail sends it; if there is none, Sendmail sends a special word (`BadCertificateUnknown`). */
function sendmailName(value: string): string {
  return value.startsWith('BadCertificate') ? '' : decodeXtext(value);
}
