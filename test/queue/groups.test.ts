/** Waiting mail by where it goes, what it must satisfy and why it waits; and what to do about it. */

import { join } from 'node:path';
import { test } from 'tap';
import { loadConfig } from '../../src/config/load/load.ts';
import { PolicyTable } from '../../src/core/table.ts';
import { demandOf, nextHopOfAddress } from '../../src/queue/demand.ts';
import { type Group, Groups } from '../../src/queue/groups.ts';
import type { QueuedMessage } from '../../src/queue/queued.ts';
import { groupLine, groupLines, summary } from '../../src/queue/queueText.ts';
import { waitCause } from '../../src/queue/waitCause.ts';
import { whatToDo } from '../../src/queue/whatToDo.ts';

const HOUR = 3_600_000;
const NOW = Date.parse('2026-11-30T12:00:00Z');
const NO_TLS = 'TLS is required, but was not offered by host mx.bank.example[192.0.2.1]';

const message = (
  id: string,
  hours: number,
  ...recipients: readonly (readonly [string, string])[]
): QueuedMessage => ({
  id,
  state: 'deferred',
  arrived: NOW - hours * HOUR,
  recipients: recipients.map(([address, reason]) => ({ address, reason })),
  sender: '',
  moreRecipients: 0,
});

const level = (word: string, more: object = {}) => ({
  level: word,
  pattern: word === '' ? '' : 'bank.example',
  at: word === '' ? '' : 't.ini:3',
  byRule: false,
  exception: false,
  ...more,
});

test('groups', async (t) => {
  const groups = new Groups((domain, rule) => level(domain === 'bank.example' ? 'secure' : rule), false);
  groups.add(
    message(
      'A1',
      3,
      ['a@bank.example', NO_TLS],
      ['b@BANK.example.', NO_TLS.replace('192.0.2.1', '192.0.2.2')],
    ),
  );
  groups.add(
    message(
      'A2',
      2,
      ['c@bank.example', NO_TLS],
      ['d@other.example', 'connect to x[192.0.2.9]:25: Connection refused'],
    ),
  );
  groups.add(message('A3', 1, ['e@bank.example', 'Server certificate not verified']));
  groups.add({ ...message('A4', 30, ['f@bank.example', '']), state: 'hold' });
  groups.add({ ...message('A5', 0, ['g@bank.example', '']), state: 'active' });
  groups.add({ ...message('A6', 0, ['h@bank.example', NO_TLS]), state: 'active', moreRecipients: 2 });
  groups.add(message('A7', 0, ['i@bank.example.tlsward-verify', 'Server certificate not verified']));
  const result = groups.result();
  t.same(
    result.groups.map((one) => [
      one.domain,
      one.cause,
      one.messages,
      one.recipients,
      one.ids.join(' '),
      one.demand.level,
    ]),
    [
      ['bank.example', 'no STARTTLS offered', 3, 4, 'A1 A2 A6', 'secure'],
      ['bank.example', 'certificate not verified', 1, 1, 'A3', 'secure'],
      ['bank.example', 'certificate not verified', 1, 1, 'A7', 'secure'],
      ['bank.example', 'on hold', 1, 1, 'A4', 'secure'],
      ['other.example', 'connection refused', 1, 1, 'A2', ''],
    ],
  );
  t.match(result, { messages: 7, waiting: 6, recipients: 8, ungrouped: 2 });
  t.equal(groupLine(result.groups[0]!, NOW), 'bank.example: 3 messages, 3 h, secure, no STARTTLS offered');
  t.equal(summary(result), '7 messages in the queue, 6 wait for 8 recipients; 2 recipients in no group');
  t.equal(summary(new Groups(() => level(''), false).result()), '0 messages in the queue, none waits');
});

test('memory is bounded by groups', async (t) => {
  const groups = new Groups(() => level(''), false);
  for (let i = 0; i < 2500; i++) groups.add(message(`B${i}`, i, [`a@d${i}.example`, NO_TLS]));
  for (let i = 0; i < 100; i++) groups.add(message(`C${i}`, 100 - i, ['a@d0.example', NO_TLS]));
  const { groups: made, ungrouped, recipients } = groups.result();
  t.same([made.length, ungrouped, recipients], [2000, 500, 2600]);
  t.same(made[0]?.ids, ['C0', 'C1', 'C2', 'C3', 'C4'], 'the oldest');
  t.equal(made[0]?.messages, 101);
});

test('causes', async (t) => {
  const postfix: readonly (readonly [string, string, boolean])[] = [
    [NO_TLS, 'no STARTTLS offered', true],
    [`4.7.4 ${NO_TLS}`, 'no STARTTLS offered', true],
    ['host mx[192.0.2.1] said: 450 4.2.0 <a@b>: Recipient address rejected: Greylisted', 'greylisted', false],
    [
      'host mx[192.0.2.1] said: 452-4.2.2 full (in reply to RCPT TO command)',
      'the server said 452-4.2.2',
      false,
    ],
    ['host mx[192.0.2.1] said: TLS is required, but was not offered', 'the server refused for now', false],
    ['connect to mx[192.0.2.1]:25: Connection timed out', 'connection timed out', false],
    [
      'lost connection with mx[192.0.2.1] while receiving the initial server greeting',
      'connection lost',
      false,
    ],
    [
      'Host or domain name not found. Name service error for name=x type=MX: Host not found, try again',
      'no such domain, or DNS does not answer',
      false,
    ],
    ['', 'no reason is named', false],
    ['something \u001b[31m', 'something \\u{1b}[31m', false],
  ];
  for (const [reason, cause, tls] of postfix) t.same(waitCause(reason, false), { cause, tls }, reason);
  t.same(waitCause('Server certificate not verified', false, 'certificate has expired'), {
    cause: 'certificate expired',
    tls: true,
  });
  const sendmail: readonly (readonly [string, string, boolean])[] = [
    ['encryption too weak 0 less than 128', 'no STARTTLS offered', true],
    ['encryption too weak 256 less than 300', 'encryption too weak', true],
    ['Deferred: 403 4.7.0 other side does not support STARTTLS', 'no STARTTLS offered', true],
    ['CN mx.other.example does not match wrong.example', 'certificate of another name', true],
    ['authentication failed', 'certificate not verified', true],
    ['tls_rcpt map: lookup (tls_rcpt:u@only.example): deferred', 'TLS policy not known', true],
    ['Deferred: Connection refused by mx.bank.example.', 'connection refused', false],
  ];
  for (const [reason, cause, tls] of sendmail) t.same(waitCause(reason, true), { cause, tls }, reason);
  t.equal(waitCause('authentication failed', false).tls, false, 'of Postfix they are nothing');
});

test('what to do', async (t) => {
  const groups = new Groups(() => level(''), false);
  groups.add(message('A1', 1, ['a@bank.example', NO_TLS]));
  const [one] = groups.result().groups;
  const group = (cause: string, word: string, more: Partial<Group> = {}): Group => ({
    ...one!,
    cause,
    demand: level(word),
    ...more,
  });
  const commands = (made: Group, sendmail = false) => whatToDo(made, sendmail).map(({ command }) => command);
  const except = (deliver: string, cause: string) =>
    `tlsward except bank.example --until +2d --reason "${cause}" --deliver ${deliver}`;
  t.same(commands(group('no STARTTLS offered', 'secure')), [
    except('may', 'no STARTTLS offered'),
    'postqueue -f',
  ]);
  t.same(commands(group('certificate expired', 'secure')), [
    except('encrypt', 'certificate expired'),
    'postqueue -f',
  ]);
  t.same(commands(group('no TLSA records', 'dane-only')), [
    except('encrypt', 'no TLSA records'),
    'postqueue -f',
  ]);
  t.same(commands(group('certificate expired', 'auto'), true), [
    except('encrypt', 'certificate expired'),
    'sendmail -q',
  ]);
  t.same(commands(group('certificate expired', 'encrypt')), ['postqueue -f'], 'the row was changed since');
  t.same(commands(group('no STARTTLS offered', 'may')), ['postqueue -f']);
  t.same(commands(group('no STARTTLS offered', '')), [
    'postconf smtp_tls_security_level smtp_tls_policy_maps',
  ]);
  t.same(commands(group('no STARTTLS offered', ''), true), ['']);
  t.same(commands(group('TLS policy not known', 'secure')), ['tlsward status']);
  t.same(commands(group('the server asks for TLS', '')), ['tlsward explain --deliver bank.example']);
  t.same(commands(group('TLS not available on this host', 'secure')), ['tlsward doctor']);
  t.same(commands(group('REQUIRETLS not supported by the server', 'secure')), [
    'tlsward explain --deliver bank.example',
  ]);
  t.same(commands(group('no STARTTLS offered', 'encrypt', { demand: level('encrypt', { byRule: true }) })), [
    '',
  ]);
  t.same(commands(group('connection refused', 'secure', { tls: false })), []);
  t.same(
    commands(group('no STARTTLS offered', 'secure', { domain: 'bank.example;reboot' })),
    [],
    'nothing to paste',
  );
  t.same(commands(group('on hold', 'secure', { held: true, ids: ['4XyZ1a2b3cz1'] })), [
    'postsuper -H 4XyZ1a2b3cz1',
  ]);
  t.same(commands(group('on hold', 'secure', { held: true, ids: ['A1;x'] })), ['']);
  t.same(groupLines(group('certificate expired', 'secure', { messages: 7 }), false), [
    ['row', 'bank.example (t.ini:3)'],
    ['reason', NO_TLS],
    ['messages', 'A1, and 6 more'],
    [
      'do',
      `${except('encrypt', 'certificate expired')}   # let it go encrypted, to whoever answers, for two days`,
    ],
    ['do', 'postqueue -f   # then have it tried again'],
  ]);
});

test('the next hop of an address, and what holds it', async (t) => {
  t.same(nextHopOfAddress('a@B\u00dccher.example'), { domain: 'xn--bcher-kva.example', rule: '' });
  t.same(nextHopOfAddress('a@b.example.tlsward-encrypt'), { domain: 'b.example', rule: 'encrypt' });
  t.same(nextHopOfAddress('a@b.example.tlsward-row'), { domain: 'b.example', rule: '' });
  t.same(nextHopOfAddress('a@[192.0.2.1]'), { domain: '[192.0.2.1]', rule: '' });
  t.same(nextHopOfAddress('postmaster'), { domain: '', rule: '' });
  const folder = t.testdir({
    'tls.ini': `[service]
milter-listen = inet:127.0.0.1:0
postconf =
exceptions =
[policy sec]
deliver = secure
[domains]
bank.example = sec
auto.example = may
[domain auto.example]
deliver = auto
[exception bank.example]
deliver = encrypt
until = 2099-01-01
reason = test
`.replace('auto.example = may\n', ''),
  });
  const loaded = loadConfig(join(folder, 'tls.ini'));
  t.ok(loaded.ok, JSON.stringify(loaded.ok ? '' : loaded.problems));
  if (!loaded.ok) return;
  const table = new PolicyTable(loaded.packed, 1, loaded.hash);
  t.match(demandOf('bank.example', '', table), {
    level: 'encrypt',
    exception: true,
    pattern: 'bank.example',
  });
  t.match(demandOf('auto.example', '', table), { level: 'auto', exception: false, at: /tls\.ini:\d+$/ });
  t.match(demandOf('none.example', '', table), { level: '', pattern: '', at: '' });
  t.match(demandOf('none.example', 'verify', table), { level: 'verify', byRule: true });
  t.match(demandOf('bank.example', '', null), { level: '' });
});
