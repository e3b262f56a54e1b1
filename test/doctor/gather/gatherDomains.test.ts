/** Which domains are this host's, and what is asked of DNS about them. */
import { test } from 'tap';
import { gatherDomains, ownDomains } from '../../../src/doctor/gather/gatherDomains.ts';
import { postfixOf } from '../../mta/postfixOf.ts';

test('domains of this host', async (t) => {
  const of = (main: string, ...configured: string[]) =>
    ownDomains(postfixOf(`myhostname = mx.example.org\n${main}`), configured);
  t.same(of('mydestination = $myhostname, example.org, localhost.localdomain, localhost, Other.Example'), [
    'example.org',
    'other.example',
  ]);
  t.same(
    of('mydestination =\nvirtual_mailbox_domains = hash:/etc/postfix/domains, /etc/postfix/more, a.example'),
    ['a.example'],
  );
  t.same(of('mydestination =', 'b.example', '.c.example'), ['b.example']);
  t.equal(of(`mydestination = ${Array.from({ length: 40 }, (_, i) => `d${i}.example`).join(' ')}`).length, 5);
});

test('without a resolver nothing is known, and nothing is fine', async (t) => {
  // port 9 of loopback: nobody answers
  const servers = [{ host: '127.0.0.1', port: 9 }];
  const [domain] = await gatherDomains(['example.org'], { servers, opening: null });
  t.match(domain, {
    domain: 'example.org',
    mx: { kind: 'unknown' },
    sts: { known: false },
    tlsrpt: { known: false },
  });
  t.equal(domain?.tlsa.size, 0);
  t.same(await gatherDomains([], { servers, opening: null }), []);
});
