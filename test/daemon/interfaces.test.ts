/**
 * Policy service and milter beside each other, asked as Postfix does: for each recipient first the one, then the other.
 * What the one is told of the client certificate serves the other in the same session, and in no other.
 */
import type { Socket } from 'node:net';
import { test } from 'tap';
import { encodeCommands, ReplyDecoder } from '../../src/wire/milterClient.ts';
import type { MilterCommand } from '../../src/wire/milterDecode.ts';
import { type MilterReply, shownReply } from '../../src/wire/milterEncode.ts';
import { joinMacros } from '../../src/wire/milterMacros.ts';
import { policyAnswers, policyRequest, startDaemon, type TestDaemon, TLS } from './startDaemon.ts';

const PIN = `${'AB:'.repeat(31)}CD`;
const OTHER = `${'AB:'.repeat(31)}CE`;
const TABLE = `
[policy pinned]
receive = verify
fingerprint = ${PIN}
[policy tagging]
based-on = pinned
violation = tag
[policy holding]
based-on = pinned
violation = hold
[policy watching]
based-on = pinned
mode = observe
[domains]
pinned.example = pinned
tag.example = tagging
hold.example = holding
observe.example = watching
[domain encrypt.example]
receive = encrypt
[domain cipher.example]
receive = encrypt
deny-ciphers = AES_256
`;

interface Session {
  readonly port?: number;
  readonly serverPort?: number;
  readonly helo?: string;
  readonly cipher?: string;
}

/** One SMTP session as the milter is shown it. */
class MilterSession {
  readonly #socket: Socket;
  readonly #decoder = new ReplyDecoder();
  readonly #told: readonly (readonly [string, string])[];
  #wake = (): void => {};

  private constructor(socket: Socket, session: Session) {
    this.#socket = socket;
    this.#told = [
      ['client_addr', '192.0.2.1'],
      ['tls_version', TLS.encryption_protocol],
      ['cipher', session.cipher ?? TLS.encryption_cipher],
      ['cipher_bits', TLS.encryption_keysize],
    ];
    socket.on('data', (chunk) => {
      this.#decoder.push(Uint8Array.from(chunk));
      this.#wake();
    });
  }

  static async open(on: TestDaemon, session: Session = {}): Promise<MilterSession> {
    const milter = new MilterSession(await on.open('milter'), session);
    milter.#send({ kind: 'OPTNEG', version: 6, actions: 0x1ff, protocol: 0x1fffff });
    await milter.#reply();
    milter.connect(session);
    return milter;
  }

  /** The beginning of a session; `again`: of one more on this connection. */
  connect(session: Session, again = false): void {
    const { port = 4711, serverPort = 25, helo = 'client.example' } = session;
    if (again) this.#send({ kind: 'QUIT_NC' });
    const server = [['daemon_addr', '192.0.2.25'] as const, ['daemon_port', String(serverPort)] as const];
    this.#send(
      { kind: 'MACRO', stage: 'C', macros: joinMacros([['v', 'Postfix 3.7.11'], ...server]) },
      { kind: 'CONNECT', hostname: 'unknown', family: '4', port, address: '192.0.2.1' },
      { kind: 'HELO', name: helo },
    );
  }

  mail(sender: string): void {
    this.#send(
      { kind: 'MACRO', stage: 'M', macros: joinMacros([...this.#told]) },
      { kind: 'MAIL', args: [sender] },
    );
  }

  /** `250`, or code and enhanced code. */
  async rcpt(path: string): Promise<string> {
    this.#send({ kind: 'RCPT', args: [path] });
    const reply = await this.#reply();
    return reply.kind === 'REPLYCODE' ? shownReply(reply.text).slice(0, 9) : '250';
  }

  /** The end of the message: the mark, and whether it is held. */
  async end(): Promise<{ readonly mark: string; readonly held: boolean }> {
    this.#send({ kind: 'BODYEOB', chunk: new Uint8Array(0) });
    let mark = '';
    let held = false;
    for (;;) {
      const reply = await this.#reply();
      if (reply.kind === 'INSHEADER') mark = reply.value.replace(/\n /g, ' ');
      if (reply.kind === 'QUARANTINE') held = true;
      if (reply.kind === 'CONTINUE') return { mark, held };
      if (reply.kind === 'REPLYCODE') return { mark: shownReply(reply.text), held };
    }
  }

  reset(): void {
    this.#send({ kind: 'ABORT' });
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(...commands: MilterCommand[]): void {
    this.#socket.write(encodeCommands(commands));
  }

  async #reply(): Promise<MilterReply> {
    for (;;) {
      const reply = this.#decoder.next();
      if (reply !== null) return reply;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

interface Scene {
  readonly on: TestDaemon;
  readonly policy: Socket;
  ask(attributes: Record<string, string>): Promise<string>;
}

async function scene(t: Parameters<typeof startDaemon>[0]): Promise<Scene> {
  const on = await startDaemon(t, TABLE);
  const policy = await on.open('policy');
  t.teardown(() => policy.destroy());
  const common = { ...TLS, server_address: '192.0.2.25', server_port: '25' };
  return {
    on,
    policy,
    ask: async (attributes) => {
      const [answer = ''] = await policyAnswers(policy, [policyRequest({ ...common, ...attributes })]);
      return answer.slice(0, 9);
    },
  };
}

const BOB = '<bob@our.example>';

test('the milter knows of the certificate what the policy service was told', async (t) => {
  const { on, ask } = await scene(t);
  const cases = [
    ['pinned.example', PIN, 'DUNNO', '250', /state=protected;.*certificate=untrusted;/, false],
    ['tag.example', PIN, 'DUNNO', '250', /state=protected;.*certificate=untrusted;/, false],
    ['tag.example', OTHER, 'DUNNO', '250', /state=unprotected;.*certificate=untrusted;.*verdict=tag/, false],
    ['tag.example', '', 'DUNNO', '250', /state=unprotected;.*certificate=none;.*verdict=tag/, false],
    ['hold.example', '', 'HOLD tlsw', '250', /state=unprotected;.*certificate=none;.*verdict=hold/, true],
    ['hold.example', OTHER, 'HOLD tlsw', '250', /state=unprotected;.*certificate=untrusted;/, true],
    ['observe.example', '', 'DUNNO', '250', /state=unprotected;.*certificate=none;.*would-reject/, false],
    ['observe.example', OTHER, 'DUNNO', '250', /state=unprotected;.*certificate=untrusted;/, false],
    // where Postfix only warns (warn_if_reject), the milter is asked nevertheless
    ['pinned.example', OTHER, '550 5.7.5', '550 5.7.5', null, false],
    ['pinned.example', '', '550 5.7.5', '550 5.7.5', null, false],
  ] as const;
  for (const [domain, fingerprint, byPolicy, byMilter, mark, held] of cases) {
    const name = `${domain} ${fingerprint.slice(-2)}`;
    const milter = await MilterSession.open(on);
    milter.mail(`<a@${domain}>`);
    t.equal(await ask({ sender: `a@${domain}`, ccert_fingerprint: fingerprint }), byPolicy, name);
    t.equal(await milter.rcpt(BOB), byMilter, name);
    if (mark !== null) {
      const end = await milter.end();
      t.match(end.mark, mark, name);
      t.equal(end.held, held, name);
    }
    milter.close();
  }
});

test('several recipients and messages of a session, each on its own', async (t) => {
  const { on, ask } = await scene(t);
  const milter = await MilterSession.open(on);
  const sender = 'a@pinned.example';
  for (let message = 0; message < 3; message++) {
    milter.mail(`<${sender}>`);
    for (const name of ['b', 'c', 'c', 'd']) {
      t.equal(await ask({ sender, recipient: `${name}@our.example`, ccert_fingerprint: PIN }), 'DUNNO');
      t.equal(await milter.rcpt(`<${name}@our.example>`), '250');
    }
    t.equal(await milter.rcpt('<e@our.example>'), '451 4.3.5', 'the policy service was not asked about it');
    t.match((await milter.end()).mark, /state=protected/);
    milter.reset();
  }
  // one recipient alone has to do with a pin
  milter.mail('<a@encrypt.example>');
  for (const recipient of ['bob@our.example', 'bob@tag.example', 'carol@our.example']) {
    t.equal(await ask({ sender: 'a@encrypt.example', recipient, ccert_fingerprint: OTHER }), 'DUNNO');
    t.equal(await milter.rcpt(`<${recipient}>`), '250');
  }
  t.match((await milter.end()).mark, /state=unprotected;.*certificate=untrusted;/);
  milter.close();
});

test('what was remembered of one session serves no other', async (t) => {
  const { on, ask } = await scene(t);
  const sender = 'a@pinned.example';
  /** A session whose recipient passes the policy service and which then ends, or is refused by something else. */
  const abandoned = async (): Promise<void> => {
    const milter = await MilterSession.open(on);
    milter.mail(`<${sender}>`);
    t.equal(await ask({ sender, ccert_fingerprint: PIN }), 'DUNNO');
    milter.close();
  };
  const other = async (session: Session, before?: () => Promise<unknown>): Promise<string> => {
    const milter = await MilterSession.open(on, session);
    await before?.();
    milter.mail(`<${sender}>`);
    const reply = await milter.rcpt(BOB);
    milter.close();
    return reply;
  };
  await abandoned();
  t.equal(await other({}), '451 4.3.5', 'the port is used again, and the policy service not asked');

  const milter = await MilterSession.open(on);
  milter.mail(`<${sender}>`);
  t.equal(await ask({ sender, ccert_fingerprint: PIN }), 'DUNNO');
  milter.connect({}, true);
  milter.mail(`<${sender}>`);
  t.equal(await milter.rcpt(BOB), '451 4.3.5', 'another session on the same milter connection');
  milter.close();

  const live = (session: Session): Promise<string> =>
    other(session, () => ask({ sender, ccert_fingerprint: PIN }));
  t.equal(await live({}), '250', 'the same session');
  t.equal(await live({ serverPort: 587 }), '451 4.3.5', 'at the same time, at another listener');
  t.equal(await live({ port: 4712 }), '451 4.3.5', 'another port');
  t.equal(await live({ helo: 'other.example' }), '451 4.3.5', 'another HELO name');
  t.equal(await live({ cipher: 'TLS_AES_128_GCM_SHA256' }), '451 4.3.5', 'another cipher');

  for (const [what, attributes] of [
    ['about another recipient', { sender, ccert_fingerprint: PIN, recipient: 'c@our.example' }],
    ['about a sender without a pin', { sender: 'x@y.example', ccert_fingerprint: PIN }],
    ['without TLS', { sender: 'x@y.example', encryption_protocol: '', encryption_cipher: '' }],
    ['at DATA', { sender, ccert_fingerprint: PIN, protocol_state: 'DATA', recipient_count: '1' }],
    ['at MAIL of the next message', { sender, protocol_state: 'MAIL', recipient: '' }],
  ] as const) {
    const question = async (): Promise<void> => {
      await ask({ sender, ccert_fingerprint: PIN });
      await ask(attributes);
    };
    t.equal(await other({}, question), '451 4.3.5', `a later question: ${what}`);
  }
  for (const fingerprint of [OTHER, '']) {
    const question = async (): Promise<void> => {
      await ask({ sender, ccert_fingerprint: PIN });
      await ask({ sender, ccert_fingerprint: fingerprint });
    };
    t.equal(await other({}, question), '550 5.7.5', `the last word counts: ${fingerprint}`);
  }
});

test('mail for postmaster without a domain passes the milter, as it passes Postfix, and is marked', async (t) => {
  const { on } = await scene(t);
  for (const [sender, mark] of [
    ['a@cipher.example', /state=unprotected;.*verdict=tag/],
    ['a@pinned.example', /state=unknown;.*verdict=accept/],
  ] as const) {
    const milter = await MilterSession.open(on);
    milter.mail(`<${sender}>`);
    t.match(await milter.rcpt(BOB), /^[45]/);
    t.equal(await milter.rcpt('<Postmaster>'), '250');
    t.match((await milter.end()).mark, mark);
    milter.close();
  }
});
