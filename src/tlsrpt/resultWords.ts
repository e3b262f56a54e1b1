/**
 * The result types of RFC 8460 section 4.3 in words, and what whoever runs the reported servers can do about each. A
 * word that is none of them is shown as it was reported.
 */

interface ResultWords {
  /** What failed, as it goes on after "sessions failed:". */
  readonly words: string;
  /** What to do, in a sentence. */
  readonly mend: string;
  /** Is it about the certificate that we present? */
  readonly certificate?: true;
  /** What shows it: `HOST` and `DOMAIN` are put in; ''. */
  readonly look: string;
}

const CERTIFICATE_LOOK =
  'openssl s_client -starttls smtp -connect HOST:25 </dev/null | openssl x509 -noout -subject -ext subjectAltName -dates';
const POLICY_LOOK = 'curl -v https://mta-sts.DOMAIN/.well-known/mta-sts.txt';

const RESULTS: Readonly<Record<string, ResultWords>> = {
  'starttls-not-supported': {
    words: 'STARTTLS was not offered',
    mend: 'Offer STARTTLS on every MX host, and look for a filter on the way that removes it.',
    look: 'openssl s_client -starttls smtp -connect HOST:25 </dev/null',
  },
  'certificate-host-mismatch': {
    words: 'the certificate has another name',
    mend: 'The certificate must have the name of the MX host, as the MX record has it.',
    certificate: true,
    look: CERTIFICATE_LOOK,
  },
  'certificate-expired': {
    words: 'the certificate had expired',
    mend: 'Renew the certificate, and reload the mail server: it keeps the old one until then.',
    certificate: true,
    look: CERTIFICATE_LOOK,
  },
  'certificate-not-trusted': {
    words: 'the certificate was not trusted',
    mend: 'The file of the certificate must have the certificates between it and the root, too.',
    certificate: true,
    look: 'openssl s_client -starttls smtp -showcerts -connect HOST:25 </dev/null',
  },
  'validation-failure': {
    words: 'the certificate or the policy could not be validated',
    mend: 'The reason may stand in the report; else compare certificate, MTA-STS policy and TLSA records.',
    certificate: true,
    look: 'tlsward doctor',
  },
  'sts-policy-fetch-error': {
    words: 'the MTA-STS policy could not be fetched',
    mend: 'The web server of the policy must answer at all times, without redirects.',
    look: POLICY_LOOK,
  },
  'sts-policy-invalid': {
    words: 'the MTA-STS policy is not valid',
    mend: 'Its fields must be those of RFC 8461 section 3.2, and its `mx` lines must name every MX host.',
    look: POLICY_LOOK,
  },
  'sts-webpki-invalid': {
    words: 'the certificate of the MTA-STS web server is not valid',
    mend: 'Renew the certificate of the web server that has the policy.',
    look: POLICY_LOOK,
  },
  'tlsa-invalid': {
    words: 'no TLSA record fits the certificate',
    mend: 'Publish records for the new certificate before it is used, and keep the old ones for their TTL.',
    certificate: true,
    look: 'tlsward doctor',
  },
  'dnssec-invalid': {
    words: 'the DNSSEC signatures are not valid',
    mend: 'Look at signatures and DS records of the zone of the MX host.',
    look: 'delv HOST TLSA',
  },
  'dane-required': {
    words: 'the sender requires DANE, and there are no TLSA records',
    mend: 'Publish TLSA records, or tell the sender that there are none.',
    look: 'dig _25._tcp.HOST TLSA',
  },
};

const OTHER: ResultWords = { words: '', mend: 'The reporter can say what it means.', look: '' };
const NAME = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;

/** Is it one of the result types? */
export function isResultType(word: string): boolean {
  return Object.hasOwn(RESULTS, word);
}

/** In words; what is no result type stands as it was reported. */
export function resultWords(result: string): string {
  return resultOf(result).words || (result === '' ? 'no reason is named' : `"${result}"`);
}

export function mendOf(result: string): string {
  return resultOf(result).mend;
}

export function isAboutCertificate(result: string): boolean {
  return resultOf(result).certificate ?? false;
}

/** The command that shows it; ''. A name that is no plain host name is not put into it. */
export function lookCommand(result: string, host: string, domain: string): string {
  const named = (name: string, placeholder: string): string => (NAME.test(name) ? name : placeholder);
  return resultOf(result)
    .look.replaceAll('HOST', named(host, 'HOST'))
    .replaceAll('DOMAIN', named(domain, 'DOMAIN'));
}

function resultOf(result: string): ResultWords {
  return isResultType(result) ? RESULTS[result]! : OTHER;
}
