/**
 * Random MTAs: any offer, any order of events an MTA may send, any answers, faults among them. Whatever comes, each event
 * that awaits a reply gets exactly one verdict, no other gets any, and a message is told of nothing but itself.
 */
import t from 'tap';
import type { PolicyTable } from '../../src/core/table.ts';
import { type Action, accepted } from '../../src/core/verdict.ts';
import { milterProtocol } from '../../src/session/milter.ts';
import type { MilterAnswer, MilterQuery, MilterStep } from '../../src/session/milterEvents.ts';
import { MAX_HEADER_BYTES, type MilterState } from '../../src/session/milterState.ts';
import { encodeCommand, ReplyDecoder } from '../../src/wire/milterClient.ts';
import type { MilterCommand } from '../../src/wire/milterDecode.ts';
import type { MilterReply } from '../../src/wire/milterEncode.ts';
import { joinMacros } from '../../src/wire/milterMacros.ts';
import { SMFIP } from '../../src/wire/milterNames.ts';
import { WireError } from '../../src/wire/wireError.ts';
import { randomFrom, seed } from '../wire/milterBytes.ts';

type Random = (below: number) => number;

const protocol = milterProtocol();
const ACTIONS: readonly Action[] = ['accept', 'accept', 'hold', 'defer', 'reject'];
/** Is it one of the replies that end an event? Edits and QUARANTINE are not. */
const VERDICTS = new Set<MilterReply['kind']>([
  'CONTINUE',
  'REPLYCODE',
  'TEMPFAIL',
  'REJECT',
  'OPTNEG',
  'SKIP',
]);

function answerTo(query: MilterQuery, random: Random, table: PolicyTable): MilterAnswer {
  if (query.kind === 'events') {
    const headers = (['none', 'all', ['subject']] as const)[random(3)]!;
    return {
      kind: 'events',
      judges: random(3) > 0,
      headers,
      bodyLimitBytes: random(2) * 100,
      routes: (['none', 'recipient', 'header'] as const)[random(3)]!,
    };
  }
  const action = ACTIONS[random(ACTIONS.length)]!;
  const verdict = { ...accepted('no-mail'), action };
  const reply =
    action === 'reject'
      ? { code: 550, dsn: '5.7.1', text: 'no' }
      : { code: 450, dsn: '4.7.1', text: 'later' };
  const given = {
    verdict,
    reply: action === 'reject' || action === 'defer' ? reply : null,
    holdReason: 'held',
  };
  const ignored = random(2) > 0 ? { ignoresBody: true as const } : null;
  if (query.kind === 'judge') return { kind: 'judge', table: query.table ?? table, ...given, ...ignored };
  const edits =
    action === 'accept' ? [{ kind: 'insertHeader', index: 1, name: 'X-Mark', value: 'v' } as const] : [];
  return { kind: 'message', ...given, edits, routes: [] };
}

/** One connection as an MTA holds it: what it sends, and what it is then owed. */
class Mta {
  readonly decoder = protocol.decoder();
  readonly replies = new ReplyDecoder();
  readonly random: Random;
  state: MilterState = protocol.start();
  bits = 0;
  sender = '';
  accepted: string[] = [];
  table: PolicyTable | null = null;
  serial = 0;
  events = 0;

  constructor(random: Random) {
    this.random = random;
  }

  /** Sends one command; `owed`: it awaits a reply. Returns the verdict it got. */
  say(command: MilterCommand, owed: boolean): MilterReply | null {
    this.decoder.push(encodeCommand(command));
    const got: MilterReply[] = [];
    const message = this.decoder.next(this.state);
    if (message === null) throw new Error('not decoded');
    let step: MilterStep = protocol.step(this.state, message);
    for (;;) {
      this.state = step.state;
      for (const out of step.out) {
        this.replies.push(protocol.encode(out));
        got.push(this.replies.next()!);
      }
      if (step.ask === undefined) break;
      this.check(step.ask, command);
      const before = this.state;
      const fault = step.ask.kind !== 'events' && this.random(10) === 0;
      step = fault
        ? protocol.failSafe(before)
        : protocol.answer(
            before,
            answerTo(step.ask, this.random, { serial: this.serial } as unknown as PolicyTable),
          );
      if (step.ask === undefined && !fault && this.state.at === 'recipient')
        this.table ??= { serial: this.serial } as unknown as PolicyTable;
    }
    const verdicts = got.filter(({ kind }) => VERDICTS.has(kind));
    if (verdicts.length !== (owed ? 1 : 0))
      throw new Error(`${command.kind}: ${verdicts.length} verdicts, ${owed ? 1 : 0} owed`);
    if (verdicts.length > 0 && got.at(-1) !== verdicts[0])
      throw new Error(`${command.kind}: the verdict is not last`);
    if (verdicts[0]?.kind === 'SKIP' && (command.kind !== 'BODY' || !this.owes(SMFIP.NOBODY)))
      throw new Error(`${command.kind}: SKIP`);
    if (got.length > 1 && command.kind !== 'BODYEOB')
      throw new Error(`${command.kind}: edits before the end`);
    this.events++;
    return verdicts[0] ?? null;
  }

  /** The question must speak of this message and of no other. */
  check(ask: MilterQuery, command: MilterCommand): void {
    if (ask.kind === 'events') return;
    const { sender, recipients } = ask.transaction;
    const names = recipients.map(({ text }) => text);
    const want = command.kind === 'RCPT' ? [command.args[0]] : this.accepted;
    if (sender?.text !== this.sender)
      throw new Error(`asked about ${sender?.text} instead of ${this.sender}`);
    if (names.join() !== want.join())
      throw new Error(`asked about ${names.join()} instead of ${want.join()}`);
    if (JSON.stringify(ask.table) !== JSON.stringify(this.table)) throw new Error('another table');
    if (ask.transaction.queueId !== (command.kind === 'RCPT' ? '' : `Q${this.serial}`))
      throw new Error('another queue id');
    if (ask.kind === 'message') {
      for (const { name, value } of ask.headers ?? []) {
        if (name !== 'Subject' || value !== `s${this.serial}`) throw new Error(`header ${name}: ${value}`);
      }
    }
  }

  owes(waiver: number): boolean {
    return (this.bits & waiver) === 0;
  }

  run(): void {
    const { random } = this;
    const offered = random(3) === 0 ? 0x1fffff : random(2 ** 21);
    const offer = this.say(
      { kind: 'OPTNEG', version: 2 + random(5), actions: random(512), protocol: offered },
      true,
    );
    if (offer?.kind !== 'OPTNEG') throw new Error('no negotiation');
    this.bits = offer.protocol;
    do this.session();
    while (random(3) === 0);
    this.say({ kind: 'QUIT' }, false);
    if (this.state.at !== 'closed') throw new Error('QUIT does not close');
  }

  session(): void {
    const { random } = this;
    this.say(
      { kind: 'CONNECT', hostname: 'h.example', family: '4', port: 1, address: '192.0.2.1' },
      this.owes(SMFIP.NR_CONN),
    );
    for (let n = random(3); n > 0; n--) this.say({ kind: 'HELO', name: 'h' }, this.owes(SMFIP.NR_HELO));
    for (let n = random(5); n > 0; n--) {
      this.message();
      if (!protocol.idle(this.state) && random(2) === 0) this.say({ kind: 'ABORT' }, false);
      if (random(3) === 0) this.say({ kind: 'ABORT' }, false);
      if (random(6) === 0) this.say({ kind: 'HELO', name: 'h' }, this.owes(SMFIP.NR_HELO));
      if (random(6) === 0 && this.owes(SMFIP.NOUNKNOWN))
        this.say({ kind: 'UNKNOWN', text: 'x' }, this.owes(SMFIP.NR_UNKN));
    }
    if (random(2) === 0) this.say({ kind: 'QUIT_NC' }, false);
  }

  message(): void {
    const { random } = this;
    this.serial++;
    this.sender = `<s${this.serial}@a.example>`;
    this.accepted = [];
    this.table = null;
    if (random(2) === 0) this.macros('M', {});
    this.say({ kind: 'MAIL', args: [this.sender] }, this.owes(SMFIP.NR_MAIL));
    if (protocol.idle(this.state)) throw new Error('idle inside a message');
    let refused = 0;
    for (let n = random(4); n > 0; n--) {
      const path = `<r${this.serial}.${n}@b.example>`;
      if (random(2) === 0) this.macros('R', {});
      const verdict = this.say({ kind: 'RCPT', args: [path] }, this.owes(SMFIP.NR_RCPT));
      if (verdict === null || verdict.kind === 'CONTINUE') this.accepted.push(path);
      else refused++;
    }
    if ((this.accepted.length === 0 && refused > 0) || random(6) === 0) return;
    if (this.owes(SMFIP.NODATA)) this.say({ kind: 'DATA' }, this.owes(SMFIP.NR_DATA));
    if (this.owes(SMFIP.NOHDRS)) {
      for (let n = random(3); n > 0; n--) {
        this.macros('L', { i: 'never' });
        this.say({ kind: 'HEADER', name: 'Subject', value: `s${this.serial}` }, this.owes(SMFIP.NR_HDR));
      }
    }
    if (this.owes(SMFIP.NOEOH)) this.say({ kind: 'EOH' }, this.owes(SMFIP.NR_EOH));
    if (this.owes(SMFIP.NOBODY)) {
      for (let n = random(3); n > 0; n--) {
        const chunk = new Uint8Array(random(90));
        // after SKIP an MTA sends no more of the body
        if (this.say({ kind: 'BODY', chunk }, this.owes(SMFIP.NR_BODY))?.kind === 'SKIP') break;
      }
    }
    this.macros('E', { i: `Q${this.serial}` });
    this.say({ kind: 'BODYEOB', chunk: new Uint8Array(0) }, true);
    if (!protocol.idle(this.state)) throw new Error('not idle after the verdict');
  }

  macros(stage: string, values: Readonly<Record<string, string>>): void {
    this.say({ kind: 'MACRO', stage, macros: joinMacros(Object.entries(values)) }, false);
  }
}

t.test('replies are counted right for 20,000 connections', async (t) => {
  t.comment(`TLSWARD_SEED=${seed}`);
  const random = randomFrom(seed);
  let events = 0;
  for (let i = 0; i < 20_000; i++) {
    const mta = new Mta(random);
    mta.run();
    events += mta.events;
  }
  t.ok(events > 200_000, `${events} events`);
});

t.test('commands in any order: WireError or an orderly step, nothing else', async (t) => {
  t.comment(`TLSWARD_SEED=${seed}`);
  const random = randomFrom(seed + 7);
  const any: readonly (() => MilterCommand)[] = [
    () => ({ kind: 'OPTNEG', version: random(8), actions: random(512), protocol: random(2 ** 21) }),
    () => ({ kind: 'MACRO', stage: 'CHMRTLNBEUX'[random(11)]!, macros: 'i\0q\0' }),
    () => ({ kind: 'CONNECT', hostname: 'h', family: 'U', port: 0, address: '' }),
    () => ({ kind: 'HELO', name: '' }),
    () => ({ kind: 'MAIL', args: ['<a@b.example>'] }),
    () => ({ kind: 'RCPT', args: ['<'] }),
    () => ({ kind: 'DATA' }),
    () => ({ kind: 'HEADER', name: 'subject', value: '' }),
    () => ({ kind: 'EOH' }),
    () => ({ kind: 'BODY', chunk: new Uint8Array(3) }),
    () => ({ kind: 'BODYEOB', chunk: new Uint8Array(3) }),
    () => ({ kind: 'ABORT' }),
    () => ({ kind: 'QUIT_NC' }),
    () => ({ kind: 'UNKNOWN', text: 'x' }),
    () => ({ kind: 'OTHER', command: 0x7a, payload: new Uint8Array(0) }),
    () => ({ kind: 'QUIT' }),
  ];
  const ends = new Map<string, number>();
  for (let i = 0; i < 20_000; i++) {
    let state = protocol.start();
    let first = true;
    for (let n = 0; n < 40; n++) {
      const input = random(20) > 0 && first ? any[0]!() : any[random(any.length)]!();
      first = false;
      try {
        let step = protocol.step(state, input);
        if (step.ask !== undefined)
          step = protocol.answer(step.state, answerTo(step.ask, random, {} as PolicyTable));
        state = step.state;
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
        ends.set(error.rule, (ends.get(error.rule) ?? 0) + 1);
        break;
      }
    }
  }
  t.strictSame([...ends.keys()].sort(), ['milter-out-of-order', 'milter-unknown-command', 'milter-version']);
});

t.test('a header that never ends', async (t) => {
  let state = protocol.start();
  const go = (input: MilterCommand): MilterStep => {
    const step = protocol.step(state, input);
    state = step.state;
    return step;
  };
  go({ kind: 'OPTNEG', version: 6, actions: 0x1ff, protocol: 0x1fffff });
  state = protocol.answer(state, {
    kind: 'events',
    judges: false,
    headers: 'all',
    bodyLimitBytes: 0,
    routes: 'none',
  }).state;
  go({ kind: 'MAIL', args: ['<a@b.example>'] });
  for (let n = 0; n < 40; n++) go({ kind: 'HEADER', name: 'X', value: 'x'.repeat(MAX_HEADER_BYTES / 32) });
  t.ok(state.at === 'message' && state.message.headers === null, 'nothing is kept any more');
  t.match(go({ kind: 'BODYEOB', chunk: new Uint8Array(0) }), {
    out: [{ kind: 'REPLYCODE', text: /^552 5\.3\.4 / }],
  });
  t.equal(state.at, 'between');
  go({ kind: 'MAIL', args: ['<a@b.example>'] });
  for (let n = 0; n < 20_000; n++) go({ kind: 'HEADER', name: '', value: '' });
  t.match(
    go({ kind: 'BODYEOB', chunk: new Uint8Array(0) }),
    { out: [{ kind: 'REPLYCODE' }] },
    'empty fields count too',
  );
});

t.test('what only the driver could get wrong', async (t) => {
  const start = protocol.start();
  const asked = protocol.step(start, { kind: 'OPTNEG', version: 6, actions: 0, protocol: 0 }).state;
  t.throws(() => protocol.step(asked, { kind: 'QUIT' }), /while an answer is owed/);
  t.throws(
    () =>
      protocol.answer(start, {
        kind: 'events',
        judges: true,
        headers: 'none',
        bodyLimitBytes: 0,
        routes: 'none',
      }),
    /not asked for/,
  );
  t.strictSame(protocol.failSafe(start), { state: { at: 'closed' }, out: [], close: true });
  t.strictSame(protocol.step({ at: 'closed' }, { kind: 'ABORT' }), { state: { at: 'closed' }, out: [] });
  t.ok(protocol.idle(start));
  t.notOk(protocol.idle(asked));
  t.ok(protocol.idle({ at: 'closed' }));
});
