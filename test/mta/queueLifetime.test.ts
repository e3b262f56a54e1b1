/** How long an MTA tries. */
import { test } from 'tap';
import { lifetimeOf, sendmailLifetime } from '../../src/mta/queueLifetime.ts';
import { parseSendmailCf } from '../../src/mta/sendmailCf.ts';

test('of Postfix', async (t) => {
  for (const [text, hours] of [
    ['5d\n', 120],
    ['5', 120],
    ['12h', 12],
    ['90m', 1.5],
    ['1w', 168],
    ['3600s', 1],
  ] as const)
    t.equal(lifetimeOf(text), hours * 3_600_000, text);
  for (const text of ['', '0', '0d', '5x', '$other', '1d2h', '9999999d'])
    t.equal(lifetimeOf(text), null, text);
});

test('of Sendmail', async (t) => {
  t.equal(sendmailLifetime(parseSendmailCf('f', 'O Timeout.queuereturn=5d\n')), 120 * 3_600_000);
  t.equal(sendmailLifetime(parseSendmailCf('f', '#O Timeout.queuereturn=5d\n')), null);
});
