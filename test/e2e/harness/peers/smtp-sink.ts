/**
 * Where a test MTA delivers: an SMTP server that takes every message and keeps it as a mailbox would have it, one copy per
 * recipient, with the envelope in `Return-Path` and `Delivered-To` on top (RFC 5321 section 4.4) and LF line ends.
 *
 * It announces 8BITMIME and SIZE, so that nothing is converted on the way, and neither TLS nor PIPELINING: without the
 * latter the bytes that end a message are the last ones the client sends before it waits, and nothing follows them.
 * Source: RFC 5321 (transparency section 4.5.2).
 */
import type { Socket } from 'node:net';
import { type MailMessage, parseMessage } from '../message.ts';
import { PeerServer } from './peer-server.ts';

const END = '\r\n.\r\n';

export class SmtpSink {
  readonly messages: MailMessage[] = [];
  readonly #server = new PeerServer((socket) => this.#serve(socket));

  private constructor() {}

  static async start(): Promise<SmtpSink> {
    const sink = new SmtpSink();
    await sink.#server.listen({ port: 0, host: '127.0.0.1' });
    return sink;
  }

  get port(): number {
    return this.#server.port;
  }

  stop(): Promise<void> {
    return this.#server.close();
  }

  #serve(socket: Socket): void {
    const say = (line: string) => void socket.write(`${line}\r\n`);
    let sender = '';
    let recipients: string[] = [];
    let content: Buffer[] | null = null;
    let tail = '\r\n'; // the last bytes of the content, so that an empty message ends, too
    let rest = '';
    say('220 sink.example ESMTP');
    socket.on('data', (chunk: Buffer) => {
      if (content !== null) {
        content.push(chunk);
        tail = (tail + chunk.subarray(-END.length).toString('latin1')).slice(-END.length);
        if (tail !== END) return;
        this.#keep(sender, recipients, Buffer.concat(content));
        content = null;
        say('250 2.0.0 kept');
        return;
      }
      const lines = (rest + chunk.toString('latin1')).split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const verb = line.slice(0, 4).toUpperCase();
        if (verb === 'EHLO') {
          socket.write('250-sink.example\r\n250-8BITMIME\r\n250 SIZE\r\n');
        } else if (verb === 'DATA') {
          content = [];
          tail = '\r\n';
          say('354 go on');
        } else if (verb === 'QUIT') {
          socket.end('221 2.0.0 bye\r\n');
        } else {
          if (verb === 'MAIL') {
            sender = pathOf(line);
            recipients = [];
          } else if (verb === 'RCPT') recipients.push(pathOf(line));
          say('250 2.0.0 ok');
        }
      }
    });
  }

  #keep(sender: string, recipients: readonly string[], content: Buffer): void {
    const stuffed = content.subarray(0, -3).toString('latin1');
    const text = stuffed.replace(/(^|\r\n)\./g, '$1').replaceAll('\r\n', '\n');
    for (const recipient of recipients) {
      const raw = `Return-Path: <${sender}>\nDelivered-To: ${recipient}\n${text}`;
      this.messages.push(parseMessage(Buffer.from(raw, 'latin1')));
    }
  }
}

/** `MAIL FROM:<a@b> SIZE=9` to `a@b`. */
function pathOf(line: string): string {
  return /<(.*?)>/.exec(line)?.[1] ?? '';
}
