/** Next hops as labels of a domain: each way back, and nothing else in. */
import t from 'tap';
import { canonicalDomain } from '../../src/core/domain.ts';
import { hopToLabels, labelsToHop } from '../../src/rules/nextHopLabels.ts';

t.test('there and back, in canonical form', async (t) => {
  const both = (hop: string, labels: string, canonical = hop): void => {
    t.equal(hopToLabels(hop), labels, hop);
    t.equal(labelsToHop(labels), canonical, labels);
    t.ok(canonicalDomain(`good.example.tlsward-via.${labels}.tlsward-encrypt`), 'can stand in a domain');
  };
  both('[backend.example]:2525', 'b-2525.backend.example');
  both('[Backend.Example.]', 'b.backend.example', '[backend.example]');
  both('relay.example', 'm.relay.example');
  both('relay.example:Submission', 'm-submission.relay.example', 'relay.example:submission');
  both('localhost', 'm.localhost');
  both('[192.0.2.1]:25', 'b-25.192.0.2.1');
  both('[2001:db8::1]:25', 'b-25.ipv6-2001-db8-0-0-0-0-0-1', '[2001:db8:0:0:0:0:0:1]:25');
  both('[IPv6:2001:db8::1]', 'b.ipv6-2001-db8-0-0-0-0-0-1', '[2001:db8:0:0:0:0:0:1]');
  both('[b\u00fccher.example]', 'b.xn--bcher-kva.example', '[xn--bcher-kva.example]');
});

t.test('what has no labels', async (t) => {
  for (const hop of [
    '',
    'a.example, b.example',
    'unix:private/lmtp',
    '[a.example]:',
    '[a.example]:25:26',
    '[a.example]x',
    '[]',
    'a..b',
    '[a b]',
    'a.example:-',
    'a.example:x-',
    '192.0.2.1',
    '[ipv6-1-2-3-4-5-6-7-8]',
    'x'.repeat(300),
  ])
    t.equal(hopToLabels(hop), null, hop);
});

t.test('labels that no next hop gives', async (t) => {
  for (const labels of [
    '',
    'b',
    'b.',
    'x.a.example',
    'b-.a.example',
    'B.a.example',
    'b.A.example',
    'b-25-.a.example',
    'm.192.0.2.1',
    'b.192.0.2.01',
    'b.ipv6-2001-db8-0-0-0-0-0-00ff',
    'b.a..b',
    'b.a b',
    'b.a:b',
  ])
    t.equal(labelsToHop(labels), null, labels);
});

t.test('whatever is read is written the same', async (t) => {
  const parts = [
    'b',
    'm',
    '-25',
    '.',
    'a',
    'example',
    'ipv6-1-2-3-4-5-6-7-8',
    '192.0.2.1',
    'xn--',
    '-',
    '_',
    ':',
    '0',
  ];
  let read = 0;
  let seed = 1;
  const next = (n: number): number => {
    seed = (seed * 48271) % 0x7fffffff;
    return seed % n;
  };
  for (let i = 0; i < 20_000; i++) {
    const labels = Array.from({ length: 1 + next(6) }, () => parts[next(parts.length)]).join('');
    const hop = labelsToHop(labels);
    if (hop === null) continue;
    read++;
    if (hopToLabels(hop) !== labels) t.equal(hopToLabels(hop), labels, hop);
  }
  t.ok(read > 50, `${read} were read`);
});
