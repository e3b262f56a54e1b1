/** Names of a certificate: nothing inside quotes is a name, and the common name counts only where there is no DNS name. */
import t from 'tap';
import { certificateNames } from '../../src/core/certificateNames.ts';

t.test('subjectAltName', async (t) => {
  const is = (subjectAltName: string, ...want: string[]) =>
    t.same(certificateNames({ subjectAltName }), want, subjectAltName);
  is('');
  is('DNS:MX.Bank.Example', 'mx.bank.example');
  is('DNS:a.example, IP Address:192.0.2.1, DNS:*.b.example', 'a.example', '*.b.example');
  is('DNS:"a.example, DNS:evil.example"');
  is('DNS:"a.example\\", DNS:evil.example", DNS:b.example', 'b.example');
  is('URI:"http://a/, DNS:evil.example", DNS:b.example', 'b.example');
  is('email:a@b.example');
  const many = Array.from({ length: 2000 }, (_, i) => `DNS:${i}.example`).join(', ');
  t.equal(certificateNames({ subjectAltName: many }).length, 1000);
});

t.test('common name', async (t) => {
  const subject = 'O=Bank\nCN=MX.Bank.Example';
  t.same(certificateNames({ subject }), ['mx.bank.example']);
  t.same(certificateNames({ subject, subjectAltName: 'IP Address:192.0.2.1' }), ['mx.bank.example']);
  t.same(certificateNames({ subject, subjectAltName: 'DNS:a.example' }), ['a.example']);
  t.same(certificateNames({ subject, subjectAltName: 'DNS:"a, b"' }), [], 'beside a DNS name that is none');
  t.same(certificateNames({ subject: 'O=Bank' }), []);
  t.same(certificateNames({}), []);
});
