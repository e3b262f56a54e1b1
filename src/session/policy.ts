/**
 * Policy delegation as a `Protocol`: each request becomes one transaction, each verdict one action.
 *
 * Each request is independent: Postfix repeats everything it knows, so the only state is "a request is being
 * decided". A request does not list the recipients of a message with several recipients after RCPT
 * (`recipient` is then empty). The transaction then has `unseenRecipients`, and the code that answers the
 * question may know them from earlier requests with the same `instance`.
 *
 * Absent and empty attributes are different. If `encryption_*` and `ccert_*` are absent, Postfix was built
 * without TLS or is too old, and the TLS state is unknown. If they are present and empty, the session is in
 * plaintext, or has no certificate. `ccert_issuer` shows a trusted chain; `ccert_subject` does not, because
 * it is empty for a certificate without a CN.
 *
 * When our own code throws, no answer is sent: Postfix tries again after a second on a new connection and
 * then defers.
 * Sources: Postfix SMTPD_POLICY_README; attributes by version: 2.1 basic, 2.2 sasl and ccert, 2.3 encryption
 * and recipient_count, 2.9 ccert_pubkey_fingerprint, 3.0 client_port.
 */
import { type EnvelopeAddress, parseInternalAddress } from '../core/address.ts';
import { type ClientCertificate, PLAIN, type TlsState } from '../core/tls.ts';
import type { Stage, Transaction } from '../core/transaction.ts';
import { unrouted } from '../rules/recipientSuffix.ts';
import { decodeXtext, utf8OrLatin1 } from '../wire/foreignText.ts';
import type { PolicyRequest } from '../wire/policyAttributes.ts';
import { POLICY_LIMITS, PolicyDecoder, type PolicyLimits } from '../wire/policyDecode.ts';
import { DUNNO, encodePolicyAnswer, type PolicyAction } from '../wire/policyEncode.ts';
import { serverOf } from './milterEnvelope.ts';
import type { Protocol, Step } from './protocol.ts';
import type { JudgeAnswer, JudgeQuery } from './queries.ts';

type PolicyState = 'between requests' | 'deciding';
export type PolicyStep = Step<PolicyState, PolicyAction, JudgeQuery>;

const NO_TLS_ATTRIBUTES: TlsState = {
  kind: 'unknown',
  why: 'Postfix sent no encryption_protocol: it was built without TLS, or is older than 2.3',
};
const CONTRADICTION: TlsState = {
  kind: 'unknown',
  why: 'Postfix sent an encryption_cipher without encryption_protocol',
};
const NO_CERTIFICATE_ATTRIBUTES: ClientCertificate = {
  kind: 'unknown',
  why: 'Postfix sent no ccert_issuer: it was built without TLS, or is older than 2.2',
};
const NO_CERTIFICATE: ClientCertificate = { kind: 'none' };
const UNPROVEN: ClientCertificate = { kind: 'unproven' };

/**
 * Postfix 3.11 and later takes this header field, seen as the message is received, for REQUIRETLS in MAIL.
 */
const REQUIRE_TLS: PolicyAction = { verb: 'PREPEND', name: 'Require-TLS-ESMTP', value: 'yes' };
const NOTHING: readonly never[] = [];
const NO_RECIPIENTS: readonly EnvelopeAddress[] = [];
/** For most requests, and where there is nothing to judge. */
const NO_OBJECTION: PolicyStep = { state: 'between requests', out: [DUNNO] };

/** Postfix sends `unknown` for what it does not know. */
function known(value: string | null): string {
  return value === null || value === 'unknown' ? '' : value;
}

/** A decimal number of at most nine digits; null for anything else. */
function decimal(value: string | null): number | null {
  if (value === null || value === '' || value.length > 9) return null;
  let number = 0;
  for (let i = 0; i < value.length; i++) {
    const digit = value.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return null;
    number = 10 * number + digit;
  }
  return number;
}

/** Key bits. With a cipher, 0 is the value of a NULL cipher: known, but no encryption. */
function bitsOf(keysize: string | null, cipher: string): number | null {
  const bits = decimal(keysize);
  return bits === 0 && cipher === '' ? null : bits;
}

function certificateOf(request: PolicyRequest): ClientCertificate {
  const { ccertIssuer, ccertSubject, ccertFingerprint, ccertPubkeyFingerprint } = request;
  if (ccertIssuer === null) return NO_CERTIFICATE_ATTRIBUTES;
  if (ccertIssuer === '' && ccertFingerprint === '' && !ccertPubkeyFingerprint) return NO_CERTIFICATE;
  const fingerprints: string[] = [];
  if (ccertFingerprint) fingerprints.push(ccertFingerprint.toUpperCase());
  if (ccertPubkeyFingerprint) fingerprints.push(ccertPubkeyFingerprint.toUpperCase());
  if (ccertIssuer !== '') {
    return {
      kind: 'trusted',
      commonName: decodeXtext(ccertSubject ?? ''),
      issuer: decodeXtext(ccertIssuer),
      fingerprints,
    };
  }
  // without a trusted issuer, only a digest distinguishes an unverified certificate from none
  return fingerprints.length > 0 ? { kind: 'untrusted', fingerprints } : UNPROVEN;
}

/** The TLS state of the session according to this request. */
function tlsOf(request: PolicyRequest): TlsState {
  const { encryptionProtocol, encryptionCipher } = request;
  if (encryptionProtocol === null) return NO_TLS_ATTRIBUTES;
  if (encryptionProtocol === '') return encryptionCipher ? CONTRADICTION : PLAIN;
  return {
    kind: 'tls',
    protocol: encryptionProtocol,
    cipher: encryptionCipher ?? '',
    bits: bitsOf(request.encryptionKeysize, encryptionCipher ?? ''),
    certificate: certificateOf(request),
  };
}

/** The transaction of a request; `stage` comes from its `protocol_state`. */
function transactionOf(request: PolicyRequest, stage: Stage): Transaction {
  const afterRecipients = stage === 'DATA' || stage === 'END-OF-MESSAGE';
  const recipient = request.recipient ?? '';
  return {
    protocol: 'policy',
    stage,
    arrival: 'smtp',
    clientAddress: known(request.clientAddress),
    clientName: known(request.clientName),
    clientPort: decimal(request.clientPort) ?? 0,
    server: serverOf(request.serverAddress, request.serverPort),
    heloName: request.heloName ?? '',
    sender: parseInternalAddress(utf8OrLatin1(request.sender ?? '')),
    recipients: recipient === '' ? NO_RECIPIENTS : [unrouted(parseInternalAddress(utf8OrLatin1(recipient)))],
    // a single accepted recipient is named, several are not; an absent count (before 2.3) proves nothing
    unseenRecipients: afterRecipients && recipient === '' && decimal(request.recipientCount) !== 0,
    queueId: request.queueId ?? '',
    saslUsername: request.saslUsername ?? '',
    mtaName: '',
    tls: tlsOf(request),
  };
}

/** The verdict as a Postfix action. */
export function actionFor(answer: JudgeAnswer): PolicyAction {
  const { verdict, reply, holdReason } = answer;
  switch (verdict.action) {
    case 'accept':
      return answer.requireTls === true ? REQUIRE_TLS : DUNNO;
    case 'hold':
      return { verb: 'HOLD', text: holdReason };
    case 'defer':
    case 'reject':
      if (reply === null) throw new Error(`verdict ${verdict.action} came without a reply`);
      return { verb: 'reply', code: reply.code, dsn: reply.dsn, text: reply.text };
  }
}

function step(_state: PolicyState, request: PolicyRequest): PolicyStep {
  const state = request.protocolState;
  switch (state) {
    case 'CONNECT':
    case 'EHLO':
    case 'HELO':
    case 'VRFY':
    case 'ETRN':
      return NO_OBJECTION;
    case 'MAIL':
    case 'RCPT':
    case 'DATA':
    case 'END-OF-MESSAGE': {
      const transaction = transactionOf(request, state);
      const ask: JudgeQuery = { kind: 'judge', transaction, table: null, instance: request.instance ?? '' };
      if (!transaction.unseenRecipients) return { state: 'deciding', out: NOTHING, ask };
      const recipientCount = decimal(request.recipientCount) ?? 0;
      return { state: 'deciding', out: NOTHING, ask: { ...ask, recipientCount } };
    }
  }
}

function answer(_state: PolicyState, given: JudgeAnswer): PolicyStep {
  const action = actionFor(given);
  return action === DUNNO ? NO_OBJECTION : { state: 'between requests', out: [action] };
}

function failSafe(): PolicyStep {
  return { state: 'between requests', out: NOTHING, close: true };
}

/** Policy delegation with these limits; the value holds no state of any connection. */
export function policyProtocol(
  limits: PolicyLimits = POLICY_LIMITS,
): Protocol<PolicyState, PolicyRequest, PolicyAction, JudgeQuery, JudgeAnswer> {
  return {
    name: 'policy',
    decoder: () => new PolicyDecoder(limits),
    start: () => 'between requests',
    step,
    answer,
    failSafe,
    encode: encodePolicyAnswer,
    idle: (state) => state === 'between requests',
    held: () => 0,
  };
}
