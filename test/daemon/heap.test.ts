/**
 * A daemon process with a small heap, and messages with many long recipients: what is kept of a message is bounded in
 * bytes, so the process lives, and the code that a client was given is still found.
 *
 * `TLSWARD_HEAP_MESSAGES` and `TLSWARD_HEAP_MIB` make the run longer and print what was measured.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'tap';
import { encodeCommands, ReplyDecoder } from '../../src/wire/milterClient.ts';
import type { MilterCommand } from '../../src/wire/milterDecode.ts';
import type { MilterReply } from '../../src/wire/milterEncode.ts';
import { daemonProcess } from './process.ts';

const MESSAGES = Number(process.env.TLSWARD_HEAP_MESSAGES ?? 60);
const HEAP_MIB = Number(process.env.TLSWARD_HEAP_MIB ?? 56);
const RECIPIENTS = 1000;

/** Replies one after the other; rejects when the daemon goes. */
class Mta {
  readonly socket: Socket;
  readonly #decoder = new ReplyDecoder();
  #wake: () => void = () => {};
  #gone = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#decoder.push(chunk);
      this.#wake();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#gone = true;
      this.#wake();
    });
  }

  async reply(): Promise<MilterReply> {
    for (;;) {
      const reply = this.#decoder.next();
      if (reply !== null) return reply;
      if (this.#gone) throw new Error('the daemon closed the connection');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Sends, and takes as many replies. */
  async ask(commands: readonly MilterCommand[], replies: number): Promise<MilterReply[]> {
    this.socket.write(encodeCommands(commands));
    const got: MilterReply[] = [];
    while (got.length < replies) got.push(await this.reply());
    return got;
  }
}

async function mta(folder: string): Promise<Mta> {
  const socket = connect(join(folder, 'm'));
  await once(socket, 'connect');
  const one = new Mta(socket);
  await one.ask([{ kind: 'OPTNEG', version: 6, actions: 0x1ff, protocol: 0x1fffff }], 1);
  socket.write(
    encodeCommands([
      { kind: 'CONNECT', hostname: 'client.example', family: '4', port: 4711, address: '192.0.2.1' },
      { kind: 'HELO', name: 'client.example' },
    ]),
  );
  return one;
}

/** One message; resolves to the last reply. `length`: of each recipient's address. */
async function message(one: Mta, number: number, length: number): Promise<MilterReply> {
  const rcpt = Array.from({ length: RECIPIENTS }, (_, i): MilterCommand => {
    const domain = `@d${i}.example`;
    const local = `r${number}-${i}-`;
    return { kind: 'RCPT', args: [`<${local.padEnd(length - domain.length, 'x')}${domain}>`] };
  });
  // Postfix's way of saying that the session is plain
  const macros = '{client_addr}\x00192.0.2.1\0';
  const mail: MilterCommand = { kind: 'MAIL', args: ['<alice@bank.example>'] };
  const replies = await one.ask([{ kind: 'MACRO', stage: 'M', macros }, mail, ...rcpt], RECIPIENTS);
  for (const { kind } of replies) if (kind !== 'CONTINUE') throw new Error(`RCPT was answered ${kind}`);
  one.socket.write(encodeCommands([{ kind: 'BODYEOB', chunk: new Uint8Array(0) }]));
  for (;;) {
    const reply = await one.reply();
    if (reply.kind === 'CONTINUE' || reply.kind === 'TEMPFAIL' || reply.kind === 'REPLYCODE') return reply;
  }
}

function residentMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/VmHWM:\s+([0-9]+)/.exec(status)![1]) / 1024);
}

const ROWS = {
  tag: '[policy strict]\nreceive = encrypt\nviolation = tag\n[domains]\n* = strict\n',
  hold: '[policy strict]\nreceive = encrypt\nviolation = hold\n[domains]\n* = strict\n',
  observe: '[domain *]\nreceive = encrypt\nmode = observe\n',
};

for (const [violation, rows] of Object.entries(ROWS)) {
  for (const length of [30, 800]) {
    test(`${violation}: ${MESSAGES} messages of ${RECIPIENTS} recipients of ${length} characters`, {
      timeout: 240_000 + 2000 * MESSAGES,
    }, async (t) => {
      const log = { longest: 0, codes: [] as string[] };
      const { folder, ended, pid, ask } = await daemonProcess(t, `trusted-clients =\n${rows}`, {
        flags: [`--max-old-space-size=${HEAP_MIB}`],
        line: (line) => {
          log.longest = Math.max(log.longest, Buffer.byteLength(line));
          const fields = JSON.parse(line) as Record<string, unknown>;
          if (fields.event === 'tx.verdict') log.codes.push(String(fields.code));
        },
      });
      let gone: unknown = null;
      void ended.then((how) => {
        gone = how;
      });
      const one = await mta(folder);
      try {
        for (let i = 0; i < MESSAGES; i++) t.equal((await message(one, i, length)).kind, 'CONTINUE');
      } catch (error) {
        await new Promise((resolve) => setTimeout(resolve, 1000));
        t.fail(`${(error as Error).message}; the process ended: ${String(gone)}`);
        return;
      }
      const status = await ask('status');
      while (log.codes.length < MESSAGES) await new Promise((resolve) => setTimeout(resolve, 20));
      t.ok(log.longest < 32_768, `the longest line of the log has ${log.longest} bytes`);
      for (const code of [log.codes.at(-1)!, log.codes.at(-50)!]) {
        const { verdict } = (await ask('lookup', code)) as unknown as {
          readonly verdict: {
            readonly code: string;
            readonly because: string[];
            readonly recipients: string[];
          };
        };
        t.equal(verdict.code, code, 'what was printed is found again');
        t.match(verdict.because[0], /^sender <alice@bank\.example>/);
        t.match(verdict.because.at(-1), /^and [0-9]+ more$/);
        t.match(verdict.recipients.at(-1), /^and 9[0-9]+ more$/);
      }
      if (process.env.TLSWARD_HEAP_MESSAGES !== undefined)
        t.comment(
          `peak ${residentMiB(pid)} MiB resident, longest line ${log.longest}, ${JSON.stringify(status.memory)}`,
        );
      one.socket.destroy();
    });
  }
}
