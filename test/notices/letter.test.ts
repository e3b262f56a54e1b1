/** What an author reads. */
import { type Test, test } from 'tap';
import type { Begun, Told } from '../../src/notices/ledger.ts';
import { leftLetter, letterId, waitingLetter } from '../../src/notices/letter.ts';
import type { WaitingMessage } from '../../src/notices/waitingMessage.ts';

const NOW = Date.parse('2026-11-30T12:00:00Z');
const SETTING = { host: 'mx.our.example', now: NOW, lifetimeMs: 5 * 86_400_000 };
const author = { address: 'alice@our.example', domain: 'our.example' };

function waiting(key: string, ...addresses: readonly string[]): WaitingMessage {
  const recipients = addresses.map((address) => ({
    address,
    domain: address.slice(address.indexOf('@') + 1),
    cause: 'certificate expired',
  }));
  return { key, id: key.split('.')[0]!, arrived: NOW - 3_600_000, recipients, more: 0 };
}
function told(message: WaitingMessage, more: Partial<Told> = {}): Told {
  const { key, arrived, recipients } = message;
  return {
    key,
    arrived,
    recipients,
    more: 0,
    listed: true,
    letter: 'L1@mx.our.example',
    goneAt: NOW,
    ...more,
  };
}
const begin = (kind: Begun['kind'], list: readonly Told[]): Begun => ({ kind, author, told: list });
const headers = (text: string): string => text.slice(0, text.indexOf('\n\n'));
const words = (text: string): string => text.slice(text.indexOf('\n\n')).replace(/\s+/g, ' ');
/** What every letter keeps to. */
function whole(t: Test, text: string): void {
  t.match(text, /^[\n -~]*$/, 'printable ASCII');
  t.ok(text.split('\n').every((line) => line.length < 400));
  t.match(headers(text), /^Auto-Submitted: auto-replied$/m);
  t.match(headers(text), /^To: <alice@our\.example>$/m);
  t.equal(headers(text).match(/^From: /gm)?.length, 1);
}

test('one message', async (t) => {
  const one = waiting('A1.5', 'b@bank.example');
  const text = waitingLetter(begin('waiting', [told(one)]), [one], SETTING);
  whole(t, text);
  t.match(headers(text), /^Subject: Your message to bank\.example has not been delivered yet$/m);
  t.match(headers(text), /^Message-ID: <L1@mx\.our\.example>$/m);
  t.match(headers(text), /^From: "Mail server mx\.our\.example" <postmaster@our\.example>$/m);
  t.notMatch(headers(text), 'References');
  for (const said of [
    'To b@bank.example',
    'Why The mail server of bank.example could not prove that it is the right one: its certificate has expired.',
    'Tried until 2026-12-05',
    'Reference A1 (certificate expired)',
    'It was not sent to them unprotected.',
    'may leave this server only over a protected connection',
  ])
    t.match(words(text), said);
  const unknown = { ...one, recipients: [{ ...one.recipients[0]!, cause: 'TLS policy not known' }] };
  const other = waitingLetter(begin('waiting', [told(one)]), [unknown], { ...SETTING, lifetimeMs: null });
  t.notMatch(words(other), /Tried until|may leave this server only/);
});

test('many messages and recipients', async (t) => {
  const list = Array.from({ length: 20 }, (_, i) =>
    waiting(`A${i}.5`, `u${i}@bank.example`, `v${i}@law.example`),
  );
  const rest = Array.from({ length: 5 }, (_, i) => told(waiting(`B${i}`), { listed: false, recipients: [] }));
  const text = waitingLetter(begin('waiting', [...list.map((one) => told(one)), ...rest]), list, SETTING);
  whole(t, text);
  t.match(headers(text), /^Subject: 25 of your messages have not been delivered yet$/m);
  t.match(words(text), 'And 5 more that are not listed here.');
  t.ok(text.length < 20_000);
  const [first] = list;
  const two = waitingLetter(begin('waiting', [told(first!)]), [{ ...first!, more: 7 }], SETTING);
  t.match(headers(two), /^Subject: Your message to bank\.example and others has not/m);
  t.match(words(two), 'and 7 more');
});

test('it has left', async (t) => {
  const [one, other] = [waiting('A1.5', 'b@bank.example', 'c@law.example'), waiting('A2.5', 'd@x.example')];
  const sent = { sent: new Map([['bank.example', 'tls']] as const), returned: new Set(['law.example']) };
  const text = leftLetter(begin('left', [told(one)]), [{ told: told(one), outcome: sent }], SETTING);
  whole(t, text);
  t.match(headers(text), /^In-Reply-To: <L1@mx\.our\.example>$/m);
  t.match(words(text), 'To b@bank.example How over an encrypted connection');
  t.notMatch(text, 'law.example\nHow', 'what came back is told by the MTA');
  t.notMatch(words(text), 'c@law.example');
  const both = leftLetter(
    begin('left', [told(one), told(other)]),
    [
      { told: told(one), outcome: { ...sent, sent: new Map([['bank.example', 'plain']] as const) } },
      { told: told(other), outcome: null },
    ],
    SETTING,
  );
  t.match(headers(both), /^Subject: 2 of your messages wait no longer$/m);
  t.match(words(both), 'How over a connection that was not encrypted');
  t.match(
    words(both),
    'The following waits no longer. Either it has been delivered, or you get a message of its own',
  );
  const alone = leftLetter(begin('left', [told(other)]), [{ told: told(other), outcome: null }], SETTING);
  t.match(headers(alone), /^Subject: Your message to x\.example waits no longer$/m);
  t.match(words(alone), 'It waits no longer. Either');
  const rest = told(waiting('B'), { listed: false, recipients: [] });
  t.match(
    headers(leftLetter(begin('left', [rest]), [{ told: rest, outcome: null }], SETTING)),
    /^Subject: One of your messages waits no longer$/m,
  );
});

test('hostile names', async (t) => {
  const long = `${'x'.repeat(63)}.`.repeat(3);
  const address = `a\\u{d}\\u{a}Bcc: x@${long}example`;
  const one = waiting('A1/\r\nX: y', address);
  const text = waitingLetter(begin('waiting', [told(one)]), [one], SETTING);
  whole(t, text);
  t.ok(
    headers(text)
      .split('\n')
      .every((line) => line.length < 200),
  );
  t.notMatch(headers(text), 'Bcc');
  t.equal(
    letterId('waiting', 'A1/\r\nX: y', SETTING),
    `waiting.${NOW.toString(36)}.A1---X--y@mx.our.example`,
  );
});
