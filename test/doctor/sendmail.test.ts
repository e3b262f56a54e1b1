/**
 * Each check of a sendmail.cf on one in which everything is right, and on one in which one thing is wrong.
 */
import { test } from 'tap';
import type { Severity } from '../../src/doctor/check.ts';
import { examineSendmail, SENDMAIL_CHECKS } from '../../src/doctor/checks.ts';
import { known, type SendmailFacts } from '../../src/doctor/facts.ts';
import { SENDMAIL, sendmailSocket } from '../../src/doctor/sendmail.ts';
import { parseSendmailCf } from '../../src/mta/sendmailCf.ts';
import { type Change, patient } from './patient.ts';

const CF = `O InputMailFilters=tlsward
O DaemonPortOptions=Name=MTA, Family=inet
O DaemonPortOptions=Name=local, Addr=127.0.0.1, Port=10025, InputMailFilters=
O CACertFile=/etc/mail/tls/ca.pem
O CACertPath=/etc/ssl/certs
O ServerCertFile=/etc/mail/tls/mx.pem
O ServerKeyFile=/etc/mail/tls/mx.key
Xtlsward, S=local:/run/tlsward/milter.sock, F=T, T=C:10s;S:10s;R:30s;E:2m
Ktls_rcpt socket -d10 -T<TMPF> local:/run/tlsward/socketmap.sock
R<?> $+ < @ $+ >	$: <$(tls_rcpt tls_rcpt:$1@$2 $: ? $)>
`;
const SERVICE = `[service]
milter-listen = unix:/run/tlsward/milter.sock
socketmap-listen = unix:/run/tlsward/socketmap.sock
`;
const ROWS = `
[domains]
bank.example = encrypt
[domain gov.example]
receive = verify
client-names = mx.gov.example
client-issuers = Partner CA
deliver = secure
server-names = mx.gov.example
`;

function host(cf: (text: string) => string = (text) => text, change: Change = {}): SendmailFacts {
  const facts = patient({ rows: ROWS, service: () => SERVICE, ...change });
  return { ...facts, sendmail: parseSendmailCf('/etc/mail/sendmail.cf', cf(CF)) };
}

const without =
  (part: string, put = '') =>
  (text: string): string => {
    if (!text.includes(part)) throw new Error(`no ${part}`);
    return text.replace(part, put);
  };

const CASES: readonly (readonly [id: string, Severity, SendmailFacts, seen: RegExp])[] = [
  ['sendmail-not-asked', 'danger', host(without('O InputMailFilters=tlsward\n')), /^MTA does not ask/],
  [
    'sendmail-not-asked',
    'danger',
    host(without('inet\n', 'inet, InputMailFilters=other\n')),
    /^MTA does not ask/,
  ],
  ['sendmail-not-asked', 'note', host(without('inet\n', 'inet, M=a, InputMailFilters=other\n')), /^MTA/],
  [
    'sendmail-filter-elsewhere',
    'danger',
    host(without('local:/run/tlsward/milter', 'inet:8452@localhost')),
    /8452/,
  ],
  ['sendmail-filter-fails-open', 'danger', host(without(', F=T')), /no F=/],
  ['sendmail-filter-fails-open', 'danger', host(without('F=T', 'F=R')), /F=R/],
  [
    'sendmail-socket-unsafe',
    'danger',
    host(undefined, { files: { '/run/tlsward': { kind: 'folder', mode: 0o775 } } }),
    /\/run\/tlsward/,
  ],
  [
    'sendmail-tls-not-offered',
    'danger',
    host(without('O ServerKeyFile=/etc/mail/tls/mx.key\n')),
    /ServerKeyFile/,
  ],
  ['sendmail-tls-not-offered', 'danger', host(without('inet\n', 'inet, M=S\n')), /MTA has M=S/],
  [
    'sendmail-tls-not-offered',
    'warning',
    host(without('inet\n', 'inet, M=S\n'), { rows: '[domain a.example]\ndeliver = encrypt\n' }),
    /MTA has M=S/,
  ],
  ['sendmail-no-ca', 'danger', host(without('O CACertPath=/etc/ssl/certs\n')), /CACertPath/],
  [
    'sendmail-pins',
    'danger',
    host(undefined, { rows: `[domain a.example]\nreceive = verify\nfingerprint = ${'AA:'.repeat(31)}AA\n` }),
    /fingerprint/,
  ],
  ['sendmail-map-missing', 'danger', host(without('/run/tlsward/socketmap', '/run/other')), /no map is at/],
  ['sendmail-map-missing', 'danger', host(without('$(tls_rcpt', '$(other')), /no rule asks tls_rcpt/],
  ['sendmail-map-fails-open', 'danger', host(without(' -T<TMPF>')), /tls_rcpt has no -T/],
  ['sendmail-level', 'warning', host(undefined, { rows: '[domain a.example]\ndeliver = dane\n' }), /= dane$/],
  [
    'sendmail-level',
    'warning',
    host(undefined, { rows: '[domain a.example]\ndeliver = secure\n' }),
    /= secure$/,
  ],
];

test('a host on which everything is right', async (t) => {
  const { findings, exit, passed, notConcerned } = examineSendmail(host());
  t.strictSame(findings, []);
  t.equal(exit, 0);
  t.equal(passed.length + notConcerned.length, SENDMAIL_CHECKS.length);
  for (const { id } of SENDMAIL) t.ok(passed.includes(id), id);
});

test('one thing is wrong', async (t) => {
  for (const [id, severity, facts, seen] of CASES) {
    const { findings, exit } = examineSendmail(facts);
    const found = findings.find((one) => one.id === id && one.severity === severity);
    t.match(found?.seen, seen, `${id}: ${severity}`);
    t.ok(found?.mend.every((line) => line.length > 10));
    t.ok(exit >= { danger: 2, warning: 1, unknown: 0, note: 0 }[severity]);
  }
  for (const { id, gravest } of SENDMAIL)
    t.ok(
      CASES.some((one) => one[0] === id && one[1] === gravest),
      `${id}: ${gravest}`,
    );
});

test('tlsward itself is looked at, too', async (t) => {
  const facts: SendmailFacts = { ...host(), daemon: { known: false, why: 'nobody listens' } };
  const { findings } = examineSendmail(facts);
  t.match(
    findings.find(({ id }) => id === 'daemon-down'),
    { severity: 'danger' },
  );
  const other: SendmailFacts = { ...host(), files: new Map() };
  t.match(
    examineSendmail(other).findings.find(({ id }) => id === 'sendmail-socket-unsafe'),
    { severity: 'unknown' },
  );
  t.equal(examineSendmail({ ...host(), now: new Date(0) }).exit, 0);
  t.equal(examineSendmail({ ...host(), system: { ...host().system, clock: known(false) } }).exit, 1);
});

test('names of sockets', async (t) => {
  for (const text of ['local:/run/a.sock', 'unix:/run/a.sock', '/run/a.sock'])
    t.strictSame(sendmailSocket(text), { kind: 'unix', path: '/run/a.sock' }, text);
  for (const text of ['inet:8452@127.0.0.1', 'inet:8452@[127.0.0.1]'])
    t.strictSame(sendmailSocket(text), { kind: 'inet', host: '127.0.0.1', port: 8452 }, text);
  t.strictSame(sendmailSocket('inet6:1@[::1]'), { kind: 'inet', host: '::1', port: 1 });
  for (const text of ['', 'inet:', 'inet:1', 'local:', 'tcp:1@x']) t.equal(sendmailSocket(text), null, text);
});
