/** Records for the tests of alarms. */
import type { DeliveryRecord, EvidenceRecord, VerdictEvidence } from '../../src/evidence/record.ts';

export const HASH = 'a'.repeat(64);

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

export function delivery(
  ms: number,
  domain: string,
  fields: Partial<DeliveryRecord> & { readonly queueId: string },
): DeliveryRecord {
  return {
    v: 1,
    n: 0,
    time: iso(ms),
    type: 'delivery',
    host: 'mx',
    leg: 'outbound',
    recipient: `@${domain}`,
    recipientDomain: domain,
    relay: { host: `mx.${domain}`, address: '192.0.2.1', port: 25 },
    tls: { state: 'tls', protocol: 'TLSv1.3', peer: 'verified', how: 'joined' },
    outcome: 'sent',
    dsn: '2.0.0',
    reply: '250 ok',
    source: { kind: 'file', position: '1' },
    ...fields,
  };
}

export const NOT_OFFERED = {
  outcome: 'deferred',
  dsn: '4.7.4',
  reply: 'TLS is required, but was not offered by host mx.bank.example[192.0.2.1]',
  tls: { state: 'unknown' },
} as const;

export const NOT_VERIFIED = {
  outcome: 'deferred',
  dsn: '4.7.5',
  reply: 'Server certificate not verified',
  tls: { state: 'tls', peer: 'untrusted' },
} as const;

export function verdict(ms: number, domain: string, fields: Partial<VerdictEvidence> = {}): VerdictEvidence {
  return {
    v: 1,
    n: 0,
    time: iso(ms),
    type: 'verdict',
    host: 'mx',
    code: 'ABCD2345',
    leg: 'inbound',
    protocol: 'policy',
    stage: 'RCPT',
    client: '192.0.2.40',
    sender: `@${domain}`,
    senderDomain: domain,
    recipients: ['@example.org'],
    recipientDomains: ['example.org'],
    recipientCount: 1,
    tls: {
      state: 'tls',
      protocol: 'TLSv1.3',
      cipher: 'TLS_AES_256_GCM_SHA384',
      bits: 256,
      certificate: 'none',
    },
    row: { pattern: domain, at: 'tlsward.ini:9', level: 'encrypt', mode: 'enforce' },
    table: { hash: HASH, generation: 1 },
    action: 'accept',
    ...fields,
  };
}

export const PLAIN = { action: 'reject', breach: 'plain', tls: { state: 'plain' } } as const;

export function other(ms: number, fields: object): EvidenceRecord {
  return { v: 1, n: 0, time: iso(ms), host: 'mx', ...fields } as unknown as EvidenceRecord;
}
