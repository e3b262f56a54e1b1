/**
 * An after-queue content filter as FILTER_README has it: takes mail by SMTP, remembers the envelope and hands the message back
 * unchanged to the listener of Postfix that does not filter again. Answers the final dot only when the message was taken.
 */
import { PeerServer } from './peer-server.ts';
import { openSession } from './smtp-session.ts';

export interface Filtered {
  readonly sender: string;
  readonly recipients: readonly string[];
  /** What it answered to the message; null: nothing yet. */
  readonly reply: string | null;
  /** The client began another one, or said QUIT, after it. */
  readonly wentOn: boolean;
  /** performance.now() at the end of the message. */
  readonly at: number;
}

export interface ContentFilter {
  readonly port: number;
  readonly seen: readonly Filtered[];
  stop(): Promise<void>;
}

/** `reinject`: port on 127.0.0.1 that messages are handed back to. */
export async function startContentFilter(reinject: number): Promise<ContentFilter> {
  const seen: { -readonly [K in keyof Filtered]: Filtered[K] }[] = [];
  const handBack = async (from: string, to: string[], text: string): Promise<string> => {
    const client = await openSession(reinject);
    try {
      const { last } = await client.send({ from, to, text });
      return `${last.code} ${last.text}`;
    } finally {
      await client.quit();
    }
  };
  const server = new PeerServer((socket) => {
    let sender = '';
    let recipients: string[] = [];
    let content: string[] | null = null;
    let last: { wentOn: boolean } | null = null;
    let rest = '';
    const line = async (text: string): Promise<string> => {
      if (content !== null) {
        if (text !== '.') {
          content.push(text.startsWith('.') ? text.slice(1) : text);
          return '';
        }
        const body = `${content.join('\n')}\n`;
        content = null;
        const one = {
          sender,
          recipients,
          reply: null as string | null,
          wentOn: false,
          at: performance.now(),
        };
        seen.push(one);
        last = one;
        one.reply = await handBack(sender, recipients, body).catch((error: unknown) => `451 4.3.0 ${error}`);
        return one.reply;
      }
      const path = /<(.*?)>/.exec(text)?.[1] ?? '';
      const verb = text.split(/[ :]/)[0]!.toUpperCase();
      if (verb === 'DATA') {
        content = [];
        return '354 go on';
      }
      if (verb === 'QUIT') {
        if (last !== null) last.wentOn = true;
        return '221 2.0.0 bye';
      }
      if (verb === 'MAIL') {
        [sender, recipients] = [path, []];
        if (last !== null) last.wentOn = true;
      }
      if (verb === 'RCPT') recipients.push(path);
      return '250 2.0.0 ok';
    };
    let turn: Promise<void> = Promise.resolve();
    socket.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString('latin1')).split('\r\n');
      rest = lines.pop() ?? '';
      for (const text of lines) {
        turn = turn.then(async () => {
          const reply = await line(text);
          if (reply === '') return;
          socket.write(`${reply}\r\n`);
          if (reply.startsWith('221')) socket.end();
        });
      }
    });
    socket.write('220 filter.example ESMTP\r\n');
  });
  await server.listen({ port: 0, host: '127.0.0.1' });
  return { port: server.port, seen, stop: () => server.close() };
}
