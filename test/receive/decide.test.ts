/**
 * The truth tables, `truth.tsv` (one row, one session), `outcome.tsv` (one breach) and `combinations.tsv` (whole tables),
 * against `decide`. The expected columns were written from the meaning of the levels, not from the code.
 */
import { test } from 'tap';
import { parseNetwork } from '../../src/core/network.ts';
import { MODES, type Settings, VIOLATIONS } from '../../src/core/settings.ts';
import type { ClientCertificate, TlsState } from '../../src/core/tls.ts';
import type { Stage, Transaction } from '../../src/core/transaction.ts';
import { decide } from '../../src/receive/decide.ts';
import { replyFor } from '../../src/receive/smtpReply.ts';
import { GOOD, OTHER_DIGEST, PIN, readTsv, settingsOf, tableOf, transaction } from '../core/buildTables.ts';

const NOBODY = { trustedClients: [] };

const ROWS: Readonly<Record<string, Partial<Settings>>> = {
  none: { receive: 'none' },
  may: { receive: 'may' },
  encrypt: { receive: 'encrypt' },
  verify: { receive: 'verify' },
  'verify-issuer': { receive: 'verify', clientIssuers: ['Root CA'] },
  'verify-pin': { receive: 'verify', fingerprints: [PIN] },
  'verify-issuer-pin': {
    receive: 'verify',
    clientIssuers: ['Root CA'],
    fingerprints: [PIN],
    clientNames: ['mx.row.example'],
  },
};

const trusted = (commonName: string, issuer: string, fingerprints: readonly string[]): ClientCertificate => ({
  kind: 'trusted',
  commonName,
  issuer,
  fingerprints,
});

const CERTIFICATES: Readonly<Record<string, ClientCertificate>> = {
  unknown: { kind: 'unknown', why: 'not told' },
  none: { kind: 'none' },
  unproven: { kind: 'unproven' },
  untrusted: { kind: 'untrusted', fingerprints: [OTHER_DIGEST] },
  'untrusted-pinned': { kind: 'untrusted', fingerprints: [OTHER_DIGEST, PIN] },
  'untrusted-undigested': { kind: 'untrusted', fingerprints: [] },
  'wrong-name': trusted('mx.other.example', 'Root CA', [OTHER_DIGEST]),
  'right-name': trusted('MX.row.example', 'Root CA', [OTHER_DIGEST]),
  'right-name-wrong-issuer': trusted('mx.row.example', 'Other CA', [OTHER_DIGEST]),
  'no-name': trusted('', 'Root CA', [OTHER_DIGEST]),
  'wrong-name-pinned': trusted('mx.other.example', 'Root CA', [PIN]),
  'right-name-undigested': trusted('mx.row.example', 'Root CA', []),
  'wrong-name-undigested': trusted('mx.other.example', 'Root CA', []),
};

function sessionOf(tls: string, certificate: ClientCertificate): TlsState {
  const good = { ...GOOD, certificate };
  switch (tls) {
    case 'unknown':
      return { kind: 'unknown', why: 'not told' };
    case 'plain':
      return { kind: 'plain' };
    case 'low-protocol':
      return { ...good, protocol: 'TLSv1.1' };
    case 'few-bits':
      return { ...good, protocol: 'TLSv1.2', cipher: 'ECDHE-RSA-DES-CBC3-SHA', bits: 112 };
    case 'denied-cipher':
      return { ...good, protocol: 'TLSv1.2', cipher: 'ECDHE-RSA-RC4-SHA', bits: 128 };
    case 'low-protocol-no-bits':
      return { ...good, protocol: 'TLSv1', bits: null };
    case 'odd-protocol':
      return { ...good, protocol: 'QUIC' };
    case 'no-bits':
      return { ...good, bits: null };
    case 'good':
      return good;
  }
  throw new Error(`no session called ${tls}`);
}

test('one row, one session, every violation and mode', async (t) => {
  const outcomes = new Map(
    readTsv('receive/outcome.tsv').map((line) => [`${line.breach} ${line.violation} ${line.mode}`, line]),
  );
  const sides = ['sender', 'sender+login', 'recipient', 'recipient+login'] as const;
  const lines = readTsv('receive/truth.tsv');
  let judged = 0;
  for (const line of lines) {
    const tls = sessionOf(line.tls!, CERTIFICATES[line.certificate!] ?? { kind: 'none' });
    const wrong: string[] = [];
    for (const violation of VIOLATIONS) {
      for (const mode of MODES) {
        const settings = { ...ROWS[line.row!]!, denyCiphers: ['rc4'], violation, mode };
        const table = tableOf([['row.example', settings]]);
        for (const side of sides) {
          const [from, to] = side.startsWith('sender')
            ? ['<a@row.example>', '<b@x.example>']
            : ['<a@x.example>', '<b@row.example>'];
          const asked: Transaction = {
            ...transaction(from!, [to!], tls),
            saslUsername: side.endsWith('login') ? 'somebody' : '',
          };
          const verdict = decide(asked, table, NOBODY);
          const want = outcomes.get(`${line[side]} ${violation} ${mode}`)!;
          const refused = verdict.wouldBe ?? verdict.action;
          const reply =
            refused === 'defer' || refused === 'reject'
              ? replyFor(verdict.decisive!, refused, tls, 'CODE')
              : null;
          const got = [
            verdict.decisive?.breach?.kind ?? 'ok',
            verdict.action,
            verdict.tagged ? 'yes' : 'no',
            verdict.wouldBe ?? '-',
            reply === null ? '-' : `${reply.code} ${reply.dsn}`,
          ].join(' ');
          const wanted = [line[side], want.action, want.tagged, want['would-be'], want.reply].join(' ');
          if (got !== wanted) wrong.push(`${side} ${violation} ${mode}: ${got}, not ${wanted}`);
          judged++;
        }
      }
    }
    t.same(wrong, [], `${line.row} ${line.tls} ${line.certificate}`);
  }
  const expected = Object.keys(ROWS).length * (2 + 7 * Object.keys(CERTIFICATES).length);
  t.equal(lines.length, expected, 'each row, session and certificate once');
  t.equal(new Set(lines.map((line) => `${line.row} ${line.tls} ${line.certificate}`)).size, expected);
  t.equal(judged, expected * 32);
});

/** A session in the words of combinations.tsv. */
function asked(line: Readonly<Record<string, string>>): Transaction {
  let tls: TlsState = { kind: 'plain' };
  const to = line.to === '-' ? [] : line.to!.split(/ (?=<)/);
  let more: Partial<Transaction> = {};
  for (const word of line.session!.split(' ')) {
    const value = word.slice(word.indexOf(':') + 1);
    if (word === 'plain') tls = { kind: 'plain' };
    else if (word === 'unknown') tls = { kind: 'unknown', why: 'not told' };
    else if (word === 'tls') tls = GOOD;
    else if (word === 'tls10') tls = { ...GOOD, protocol: 'TLSv1' };
    else if (word.startsWith('cert:'))
      tls = { ...GOOD, certificate: trusted(value, 'Root CA', [OTHER_DIGEST]) };
    else if (word === 'pinned') tls = { ...GOOD, certificate: { kind: 'untrusted', fingerprints: [PIN] } };
    else if (word === 'login') more = { ...more, saslUsername: 'somebody' };
    else if (word === 'local') more = { ...more, arrival: 'local' };
    else if (word === 'unseen') more = { ...more, unseenRecipients: true };
    else if (word.startsWith('client:')) more = { ...more, clientAddress: value };
    else if (word.startsWith('stage:')) more = { ...more, stage: value as Stage };
    else throw new Error(`no session word ${word}`);
  }
  return { ...transaction(line.from === '-' ? null : line.from!, to, tls), ...more };
}

test('whole tables, envelopes and sessions', async (t) => {
  const facts = { trustedClients: [parseNetwork('10.0.0.0/8')!] };
  for (const line of readTsv('receive/combinations.tsv')) {
    const rows = line.table!.split(' ').map((text) => {
      const equals = text.lastIndexOf('=');
      return [text.slice(0, equals), settingsOf(text.slice(equals + 1))] as const;
    });
    const question = asked(line);
    const verdict = decide(question, tableOf(rows), facts);
    const { decisive } = verdict;
    const refused = verdict.action === 'accept' ? verdict.wouldBe : verdict.action;
    const reply =
      decisive !== null && (refused === 'defer' || refused === 'reject')
        ? replyFor(decisive, refused, question.tls, 'CODE')
        : null;
    const decided = decisive === null ? '-' : `${decisive.side} ${decisive.row?.pattern ?? '?'}`;
    t.same(
      {
        action: verdict.action,
        reply: reply === null ? '-' : `${reply.code} ${reply.dsn}`,
        'would-be': verdict.wouldBe ?? '-',
        decided: verdict.judged === 'judged' ? decided : 'not judged',
      },
      { action: line.action, reply: line.reply, 'would-be': line['would-be'], decided: line.decided },
      `${line.table}: ${line.from} -> ${line.to} ${line.session}`,
    );
  }
});
