import t from 'tap';
import { parsePath } from '../../src/core/address.ts';
import { DEFAULTS, type Settings } from '../../src/core/settings.ts';
import type { Row } from '../../src/core/table.ts';
import { PLAIN, type TlsState } from '../../src/core/tls.ts';
import { accepted, type Breach, type Finding, verdictOf } from '../../src/core/verdict.ts';
import { markOf, markSenderDomain } from '../../src/mark/markOf.ts';

const TLS: TlsState = {
  kind: 'tls',
  protocol: 'TLSv1.3',
  cipher: 'C',
  bits: 256,
  certificate: { kind: 'none' },
};
const OLD: TlsState = { ...TLS, protocol: 'TLSv1' };
const TRUSTED: TlsState = {
  ...TLS,
  certificate: { kind: 'trusted', commonName: 'mx1.gov.example', issuer: 'CA', fingerprints: [] },
};
const CONTEXT = {
  host: 'mx.example.org',
  queueId: 'Q1',
  code: 'AB',
  bodyDigest: '',
  timeMs: Date.UTC(2026, 10, 22, 18, 47, 31, 999),
  recipients: 1,
};

function finding(
  settings: Partial<Settings>,
  breach: Breach | null,
  side: 'sender' | 'recipient' = 'sender',
): Finding {
  const row: Row = {
    pattern: 'bank.example',
    settings: { ...DEFAULTS, ...settings },
    at: { file: 'tlsward.ini', line: 1 },
  };
  return { side, address: null, row, breach };
}

t.test('state and verdict', (t) => {
  const say = (tls: TlsState, findings: Finding[], state: string, verdict: string): void => {
    const mark = markOf(verdictOf(findings, tls), CONTEXT);
    t.strictSame(
      [mark.state, mark.verdict],
      [state, verdict],
      JSON.stringify([tls, findings.map((one) => one.breach)]),
    );
  };
  const encrypt = { receive: 'encrypt' } as const;
  say(TLS, [], 'protected', 'accept');
  say(TLS, [finding(encrypt, null)], 'protected', 'accept');
  say(OLD, [], 'unprotected', 'accept');
  say(OLD, [finding({ minProtocol: 'TLSv1' }, null)], 'protected', 'accept');
  say({ ...TLS, bits: 56 }, [finding({}, null)], 'unprotected', 'accept');
  say({ ...TLS, bits: null }, [], 'unknown', 'accept');
  say(PLAIN, [], 'unprotected', 'accept');
  say(PLAIN, [finding({ ...encrypt, violation: 'tag' }, { kind: 'plain' })], 'unprotected', 'tag');
  say(PLAIN, [finding({ ...encrypt, violation: 'hold' }, { kind: 'plain' })], 'unprotected', 'hold');
  say(PLAIN, [finding({ ...encrypt, mode: 'observe' }, { kind: 'plain' })], 'unprotected', 'would-reject');
  say(TLS, [finding({ receive: 'verify', violation: 'tag' }, { kind: 'certificate' })], 'unprotected', 'tag');
  say({ kind: 'unknown', why: 'x' }, [], 'unknown', 'accept');
  say(
    TLS,
    [finding({ receive: 'verify', mode: 'observe' }, { kind: 'unknown', why: 'x' })],
    'unknown',
    'would-defer',
  );
  const unjudged = markOf(accepted('trusted-client'), CONTEXT);
  t.strictSame([unjudged.state, unjudged.verdict], ['unknown', 'not-judged']);
  t.end();
});

t.test('facts', (t) => {
  const mark = markOf(verdictOf([finding({}, null)], TRUSTED), CONTEXT);
  t.strictSame(mark, {
    leg: 'receive',
    state: 'protected',
    protocol: 'TLSv1.3',
    cipher: 'C',
    bits: 256,
    bodyDigest: '',
    certificate: 'trusted',
    certificateName: 'mx1.gov.example',
    row: 'bank.example',
    verdict: 'accept',
    host: 'mx.example.org',
    queueId: 'Q1',
    time: '2026-11-22T18:47:31Z',
    code: 'AB',
  });
  t.match(markOf(verdictOf([], PLAIN), CONTEXT), {
    protocol: '',
    cipher: '',
    bits: null,
    certificate: 'none',
    row: '',
  });
  t.equal(markOf(verdictOf([], { kind: 'unknown', why: '' }), CONTEXT).certificate, 'unknown');
  t.end();
});

t.test('a row of one recipient is not told to the others', (t) => {
  const verdict = verdictOf([finding({}, null, 'recipient')], TLS);
  t.equal(markOf(verdict, CONTEXT).row, 'bank.example');
  t.equal(markOf(verdict, { ...CONTEXT, recipients: 2 }).row, '');
  t.equal(
    markOf(verdictOf([finding({}, null)], TLS), { ...CONTEXT, recipients: 2 }).row,
    'bank.example',
    'the sender is known to all',
  );
  t.end();
});

t.test('sender domain', (t) => {
  t.equal(markSenderDomain(parsePath('<a@Partner.Example.>')), 'partner.example');
  t.equal(markSenderDomain(parsePath('<>')), '');
  t.equal(markSenderDomain(parsePath('<postmaster>')), '');
  t.equal(markSenderDomain(null), '');
  t.end();
});
