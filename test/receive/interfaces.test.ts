/** What each interface is shown of a session, and answers to each recipient; real MTAs say the same in test/e2e/differential.test.ts. */
import { test } from 'tap';
import type { ClientCertificate, TlsState } from '../../src/core/tls.ts';
import { answerAt, INTERFACES, type Interface, shownTo } from '../../src/receive/interfaces.ts';
import { OTHER_DIGEST, PIN, tableOf, transaction } from '../core/buildTables.ts';

const NOBODY = { trustedClients: [] };

function session(certificate: ClientCertificate): TlsState {
  return { kind: 'tls', protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', bits: 256, certificate };
}

const NONE: ClientCertificate = { kind: 'none' };
const UNTRUSTED: ClientCertificate = { kind: 'untrusted', fingerprints: [OTHER_DIGEST] };
const PINNED: ClientCertificate = { kind: 'untrusted', fingerprints: [PIN] };
const NAMED: ClientCertificate = {
  kind: 'trusted',
  commonName: 'mx.x.example',
  issuer: 'A',
  fingerprints: [],
};

test('what is shown of a certificate', async (t) => {
  const seen = (where: 'policy' | 'milter' | 'sendmail', certificate: ClientCertificate): unknown => {
    const { tls, protocol } = shownTo(
      where,
      transaction('<a@b.example>', ['<c@d.example>'], session(certificate)),
    );
    t.equal(protocol, where === 'policy' ? 'policy' : 'milter');
    return tls.kind === 'tls' ? tls.certificate : null;
  };
  t.same(seen('policy', NONE), NONE);
  t.same(seen('milter', NONE), { kind: 'unproven' });
  t.same(seen('sendmail', NONE), NONE);
  t.same(seen('policy', UNTRUSTED), UNTRUSTED);
  t.same(seen('milter', UNTRUSTED), { kind: 'unproven' });
  t.same(seen('sendmail', UNTRUSTED), { kind: 'untrusted', fingerprints: [] });
  t.match(seen('policy', NAMED), { kind: 'trusted', fingerprints: ['00'] }, 'some digest is always told');
  t.same(seen('milter', { ...NAMED, fingerprints: [PIN] }), NAMED);
  for (const tls of [{ kind: 'plain' }, { kind: 'unknown', why: '' }] as const)
    for (const where of ['policy', 'milter', 'sendmail'] as const)
      t.same(shownTo(where, transaction('<>', [], tls)).tls, tls);
});

test('the answers for a row with a pin', async (t) => {
  const cases = [
    ['reject', NONE, 'reject', 'defer', 'reject', 'reject'],
    ['reject', UNTRUSTED, 'reject', 'defer', 'reject', 'defer'],
    ['reject', PINNED, 'accept', 'defer', 'accept', 'defer'],
    ['reject', NAMED, 'reject', 'defer', 'reject', 'defer'],
    ['tag', NONE, 'accept', 'defer', 'accept', 'accept'],
    ['hold', NONE, 'hold', 'defer', 'hold', 'hold'],
  ] as const;
  for (const [violation, certificate, ...wanted] of cases) {
    const table = tableOf([['p.example', { receive: 'verify', fingerprints: [PIN], violation }]]);
    const asked = transaction('<a@p.example>', ['<c@d.example>'], session(certificate));
    INTERFACES.forEach((where, i) => {
      const { recipients, message } = answerAt(where, asked, table, NOBODY);
      const want = wanted[i]!;
      t.equal(recipients[0]?.verdict?.action, want, `${violation} ${certificate.kind} ${where}`);
      t.equal(message?.action ?? 'none', want === 'reject' || want === 'defer' ? 'none' : want);
    });
  }
});

test('each recipient has its own answer, and the message those that passed', async (t) => {
  const table = tableOf([
    ['strict.example', { receive: 'encrypt' }],
    ['hold.example', { receive: 'encrypt', violation: 'hold' }],
    ['tag.example', { receive: 'encrypt', violation: 'tag' }],
  ]);
  const answers = (from: string, to: readonly string[], where: Interface) => {
    const {
      recipients,
      message,
      transaction: end,
    } = answerAt(where, transaction(from, to, { kind: 'plain' }), table, NOBODY);
    const said = recipients.map(({ by, verdict }) => `${by} ${verdict?.action ?? 'not asked'}`);
    return {
      said,
      message: message?.action ?? null,
      tagged: message?.tagged ?? null,
      kept: end.recipients.length,
    };
  };
  const to = ['<a@strict.example>', '<b@other.example>', '<c@tag.example>'];
  for (const where of INTERFACES) {
    const by = where === 'policy' ? 'policy' : 'milter';
    const first = where === 'both' ? 'policy' : by;
    t.same(answers('<x@y.example>', to, where), {
      said: [`${first} reject`, `${by} accept`, `${by} accept`],
      message: 'accept',
      tagged: true,
      kept: 2,
    });
    t.equal(answers('<x@y.example>', ['<a@hold.example>', '<b@other.example>'], where).message, 'hold');
    t.equal(answers('<x@strict.example>', ['<a@b.example>'], where).message, null);
    t.match(answers('<x@strict.example>', ['<postmaster>'], where), {
      said: [where === 'policy' ? 'policy not asked' : 'milter accept'],
      message: 'accept',
    });
  }
});
