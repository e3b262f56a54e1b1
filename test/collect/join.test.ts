/** Which TLS a delivery had: against a log whose truth is known, and in the cases where it must not be claimed. */
import t from 'tap';
import { generator } from '../mark/generator.ts';
import { collected, deliveries, line, MX, newCollector, SETTLED, tlsWords } from './collected.ts';
import { simulate } from './simulated.ts';

process.env.TZ = 'UTC';

t.test('right for every delivery of a simulated log, and never wrong', async (t) => {
  for (const mixed of [false, true]) {
    const random = generator();
    const { lines, truth } = simulate(random, 2700, mixed);
    const collector = newCollector();
    const found = new Map<string, string>();
    for (const [i, one] of lines.entries())
      for (const text of collector.push(one, String(i))) {
        const match = /"recipient":\0([^\0]+)\0.*"tls":\{"state":"(\w+)".*"outcome":"sent"/.exec(text);
        if (match !== null) found.set(match[1]!, match[2]!);
      }
    const wrong = [...truth].filter(([to, how]) => {
      const said = found.get(to);
      return said !== how && (!mixed || said !== 'unknown');
    });
    t.same(wrong, [], `seed ${random.seed}, mixed ${mixed}`);
    t.ok(truth.size > 5000, `${truth.size} recipients`);
    const unknown = [...found.values()].filter((how) => how === 'unknown').length;
    t.ok(unknown < truth.size / 50, `${unknown} unknown`);
  }
});

t.test('one TLS line holds for the recipients of one request, and for nothing else', async (t) => {
  const A = 'AAAAA1';
  const B = 'BBBBB2';
  const words = (...lines: readonly string[]) => tlsWords(deliveries(t, [...SETTLED, ...lines]));
  t.same(words(line.active(A), line.tls(), line.delivery(A)), ['tls']);
  t.same(words(line.tls(), line.delivery(A), line.delivery(A, { to: 'v@good.example' })), ['tls', 'tls']);
  t.same(words(line.tls(), line.delivery(A), line.delivery(B)), ['tls', 'plain'], 'another message');
  t.same(
    words(line.tls(), line.delivery(A, { relay: 'mx.b.example[192.0.2.3]:25' })),
    ['plain'],
    'another host',
  );
  t.same(words(line.tls(MX, 11), line.delivery(A)), ['plain'], 'another process');
  t.same(
    words(line.tls(MX, 10, 'smtp'), line.delivery(A).replace('postfix/smtp', 'postfix-out/smtp')),
    ['unknown: the log was not read from when the delivery began'],
    'another instance with the same process id',
  );
  t.same(words(line.tls(), line.delivery(A), line.delivery(A, { delays: '0.01/0.30/0.04/0.02' })), [
    'tls',
    'unknown: the TLS line of this process belongs to another part of the message',
  ]);
  t.same(
    words(line.tls(), line.delivery(A), line.delivery(A, { end: 'dsn=2.0.0, status=sent (250 Ok: other)' })),
    ['tls', 'unknown: the TLS line of this process belongs to another part of the message'],
  );
  t.same(words(line.active(A), line.tls(), line.delivery(A), line.active(A), line.delivery(A)), [
    'tls',
    'unknown: the TLS line of this process belongs to an earlier attempt',
  ]);
  t.same(
    words(line.tls(), line.smtp(`${A}: lost connection with mx.good.example[192.0.2.24]`), line.delivery(A)),
    ['unknown: after the TLS line of this process something failed: it may have connected anew'],
  );
  t.same(
    words(
      line.tls(),
      line.smtp(`${A}: host mx.good.example[192.0.2.24] said: 450 4.2.0 later`),
      line.delivery(A),
    ),
    ['unknown: after the TLS line of this process something failed: it may have connected anew'],
    'a recipient was put off: it may be tried again at the same address, in plaintext',
  );
  t.same(
    words(
      line.tls(),
      line.smtp(`warning: ${MX}: cleartext fallback, TLS handshake failed`),
      line.delivery(A),
    ),
    ['unknown: after the TLS line of this process something failed: it may have connected anew'],
  );
});

t.test('no TLS line is no proof of plaintext by itself', async (t) => {
  const A = 'AAAAA1';
  const first = (one: string) => tlsWords(deliveries(t, [one]));
  t.same(first(line.delivery(A)), ['unknown: the log was not read from when the delivery began']);
  const quiet = ['Nov 22 18:00:00 mx postfix/smtpd[1]: connect from x[192.0.2.9]', line.delivery(A)];
  t.same(tlsWords(deliveries(t, quiet)), [
    'unknown: postfix/smtp has logged no TLS line within a day: its log level may be 0',
  ]);
  const old = line.tls('mx.o.example[192.0.2.1]:25', 77).replace('Nov 22', 'Nov 20');
  t.match(tlsWords(deliveries(t, [old, line.delivery(A)])), [/within a day/]);
  const none = line.delivery(A, { relay: 'none', end: 'dsn=4.4.1, status=deferred (connect: refused)' });
  t.same(tlsWords(deliveries(t, [...SETTLED, none])), ['unknown: no connection was made']);
  const lost = 'Nov 22 18:47:31 mx systemd-journald[2]: Suppressed 12 messages from postfix.service';
  t.match(tlsWords(deliveries(t, [...SETTLED, line.tls(), lost, line.delivery(A)])), [/not read from when/]);
});

t.test('tls= is a check, not a proof', async (t) => {
  const A = 'AAAAA1';
  const words = (feature: string, withLine: boolean) =>
    tlsWords(
      deliveries(t, [
        ...SETTLED,
        ...(withLine ? [line.tls()] : []),
        line.delivery(A, { more: `tls=${feature}, ` }),
      ]),
    ).join();
  t.equal(words('may', true), 'tls');
  t.equal(words('may?', true), 'tls', 'undecided, over a connection that was kept');
  t.equal(words('may?', false), 'plain');
  t.equal(words('may:none', false), 'plain');
  t.equal(words('none', false), 'plain');
  t.equal(words('secure?', true), 'tls');
  t.equal(words('secure', false), 'unknown: tls=secure, but there is no TLS line');
  t.equal(words('may:none', true), 'unknown: tls=may:none, but there is a TLS line');
  t.equal(words('dane/requiretls:none', true), 'tls');
  const [made] = deliveries(t, [line.delivery(A, { more: 'tls=dane:encrypt, ' })]);
  t.same(made!.demanded, { level: 'dane', from: 'tls=' });
});

t.test('why there is no session, as Postfix says for TLSRPT', async (t) => {
  const A = 'AAAAA1';
  const report = (text: string) => line.smtp(`TLSRPT: status=${text}`);
  const failed = 'failure, domain=good.example, receiving_mx=mx.good.example[192.0.2.24], failure_type=';
  const deferred = line.delivery(A, { end: 'dsn=4.7.5, status=deferred (Server certificate not verified)' });
  const words = (...lines: readonly string[]) => tlsWords(deliveries(t, [...SETTLED, ...lines])).join();
  const none = 'unknown: nothing was handed over, and no TLS line was logged';
  t.equal(words(report(`${failed}certificate_expired`), deferred), `${none}; TLSRPT: certificate_expired`);
  t.equal(
    words(report(`${failed}validation_failure, failure_reason=x, status=success`), deferred),
    `${none}; TLSRPT: validation_failure (x, status=success)`,
  );
  t.equal(
    words(report('success, domain=good.example, receiving_mx=mx.good.example[192.0.2.24]'), deferred),
    none,
  );
  t.equal(
    words(report(`${failed}certificate_expired`), line.tls(), line.delivery(A)),
    'tls',
    'the next server',
  );
  t.equal(
    words(report(`${failed}certificate_expired`), deferred, deferred).split('TLSRPT').length,
    2,
    'said once',
  );
  t.equal(words(report('failure'), deferred), none);
});

t.test('why the certificate of a server did not verify', async (t) => {
  const A = 'AAAAA1';
  const relay = 'mx.good.example[192.0.2.24]:25';
  const failed = line.smtp(`server certificate verification failed for ${relay}: num=62:hostname mismatch`);
  const untrusted = line.tls().replace(/Verified|Trusted/, 'Untrusted');
  const deferred = line.delivery(A, { end: 'dsn=4.7.5, status=deferred (Server certificate not verified)' });
  const why = (...lines: readonly string[]) =>
    deliveries(t, [...SETTLED, ...lines]).map(({ tls }) => `${tls.state} ${tls.why ?? ''}`);
  const mismatch = 'tls certificate verification failed: num=62:hostname mismatch';
  t.same(why(failed, untrusted, deferred), [mismatch]);
  t.same(why(failed, untrusted, deferred, deferred), [mismatch, mismatch], 'each recipient');
  t.same(why(failed, untrusted, line.delivery(A)), ['tls '], 'it was not asked for');
  t.same(why(failed, line.tls(), deferred), ['tls '], 'a certificate that verified');
  t.same(why(failed.replaceAll('192.0.2.24', '192.0.2.25'), untrusted, deferred), ['tls '], 'another server');
  t.same(why(failed.replace('[101]', '[102]').replace('server ', ''), untrusted, deferred).length, 1);
});

t.test('a cipher that encrypts nothing is plaintext', async (t) => {
  const tls = line.tls().replace('TLS_AES_256_GCM_SHA384 (256/256', 'ECDHE-RSA-NULL-SHA (0/0');
  const [made] = deliveries(t, [...SETTLED, tls, line.delivery('AAAAA1')]);
  t.match(made!.tls, { state: 'plain', cipher: 'ECDHE-RSA-NULL-SHA', bits: 0 });
});

t.test('the words of strangers are never fields', async (t) => {
  const peer = 'dsn=4.7.1, status=deferred (host x said: 450 4.7.1 no, dsn=2.0.0, status=sent (250 ok))';
  const [made] = deliveries(t, [line.delivery('AAAAA1', { end: peer })]);
  t.match(made, { outcome: 'deferred', dsn: '4.7.1' });
  t.match(made!.reply, /status=sent \(250 ok\)$/);
  const to = '"x>, relay=mx.evil.example[192.0.2.66]:25, dsn=2.0.0, status=sent (a"@good.example';
  const [quoted] = deliveries(t, [line.delivery('AAAAA1', { to, end: 'dsn=5.1.1, status=bounced (no)' })]);
  t.match(quoted, {
    outcome: 'bounced',
    relay: { host: 'mx.good.example' },
    recipientDomain: 'good.example',
  });
  const odd = 'dsn=2.0.0, status=sent (250 \u001b[2J\u2028\u202e\u0000 \\ ok';
  const [escaped] = deliveries(t, [line.delivery('AAAAA1', { end: odd })]);
  t.equal(
    escaped!.reply,
    '250 \\u{1b}[2J\\u{2028}\\u{202e}\\u{0} \\u{5c} ok',
    'without its parenthesis, too',
  );
  const long = deliveries(t, [
    line.delivery('AAAAA1', { end: `dsn=2.0.0, status=sent (${'y'.repeat(100_000)})` }),
  ]);
  t.match(long, [{ outcome: 'sent' }]);
  t.ok(long[0]!.reply!.length <= 512);
  const secret = 'dsn=5.1.1, status=bounced (<u@good.example>: no such user)';
  t.equal(
    deliveries(t, [line.delivery('AAAAA1', { end: secret })])[0]!.reply,
    '<@good.example>: no such user',
  );
});

t.test('what cannot be read is counted, sampled and a gap', async (t) => {
  const whole = line.delivery('AAAAA1');
  const inText = whole.slice(0, whole.indexOf('queued'));
  t.match(deliveries(t, [inText]), [{ outcome: 'sent', reply: '250 2.0.0 Ok: ' }], 'cut in the text');
  const collector = newCollector();
  const bad = [
    whole.slice(0, whole.indexOf('status=')),
    whole.slice(0, whole.indexOf('>, relay')),
    whole.replace('relay=', 'delayed by='),
  ];
  const gaps = collected(t, [...bad, whole.replace('18:47:31', '18:49:31')], collector);
  t.match(gaps, [
    { type: 'gap', count: 1, why: 'a line that looks like a delivery cannot be read' },
    { type: 'gap', count: 2, from: '2026-11-22T18:47:31.000Z' },
    { type: 'delivery' },
  ]);
  t.equal(collector.join.counts.unreadable, 3);
  t.match(collector.join.takeUnreadable(), /^postfix\/smtp\[10\]: AAAAA1: to=<@good\.example>/);
  t.equal(collector.join.takeUnreadable(), null);
});

t.test('losses that loggers report are gaps', async (t) => {
  const at = 'Nov 22 18:47:31 mx';
  const lines = [
    `${at} systemd-journald[1]: Suppressed 1234 messages from postfix@-.service`,
    `${at} rsyslogd: imuxsock[pid: 7, name: smtp] from <postfix> lost 12 messages from pid 7 due to rate-limiting`,
    `${at} rsyslogd: imjournal: begin to drop messages due to rate-limiting`,
    `${at} rsyslogd: imjournal: 99 messages lost due to rate-limiting (20000 allowed within 600 seconds)`,
    `${at} rsyslogd: action 'x' resumed`,
    `${at} postfix/smtp[1]: systemd-journald: Suppressed 5 messages from x`,
  ];
  const made = collected(t, lines);
  t.same(
    made.map((record) => record.type === 'gap' && record.count),
    [1234, 12, null, 99],
  );
  t.match(
    made.map((gap) => gap.type === 'gap' && (Date.parse(gap.to) - Date.parse(gap.from)) / 1000),
    [30, 30, 600, 600],
    'of what was logged before, as far back as the logger counts',
  );
  const late = lines[0]!.replace('18:47:31', '19:47:31');
  t.match(collected(t, [line.delivery('AAAAA1'), late]).at(-1), {
    from: /18:47:31/,
    to: /19:47:31/,
  });
});

t.test('who sent it, what became of it', async (t) => {
  const A = 'AAAAA1';
  const at = 'Nov 22 18:47:31 mx postfix';
  const made = collected(t, [
    `${at}/smtpd[1]: ${A}: client=filter[127.0.0.1], orig_queue_id=CCCCC3, orig_client=x[192.0.2.1]`,
    `${at}/cleanup[2]: ${A}: message-id=<m1@bank.example>`,
    line.active(A, '"a>, size=1"@bank.example'),
    line.delivery(A, { end: 'dsn=4.4.1, status=deferred (x)' }),
    line.delivery(A, { to: 'w@good.example' }),
    line.active(A),
    `${at}/qmgr[9]: ${A}: from=<a@bank.example>, status=expired, returned to sender`,
    `${at}/bounce[4]: ${A}: sender non-delivery notification: DDDDD4`,
    line.removed(A),
    line.delivery(A),
  ]);
  t.match(made, [
    {
      type: 'message',
      queueId: A,
      origQueueId: 'CCCCC3',
      client: 'filter[127.0.0.1]',
      messageId: 'm1@bank.example',
    },
    { type: 'delivery', outcome: 'deferred', sender: 'a>, size=1@bank.example' },
    { type: 'delivery', outcome: 'sent', recipient: 'w@good.example' },
    { type: 'delivery', outcome: 'expired', recipient: 'u@good.example', tls: { state: 'unknown' } },
    { type: 'message', queueId: 'DDDDD4', origQueueId: A },
    { type: 'delivery', outcome: 'sent' },
  ]);
  t.notOk('sender' in made.at(-1)!, 'nothing is known of a message that was removed');
});

t.test('a queue id that comes again is another message', async (t) => {
  const A = 'AAAAA1';
  const at = 'Nov 22 18:47:31 mx postfix';
  const begins = (name: string) => [
    `${at}/smtpd[1]: ${A}: client=${name}[192.0.2.1]`,
    `${at}/cleanup[2]: ${A}: message-id=<${name}@bank.example>`,
    line.active(A, `${name}@bank.example`),
  ];
  const notice = [`${at}/cleanup[2]: ${A}: message-id=<three@bank.example>`, line.active(A, '')];
  const made = collected(t, [
    ...begins('one'),
    line.active(A),
    ...begins('two'),
    ...notice,
    line.delivery(A),
  ]);
  t.match(made, [
    { type: 'message', client: 'one[192.0.2.1]', messageId: 'one@bank.example' },
    { type: 'message', client: 'two[192.0.2.1]', messageId: 'two@bank.example' },
    { type: 'message', messageId: 'three@bank.example', sender: '<>' },
    { type: 'delivery', sender: '<>' },
  ]);
  t.notOk('client' in made[2]!);
});

t.test('deliveries without a connection, probes, other agents', async (t) => {
  const A = 'AAAAA1';
  const made = deliveries(t, [
    line.delivery(A, {
      program: 'local',
      relay: 'local',
      end: 'dsn=2.0.0, status=sent (delivered to mailbox)',
    }),
    line.delivery(A, {
      program: 'pipe',
      relay: 'dovecot',
      end: 'dsn=2.0.0, status=sent (delivered via dovecot service)',
    }),
    line.delivery(A, { end: 'dsn=2.1.5, status=deliverable (250 ok)' }),
    line.delivery(A, { program: 'error', relay: 'none', end: 'dsn=4.4.1, status=deferred (suspended)' }),
    line.delivery(A, { program: 'smtpd', relay: 'none' }),
  ]);
  t.match(made, [
    { agent: 'postfix/local', tls: { state: 'unknown', how: 'local' } },
    { agent: 'postfix/pipe', outcome: 'sent' },
    { agent: 'postfix/error', outcome: 'deferred' },
  ]);
  t.equal(made.length, 3);
});

t.test('memory has a limit, and what was forgotten is not guessed', async (t) => {
  const collector = newCollector();
  for (let i = 0; i < 60_000; i++) {
    const id = `Q${i.toString(36).toUpperCase().padStart(6, '0')}`;
    collector.push(line.active(id, `${'s'.repeat(400)}${i}@bank.example`), `${i}`);
    collector.push(line.tls(`mx${i}.${'long.'.repeat(30)}example[192.0.2.1]:25`, i), `${i}`);
  }
  for (const { name, used, limit } of collector.join.memory)
    t.ok(used <= limit && used > limit / 2, `${name} ${used}`);
  const old = deliveries(t, [line.delivery('Q000001', { pid: 1 })], collector);
  t.match(tlsWords(old), [/not read from when/]);
  t.notOk('sender' in old[0]!);
});

t.test('a client cannot name the message before a content filter', async (t) => {
  const client = (fields: string) =>
    `Nov 22 18:47:31 mx postfix/smtpd[1]: AAAAA1: client=c.example[192.0.2.9], ${fields}`;
  const joined = (fields: string) =>
    collected(t, [client(fields), line.active('AAAAA1')]).map(
      (one) => 'origQueueId' in one && one.origQueueId,
    );
  t.same(joined('orig_queue_id=BBBBB1, orig_client=d.example[192.0.2.8]'), ['BBBBB1']);
  t.same(joined('sasl_method=PLAIN, sasl_username=u, sasl_sender=x, orig_queue_id=BBBBB1'), [false]);
});

t.test('what a server wrote as the reason has no local part in why', async (t) => {
  const lines = [
    ...SETTLED,
    line.smtp(
      'TLSRPT: status=failure, domain=good.example, receiving_mx=mx, failure_type=x, failure_reason=ask secret@good.example',
    ),
    line.delivery('AAAAA1', { relay: 'none', end: 'dsn=4.7.5, status=deferred (TLS)' }),
  ];
  const [word = ''] = tlsWords(deliveries(t, lines));
  t.match(word, /TLSRPT: x \(ask @good\.example\)/);
});
