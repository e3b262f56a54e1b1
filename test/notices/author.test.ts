/** Who is told, and who is not. */
import { test } from 'tap';
import { authorOf } from '../../src/notices/author.ts';

const DOMAINS = ['our.example', '.sub.example'];
const of = (sender: string) => authorOf(sender, DOMAINS);

test('people of this host', async (t) => {
  t.same(of('alice@our.example'), { address: 'alice@our.example', domain: 'our.example' });
  t.same(of('Alice.B+x@Our.Example.'), { address: 'Alice.B+x@our.example', domain: 'our.example' });
  t.same(of('a@b.sub.example'), { address: 'a@b.sub.example', domain: 'b.sub.example' });
  for (const local of ['root', "o'neil", 'a-b', 'request', 'owner', 'prvs=0123abcdef=alice', 'x'.repeat(64)])
    t.type(of(`${local}@our.example`), 'object', local);
});

test('senders elsewhere, whom anybody may have forged', async (t) => {
  for (const sender of [
    'alice@other.example',
    'alice@sub.example',
    'alice@xour.example',
    'alice@our.example.evil.example',
    'alice@[192.0.2.1]',
  ])
    t.equal(of(sender), 'foreign', sender);
  t.equal(authorOf('alice@our.example', []), 'foreign');
});

test('lists, programs and forwarders', async (t) => {
  for (const local of [
    'MAILER-DAEMON',
    'Postmaster',
    'noreply',
    'no-reply+x',
    'owner-list',
    'list-request',
    'list-bounces+bob',
    'bounces+1-bob',
    'list-return-12-bob',
    'list+bob=other.example',
    'SRS0=ab=cd=other.example=bob',
    'SRS1=x=y==z',
    'msprvs1=1=2',
    'prvs=0123=bob=other.example',
  ])
    t.equal(of(`${local}@our.example`), 'machine', local);
});

test('what is no plain address', async (t) => {
  t.equal(of(''), 'null');
  for (const sender of [
    'alice',
    'alice@',
    '@our.example',
    '"a b"@our.example',
    'x%bank.example@our.example',
    'bank.example!x@our.example',
    'j\u00f6rg@our.example',
    'a\r\nBcc: x@our.example',
    'a b@our.example',
    'a>,<b@our.example',
    '.a@our.example',
    'a..b@our.example',
    `${'x'.repeat(65)}@our.example`,
    `${'x'.repeat(400)}@our.example`,
    'a@our.example\0',
  ])
    t.notOk(typeof of(sender) === 'object', JSON.stringify(sender));
  t.equal(of('x%bank.example@our.example'), 'unreadable', 'which would be sent on to bank.example');
});
