/**
 * `deliver = auto`: `auto.tsv` (what is published and the level answered), what is asked before, what goes along with
 * a level, and that nothing that could not be found out ever weakens an answer.
 */
import { test } from 'tap';
import { parsePath } from '../../src/core/address.ts';
import { OLDEST_POSTFIX } from '../../src/core/postfixVersion.ts';
import type { DaneFact, OtherAnswer, Published, StsFact } from '../../src/core/publishedFacts.ts';
import type { Settings } from '../../src/core/settings.ts';
import { type DeliverDecision, decideNextHop, decideRecipient } from '../../src/deliver/deliver.ts';
import { describeDelivery } from '../../src/deliver/describeDelivery.ts';
import { atLeast, FLOORS } from '../../src/deliver/level.ts';
import { answerMap } from '../../src/maps/mapAnswer.ts';
import { formatSocketmapReply } from '../../src/wire/socketmapEncode.ts';
import { formatTlsPolicy } from '../../src/wire/tlsPolicyValue.ts';
import { readTsv, tableOf } from '../core/buildTables.ts';
import { replyOf } from '../maps/replyOf.ts';

const MX = ['mx.a.example', '*.b.example'];

function stsOf(word: string, mx: readonly string[] = MX): StsFact {
  switch (word) {
    case 'absent':
      return { kind: 'absent' };
    case 'failed':
      return { kind: 'failed', failure: 'sts-webpki-invalid', why: 'expired' };
    case 'unknown':
      return { kind: 'unknown', why: 'SERVFAIL' };
    case 'enforce':
    case 'testing':
    case 'none': {
      const lines = ['version: STSv1', `mode: ${word}`];
      return {
        kind: 'policy',
        policy: { mode: word, mx, maxAgeSeconds: 86_400, lines },
        id: '1',
        fetchedAt: 0,
      };
    }
    default:
      throw new Error(word);
  }
}

function daneOf(word: string): DaneFact {
  switch (word) {
    case 'not-asked':
    case 'unknown':
      return { kind: word, why: 'a reason' };
    case 'usable-all':
      return { kind: 'usable', hosts: 'all' };
    case 'usable-some':
      return { kind: 'usable', hosts: 'some' };
    case 'absent':
    case 'unusable':
      return { kind: word };
    default:
      throw new Error(word);
  }
}

const own = (dane: string, sts: string): Published => ({ kind: 'own', dane: daneOf(dane), sts: stsOf(sts) });
const auto = (some: Partial<Settings> = {}) => tableOf([['x.example', { deliver: 'auto', ...some }]]);
const questionIn = (decision: DeliverDecision): unknown =>
  decision.kind === 'needs' ? decision.question : null;
const levelOf = (decision: DeliverDecision): string =>
  decision.kind === 'policy' ? decision.policy.level : decision.kind;

test('what is published, and the level', async (t) => {
  const lines = readTsv('deliver/auto.tsv');
  t.equal(lines.length, 36);
  for (const { dane = '', sts = '', ...want } of lines) {
    const published = own(dane, sts);
    for (const floor of FLOORS) {
      const say = `${dane}, ${sts}, floor ${floor}`;
      const byMap = decideNextHop(auto(), 'x.example', floor, published);
      t.equal(levelOf(byMap), want[floor], `${say} of the map`);
      const byRow = decideNextHop(auto({ deliverFloor: floor }), 'x.example', 'none', published);
      t.equal(levelOf(byRow), want[floor], `${say} of the row`);
      if (byRow.kind === 'policy') formatTlsPolicy(byRow.policy, { major: 3, minor: 12 });
      t.ok(describeDelivery(byRow).length > 0);
      t.equal(levelOf(decideRecipient(auto(), parsePath('u@x.example'), floor, published)), want[floor]);
    }
  }
});

test('deliver = dane below a floor: dane-only where there are TLSA records, else the floor', async (t) => {
  const table = tableOf([['x.example', { deliver: 'dane' }]]);
  const want: readonly (readonly [dane: string, encrypt: string, verify: string])[] = [
    ['usable-all', 'dane-only', 'dane-only'],
    ['usable-some', 'dane-only', 'dane-only'],
    ['unusable', 'encrypt', 'verify'],
    ['absent', 'encrypt', 'verify'],
    ['not-asked', 'dane-only', 'dane-only'],
    ['unknown', 'trouble', 'trouble'],
  ];
  for (const [dane, encrypt, verify] of want) {
    // what MTA-STS says does not matter: the row did not ask for it
    for (const sts of ['absent', 'enforce', 'unknown']) {
      const at = (floor: (typeof FLOORS)[number]) =>
        levelOf(decideNextHop(table, 'x.example', floor, own(dane, sts)));
      t.strictSame([at('none'), at('encrypt'), at('verify')], ['dane', encrypt, verify], `${dane}, ${sts}`);
    }
  }
  const first = decideNextHop(table, '[x.example]:587', 'encrypt');
  t.equal(levelOf(first), 'needs', 'not looked up');
  t.strictSame(questionIn(first), { name: 'x.example', host: true, port: 587, daneOnly: true });
  t.equal(questionIn(decideNextHop(table, 'x.example', 'none')), null, 'without a floor nothing is asked');
  t.equal(levelOf(decideNextHop(tableOf([['*', { deliver: 'dane' }]]), '[192.0.2.1]', 'encrypt')), 'encrypt');
  const other: Published = { kind: 'other', answer: { kind: 'nothing' } };
  t.equal(levelOf(decideNextHop(table, 'x.example', 'encrypt', other)), 'dane-only');
});

test('not to know is never weaker than to know', async (t) => {
  const lines = readTsv('deliver/auto.tsv');
  const at = (dane: string, sts: string): string =>
    lines.find((line) => line.dane === dane && line.sts === sts)?.none ?? '';
  for (const { dane = '', sts = '', none: known = '' } of lines) {
    for (const unknown of [at('unknown', sts), at(dane, 'unknown')]) {
      if (unknown === 'trouble') continue;
      const least = known === 'silent' ? 'none' : known;
      if (known === 'trouble') t.fail(`${dane}, ${sts}`);
      t.ok(atLeast(unknown as 'may', least as 'may'), `${dane}, ${sts}: ${unknown} for ${known}`);
    }
  }
});

test('what is asked before', async (t) => {
  const table = tableOf([
    ['x.example', { deliver: 'auto' }],
    ['watched.example', { deliver: 'auto', mode: 'observe' }],
    ['encrypt.example', { deliver: 'encrypt' }],
    ['[192.0.2.1]', { deliver: 'auto' }],
    ['[192.0.2.2]', { deliver: 'auto', deliverFloor: 'encrypt' }],
  ]);
  const asked = (key: string, want: unknown): void => {
    t.strictSame(questionIn(decideNextHop(table, key, 'none')), want, key);
  };
  asked('X.Example.', { name: 'x.example', host: false, port: 25 });
  asked('[x.example]', { name: 'x.example', host: true, port: 25 });
  asked('[x.example]:587', { name: 'x.example', host: true, port: 587 });
  asked('x.example:submission', { name: 'x.example', host: true, port: 587 });
  for (const key of ['x.example:nosuch', '[x.example]:0', 'x.example:70000', 'x.example:constructor']) {
    asked(key, null);
    t.match(
      decideNextHop(table, key, 'none'),
      { kind: 'policy', policy: { level: 'dane' }, found: false, follows: /is not known/ },
      'left to Postfix, which knows',
    );
  }
  for (const key of ['watched.example', 'encrypt.example', 'y.example', '[192.0.2.1]', '.x.example', 'a b'])
    asked(key, null);
  t.match(decideNextHop(table, '[192.0.2.1]', 'none'), { kind: 'silent', why: /only a domain/ });
  t.equal(levelOf(decideNextHop(table, '[192.0.2.2]', 'none')), 'encrypt');
  t.equal(levelOf(decideNextHop(table, '[192.0.2.1]', 'verify')), 'verify');
  t.equal(levelOf(decideNextHop(table, 'watched.example', 'none')), 'silent');
  const unasked = decideNextHop(table, 'x.example', 'none');
  t.match(unasked, { kind: 'needs', row: { pattern: 'x.example' } });
  t.match(decideNextHop(table, 'x.example', 'none', null), unasked, 'never silently weaker');
  const everyone = tableOf([['*', { deliver: 'auto' }]]);
  t.equal(levelOf(decideNextHop(everyone, 'a..b', 'none')), 'silent', 'no domain publishes nothing');
  const odd = parsePath('u@a.example(x)b.example');
  t.match(decideRecipient(everyone, odd, 'none', own('absent', 'absent')), { kind: 'trouble' });
  t.equal(levelOf(decideRecipient(everyone, parsePath('postmaster'), 'none')), 'silent');
});

test('what goes along with a level', async (t) => {
  const named = { serverNames: ['other.example'], minProtocol: 'TLSv1.3', denyCiphers: ['3des'] };
  const say = (published: Published, some: Partial<Settings> = {}, version = OLDEST_POSTFIX): string => {
    const decision = decideNextHop(auto({ ...named, ...some }), 'x.example', 'none', published);
    if (decision.kind !== 'policy') return decision.kind;
    return formatTlsPolicy(decision.policy, version);
  };
  const floors = 'protocols=>=TLSv1.3 ciphers=high exclude=3DES';
  t.equal(
    say(own('absent', 'enforce')),
    `secure match=mx.a.example:.b.example servername=hostname ${floors}`,
    'the names of the policy, not those of the row',
  );
  t.equal(say(own('usable-all', 'absent')), `dane-only ${floors}`);
  t.equal(say(own('usable-some', 'absent')), 'dane', 'no floors where Postfix falls back to plain text');
  t.equal(say(own('absent', 'absent'), { deliverFloor: 'verify' }), `verify match=other.example ${floors}`);
  t.equal(
    say(own('unusable', 'enforce'), {}, { major: 3, minor: 10 }),
    `secure match=mx.a.example:.b.example servername=hostname ${floors} policy_type=sts policy_domain=x.example` +
      ' {policy_string = version: STSv1} {policy_string = mode: enforce}' +
      ' mx_host_pattern=mx.a.example mx_host_pattern=*.b.example',
  );
  const odd = (mx: readonly string[]): string =>
    say({ kind: 'own', dane: { kind: 'absent' }, sts: stsOf('enforce', mx) });
  t.match(
    odd(['*.example', 'mx', 'a.b_c', 'good.example', 'good.example']),
    /^secure match=good\.example servername=hostname prot/,
  );
  const wide = {
    kind: 'own',
    dane: { kind: 'absent' },
    sts: stsOf('enforce', ['*.example', 'a.example']),
  } as const;
  t.match(
    say(wide, {}, { major: 3, minor: 10 })
      .split(' ')
      .filter((word) => word.startsWith('mx_host')),
    ['mx_host_pattern=a.example'],
    'Postfix 3.10.5 does not compare what was left out either',
  );
  t.equal(odd(['*.example', 'mx']), 'trouble', 'names that cannot be compared are no reason to send');
});

test('another policy server: the stricter wins', async (t) => {
  const say = (
    answer: OtherAnswer,
    some: Partial<Settings> = {},
    floor: 'none' | 'verify' = 'none',
  ): string => {
    const decision = decideNextHop(auto(some), 'x.example', floor, { kind: 'other', answer });
    return decision.kind === 'policy' ? formatTlsPolicy(decision.policy, OLDEST_POSTFIX) : decision.kind;
  };
  const says = (level: string, ...attributes: readonly string[]): OtherAnswer => ({
    kind: 'policy',
    level: level as 'may',
    attributes: attributes.map((text) => {
      const [name = '', ...value] = text.split('=');
      return { name, value: value.join('=') };
    }),
  });
  const floors = 'protocols=>=TLSv1.2 ciphers=high';
  t.equal(say({ kind: 'nothing' }), 'silent');
  t.equal(say({ kind: 'nothing' }, { deliverFloor: 'encrypt' }), `encrypt ${floors}`);
  t.equal(say({ kind: 'unknown', why: 'timeout' }), 'trouble');
  t.equal(say({ kind: 'unknown', why: 'timeout' }, { deliverFloor: 'encrypt' }), 'trouble');
  t.equal(say(says('none')), 'silent', 'nobody else switches TLS off');
  t.equal(say(says('may', 'ciphers=low')), 'silent', 'nor lowers a default of the site that is stricter');
  t.equal(say(says('may'), { deliverFloor: 'encrypt' }), `encrypt ${floors}`);
  t.equal(say(says('dane', 'ciphers=low')), 'dane ciphers=low', 'what it says goes along as it stands');
  t.equal(say(says('dane')), 'dane');
  t.equal(say(says('dane'), { deliverFloor: 'encrypt' }), `dane-only ${floors}`);
  t.equal(
    say(says('secure', 'match=mx.y.example', 'servername=hostname'), { serverNames: ['other.example'] }),
    `secure ${floors} match=mx.y.example servername=hostname`,
  );
  t.equal(
    say(says('secure', 'match=mx.y.example'), {}, 'verify'),
    `secure ${floors} match=mx.y.example`,
    'strict enough for the map',
  );
  t.equal(
    say(says('encrypt', 'match=mx.y.example', 'protocols=>=TLSv1.3'), { deliverFloor: 'verify' }),
    'verify protocols=>=TLSv1.3 ciphers=high',
    'raised: its protocols still hold, its names were for its level',
  );
  t.equal(
    say(says('fingerprint', 'match=AA:BB'), { fingerprints: ['CC:DD'] }),
    `fingerprint ${floors} match=AA:BB`,
  );
  // of two lowest protocols the higher, of two lists of exclusions both
  const protocols = (theirs: string, ours = 'TLSv1.2'): string =>
    say(says('encrypt', `protocols=${theirs}`), { minProtocol: ours, minBits: 0 });
  t.equal(protocols('>=TLSv1.3'), 'encrypt protocols=>=TLSv1.3');
  t.equal(protocols('>=TLSv1'), 'encrypt protocols=>=TLSv1.2');
  t.equal(protocols('!SSLv2:!SSLv3:!TLSv1:!TLSv1.1:!TLSv1.2'), 'encrypt protocols=>=TLSv1.3');
  t.equal(protocols('!sslv2:!sslv3'), 'encrypt protocols=>=TLSv1.2');
  t.equal(protocols('TLSv1.2:TLSv1.3', 'TLSv1'), 'encrypt protocols=>=TLSv1.2');
  for (const odd of ['!TLSv1.1', '<=TLSv1.2', '>=TLSv1:<=TLSv1.2', 'TLSv1.2', '>=TLSv9', '!TLSv1.3', '!x'])
    t.equal(protocols(odd), 'trouble', odd);
  t.equal(
    say(says('encrypt', 'exclude=aNULL:3DES', 'ciphers=medium'), { denyCiphers: ['3des'], minBits: 0 }),
    'encrypt protocols=>=TLSv1.2 exclude=3DES:aNULL ciphers=medium',
  );
  t.equal(say(says('encrypt', 'ciphers=medium')), `encrypt ${floors}`, 'the row has the higher grade');
});

test('Sendmail', async (t) => {
  const say = (map: string, key: string, published: Published, some: Partial<Settings> = {}): string =>
    formatSocketmapReply(replyOf(answerMap(map, key, auto(some), OLDEST_POSTFIX, published)));
  const rcpt = (published: Published, some: Partial<Settings> = {}): string =>
    say('tls_rcpt', 'tls_rcpt:u@x.example', published, some);
  t.equal(rcpt(own('usable-all', 'absent')), 'OK TEMP+ENCR:128');
  t.equal(rcpt(own('usable-some', 'absent')), 'OK TEMP+ENCR:128');
  t.equal(rcpt(own('unusable', 'absent')), 'OK TEMP+ENCR:128');
  t.equal(rcpt(own('absent', 'enforce')), 'OK TEMP+ENCR:128');
  t.equal(rcpt(own('not-asked', 'testing')), 'NOTFOUND ');
  t.equal(rcpt(own('absent', 'absent')), 'NOTFOUND ');
  t.match(rcpt(own('unknown', 'absent')), /^TEMP tlsward: DANE: a reason \(row x\.example\)/);
  const verify: Partial<Settings> = { deliverFloor: 'verify' };
  t.equal(rcpt(own('absent', 'absent'), verify), 'OK TEMP+VERIFY:128+CN');
  t.equal(rcpt(own('absent', 'enforce'), verify), 'OK TEMP+VERIFY:128+CN', 'the floor is not lost');
  t.equal(
    rcpt(own('usable-all', 'absent'), { ...verify, serverNames: ['a.example'] }),
    'OK TEMP+VERIFY:128+CN:a.example',
  );
  t.match(rcpt({ kind: 'other', answer: { kind: 'policy', level: 'verify', attributes: [] } }), /^TEMP /);

  const sts = (published: Published): string => say('sts', 'x.example', published);
  t.equal(sts(own('absent', 'enforce')), 'OK secure match=mx.a.example:.b.example servername=hostname');
  t.equal(sts(own('usable-all', 'enforce')), 'OK secure match=mx.a.example:.b.example servername=hostname');
  for (const word of ['absent', 'testing', 'none', 'failed']) t.equal(sts(own('absent', word)), 'NOTFOUND ');
  t.match(sts(own('absent', 'unknown')), /^TEMP tlsward: MTA-STS: SERVFAIL/);
  t.strictSame(answerMap('sts', 'X.example', auto(), OLDEST_POSTFIX), {
    kind: 'needs',
    question: { name: 'x.example', host: false, port: 25 },
  });
  const many = Array.from({ length: 90 }, (_, i) => `mx${i}.a.example`);
  t.match(
    sts({ kind: 'own', dane: { kind: 'absent' }, sts: stsOf('enforce', many) }),
    /^TEMP .*more names than Sendmail can compare/,
  );
  const other = (value: string): string =>
    sts({
      kind: 'other',
      answer: { kind: 'policy', level: 'secure', attributes: [{ name: 'match', value }] },
    });
  t.equal(other('mx.y.example:.z.example'), 'OK secure match=mx.y.example:.z.example servername=hostname');
  t.match(other('nexthop'), /^TEMP .*names that Sendmail cannot compare/);
  t.equal(sts({ kind: 'other', answer: { kind: 'nothing' } }), 'NOTFOUND ');
  t.match(sts({ kind: 'other', answer: { kind: 'unknown', why: 'down' } }), /^TEMP .*down/);
});
