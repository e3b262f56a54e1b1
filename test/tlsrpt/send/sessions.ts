/** Records for tests of what is counted. */
import type { DeliveryRecord } from '../../../src/evidence/record.ts';
import type { TlsrptRecord } from '../../../src/tlsrpt/send/fromDatagrams.ts';

/** Deep enough for the fields of records. */
type Some<T> = { readonly [K in keyof T]?: T[K] extends object | undefined ? Some<NonNullable<T[K]>> : T[K] };

export function delivery(more: Some<DeliveryRecord> = {}): DeliveryRecord {
  const { tls, relay, ...rest } = more;
  return {
    v: 1,
    n: 1,
    time: '2026-11-29T10:00:00.000Z',
    type: 'delivery',
    host: 'mx1.example.org',
    leg: 'outbound',
    queueId: 'A1',
    recipient: 'h:2026-11:x@bank.example',
    recipientDomain: 'bank.example',
    outcome: 'sent',
    reply: '250 queued',
    delay: 1,
    agent: 'postfix/smtp',
    source: { kind: 'file', position: '1' },
    ...rest,
    relay: { host: 'mx.bank.example', address: '192.0.2.1', port: 25, ...relay },
    tls: { state: 'tls', protocol: 'TLSv1.3', peer: 'untrusted', how: 'joined', ...tls },
  } as DeliveryRecord;
}

export function reported(more: Some<TlsrptRecord> = {}): TlsrptRecord {
  return {
    v: 1,
    n: 1,
    time: '2026-11-29T10:00:00.000Z',
    type: 'tlsrpt',
    host: 'mx1.example.org',
    leg: 'outbound',
    domain: 'bank.example',
    policies: [{ policy: 'no-policy-found', ok: true }],
    source: { kind: 'tlsrpt', position: '' },
    ...more,
  } as TlsrptRecord;
}
