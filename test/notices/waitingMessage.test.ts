/** Which recipients wait because of a row or a rule. */
import { test } from 'tap';
import { waitingOf } from '../../src/notices/waitingMessage.ts';
import type { Demand } from '../../src/queue/demand.ts';
import type { QueuedMessage } from '../../src/queue/queued.ts';

const NO_TLS = 'TLS is required, but was not offered by host mx.bank.example[192.0.2.1]';
const LOOKUP = 'TLS policy lookup error for bank.example/mx: x';

const demand = (level: string, more: Partial<Demand> = {}): Demand => ({
  level,
  pattern: level === '' ? '' : 'bank.example',
  at: '',
  byRule: false,
  exception: false,
  ...more,
});
const message = (address: string, reason: string, more: Partial<QueuedMessage> = {}): QueuedMessage => ({
  id: 'A1',
  state: 'deferred',
  arrived: 1_000_500,
  sender: 'alice@our.example',
  recipients: [{ address, reason }],
  moreRecipients: 0,
  ...more,
});
const wait = (level: Demand, reason = NO_TLS, more: Partial<QueuedMessage> = {}, sendmail = false) =>
  waitingOf(message('b@bank.example', reason, more), () => level, sendmail);

test('a row or a rule demands it', async (t) => {
  t.same(wait(demand('encrypt')), {
    key: 'A1.1000',
    id: 'A1',
    arrived: 1_000_500,
    recipients: [{ address: 'b@bank.example', domain: 'bank.example', cause: 'no STARTTLS offered' }],
    more: 0,
  });
  for (const level of ['verify', 'secure', 'dane', 'dane-only', 'fingerprint', 'auto'])
    t.ok(wait(demand(level)), level);
  t.ok(wait(demand('', { byRule: true })));
  t.match(wait(demand(''), LOOKUP), { recipients: [{ cause: 'TLS policy not known' }] }, 'tlsward is down');
  t.match(
    wait(demand('encrypt'), 'encryption too weak 0 less than 128', {}, true),
    { key: 'A1' },
    'of Sendmail',
  );
  t.ok(wait(demand('encrypt'), NO_TLS, { state: 'active' }), 'while it is tried again');
  const asked =
    'host mx[192.0.2.1] said: 530 5.7.0 Must issue a STARTTLS command first (in reply to MAIL FROM command)';
  t.ok(wait(demand('none'), asked), 'a row says that there is to be no TLS');
  t.equal(wait(demand(''), asked), null);
});

test('it waits for something else', async (t) => {
  for (const level of ['', 'none', 'may']) t.equal(wait(demand(level)), null, level);
  t.equal(wait(demand('encrypt'), 'connect to mx.bank.example[192.0.2.1]:25: Connection refused'), null);
  t.equal(
    wait(demand('encrypt'), 'host mx[192.0.2.1] said: 451 4.7.1 TLS is required, but was not offered'),
    null,
  );
  t.equal(wait(demand('encrypt'), ''), null, 'it was not tried yet');
  t.equal(wait(demand('encrypt'), NO_TLS, { state: 'hold' }), null, 'somebody holds it');
  const long = `${'x'.repeat(60)}@bank.example`;
  const cut = { recipients: [{ address: long, reason: 'encryption too weak 0 less than 128' }] };
  t.equal(wait(demand('encrypt'), '', cut, true), null, 'mailq may have cut the address');
  t.equal(
    waitingOf(message('local', NO_TLS), () => demand('encrypt'), false),
    null,
  );
});

test('recipients as their author knows them', async (t) => {
  const rules: string[] = [];
  const shown = waitingOf(
    message('b@Bank.example.tlsward-encrypt', NO_TLS),
    (domain, rule) => {
      rules.push(`${domain} ${rule}`);
      return demand('', { byRule: true });
    },
    false,
  );
  t.match(shown, { recipients: [{ address: 'b@bank.example' }] });
  t.same(rules, ['bank.example encrypt']);
  const recipients = Array.from({ length: 9 }, (_, i) => ({ address: `u${i}@bank.example`, reason: NO_TLS }));
  t.match(wait(demand('encrypt'), '', { recipients }), { more: 4 });
  const hostile = 'a\r\nBcc: x\u202e@bank.example';
  t.match(
    waitingOf(message(hostile, NO_TLS), () => demand('encrypt'), false),
    {
      recipients: [{ address: 'a\\u{d}\\u{a}Bcc: x\\u{202e}@bank.example' }],
    },
  );
});
