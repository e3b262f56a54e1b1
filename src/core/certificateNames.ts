/**
 * The names of a host that a certificate is for, out of node's texts of it: the DNS names of the subjectAltName, and the
 * common name only where there is none, as OpenSSL compares them (X509_check_host(3), RFC 6125 section 6.4.4).
 */

interface CertificateTexts {
  /** `DNS:mx.bank.example, IP Address:192.0.2.1`, as X509Certificate of node:crypto has it. */
  readonly subjectAltName?: string | undefined;
  /** Attributes on lines of their own: `O=Bank\nCN=mx.bank.example`. */
  readonly subject?: string | undefined;
}

const MAX_NAMES = 1000;

/** In lower case; the first 1,000. */
export function certificateNames({ subjectAltName = '', subject = '' }: CertificateTexts): string[] {
  const { names, some } = dnsEntries(subjectAltName);
  if (some) return names;
  const common = subject.split('\n').find((line) => line.startsWith('CN='));
  return common === undefined ? [] : [common.slice(3).toLowerCase()];
}

/**
 * Node puts an entry with other characters than those of a name into quotes, where a comma ends nothing; such an entry is
 * no name of a host, but the common name does not count beside it either (`some`).
 */
function dnsEntries(text: string): { readonly names: string[]; readonly some: boolean } {
  const names: string[] = [];
  let some = false;
  let start = 0;
  let quoted = false;
  for (let i = 0; i <= text.length && names.length < MAX_NAMES; i++) {
    if (quoted && text[i] === '\\') i++;
    else if (text[i] === '"') quoted = !quoted;
    if (i < text.length && (quoted || !text.startsWith(', ', i))) continue;
    const entry = text.slice(start, i);
    if (entry.startsWith('DNS:')) {
      some = true;
      if (!entry.includes('"')) names.push(entry.slice(4).toLowerCase());
    }
    start = i + 2;
  }
  return { names, some };
}
