/**
 * The milter end to end: Debian's Postfix with contrib/postfix/milter.main.cf, tlsward as a process, real SMTP. What
 * arrives is read back from the Maildir, so the marks and banners are those a recipient would see.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { HOST_NAME, TRUSTED_CLIENT } from './harness/daemon.ts';
import type { MailMessage } from './harness/message.ts';
import { openSession } from './harness/peers/smtp-session.ts';
import { e2eSkip } from './harness/requirements.ts';
import {
  arrivals,
  codeOf,
  markFields,
  outcome,
  type Played,
  playMatrix,
  verdictsAfter,
} from './harness/scenes/matrix.ts';
import { MILTER_MATRIX, matrixTable, type SessionKind } from './harness/scenes/matrix-table.ts';
import { openScene } from './harness/scenes/scene.ts';

const MARK = 'X-TLS-Ward';
const BOB = 'bob@local.example';

/** A row with every banner, for protected and for other mail. */
const BANNERS = `
[domain banner.example]
receive = encrypt
violation = tag
banner = header, subject, body
banner-text = "Came over {protocol} to {host}."
banner-tag = [TLS]
banner-unprotected-text = "Not protected on its way here."
banner-unprotected-tag = [OPEN]
`;

/** Protocol, bits, certificate and its name, as a mark states them, by kind of session. */
const SEEN: Record<SessionKind, readonly [string, string, string, string]> = {
  plain: ['-', '-', 'none', '-'],
  tls10: ['TLSv1', '256', 'unproven', '-'],
  null: ['TLSv1.2', '0', 'unproven', '-'],
  tls12: ['TLSv1.2', '128', 'unproven', '-'],
  tls13: ['TLSv1.3', '256', 'unproven', '-'],
  self: ['TLSv1.3', '256', 'unproven', '-'],
  expired: ['TLSv1.3', '256', 'unproven', '-'],
  wrong: ['TLSv1.3', '256', 'trusted', 'mx1.other.example'],
  right: ['TLSv1.3', '256', 'trusted', 'mx1.gov.example'],
  san: ['TLSv1.3', '256', 'trusted', '-'],
};

/** What the mark of an accepted or held transaction of the matrix must say. */
function expectedMark({ domain, kind, sent }: Played, side: 'sender' | 'recipient'): Record<string, string> {
  const [protocol, bits, certificate, name] = SEEN[kind];
  const low = kind === 'plain' || kind === 'tls10' || kind === 'null';
  const verdicts: Record<string, string> = { tag: 'tag', hold: 'hold', observe: 'would-reject' };
  const violation = low ? verdicts[domain.replace('.example', '')] : undefined;
  const own = domain === 'may.example' ? '*' : domain;
  return {
    v: '1',
    leg: 'receive',
    state: low ? 'unprotected' : 'protected',
    protocol,
    bits,
    certificate,
    'certificate-name': name,
    // the row that decided; when none objected, the first that applied: the sender's
    row: side === 'sender' || violation !== undefined ? own : '*',
    verdict: violation ?? 'accept',
    host: HOST_NAME,
    id: sent.queueId ?? '',
  };
}

/** The message as it was sent: without the fields that Postfix and tlsward put on top. */
function original(message: MailMessage): string {
  const start = message.text.search(/^X-Test:/m);
  return message.text.slice(start);
}

t.test('milter', { skip: e2eSkip() }, async (t) => {
  const scene = await openScene({
    fragment: 'milter',
    tables: (ca) => matrixTable(ca) + BANNERS,
    service: { 'mark-key': 'mark.key', 'authserv-id': HOST_NAME },
  });
  t.teardown(() => scene.close());
  const { postfix, daemon } = scene;
  t.afterEach(() => postfix.clear());

  for (const side of ['sender', 'recipient'] as const) {
    t.test(`matrix: the row of the ${side}`, async (t) => {
      const from = daemon.mark();
      const played = await playMatrix(scene, MILTER_MATRIX, side);
      for (const { domain, kind, want, sent } of played) {
        t.equal(outcome(sent), want === 'H' ? '250' : want, `${domain}, ${kind}`);
      }
      const verdicts = await verdictsAfter(scene, from, played.length);
      t.equal(verdicts.length, played.length, 'one verdict for each transaction');

      for (const { domain, want, sent } of played) {
        if (!want.includes('/')) continue;
        const { text } = sent.last;
        t.ok(text.startsWith(`${domain} requires TLS (`), text);
        if (want === '451/4.3.5') t.match(text, /list check_policy_service too/);
        const line = verdicts.find(({ code }) => code === codeOf(text));
        t.match(line, {
          protocol: 'milter',
          stage: 'RCPT',
          row: domain,
          action: want.startsWith('4') ? 'defer' : 'reject',
        });
        const [code, dsn] = want.split('/');
        const logged = `milter-reject: RCPT from unknown[127.0.0.1]: ${code} ${dsn} ${text}; `;
        t.ok(await postfix.waitForLog(logged), 'mail log');
      }

      const accepted = played.filter(({ want }) => want === '250');
      const delivered = await arrivals(scene, accepted.length);
      t.equal(delivered.length, accepted.length, 'all that was accepted arrived, and nothing else');
      for (const message of accepted) {
        const arrived = delivered.find(({ text }) => text.includes(`id ${message.sent.queueId}`));
        const marks = arrived?.all(MARK) ?? [];
        t.equal(marks.length, 1);
        const fields = markFields(marks[0] ?? '');
        t.match(fields, expectedMark(message, side), `${message.domain}, ${message.kind}`);
        t.ok(verdicts.some(({ code, queueId }) => code === fields.code && queueId === fields.id));
      }

      const held = played.filter(({ want }) => want === 'H');
      const waiting = (await postfix.queue()).filter(({ queue_name }) => queue_name === 'hold');
      t.strictSame(
        new Set(waiting.map(({ queue_id }) => queue_id)),
        new Set(held.map(({ sent }) => sent.queueId)),
        'the hold queue',
      );
      for (const message of held) {
        const queued = await postfix.queued(message.sent.queueId!);
        t.match(markFields(queued.first(MARK) ?? ''), expectedMark(message, side), message.kind);
      }
      // from 3.10 on Postfix logs the reason that it is given
      const why = postfix.since(3, 10) ? 'tlsward: .*hold\\.example.*' : 'milter triggers HOLD action';
      const hold = new RegExp(`milter-hold: END-OF-MESSAGE from .*: ${why}; .*hold\\.example`);
      t.ok(await postfix.waitForLog(hold), 'the mail log');
      await postfix.release(held[0]!.sent.queueId!);
      await arrivals(scene, accepted.length + 1);
    });
  }

  t.test('messages arrive as they were sent', async (t) => {
    const head =
      'X-Test: 1\nFrom: <a@may.example>\nDate: Sun, 22 Nov 2026 12:00:00 +0000\nMessage-Id: <1@may.example>\n';
    const bytes = Buffer.from(
      Array.from({ length: 256 }, (_, i) => (i === 0 || i === 10 || i === 13 ? 32 : i)),
    );
    const messages: Record<string, Buffer> = {
      ordinary: Buffer.from(`${head}Subject: hello\n\nHello.\n`),
      'no body': Buffer.from(`${head}Subject: hello\n\n`),
      folded: Buffer.from(`${head}Subject: one\n two\n\tthree\nX-Empty:\nX-Tight:x\n\nHello.\n`),
      'eight bits': Buffer.concat([Buffer.from(`${head}Subject: 8\n\n`), bytes, Buffer.from('\n')]),
      dots: Buffer.from(`${head}\n.\n..\n.x\n`),
      'long lines': Buffer.from(`${head}\n${'x'.repeat(990)}\n${'y'.repeat(900)}\n`),
      'many fields': Buffer.from(
        `${head}${Array.from({ length: 400 }, (_, i) => `X-Field: ${i}\n`).join('')}\nHello.\n`,
      ),
      large: Buffer.from(`${head}\n${`${'0123456789'.repeat(7)}\n`.repeat(15_000)}`),
    };
    const client = await scene.open('tls13');
    for (const [name, text] of Object.entries(messages)) {
      const { end } = await client.send({
        from: 'a@may.example',
        to: BOB,
        text,
        mailParameters: 'BODY=8BITMIME',
      });
      t.equal(end?.code, 250, name);
      const [message] = await postfix.waitForDelivered(BOB);
      t.ok(original(message!) === text.toString('latin1'), `${name}: unchanged`);
      t.equal(message!.all(MARK).length, 1);
      await postfix.clear();
    }
    client.write(`MAIL FROM:<a@may.example>\r\nRCPT TO:<${BOB}>\r\nBDAT 13 LAST\r\nX-Test: 1\r\n\r\n`);
    for (const code of [250, 250, 250]) t.equal((await client.reply()).code, code);
    const [chunked] = await postfix.waitForDelivered(BOB);
    t.match(chunked!.first('X-Test'), '1', 'BDAT');
    t.equal(chunked!.all(MARK).length, 1);
    await client.quit();
  });

  t.test('forged marks, results and banners are removed', async (t) => {
    const forged = [
      `${MARK}: v=1; leg=receive; state=protected`,
      'x-tls-ward: v=1; state=protected',
      'X-TLS-WARD : v=1',
      'X-Test: 1',
      `Authentication-Results: ${HOST_NAME}; x-tls=pass smtp.version=TLSv1.3`,
      `Authentication-Results: (a comment) ${HOST_NAME.toUpperCase()}; spf=pass`,
      'Authentication-Results: mx.other.example; spf=pass',
      'X-TLS-Banner: trust me',
      'Subject: [TLS] hello',
      `${MARK}: again`,
    ];
    const client = await scene.open('plain');
    await client.send({ from: 'a@may.example', to: BOB, text: `${forged.join('\n')}\n\nHello.\n` });
    const [message] = await postfix.waitForDelivered(BOB);
    t.equal(message!.all(MARK).length, 1);
    t.match(markFields(message!.first(MARK)!), { state: 'unprotected', protocol: '-', hmac: /^[\w-]{43}$/ });
    const results = message!.all('Authentication-Results');
    t.match(results, [new RegExp(`^${HOST_NAME};\\s+x-tls=none`), /^mx\.other\.example; spf=pass$/]);
    t.equal(results.length, 2);
    t.strictSame(message!.all('X-TLS-Banner'), []);
    t.equal(message!.first('Subject'), 'hello');
    await client.quit();
  });

  t.test('a mark can be checked, and what was changed is found', async (t) => {
    const client = await scene.open('right');
    const { queueId } = await client.send({ from: 'a@verify.example', to: BOB });
    await client.quit();
    const [message] = await postfix.waitForDelivered(BOB);
    t.match(message!.first('Authentication-Results'), /x-tls=pass smtp\.version=TLSv1\.3/);
    const file = join(daemon.dir, 'saved.eml');
    writeFileSync(file, message!.raw);
    const good = await daemon.command('verify-mark', file);
    t.equal(good.status, 0, good.stderr);
    t.match(good.stdout, new RegExp(`queue id ${queueId}`));
    const changes: readonly [RegExp, string][] = [
      [/row=verify\.example/, 'row=may.example'],
      [/^Return-Path: .*$/m, 'Return-Path: <a@may.example>'],
    ];
    for (const [what, to] of changes) {
      writeFileSync(file, message!.text.replace(what, to), 'latin1');
      t.equal((await daemon.command('verify-mark', file)).status, 1, to);
    }
  });

  t.test('banners', async (t) => {
    const html = [
      'X-Test: 1',
      'Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=',
      'MIME-Version: 1.0',
      'Content-Type: multipart/alternative; boundary=b',
      '',
      '--b',
      'Content-Type: text/plain; charset=utf-8',
      'Content-Transfer-Encoding: base64',
      '',
      Buffer.from('Grüße\n').toString('base64'),
      '--b',
      'Content-Type: text/html; charset=us-ascii',
      '',
      '<html><body><p>Hello.</p></body></html>',
      '--b--',
      '',
    ].join('\n');
    const secure = await scene.open('tls13');
    await secure.send({ from: 'a@banner.example', to: BOB, text: html });
    await secure.quit();
    const [message] = await postfix.waitForDelivered(BOB);
    const banner = `Came over TLSv1.3 to ${HOST_NAME}.`;
    t.equal(message!.first('X-TLS-Banner'), banner);
    t.match(message!.first('Subject'), /^\[TLS\] =\?utf-8\?q\?Gr=C3=BC=C3=9Fe\?=$/i);
    const [, encoded = ''] = /base64\n\n(.*?)\n--b/s.exec(message!.body) ?? [];
    const plain = Buffer.from(encoded, 'base64').toString();
    t.ok(plain.startsWith(banner) && plain.includes('Grüße'), plain);
    t.ok(message!.body.slice(message!.body.indexOf('<html>')).includes(banner), 'in the HTML part too');
    t.match(message!.body, /<p>Hello\.<\/p>/);
    await postfix.clear();

    const open = await scene.open('plain');
    await open.send({ from: 'a@banner.example', to: BOB, text: 'X-Test: 1\nSubject: [TLS] hi\n\nHello.\n' });
    await open.quit();
    const [other] = await postfix.waitForDelivered(BOB);
    t.equal(other!.first('Subject'), '[OPEN] hi');
    t.equal(other!.first('X-TLS-Banner'), 'Not protected on its way here.');
    t.match(other!.body, /^Not protected on its way here\.\n.*Hello\.\n$/s);
    t.match(markFields(other!.first(MARK)!), { state: 'unprotected', verdict: 'tag' });
  });

  t.test('recipients are judged one by one', async (t) => {
    const client = await scene.open('plain');
    const to = ['a@may.example', 'b@encrypt.example', 'c@defer.example', BOB, 'e@pinned.example'];
    const sent = await client.send({ from: 'x@may.example', to });
    t.strictSame(
      sent.rcpt.map(({ code, enhanced }) => `${code} ${enhanced}`),
      ['250 2.1.5', '530 5.7.0', '450 4.7.0', '250 2.1.5', '530 5.7.0'],
    );
    t.equal(sent.end?.code, 250);
    const delivered = await arrivals(scene, 2);
    t.equal(delivered.length, 2);
    t.match(markFields(delivered[0]!.first(MARK)!), { row: '*', verdict: 'accept', state: 'unprotected' });
    await postfix.clear();

    const held = await client.send({ from: 'x@may.example', to: ['a@may.example', 'b@hold.example'] });
    const entry = await postfix.waitForQueue(({ queue_id }) => queue_id === held.queueId);
    t.equal(entry.queue_name, 'hold', 'one held recipient holds the message');
    const queued = await postfix.queued(held.queueId!);
    t.match(markFields(queued.first(MARK)!), { row: '-', verdict: 'hold' }, 'no recipient hears of another');
    await client.quit();
  });

  t.test('nothing is carried from one message to the next', async (t) => {
    const client = await scene.open('plain');
    t.equal((await client.mail('a@encrypt.example')).code, 250);
    t.equal((await client.rcpt(BOB)).code, 530);
    t.equal((await client.command('RSET')).code, 250);
    t.equal((await client.mail('a@may.example')).code, 250);
    t.equal((await client.rcpt('b@hold.example')).code, 250);
    t.equal((await client.command('RSET')).code, 250);
    const free = await client.send({ from: 'a@may.example', to: BOB });
    t.equal(free.end?.code, 250);
    t.equal((await client.starttls()).code, 220);
    await client.ehlo();
    const secure = await client.send({ from: 'a@encrypt.example', to: BOB });
    t.equal(secure.end?.code, 250, 'the same connection, now encrypted');
    await client.quit();
    const [one, two] = await postfix.waitForDelivered(BOB, { count: 2 });
    t.match(markFields(one!.first(MARK)!), { row: '*', state: 'unprotected', verdict: 'accept' });
    t.match(markFields(two!.first(MARK)!), {
      row: 'encrypt.example',
      state: 'protected',
      id: secure.queueId,
    });
  });

  t.test('a login stands in for a certificate for the recipient, not for the sender', async (t) => {
    const auth = { user: 'alice', password: 'secret' };
    const client = await openSession(postfix.port('submission'), { tls: true, auth });
    t.equal((await client.send({ from: 'alice@may.example', to: 'y@verify.example' })).last.code, 250);
    const claimed = await client.send({ from: 'alice@verify.example', to: BOB });
    t.match(claimed.last, { code: 550, enhanced: '5.7.5' });
    await client.quit();
  });

  t.test('not judged: sendmail(1), and clients that are trusted', async (t) => {
    await postfix.setMain({ non_smtpd_milters: '$smtpd_milters' });
    await postfix.sendmail(
      ['-f', 'root@encrypt.example', 'bob@encrypt.example'],
      `${MARK}: forged\nX-Test: 1\n\nx\n`,
    );
    const [local] = await postfix.waitForDelivered('bob@encrypt.example');
    t.strictSame(local!.all(MARK), [], 'no mark, and no forged one either');
    await postfix.setMain({ non_smtpd_milters: null });
    await postfix.clear();

    const client = await scene.open('tls13');
    await client.send({ from: 'a@encrypt.example', to: BOB });
    await client.quit();
    const [first] = await postfix.waitForDelivered(BOB);
    const marked = first!.all(MARK);
    await postfix.clear();
    const filter = await scene.open('plain', { localAddress: TRUSTED_CLIENT });
    const text = `${MARK}: v=1; forged\n${first!.text.slice(first!.text.indexOf(MARK))}`;
    t.equal((await filter.send({ from: 'a@encrypt.example', to: BOB, text })).end?.code, 250);
    await filter.quit();
    const [again] = await postfix.waitForDelivered(BOB);
    t.strictSame(again!.all(MARK), marked, 'the mark we signed before stays, the forged one does not');
  });

  t.test('nothing went wrong inside', async (t) => {
    t.strictSame(daemon.events('bug'), []);
    t.strictSame(daemon.events('wire.error'), []);
    t.notMatch(postfix.log(), /fatal|panic|can't read SMFIC|unexpected reply|milter.*error/);
  });
});
