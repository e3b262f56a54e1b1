/**
 * The smallest change that turns a verdict around: on random tables it is a session that can be, and turns it; and by
 * example it is the one that a person would name.
 */
import { test } from 'tap';
import type { Settings } from '../../src/core/settings.ts';
import type { ClientCertificate, TlsState } from '../../src/core/tls.ts';
import { smallestChange } from '../../src/receive/counterfactual.ts';
import { decide } from '../../src/receive/decide.ts';
import { POORER_SUITES, runsInTls12, SOUND_SUITES, type Suite } from '../../src/receive/suites.ts';
import { OTHER_DIGEST, PIN, type RowOf, tableOf, transaction } from '../core/buildTables.ts';
import { type Generator, generator } from '../mark/generator.ts';

const NOBODY = { trustedClients: [] };
const OLD: readonly Suite[] = [
  { protocol: 'TLSv1', cipher: 'ECDHE-RSA-AES256-SHA', bits: 256 },
  { protocol: 'TLSv1.1', cipher: 'DES-CBC3-SHA', bits: 112 },
  { protocol: 'TLSv1.2', cipher: 'NULL-SHA256', bits: 0 },
];
const PATTERNS = ['*', '<>', 'a.example', 'b.example', '.example', 'x@a.example'];

function possible(tls: TlsState): boolean {
  if (tls.kind !== 'tls') return true;
  const { protocol, cipher, bits } = tls;
  const known = [...SOUND_SUITES, ...POORER_SUITES, ...OLD].find((suite) => suite.cipher === cipher);
  if (known === undefined || known.bits !== bits) return false;
  return protocol === known.protocol || (protocol === 'TLSv1.2' && runsInTls12(cipher));
}

function session(random: Generator): TlsState {
  if (random.integer(5) === 0) return { kind: 'plain' };
  if (random.integer(8) === 0) return { kind: 'unknown', why: 'not told' };
  const fingerprints = random.pick([[PIN], [OTHER_DIGEST]]);
  const certificate = random.pick<ClientCertificate>([
    { kind: 'none' },
    { kind: 'untrusted', fingerprints },
    { kind: 'trusted', commonName: random.pick(['a.example', 'mx.b.example']), issuer: 'A', fingerprints },
  ]);
  return { kind: 'tls', ...random.pick([...SOUND_SUITES, ...OLD]), certificate };
}

function rows(random: Generator): RowOf[] {
  const patterns = new Set(Array.from({ length: 1 + random.integer(5) }, () => random.pick(PATTERNS)));
  return [...patterns].map((pattern) => {
    const settings: Partial<Settings> = {
      receive: random.pick(['may', 'encrypt', 'verify', 'verify']),
      minProtocol: random.pick(['TLSv1', 'TLSv1.2', 'TLSv1.3']),
      minBits: random.pick([0, 128, 256]),
      denyCiphers: random.pick([[], [], ['aes_256', 'aes256'], ['tls_'], ['e']]),
      clientNames: random.pick([[], ['mx.a.example'], ['.example']]),
      clientIssuers: random.pick([[], [], ['A'], ['B']]),
      fingerprints: random.pick([[], [], [PIN]]),
      violation: random.pick(['tag', 'defer', 'reject', 'hold']),
      mode: random.pick(['enforce', 'enforce', 'observe']),
    };
    return [pattern, settings] as const;
  });
}

test('on random tables it is possible, and turns the verdict around', async (t) => {
  const random = generator();
  let changes = 0;
  const wrong: string[] = [];
  for (let i = 0; i < 4000; i++) {
    const table = tableOf(rows(random));
    const to = Array.from({ length: 1 + random.integer(2) }, () =>
      random.pick(['<x@a.example>', '<y@b.example>', '<postmaster>', '<z@c.test>']),
    );
    const asked = transaction(random.pick(['<x@a.example>', '<y@b.example>', '<>']), to, session(random));
    const now = decide(asked, table, NOBODY);
    const change = smallestChange(asked, table, NOBODY);
    if (change === null) {
      if (now.action !== 'accept') wrong.push(`${i}: nothing makes ${now.action} an accept`);
      continue;
    }
    changes++;
    const { verdict, description } = change;
    if ((verdict.action === 'accept') === (now.action === 'accept'))
      wrong.push(`${i}: ${description}: ${now.action} to ${verdict.action}`);
    if (!possible(verdict.tls)) wrong.push(`${i}: ${description}: ${JSON.stringify(verdict.tls)}`);
    const again = decide({ ...asked, tls: verdict.tls }, table, NOBODY);
    if (!description.startsWith('row ') && again.action !== verdict.action)
      wrong.push(`${i}: ${description}: not decided`);
  }
  t.same(wrong, [], `seed ${random.seed}`);
  t.ok(changes > 1000, `${changes} changes`);
});

test('by example', async (t) => {
  const none: ClientCertificate = { kind: 'none' };
  const tls = (suite: Suite, certificate: ClientCertificate = none): TlsState => ({
    kind: 'tls',
    ...suite,
    certificate,
  });
  const [best, , aes128, old12] = SOUND_SUITES as readonly [Suite, Suite, Suite, Suite];
  const cases: readonly (readonly [Partial<Settings>, TlsState, RegExp | null])[] = [
    [{ receive: 'encrypt' }, { kind: 'plain' }, /^the session used TLSv1\.3 with TLS_AES_256_GCM_SHA384$/],
    [{ receive: 'encrypt' }, tls(best), /^the session used TLSv1 with ECDHE-RSA-AES256-SHA$/],
    [{ receive: 'encrypt', minBits: 256 }, tls(aes128), /^the session used TLS_AES_256_GCM_SHA384$/],
    [{ receive: 'encrypt', minBits: 256 }, tls(best), /^the session used TLS_AES_128_GCM_SHA256$/],
    [
      { receive: 'encrypt', minProtocol: 'TLSv1.3' },
      tls(old12),
      /^the session used TLSv1\.3 with TLS_AES_256/,
    ],
    [{ receive: 'encrypt' }, tls(OLD[0]!), /^the session used TLSv1\.2$/],
    [
      { receive: 'encrypt', denyCiphers: ['aes'] },
      tls(old12),
      /^the session used ECDHE-RSA-CHACHA20-POLY1305$/,
    ],
    [
      { receive: 'verify', fingerprints: [PIN] },
      tls(best),
      /^the client showed the certificate with the pin AA:01$/,
    ],
    [
      { receive: 'verify', clientNames: ['mx.a.example'] },
      tls(OLD[2]!),
      /^the session used ECDHE-RSA-AES256-GCM-SHA384 and the client showed a verified certificate for mx\.a\.example$/,
    ],
    [
      { receive: 'encrypt', denyCiphers: ['a', 'e'] },
      { kind: 'plain' },
      /^row "a\.example" .* said mode = observe$/,
    ],
    [
      { receive: 'encrypt', violation: 'tag' },
      { kind: 'plain' },
      /^row "a\.example" .* said violation = reject$/,
    ],
    [{ receive: 'may' }, { kind: 'plain' }, null],
  ];
  for (const [settings, state, words] of cases) {
    const table = tableOf([['a.example', settings]]);
    const change = smallestChange(transaction('<x@a.example>', ['<z@c.test>'], state), table, NOBODY);
    if (words === null) t.equal(change, null);
    else t.match(change?.description, words, JSON.stringify([settings, state]));
  }
});
