/**
 * Compares the names in a certificate with the names that are wanted, as Postfix does at `verify` and `secure`.
 *
 *   wanted           fits
 *   mx.bank.example  that name; *.bank.example: `*` stands for one whole label
 *   .bank.example    every name below bank.example, at any depth; *.bank.example too
 *
 * `*` counts as the first label only, and only above two labels or more. Comparison ignores case.
 * Sources: Postfix postconf(5), smtp_tls_verify_cert_match, smtp_tls_secure_cert_match; OpenSSL X509_check_host(3),
 * with X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS.
 */

/** Does one of the certificate's names fit one that is wanted? All in lower case. */
export function fittingName(names: readonly string[], wanted: readonly string[]): string | null {
  return names.find((name) => wanted.some((one) => fits(name, one))) ?? null;
}

function fits(name: string, wanted: string): boolean {
  if (name.includes('\0')) return false;
  if (wanted.startsWith('.')) return name.length > wanted.length && name.endsWith(wanted);
  if (name === wanted) return true;
  if (!name.startsWith('*.') || name.indexOf('.', 2) < 0) return false;
  const dot = wanted.indexOf('.');
  return dot > 0 && wanted.slice(dot) === name.slice(1);
}

/**
 * The words of smtp_tls_verify_cert_match and smtp_tls_secure_cert_match made into names: `hostname`, `nexthop`,
 * `dot-nexthop`, a name, `.suffix`. `nexthop`: the domain of the next hop, without
 * port; brackets are taken off.
 */
export function wantedNames(words: readonly string[], hostname: string, nexthop: string): readonly string[] {
  const bare = (name: string): string => name.replace(/^\[(?:ipv6:)?(.*)\]$/, '$1');
  return words.map((word) => {
    const lower = word.toLowerCase();
    if (lower === 'hostname') return bare(hostname);
    if (lower === 'nexthop') return bare(nexthop);
    return lower === 'dot-nexthop' ? `.${bare(nexthop)}` : lower;
  });
}
