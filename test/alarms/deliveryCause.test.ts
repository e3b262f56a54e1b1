/**
 * Why a delivery failed, from the texts of Postfix and of others.
 */
import { test } from 'tap';
import { deliveryCause } from '../../src/alarms/deliveryCause.ts';

test('texts', async (t) => {
  for (const [dsn, reply, peer, cause] of [
    [
      '4.7.4',
      'TLS is required, but was not offered by host mx.a.example[192.0.2.1]',
      undefined,
      'no STARTTLS offered',
    ],
    ['4.7.5', 'Server certificate not verified', 'untrusted', 'certificate issued by somebody else'],
    ['4.7.5', 'Server certificate not verified', 'trusted', 'certificate for another name'],
    ['4.7.5', 'Server certificate not trusted', undefined, 'certificate not trusted'],
    ['4.7.5', 'Cannot start TLS: handshake failure', undefined, 'TLS handshake failed'],
    ['4.7.5', 'client TLS configuration problem', undefined, 'TLS settings of this host'],
    [
      '4.7.5',
      'TLSA lookup error for mx.a.example:25',
      undefined,
      'certificate does not fit the TLSA records',
    ],
    ['5.7.10', 'Encryption needed', undefined, 'TLS policy not met'],
    ['5.7.1', '530 5.7.0 Must issue a STARTTLS command first', undefined, 'TLS policy not met'],
    ['5.1.1', '550 5.1.1 no such user', undefined, null],
    ['4.4.1', 'connect to mx.a.example[192.0.2.1]:25: Connection timed out', undefined, null],
    ['5.7.1', '554 5.7.1 rejected by policy', undefined, null],
    ['', '', undefined, null],
  ] as const)
    t.equal(deliveryCause(dsn, reply, peer), cause, `${dsn} ${reply}`);
});
