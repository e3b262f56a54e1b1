import t from 'tap';
import { parseNetwork } from '../../src/core/network.ts';
import { type OwnHosts, readChain } from '../../src/hops/chain.ts';
import { delayText, hopsJson, hopsLines } from '../../src/hops/hopsText.ts';
import { generator } from '../mark/generator.ts';
import { RECEIVED } from './received.ts';

const MX: OwnHosts = { names: ['mx.example.org'], networks: [] };

/** One line in Postfix's form; the minute makes lines differ. */
function hop(by: string, address: string, protocol: string, minute = 0): string {
  const clock = String(minute).padStart(2, '0');
  return `from some.host (some.host [${address}])\n\tby ${by} (Postfix) with ${protocol} id X; Sun, 22 Nov 2026 18:${clock}:00 +0000`;
}
const LOCAL = 'by mx.example.org (Postfix, from userid 0)\n\tid X; Sun, 22 Nov 2026 18:00:00 +0000';

function own(values: readonly string[], hosts = MX): number {
  return readChain(values, hosts).ownCount;
}

t.test('the part our own hosts wrote', (t) => {
  const outside = hop('mx.example.org', '192.0.2.7', 'ESMTPS');
  const filter = hop('mx.example.org', '127.0.0.1', 'ESMTP');
  const partner = hop('mail.partner.example', '198.51.100.1', 'ESMTPS');
  t.equal(own([]), 0);
  t.equal(own([outside, partner]), 1);
  t.equal(own([filter, outside, partner]), 2, 'through a content filter on loopback');
  t.equal(own([filter, filter, outside, partner]), 3);
  t.equal(own([hop('mx.example.org', '::1', 'ESMTP'), outside, partner]), 2);
  t.equal(own([outside, outside, outside]), 1, 'below the entry from outside our name proves nothing');
  t.equal(own([filter, outside, filter, outside]), 2);
  t.equal(own([partner, outside]), 0, 'somebody else on top');
  t.equal(own([hop('MX.Example.Org.', '192.0.2.7', 'ESMTPS'), partner]), 1, 'case and final dot');
  t.equal(own([hop('smx.example.org', '192.0.2.7', 'ESMTPS')]), 0);
  t.equal(own([LOCAL, outside]), 1, 'below a local hand-over stands what the user wrote');
  t.equal(own([filter, LOCAL, outside]), 2);
  t.equal(own([outside], { names: [], networks: [] }), 0, 'no name, no own part');
  t.equal(own([filter, filter]), 2, 'all of it');
  const two: OwnHosts = {
    names: ['mx.example.org', 'store.example.org'],
    networks: [parseNetwork('10.0.0.0/24')!],
  };
  const store = hop('store.example.org', '10.0.0.5', 'ESMTP');
  t.equal(own([store, outside, partner], two), 2, 'two hosts of ours, joined by a network of ours');
  t.equal(
    own([store, outside, partner], { ...two, networks: [] }),
    1,
    'without that network the store cannot know',
  );
  t.equal(own([store, outside, partner], MX), 0);
  const lmtp =
    'from mx.example.org\n\tby mx.example.org (Dovecot) with LMTP id W8\n\tfor <u@example.org>; Sun, 22 Nov 2026 18:01:00 +0000';
  t.equal(own([lmtp, outside, partner]), 2, 'LMTP over a socket');
  const nobody = 'from mx.example.org by mx.example.org with ESMTP id 1; Sun, 22 Nov 2026 18:01:00 +0000';
  t.equal(own([nobody, outside]), 1, 'a HELO with our name is not our address');
  const qmail = '(qmail 27908 invoked from network); 22 Nov 2026 18:00:00 -0000';
  const smtpd =
    'from unknown (HELO x) (192.0.2.7)\n  by mx.example.org with SMTP; 22 Nov 2026 18:00:00 -0000';
  t.equal(own([qmail, smtpd, partner]), 2, "qmail's note belongs to the line below it");
  t.equal(own([qmail, partner]), 0);
  t.equal(own([qmail]), 0);
  t.end();
});

t.test('protection and the first unprotected hop', (t) => {
  const chain = readChain(
    [
      hop('mx.example.org', '127.0.0.1', 'ESMTP', 5),
      hop('mx.example.org', '192.0.2.7', 'ESMTPS', 4),
      hop('relay.partner.example', '10.1.2.3', 'ESMTP', 6),
      'from a.example ([192.0.2.9]) by b.example with bizsmtp id 1; Sun, 22 Nov 2026 18:02:00 +0000',
      hop('smtp.partner.example', '198.51.100.7', 'ESMTPA', 0),
      'by smtp.partner.example (Postfix, from userid 0) id 1; Sun, 22 Nov 2026 17:00:00 +0000',
    ],
    MX,
  );
  t.strictSame(
    chain.hops.map((one) => [one.number, one.own, one.protection, one.privateNetwork, one.delaySeconds]),
    [
      [1, true, 'internal', false, 60],
      [2, true, 'protected', false, -120],
      [3, false, 'unprotected', true, 240],
      [4, false, 'unknown', false, 120],
      [5, false, 'unprotected', false, 3600],
      [6, false, 'internal', false, null],
    ],
  );
  t.equal(chain.firstUnprotected?.number, 5, 'first on the way, so the lowest');
  t.equal(chain.ownUnprotected, null);
  const plain = readChain(
    [hop('mx.example.org', '192.0.2.7', 'ESMTP'), hop('x.example', '192.0.2.8', 'SMTP')],
    MX,
  );
  t.equal(plain.firstUnprotected?.number, 2);
  t.equal(plain.ownUnprotected?.number, 1);
  const good = readChain(
    [hop('mx.example.org', '192.0.2.7', 'ESMTPS'), hop('x.example', '127.0.0.1', 'SMTP')],
    MX,
  );
  t.equal(good.firstUnprotected, null, 'loopback is not unprotected');
  t.end();
});

t.test('every way to stay inside', (t) => {
  const of = (value: string): string => readChain([value], MX).hops[0]!.protection;
  const tail = 'id 1; Sun, 22 Nov 2026 18:02:00 +0000';
  t.equal(of(`from localhost by a.example with ESMTP ${tail}`), 'unknown', "the client's own word");
  t.equal(of(`from localhost by a.example with ESMTPS ${tail}`), 'protected');
  t.equal(
    of(`from localhost (x [192.0.2.1]) by a.example with ESMTP ${tail}`),
    'unprotected',
    'the address counts',
  );
  t.equal(of(`from a.example by A.example. with ESMTP ${tail}`), 'unknown', 'the same');
  t.equal(of(`from mail pickup service ([192.0.2.1]) by a.example with ESMTP ${tail}`), 'unprotected');
  t.equal(of(`from x ([192.0.2.1]) by a.example (y, from userid 0) with ESMTP ${tail}`), 'unprotected');
  t.equal(of(`from a.example ([127.9.9.9]) by a.example with ESMTPS ${tail}`), 'internal');
  t.equal(of(`from a.example by b.example with LMTP ${tail}`), 'internal');
  t.equal(of(`from a.example ([192.0.2.1]) by b.example with LMTP ${tail}`), 'unprotected');
  t.equal(of(`from a.example ([192.0.2.1]) by b.example with LMTPS ${tail}`), 'protected');
  t.equal(of(`from a.example by b.example with LMTPS ${tail}`), 'protected');
  t.equal(of(`from a ([fe80::1]) by a with mapi ${tail}`), 'internal');
  t.equal(of(`by 10.1.1.1 with HTTP; Sun, 22 Nov 2026 18:02:00 +0000`), 'unknown');
  t.end();
});

t.test('no hop counts as protected without a cipher that protects', (t) => {
  const of = (text: string): [string, string] => {
    const value = `from a (a [192.0.2.1]) ${text} by b.example with ESMTPS id 1; Sun, 22 Nov 2026 18:02:00 +0000`;
    const chain = readChain([value], MX);
    const lines = hopsLines(chain, MX.names).map((line) => line.text);
    return [chain.hops[0]!.protection, `${lines[1]} | ${lines.at(-1)?.trim()}`];
  };
  t.strictSame(of('(using TLSv1.2 with cipher NULL-SHA (0/0 bits))'), [
    'unprotected',
    'first hop known to be unprotected: 1 (a claim) | ESMTPS, NOT ENCRYPTED: TLSv1.2 NULL-SHA 0 bits',
  ]);
  t.strictSame(of('(using TLSv1.2 with cipher ADH-AES256-SHA (256/256 bits))'), [
    'weak',
    'no hop says that it was unprotected; 1 hop with weak TLS | ESMTPS, TLS: TLSv1.2 ADH-AES256-SHA 256 bits, weak: an anonymous cipher, without any certificate',
  ]);
  t.equal(of('(using TLSv1.2 with cipher AES256-SHA (256/256 bits))')[0], 'protected');
  const open = ['NULL-MD5', 'AECDH-NULL-SHA', 'TLS_NULL_WITH_NULL_NULL', 'TLS_ECDHE_RSA_WITH_NULL_SHA'];
  const weak = [
    'ADH-AES128-SHA',
    'AECDH-AES256-SHA',
    'TLS_ECDH_anon_WITH_AES_128_CBC_SHA',
    'EXP-DES-CBC-SHA',
  ];
  for (const [ciphers, expected] of [
    [open, 'unprotected'],
    [[...weak, 'DES-CBC3-SHA', 'RC4-SHA', 'EXP1024-RC4-SHA', 'TLS_RSA_EXPORT_WITH_RC4_40_MD5'], 'weak'],
  ] as const) {
    for (const cipher of ciphers)
      for (const form of [
        `(using TLSv1.2 with cipher ${cipher} (256/256 bits))`,
        `(using TLSv1/SSLv3 with cipher ${cipher} (256 bits) verified OK)`,
        `(version=TLSv1.2 cipher=${cipher} bits=256 verify=NO)`,
        `(version=TLS1_2, cipher=${cipher})`,
        `(TLSv1.2:${cipher}:256:NO)`,
        `(TLS1.2:${cipher}:256)`,
        `(Cipher TLSv1:${cipher}:256)`,
        `(TLS1.2 ${cipher.toUpperCase()})`,
        `(TLS: TLSv1.2,256bits,${cipher})`,
        `(TLS1.2) tls ${cipher}`,
      ])
        t.equal(of(form)[0], expected, form);
  }
  t.end();
});

t.test('a forged line with our name is named', (t) => {
  const chain = readChain(
    [hop('mx.example.org', '192.0.2.7', 'ESMTP', 2), hop('mx.example.org', '203.0.113.1', 'ESMTPS', 1)],
    MX,
  );
  t.strictSame(
    chain.hops.map((one) => [one.own, one.claimsOurName]),
    [
      [true, false],
      [false, true],
    ],
  );
  t.match(hopsLines(chain, MX.names).at(-1)?.text, /uses our name, but came with the message/);
  t.end();
});

t.test('printed', (t) => {
  const values = [
    hop('mx.example.org', '127.0.0.1', 'ESMTP', 5),
    `from c.example (c.example [192.0.2.10])\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))\n\t(Client CN "c.example", Issuer "CA" (verified OK))\n\tby mx.example.org (Postfix) with ESMTPS id B7; Sun, 22 Nov 2026 18:04:58 +0000`,
    hop('relay.partner.example', '10.1.2.3', 'ESMTP', 3),
  ];
  const text = hopsLines(readChain(values, MX), MX.names).map((line) => line.text);
  t.strictSame(text, [
    '3 hops, newest first; 2 written by mx.example.org, the other is a claim, not proof',
    'first hop known to be unprotected: 3 (a claim)',
    '',
    '  1 own   2026-11-22 18:05:00Z    +2s  mx.example.org from some.host [127.0.0.1]',
    '          ESMTP, inside the host or its mail system',
    '  2 own   2026-11-22 18:04:58Z  +118s  mx.example.org from c.example [192.0.2.10]',
    '          ESMTPS, TLS: TLSv1.3 TLS_AES_256_GCM_SHA384 256 bits, client certificate trusted (c.example)',
    '  3 claim 2026-11-22 18:03:00Z         relay.partner.example from some.host [10.1.2.3]',
    '          ESMTP, NO TLS, private network',
  ]);
  const first = (values: string[], hosts = MX): string =>
    hopsLines(readChain(values, hosts), hosts.names)[0]!.text;
  t.equal(first([]), 'no Received field: nothing to read');
  t.match(
    first([values[2]!]),
    /^1 hop, .*the top one was not written by mx\.example\.org, so all of it is claims, not proof$/,
  );
  t.match(first([values[0]!]), /all written by mx\.example\.org$/);
  t.match(first(values, { names: [], networks: [] }), /no --host given, so all of it is claims/);
  t.match(hopsLines(readChain([values[0]!], MX), MX.names)[1]?.text, /^no hop says that it was unprotected$/);
  t.match(
    hopsLines(
      readChain(['from a.example ([192.0.2.1]) by b.example; 22 Nov 2026 18:00:00 +0000'], MX),
      MX.names,
    )[1]?.text,
    /1 hop with unknown TLS/,
  );
  t.strictSame([null, 0, 119, -5, 120, 7199, 7200, 172_800].map(delayText), [
    '',
    '+0s',
    '+119s',
    '-5s',
    '+2m',
    '+120m',
    '+2h',
    '+2d',
  ]);
  const json = JSON.parse(JSON.stringify(hopsJson(readChain(values, MX), MX.names)));
  t.match(json, { hosts: ['mx.example.org'], own: 2, firstUnprotected: 3, ownUnprotected: null });
  t.match(json.hops[1], {
    number: 2,
    time: '2026-11-22T18:04:58.000Z',
    tls: { encrypted: 'yes', certificate: 'trusted' },
  });
  t.end();
});

t.test('nothing foreign reaches the terminal unescaped, nothing throws', (t) => {
  const g = generator();
  const bits = RECEIVED.flatMap(([, value]) => value.split(/(?<=[ ;()\n\t])/));
  for (let round = 0; round < 1500; round++) {
    const values = Array.from({ length: g.integer(6) }, () => {
      let value = '';
      for (let i = g.integer(40); i > 0; i--) value += g.integer(4) === 0 ? g.text(8) : g.pick(bits);
      return value;
    });
    const hosts: OwnHosts = { names: ['mx.example.org', 'by', g.text(10)], networks: [] };
    const chain = readChain(values, hosts);
    for (const { text } of hopsLines(chain, hosts.names)) {
      if (!/^[\x20-\x7e]*$/.test(text)) t.fail(`seed ${g.seed}, round ${round}: ${JSON.stringify(text)}`);
    }
    if (chain.hops.slice(chain.ownCount).some((one) => one.own)) t.fail(`seed ${g.seed}: own part has a gap`);
    // whatever an outsider puts below, the part that is believed ends where the message came in
    const entry = [hop('mx.example.org', '127.0.0.1', 'ESMTP'), hop('mx.example.org', '192.0.2.7', 'ESMTPS')];
    if (readChain([...entry, ...values], hosts).ownCount !== 2)
      t.fail(`seed ${g.seed}: believed ${JSON.stringify(values)}`);
  }
  t.pass('1500 chains');
  t.end();
});
