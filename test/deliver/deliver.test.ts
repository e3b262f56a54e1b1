/**
 * The deliver leg: `deliver.tsv` (request and reply under `deliver.ini`, written from the meaning of the levels), the
 * lattice of levels, and properties that hold for every row and key.
 */
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { formatNotice } from '../../src/config/ini/problem.ts';
import { loadConfig } from '../../src/config/load/load.ts';
import { parsePath } from '../../src/core/address.ts';
import { OLDEST_POSTFIX } from '../../src/core/postfixVersion.ts';
import type { Published } from '../../src/core/publishedFacts.ts';
import { DELIVER_LEVELS, type Settings } from '../../src/core/settings.ts';
import { PolicyTable } from '../../src/core/table.ts';
import { CIPHER_NAMES, excludedCiphers } from '../../src/deliver/ciphers.ts';
import { type DeliverDecision, decideNextHop, decideRecipient } from '../../src/deliver/deliver.ts';
import { describeDelivery } from '../../src/deliver/describeDelivery.ts';
import { atLeast, FLOORS, GUARANTEES, mandatory, stricter } from '../../src/deliver/level.ts';
import { answerMap } from '../../src/maps/mapAnswer.ts';
import { formatSocketmapReply } from '../../src/wire/socketmapEncode.ts';
import { formatTlsPolicy } from '../../src/wire/tlsPolicyValue.ts';
import { readTsv, tableOf } from '../core/buildTables.ts';
import { replyOf } from '../maps/replyOf.ts';
import { root } from '../root.ts';

const LEVELS = DELIVER_LEVELS.filter((level) => level !== 'auto');
const DIGEST = Array.from({ length: 32 }, () => 'AB').join(':');

test('requests and replies', async (t) => {
  const loaded = loadConfig(fileURLToPath(new URL('test/deliver/deliver.ini', root)), '2026-11-22');
  if (!loaded.ok) throw new Error(loaded.problems.map(({ found }) => found).join('\n'));
  t.match(
    loaded.notices.map(formatNotice).map((line) => line.slice(line.indexOf('deliver.ini:') + 12)),
    [/^\d+: \[policy arrives\] receive: outbound mail is not protected: there is no deliver beside/],
  );
  t.equal(loaded.notices.length, 1);
  const table = new PolicyTable(loaded.packed, 1, loaded.hash);
  const lines = readTsv('deliver/deliver.tsv');
  t.ok(lines.length > 150);
  for (const { map = '', key = '', reply } of lines) {
    const onWire = Buffer.from(key, 'utf8').toString('latin1');
    const answer = answerMap(map, onWire, table, OLDEST_POSTFIX);
    const said =
      answer.kind === 'needs' ? `needs ${answer.question.name}` : formatSocketmapReply(answer.reply);
    t.equal(said, reply, `${map} ${key}`);
  }
});

test('the stricter level keeps every promise of both, and is the weakest that does', async (t) => {
  for (const level of LEVELS) {
    for (const floor of FLOORS) {
      const answer = stricter(level, floor);
      t.ok(atLeast(answer, level) && atLeast(answer, floor), `${level} under ${floor}: ${answer}`);
      const weaker = LEVELS.filter(
        (other) =>
          atLeast(other, level) &&
          atLeast(other, floor) &&
          GUARANTEES[other].length < GUARANTEES[answer].length,
      );
      t.strictSame(weaker, [], 'nothing weaker would do');
      if (floor !== 'none') t.ok(mandatory(answer));
    }
    t.equal(stricter(level, 'none'), level, 'no floor, no change');
  }
  t.equal(stricter('dane', 'encrypt'), 'dane-only', 'neither dane nor encrypt keeps both promises');
});

const DANE: Published = { kind: 'own', dane: { kind: 'usable', hosts: 'all' }, sts: { kind: 'absent' } };

test('no answer is weaker than the row, whatever the next hop looks like', async (t) => {
  const hops = [
    'x.example',
    '[x.example]',
    '[x.example]:25',
    'x.example:25',
    'X.EXAMPLE.',
    '[X.example.]:25',
  ];
  for (const level of LEVELS) {
    const settings: Partial<Settings> = { deliver: level, fingerprints: [DIGEST] };
    const exact = tableOf([['x.example', settings]]);
    const everyone = tableOf([['*', settings]]);
    for (const table of [exact, everyone]) {
      for (const floor of FLOORS) {
        for (const hop of hops) {
          // dane below a floor needs to know of TLSA records; there are some
          const decision = decideNextHop(table, hop, floor, DANE);
          // a level that lowers counts for the hop that the row names alone
          const lowers = (level === 'none' || level === 'may') && hop !== 'x.example';
          if (lowers && floor === 'none') {
            t.match(decision, {
              kind: 'silent',
              why: 'applies only to a next hop that is written like the row',
            });
            continue;
          }
          if (decision.kind !== 'policy') throw new Error(`${level} ${hop}: ${decision.kind}`);
          if (!atLeast(decision.policy.level, level) || !atLeast(decision.policy.level, floor))
            t.fail(`${level} under ${floor} for ${hop}: ${decision.policy.level}`);
          // every one can be said in the grammar
          formatTlsPolicy(decision.policy, OLDEST_POSTFIX);
          if (describeDelivery(decision).length !== (mandatory(decision.policy.level) ? 2 : 1))
            t.fail(`words for ${decision.policy.level}`);
        }
      }
    }
    t.pass(level);
  }
});

test('rows at none and may reach what is written as they are, and plain names below', async (t) => {
  const lowered = (pattern: string, key: string): string => {
    const said = (['none', 'may'] as const).map((deliver) =>
      decideNextHop(tableOf([[pattern, { deliver }]]), key, 'none'),
    );
    const [none, may] = said.map((decision) => (decision.kind === 'policy' ? 'yes' : decision.kind));
    return none === may ? none! : 'differ';
  };
  for (const [pattern, ...keys] of [
    ['x.example', 'x.example', 'X.Example'],
    ['.example', 'x.example', 'a.b.example', 'A.EXAMPLE'],
    ['*', 'x.example'],
    ['[x.example]', '[x.example]', '[X.example]'],
    ['[x.example]:587', '[x.example]:587'],
    ['x.example:587', 'x.example:587', 'X.example:587'],
    ['[192.0.2.1]', '[192.0.2.1]'],
    ['[ipv6:2001:db8:0:0:0:0:0:1]', '[2001:db8::1]', '[IPv6:2001:db8::1]'],
    ['xn--bcher-kva.example', 'b\u00fccher.example', 'xn--bcher-kva.example'],
  ] as const)
    for (const key of keys) t.equal(lowered(pattern, key), 'yes', `${pattern} for ${key}`);
  for (const [pattern, ...keys] of [
    ['x.example', 'x.example.', '[x.example]', '[x.example]:587', 'x.example:587', '[x.example.]'],
    ['.example', 'x.example.', '[x.example]', 'x.example:25', 'b\u00fccher.example'],
    ['*', '[x.example]', '[x.example]:587', 'x.example:587', '192.0.2.1', '[192.0.2.1]', '[2001:db8::1]:25'],
    ['[x.example]', '[x.example]:587', '[x.example.]'],
    ['[x.example]:587', '[x.example]:0587', '[x.example.]:587'],
    ['[192.0.2.1]', '192.0.2.1', '[192.0.2.1]:25'],
  ] as const)
    for (const key of keys) t.equal(lowered(pattern, key), 'silent', `${pattern} not for ${key}`);
});

test('a row for everyone answers for names that are none', async (t) => {
  const table = tableOf([['*', { deliver: 'encrypt' }]]);
  t.match(decideNextHop(table, '-x.example', 'none'), { kind: 'policy', row: { pattern: '*' } });
  t.match(decideNextHop(table, '[192.0.2.9]:25', 'none'), { kind: 'policy', row: { pattern: '*' } });
  t.match(decideNextHop(table, 'a b', 'none'), { kind: 'trouble' });
  t.match(decideNextHop(table, 'x'.repeat(10_001), 'none'), { kind: 'trouble' });
});

test('one row decides: the most specific, also when it says nothing', async (t) => {
  const table = tableOf([
    ['*', { deliver: 'encrypt' }],
    ['.bank.example', { deliver: 'secure' }],
    ['quiet.bank.example', {}],
    ['watched.bank.example', { deliver: 'encrypt', mode: 'observe' }],
  ]);
  const kindOf = (hop: string): string => {
    const decision = decideNextHop(table, hop, 'none');
    return decision.kind === 'policy' ? decision.policy.level : decision.kind;
  };
  t.equal(kindOf('other.example'), 'encrypt');
  t.equal(kindOf('a.bank.example'), 'secure');
  t.equal(kindOf('quiet.bank.example'), 'silent');
  t.equal(kindOf('watched.bank.example'), 'silent');
  t.equal(kindOf('bank.example'), 'encrypt', 'a suffix is for what is below it');
});

test('a pin without a digest makes mail wait', async (t) => {
  const table = tableOf([['x.example', { deliver: 'fingerprint' }]]);
  const decision = decideNextHop(table, 'x.example', 'none');
  t.match(decision, { kind: 'trouble', why: /no digest/ });
  t.match(describeDelivery(decision), [/^Postfix defers the mail, 4\.7\.5 client TLS configuration problem/]);
  t.match(replyOf(answerMap('deliver', 'x.example', table, OLDEST_POSTFIX)), {
    status: 'TEMP',
    reason: /deliver = fingerprint, and the row has no digest \(row x\.example\)/,
  });
});

test('a recipient that can be read in two ways has the stricter row, or waits', async (t) => {
  const level = (decision: DeliverDecision): string =>
    decision.kind === 'policy' ? decision.policy.level : decision.kind;
  const recipient = parsePath('u@a.example(x)b.example');
  t.equal(recipient.kind, 'malformed');
  const decide = (a: Partial<Settings>, b: Partial<Settings>): string =>
    level(
      decideRecipient(
        tableOf([
          ['a.example', a],
          ['b.example', b],
        ]),
        recipient,
        'none',
      ),
    );
  t.equal(decide({ deliver: 'encrypt' }, { deliver: 'may' }), 'encrypt');
  t.equal(decide({ deliver: 'may' }, { deliver: 'encrypt' }), 'encrypt');
  t.equal(decide({ deliver: 'encrypt' }, {}), 'encrypt');
  t.equal(decide({}, { deliver: 'may' }), 'silent', 'may is not stricter than what the MTA does by itself');
  t.equal(decide({}, {}), 'silent');
  t.equal(decide({ deliver: 'dane' }, { deliver: 'encrypt' }), 'trouble');
  t.equal(decide({ deliver: 'fingerprint' }, { deliver: 'encrypt' }), 'trouble');
});

test('parts of cipher names become what Postfix can exclude', async (t) => {
  t.equal(new Set(CIPHER_NAMES).size, CIPHER_NAMES.length);
  t.ok(CIPHER_NAMES.includes('ECDHE-RSA-AES256-GCM-SHA384') && CIPHER_NAMES.includes('AES128-SHA'));
  t.strictSame(excludedCiphers(['3des']), ['3DES']);
  t.strictSame(excludedCiphers(['rc4-md5']), ['RC4-MD5', 'ADH-RC4-MD5']);
  t.strictSame(excludedCiphers(['tls_chacha20']), [], 'TLS 1.3 suites cannot be excluded');
  t.strictSame(
    excludedCiphers(['chacha20', 'chacha']),
    ['CHACHA20', ...CIPHER_NAMES.filter((name) => name.includes('CHACHA20'))],
    'each once',
  );
});
