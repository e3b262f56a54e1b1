/**
 * What may go on a message at all: fields that the connection shows, words that hold for every recipient.
 */
import { connect } from 'node:net';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { encodeCommands, ReplyDecoder } from '../../src/wire/milterClient.ts';
import type { MilterCommand } from '../../src/wire/milterDecode.ts';
import type { MilterReply } from '../../src/wire/milterEncode.ts';
import { joinMacros } from '../../src/wire/milterMacros.ts';
import { playMail } from './playMail.ts';
import { startDaemon, type TestDaemon } from './startDaemon.ts';

const ENCRYPTED = {
  '{tls_version}': 'TLSv1.3',
  '{cipher}': 'TLS_AES_256_GCM_SHA384',
  '{cipher_bits}': '256',
};

function macro(stage: string, values: Readonly<Record<string, string>>): MilterCommand {
  return { kind: 'MACRO', stage, macros: joinMacros(Object.entries(values)) };
}

/** A milter connection that outlives a reload; resolves to what sends one message over it and gives the edits. */
async function session(t: Test, on: TestDaemon): Promise<(names: readonly string[]) => Promise<string[]>> {
  const socket = connect(join(on.folder, 'milter.sock'));
  t.teardown(() => socket.destroy());
  const decoder = new ReplyDecoder();
  let wake = (): void => {};
  socket.on('data', (chunk) => {
    decoder.push(Uint8Array.from(chunk));
    wake();
  });
  const reply = async (): Promise<MilterReply> => {
    for (;;) {
      const one = decoder.next();
      if (one !== null) return one;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  const send = (...commands: MilterCommand[]): void => {
    socket.write(encodeCommands(commands));
  };
  send({ kind: 'OPTNEG', version: 6, actions: 0x1ff, protocol: 0x1fffff });
  await reply();
  send(
    macro('C', { j: 'mx.example.org', v: 'Postfix 3.7.11' }),
    { kind: 'CONNECT', hostname: 'c.example', family: '4', port: 4711, address: '192.0.2.1' },
    { kind: 'HELO', name: 'c.example' },
  );
  return async (names) => {
    send(
      macro('M', { '{client_addr}': '192.0.2.1', ...ENCRYPTED, i: 'Q1' }),
      { kind: 'MAIL', args: ['<alice@bank.example>'] },
      { kind: 'RCPT', args: ['<bob@our.example>'] },
      ...names.map((name): MilterCommand => ({ kind: 'HEADER', name, value: 'mx.example.org; forged' })),
      { kind: 'BODYEOB', chunk: new Uint8Array(0) },
    );
    const edits: string[] = [];
    for (let one = await reply(); one.kind !== 'CONTINUE'; one = await reply())
      edits.push('name' in one ? `${one.kind} ${one.name}` : one.kind);
    return edits;
  };
}

const BEFORE = `mark-key = mark.key
[domains]
* = may
`;
const AFTER = `mark-key = mark.key
mark-name = X-New-Mark
authserv-id = mx.example.org
[policy tagged]
receive = may
banner = subject, header
banner-tag = [SECURE]
[domains]
bank.example = tagged
* = may
`;

test('a connection begun before a reload gets no field of a name that it does not show', async (t) => {
  const on = await startDaemon(t, BEFORE);
  const names = ['X-TLS-Ward', 'X-New-Mark', 'Authentication-Results', 'Subject'];
  const old = await session(t, on);
  t.same(await old(names), ['CHGHEADER X-TLS-Ward', 'INSHEADER X-TLS-Ward']);
  on.write(AFTER);
  t.match(await on.ask('reload'), { ok: true });
  t.same(await old(names), ['INSHEADER X-TLS-Banner'], 'no second Subject, nothing beside what is forged');
  t.match(
    on.log().findLast((line) => line.event === 'tx.verdict'),
    { notes: ['Subject', 'Authentication-Results', 'X-New-Mark'].map((name) => new RegExp(`^${name} left`)) },
  );
  const fresh = await session(t, on);
  t.same(await fresh(names), [
    'CHGHEADER Subject',
    'CHGHEADER Authentication-Results',
    'CHGHEADER X-New-Mark',
    'INSHEADER X-TLS-Banner',
    'INSHEADER Authentication-Results',
    'INSHEADER X-New-Mark',
  ]);
});

const ROWS = `
[policy dressed]
receive = encrypt
banner = header
banner-text = Encrypted on its way to {host}, because: {reason}.
[domain one.example]
policy = dressed
reason = contract 17
[domain two.example]
policy = dressed
reason = contract 17
[domain three.example]
policy = dressed
reason = contract 18
`;

test("what one recipient's row would say in the banner is not said to the others", async (t) => {
  const on = await startDaemon(t, ROWS);
  const banner = async (recipients: readonly string[]): Promise<string | undefined> => {
    const played = await playMail(on, {
      sender: '<x@nowhere.example>',
      recipients,
      headers: [],
      body: new Uint8Array(0),
    });
    return played.message?.headers.find((field) => field.name === 'X-TLS-Banner')?.value.replace(/\s+/g, ' ');
  };
  const text = 'Encrypted on its way to mx.example.org, because: contract 17.';
  t.equal(await banner(['<a@one.example>']), text);
  t.equal(await banner(['<a@one.example>', '<b@two.example>']), text);
  t.equal(await banner(['<a@one.example>', '<b@three.example>']), undefined);
});
