/**
 * An SMTP client that leaves every decision to the test: which address to connect from, when to start TLS and with which
 * versions, ciphers and certificate, what each command says, how many messages one connection carries.
 *
 * It never interprets: a 5xx is a `Reply` like any other, and only a lost connection, a malformed reply or a missed
 * deadline throws (with the transcript so far). Commands are strictly one at a time; `write` sends raw bytes for
 * pipelining and broken input. Sources: RFC 5321 (replies §4.2, dot-stuffing §4.5.2), RFC 2034 (enhanced codes),
 * RFC 3207 (STARTTLS), RFC 4954 and 4616 (AUTH PLAIN), Postfix XCLIENT_README.
 */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type SecureVersion, type TLSSocket } from 'node:tls';
import { within } from '../deadline.ts';
import { type Reply, ReplyReader } from './smtp-reply.ts';

export interface TlsOptions {
  readonly minVersion?: SecureVersion;
  readonly maxVersion?: SecureVersion;
  /** OpenSSL cipher list. For TLS 1.0, 1.1 and NULL ciphers add `@SECLEVEL=0`. */
  readonly ciphers?: string;
  /** PEM text of the client certificate and its key. */
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
  /** PEM text. When given, the server's certificate must verify against it; otherwise nothing is checked. */
  readonly ca?: string;
}

/** What was negotiated, as the client saw it. */
export interface TlsInfo {
  /** "TLSv1.3" */
  readonly protocol: string;
  /** OpenSSL name, the one Postfix reports: "TLS_AES_256_GCM_SHA384", "ECDHE-RSA-AES128-SHA". */
  readonly cipher: string;
}

export interface ConnectOptions {
  readonly host?: string;
  /** Source address, any of 127.0.0.0/8. */
  readonly localAddress?: string;
  /** Source port; default any. */
  readonly localPort?: number;
  /** Deadline of each single wait. Default 15000. */
  readonly timeoutMs?: number;
  /** Start TLS before the greeting (submissions, port 465 style). */
  readonly wrapped?: TlsOptions;
}

export interface Message {
  readonly from: string;
  readonly to: string | readonly string[];
  /** Headers, blank line, body; line ends may be LF. A Buffer when the bytes matter. */
  readonly text?: string | Buffer;
  /** After `MAIL FROM:<...>`, for example `BODY=8BITMIME`. */
  readonly mailParameters?: string;
}

/** Every reply of one transaction. `data` and `end` are null when no recipient was accepted. */
export interface Transaction {
  readonly mail: Reply;
  readonly rcpt: readonly Reply[];
  /** The reply to DATA (354 when it went well). */
  readonly data: Reply | null;
  /** The reply to the final dot. */
  readonly end: Reply | null;
  /** The last reply that was received: what an ordinary client would report. */
  readonly last: Reply;
  /** From "250 2.0.0 Ok: queued as ID", else null. */
  readonly queueId: string | null;
}

export class SmtpClient {
  /** The 220 (or 5xx) that opened the session; null until `connect` has returned. */
  greeting: Reply | null = null;
  /** EHLO keywords in upper case with their parameters, from the last EHLO. */
  extensions: ReadonlyMap<string, string> = new Map();
  tls: TlsInfo | null = null;
  /** Everything said, `C: ` and `S: ` in front; TLS start is a line of its own. */
  readonly transcript: string[] = [];

  #socket: Socket | TLSSocket;
  /** The connection below TLS. */
  readonly #tcp: Socket;
  readonly #timeoutMs: number;
  readonly #reader = new ReplyReader();
  #replies: Reply[] = [];
  #waiting: { resolve: (reply: Reply) => void; reject: (error: Error) => void } | null = null;
  #failure: Error | null = null;
  #noteClosed: () => void = () => {};
  readonly #closed: Promise<void> = new Promise((resolve) => {
    this.#noteClosed = resolve;
  });

  private constructor(socket: Socket | TLSSocket, tcp: Socket, timeoutMs: number) {
    this.#socket = socket;
    this.#tcp = tcp;
    this.#timeoutMs = timeoutMs;
    this.#listen();
  }

  /** Connect and read the greeting, whatever its code. */
  static async connect(port: number, options: ConnectOptions = {}): Promise<SmtpClient> {
    const { host = '127.0.0.1', localAddress, localPort, timeoutMs = 15_000, wrapped } = options;
    const tcp = connectTcp({
      host,
      port,
      ...(localAddress === undefined ? {} : { localAddress }),
      ...(localPort === undefined ? {} : { localPort }),
    });
    tcp.setNoDelay(true);
    try {
      await within(timeoutMs, `connection to ${host}:${port}`, opened(tcp, 'connect'));
      const socket = wrapped === undefined ? tcp : await secured(tcp, wrapped, timeoutMs);
      const client = new SmtpClient(socket, tcp, timeoutMs);
      if (wrapped !== undefined) client.#noteTls(socket as TLSSocket);
      client.greeting = await client.reply('greeting');
      return client;
    } catch (error) {
      tcp.destroy();
      throw error;
    }
  }

  /** Send bytes as they are, without waiting for anything. */
  write(bytes: string | Buffer): void {
    if (this.#failure !== null) throw this.#failure;
    const text = typeof bytes === 'string' ? bytes : bytes.toString('latin1');
    for (const line of text.replace(/\r?\n$/, '').split(/\r?\n/)) this.transcript.push(`C: ${line}`);
    this.#socket.write(bytes);
  }

  /** The next reply that arrives (or has already arrived). */
  async reply(what = 'reply'): Promise<Reply> {
    const ready = this.#replies.shift();
    if (ready !== undefined) return ready;
    if (this.#failure !== null) throw this.#failure;
    const arrival = new Promise<Reply>((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
    try {
      return await within(this.#timeoutMs, what, arrival);
    } catch (error) {
      this.#waiting = null;
      const reason = error instanceof Error ? error.message : String(error);
      this.destroy();
      throw new Error(`SMTP: ${reason}\n${this.transcript.join('\n')}`, { cause: error });
    }
  }

  /** Send one line (CRLF is added) and return its reply. */
  async command(line: string): Promise<Reply> {
    this.write(`${line}\r\n`);
    return this.reply(`reply to ${line.slice(0, 40)}`);
  }

  async ehlo(name = 'client.example'): Promise<Reply> {
    const reply = await this.command(`EHLO ${name}`);
    this.extensions = new Map(
      reply.code === 250
        ? reply.lines.slice(1).map((line) => {
            const [word = '', ...rest] = line.split(' ');
            return [word.toUpperCase(), rest.join(' ')];
          })
        : [],
    );
    return reply;
  }

  /** STARTTLS and, after a 220, the handshake. A refused handshake throws; a refused command is a reply. */
  async starttls(options: TlsOptions = {}): Promise<Reply> {
    const reply = await this.command('STARTTLS');
    if (reply.code !== 220) return reply;
    const plain = this.#socket;
    this.#deafen(plain);
    const socket = await secured(plain, options, this.#timeoutMs);
    this.#socket = socket;
    this.extensions = new Map(); // RFC 3207 §4.2: forget what was said before
    this.#listen();
    this.#noteTls(socket);
    return reply;
  }

  /** AUTH PLAIN with an initial response. */
  authPlain(user: string, password: string): Promise<Reply> {
    return this.command(`AUTH PLAIN ${Buffer.from(`\0${user}\0${password}`).toString('base64')}`);
  }

  /** XCLIENT: pretend to be another client. The server must list us in `smtpd_authorized_xclient_hosts`; EHLO again after. */
  xclient(attributes: Readonly<Record<string, string>>): Promise<Reply> {
    const words = Object.entries(attributes).map(([name, value]) => `${name}=${value}`);
    return this.command(`XCLIENT ${words.join(' ')}`);
  }

  /** `address` without angle brackets; '' is the null sender. */
  mail(address: string, parameters = ''): Promise<Reply> {
    return this.command(`MAIL FROM:<${address}>${parameters === '' ? '' : ` ${parameters}`}`);
  }

  rcpt(address: string, parameters = ''): Promise<Reply> {
    return this.command(`RCPT TO:<${address}>${parameters === '' ? '' : ` ${parameters}`}`);
  }

  /**
   * The message after a 354: line ends become CRLF, dots are stuffed, the final dot is sent. Returns the reply to it.
   * A string is sent as UTF-8, a Buffer byte by byte.
   */
  content(message: string | Buffer): Promise<Reply> {
    const bytes = typeof message === 'string' ? Buffer.from(message) : message;
    const lines = bytes
      .toString('latin1')
      .replace(/\r?\n$/, '')
      .split(/\r?\n/);
    const stuffed = lines.map((line) => (line.startsWith('.') ? `.${line}` : line));
    this.write(Buffer.from(`${stuffed.join('\r\n')}\r\n.\r\n`, 'latin1'));
    return this.reply('reply to the message');
  }

  /** DATA and, after a 354, the message: the reply to the final dot, or to DATA when it was refused. */
  async data(message: string | Buffer): Promise<Reply> {
    const reply = await this.command('DATA');
    return reply.code === 354 ? this.content(message) : reply;
  }

  /**
   * One whole transaction, going on as long as an ordinary client would: after a refused MAIL there is no RCPT, with no
   * accepted recipient there is no DATA. Ends with RSET when the transaction is still open.
   */
  async send(message: Message): Promise<Transaction> {
    const recipients = typeof message.to === 'string' ? [message.to] : message.to;
    const text = message.text ?? `From: <${message.from}>\nSubject: test\n\nHello.\n`;
    const mail = await this.mail(message.from, message.mailParameters);
    const rcpt: Reply[] = [];
    let data: Reply | null = null;
    let end: Reply | null = null;
    if (mail.code === 250) {
      for (const address of recipients) rcpt.push(await this.rcpt(address));
      if (rcpt.some(({ code }) => code === 250 || code === 251)) {
        data = await this.command('DATA');
        if (data.code === 354) end = await this.content(text);
      }
      if (end === null) await this.command('RSET');
    }
    const last = end ?? data ?? rcpt.at(-1) ?? mail;
    return { mail, rcpt, data, end, last, queueId: /queued as (\w+)/.exec(end?.text ?? '')?.[1] ?? null };
  }

  /** QUIT, then wait until the server has closed. Safe to call on a dead connection. */
  async quit(): Promise<void> {
    if (this.#failure !== null) return;
    try {
      await this.command('QUIT');
      this.#socket.end();
      await within(this.#timeoutMs, 'close after QUIT', this.#closed);
    } finally {
      this.destroy();
    }
  }

  /** Resolves when the server has closed the connection. */
  closed(): Promise<void> {
    return within(this.#timeoutMs, 'close by the server', this.#closed);
  }

  /** Drop the connection without a word. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** Drop it with a TCP reset, after which its port can be used again at once. */
  async reset(): Promise<void> {
    this.#tcp.resetAndDestroy();
    await within(this.#timeoutMs, 'reset', this.#closed);
  }

  #noteTls(socket: TLSSocket): void {
    this.tls = { protocol: socket.getProtocol() ?? '', cipher: socket.getCipher().name };
    this.transcript.push(`-- ${this.tls.protocol} ${this.tls.cipher}`);
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on('data', this.#onData);
    socket.on('error', this.#fail);
    socket.on('close', this.#onClose);
  }

  #deafen(socket: Socket): void {
    socket.off('data', this.#onData);
    socket.off('error', this.#fail);
    socket.off('close', this.#onClose);
  }

  readonly #onData = (chunk: Buffer): void => this.#take(chunk.toString('latin1'));

  readonly #fail = (error: Error): void => {
    this.#failure ??= error;
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.reject(this.#failure);
  };

  readonly #onClose = (): void => {
    this.#fail(new Error('connection closed by the server'));
    this.#noteClosed();
  };

  #take(text: string): void {
    try {
      for (const reply of this.#reader.push(text, (line) => this.transcript.push(`S: ${line}`))) {
        const waiting = this.#waiting;
        this.#waiting = null;
        if (waiting === null) this.#replies.push(reply);
        else waiting.resolve(reply);
      }
    } catch (error) {
      this.#fail(error as Error);
    }
  }
}

/** The event, or the socket's error, or its early close. Leaves no listener behind. */
function opened(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error: Error | null) => {
      socket.off(event, ok);
      socket.off('error', settle);
      socket.off('close', early);
      if (error === null) resolve();
      else reject(error);
    };
    const ok = () => settle(null);
    const early = () => settle(new Error(`connection closed before ${event}`));
    socket.on(event, ok);
    socket.on('error', settle);
    socket.on('close', early);
  });
}

async function secured(plain: Socket, options: TlsOptions, timeoutMs: number): Promise<TLSSocket> {
  const { ca, ...rest } = options;
  const check = ca === undefined ? { rejectUnauthorized: false } : { ca, rejectUnauthorized: true };
  const socket = connectTls({ socket: plain, ...rest, ...check });
  try {
    await within(timeoutMs, 'TLS handshake', opened(socket, 'secureConnect'));
    return socket;
  } catch (error) {
    socket.on('error', () => {}); // a late alert must not end the test process
    socket.destroy();
    plain.destroy();
    throw error;
  }
}
