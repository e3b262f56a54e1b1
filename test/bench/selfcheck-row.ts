/**
 * Before anything is measured: do the load generators find fault?
 *
 * A small server of our own answers right once, then with one fault after the other, each of which Postfix would punish
 * or, worse, take for a "yes". The generator must pass the first and stop at each of the others with the words given
 * here; a generator that lets one through makes the row fail, since its figures would prove nothing.
 *
 * Sources of the faults: what Postfix 3.7 made of such replies, src/milter/milter8.c and src/smtpd/smtpd_check.c.
 */
import type { Socket } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Bed, Row } from './bed.ts';
import { domainList, freshDirectory } from './bed.ts';
import { checkMarks } from './marks-check.ts';
import { need } from './programs.ts';
import type { Finding } from './report.ts';
import { ProtocolError, runLoad } from './servers.ts';

function packet(code: string, payload = ''): string {
  const length = payload.length + 1;
  return `${String.fromCharCode(0, 0, length >> 8, length & 255)}${code}${payload}`;
}

const OFFER = '\0\0\0\x06\0\0\0\x01\0\0\x03\x73'; // version 6, ADDHDRS, only MAIL, RCPT and end of message
const HEADER = packet('i', '\0\0\0\0X-Check\0 fine\0');
const GO_ON = packet('c');
const REFUSE = packet('y', '530 5.7.0 TLS required\0');

/** What the server answers to each command; the first recipient of a session without TLS is to be refused. */
type Answers = Readonly<Partial<Record<'O' | 'M' | 'R' | 'E' | 'Q', string>>>;
const RIGHT: Answers = { O: packet('O', OFFER), M: GO_ON, R: GO_ON, E: HEADER + GO_ON };

const MILTER_FAULTS: readonly (readonly [fault: RegExp, answers: Answers])[] = [
  [/actions 0x201 not offered/, { O: packet('O', '\0\0\0\x06\0\0\x02\x01\0\0\x03\x73') }],
  [/protocol .* not offered/, { O: packet('O', '\0\0\0\x06\0\0\0\x01\x10\0\0\0') }],
  [/version 7/, { O: packet('O', '\0\0\0\x07\0\0\0\x01\0\0\x03\x73') }],
  [/edit i at MAIL/, { M: HEADER + GO_ON }],
  [/reply c with 1 bytes/, { M: packet('c', 'x') }],
  [/accept at RCPT/, { R: packet('a') }],
  [/5 bytes after the reply to RCPT/, { R: GO_ON + GO_ON }],
  [/refused at RCPT/, { R: REFUSE }],
  [/packet length 0/, { R: '\0\0\0\0\0' }],
  [/without a header/, { E: GO_ON }],
  [/without its NUL/, { E: packet('i', '\0\0\0\0X-Check\0 fine') + GO_ON }],
  [/bytes after the value/, { E: packet('i', '\0\0\0\0X-Check\0 fine\0more\0') + GO_ON }],
  [/0x3a in the name/, { E: packet('i', '\0\0\0\0X:Check\0 fine\0') + GO_ON }],
  [/without white space/, { E: packet('i', '\0\0\0\0X-Check\0 a\nb\0') + GO_ON }],
  [/m was not negotiated/, { E: packet('m', '\0\0\0\x01X-Check\0\0') + GO_ON }],
  [/bytes after QUIT/, { Q: GO_ON }],
];

const POLICY_FAULTS: readonly (readonly [fault: RegExp, answer: string])[] = [
  [/does not begin with action=/, 'ation=DUNNO\n\n'],
  [/empty action/, 'action=\n\n'],
  [/no verb that belongs here/, 'action=OK\n\n'],
  [/code without text/, 'action=550\n\n'],
  [/refused, although/, 'action=550 5.7.0 no\n\n'],
  [/0x0d in the action/, 'action=DUNNO\r\n\n'],
  [/bytes after the answer/, 'action=DUNNO\n\n\n'],
];

const SOCKETMAP_FAULTS: readonly (readonly [fault: RegExp, answer: string])[] = [
  [/no length in front/, 'NOTFOUND '],
  [/no length in front/, '09:NOTFOUND ,'],
  [/no comma behind 9 bytes/, '9:NOTFOUND ;'],
  [/neither OK nor NOTFOUND/, '8:NOTFOUND,'],
  [/neither OK nor NOTFOUND/, '6:TEMP x,'],
  [/0x0a in the answer/, '5:OK \nx,'],
  [/bytes after the answer/, '9:NOTFOUND ,9:NOTFOUND ,'],
];

function milterServer(answers: Answers): (socket: Socket) => void {
  return (socket) => {
    let waiting = Buffer.alloc(0);
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      waiting = Buffer.concat([waiting, chunk]);
      while (waiting.length >= 5 && waiting.length >= 4 + waiting.readUInt32BE(0)) {
        const command = String.fromCharCode(waiting[4]!);
        waiting = waiting.subarray(4 + waiting.readUInt32BE(0));
        const answer = answers[command as keyof Answers];
        if (answer !== undefined) socket.write(Buffer.from(answer, 'latin1'));
        if (command === 'Q') socket.end();
      }
    });
  };
}

function policyServer(answer: string): (socket: Socket) => void {
  return (socket) => {
    let waiting = '';
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      waiting += chunk.toString('latin1');
      for (let end = waiting.indexOf('\n\n'); end >= 0; end = waiting.indexOf('\n\n')) {
        waiting = waiting.slice(end + 2);
        socket.write(answer);
      }
    });
  };
}

function socketmapServer(answer: string): (socket: Socket) => void {
  return (socket) => {
    socket.on('error', () => socket.destroy());
    // a request of the generator comes in one piece, since it awaits the answer
    socket.on('data', () => void socket.write(answer));
  };
}

/** What the generator says of a server: '' when it finds no fault. */
async function verdictOn(
  bed: Bed,
  generator: readonly string[],
  serve: (socket: Socket) => void,
): Promise<string> {
  const socket = join(freshDirectory(bed), 's');
  const server = createServer(serve);
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  try {
    const target = ['--socket', socket, '--domains', domainList(bed, 100)];
    await runLoad([...generator, ...target, '--warmup', '0', '--seconds', '0.05'], null);
    return '';
  } catch (error) {
    if (error instanceof ProtocolError) return error.message;
    throw error;
  } finally {
    server.close();
  }
}

async function check(bed: Bed): Promise<Finding[]> {
  const milter = [need(bed.programs.loadMilter), '--expect-header'];
  const policy = [need(bed.programs.loadPolicy)];
  const socketmap = [need(bed.programs.loadSocketmap)];
  const wrong: string[] = [];
  const expect = (what: string, said: string, want: RegExp) => {
    if (!want.test(said)) wrong.push(`${what}: the generator said "${said}", not ${want}`);
  };
  const nothing = /^$/;
  expect('right milter', await verdictOn(bed, milter, milterServer(RIGHT)), nothing);
  for (const [fault, answers] of MILTER_FAULTS) {
    expect('milter', await verdictOn(bed, milter, milterServer({ ...RIGHT, ...answers })), fault);
  }
  const lax = await verdictOn(bed, [...milter, '--must-refuse'], milterServer(RIGHT));
  expect('milter that accepts everything', lax, /the verdict is wrong/);
  expect('right policy server', await verdictOn(bed, policy, policyServer('action=DUNNO\n\n')), nothing);
  for (const [fault, answer] of POLICY_FAULTS) {
    expect('policy', await verdictOn(bed, policy, policyServer(answer)), fault);
  }
  const mild = await verdictOn(bed, [...policy, '--must-refuse'], policyServer('action=DUNNO\n\n'));
  expect('policy server that accepts everything', mild, /the verdict is wrong/);
  expect('right socketmap server', await verdictOn(bed, socketmap, socketmapServer('9:NOTFOUND ,')), nothing);
  for (const [fault, answer] of SOCKETMAP_FAULTS) {
    expect('socketmap', await verdictOn(bed, socketmap, socketmapServer(answer)), fault);
  }
  const blind = await verdictOn(bed, [...socketmap, '--answers', 'rows'], socketmapServer('9:NOTFOUND ,'));
  expect('socketmap server that finds nothing', blind, /the answer is wrong/);
  for (const line of wrong) bed.say(line);
  if (wrong.length > 0) throw new Error(`the load generators let ${wrong.length} faults through`);
  bed.say(`${MILTER_FAULTS.length + POLICY_FAULTS.length + SOCKETMAP_FAULTS.length + 3} faults were found`);
  const marks = await checkMarks(bed);
  if (marks === null) return [{ name: 'selfcheck.faults', measured: 0 }];
  for (const line of marks.wrong) bed.say(line);
  if (marks.wrong.length > 0) throw new Error('a peer does not make the mark that tlsward makes');
  bed.say(`${marks.compared} marks of peers are those of tlsward`);
  return [
    { name: 'selfcheck.faults', measured: 0 },
    { name: 'selfcheck.marks', measured: 0 },
  ];
}

export const selfcheckRow: Row = {
  name: 'selfcheck',
  title: 'do the load generators find fault?',
  run: check,
};
