/**
 * Plays Postfix against a policy service: one request as Postfix 3.7 sends it, one answer. For `tlsward
 * simulate policy`.
 * Source: Postfix SMTPD_POLICY_README.
 */
import type { ListenAddress } from '../config/keys/listenAddress.ts';
import type { TlsState } from '../core/tls.ts';
import {
  encodePolicyRequest,
  type PolicyAnswer,
  PolicyAnswerDecoder,
  type PolicyAttributes,
} from '../wire/policyClient.ts';
import { connectTo, PlayError } from './daemonSocket.ts';

interface PolicyQuestion {
  readonly state: string;
  readonly clientAddress: string;
  readonly heloName: string;
  /** Internal form, '' is the null sender. */
  readonly sender: string;
  readonly recipient: string;
  readonly saslUsername: string;
  readonly tls: TlsState;
}

/**
 * Every attribute of Postfix 3.7, in its order; an unknown TLS state leaves the TLS attributes out, as a
 * build without TLS does.
 */
function attributesOf(question: PolicyQuestion): PolicyAttributes {
  const { tls } = question;
  const encrypted = tls.kind === 'tls' ? tls : null;
  const certificate = encrypted?.certificate ?? null;
  const trusted = certificate?.kind === 'trusted' ? certificate : null;
  const digests =
    certificate?.kind === 'trusted' || certificate?.kind === 'untrusted' ? certificate.fingerprints : [];
  const common = {
    protocol_state: question.state,
    protocol_name: 'ESMTP',
    client_address: question.clientAddress,
    client_name: 'unknown',
    client_port: '40000',
    reverse_client_name: 'unknown',
    server_address: '127.0.0.1',
    server_port: '25',
    helo_name: question.heloName,
    sender: question.sender,
    recipient: question.recipient,
    recipient_count: '0',
    queue_id: '',
    instance: `simulate.${process.pid}.${Date.now().toString(16)}`,
    size: '0',
    etrn_domain: '',
    stress: '',
    sasl_method: question.saslUsername === '' ? '' : 'PLAIN',
    sasl_username: question.saslUsername,
    sasl_sender: '',
  };
  if (tls.kind === 'unknown') return common;
  return {
    ...common,
    ccert_subject: xtext(trusted?.commonName ?? ''),
    ccert_issuer: xtext(trusted?.issuer ?? ''),
    ccert_fingerprint: digests[0] ?? (trusted === null && certificate?.kind !== 'untrusted' ? '' : '00'),
    ccert_pubkey_fingerprint: digests[1] ?? '',
    encryption_protocol: encrypted?.protocol ?? '',
    encryption_cipher: encrypted?.cipher ?? '',
    encryption_keysize: String(encrypted?.bits ?? 0),
    policy_context: '',
  };
}

/** RFC 3461 section 4: what is not printable, `+` and `=` as `+XX`; Postfix does so with blanks too. */
function xtext(text: string): string {
  let out = '';
  for (const byte of new TextEncoder().encode(text)) {
    const plain = byte > 0x20 && byte < 0x7f && byte !== 0x2b && byte !== 0x3d;
    out += plain ? String.fromCharCode(byte) : `+${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}

/** Asks once; rejects with PlayError when there is no answer within ten seconds. */
export function askPolicy(
  address: ListenAddress,
  question: PolicyQuestion,
): Promise<{ readonly request: PolicyAttributes; readonly answer: PolicyAnswer }> {
  return new Promise((resolve, reject) => {
    const request = attributesOf(question);
    const decoder = new PolicyAnswerDecoder();
    const socket = connectTo(address);
    const fail = (message: string): void => {
      socket.destroy();
      reject(new PlayError(message));
    };
    socket.setTimeout(10_000, () => fail('no answer within 10 s'));
    socket.on('error', (error) => fail(`cannot reach the policy service: ${error.message}`));
    socket.on('connect', () => socket.write(encodePolicyRequest(request)));
    socket.on('data', (chunk) => {
      decoder.push(chunk);
      const answer = decoder.next();
      if (answer === null) return;
      socket.end();
      resolve({ request, answer });
    });
    socket.on('close', () => fail('the policy service closed without an answer'));
  });
}
