/**
 * What smtpd(8) must offer and record so that there is something to judge: TLS itself, client certificates
 * where rows ask for them, and the lines of log and header. TLS is switched on only where there is a
 * certificate.
 */
import { listOf } from '../mta/listValue.ts';
import { isParameter, isYes, type PostfixConfig, valueFor } from '../mta/postfixConfig.ts';
import { restrictionsFor } from '../mta/restrictions.ts';
import type { Draft } from './draft.ts';
import type { Wanted } from './wanted.ts';

const CERTIFICATES = [
  'smtpd_tls_chain_files',
  'smtpd_tls_cert_file',
  'smtpd_tls_eccert_file',
  'smtpd_tls_dcert_file',
];

/** TLS, the log of it, and line ends. */
export function planOfferedTls(draft: Draft, wanted: Wanted): void {
  planLevel(draft);
  const value = (name: string): string => valueFor(draft.config, name);
  if (value('smtpd_tls_loglevel') === '0')
    draft.main('inbound', 'smtpd_tls_loglevel', '1', 'One line in the mail log for each TLS session.');
  if (!isYes(draft.config, 'smtpd_tls_received_header'))
    draft.main(
      'inbound',
      'smtpd_tls_received_header',
      'yes',
      'The Received field then says by which TLS the message came.',
    );
  if (value('smtpd_forbid_bare_newline') === 'no' && isParameter(draft.config, 'smtpd_forbid_bare_newline'))
    draft.main(
      'inbound',
      'smtpd_forbid_bare_newline',
      'yes',
      'Otherwise a client can smuggle messages past every check (SMTP smuggling).',
    );
  if (wanted.needs.clientCertificates || wanted.needs.fingerprints) planCertificates(draft);
  if (wanted.needs.fingerprints) planDigest(draft);
}

function planLevel(draft: Draft): void {
  const { config } = draft;
  const level = valueFor(config, 'smtpd_tls_security_level');
  const certificate = CERTIFICATES.map((name) => valueFor(config, name)).find(
    (file) => file !== '' && file !== 'none',
  );
  // the older parameters count where the newer one is empty
  const older = isYes(config, 'smtpd_enforce_tls') || isYes(config, 'smtpd_use_tls');
  if (level === 'none')
    draft.warn(
      'inbound',
      'smtpd_tls_security_level = none: no client can use TLS here, so every row that requires it would refuse all mail. It stays as you wrote it.',
    );
  else if (certificate === undefined)
    draft.warn(
      'inbound',
      'There is no certificate (smtpd_tls_cert_file, smtpd_tls_chain_files), so TLS is not offered, and every row that requires it would refuse all mail. Get one, name it in main.cf, and run setup again.',
    );
  else if (level === '' && !older)
    draft.main(
      'inbound',
      'smtpd_tls_security_level',
      'may',
      `There is a certificate (${listOf(certificate)[0] ?? ''}), but STARTTLS is not offered; no client is forced to use it.`,
    );
}

function planCertificates(draft: Draft): void {
  const { config } = draft;
  if (!isYes(config, 'smtpd_tls_ask_ccert') && !isYes(config, 'smtpd_tls_req_ccert'))
    draft.main(
      'inbound',
      'smtpd_tls_ask_ccert',
      'yes',
      'Rows of the table ask for client certificates (receive = verify, fingerprint), which Postfix must request.',
    );
  const trusts = ['smtpd_tls_CAfile', 'smtpd_tls_CApath'].some((name) => valueFor(config, name) !== '');
  if (!trusts && !isYes(config, 'tls_append_default_CA'))
    draft.warn(
      'inbound',
      'smtpd_tls_CAfile is empty: no client certificate can be verified, and rows with receive = verify refuse mail. Which issuers to trust is for you to say.',
    );
}

/** Pins are SHA-256, unless the digests are used for something else already. */
function planDigest(draft: Draft): void {
  const { config } = draft;
  const digest = valueFor(config, 'smtpd_tls_fingerprint_digest');
  if (digest === 'sha256') return;
  if (usesDigests(config))
    draft.warn(
      'inbound',
      `smtpd_tls_fingerprint_digest is ${digest}, and relay_clientcerts or check_ccert_access uses it: rows with fingerprint need sha256. Change it together with those tables.`,
    );
  else
    draft.main(
      'inbound',
      'smtpd_tls_fingerprint_digest',
      'sha256',
      'Pins in the table are SHA-256 digests; nothing else here uses them.',
    );
}

function usesDigests(config: PostfixConfig): boolean {
  if (valueFor(config, 'relay_clientcerts') !== '') return true;
  return ['client', 'helo', 'sender', 'relay', 'recipient', 'data', 'end_of_data'].some((stage) =>
    restrictionsFor(config, `smtpd_${stage}_restrictions`).some(({ name }) => name === 'check_ccert_access'),
  );
}
