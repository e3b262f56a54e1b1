/** Where a report goes: URIs that are taken, and those of somebody who means no good. */
import t from 'tap';
import { chooseDestinations } from '../../../src/tlsrpt/send/destinations.ts';

const choose = (uris: readonly string[], more: { https?: boolean; domain?: string } = {}) =>
  chooseDestinations(uris, {
    https: more.https ?? false,
    domain: more.domain ?? 'bank.example',
    isOwn: (domain) => domain === 'ours.example',
  });
const chosen = (uri: string, https = true) => choose([uri], { https }).destinations[0]?.uri;

t.test('addresses', async (t) => {
  t.match(choose(['mailto:tls+x@Bank.Example?subject=hello']).destinations, [
    { kind: 'mailto', address: 'tls+x@bank.example', uri: 'mailto:tls+x@bank.example' },
  ]);
  t.equal(chosen('MAILTO:a%21b@bank.example'), 'mailto:a!b@bank.example', 'percent-encoding');
  t.equal(chosen('mailto:a@b\u00fccher.example'), 'mailto:a@xn--bcher-kva.example');
  for (const uri of [
    ...[
      'mailto:',
      'mailto:a',
      'mailto:@bank.example',
      'mailto:a@',
      'mailto:a@localhost',
      'mailto:a@[192.0.2.1]',
    ],
    ...['mailto:a%0d%0aBcc:x@bank.example', 'mailto:a%00@bank.example', 'mailto:%3cx%3e@bank.example'],
    ...[
      'mailto:"a b"@bank.example',
      'mailto:a,c@bank.example',
      'mailto:-oQ/tmp@bank.example',
      'mailto:a..b@c.example',
    ],
    ...['mailto:a%zz@bank.example', 'mailto:a%20b@bank.example', `mailto:${'a'.repeat(65)}@bank.example`],
    ...['ftp://bank.example', 'bank.example', '', `mailto:${'a'.repeat(2000)}@bank.example`],
  ])
    t.equal(chosen(uri), undefined, uri.slice(0, 60));
});

t.test('URLs', async (t) => {
  t.match(choose(['https://Reports.Bank.Example/v1?x=1#y'], { https: true }).destinations, [
    {
      kind: 'https',
      host: 'reports.bank.example',
      path: '/v1?x=1',
      uri: 'https://reports.bank.example/v1?x=1',
    },
  ]);
  t.equal(chosen('https://reports.bank.example:443/v1'), 'https://reports.bank.example/v1');
  for (const uri of [
    ...[
      'http://bank.example/',
      'https://user:pw@bank.example/',
      'https://bank.example:8443/',
      'https://localhost/',
    ],
    ...['https://192.0.2.1/', 'https://[::1]/', 'https://0x7f.1/', 'https://'],
  ])
    t.equal(chosen(uri), undefined, uri);
  const { destinations, left } = choose(['https://bank.example/v1', 'mailto:a@bank.example']);
  t.match(destinations, [{ kind: 'mailto' }], 'HTTPS is not asked for');
  t.match(left, [{ why: /only with tlsrpt-send = https/ }]);
});

t.test('many, twice, and ours', async (t) => {
  const many = Array.from({ length: 20 }, (_, i) => `mailto:a${i}@victim.example`);
  const { destinations, left } = choose(many);
  t.same(
    destinations.map(({ uri }) => uri),
    many.slice(0, 3),
  );
  t.equal(left.length, 17);
  t.match(left[0], { why: 'more than 3 destinations' });
  t.equal(choose(['mailto:a@b.example', 'mailto:a@B.example']).destinations.length, 1);
  t.match(choose(['mailto:a@ours.example']).left, [{ why: /an address of ours/ }]);
  t.equal(choose(['mailto:a@ours.example'], { domain: 'ours.example' }).destinations.length, 1);
});
