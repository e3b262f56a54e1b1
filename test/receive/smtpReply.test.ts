/** Verdicts in words: codes and texts by breach, what is required and seen, the row's own reply, foreign text, lengths. */

import { test } from 'tap';
import { parsePath } from '../../src/core/address.ts';
import { parseNetwork } from '../../src/core/network.ts';
import { DEFAULTS, type Settings } from '../../src/core/settings.ts';
import type { ClientCertificate, TlsState } from '../../src/core/tls.ts';
import type { Breach, Finding } from '../../src/core/verdict.ts';
import { decide } from '../../src/receive/decide.ts';
import {
  describeCertificate,
  describeRequired,
  describeTls,
  reasonsOf,
  subjectOf,
} from '../../src/receive/describeVerdict.ts';
import { replyFor } from '../../src/receive/smtpReply.ts';
import { GOOD, PIN, tableOf, transaction } from '../core/buildTables.ts';
import { generator } from '../mark/generator.ts';

const at = { file: 'domains.ini', line: 7 };

function finding(breach: Breach | null, settings: Partial<Settings> = {}, path = '<a@gov.example>'): Finding {
  const row = {
    pattern: 'gov.example',
    settings: { ...DEFAULTS, receive: 'verify' as const, ...settings },
    at,
  };
  return { side: 'sender', address: parsePath(path), row, breach };
}

const withCertificate = (certificate: ClientCertificate): TlsState => ({ ...GOOD, certificate });
const TRUSTED: ClientCertificate = {
  kind: 'trusted',
  commonName: 'mx.x.example',
  issuer: 'Root CA',
  fingerprints: [],
};

test('code, enhanced code and text of each breach', async (t) => {
  const required =
    'gov.example requires TLS (TLSv1.2 or later, 128 bits or more, a verified client certificate for gov.example, .gov.example)';
  const says = (breach: Breach, tls: TlsState, reject: string, defer: string, seen: string): void => {
    const hard = replyFor(finding(breach), 'reject', tls, 'K7QM2X4P');
    const soft = replyFor(finding(breach), 'defer', tls, 'K7QM2X4P');
    t.equal(`${hard.code} ${hard.dsn}`, reject, `${breach.kind} rejected`);
    t.equal(`${soft.code} ${soft.dsn}`, defer, `${breach.kind} deferred`);
    t.equal(hard.text, `${required}; ${seen}. [K7QM2X4P]`);
    t.equal(soft.text, hard.text);
  };
  says({ kind: 'plain' }, { kind: 'plain' }, '530 5.7.0', '450 4.7.0', 'this session is not encrypted');
  const weak: TlsState = { ...GOOD, protocol: 'TLSv1', bits: null };
  for (const kind of ['protocol', 'bits', 'cipher'] as const) {
    says({ kind }, weak, '550 5.7.6', '450 4.7.6', 'this session uses TLSv1 TLS_AES_256_GCM_SHA384 ?');
  }
  const none = withCertificate({ kind: 'none' });
  says({ kind: 'certificate' }, none, '550 5.7.5', '450 4.7.5', 'no client certificate was presented');
  const named = 'the verified client certificate names mx.x.example';
  says({ kind: 'name' }, withCertificate(TRUSTED), '550 5.7.5', '450 4.7.5', named);
  says({ kind: 'pin' }, withCertificate(TRUSTED), '550 5.7.5', '450 4.7.5', named);
  says(
    { kind: 'issuer' },
    withCertificate(TRUSTED),
    '550 5.7.5',
    '450 4.7.5',
    'the client certificate was issued by Root CA',
  );
  const why = 'the mail server did not report enough about this session (built without TLS)';
  says(
    { kind: 'unknown', why: 'built without TLS' },
    { kind: 'unknown', why: '' },
    '451 4.3.5',
    '451 4.3.5',
    why,
  );
});

test('certificates and sessions in words', async (t) => {
  const words = (certificate: ClientCertificate): string => describeCertificate(withCertificate(certificate));
  t.equal(words({ kind: 'none' }), 'no client certificate was presented');
  t.equal(words({ kind: 'unproven' }), 'no verified client certificate was presented');
  t.equal(words({ kind: 'untrusted', fingerprints: [] }), 'the client certificate could not be verified');
  t.equal(
    words({ kind: 'unknown', why: '' }),
    'the mail server reported nothing about the client certificate',
  );
  t.equal(words(TRUSTED), 'the verified client certificate names mx.x.example');
  t.equal(
    words({ ...TRUSTED, commonName: '' }),
    'the verified client certificate names no host (it has no CN)',
  );
  t.equal(
    words({ ...TRUSTED, commonName: 'x\r\n550 y\u00e9' }),
    'the verified client certificate names x\\u{d}\\u{a}550 y\\u{e9}',
  );
  t.equal(describeCertificate({ kind: 'plain' }), 'no client certificate');
  t.equal(describeTls({ kind: 'plain' }), 'no TLS');
  t.equal(describeTls({ kind: 'unknown', why: '' }), 'unknown');
  t.equal(describeTls(GOOD), 'TLSv1.3 TLS_AES_256_GCM_SHA384 256');
});

test('requirements in words', async (t) => {
  const required = (settings: Partial<Settings>): string => describeRequired(finding(null, settings));
  t.equal(required({ receive: 'none' }), 'nothing');
  t.equal(required({ receive: 'may' }), 'nothing');
  t.equal(
    required({ receive: 'encrypt', minProtocol: 'TLSv1.3', denyCiphers: ['rc4', 'des'] }),
    'TLSv1.3 or later, 128 bits or more, no rc4, des',
  );
  const floor = 'TLSv1.2 or later, 128 bits or more';
  t.equal(required({ fingerprints: [PIN] }), `${floor}, a pinned client certificate`);
  t.equal(
    required({
      fingerprints: [PIN],
      clientNames: ['mx1.gov.example', '.out.gov.example'],
      clientIssuers: ['A', 'B'],
    }),
    `${floor}, a verified client certificate for mx1.gov.example, .out.gov.example or a pinned client certificate, issued by A or B`,
  );
  t.equal(
    describeRequired({ side: 'recipient', address: null, row: null, breach: null }),
    'TLS as the strictest row requires',
  );
});

test("the row's own reply", async (t) => {
  const reply = (settings: Partial<Settings>): string =>
    replyFor(finding({ kind: 'plain' }, settings), 'reject', { kind: 'plain' }, 'K7QM2X4P').text;
  t.equal(reply({ reply: 'Use TLS, {domain}' }), 'Use TLS, gov.example [K7QM2X4P]');
  t.equal(
    reply({
      reply: '{code}: {seen}; {help} {contact}',
      help: 'https://x.example/',
      contact: 'pm@gov.example',
    }),
    'K7QM2X4P: this session is not encrypted; https://x.example/ pm@gov.example',
  );
  t.equal(reply({ reply: '{help}{contact}' }), ' [K7QM2X4P]', 'what is not set is empty');
  t.equal(
    reply({ reply: '{nosuch} {constructor} {} {Code}' }),
    '{nosuch} {constructor} {} {Code} [K7QM2X4P]',
  );
  t.equal(reply({ reply: '{domain}', help: '{code}' }), 'gov.example [K7QM2X4P]');
  t.equal(reply({ reply: '{help}', help: '{domain}' }), '{domain} [K7QM2X4P]', 'fields are not read again');
  t.equal(reply({ reply: 'a\r\nb\u20ac' }), 'a\\u{d}\\u{a}b\\u{20ac} [K7QM2X4P]');
  t.equal(
    reply({ help: 'See https://x.example/tls' }).endsWith('. See https://x.example/tls [K7QM2X4P]'),
    true,
  );
  const long = reply({ reply: `${'x'.repeat(500)} {code}` });
  t.match(long, /^x{357}\.\.\. \[K7QM2X4P\]$/, 'a cut never takes the code');
});

test('any reply is one line of printable ASCII that fits', async (t) => {
  const random = generator();
  for (let round = 0; round < 5000; round++) {
    const certificate: ClientCertificate = {
      kind: 'trusted',
      commonName: random.text(300),
      issuer: random.text(300),
      fingerprints: [],
    };
    const tls: TlsState =
      random.integer(2) === 0
        ? { kind: 'plain' }
        : { ...GOOD, protocol: random.text(200), cipher: random.text(200), certificate };
    const kind = random.pick(['plain', 'protocol', 'certificate', 'name', 'issuer', 'pin'] as const);
    const breach: Breach = random.integer(6) === 0 ? { kind: 'unknown', why: random.text(400) } : { kind };
    const own = random.integer(2) === 0 ? null : `${random.text(200)} {seen} {required} ${random.text(200)}`;
    const found = finding(
      breach,
      { reply: own, help: random.text(200), clientNames: [random.text(200)] },
      random.text(300),
    );
    const said = replyFor(found, random.pick(['defer', 'reject'] as const), tls, 'K7QM2X4P');
    const fits =
      /^[ -~]+$/.test(said.text) &&
      said.text.length <= 372 &&
      said.text.includes('K7QM2X4P') &&
      said.dsn[0] === String(said.code)[0];
    if (!fits) t.fail(`seed ${random.seed}: ${JSON.stringify(said)}`);
  }
});

test('whom a sentence speaks of', async (t) => {
  t.equal(subjectOf(finding(null)), 'gov.example');
  t.equal(subjectOf(finding(null, {}, '<a@Mx.GOV.example>')), 'mx.gov.example');
  t.equal(
    subjectOf(finding(null, {}, '<a@gov.example')),
    'gov.example',
    'of the row, when the address is broken',
  );
  t.equal(subjectOf({ side: 'recipient', address: null, row: null, breach: null }), 'a recipient');
});

test('reasons, one a finding', async (t) => {
  const table = tableOf([
    ['a.example', { receive: 'encrypt' }],
    ['b.example', { receive: 'encrypt', mode: 'observe' }],
    ['c.example', {}],
  ]);
  const facts = { trustedClients: [parseNetwork('192.0.2.0/24')!] };
  const asked = transaction('<x@a.example>', ['<y\n@b.example>', '<z@c.example>', '<w@b.example>'], {
    kind: 'plain',
  });
  const reasons = (more: object, trusted = false): string[] =>
    reasonsOf(decide({ ...asked, ...more }, table, trusted ? facts : { trustedClients: [] }));
  t.same(reasons({}), [
    'sender <x@a.example>: row "a.example" (test.ini:1, receive = encrypt): this session is not encrypted',
    'recipient <y\\u{a}@b.example>: row "b.example" (test.ini:2, receive = encrypt, mode = observe): this session is not encrypted',
    'recipient <z@c.example>: row "c.example" (test.ini:3, receive = may): met',
    'recipient <w@b.example>: row "b.example" (test.ini:2, receive = encrypt, mode = observe): this session is not encrypted',
  ]);
  t.same(reasons({ recipients: [], unseenRecipients: true }).slice(1), [
    'recipients not shown: several recipients at this stage: list check_policy_service in smtpd_recipient_restrictions too',
  ]);
  t.same(reasons({ sender: parsePath('<>'), recipients: [] }), ['no row applies: accepted']);
  t.same(reasons({ stage: 'VRFY' }), ['no mail at this stage: nothing to judge']);
  t.same(reasons({ arrival: 'local' }), ['did not arrive by SMTP: not judged']);
  t.same(reasons({}, true), ['client is in trusted-clients: not judged']);
});
