/**
 * Asks another policy server (`published = socketmap:...`: postfix-tlspol, postfix-mta-sts-resolver) what to
 * do.
 *
 * Connections are reused, each for one question at a time as in Postfix, so that a slow answer does not delay
 * other questions. If a reused connection turns out to be closed, the question is sent once more on a new
 * one. The answer is `unknown` if that fails, too, and for TEMP, PERM, an invalid reply, an unknown
 * attribute, or no reply within DEADLINE_MS. A connection without a valid reply is closed.
 *
 * The key is a next hop as Postfix writes it: `bank.example`, `[mx.bank.example]`, `[mx.bank.example]:587`.
 * Limits: MAX_CONNECTIONS at once, of which one owner of domains may use a quarter. Further questions wait a
 * second for a free connection. A question that has waited a second for its answer is given up when others
 * wait (dns/fairGate.ts).
 * Sources: Postfix socketmap_table(5); src/wire/socketmapClient.ts.
 */
import { connect, type Socket } from 'node:net';
import type { PostfixVersion } from '../core/postfixVersion.ts';
import type { OtherAnswer, PublishedQuestion } from '../core/publishedFacts.ts';
import { siteOf } from '../core/site.ts';
import { FairGate, sharesOf } from '../dns/fairGate.ts';
import { encodeSocketmapRequest, SocketmapReplyDecoder } from '../wire/socketmapClient.ts';
import type { SocketmapReply } from '../wire/socketmapEncode.ts';
import { parseTlsPolicy } from '../wire/tlsPolicyParse.ts';
import { WireError } from '../wire/wireError.ts';

export type PolicyServerAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'inet'; readonly host: string; readonly port: number };

interface PolicyServerOptions {
  readonly address: PolicyServerAddress;
  /** Name of the map on that server. */
  readonly map: string;
  /** The Postfix version whose grammar the answers follow. */
  readonly version: PostfixVersion;
  /** Default 10,000. */
  readonly deadlineMs?: number;
}

const DEADLINE_MS = 10_000;
const MAX_CONNECTIONS = 64;
const MAX_WAITING = 1024;
const PATIENCE_MS = 1000;
const OLD_MS = 1000;
const CLOSED = 'not asked, because tlsward is shutting down';

interface Waiting {
  readonly key: string;
  readonly settle: (answer: OtherAnswer) => void;
  /** Number of times it was sent. */
  tries: number;
  done: boolean;
}

interface Connection {
  readonly socket: Socket;
  readonly decoder: SocketmapReplyDecoder;
  /** The question that was sent on it and is not answered yet. */
  waiting: Waiting | null;
}

export class PolicyServerClient {
  readonly #options: PolicyServerOptions;
  readonly #idle: Connection[] = [];
  readonly #open = new Set<Connection>();
  readonly #queue: Waiting[] = [];
  readonly #gate = new FairGate({
    most: MAX_CONNECTIONS,
    mostWaiting: MAX_WAITING,
    patienceMs: PATIENCE_MS,
    oldMs: OLD_MS,
  });
  #closed = false;

  constructor(options: PolicyServerOptions) {
    this.#options = options;
  }

  /** Never rejects. */
  async ask(question: PublishedQuestion): Promise<OtherAnswer> {
    const place = await this.#gate.enter(sharesOf(siteOf(question.name), MAX_CONNECTIONS));
    if (place === null) return unknown(this.#closed ? CLOSED : 'too many questions at once');
    try {
      return await this.#ask(question, place.signal);
    } finally {
      place.leave();
    }
  }

  #ask(question: PublishedQuestion, signal: AbortSignal): Promise<OtherAnswer> {
    const deadlineMs = this.#options.deadlineMs ?? DEADLINE_MS;
    return new Promise((resolve) => {
      const waiting: Waiting = {
        key: keyOf(question),
        settle: (answer) => {
          if (waiting.done) return;
          waiting.done = true;
          clearTimeout(timer);
          resolve(answer);
        },
        tries: 0,
        done: false,
      };
      const timer = setTimeout(
        () => this.#end(waiting, `no answer within ${deadlineMs / 1000} s`),
        deadlineMs,
      );
      signal.addEventListener('abort', () =>
        this.#end(waiting, this.#closed ? CLOSED : 'it took too long while others waited'),
      );
      this.#queue.push(waiting);
      this.#next();
    });
  }

  /** Closes all connections; waiting callers get `unknown`. */
  close(): void {
    this.#closed = true;
    this.#gate.close();
    for (const { socket } of this.#open) socket.destroy();
  }

  get connections(): number {
    return this.#open.size;
  }

  #next(): void {
    while (this.#queue.length > 0 && !this.#closed) {
      const connection = this.#idle.pop() ?? this.#connect();
      if (connection === null) return;
      this.#send(connection, this.#queue.shift()!);
    }
  }

  #connect(): Connection | null {
    if (this.#open.size >= MAX_CONNECTIONS) return null;
    const { address } = this.#options;
    const socket = address.kind === 'unix' ? connect(address.path) : connect(address.port, address.host);
    const connection: Connection = { socket, decoder: new SocketmapReplyDecoder(), waiting: null };
    this.#open.add(connection);
    let why = 'it closed the connection without an answer';
    socket.on('data', (chunk) => this.#receive(connection, chunk));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      why = `cannot be reached (${error.code ?? 'no code'})`;
    });
    socket.on('close', () => this.#gone(connection, why));
    return connection;
  }

  #send(connection: Connection, waiting: Waiting): void {
    connection.waiting = waiting;
    connection.socket.ref();
    waiting.tries++;
    connection.socket.write(encodeSocketmapRequest(this.#options.map, waiting.key));
  }

  #receive(connection: Connection, chunk: Uint8Array): void {
    const { socket, decoder, waiting } = connection;
    try {
      decoder.push(chunk);
      const reply = decoder.next();
      if (reply === null && waiting !== null) return;
      // an unsolicited or second answer: later answers could no longer be matched to their questions
      if (reply === null || waiting === null || decoder.partial()) {
        connection.waiting = null;
        socket.destroy();
        waiting?.settle(unknown('it sent an unsolicited reply'));
        return;
      }
      connection.waiting = null;
      // an idle connection must not keep the process running
      socket.unref();
      this.#idle.push(connection);
      waiting.settle(this.#read(reply));
      this.#next();
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      connection.waiting = null;
      socket.destroy();
      waiting?.settle(unknown(`it did not send a socketmap reply (${error.rule})`));
    }
  }

  #read(reply: SocketmapReply): OtherAnswer {
    switch (reply.status) {
      case 'NOTFOUND':
        return { kind: 'nothing' };
      case 'OK':
        return parseTlsPolicy(reply.value, this.#options.version);
      case 'TEMP':
      case 'PERM':
        return unknown(`it answers ${reply.status} ${reply.reason.slice(0, 200)}`.trimEnd());
    }
  }

  #gone(connection: Connection, why: string): void {
    this.#open.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    const { waiting } = connection;
    connection.waiting = null;
    if (waiting !== null && !waiting.done) {
      if (waiting.tries < 2 && !this.#closed) {
        // the other idle connections are probably closed, too
        for (const { socket } of this.#idle.splice(0)) socket.destroy();
        this.#queue.unshift(waiting);
      } else waiting.settle(unknown(why));
    }
    this.#next();
  }

  #end(waiting: Waiting, why: string): void {
    const at = this.#queue.indexOf(waiting);
    if (at >= 0) this.#queue.splice(at, 1);
    waiting.settle(unknown(why));
    for (const connection of this.#open) if (connection.waiting === waiting) connection.socket.destroy();
  }
}

function keyOf({ name, host, port }: PublishedQuestion): string {
  if (!host) return name;
  return port === 25 ? `[${name}]` : `[${name}]:${port}`;
}

function unknown(why: string): OtherAnswer {
  return { kind: 'unknown', why };
}
