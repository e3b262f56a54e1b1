/** SMTP replies out of bytes, line by line. */
import t from 'tap';
import { NOTHING_YET, offers, type Reply, replyText, statusOf, takeReply } from '../../src/probe/reply.ts';

const reply = (code: number, ...lines: string[]): Reply => ({ code, lines });

t.test('whole replies', async (t) => {
  const good = (text: string, want: Reply, rest = '') =>
    t.same(takeReply(NOTHING_YET, text), { kind: 'reply', reply: want, rest }, JSON.stringify(text));
  good('220 mx ready\r\n', reply(220, 'mx ready'));
  good('220\r\n', reply(220, ''));
  good('220 \n', reply(220, ''));
  good('250-mx\r\n250-STARTTLS\r\n250 8BITMIME\r\n', reply(250, 'mx', 'STARTTLS', '8BITMIME'));
  good('220 go\r\n250 injected\r\n', reply(220, 'go'), '250 injected\r\n');
  good(`220 ${'x'.repeat(2042)}\r\n`, reply(220, 'x'.repeat(2042)));
  good(`${'250-x\n'.repeat(99)}250 x\n`, reply(250, ...new Array<string>(100).fill('x')));
});

t.test('what can never become one', async (t) => {
  const bad = (text: string, want: RegExp) => {
    const taken = takeReply(NOTHING_YET, text);
    t.match(taken.kind === 'broken' ? taken.why : taken.kind, want, JSON.stringify(text.slice(0, 40)));
  };
  bad('hello\n', /no reply/);
  bad('\n', /no reply/);
  bad('2200 x\n', /no reply/);
  bad('220x\n', /no reply/);
  bad('199 x\n', /no reply/);
  bad('600 x\n', /no reply/);
  bad(`220 ${'x'.repeat(2100)}\n`, /longer than 2048/);
  bad(`220 ${'x'.repeat(2100)}`, /longer than 2048/);
  bad('250-x\n'.repeat(100), /more than 100 lines/);
});

t.test('in pieces of any size', async (t) => {
  const text = '250-mx\r\n250-STARTTLS\r\n250 8BITMIME\r\n220 more';
  for (let size = 1; size < text.length; size++) {
    let partial = NOTHING_YET;
    let found: unknown = null;
    for (let at = 0; at < text.length && found === null; at += size) {
      const taken = takeReply(partial, text.slice(at, at + size));
      if (taken.kind === 'more') partial = taken.partial;
      else found = taken.kind === 'reply' ? taken.reply : taken;
    }
    t.same(found, reply(250, 'mx', 'STARTTLS', '8BITMIME'), `${size}`);
  }
});

t.test('what a reply says', async (t) => {
  t.equal(replyText(reply(454, '4.7.0 TLS not available')), '454 4.7.0 TLS not available');
  t.equal(statusOf(reply(454, '4.7.0 TLS not available')), '4.7.0');
  t.equal(statusOf(reply(554, 'go away')), '5.0.0');
  t.equal(statusOf(reply(421, '4.7.0beta')), '4.0.0');
  const ehlo = reply(250, 'STARTTLS', 'size 100', 'Starttls');
  t.equal(offers(ehlo, 'SIZE'), true);
  t.equal(offers(ehlo, 'STARTTLS'), true);
  t.equal(offers(reply(250, 'STARTTLS'), 'STARTTLS'), false, 'the first line is a name');
});
