/**
 * The attributes of a policy request that are used here, and their numbers.
 * Source: Postfix SMTPD_POLICY_README; `src/smtpd/smtpd_check.c`, check_policy_service().
 */
import { Buffer } from 'node:buffer';

/** Postfix's words for the moment of the question. */
export const PROTOCOL_STATES = [
  'CONNECT',
  'EHLO',
  'HELO',
  'MAIL',
  'RCPT',
  'DATA',
  'END-OF-MESSAGE',
  'VRFY',
  'ETRN',
] as const;
export type ProtocolState = (typeof PROTOCOL_STATES)[number];

/**
 * The attributes that are used here; values have one character a byte (latin1). null: Postfix did not send
 * it.
 */
export interface PolicyRequest {
  readonly protocolState: ProtocolState;
  readonly clientAddress: string | null;
  readonly clientName: string | null;
  readonly clientPort: string | null;
  readonly heloName: string | null;
  readonly sender: string | null;
  readonly recipient: string | null;
  readonly recipientCount: string | null;
  readonly queueId: string | null;
  readonly instance: string | null;
  readonly saslUsername: string | null;
  readonly ccertSubject: string | null;
  readonly ccertIssuer: string | null;
  readonly ccertFingerprint: string | null;
  readonly ccertPubkeyFingerprint: string | null;
  readonly encryptionProtocol: string | null;
  readonly encryptionCipher: string | null;
  readonly encryptionKeysize: string | null;
  readonly serverAddress: string | null;
  readonly serverPort: string | null;
}

/** The names whose values are used; the position of each is the number of its value below. */
export const ATTRIBUTE_NAMES = [
  'protocol_state',
  'client_address',
  'client_name',
  'client_port',
  'helo_name',
  'sender',
  'recipient',
  'recipient_count',
  'queue_id',
  'instance',
  'sasl_username',
  'ccert_subject',
  'ccert_issuer',
  'ccert_fingerprint',
  'ccert_pubkey_fingerprint',
  'encryption_protocol',
  'encryption_cipher',
  'encryption_keysize',
  'server_address',
  'server_port',
].map((name) => Buffer.from(name, 'latin1'));

/** Numbers of the names by their length. */
const BY_LENGTH: readonly (readonly number[])[] = Array.from({ length: 32 }, (_, length) =>
  ATTRIBUTE_NAMES.flatMap((name, number) => (name.length === length ? [number] : [])),
);
const NONE: readonly number[] = [];

/** Do these bytes stand at `at`? */
export function sameBytes(name: Uint8Array, bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < name.length; i++) if (bytes[at + i] !== name[i]) return false;
  return true;
}

/** Position in ATTRIBUTE_NAMES of the name in bytes[at, at + length); -1 for one that is not used. */
export function attributeNumber(bytes: Uint8Array, at: number, length: number): number {
  const candidates = BY_LENGTH[length] ?? NONE;
  for (let i = 0; i < candidates.length; i++) {
    const number = candidates[i]!;
    if (sameBytes(ATTRIBUTE_NAMES[number]!, bytes, at)) return number;
  }
  return -1;
}
