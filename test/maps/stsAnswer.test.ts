/** The map of Sendmail's FEATURE(`sts'): only an enforced policy behind a row with `auto` has an answer. */
import t from 'tap';
import type { OtherAnswer, Published, StsFact } from '../../src/core/publishedFacts.ts';
import type { Settings } from '../../src/core/settings.ts';
import { answerSts } from '../../src/maps/stsAnswer.ts';
import { formatSocketmapReply } from '../../src/wire/socketmapEncode.ts';
import { tableOf } from '../core/buildTables.ts';

const auto = (some: Partial<Settings> = {}) => tableOf([['x.example', { deliver: 'auto', ...some }]]);

function asked(published: Published, key = 'x.example', table = auto()): string {
  const answer = answerSts(table, key, published);
  return answer.kind === 'needs' ? 'needs' : formatSocketmapReply(answer.reply);
}

function policy(mode: 'enforce' | 'testing' | 'none', mx: readonly string[] = ['mx.x.example']): Published {
  const sts: StsFact = {
    kind: 'policy',
    policy: { mode, mx, maxAgeSeconds: 86_400, lines: [] },
    id: '1',
    fetchedAt: 0,
  };
  return { kind: 'own', dane: { kind: 'absent' }, sts };
}

t.test('which keys need a lookup', async (t) => {
  const needs = (key: string, table = auto()): unknown => {
    const answer = answerSts(table, key, null);
    return answer.kind === 'needs' ? answer.question : answer.reply.status;
  };
  for (const key of ['x.example', 'X.Example', 'x.example.'])
    t.strictSame(needs(key), { name: 'x.example', host: false, port: 25 }, key);
  for (const key of ['y.example', '[x.example]', '[192.0.2.1]', '.x.example', 'a b', ''])
    t.equal(needs(key), 'NOTFOUND', key);
  t.equal(needs('x.example', auto({ mode: 'observe' })), 'NOTFOUND');
  t.equal(needs('x.example', auto({ deliver: 'secure' })), 'NOTFOUND');
});

t.test('an enforced policy', async (t) => {
  const head = 'OK secure match=';
  const tail = ' servername=hostname';
  t.equal(asked(policy('enforce')), `${head}mx.x.example${tail}`);
  t.equal(asked(policy('enforce', ['a.x.example', '*.b.example'])), `${head}a.x.example:.b.example${tail}`);
  t.equal(asked(policy('enforce', ['*.example', 'a.x.example'])), `${head}a.x.example${tail}`);
  for (const mode of ['testing', 'none'] as const) t.equal(asked(policy(mode)), 'NOTFOUND ', mode);
  for (const sts of [
    { kind: 'absent' },
    { kind: 'failed', failure: 'sts-webpki-invalid', why: 'expired' },
  ] as const)
    t.equal(asked({ kind: 'own', dane: { kind: 'absent' }, sts }), 'NOTFOUND ', sts.kind);
});

t.test('what cannot be told or compared makes mail wait', async (t) => {
  const unknown: StsFact = { kind: 'unknown', why: 'timeout' };
  t.equal(asked({ kind: 'own', dane: { kind: 'absent' }, sts: unknown }), 'TEMP tlsward: MTA-STS: timeout');
  t.match(
    asked(policy('enforce', ['*.example', 'mx'])),
    /^TEMP tlsward: .*no name in the policy can be compared/,
  );
  // a value of 887 characters, and one of 902
  const long = (count: number): string =>
    asked(
      policy(
        'enforce',
        Array.from({ length: count }, (_, i) => `mx${i + 10}.a.example`),
      ),
    );
  t.match(long(57), /^OK secure match=mx10/);
  t.equal(long(58), 'TEMP tlsward: more names than Sendmail can compare');
});

t.test("another policy server's answer", async (t) => {
  const other = (answer: OtherAnswer): string => asked({ kind: 'other', answer });
  const secure = (...match: readonly string[]): string =>
    other({ kind: 'policy', level: 'secure', attributes: match.map((value) => ({ name: 'match', value })) });
  t.equal(secure('MX.y.example:.z.example'), 'OK secure match=mx.y.example:.z.example servername=hostname');
  t.equal(
    secure('a.y.example', 'b.y.example'),
    'OK secure match=a.y.example:b.y.example servername=hostname',
  );
  for (const match of [[], ['nexthop'], ['mx.y.example:dot-nexthop'], ['']])
    t.match(secure(...match), /^TEMP tlsward: .*names that Sendmail cannot compare$/, String(match));
  t.equal(other({ kind: 'policy', level: 'encrypt', attributes: [] }), 'NOTFOUND ');
  t.equal(other({ kind: 'nothing' }), 'NOTFOUND ');
  t.match(other({ kind: 'unknown', why: 'down' }), /^TEMP tlsward: .*down$/);
});
