/** Rows of the sample report: partners and domains that are none. */
import type { Report } from '../../../src/report/report.ts';

export const PARTNERS = [
  ['clinic.example', 'out', 'secure', 580, 0, 0, 168, 'tls12', 9],
  ['law.example', 'in', 'encrypt', 2480, 12, 96, 0, 'plain', 13],
  ['bank.example', 'in', 'verify', 6214, 74, 0, 0, 'tls12', 25],
  ['gov.example', 'out', 'dane-only', 1120, 31, 0, 0, 'tls13', 5],
  ['pension.example', 'in', 'encrypt', 1306, 18, 0, 0, 'plain', 18],
  ['bank.example', 'out', 'secure', 4871, 0, 0, 0, 'tls13', 0],
  ['clinic.example', 'in', 'encrypt', 2036, 0, 0, 0, 'tls12', 0],
  ['law.example', 'out', 'encrypt', 1655, 0, 0, 0, 'tls12', 0],
  ['gov.example', 'in', 'verify', 948, 0, 0, 0, 'tls13', 0],
  ['notary.example', 'in', 'encrypt', 734, 0, 0, 0, 'tls12', 0],
  ['notary.example', 'out', 'verify', 611, 0, 0, 0, 'tls12', 0],
  ['xn--mller-kva.example', 'in', 'encrypt', 402, 0, 0, 0, 'tls13', 0],
  ['xn--mller-kva.example', 'out', 'secure', 377, 0, 0, 0, 'tls13', 0],
  ['audit.example', 'out', 'dane-only', 219, 0, 0, 0, 'tls13', 0],
] as const;

export const PLAIN = [
  ['payroll.example', 2318, 0, 1, 28, ''],
  ['parking.example', 1120, 0, 1, 28, ''],
  ['school.example', 644, 402, 0.613, 27, ''],
  ['supplier.example', 0, 517, 0.882, 27, ''],
  ['alerts.example', 506, 0, 1, 28, 'alerts.example none'],
  ['xn--bcher-kva.example', 288, 131, 0.974, 26, ''],
  ['law.example', 12, 0, 0.003, 28, 'law.example encrypt'],
  ['pension.example', 7, 0, 0.005, 24, 'pension.example encrypt'],
] as const;

export const READY = [
  ['insurer.example', 3402, 2871, 'tls13', 'encrypt', 'dane-only'],
  ['tax.example', 2210, 640, 'tls13', 'encrypt', 'secure'],
  ['hospital.example', 1874, 1502, 'tls12', 'encrypt', 'encrypt'],
  ['courier.example', 1466, 388, 'tls13', 'encrypt', 'secure'],
  ['union.example', 902, 715, 'tls12', 'encrypt', 'encrypt'],
  ['registry.example', 611, 594, 'tls13', 'encrypt', 'dane-only'],
] as const;

export const NOTE = `tlsward/mx1.example.org/daemon/2026-11-28
1136
SBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I=

— mx1.example.org glTDKQBz7CZtT7Stvz0QSqcU+fEQMv2KttiCn8QLUshvZIXXkozC69Rkbz/j83S+EdkFv0vidfqG84idgqn33F5B3TI=
`;

export function findings(): Report['findings'] {
  return [
    {
      ...{
        kind: 'failing',
        harm: true,
        count: 168,
        unit: 'messages out, not delivered',
        domains: ['clinic.example'],
      },
      title: 'clinic.example: mail to this partner does not arrive',
      text: 'The certificate of mx.clinic.example has expired, and the row demands a valid one (secure). 62 messages came back to their authors, 106 still wait. Ask the partner to renew it. If mail must flow before that, allow any certificate, still encrypted, for a week:',
      paste: 'tlsward except clinic.example --until +7d --deliver encrypt --reason "expired certificate"',
      rows: { part: 'causes', key: 'clinic.example' },
    },
    {
      ...{ kind: 'refused', harm: true, count: 96, unit: 'messages in, refused', domains: ['law.example'] },
      title: 'law.example: one of its hosts sends without TLS',
      text: 'Since 16 November 203.0.113.40 sends in plaintext and is refused, as the row demands (encrypt). Send the partner what this shows; it names host, time and the reply that was given:',
      paste: 'tlsward trace 7K2M0A4Q',
      rows: { part: 'causes', key: 'law.example' },
    },
    {
      ...{ kind: 'overdue', harm: true, count: 74, unit: 'messages in, let pass', domains: ['bank.example'] },
      title: 'bank.example: an exception is 13 days overdue',
      text: 'It was to end on 15 November and is still in force. 74 messages arrived below the level of their row (verify). Ask whether the partner is ready, then remove it:',
      paste: 'tlsward except bank.example --remove',
      rows: { part: 'exceptions', key: 'bank.example' },
    },
    {
      ...{
        kind: 'plain',
        harm: false,
        count: 2318,
        unit: 'messages in, plaintext',
        domains: ['payroll.example'],
      },
      title: 'payroll.example: all that it sends can be read on the way',
      text: 'None of its hosts starts TLS. Ask them to switch it on, and let this row count what it would refuse until they have:',
      paste:
        '[domain payroll.example]\nreceive = encrypt\nmode    = observe\nreason  = asked for TLS on 29 Nov',
      rows: { part: 'plain', key: 'payroll.example' },
    },
    {
      ...{
        kind: 'ready',
        harm: false,
        count: 17_175,
        unit: 'messages, 6 domains',
        domains: READY.map(([domain]) => domain),
      },
      title: 'Six domains always use TLS: require it, so that it stays so',
      text: 'Not one message to or from them was in plaintext, older than TLS 1.2 or unknown. Paste these rows:',
      paste: READY.map(([domain, , , , receive]) => `${domain} = ${receive}`).join('\n'),
      rows: { part: 'ready', key: 'insurer.example' },
    },
  ];
}

export function causes(): Report['causes'] {
  const one = (
    domain: string,
    way: 'in' | 'out',
    outcome: Report['causes'][number]['outcome'],
    messages: number,
    cause: string,
    [first, last]: readonly [string, string],
    example: string,
  ) => ({
    domain,
    way,
    outcome,
    messages,
    cause,
    first: `${first}T08:00:00.000Z`,
    last: `${last}T17:30:00.000Z`,
    example,
  });
  return [
    one(
      'clinic.example',
      'out',
      'returned',
      62,
      'certificate expired',
      ['2026-11-20', '2026-11-23'],
      '7H9C0B12',
    ),
    one(
      'clinic.example',
      'out',
      'waiting',
      106,
      'certificate expired',
      ['2026-11-24', '2026-11-28'],
      '7Q1X002D',
    ),
    one(
      'law.example',
      'in',
      'refused',
      96,
      'plaintext from 203.0.113.40',
      ['2026-11-16', '2026-11-28'],
      '7K2M0A4Q',
    ),
    one(
      'law.example',
      'in',
      'let pass',
      12,
      'plaintext; exception until 6 November',
      ['2026-10-30', '2026-11-06'],
      '6X0F01SS',
    ),
    one(
      'bank.example',
      'in',
      'let pass',
      74,
      'no client certificate; exception',
      ['2026-10-30', '2026-11-28'],
      '7K5T1E09',
    ),
    one(
      'gov.example',
      'out',
      'let pass',
      31,
      'no TLSA record matched; exception',
      ['2026-11-24', '2026-11-28'],
      '7R3V00K8',
    ),
    one(
      'pension.example',
      'in',
      'let pass',
      11,
      'TLS 1.0; the row only observes',
      ['2026-10-30', '2026-11-27'],
      '6X3P00AM',
    ),
    one(
      'pension.example',
      'in',
      'let pass',
      7,
      'plaintext; the row only observes',
      ['2026-11-03', '2026-11-24'],
      '71D40Z6R',
    ),
  ];
}

export function weak(): Report['weak'] {
  const one = (
    protocol: string,
    cipher: string,
    [inbound, out]: readonly [number, number],
    domains: readonly string[],
    otherDomains: number,
    why: string,
  ) => ({ protocol, cipher, in: inbound, out, domains, otherDomains, why });
  return [
    one('TLSv1', 'AES128-SHA', [612, 0], ['legacy.example'], 0, 'older than TLS 1.2'),
    one('TLSv1', 'DES-CBC3-SHA', [147, 0], ['scanner.example'], 0, 'older than TLS 1.2; 3DES'),
    one('TLSv1', 'AES256-SHA', [209, 261], ['pension.example', 'museum.example'], 11, 'older than TLS 1.2'),
    one('TLSv1.1', 'ECDHE-RSA-AES256-SHA', [342, 173], ['harbour.example'], 8, 'older than TLS 1.2'),
    one('TLSv1.2', 'AES128-GCM-SHA256', [1204, 96], ['library.example'], 4, 'no forward secrecy'),
    one('TLSv1.2', 'ECDHE-RSA-AES256-SHA384', [871, 210], ['museum.example'], 2, 'CBC mode'),
  ];
}

export function exceptions(): Report['exceptions'] {
  const file = 'domains.d/exceptions.ini';
  return [
    {
      pattern: 'bank.example',
      state: 'overdue',
      until: '2026-11-15',
      changes: ['receive: verify -> encrypt'],
      reason: 'new client certificate, ticket 4711',
      at: `${file}:2`,
      passed: 74,
    },
    {
      pattern: 'gov.example',
      state: 'in force',
      until: '2026-12-12',
      changes: ['deliver: dane-only -> encrypt'],
      reason: 'TLSA records change, ticket 4802',
      at: `${file}:8`,
      passed: 31,
    },
    {
      pattern: 'law.example',
      state: 'removed',
      until: '2026-11-06',
      changes: ['receive: encrypt -> none'],
      reason: 'relay without TLS, ticket 4655',
      at: '',
      passed: 12,
    },
  ];
}
