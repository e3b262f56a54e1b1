/** Which entries of master.cf take mail in. */
import { test } from 'tap';
import { isLoopbackOnly, mailEntries, portOf, sendingEntries } from '../../src/mta/mailEntries.ts';
import { MASTER, postfixOf } from './postfixOf.ts';

const config = (master: string, main = '') => postfixOf(main, { master });
const names = (master: string) =>
  mailEntries(config(master)).map(({ entry, entrance }) => [entry.name, entrance]);

test('entries', async (t) => {
  t.same(names(MASTER), [
    ['smtp', 'smtpd'],
    ['pickup', 'pickup'],
  ]);
  t.same(names('submission inet n - y - - smtpd\n465 inet n - y - - smtpd\n628 inet n - y - - qmqpd'), [
    ['submission', 'smtpd'],
    ['465', 'smtpd'],
    ['628', 'qmqpd'],
  ]);
});

test('behind postscreen', async (t) => {
  const screened = 'smtp inet n - y - 1 postscreen\nsmtpd pass - - y - - smtpd\nother pass - - y - - smtpd';
  t.same(
    names(screened),
    [['smtpd', 'smtpd']],
    'an smtpd of the type pass that nobody hands over to is none',
  );
  t.equal(mailEntries(config(screened))[0]?.behind?.name, 'smtp');
});

test('where they listen', async (t) => {
  const loopback = (entry: string, main = '') => isLoopbackOnly(config('', main), config(entry).entries[0]!);
  t.notOk(loopback('smtp inet n - y - - smtpd'));
  t.ok(loopback('smtp inet n - y - - smtpd', 'inet_interfaces = loopback-only'));
  t.notOk(loopback('smtp inet n - y - - smtpd', 'inet_interfaces = 127.0.0.1, 192.0.2.1'));
  t.ok(loopback('127.0.0.1:10025 inet n - y - - smtpd'));
  t.ok(loopback('[::1]:10025 inet n - y - - smtpd'));
  t.notOk(loopback('192.0.2.1:25 inet n - y - - smtpd', 'inet_interfaces = loopback-only'));
  t.ok(loopback('pickup unix n - y - - pickup'));
  t.equal(portOf(config('127.0.0.1:10025 inet n - y - - smtpd').entries[0]!), '10025');
  t.equal(portOf(config('submission inet n - y - - smtpd').entries[0]!), 'submission');
  t.equal(portOf(config('pickup unix n - y - - pickup').entries[0]!), '');
});

test('how mail leaves', async (t) => {
  t.same(
    sendingEntries(config(MASTER)).map(({ name }) => name),
    ['smtp', 'relay'],
  );
});
