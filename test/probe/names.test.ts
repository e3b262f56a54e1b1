/** Names in a certificate against names that are wanted, as Postfix compares them. */
import t from 'tap';
import { fittingName, wantedNames } from '../../src/probe/names.ts';

t.test('does it fit?', async (t) => {
  const table = `
    mx.bank.example    mx.bank.example    yes
    mx.bank.example    bank.example       no
    bank.example       .bank.example      no
    mx.bank.example    .bank.example      yes
    a.b.bank.example   .bank.example      yes
    *.bank.example     .bank.example      yes
    *.bank.example     mx.bank.example    yes
    *.bank.example     a.b.bank.example   no
    *.bank.example     bank.example       no
    *.example          bank.example       no
    *                  bank.example       no
    m*.bank.example    mx.bank.example    no
    mx.*.example       mx.bank.example    no
    xbank.example      .bank.example      no
    mx.bank.example\0x mx.bank.example\0x no
  `;
  for (const line of table.trim().split('\n')) {
    const [name = '', wanted = '', want] = line.trim().split(/ +/);
    t.equal(fittingName([name], [wanted]) === null ? 'no' : 'yes', want, `${name} for ${wanted}`);
  }
  t.equal(fittingName([], ['bank.example']), null);
  t.equal(fittingName(['a.example', 'b.example'], ['c.example', 'b.example']), 'b.example');
});

t.test('the words of Postfix', async (t) => {
  const names = (words: string[]) => wantedNames(words, 'mx.bank.example', 'bank.example');
  t.same(names(['hostname']), ['mx.bank.example']);
  t.same(names(['nexthop', 'dot-nexthop']), ['bank.example', '.bank.example']);
  t.same(names(['MX.Other.Example', '.other.example']), ['mx.other.example', '.other.example']);
  t.same(wantedNames(['hostname', 'nexthop'], '[192.0.2.1]', '[ipv6:2001:db8::1]'), [
    '192.0.2.1',
    '2001:db8::1',
  ]);
});
