/** Why TLS failed, in words, from what Postfix and Sendmail log. */
import t from 'tap';
import type { DeliveryRecord, VerdictEvidence } from '../../src/evidence/record.ts';
import { tlsFailure, verdictCause } from '../../src/tally/causes.ts';
import { failed, message, recordOf } from './made.ts';

t.test('of a delivery', async (t) => {
  const HOST = 'mx.example.org[198.51.100.7]';
  const cases: readonly (readonly [reply: string, cause: string | null, proves?: string, more?: object])[] = [
    [`TLS is required, but was not offered by host ${HOST}`, 'no STARTTLS offered', 'encrypt'],
    [
      `TLS is required, but host ${HOST} refused to start TLS: 454 4.7.0 TLS not available`,
      'STARTTLS refused by the server',
      'encrypt',
    ],
    [
      `TLS is required, but host ${HOST} refused to start TLS: 454 x said: 530 Must issue a STARTTLS`,
      'STARTTLS refused by the server',
      'encrypt',
    ],
    ['TLS is required, but our TLS engine is unavailable', 'TLS not available on this host', 'encrypt'],
    ['TLS is required, but not available', 'TLS required and not available', 'encrypt'],
    ['Cannot start TLS: handshake failure', 'handshake failed', 'encrypt'],
    ['client TLS configuration problem', 'TLS policy not usable', 'encrypt'],
    ['Temporary lookup error', 'TLS policy not known', '', { dsn: '4.3.0' }],
    ['Temporary lookup error', null, '', { dsn: '4.4.3' }],
    ['TLSA lookup error for mx.example.org:25', 'TLSA records not available', 'verify'],
    ['no TLSA records found', 'no TLSA records', 'verify'],
    ['non DNSSEC destination', 'no DNSSEC', 'verify'],
    ['Server certificate not trusted', 'certificate not trusted', 'verify'],
    ['Server certificate not verified', 'certificate not verified', 'verify'],
    [
      'Server certificate not verified',
      'certificate expired',
      'verify',
      { tls: { state: 'unknown', why: 'x; TLSRPT: certificate_expired' } },
    ],
    [
      'Server certificate not verified',
      'certificate of another name',
      'verify',
      { tls: { state: 'unknown', why: 'x; TLSRPT: certificate_host_mismatch' } },
    ],
    ['Deferred; tls_rcpt: 454 4.7.0 encryption too weak 0 less than 128', 'no STARTTLS offered', 'encrypt'],
    ['Deferred; tls_rcpt: 450 4.7.0 Other side does not support STARTTLS', 'no STARTTLS offered', 'encrypt'],
    [
      'delivery temporarily suspended: TLS is required, but was not offered by host mx.plain.example[192.0.2.9]',
      'no STARTTLS offered',
      'encrypt',
    ],
    ['Deferred; tls_rcpt: 454 4.7.0 encryption too weak 56 less than 128', 'encryption too weak', 'encrypt'],
    [
      'Service unavailable; tls_server: 503 5.7.0 authentication failed',
      'certificate not verified',
      'verify',
    ],
    [
      'Deferred; tls_rcpt: 450 4.7.0 *@wrong.example... mx.wrong.example not listed in SANs',
      'certificate of another name',
      'verify',
    ],
    [
      `host ${HOST} said: 530 5.7.0 Must issue a STARTTLS command first (in reply to MAIL FROM command)`,
      'the server asks for TLS',
      '',
    ],
    [
      `host ${HOST} said: 550 5.7.10 no (in reply to MAIL FROM command)`,
      'the server asks for TLS',
      '',
      { dsn: '5.7.10' },
    ],
    [`host ${HOST} said: 550 5.7.1 TLS is required, but was not offered by host x`, null],
    [`host ${HOST} said: 451 4.7.5 Server certificate not verified; no TLSA records found`, null],
    [`connect to ${HOST}:25: Connection refused`, null],
    ['', null],
    ['x'.repeat(100_000), null],
  ];
  for (const [reply, cause, proves, more = {}] of cases) {
    const found = tlsFailure(
      recordOf(failed('10:00:00', reply, { dsn: '4.7.5', ...more })) as DeliveryRecord,
    );
    t.same(found, cause === null ? null : { cause, proves }, reply.slice(0, 90));
  }
});

t.test('of a certificate, by what the MTA logged of it before', async (t) => {
  for (const [reason, cause] of [
    ['certificate has expired', 'certificate expired'],
    ['certificate is not yet valid', 'certificate not yet valid'],
    ['num=62:hostname mismatch', 'certificate of another name'],
    ['num=65:no matching DANE TLSA records', 'certificate does not match TLSA'],
    ['self-signed certificate', 'certificate self-signed'],
    ['self signed certificate in certificate chain', 'certificate self-signed'],
    ['untrusted issuer /CN=expired', 'certificate of an untrusted issuer'],
    ['unable to get local issuer certificate', 'certificate of an untrusted issuer'],
    ['num=26:unsuitable certificate purpose', 'certificate not verified'],
  ] as const) {
    const tls = { state: 'tls', protocol: 'TLSv1.3', why: `certificate verification failed: ${reason}` };
    const made = failed('10:00:00', 'Server certificate not verified', { tls });
    t.same(tlsFailure(recordOf(made) as DeliveryRecord), { cause, proves: 'verify' });
  }
});

t.test('of a verdict', async (t) => {
  const TLS = { state: 'tls', protocol: 'TLSv1', cipher: 'RC4-SHA', bits: 112, certificate: 'none' };
  const cases: readonly (readonly [cause: string, fields: Readonly<Record<string, unknown>>])[] = [
    ['', { tls: TLS }],
    ['plaintext', { breach: 'plain' }],
    ['TLS not reported by the MTA', { breach: 'unknown', tls: { state: 'unknown' } }],
    ['not all reported by the MTA', { breach: 'unknown', tls: TLS }],
    ['old protocol TLSv1', { breach: 'protocol', tls: TLS }],
    ['cipher RC4-SHA', { breach: 'cipher', tls: TLS }],
    ['key of 112 bits', { breach: 'bits', tls: TLS }],
    ['no client certificate', { breach: 'certificate', tls: TLS }],
    ['client certificate not trusted', { breach: 'certificate', tls: { ...TLS, certificate: 'untrusted' } }],
    ['client certificate of another name', { breach: 'name' }],
    ['client certificate of another issuer', { breach: 'issuer' }],
    ['client certificate not the pinned one', { breach: 'pin' }],
    ['rule board', { action: 'defer', rule: 'board' }],
    ['550 5.7.1 no', { action: 'reject', reply: '550 5.7.1 no' }],
    ['refused', { action: 'reject' }],
    ['later', { breach: 'later' }],
  ];
  for (const [cause, fields] of cases)
    t.equal(verdictCause(recordOf(message('10:00:00', fields)) as VerdictEvidence), cause);
});
