/** A name is shown as its A-label; its own letters are a hint only where they cannot be taken for others. */
import { test } from 'tap';
import { domainName, ownLetters } from '../../../src/report/page/names.ts';

test('own letters', async (t) => {
  const good = (name: string, want: string) => t.equal(ownLetters(name), want, name);
  const bad = (name: string, why: string) => t.equal(ownLetters(name), null, `${name}: ${why}`);
  good('xn--mller-kva.example', 'm\u00fcller.example');
  good('xn--strae-oqa.de', 'stra\u00dfe.de');
  good('mx.xn--fsqu00a.xn--0zwm56d', 'mx.\u4f8b\u5b50.\u6d4b\u8bd5');
  bad('bank.example', 'nothing to say');
  bad('xn--80ak6aa92e.com', 'Cyrillic that reads as apple');
  bad('xn--pple-43d.com', 'a Cyrillic letter among Latin ones');
  bad('xn--4dbcagdahymbxekheh6e0a7fei0b.example', 'from right to left');
  bad('xn--a.example', 'no Punycode');
  bad('xn--\u0430.example', 'not ASCII');
  bad(`xn--mller-kva.${'x'.repeat(300)}`, 'too long for a name');
  bad('xn--mller-kva.example"><b>', 'not a name');
});

test('names in the page', async (t) => {
  t.equal(domainName('bank.example').text, 'bank.example');
  t.equal(
    domainName('xn--mller-kva.example').text,
    '<span title="m\u00fcller.example">xn--mller-kva.example</span>',
  );
  t.match(domainName('').text, 'senders without a domain');
  t.match(domainName('<>').text, 'the null sender');
  t.equal(domainName('<b>').text, '&lt;b&gt;');
});
