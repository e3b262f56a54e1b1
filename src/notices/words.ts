/** Why a message waits, in words for its author, who administers nothing. Pure; a domain was escaped before. */

const NOT_OFFERED = new Set([
  'no STARTTLS offered',
  'STARTTLS refused by the server',
  'TLS required and not available',
  'handshake failed',
]);
const CERTIFICATE: Readonly<Record<string, string>> = {
  'certificate expired': 'its certificate has expired',
  'certificate not yet valid': 'its certificate is not valid yet',
  'certificate of another name': 'its certificate is for another name',
  'certificate revoked': 'its certificate was revoked',
};
const DNS = new Set(['no TLSA records', 'no usable TLSA records', 'no DNSSEC', 'TLSA records not available']);
const OF_THIS_HOST = new Set([
  'TLS not available on this host',
  'DANE not possible on this host',
  'TLS policy not usable',
]);

/** A whole sentence. `cause`: as `tlsward queue` names it. */
export function whyWords(cause: string, domain: string): string {
  const server = `The mail server of ${domain}`;
  if (NOT_OFFERED.has(cause)) return `${server} does not take mail over an encrypted connection at present.`;
  if (cause === 'encryption too weak') return `${server} offers weaker encryption than is demanded here.`;
  if (cause.startsWith('certificate '))
    return `${server} could not prove that it is the right one: ${CERTIFICATE[cause] ?? 'its certificate could not be verified'}.`;
  if (DNS.has(cause))
    return `It could not be verified which mail server is the right one for ${domain}: the records that say so are missing or cannot be read.`;
  if (cause === 'TLS policy not known')
    return `This mail server could not find out how mail to ${domain} must be protected, and does not guess.`;
  if (OF_THIS_HOST.has(cause))
    return `This mail server itself cannot set up the protected connection that mail to ${domain} needs.`;
  if (cause === 'the server asks for TLS')
    return `${server} takes mail over an encrypted connection only, and the settings here do not use one.`;
  return `A connection to ${domain} that is protected as it must be was not possible.`;
}
