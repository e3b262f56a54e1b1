/** Datagrams as libtlsrpt writes them, and everything else that a socket may give. */
import t, { type Test } from 'tap';
import { parseTlsrpt } from '../../src/collect/tlsrptDatagram.ts';
import { lineText } from '../../src/evidence/lineText.ts';
import { recordOf } from '../evidence/lines.ts';
import { generator } from '../mark/generator.ts';

const DATAGRAM = {
  dpv: '1',
  d: 'Example.com',
  pr: 'v=TLSRPTv1;rua=mailto:reports@example.com',
  policies: [
    {
      'policy-type': 2,
      'policy-domain': 'example.com',
      'policy-string': ['version: STSv1', 'mode: enforce'],
      'mx-host': ['*.example.com'],
      'failure-details': [
        {
          c: 203,
          s: '192.0.2.1',
          n: 'mx.example.com',
          h: 'mx',
          r: '192.0.2.2',
          a: 'see me@x.example\u2028',
          f: 'why',
        },
        { c: 999 },
      ],
      t: 2,
      f: 1,
    },
  ],
};

const parsed = (value: unknown) => parseTlsrpt(JSON.stringify(value));

function record(t: Test, value: unknown): unknown {
  const read = parsed(value);
  if (read === null) return null;
  const source = { kind: 'tlsrpt', position: '' };
  const fields = { leg: 'outbound', domain: read.domain, policies: read.policies, source };
  return recordOf(t, lineText('2026-11-30T01:02:03.456Z', 'tlsrpt', 'mx', fields));
}

t.test('what it says', async (t) => {
  t.match(record(t, DATAGRAM), {
    type: 'tlsrpt',
    domain: 'example.com',
    policies: [
      {
        policy: 'sts',
        domain: 'example.com',
        strings: ['version: STSv1', 'mode: enforce'],
        mxHosts: ['*.example.com'],
        ok: false,
        failures: [
          {
            result: 'certificate-not-trusted',
            sendingAddress: '192.0.2.1',
            mxHost: 'mx.example.com',
            mxHelo: 'mx',
            mxAddress: '192.0.2.2',
            information: 'see @x.example\\u{2028}',
            reason: 'why',
          },
          { result: 'code-999' },
        ],
      },
    ],
  });
  const { dpv: _, ...old } = DATAGRAM;
  t.not(parsed(old), null, 'before 0.5');
  t.not(parsed({ ...DATAGRAM, dpv: '7' }), null, 'after it');
  t.match(record(t, { d: 'x.example', policies: [{ 'policy-type': 9, t: 0, f: 0 }] }), {
    policies: [{ policy: 'no-policy-found', ok: true }],
  });
});

t.test('what is none', async (t) => {
  const [policy] = DATAGRAM.policies;
  for (const value of [
    null,
    [],
    7,
    {},
    { d: 'x.example' },
    { ...DATAGRAM, d: 7 },
    { ...DATAGRAM, d: 'a b' },
    { ...DATAGRAM, policies: [] },
    { ...DATAGRAM, policies: {} },
    { ...DATAGRAM, policies: [null] },
    { ...DATAGRAM, policies: [{ ...policy, 'policy-type': 3 }] },
    { ...DATAGRAM, policies: [{ ...policy, f: 2 }] },
  ])
    t.equal(parsed(value), null, JSON.stringify(value).slice(0, 80));
  for (const text of ['', '{', 'x', `{"d":"${'x'.repeat(300_000)}`]) t.equal(parseTlsrpt(text), null);
});

t.test('too much of everything', async (t) => {
  const [policy] = DATAGRAM.policies;
  const long = 'x'.repeat(4000);
  const many = Array.from({ length: 200 }, () => ({
    c: 204,
    a: long,
    n: long,
    h: long,
    f: long,
    s: long,
    r: long,
  }));
  const strings = Array.from({ length: 500 }, () => long);
  const much = { ...policy, 'failure-details': many.slice(0, 4), 'policy-string': strings.slice(0, 25) };
  const made = record(t, { ...DATAGRAM, policies: [much] });
  t.match(made, { policies: [{ strings: { length: 20 } }] });
  const counted = { ...policy, 'failure-details': Array.from({ length: 200 }, () => ({ c: 204 })) };
  t.match(record(t, { ...DATAGRAM, policies: [counted] }), {
    policies: [{ failures: { length: 20 }, moreFailures: 180 }],
  });
});

t.test('changed at random, it is read or refused', async (t) => {
  const random = generator();
  const whole = JSON.stringify(DATAGRAM);
  for (let i = 0; i < 3000; i++) {
    const at = random.integer(whole.length);
    const text = whole.slice(0, at) + random.text(4) + whole.slice(at + random.integer(6));
    const read = parseTlsrpt(text);
    if (read === null) continue;
    if (read.domain === '' || read.policies.length === 0) t.fail(`seed ${random.seed}: ${i}`);
  }
  t.pass(`seed ${random.seed}`);
});
