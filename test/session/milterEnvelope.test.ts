/** What RCPT carries, as rules need it: text in the encodings and spellings of MTAs. */
import { test } from 'tap';
import { addressOf, shownRecipient } from '../../src/session/milterEnvelope.ts';
import { joinMacros } from '../../src/wire/milterMacros.ts';

test('a next hop that is not ASCII is read like the address', async (t) => {
  const bytes = (text: string): string => Buffer.from(text).toString('latin1');
  const path = bytes('<u@bücher.example>');
  const macros = joinMacros([
    ['{rcpt_mailer}', 'smtp'],
    ['{rcpt_host}', bytes('bücher.example')],
  ]);
  t.strictSame(shownRecipient([path], addressOf(path), macros), {
    address: addressOf(path),
    path,
    parameters: [],
    mailer: 'smtp',
    nextHop: 'bücher.example',
  });
  t.equal(addressOf(path).domain, 'xn--bcher-kva.example');
  const odd = joinMacros([['{rcpt_host}', '\xff']]);
  t.match(
    shownRecipient([path], addressOf(path), odd),
    { mailer: '', nextHop: '\xff' },
    'no UTF-8: as it was',
  );
});
