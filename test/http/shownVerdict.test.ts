/** What of a verdict the page shows: local parts follow `privacy`. */
import { test } from 'tap';
import { verdictEvent } from '../../src/http/eventStreams.ts';
import { type Privacy, shownFields, shownVerdict } from '../../src/http/shownVerdict.ts';

const TIME = '2026-11-30T01:02:03.456Z';
const FIELDS = {
  event: 'tx.verdict',
  code: '3FQ8M2TX',
  protocol: 'policy',
  action: 'reject',
  client: '192.0.2.1',
  sender: 'alice@bank.example',
  recipients: ['bob@our.example', '<carol@other.example>', 'dave@our.example', 'and 12 more'],
  tls: 'no TLS',
  row: 'alice@bank.example',
  saslUsername: 'alice',
  because: ['sender alice@bank.example: row "bank.example" (f:1): this session is not encrypted'],
  reply: '530 5.7.0 <bob@our.example>: no',
};

test('domains only, unless privacy is full', async (t) => {
  for (const privacy of ['domains', 'hashed'] as const) {
    const shown = shownVerdict(FIELDS, TIME, privacy);
    t.strictSame(shown, {
      time: TIME,
      code: '3FQ8M2TX',
      action: 'reject',
      remark: '',
      from: 'bank.example',
      to: 'our.example, other.example, and 12 more',
      client: '192.0.2.1',
      tls: 'no TLS',
      row: '@bank.example',
      because: 'this session is not encrypted',
    });
    const all = JSON.stringify([shown, shownFields(FIELDS, privacy)]);
    for (const local of ['alice', 'bob', 'carol', 'dave']) t.notMatch(all, local);
  }
  t.equal(shownVerdict(FIELDS, TIME, 'full').from, 'alice@bank.example');
  t.match(shownFields(FIELDS, 'full'), [{ name: 'code' }, { name: 'protocol' }]);
  t.ok(shownFields(FIELDS, 'full').some(({ text }) => text === 'alice'));
});

test('unusual addresses lose their local parts, too', async (t) => {
  const from = (sender: string, privacy: Privacy = 'hashed'): string =>
    shownVerdict({ ...FIELDS, sender }, TIME, privacy).from;
  t.equal(from('<>'), '<>');
  t.equal(from(''), '<>');
  t.equal(from('secret'), '(no domain)');
  t.equal(from('"a secret @ name"@bank.example'), 'bank.example');
  t.equal(from('secret@-not a domain-'), '(no domain)');
  t.equal(from('secret@[192.0.2.1]'), '(no domain)');
  const because = ['recipient "x secret: row \\"y"@our.example: row "our.example" (f:2): met'];
  t.equal(shownVerdict({ ...FIELDS, because }, TIME, 'domains').because, 'met');
});

test('what is remarkable is said', async (t) => {
  const remark = (some: object): string => shownVerdict({ ...FIELDS, ...some }, TIME, 'full').remark;
  t.equal(remark({ would: 'reject' }), 'observe: would reject');
  t.equal(remark({ tagged: true }), 'tagged');
  t.equal(remark({ notJudged: 'local' }), 'not judged: local');
});

test('an event is one event, and short', async (t) => {
  const hostile = 'x\n\ndata: forged\r\nevent: status</script><img src=x>';
  const sender = `${'y'.repeat(5000)}@bank.example`;
  const text = verdictEvent({ ...FIELDS, row: hostile, tls: hostile, sender }, TIME, 'full');
  t.equal(text.split('\n').length, 4, 'two lines and an empty one');
  t.match(text, /^event: verdict\ndata: \{.*\}\n\n$/);
  t.ok(text.length < 4096, `${text.length}`);
});
