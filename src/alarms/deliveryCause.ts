/**
 * Why an attempt to deliver failed for want of TLS, in words, from the DSN and the text that Postfix or Sendmail
 * logged. null: for another reason. Only the first 1,000 characters are looked at, each once for each cause.
 *
 * Sources: Postfix src/smtp/smtp_proto.c, smtp_tls_policy.c, tls_verify.c (texts), RFC 3463 with RFC 8461 and 7672 for
 * the codes X.7.4 and X.7.5.
 */
export type DeliveryCause =
  | 'no STARTTLS offered'
  | 'certificate expired'
  | 'certificate issued by somebody else'
  | 'certificate for another name'
  | 'certificate does not fit the TLSA records'
  | 'certificate not trusted'
  | 'TLS handshake failed'
  | 'TLS settings of this host'
  | 'TLS policy not met';

const MAX_TEXT = 1000;

/** In this order: a text may have the words of several. */
const WORDS: readonly (readonly [cause: DeliveryCause, words: readonly string[]])[] = [
  [
    'no STARTTLS offered',
    [
      'not offered by host',
      'starttls was not offered',
      'host did not offer starttls',
      'does not support starttls',
    ],
  ],
  ['certificate expired', ['certificate has expired', 'certificate expired', 'certificate is expired']],
  [
    'certificate issued by somebody else',
    ['untrusted issuer', 'unable to get local issuer', 'self-signed', 'self signed', 'unknown ca'],
  ],
  [
    'certificate for another name',
    [
      'peername mismatch',
      'hostname mismatch',
      'name mismatch',
      'not match the host',
      'certificate not matched',
    ],
  ],
  ['certificate does not fit the TLSA records', ['no matching dane', 'tlsa', 'dane']],
  [
    'certificate not trusted',
    [
      'certificate not trusted',
      'certificate not verified',
      'certificate verif',
      'verification failed',
      'not verify',
    ],
  ],
  ['TLS settings of this host', ['client tls configuration problem', 'tls engine is unavailable']],
  [
    'TLS handshake failed',
    ['tls handshake', 'cannot start tls', 'handshake failure', 'tls negotiation', 'ssl_connect error'],
  ],
  ['TLS policy not met', ['tls is required', 'mta-sts', 'must issue a starttls', 'tls required']],
];

/** Codes that may stand for a want of TLS (RFC 3463: 7.4 features not supported, 7.5 cryptographic failure). */
const CODE = /^[45]\.7\.(?:4|5|10)$/;

/** `peer`: what the MTA says of the server in the same session; `trusted` alone is a chain under another name. */
export function deliveryCause(dsn: string, reply: string, peer = ''): DeliveryCause | null {
  const text = reply.slice(0, MAX_TEXT).toLowerCase();
  const coded = CODE.test(dsn);
  // another server's text about its own policy has a code, and names TLS in its own words
  if (!coded && !/\btls\b|starttls|certificate/.test(text)) return null;
  const found = WORDS.find(([, words]) => words.some((word) => text.includes(word)));
  if (found?.[0] === 'certificate not trusted') {
    if (peer === 'trusted') return 'certificate for another name';
    if (peer === 'untrusted') return 'certificate issued by somebody else';
  }
  if (found !== undefined) return found[0];
  return coded ? 'TLS policy not met' : null;
}

/** Does the partner's certificate itself prove it? Then one failure is enough. */
export function isCertificate(cause: DeliveryCause): boolean {
  return (
    cause === 'certificate expired' ||
    cause === 'certificate issued by somebody else' ||
    cause === 'certificate for another name'
  );
}
