/**
 * Why a message was not protected as it should have been, in words. Pure; each text is bounded before it is looked at.
 *
 * Outbound the MTA's own words decide (Postfix smtp_proto.c, smtp_tls_policy.c and tls_verify.c, Sendmail's rule sets
 * tls_server and tls_rcpt), not the status code: 4.7.4 and 4.7.5 are used by servers for other things, too. What a
 * server said stands behind ` said: `, and says nothing of TLS unless it asks for it.
 */
import type { DeliveryRecord, VerdictEvidence } from '../evidence/record.ts';

/** A failure for want of TLS. `proves`: the level that this host must have demanded, at least; '': it did not. */
interface TlsFailure {
  readonly cause: string;
  readonly proves: '' | 'encrypt' | 'verify';
}

/** qmgr(8) of Postfix repeats behind this why it no longer tries a destination. */
const SUSPENDED = 'delivery temporarily suspended: ';
const MAX_TEXT = 600;
const MAX_WORDS = 120;

type Words = readonly [text: string, cause: string, proves: TlsFailure['proves']];

/** In the reason that the MTA gives, lower case; the first that fits. */
const OURS: readonly Words[] = [
  ['tls is required, but was not offered', 'no STARTTLS offered', 'encrypt'],
  ['refused to start tls', 'STARTTLS refused by the server', 'encrypt'],
  ['our tls engine is unavailable', 'TLS not available on this host', 'encrypt'],
  ['tls is required, but', 'TLS required and not available', 'encrypt'],
  ['cannot start tls: handshake failure', 'handshake failed', 'encrypt'],
  ['client tls configuration problem', 'TLS policy not usable', 'encrypt'],
  ['tls policy lookup', 'TLS policy not known', 'encrypt'],
  ['tlsa lookup error', 'TLSA records not available', 'verify'],
  ['no tlsa records found', 'no TLSA records', 'verify'],
  ['non dnssec destination', 'no DNSSEC', 'verify'],
  ['tlsa records unusable', 'no usable TLSA records', 'verify'],
  ['dns resolver options incompatible', 'DANE not possible on this host', 'verify'],
  ['requiretls', 'REQUIRETLS not supported by the server', 'encrypt'],
];

/** Behind `Server certificate not ...`, or what the MTA logged of it before. */
const CERTIFICATE: readonly (readonly [text: string, cause: string])[] = [
  // behind it stands a name that anyone may choose
  ['untrusted issuer', 'certificate of an untrusted issuer'],
  ['expired', 'certificate expired'],
  ['not yet valid', 'certificate not yet valid'],
  ['dane tlsa', 'certificate does not match TLSA'],
  ['mismatch', 'certificate of another name'],
  ['not listed in sans', 'certificate of another name'],
  ['self-signed', 'certificate self-signed'],
  ['self signed', 'certificate self-signed'],
  ['unable to get', 'certificate of an untrusted issuer'],
  ['not_trusted', 'certificate not trusted'],
  ['not trusted', 'certificate not trusted'],
  ['revoked', 'certificate revoked'],
];

/** What a server says that takes no mail in plaintext (RFC 3207 section 4, X.7.10 of the IANA registry). */
const ASKED = ['must issue a starttls', 'issue starttls', 'encryption is required', 'encryption required'];

/** What made the MTA suspend deliveries, else the reason itself. */
export function withoutSuspension(reason: string): string {
  return reason.startsWith(SUSPENDED) ? reason.slice(SUSPENDED.length) : reason;
}

/** null: it failed for another reason. `reply`: what the MTA logged; `why`: what it logged of the session before. */
export function tlsFailure({
  reply = '',
  tls,
  dsn = '',
}: Pick<DeliveryRecord, 'reply' | 'tls' | 'dsn'>): TlsFailure | null {
  const text = withoutSuspension(reply).slice(0, MAX_TEXT).toLowerCase();
  const said = text.indexOf(' said: ');
  if (said >= 0 && !text.includes('refused to start tls')) {
    const asks = dsn.endsWith('.7.10') || ASKED.some((words) => text.includes(words, said));
    return asks ? { cause: 'the server asks for TLS', proves: '' } : null;
  }
  const noted = `${tls.why ?? ''}`.slice(0, MAX_TEXT).toLowerCase();
  if (text.startsWith('server certificate not '))
    return { cause: certificateCause(`${noted} ${text}`), proves: 'verify' };
  const sendmail = /; tls_(?:server|rcpt|clt|client): |; try_tls: /.exec(text);
  if (sendmail !== null) return bySendmail(text.slice(sendmail.index));
  for (const [words, cause, proves] of OURS) if (text.includes(words)) return { cause, proves };
  if (text === 'temporary lookup error' && dsn === '4.3.0')
    return { cause: 'TLS policy not known', proves: '' };
  return null;
}

function certificateCause(text: string): string {
  for (const [words, cause] of CERTIFICATE) if (text.includes(words)) return cause;
  return 'certificate not verified';
}

function bySendmail(text: string): TlsFailure {
  if (text.includes('encryption too weak 0 ') || text.includes('does not support starttls'))
    return { cause: 'no STARTTLS offered', proves: 'encrypt' };
  if (text.includes('encryption too weak')) return { cause: 'encryption too weak', proves: 'encrypt' };
  if (text.includes('handshake failed')) return { cause: 'handshake failed', proves: 'encrypt' };
  return { cause: certificateCause(text), proves: 'verify' };
}

/** What a verdict found wrong; '' if nothing is known of it. */
export function verdictCause({ breach, tls, action, rule, reply }: VerdictEvidence): string {
  switch (breach) {
    case undefined:
      if (action !== 'reject' && action !== 'defer') return '';
      if (rule !== undefined) return `rule ${rule}`.slice(0, MAX_WORDS);
      return (reply ?? 'refused').slice(0, MAX_WORDS);
    case 'plain':
      return 'plaintext';
    case 'unknown':
      return tls.state === 'unknown' ? 'TLS not reported by the MTA' : 'not all reported by the MTA';
    case 'protocol':
      return `old protocol ${tls.protocol ?? ''}`.slice(0, MAX_WORDS);
    case 'cipher':
      return `cipher ${tls.cipher ?? ''}`.slice(0, MAX_WORDS);
    case 'bits':
      return `key of ${tls.bits ?? '?'} bits`;
    case 'certificate':
      return tls.certificate === 'none' ? 'no client certificate' : 'client certificate not trusted';
    case 'name':
      return 'client certificate of another name';
    case 'issuer':
      return 'client certificate of another issuer';
    case 'pin':
      return 'client certificate not the pinned one';
    default:
      return breach.slice(0, MAX_WORDS);
  }
}
