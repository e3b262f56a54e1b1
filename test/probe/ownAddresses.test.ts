/** Which addresses are this host's, and what the closing line says of them. */
import { test } from 'tap';
import { loopWords } from '../../src/probe/closing.ts';
import { ownAddresses } from '../../src/probe/ownAddresses.ts';
import type { ProbeReport } from '../../src/probe/report.ts';

test('addresses of this host, however they are written', async (t) => {
  const isOwn = ownAddresses();
  t.equal(isOwn('127.0.0.1'), true);
  t.equal(isOwn('0:0:0:0:0:0:0:1'), isOwn('::1'));
  t.equal(isOwn('192.0.2.1'), false);
  t.equal(isOwn('2001:db8::25'), false);
});

test('where the system does not list them, none is', async (t) => {
  const isOwn = ownAddresses(() => {
    throw new Error('uv_interface_addresses returned Unknown system error 97');
  });
  t.equal(isOwn('127.0.0.1'), false);
});

/** Hosts by preference, each with an address of this host or without. */
function hosts(...list: readonly (readonly [preference: number, own: boolean])[]): ProbeReport['hosts'] {
  return list.map(([preference, own]) => ({
    host: `mx${preference}.example`,
    preference,
    trouble: '',
    tlsa: [],
    addresses: [
      {
        address: '192.0.2.1',
        own,
        checks: [],
        protocol: null,
        cipher: null,
        chain: [],
        tlsa: null,
        pins: [],
      },
    ],
  }));
}

test('what the closing line adds', async (t) => {
  t.equal(loopWords(hosts([10, false], [20, false])), '');
  t.equal(
    loopWords(hosts([10, true], [20, false])),
    '; mx10.example is this host: Postfix returns mail for it as a loop, unless inet_interfaces leaves the address out',
  );
  t.equal(
    loopWords(hosts([10, false], [20, true])),
    '; mx20.example is this host: Postfix sends only to hosts that are preferred to it, unless inet_interfaces leaves the address out',
  );
  t.match(
    loopWords(hosts([10, false], [10, true])),
    /returns mail/,
    'hosts of the same rank are left out, too',
  );
});
