/** What a routed recipient becomes: path and parameters as they go into the milter's edits. */
import t from 'tap';
import { parsePath } from '../../src/core/address.ts';
import { type Route, unrouted } from '../../src/rules/recipientSuffix.ts';
import { routedPath, routeInPath } from '../../src/rules/routedPath.ts';
import { utf8OrLatin1 } from '../../src/wire/foreignText.ts';
import { addRecipient, deleteRecipient } from '../../src/wire/milterRecipient.ts';

const ENCRYPT: Route = { end: 'encrypt' };
const VERIFY: Route = { end: 'verify' };
const GATEWAY: Route = { end: 'fallback', rule: 'secure' };

/** UTF-8 text as the bytes an MTA shows. */
const bytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

/** `PATH PARAMETERS`, or `cannot`. */
function routed(path: string, route: Route, parameters: readonly string[] = []): string {
  const address = unrouted(parsePath(utf8OrLatin1(path)));
  const found = routedPath({ address, path, parameters, mailer: 'smtp', nextHop: '' }, route);
  if (found === null) return 'cannot';
  // what is planned must be sayable
  addRecipient(found.path, found.parameters);
  deleteRecipient(path);
  return `${found.path} ${found.parameters}`;
}

t.test('by way', async (t) => {
  t.equal(
    routed('<b@good.example>', ENCRYPT),
    '<b@good.example.tlsward-encrypt> ORCPT=rfc822;b@good.example',
  );
  t.equal(routed('<b@good.example>', VERIFY), '<b@good.example.tlsward-verify> ORCPT=rfc822;b@good.example');
  t.equal(
    routed('<b@good.example>', GATEWAY),
    '<b@good.example.secure.tlsward-fallback> ORCPT=rfc822;b@good.example',
  );
});

t.test('letters and quoting stay as they were typed', async (t) => {
  const is = (path: string, want: string): void => {
    t.equal(routed(path, ENCRYPT), want, path);
  };
  is('<Bob@Good.EXAMPLE>', '<Bob@Good.EXAMPLE.tlsward-encrypt> ORCPT=rfc822;Bob@Good.EXAMPLE');
  is('b@good.example', '<b@good.example.tlsward-encrypt> ORCPT=rfc822;b@good.example');
  is('<b@good.example.>', '<b@good.example.tlsward-encrypt> ORCPT=rfc822;b@good.example');
  is('<"a b"@good.example>', '<"a b"@good.example.tlsward-encrypt> ORCPT=rfc822;"a+20b"@good.example');
  is(
    '<"a@b\\"c"@good.example>',
    '<"a@b\\"c"@good.example.tlsward-encrypt> ORCPT=rfc822;"a@b\\"c"@good.example',
  );
  is('<"a,b"@good.example>', '<"a,b"@good.example.tlsward-encrypt> ORCPT=rfc822;"a,b"@good.example');
  is('<a+b=c@good.example>', '<a+b=c@good.example.tlsward-encrypt> ORCPT=rfc822;a+2Bb+3Dc@good.example');
  is(
    bytes('<j\u00f6rg@good.example>'),
    `${bytes('<j\u00f6rg@good.example.tlsward-encrypt>')} ORCPT=utf-8;j\\x{F6}rg@good.example`,
  );
  is(
    bytes('<b@b\u00fccher.example>'),
    `${bytes('<b@b\u00fccher.example.tlsward-encrypt>')} ORCPT=utf-8;b@b\\x{FC}cher.example`,
  );
  is(
    bytes('<\u{1f600}+\\@good.example>').replace('\\', ''),
    `${bytes('<\u{1f600}+@good.example.tlsward-encrypt>')} ORCPT=utf-8;\\x{1F600}\\x{2B}@good.example`,
  );
  is(
    '<b@xn--bcher-kva.example>',
    '<b@xn--bcher-kva.example.tlsward-encrypt> ORCPT=rfc822;b@xn--bcher-kva.example',
  );
});

t.test('parameters that came with it', async (t) => {
  const is = (parameters: readonly string[], want: string): void => {
    t.equal(routed('<b@good.example>', ENCRYPT, parameters), `<b@good.example.tlsward-encrypt> ${want}`);
  };
  is(['NOTIFY=NEVER'], 'NOTIFY=NEVER ORCPT=rfc822;b@good.example');
  is(
    ['orcpt=rfc822;first@x.example', 'Notify=SUCCESS,DELAY'],
    'Notify=SUCCESS,DELAY orcpt=rfc822;first@x.example',
  );
  is(['RRVS=2014-04-03T23:01:00Z', 'BY=120;R'], 'ORCPT=rfc822;b@good.example');
  is(['NOTIFY=\xe9', 'ORCPT=', `ORCPT=${'x'.repeat(2000)}`, 'NOTIFY=NE VER'], 'ORCPT=rfc822;b@good.example');
});

t.test('a suffix it has is replaced, and not part of the original address', async (t) => {
  t.equal(
    routed('<b@good.example.tlsward-encrypt>', VERIFY),
    '<b@good.example.tlsward-verify> ORCPT=rfc822;b@good.example',
  );
  t.equal(
    routed('<b@Good.example.Secure.tlsward-fallback.>', ENCRYPT),
    '<b@Good.example.tlsward-encrypt> ORCPT=rfc822;b@Good.example',
  );
  t.strictSame(routeInPath('<b@good.example.tlsward-encrypt>'), ENCRYPT);
  t.strictSame(routeInPath('"a b"@good.example.secure.tlsward-fallback'), GATEWAY);
  for (const path of [
    '<b@good.example>',
    '<b@a..b.tlsward-encrypt>',
    '<b>',
    '<@x:b@y.tlsward-encrypt>',
    '',
    '<>',
  ])
    t.equal(routeInPath(path), null, path);
});

t.test('address literals', async (t) => {
  t.equal(
    routed('<b@[192.0.2.1]>', ENCRYPT),
    '<b@192.0.2.1.tlsward-literal.tlsward-encrypt> ORCPT=rfc822;b@[192.0.2.1]',
  );
  t.equal(
    routed('<"a b"@[IPv6:2001:DB8::1]>', GATEWAY),
    '<"a b"@ipv6-2001-db8-0-0-0-0-0-1.tlsward-literal.secure.tlsward-fallback> ORCPT=rfc822;"a+20b"@[IPv6:2001:DB8::1]',
  );
  t.equal(
    routed('<b@192.0.2.1.tlsward-literal.tlsward-via.b-25.mx.example.tlsward-encrypt>', VERIFY),
    '<b@192.0.2.1.tlsward-literal.tlsward-verify> ORCPT=rfc822;b@[192.0.2.1]',
  );
});

t.test('what cannot be renamed', async (t) => {
  const long = Array.from({ length: 8 }, () => 'a'.repeat(29)).join('.');
  for (const path of [
    '<>',
    '',
    '<postmaster>',
    '<b@[192.0.2]>',
    '<b@[IPv6:2001:db8]>',
    '<b@[192.0.2.1].example>',
    '<b@192.0.2.1.tlsward-literal>',
    '<b@192.0.2.1>',
    '<@relay.example:b@good.example>',
    '<b@good.example(x)>',
    '<b,c@good.example>',
    '<|cmd@good.example>',
    '<b@good.example',
    '<"a\r\nb"@good.example>',
    '<"a\0b"@good.example>',
    '<b@a..b>',
    '<b@good.example.tlsward-verify.tlsward-encrypt>',
    `<b@${long}>`,
    `<${'a'.repeat(3000)}@good.example>`,
    // room as it came, none with what is put to it
    `<${'a'.repeat(2030)}@good.example>`,
    `<${'+'.repeat(1000)}@good.example>`,
  ])
    t.equal(routed(path, ENCRYPT), 'cannot', JSON.stringify(path.slice(0, 50)));
  t.equal(routed(`<b@${long.slice(5)}>`, ENCRYPT).slice(0, 4), '<b@a', 'with room it can');
});
