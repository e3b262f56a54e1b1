/** The names in node's text of a subjectAltName: nothing inside quotes is a name. */
import t from 'tap';
import { dnsNames } from '../../src/probe/certificate.ts';

t.test('names', async (t) => {
  const is = (text: string, ...want: string[]) => t.same(dnsNames(text), want, text);
  is('');
  is('DNS:MX.Bank.Example', 'mx.bank.example');
  is('DNS:a.example, IP Address:192.0.2.1, DNS:*.b.example', 'a.example', '*.b.example');
  is('DNS:"a.example, DNS:evil.example"');
  is('DNS:"a.example\\", DNS:evil.example", DNS:b.example', 'b.example');
  is('URI:"http://a/, DNS:evil.example", DNS:b.example', 'b.example');
  is('email:a@b.example');
  t.equal(dnsNames(Array.from({ length: 2000 }, (_, i) => `DNS:${i}.example`).join(', ')).length, 1000);
});
