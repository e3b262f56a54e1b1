/** Whom a name belongs to, with no public suffix list. */
import t from 'tap';
import { siteOf } from '../../src/core/site.ts';

t.test('owner and registry', async (t) => {
  for (const [name, owner, registry] of [
    ['', '', null],
    ['example', 'example', null],
    ['bank.example', 'bank.example', null],
    ['_25._tcp.mx1.mail.bank.example', 'bank.example', null],
    ['abc.de', 'abc.de', null],
    ['x.abc.de', 'x.abc.de', 'abc.de'],
    ['mx.shop.co.uk', 'shop.co.uk', 'co.uk'],
    ['a.b.shop.com.br', 'shop.com.br', 'com.br'],
    ['mx.bank.de', 'bank.de', null],
    ['mx.sub.ibm.com', 'ibm.com', null],
  ] as const)
    t.strictSame(siteOf(name), { owner, registry }, name);
});

t.test('every name has an owner at its end', async (t) => {
  for (const name of ['a', 'a.b', 'a.b.c', 'x.co.uk', 'y.x.co.uk', `${'a.'.repeat(126)}b`]) {
    const { owner, registry } = siteOf(name);
    t.ok(name === owner || name.endsWith(`.${owner}`), name);
    t.ok(registry === null || owner.endsWith(`.${registry}`), name);
  }
});
