/**
 * A receiving mail server that may offer STARTTLS, with any certificate: takes every message and remembers under which
 * protection each command came.
 *
 * What matters to a test of the deliver leg is what crossed the wire in the clear, so every MAIL, RCPT and message is kept
 * with the TLS protocol it came under, null for none. Source: RFC 3207 (state is forgotten at STARTTLS).
 */
import type { Socket } from 'node:net';
import { TLSSocket, type TLSSocketOptions } from 'node:tls';
import { until } from '../deadline.ts';
import { PeerServer } from './peer-server.ts';

/** One transaction as the server saw it. */
export interface Received {
  /** `TLSv1.3`; null in plain text. */
  readonly protocol: string | null;
  readonly sender: string;
  /** Of MAIL: `SIZE=99 REQUIRETLS`. */
  readonly parameters: string;
  readonly recipients: readonly string[];
  /** Recipients that were not taken, with the reply. */
  readonly refused: readonly (readonly [recipient: string, reply: string])[];
  /** null when it ended before DATA. */
  readonly content: string | null;
  /** The reply to the message. */
  readonly reply: string | null;
  /** performance.now() at MAIL. */
  readonly at: number;
  /** The client began another one, or said QUIT, after it. */
  readonly wentOn: boolean;
}

export interface SinkOptions {
  /** Certificate and limits; null: STARTTLS is not offered. */
  readonly tls: TLSSocketOptions | null;
  /**
   * STARTTLS is offered, and then refused with 454, or accepted and answered with bytes that are not TLS; or accepted, and
   * further replies in plain text come in one packet with it, as an attacker on the way would put them there (CVE-2011-0411).
   */
  readonly starttls?: 'refused' | 'garbled' | 'injected';
  /** REQUIRETLS (RFC 8689) is offered, under TLS only. */
  readonly requireTls?: boolean;
  /** Where it listens; default 127.0.0.1 and any free port. */
  readonly host?: string;
  readonly port?: number;
  /** Milliseconds before each reply. */
  readonly delayMs?: number;
  /** The reply to a recipient, or, with '', to the message; null: it is taken. */
  readonly answer?: (recipient: string, mail: Received) => string | null;
  /** Is STARTTLS offered on this connection, counted from 1? Default: on all. */
  readonly offers?: (connection: number) => boolean;
}

interface Mail {
  protocol: string | null;
  sender: string;
  parameters: string;
  recipients: string[];
  refused: (readonly [string, string])[];
  content: string | null;
  reply: string | null;
  at: number;
  wentOn: boolean;
}

export class TlsSink {
  readonly received: Received[] = [];
  connections = 0;
  /** Every byte that came in plain text, of all connections. */
  clear = '';
  readonly #options: SinkOptions;
  readonly #server = new PeerServer((socket) => {
    this.connections++;
    this.#serve(socket, null, true);
  });

  private constructor(options: SinkOptions) {
    this.#options = options;
  }

  static async start(options: SinkOptions): Promise<TlsSink> {
    const sink = new TlsSink(options);
    const { host = '127.0.0.1', port = 0 } = options;
    await sink.#server.listen({ port, host });
    return sink;
  }

  get host(): string {
    return this.#options.host ?? '127.0.0.1';
  }

  get port(): number {
    return this.#server.port;
  }

  /** Whole messages so far. */
  get messages(): readonly Received[] {
    return this.received.filter(({ content }) => content !== null);
  }

  /** Everything but the greeting that came in plain text. */
  get plain(): readonly Received[] {
    return this.received.filter(({ protocol }) => protocol === null);
  }

  waitForMessages(count: number, timeoutMs = 15_000): Promise<readonly Received[]> {
    const probe = () => (this.messages.length >= count ? this.messages : null);
    return until(timeoutMs, `${count} messages`, probe, () => JSON.stringify(this.received.slice(-20)));
  }

  stop(): Promise<void> {
    return this.#server.close();
  }

  #serve(socket: Socket, protocol: string | null, greet: boolean): void {
    const { tls, starttls, requireTls = false, delayMs = 0, answer, offers } = this.#options;
    const offersTls = offers?.(this.connections) ?? true;
    const write = (text: string): void => {
      if (delayMs === 0) socket.write(text);
      else setTimeout(() => socket.writable && socket.write(text), delayMs);
    };
    let mail: Mail | null = null;
    let content: string[] | null = null;
    let rest = '';
    const line = (text: string): void => {
      if (content !== null && mail !== null) {
        if (text !== '.') {
          content.push(text);
          return;
        }
        mail.content = `${content.join('\n')}\n`;
        content = null;
        mail.reply = answer?.('', mail) ?? '250 2.0.0 kept';
        write(`${mail.reply}\r\n`);
        return;
      }
      const verb = text.split(/[ :]/)[0]!.toUpperCase();
      if (verb === 'EHLO') {
        const offered = (tls !== null || starttls !== undefined) && protocol === null && offersTls;
        const under = requireTls && protocol !== null ? '250-REQUIRETLS\r\n' : '';
        const offer = offered ? '250-STARTTLS\r\n' : under;
        write(`250-sink.example\r\n${offer}250 8BITMIME\r\n`);
      } else if (verb === 'STARTTLS' && starttls === 'refused') {
        write('454 4.7.0 TLS not available due to local problem\r\n');
      } else if (verb === 'STARTTLS' && starttls === 'garbled') {
        socket.removeListener('data', onData);
        socket.write('220 2.0.0 go ahead\r\n');
        socket.on('data', () => socket.end('this is not TLS, and never will be\r\n'));
      } else if (verb === 'STARTTLS' && tls !== null && protocol === null) {
        socket.removeListener('data', onData);
        const more = starttls === 'injected' ? '250-sink.example\r\n250 AUTH PLAIN\r\n' : '';
        socket.write(`220 2.0.0 go ahead\r\n${more}`);
        const secured = new TLSSocket(socket, { ...tls, isServer: true });
        this.#server.track(secured); // a handshake may fail, perhaps as wanted
        secured.once('secure', () => this.#serve(secured, secured.getProtocol() ?? 'unknown', false));
      } else if (verb === 'MAIL') {
        const sender = pathOf(text);
        const parameters = text.slice(text.indexOf('>') + 1).trim();
        const none = { recipients: [], refused: [], content: null, reply: null, wentOn: false };
        if (mail !== null) mail.wentOn = true;
        mail = { protocol, sender, parameters, ...none, at: performance.now() };
        this.received.push(mail);
        write('250 2.1.0 ok\r\n');
      } else if (verb === 'RCPT') {
        const recipient = pathOf(text);
        const refusal = mail === null ? null : (answer?.(recipient, mail) ?? null);
        if (refusal === null) mail?.recipients.push(recipient);
        else mail?.refused.push([recipient, refusal]);
        write(`${refusal ?? '250 2.1.5 ok'}\r\n`);
      } else if (verb === 'DATA') {
        content = [];
        write('354 go on\r\n');
      } else if (verb === 'QUIT') {
        if (mail !== null) mail.wentOn = true;
        socket.end('221 2.0.0 bye\r\n');
      } else write('250 2.0.0 ok\r\n');
    };
    const onData = (chunk: Buffer): void => {
      if (protocol === null) this.clear += chunk.toString('latin1');
      const lines = (rest + chunk.toString('latin1')).split('\r\n');
      rest = lines.pop() ?? '';
      for (const text of lines) line(text);
    };
    socket.on('data', onData);
    if (greet) write('220 sink.example ESMTP\r\n');
  }
}

/** `MAIL FROM:<a@b> SIZE=9` to `a@b`. */
function pathOf(line: string): string {
  return /<(.*?)>/.exec(line)?.[1] ?? '';
}
