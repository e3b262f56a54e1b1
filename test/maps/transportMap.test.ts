/** The maps of routed mail: keys as Postfix asks them, hostile ones, and what a failed delivery turns into. */
import t from 'tap';
import { answerRouteMap, isRouteMap, ROUTE_MAPS, type RouteTargets } from '../../src/maps/transportMap.ts';
import { ROUTE_ENDS } from '../../src/rules/recipientSuffix.ts';
import { formatSocketmapReply } from '../../src/wire/socketmapEncode.ts';

const DIRECT: RouteTargets = {
  relayhost: null,
  fallbacks: new Map([['secure', '[portal.example]:587']]),
};
const RELAYED: RouteTargets = { ...DIRECT, relayhost: '[relay.example]:587' };

/** `key` in bytes: UTF-8 for what is not ASCII. */
function asked(map: string, key: string, ways = DIRECT): string {
  if (!isRouteMap(map)) throw new Error(map);
  const bytes = Buffer.from(key, 'utf8').toString('latin1');
  return Buffer.from(formatSocketmapReply(answerRouteMap(map, bytes, ways).reply), 'latin1').toString('utf8');
}

t.test('transport', async (t) => {
  const is = (key: string, want: string, ways = DIRECT): void => {
    t.equal(asked('transport', key, ways), want, key);
  };
  is('u@good.example.tlsward-encrypt', 'OK tlsward-encrypt:good.example');
  is('u@good.example.tlsward-verify', 'OK tlsward-verify:good.example');
  is('u@good.example.tlsward-encrypt', 'OK tlsward-encrypt:[relay.example]:587', RELAYED);
  is('u@good.example.secure.tlsward-fallback', 'OK tlsward-fallback:[portal.example]:587');
  is('u@good.example.secure.tlsward-fallback', 'OK tlsward-fallback:[portal.example]:587', RELAYED);
  is('u@good.example.SECURE.tlsward-fallback', 'OK tlsward-fallback:[portal.example]:587');
  is(
    'u@good.example.gone.tlsward-fallback',
    'TEMP tlsward: no rule "gone" with a fallback, for which this mail waits',
  );
  is('U+Ext@GOOD.Example.TLSWARD-encrypt', 'OK tlsward-encrypt:good.example');
  is('a b@c@good.example.tlsward-encrypt', 'OK tlsward-encrypt:good.example');
  is('u@b\u00fccher.example.tlsward-encrypt', 'OK tlsward-encrypt:xn--bcher-kva.example');
  is('u@192.0.2.1.tlsward-literal.tlsward-encrypt', 'OK tlsward-encrypt:[192.0.2.1]');
  is('u@ipv6-1-2-3-4-5-6-7-ff.tlsward-literal.tlsward-row', 'OK tlsward-row:[1:2:3:4:5:6:7:ff]');
  is('u@192.0.2.1.tlsward-literal.tlsward-encrypt', 'OK tlsward-encrypt:[relay.example]:587', RELAYED);
  for (const key of [
    '*',
    '',
    '@',
    'u',
    'u@good.example',
    'good.example.tlsward-encrypt',
    '@good.example.tlsward-encrypt',
  ])
    is(key, 'NOTFOUND ');
  for (const key of [
    '.tlsward-encrypt',
    'tlsward-encrypt',
    '"u@x.tlsward-encrypt"',
    '<>',
    '"<>"',
    'u@[192.0.2.1]',
  ])
    is(key, 'NOTFOUND ');
});

t.test('a routed address that cannot be routed waits: it never takes the way of other mail', async (t) => {
  for (const domain of [
    'tlsward-encrypt',
    'a..b.tlsward-encrypt',
    '[192.0.2.1].tlsward-verify',
    'x y.tlsward-encrypt',
    'x.tlsward-fallback',
    'a.tlsward-encrypt.tlsward-encrypt',
    '\u0001.tlsward-encrypt',
  ])
    t.match(asked('transport', `u@${domain}`), /^TEMP tlsward: /, domain);
});

t.test('generic', async (t) => {
  const is = (key: string, want: string): void => {
    t.equal(asked('generic', key), want, key);
  };
  is('u@good.example.tlsward-encrypt', 'OK u@good.example');
  is('u@Good.Example.tlsward-VERIFY', 'OK u@Good.Example');
  is('u@good.example.secure.tlsward-fallback', 'OK u@good.example');
  is('u@good.example.gone.tlsward-fallback', 'OK u@good.example');
  is('u@192.0.2.1.tlsward-literal.tlsward-via.m.x.example.tlsward-row', 'OK u@[192.0.2.1]');
  is('u@ipv6-1-2-3-4-5-6-7-ff.tlsward-literal.r.tlsward-fallback', 'OK u@[IPv6:1:2:3:4:5:6:7:ff]');
  is('"a b"@good.example.tlsward-encrypt', 'OK "a b"@good.example');
  is('"a@b"@good.example.tlsward-encrypt', 'OK "a@b"@good.example');
  // Postfix's internal form, should it ask with that
  is('a b@good.example.tlsward-encrypt', 'OK "a b"@good.example');
  is('a,b@evil.example@good.example.tlsward-encrypt', 'OK "a,b@evil.example"@good.example');
  is('a"b\\c@good.example.tlsward-encrypt', 'OK "a\\"b\\\\c"@good.example');
  is('j\u00f6rg@b\u00fccher.example.tlsward-encrypt', 'OK j\u00f6rg@b\u00fccher.example');
  for (const key of [
    '*',
    '',
    'u',
    '@good.example.tlsward-encrypt',
    'u@good.example',
    'good.example.tlsward-encrypt',
    'u@a..b.tlsward-encrypt',
    'u@tlsward-encrypt',
    'a\nb@good.example.tlsward-encrypt',
    'a\0b@good.example.tlsward-encrypt',
  ])
    is(key, 'NOTFOUND ');
});

t.test('status: what the server cannot do comes back at once', async (t) => {
  const plain = '4.7.4 TLS is required, but was not offered by host mx.plain.example[127.0.0.21]';
  const want =
    'OK 5.7.4 This message must be sent under TLS, and the mail server mx.plain.example does not offer it; ask your mail administrator, or send it another way';
  for (const map of ['status-encrypt', 'status-verify']) t.equal(asked(map, plain), want, map);
  t.strictSame(answerRouteMap('status-encrypt', plain, DIRECT).failure, {
    host: 'mx.plain.example',
    level: 'encrypt',
    why: 'did not offer it',
  });
  const literal = '4.7.4 TLS is required, but was not offered by host 2001:db8::1[2001:db8::1]:2525';
  t.match(answerRouteMap('status-verify', literal, DIRECT).failure, {
    host: '[ipv6:2001:db8:0:0:0:0:0:1]',
    level: 'encrypt',
  });
  const noDane = '4.7.5 no TLSA records found';
  for (const map of ['status-encrypt', 'status-verify'] as const) {
    t.match(
      asked(map, noDane),
      /^OK 5\.7\.5 .*DANE authenticates, and its domain publishes no TLSA records; ask/,
    );
    t.match(answerRouteMap(map, noDane, DIRECT).failure, { host: null, level: 'encrypt' });
  }
  for (const [word, says] of [
    ['trusted', /^OK 5\.7\.5 .*of a trusted issuer/],
    ['verified', /^OK 5\.7\.5 .*another name/],
  ] as const) {
    const key = `4.7.5 Server certificate not ${word}`;
    t.match(asked('status-verify', key), says);
    t.match(answerRouteMap('status-verify', key, DIRECT).failure, {
      host: null,
      level: 'verify',
      why: /^had /,
    });
    t.equal(asked('status-encrypt', key), 'NOTFOUND ', 'no certificate was required');
  }
});

t.test('status: everything else is left alone', async (t) => {
  for (const key of [
    '4.7.5 client TLS configuration problem',
    '4.7.4 TLS is required, but our TLS engine is unavailable',
    '4.7.0 TLS is required, but host mx.broken.example[127.0.0.28] refused to start TLS: 454 4.7.0 TLS not available',
    '4.7.5 Cannot start TLS: handshake failure',
    '4.7.5 non DNSSEC destination',
    '4.4.1 connect to mx.down.example[127.0.0.40]:2525: Connection refused',
    '4.3.0 mail transport unavailable',
    '2.0.0 Ok: queued as 1',
    '5.7.4 TLS is required, but was not offered by host mx.plain.example[127.0.0.21]',
    '4.7.4 host mx.evil.example[192.0.2.1] said: 450 4.7.4 TLS is required, but was not offered by host mx.good.example[192.0.2.2]',
    '4.7.4 TLS is required, but was not offered by host mx.evil.example[192.0.2.1] said: x[192.0.2.1]',
    '4.7.4 TLS is required, but was not offered by host [127.0.0.21]',
    '4.7.4 TLS is required, but was not offered by host a..b[x]',
    '4.7.4 TLS is required, but was not offered by host',
    'u@good.example.tlsward-encrypt',
    '',
  ])
    for (const map of ['status-encrypt', 'status-verify'] as const) {
      t.equal(asked(map, key), 'NOTFOUND ', key);
      t.equal(answerRouteMap(map, key, DIRECT).failure, null);
    }
});

t.test('no key throws, and each answer can be sent', async (t) => {
  const pieces = [
    'u',
    '@',
    '.',
    '"',
    '\\',
    ' ',
    '\0',
    '\n',
    '\xe9',
    '\xff',
    '[',
    ']',
    '<',
    '>',
    ',',
    'good.example',
    'secure',
    ...Object.values(ROUTE_ENDS).map((end) => `.${end}`),
    '4.7.4 TLS is required, but was not offered by host ',
  ];
  let seed = 7;
  const next = (below: number): number => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return Math.floor((seed / 2147483648) * below);
  };
  let routed = 0;
  for (let i = 0; i < 40_000; i++) {
    let key = '';
    for (let n = next(8); n >= 0; n--) key += pieces[next(pieces.length)];
    for (const map of ROUTE_MAPS) {
      const { reply } = answerRouteMap(map, key, i % 2 ? DIRECT : RELAYED);
      const said = formatSocketmapReply(reply);
      if (reply.status !== 'NOTFOUND') routed++;
      if (map === 'transport' && reply.status === 'OK' && !/^OK tlsward-[a-z]+:[a-z0-9.:[\]-]+$/.test(said))
        t.fail(`${JSON.stringify(key)}: ${said}`);
      if (map === 'generic' && reply.status === 'OK' && /tlsward-/.test(said.slice(said.lastIndexOf('@'))))
        t.fail(`${JSON.stringify(key)}: ${said}`);
    }
  }
  t.ok(routed > 500, `${routed} keys had an answer`);
});
