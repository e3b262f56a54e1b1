/** Protocol names in order, and a session against a floor: what is certainly too low comes before what cannot be told. */
import { test } from 'tap';
import { compareWithFloor, type Floor, type FloorResult, protocolRank } from '../../src/core/tls.ts';
import { GOOD } from './buildTables.ts';

test('protocols in order', async (t) => {
  const order = ['SSLv2', 'SSLv3', 'TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3', 'TLSv1.4'];
  t.same(order.map(protocolRank), [0, 1, 2, 3, 4, 5, 6]);
  for (const odd of [
    '',
    'TLS',
    'TLSv2',
    'TLSv1.10',
    'tlsv1.3',
    'TLSv1.3 ',
    'TLSv1.',
    'QUIC',
    'SSLv4',
    'DTLSv1.2',
  ]) {
    t.equal(protocolRank(odd), null, `"${odd}" cannot be compared`);
  }
});

test('a session against a floor', async (t) => {
  const compare = (session: Partial<typeof GOOD>, floor: Partial<Floor>, want: FloorResult): void => {
    const whole = { minProtocol: 'TLSv1.2', minBits: 128, denyCiphers: [], ...floor };
    t.equal(compareWithFloor({ ...GOOD, ...session }, whole), want, JSON.stringify([session, floor]));
  };
  compare({}, {}, 'ok');
  compare({ protocol: 'TLSv1.2', bits: 128 }, {}, 'ok');
  compare({ protocol: 'TLSv1.1' }, {}, 'protocol');
  compare({ protocol: 'TLSv1.4' }, { minProtocol: 'TLSv1.3' }, 'ok');
  compare({ bits: 127 }, {}, 'bits');
  compare({ bits: 0 }, { minBits: 0 }, 'bits');
  compare({ bits: 1 }, { minBits: 0 }, 'ok');
  for (const cipher of ['NULL-SHA256', 'ECDHE-RSA-NULL-SHA', 'TLS_RSA_WITH_NULL_SHA256', 'TLS_SHA256_SHA256'])
    compare({ cipher }, { minBits: 0 }, 'cipher');
  compare({}, { denyCiphers: ['rc4', 'gcm'] }, 'cipher');
  compare({}, { denyCiphers: ['rc4'] }, 'ok');
  compare({ cipher: '' }, {}, 'ok');
  compare({ cipher: '' }, { denyCiphers: ['rc4'] }, 'unknown');
  compare({ bits: null }, {}, 'unknown');
  compare({ bits: null }, { minBits: 0 }, 'unknown');
  compare({ protocol: 'QUIC' }, {}, 'unknown');
  compare({}, { minProtocol: 'TLSv9' }, 'unknown');
  // certain before uncertain
  compare({ protocol: 'TLSv1', bits: null }, {}, 'protocol');
  compare({ protocol: 'QUIC', bits: 56 }, {}, 'bits');
  compare({ protocol: 'QUIC', bits: null }, { denyCiphers: ['gcm'] }, 'cipher');
  compare({ protocol: 'TLSv1', bits: 56 }, { denyCiphers: ['gcm'] }, 'protocol');
});
