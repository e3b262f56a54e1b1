/**
 * A decision about a delivery in words: what Postfix does with the answer. Pure text, for `explain`.
 *
 * Codes and texts of refusals are those of Postfix's smtp(8): 4.7.4 when TLS is required and not offered,
 * 4.7.5 when the certificate or the handshake fails, and 4.7.5 "client TLS configuration problem" when the
 * table cannot be asked.
 */
import type { DeliverDecision, DeliverPolicy } from './deliver.ts';
import { mandatory } from './level.ts';

/** Sentences, the main one first. */
export function describeDelivery(decision: DeliverDecision): readonly string[] {
  switch (decision.kind) {
    case 'silent':
      return [`Postfix uses its own smtp_tls_security_level: ${decision.why}`];
    case 'trouble':
      return [`Postfix defers the mail, 4.7.5 client TLS configuration problem: ${decision.why}`];
    case 'needs':
      return [`Postfix waits for the answer while what ${decision.question.name} publishes is looked up`];
    case 'policy': {
      const { policy } = decision;
      const sentence = [`Postfix ${ACTS[policy.level]}${certificate(policy)}`, ...floors(policy)].join('; ');
      if (!mandatory(policy.level)) return [sentence];
      return [sentence, `otherwise the mail waits in the queue: ${refusals(policy)}`];
    }
  }
}

const ACTS: Readonly<Record<DeliverPolicy['level'], string>> = {
  none: 'sends without TLS, even where it is offered',
  may: 'uses TLS where it is offered, and sends in plaintext elsewhere',
  dane: 'requires a matching server where TLSA records are published with DNSSEC; elsewhere uses TLS where it is offered',
  encrypt: 'sends under TLS only, whatever certificate the server has',
  'dane-only': 'sends under TLS only, to a server that matches TLSA records published with DNSSEC',
  fingerprint: 'sends under TLS only, to a server with',
  verify: 'sends under TLS only, to a server with a certificate of a trusted issuer for',
  secure: 'sends under TLS only, to a server with a certificate of a trusted issuer for',
};

function certificate({ level, match, attributes }: DeliverPolicy): string {
  const theirs = attributes.filter(({ name }) => name === 'match').map(({ value }) => value);
  if (theirs.length > 0)
    return level === 'fingerprint' ? ' a pinned certificate or key' : ` ${theirs.join(':')}`;
  if (level === 'fingerprint')
    return match.length === 1
      ? ' the pinned certificate or key'
      : ` one of ${match.length} pinned certificates or keys`;
  if (level !== 'verify' && level !== 'secure') return '';
  if (match.length > 0) return ` ${match.join(' or ')}`;
  return level === 'verify'
    ? ' the host name of the MX (smtp_tls_verify_cert_match)'
    : " the next hop's domain or a name below it (smtp_tls_secure_cert_match)";
}

function floors({ minProtocol, minBits, exclude }: DeliverPolicy): string[] {
  const words: string[] = [];
  if (minProtocol !== null) words.push(`${minProtocol} or later`);
  if (minBits > 112) words.push(`ciphers of ${minBits} bits or more${minBits > 128 ? ' up to TLSv1.2' : ''}`);
  if (exclude.length > 0)
    words.push(`without ${exclude.length === 1 ? exclude[0] : `${exclude.length} excluded ciphers`}`);
  return words;
}

function refusals({ level }: DeliverPolicy): string {
  const plain = '4.7.4 TLS is required, but was not offered';
  return level === 'encrypt' ? plain : `${plain}, or 4.7.5 Server certificate not verified`;
}
