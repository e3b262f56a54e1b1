/**
 * Rules in a whole daemon: the message that leaves by another way, the one that cannot, what was learnt from a delivery, the
 * log and the counters, a reload in the middle, and REQUIRETLS by the other protocol.
 */
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { fenceTable } from '../../src/rules/fence.ts';
import type { Played } from '../../src/simulate/milterPlayer.ts';
import type { PlayedMail } from '../../src/simulate/playedMail.ts';
import { askSocketmap } from '../../src/simulate/socketmapPlayer.ts';
import { encodeCommands, ReplyDecoder } from '../../src/wire/milterClient.ts';
import type { MilterCommand } from '../../src/wire/milterDecode.ts';
import type { MilterReply } from '../../src/wire/milterEncode.ts';
import { joinMacros } from '../../src/wire/milterMacros.ts';
import { playMail } from './playMail.ts';
import { policyAnswers, policyRequest, startDaemon, type TestDaemon } from './startDaemon.ts';

const SERVICE = 'socketmap-listen = unix:socketmap.sock\n';
const TABLE = `${SERVICE}relayhost =
[rule secure]
subject-tag = [secure]
help = https://help.example/tls
[rule asked]
requiretls = yes
deliver = verify
cannot = hold
[rule portal]
header = X-Portal: yes
cannot = fallback
fallback = [portal.example]:587
[domains]
never.example = none
`;

function play(
  on: TestDaemon,
  subject: string,
  recipients: readonly string[],
  changes: Partial<PlayedMail> = {},
): Promise<Played> {
  return playMail(on, {
    saslUsername: 'alice',
    tls: { kind: 'plain' },
    sender: '<alice@our.example>',
    recipients,
    localDomains: ['our.example'],
    headers: [{ name: 'Subject', value: subject }],
    ...changes,
  });
}

/** Replies to the end of the message, the mark left out. */
function atEnd({ events }: Played): string[] {
  return (events.at(-1)?.replies ?? []).filter((reply) => !/X-TLS-Ward:/.test(reply));
}

function verdictLine(on: TestDaemon): Record<string, unknown> | undefined {
  return on
    .log()
    .filter(({ event }) => event === 'tx.verdict')
    .at(-1);
}

test('a tagged message leaves by another address, its local copy by none', async (t) => {
  const on = await startDaemon(t, TABLE);
  const plain = await play(on, 'offer', ['<bob@good.example>', '<carol@our.example>']);
  t.match(plain, { outcome: 'accepted', recipients: ['<bob@good.example>', '<carol@our.example>'] });
  t.notOk('rule' in (verdictLine(on) ?? {}), 'no rule, no field');
  const played = await play(on, 'Re: [Secure] offer', [
    '<bob@good.example>',
    '<carol@our.example>',
    '<"d e"@x.example>',
  ]);
  t.match(played.outcome, 'accepted');
  t.strictSame(played.recipients, [
    '<carol@our.example>',
    '<bob@good.example.tlsward-encrypt>',
    '<"d e"@x.example.tlsward-encrypt>',
  ]);
  t.strictSame(atEnd(played), [
    'INSHEADER 0 X-TLS-Ward-Route: again; level=encrypt; rule=secure',
    'ADDRCPT_PAR <bob@good.example.tlsward-encrypt> ORCPT=rfc822;bob@good.example',
    'ADDRCPT_PAR <"d e"@x.example.tlsward-encrypt> ORCPT=rfc822;"d+20e"@x.example',
    'DELRCPT <bob@good.example>',
    'DELRCPT <"d e"@x.example>',
    'CONTINUE',
  ]);
  const line = verdictLine(on);
  t.match(line, { action: 'accept', rule: 'secure', route: 'encrypt' });
  t.match(await on.ask('lookup', String(line?.code)), {
    ok: true,
    verdict: { rule: 'secure', route: 'encrypt' },
  });
  t.match(await on.ask('status'), { routes: { routed: 1, held: 0, refused: 0, deferred: 0 } });
  const keys = played.recipients.map((path) => path.slice(1, -1));
  t.strictSame(
    await askSocketmap({ kind: 'unix', path: join(on.folder, 'socketmap.sock') }, 'transport', keys),
    [
      { status: 'NOTFOUND' },
      { status: 'OK', value: 'tlsward-encrypt:good.example' },
      { status: 'OK', value: 'tlsward-encrypt:x.example' },
    ],
    'and the map knows the way',
  );
  const back = await play(on, '[secure] offer', played.recipients, { saslUsername: '' });
  t.strictSame(back.recipients, played.recipients, 'handed back by a content filter: left alone');
});

test('an address literal: its row allows it, or it is refused', async (t) => {
  const on = await startDaemon(
    t,
    `${TABLE}[192.0.2.7] = out\n[192.0.2.8] = may\n[policy out]\ndeliver = encrypt\n`,
  );
  const tagged = (to: string) => play(on, '[secure] x', [to]);
  for (const to of ['<bob@[192.0.2.8]>', '<bob@[192.0.2.9]>', '<bob@[IPv6:2001:db8::1]>']) {
    const refused = await tagged(to);
    t.equal(refused.outcome, 'refused', to);
    t.match(atEnd(refused)[0], /no row of the table requires it for this address literal/);
  }
  const going = await tagged('<bob@[192.0.2.7]>');
  const recipients = ['<bob@192.0.2.7.tlsward-literal.tlsward-encrypt>'];
  t.match(going, { outcome: 'accepted', recipients });
  t.match(atEnd(going).join(), /ORCPT=rfc822;bob@\[192\.0\.2\.7\]/);
  t.match(verdictLine(on), { action: 'accept', rule: 'secure', route: 'encrypt' });
  const verify = await play(on, 'x', ['<bob@[192.0.2.7]>'], { mailParameters: ['REQUIRETLS'] });
  t.equal(verify.outcome, 'held', 'encrypt is less than what that rule requires');
  const status = '4.7.4 TLS is required, but was not offered by host 192.0.2.7[192.0.2.7]:25';
  await learn(t, on, '[192.0.2.7]', status);
  t.match(atEnd(await tagged('<bob@[192.0.2.7]>'))[0], /and \[192\.0\.2\.7\] did not offer it at/);
});

test('what cannot be done: by row and by what a delivery came to', async (t) => {
  const on = await startDaemon(t, TABLE);
  const refused = await play(on, '[secure] x', ['<bob@never.example>']);
  t.equal(refused.outcome, 'refused');
  t.match(atEnd(refused), [
    /^REPLYCODE 550 5\.7\.10 <bob@never\.example>: this message must be sent under TLS \(rule "secure": the subject has \[secure\]\), and the table sends to never\.example without TLS \(row never\.example: deliver = none\); ask your mail administrator, or send it another way\. https:\/\/help\.example\/tls \[[0-9A-Z]{8}\]$/,
  ]);
  const code = /\[([0-9A-Z]{8})\]$/.exec(atEnd(refused)[0] ?? '')?.[1] ?? '';
  t.match(await on.ask('lookup', code), {
    ok: true,
    verdict: { action: 'reject', rule: 'secure', route: 'refused', reply: /^550 5\.7\.10 / },
  });
  t.match(
    await play(on, 'x', ['<bob@never.example>']),
    { outcome: 'accepted' },
    'without the tag it goes as the row says',
  );

  t.match(
    await play(on, '[secure] x', ['<bob@plain.example>']),
    { outcome: 'accepted' },
    'nothing is known yet',
  );
  await learn(
    t,
    on,
    'plain.example',
    '4.7.4 TLS is required, but was not offered by host mx.plain.example[192.0.2.7]',
  );
  t.match(atEnd(await play(on, '[secure] x', ['<bob@plain.example>', '<c@good.example>'])), [
    /^REPLYCODE 550 5\.7\.10 <bob@plain\.example>: .*, and mx\.plain\.example did not offer it at [0-2][0-9]:[0-5][0-9] UTC; ask/,
  ]);
  t.match(await play(on, '[secure] x', ['<c@good.example>']), { outcome: 'accepted' });
  const portal = await play(on, 'x', ['<bob@plain.example>', '<c@good.example>'], {
    headers: [{ name: 'X-Portal', value: 'Yes' }],
  });
  t.strictSame(portal.recipients, [
    '<bob@plain.example.portal.tlsward-fallback>',
    '<c@good.example.tlsward-encrypt>',
  ]);
  t.match(verdictLine(on), { rule: 'portal', route: 'fallback, encrypt' });
  const held = await play(on, 'x', ['<bob@plain.example>'], { mailParameters: ['SIZE=9', 'RequireTLS'] });
  t.match(held, { outcome: 'held', recipients: ['<bob@plain.example.tlsward-verify>'] });
  t.match(
    atEnd(held).find((reply) => reply.startsWith('QUARANTINE')),
    /QUARANTINE tlsward: <bob@plain\.example>: this message must be sent under TLS to a server that proves its name \(rule "asked"/,
  );
  t.match(verdictLine(on), { action: 'hold', rule: 'asked', route: 'held, verify' });
  t.match(await on.ask('status'), { routes: { routed: 3, held: 1, refused: 2, deferred: 0 } });
});

/** Tells the daemon on one connection what smtp(8) tells it of a delivery. */
async function learn(t: Test, on: TestDaemon, nextHop: string, status: string): Promise<void> {
  const socket = await on.open('socketmap');
  t.teardown(() => socket.destroy());
  const request = (map: string, key: string): string => `${map.length + 1 + key.length}:${map} ${key},`;
  const answered = new Promise<string>((resolve) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('5.7.4')) resolve(text);
    });
  });
  socket.write(request('deliver-encrypt', nextHop) + request('status-encrypt', status));
  t.match(await answered, /:OK encrypt .*,\d+:OK 5\.7\.4 This message must be sent under TLS/);
}

test('by header, and what came from outside under its name', async (t) => {
  const on = await startDaemon(t, TABLE.replace('relayhost =', 'message-route = header'));
  const forged = { name: 'x-tls-ward-route', value: 'verify' };
  const subject = { name: 'Subject', value: '[secure] x' };
  const headers = [forged, subject, forged];
  const played = await play(on, '', ['<bob@good.example>'], { headers });
  t.strictSame(played.recipients, ['<bob@good.example>']);
  t.strictSame(
    played.message?.headers.filter(({ name }) => /route/i.test(name)),
    [{ name: 'X-TLS-Ward-Route', value: 'encrypt' }],
  );
  const plain = await play(on, '', ['<bob@good.example>'], { headers: [forged] });
  t.strictSame(
    plain.message?.headers.filter(({ name }) => /route/i.test(name)),
    [],
  );
  t.match(atEnd(await play(on, '[secure] x', ['<bob@good.example>', '<carol@our.example>'])), [
    /^REPLYCODE 550 5\.7\.10 .*<carol@our\.example> is delivered on this server; send it to each of them separately/,
  ]);
});

test('a suffix in an address is taken from a content filter only', async (t) => {
  const hop = 'good.example.tlsward-via.b-22.127.0.0.1.tlsward-encrypt';
  const unruled = await startDaemon(t, SERVICE);
  const ruled = await startDaemon(t, TABLE);
  const words = [/^REPLYCODE 550 5\.7\.1 a recipient address has a routing suffix/];
  for (const [name, on] of Object.entries({ unruled, ruled })) {
    for (const path of [
      `<u@${hop}>`,
      `<u@${hop.toUpperCase()}.>`,
      `<u%${hop}>`,
      `<"u%${hop.replace('-', '-\\')}">`,
      `<${hop}!u>`,
      `<@our.example:u@${hop}>`,
      '<u@good.example.(c)tlsward-via(d). "b-22".127.0.0.1.tlsward-encrypt>',
    ])
      t.match(atEnd(await play(on, 'x', ['<bob@good.example>', path])), words, `${name}: ${path}`);
    const handedBack = { clientAddress: '127.0.0.1', saslUsername: '' };
    t.match(await play(on, 'x', [`<u@${hop}>`], handedBack), { recipients: [`<u@${hop}>`] }, name);
    const webmail = { clientAddress: '127.0.0.1' };
    t.match(atEnd(await play(on, 'x', [`<u@${hop}>`], webmail)), words, `${name}: somebody logged in`);
    for (const end of ['encrypt', 'verify', 'fallback']) {
      const path = `<u@good.example.portal.tlsward-${end}>`;
      t.match(atEnd(await play(on, 'x', [path], webmail)), words, `${name}: ${path}`);
      const relayed = await play(on, 'x', [path], { saslUsername: '' });
      t.match(relayed, { outcome: 'accepted', recipients: [path] }, 'a filter on another host');
    }
  }
});

test('Sendmail: a rule is met by the row or not at all', async (t) => {
  const on = await startDaemon(t, `${TABLE}safe.example = encrypt\n`);
  const sendmail = { mta: 'sendmail' } as const;
  t.match(await play(on, '[secure] x', ['<bob@safe.example>'], { ...sendmail, tls: TLS13 }), {
    outcome: 'accepted',
    recipients: ['<bob@safe.example>'],
  });
  t.match(atEnd(await play(on, '[secure] x', ['<bob@good.example>'], sendmail)), [
    /550 5\.7\.10 .*cannot route a single message/,
  ]);
  const local = ['<carol@our.example>'];
  t.match(atEnd(await play(on, '[secure] x', local, sendmail)), [
    /550 5\.7\.10 .*whether an alias leads to other hosts/,
  ]);
  t.match(await play(on, 'x', local, sendmail), { outcome: 'accepted' });
  const named = await startDaemon(t, TABLE.replace('relayhost =', 'local-domains = our.example'));
  t.match(await play(named, '[secure] x', local, sendmail), { outcome: 'accepted' });
});

const TLS13 = {
  kind: 'tls',
  protocol: 'TLSv1.3',
  cipher: 'TLS_AES_256_GCM_SHA384',
  bits: 256,
  certificate: { kind: 'none' },
} as const;

/** One milter connection, spoken packet by packet. */
class Mta {
  readonly #socket: Socket;
  readonly #decoder = new ReplyDecoder();
  #wake: () => void = () => {};

  static async open(
    t: Test,
    on: TestDaemon,
    actions = 0x1ff,
    daemonName = 'mx.our.example',
    address = '192.0.2.1',
  ): Promise<Mta> {
    const socket = await on.open('milter');
    t.teardown(() => socket.destroy());
    const mta = new Mta(socket);
    await mta.say({ kind: 'OPTNEG', version: 6, actions, protocol: 0x1fffff });
    mta.send(
      {
        kind: 'MACRO',
        stage: 'C',
        macros: joinMacros([
          ['v', 'Postfix 3.7.11'],
          ['{daemon_name}', daemonName],
        ]),
      },
      { kind: 'CONNECT', hostname: 'client.example', family: '4', port: 4711, address },
      { kind: 'HELO', name: 'client.example' },
    );
    return mta;
  }

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#decoder.push(Uint8Array.from(chunk));
      this.#wake();
    });
  }

  send(...commands: MilterCommand[]): void {
    this.#socket.write(encodeCommands(commands));
  }

  /** Sends and waits for replies up to one that ends an event. */
  async say(...commands: MilterCommand[]): Promise<MilterReply[]> {
    this.send(...commands);
    const replies: MilterReply[] = [];
    for (;;) {
      const reply = this.#decoder.next();
      if (reply === null) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      replies.push(reply);
      if (['CONTINUE', 'REPLYCODE', 'TEMPFAIL', 'OPTNEG'].includes(reply.kind)) return replies;
    }
  }

  begin(headerChecks = fenceTable('X-TLS-Ward-Route')): void {
    this.send(
      { kind: 'MACRO', stage: 'M', macros: joinMacros([['{tlsward_fence}', headerChecks]]) },
      { kind: 'MAIL', args: ['<alice@our.example>'] },
      {
        kind: 'MACRO',
        stage: 'R',
        macros: joinMacros([
          ['{rcpt_mailer}', 'smtp'],
          ['{rcpt_host}', 'good.example'],
        ]),
      },
    );
  }

  async rcpt(path: string): Promise<void> {
    await this.say({ kind: 'RCPT', args: [path] });
  }

  /** The rest of the message, in words. */
  async end(subject: string, route: string | null = null): Promise<string> {
    const field: MilterCommand[] =
      route === null ? [] : [{ kind: 'HEADER', name: 'X-TLS-Ward-Route', value: route }];
    const replies = await this.say(
      ...field,
      { kind: 'HEADER', name: 'Subject', value: subject },
      { kind: 'BODYEOB', chunk: new Uint8Array(0) },
    );
    return replies
      .flatMap((reply) => {
        if (reply.kind === 'REPLYCODE') return [reply.text];
        return 'path' in reply ? [`${reply.kind} ${reply.path}`] : [];
      })
      .join(', ');
  }
}

const FENCED: MilterCommand = {
  kind: 'MACRO',
  stage: 'M',
  macros: joinMacros([['{tlsward_fence}', fenceTable('X-TLS-Ward-Route')]]),
};

/** Rows that can refuse, so that RCPT is asked about and the table of the message is settled there. */
const JUDGES = 'bank.example = encrypt\n';

test('a reload in the middle: a message keeps the rules it began with', async (t) => {
  const on = await startDaemon(t, TABLE + JUDGES);
  const mta = await Mta.open(t, on);
  mta.begin();
  await mta.rcpt('<bob@good.example>');
  on.write(`${SERVICE}[domains]\n${JUDGES}`);
  t.match(await on.ask('reload'), { ok: true });
  t.equal(
    await mta.end('[secure] x'),
    'ADDRCPT_PAR <bob@good.example.tlsward-encrypt>, DELRCPT <bob@good.example>',
  );
  mta.begin();
  await mta.rcpt('<bob@good.example>');
  t.equal(await mta.end('[secure] x'), '', 'the next one has none');
});

test('a reload in the middle: rules that the connection was not asked for', async (t) => {
  const on = await startDaemon(t, `${SERVICE}[domains]\n${JUDGES}`);
  const mta = await Mta.open(t, on);
  on.write(
    `${SERVICE}[rule secure]\nsubject-tag = [secure]\nsender = our.example\n[rule other]\nsubject-tag = [x]\nsender = x.example\n[domains]\n${JUDGES}`,
  );
  t.match(await on.ask('reload'), { ok: true });
  mta.begin();
  await mta.rcpt('<bob@good.example>');
  t.match(
    await mta.end('whatever, it is not shown'),
    /^451 4\.3\.0 the rules .* changed .* try again on a new one \[[0-9A-Z]{8}\]$/,
  );
  t.match(verdictLine(on), { action: 'defer', rule: 'secure', route: 'deferred' });
  mta.send({ kind: 'MAIL', args: ['<alice@nobody.example>'] });
  await mta.rcpt('<bob@good.example>');
  t.equal(await mta.end('x'), '', 'no rule could speak of this one');
  const fresh = await Mta.open(t, on);
  fresh.begin();
  await fresh.rcpt('<bob@good.example>');
  t.match(await fresh.end('[secure] x'), /^ADDRCPT_PAR /);
});

test('an MTA that does not let recipients be changed, or does not tell where they go', async (t) => {
  const on = await startDaemon(t, TABLE + JUDGES);
  const mta = await Mta.open(t, on, 0x1ff & ~0x80);
  t.match(
    on.log().filter(({ event }) => event === 'milter.degraded'),
    [{ what: 'cannot change recipients: messages that a rule reroutes are deferred' }],
  );
  mta.begin();
  await mta.rcpt('<bob@good.example>');
  t.match(await mta.end('[secure] x'), /^451 4\.3\.5 The mail server does not let its filter/);
  mta.begin();
  await mta.rcpt('<bob@good.example>');
  t.equal(await mta.end('x'), '');
  const silent = await Mta.open(t, on);
  silent.send(FENCED, { kind: 'MAIL', args: ['<alice@our.example>'] });
  await silent.rcpt('<bob@good.example>');
  t.match(
    await silent.end('[secure] x'),
    /^451 4\.3\.5 <bob@good\.example>: .*does not tell its filter where this mail goes; it must send \{rcpt_mailer\}/,
  );
  t.match(await on.ask('status'), { connections: { milter: { bugs: 0, wireErrors: 0 } } });
});

test('an MTA that does not say that it stops copies', async (t) => {
  const on = await startDaemon(t, TABLE + JUDGES);
  const mta = await Mta.open(t, on);
  for (const told of [
    '',
    'pcre:/etc/postfix/mine',
    `pcre:/etc/postfix/mine, ${fenceTable('X-TLS-Ward-Route')}`,
  ]) {
    mta.begin(told);
    await mta.rcpt('<bob@good.example>');
    t.match(
      await mta.end('[secure] x'),
      /^451 4\.3\.5 this message matches a rule, and the mail server does not show that it stops copies: its smtp_header_checks must begin/,
      told,
    );
    t.match(verdictLine(on), { action: 'defer', rule: 'secure', route: 'deferred' });
    mta.begin(told);
    await mta.rcpt('<bob@good.example>');
    t.equal(await mta.end('x'), '', 'other mail is none of its business');
  }
  mta.begin(`${fenceTable('X-TLS-Ward-Route').replace(':{reg', ': {\n  reg')}, pcre:/etc/postfix/mine`);
  await mta.rcpt('<bob@good.example>');
  t.match(await mta.end('[secure] x'), /^ADDRCPT_PAR /);
});

test('the second look: what an earlier one found, and nobody judged twice', async (t) => {
  const on = await startDaemon(t, TABLE + JUDGES);
  const carried = 'again; level=encrypt; rule=portal';
  const stranger = await Mta.open(t, on);
  stranger.begin();
  await stranger.rcpt('<bob@good.example>');
  t.equal(await stranger.end('x', carried), '', 'nobody else can say so');
  const elsewhere = await Mta.open(t, on, 0x1ff, 'tlsward-again');
  elsewhere.begin();
  await elsewhere.rcpt('<bob@good.example>');
  t.equal(await elsewhere.end('x', carried), '', 'nor from another host');
  const mta = await Mta.open(t, on, 0x1ff, 'tlsward-again', '127.0.0.2');
  mta.begin();
  // a row that refuses mail in plain text
  await mta.rcpt('<bob@bank.example>');
  await mta.rcpt('<bob@x.example.tlsward-row>');
  t.equal(
    await mta.end('x', carried),
    'ADDRCPT_PAR <bob@bank.example.tlsward-via.m.good.example.tlsward-encrypt>, DELRCPT <bob@bank.example>',
    'the alias is routed, and what was routed stands',
  );
  t.match(verdictLine(on), { action: 'accept', rule: 'portal', route: 'encrypt' });
  mta.begin('');
  await mta.rcpt('<bob@good.example>');
  t.match(await mta.end('x', carried), /^451 4\.3\.5 .*does not show that it stops copies/);
  t.match(await on.ask('status'), { routes: { routed: 0, deferred: 1 } });
});

test('REQUIRETLS by the policy service, once a message, where nothing else is to be said', async (t) => {
  const rules = `[rule law]
sender = our.example
recipient = law.example, bank.example
request-requiretls = yes
[rule tagged]
subject-tag = [secure]
request-requiretls = yes
[domains]
bank.example = encrypt
`;
  const ask = (recipient: string, more: Record<string, string> = {}): string =>
    policyRequest({ sender: 'alice@our.example', recipient, sasl_username: 'alice', ...more });
  const on = await startDaemon(t, `${SERVICE}postfix-version = 3.11\n${rules}`);
  const socket = await on.open('policy');
  t.teardown(() => socket.destroy());
  const answers = await policyAnswers(socket, [
    ask('x@other.example'),
    ask('bob@law.example'),
    ask('carol@law.example'),
    ask('bob@law.example', { instance: '2' }),
    ask('dave@bank.example', { instance: '3' }),
    ask('bob@law.example', { instance: '4', protocol_state: 'DATA' }),
    ask('bob@law.example', { instance: '5', sender: 'x@elsewhere.example' }),
    ask('bob@law.example', { instance: '' }),
  ]);
  t.match(answers, [
    'DUNNO',
    'PREPEND Require-TLS-ESMTP: yes',
    'DUNNO',
    'PREPEND Require-TLS-ESMTP: yes',
    /^530 5\.7\.0 /,
    'DUNNO',
    'DUNNO',
    'PREPEND Require-TLS-ESMTP: yes',
  ]);
  on.write(`${SERVICE}postfix-version = 3.10\n${rules}`);
  t.match(await on.ask('reload'), { ok: true });
  t.strictSame(
    await policyAnswers(socket, [ask('bob@law.example', { instance: '6' })]),
    ['DUNNO'],
    'an older Postfix cannot',
  );
});
