/** `TLS-Required: no`: every spelling that Postfix was seen to grant, what it does not, and who is concerned by a message with it. */
import { type Test, test } from 'tap';
import { parsePath } from '../../src/core/address.ts';
import { allAtOnce } from '../../src/core/work.ts';
import {
  asksForPlain,
  firstProtected,
  grantsPlain,
  protectsDelivery,
  saysNo,
} from '../../src/rules/tlsRequired.ts';
import { SERVICE, tableOf, workbench } from '../config/configFixture.ts';
import { leastThreadMs } from '../measured.ts';

/** Granted by Postfix 3.10.13 and 3.11.7 (tried), values as a milter is shown them or with their blanks. */
const GRANTED = [
  'no',
  'NO',
  'No',
  ' no',
  '\tno',
  '   no',
  '\n no',
  '\n \n no',
  '\x0bno',
  '\x0cno',
  '\rno',
  'no\0',
  'no\0yes',
];
GRANTED.push(`${' '.repeat(900)}no`, `${'\n '.repeat(300)}no`);
/** Not granted, and recognised all the same. */
const WIDER = [
  'no ',
  'no\t',
  'no (really)',
  '(really) no',
  '(a (nested\\) one) b) no',
  'n(x)o',
  '"no"',
  'no.',
  'no;',
  'no, yes',
];
WIDER.push('\0no', '\xa0no', '(no', '((no', `no${'\n '.repeat(9000)}`, 'no\r');
const OTHER = [
  '',
  'yes',
  'not',
  'none',
  'n o',
  'no1',
  '1no',
  '=?us-ascii?q?no?=',
  '(no)',
  '(no) yes',
  'yes no',
  'nn o',
  'n\\o',
];

function table(t: Test, text: string) {
  const bench = workbench(t);
  bench.write('tls.ini', SERVICE + text);
  return tableOf(bench.load());
}

test('what the field says', async (t) => {
  for (const value of [...GRANTED, ...WIDER]) t.ok(saysNo(value), JSON.stringify(value.slice(0, 40)));
  for (const value of OTHER) t.notOk(saysNo(value), JSON.stringify(value));
  const field = (name: string, value = 'no') => ({ name, value });
  for (const name of ['TLS-Required', 'tls-required', 'TLS-REQUIRED', 'TLS-Required ', 'TLS-Required\t '])
    t.ok(asksForPlain([field('Subject'), field(name)]), JSON.stringify(name));
  for (const name of ['X-TLS-Required', 'TLS_Required', 'TLS-Require', 'Resent-TLS-Required'])
    t.notOk(asksForPlain([field(name)]), name);
  t.ok(asksForPlain([field('TLS-Required', 'yes'), field('TLS-Required')]), 'one of several is enough');
  t.notOk(asksForPlain([]));
});

test('a long field takes linear time', async (t) => {
  const took = (unit: string, length: number): number => {
    const value = unit.repeat(length / unit.length);
    return leastThreadMs(400, () => saysNo(value));
  };
  for (const unit of ['(', ')', '()', '(a', '\\', '(\\', ' ', '\n ', 'no', '=?', '"'])
    t.ok(took(unit, 1 << 20) < 400, JSON.stringify(unit));
});

test('which MTAs go by it', async (t) => {
  for (const mta of [
    'Postfix 3.10.13',
    'Postfix 3.11.7',
    'Postfix 4.0',
    'Postfix',
    'My Postfix 3.10',
    '',
    'mail',
  ])
    t.ok(grantsPlain(mta), mta);
  for (const mta of ['Postfix 3.7.11', 'Postfix 3.9.1', 'Postfix 2.11.0', '8.17.1.9', '8.18.1'])
    t.notOk(grantsPlain(mta), mta);
});

test('to whom mail must leave under TLS', async (t) => {
  const rows = table(
    t,
    `[policy observed]
deliver = encrypt
mode = observe
[policy daned]
deliver = dane
[policy follows]
deliver = auto
[policy plain]
deliver = none
[policy leaves]
deliver = encrypt
[domains]
enc.example = leaves
dane.example = daned
auto.example = follows
watch.example = observed
none.example = plain
may.example = may
[domain [relay.example]:587]
deliver = verify
`,
  );
  const settings = {
    mode: 'recipient',
    header: 'X',
    relayhost: null,
    remoteTransports: ['smtp', 'relay'],
    localDomains: ['our.example'],
  } as const;
  const to = (domain: string, mailer = 'smtp', nextHop = domain) => ({
    address: parsePath(`<bob@${domain}>`),
    path: `<bob@${domain}>`,
    parameters: [],
    mailer,
    nextHop,
  });
  const whyOf = (...recipients: Parameters<typeof to>[]) =>
    allAtOnce(
      firstProtected(
        recipients.map((one) => to(...one)),
        rows,
        settings,
      ),
    )?.why ?? null;
  t.ok(protectsDelivery(rows.packed.settings));
  t.notOk(
    protectsDelivery(table(t, '[policy p]\ndeliver = may\n[domains]\na.example = p\n').packed.settings),
  );
  for (const domain of ['enc.example', 'dane.example', 'auto.example'])
    t.equal(whyOf([domain]), `row ${domain}`, domain);
  for (const domain of ['watch.example', 'none.example', 'may.example', 'other.example'])
    t.equal(whyOf([domain]), null, domain);
  t.equal(whyOf(['other.example'], ['enc.example']), 'row enc.example', 'one of several');
  t.equal(whyOf(['enc.example', 'virtual']), null, 'delivered here');
  t.equal(whyOf(['other.example', 'error', 'x']), 'an alias may lead to such a domain');
  t.equal(whyOf(['other.example', 'smtp', '[relay.example]:587']), 'row [relay.example]:587', 'by next hop');
  t.equal(whyOf(['enc.example', 'smtp', '[other.example]']), null, 'and by nothing else');
  t.equal(whyOf(['enc.example', '', '']), 'row enc.example', 'where the MTA does not say it');
  t.equal(whyOf(['our.example', '', '']), null);
  const relayed = { ...settings, relayhost: '[relay.example]:587' };
  t.match(allAtOnce(firstProtected([to('other.example', '', '')], rows, relayed)), {
    why: 'row [relay.example]:587',
  });
});
