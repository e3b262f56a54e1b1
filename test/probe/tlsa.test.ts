/** TLSA records against chains: what counts, what does not, and why. */
import { createHash, X509Certificate } from 'node:crypto';
import { test } from 'tap';
import type { TlsaRecord } from '../../src/dns/resolver.ts';
import { type Certificate, fingerprint, readCertificate } from '../../src/probe/certificate.ts';
import { matchTlsa, tlsaText } from '../../src/probe/tlsa.ts';
import { createCa } from '../e2e/harness/peers/ca.ts';
import { e2eSkip } from '../e2e/harness/requirements.ts';

const skip = e2eSkip(['openssl']);

test('records and chains', { skip }, async (t) => {
  const ca = createCa();
  t.teardown(() => ca.remove());
  const read = (pem: string): Certificate => readCertificate(new X509Certificate(pem).raw)!;
  const own = ca.issue('mx', { subject: '/CN=mx.bank.example', san: ['mx.bank.example'] });
  const leaf = read(own.cert);
  const root = read(ca.ca);
  const expired = read(
    ca.issue('old', { subject: '/CN=mx.bank.example', san: ['mx.bank.example'], expired: true }).cert,
  );
  const stranger = read(ca.issue('self', { subject: '/CN=mx.bank.example', issuer: 'self' }).cert);
  t.equal(fingerprint(leaf.der, 'sha256'), own.fingerprint);
  t.equal(fingerprint(leaf.key, 'sha256'), own.pubkeyFingerprint);
  t.equal(readCertificate(new Uint8Array([1, 2, 3])), null);

  const of = (usage: number, selector: number, matching: number, from: Certificate): TlsaRecord => {
    const bytes = selector === 0 ? from.der : from.key;
    const hash = (name: string) => createHash(name).update(bytes).digest();
    return {
      usage,
      selector,
      matching,
      data: matching === 0 ? bytes : hash(matching === 1 ? 'sha256' : 'sha512'),
    };
  };
  const NAMES = ['mx.bank.example', 'bank.example'];
  const today = Date.now();
  const is = (
    want: string | RegExp,
    records: readonly TlsaRecord[],
    chain: readonly Certificate[],
    names = NAMES,
    now = today,
  ) => {
    const found = matchTlsa(records, chain, names, now);
    const text =
      found.kind === 'match' ? `${tlsaText(found.record).slice(0, 5)} at ${found.depth}` : found.why;
    t.match(text, want, records.map(tlsaText).join(', '));
  };
  for (const selector of [0, 1])
    for (const matching of [0, 1, 2]) {
      is(`3 ${selector} ${matching} at 0`, [of(3, selector, matching, leaf)], [leaf, root]);
      is(`2 ${selector} ${matching} at 1`, [of(2, selector, matching, root)], [leaf, root]);
    }
  is('3 1 1 at 0', [of(3, 1, 1, expired)], [expired], []);
  is(/^no TLSA record matches/, [of(3, 1, 1, root)], [leaf, root]);
  is(/^no TLSA record matches/, [of(2, 1, 1, leaf)], [leaf, root]);
  is(/^no TLSA record matches/, [of(1, 1, 1, leaf), of(0, 1, 1, root)], [leaf, root]);
  is(/^no TLSA record matches/, [{ ...of(3, 1, 1, leaf), selector: 2 }], [leaf]);
  is(/^no TLSA record matches/, [{ ...of(3, 1, 1, leaf), matching: 2 }], [leaf]);
  is(/showed no certificate/, [of(3, 1, 1, leaf)], []);
  is(/none of the names/, [of(2, 0, 1, root)], [leaf, root], ['other.example']);
  is(/is not valid today/, [of(2, 0, 1, root)], [expired, root]);
  is(/is not signed by/, [of(2, 0, 1, root)], [stranger, root]);
  is(/is no CA/, [of(2, 0, 1, leaf)], [stranger, leaf]);
  is(/no TLSA record matches/, [of(2, 0, 1, root)], [leaf], NAMES);
  // a wrong digest that is stronger stands above a right one that is weaker
  const wrong = { ...of(3, 1, 2, leaf), data: new Uint8Array(64) };
  is(/no TLSA record matches/, [of(3, 1, 1, leaf), wrong], [leaf]);
  is('3 1 1 at 0', [of(3, 1, 1, leaf), { ...wrong, selector: 0 }], [leaf]);
});
