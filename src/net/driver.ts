/**
 * The one driver: it serves any protocol value on a node server and owns everything impure about a connection.
 *
 * Read a chunk, feed the decoder, step the session once per message, put its question to the handler, write what is due
 * in one buffer. A peer that breaks its protocol loses its connection and nobody else notices. If anything of ours
 * throws, the session's fail-safe reply goes out, the log gets the stack, and service goes on.
 *
 * Cost per connection decides the rate (Postfix opens one per SMTP session), so listeners are shared functions that find
 * their connection through the socket, deadlines are one sweep a second over all connections, and the clock is read then.
 */
import type { Server, Socket } from 'node:net';
import type { Log } from '../log/log.ts';
import type { Decoder, Protocol, Step } from '../session/protocol.ts';
import { WireError } from '../wire/wireError.ts';

export interface DriverLimits {
  readonly maxConnections: number;
  /** TCP only. */
  readonly maxConnectionsPerClient: number;
  /** A connection with nothing under way, in seconds. */
  readonly idleTimeoutSeconds: number;
  /** A message of the peer that has begun, or an answer it does not read, in seconds. */
  readonly requestTimeoutSeconds: number;
}

export interface DriverCounters {
  opened: number;
  refused: number;
  messages: number;
  wireErrors: number;
  bugs: number;
}

/** Who is asking; `conn` joins the lines of one connection in the log. */
export interface Peer {
  readonly conn: number;
  readonly peer: string;
}

export type Handler<Query, Answer> = (query: Query, peer: Peer) => Answer | Promise<Answer>;

const CONNECTION = Symbol('connection');
type Tracked = Socket & { [CONNECTION]?: Connection<unknown, unknown, unknown, unknown, unknown> };
let connections = 0;

class Connection<State, In, Out, Query, Answer> implements Peer {
  readonly driver: Driver<State, In, Out, Query, Answer>;
  readonly socket: Socket;
  readonly conn: number;
  readonly peer: string;
  readonly decoder: Decoder<In>;
  state: State;
  pending: Uint8Array[] = [];
  /** An answer is being waited for: no further message is stepped. */
  busy = false;
  ended = false;
  closing = false;
  /** Seconds of the driver's clock. */
  lastActive: number;
  waitingSince = 0;

  constructor(driver: Driver<State, In, Out, Query, Answer>, socket: Socket, peer: string) {
    this.driver = driver;
    this.socket = socket;
    this.conn = ++connections;
    this.peer = peer;
    this.decoder = driver.protocol.decoder();
    this.state = driver.protocol.start();
    this.lastActive = driver.clock;
  }

  receive(chunk: Uint8Array): void {
    if (this.closing) return;
    this.lastActive = this.driver.clock;
    try {
      this.decoder.push(chunk);
    } catch (error) {
      this.fault(error);
      return;
    }
    if (this.busy) this.socket.pause();
    else this.pump();
  }

  pump(): void {
    while (!this.busy && !this.closing) {
      try {
        const message = this.decoder.next();
        if (message === null) break;
        this.driver.counters.messages++;
        this.apply(this.driver.protocol.step(this.state, message));
      } catch (error) {
        this.fault(error);
      }
    }
    this.flush();
    if (this.decoder.partial()) this.waitingSince ||= this.driver.clock;
    else this.waitingSince = 0;
    if (this.busy || this.closing) return;
    if (this.ended) this.finish();
    else if (this.driver.draining && this.driver.protocol.idle(this.state)) this.finish();
  }

  apply(first: Step<State, Out, Query>): void {
    let step = first;
    for (;;) {
      this.state = step.state;
      for (const out of step.out) this.pending.push(this.driver.protocol.encode(out));
      if (step.close) {
        this.finish();
        return;
      }
      if (step.ask === undefined) return;
      const answer = this.driver.handler(step.ask, this);
      if (answer instanceof Promise) {
        this.wait(answer);
        return;
      }
      step = this.driver.protocol.answer(this.state, answer);
    }
  }

  wait(promise: Promise<Answer>): void {
    this.busy = true;
    const resume = (act: () => void): void => {
      this.busy = false;
      try {
        act();
      } catch (error) {
        this.fault(error);
      }
      if (this.socket.isPaused()) this.socket.resume();
      this.pump();
    };
    promise.then(
      (answer) => resume(() => this.apply(this.driver.protocol.answer(this.state, answer))),
      (error: unknown) => resume(() => this.fault(error)),
    );
  }

  /** The peer's mistake closes the connection; ours gets the fail-safe reply. */
  fault(error: unknown): void {
    const { log, protocol, counters } = this.driver;
    if (error instanceof WireError) {
      counters.wireErrors++;
      log.wireError(protocol.name, this.conn, this.peer, error.rule, error.offset, error.got);
      this.finish();
      return;
    }
    counters.bugs++;
    log.bug(`${protocol.name} session`, error);
    try {
      const step = protocol.failSafe(this.state);
      this.state = step.state;
      for (const out of step.out) this.pending.push(protocol.encode(out));
      if (step.close) this.finish();
    } catch (second) {
      log.bug(`${protocol.name} fail-safe`, second);
      this.pending = [];
      this.finish();
    }
  }

  flush(): void {
    const { pending } = this;
    if (pending.length === 0) return;
    this.pending = [];
    const flowing = this.socket.write(pending.length === 1 ? pending[0]! : Buffer.concat(pending));
    // a peer that sends without reading must not fill our memory
    if (!flowing) this.socket.pause();
  }

  finish(): void {
    if (this.closing) return;
    this.closing = true;
    this.flush();
    // an MTA that keeps the connection for later does not notice our end of stream, so do not wait for its own
    this.socket.destroySoon();
    this.waitingSince = this.driver.clock;
  }
}

function onData(this: Tracked, chunk: Uint8Array): void {
  this[CONNECTION]?.receive(chunk);
}

function onEnd(this: Tracked): void {
  const connection = this[CONNECTION];
  if (connection === undefined) return;
  connection.ended = true;
  if (!connection.busy) connection.driver.ended(connection);
}

function onDrain(this: Tracked): void {
  if (this[CONNECTION]?.busy === false) this.resume();
}

function onError(this: Tracked, error: Error): void {
  const connection = this[CONNECTION];
  if (connection !== undefined)
    connection.driver.log.socketError(
      connection.driver.protocol.name,
      connection.conn,
      connection.peer,
      error,
    );
}

function onClose(this: Tracked): void {
  const connection = this[CONNECTION];
  if (connection !== undefined) connection.driver.closed(connection);
}

export class Driver<State, In, Out, Query, Answer> {
  readonly protocol: Protocol<State, In, Out, Query, Answer>;
  readonly handler: Handler<Query, Answer>;
  readonly log: Log;
  readonly counters: DriverCounters = { opened: 0, refused: 0, messages: 0, wireErrors: 0, bugs: 0 };
  limits: DriverLimits;
  draining = false;
  /** Seconds since start, moved on by the sweep. */
  clock = 1;
  readonly #open = new Set<Connection<State, In, Out, Query, Answer>>();
  readonly #perClient = new Map<string, number>();
  readonly #servers: Server[] = [];
  readonly #sweep: NodeJS.Timeout;

  constructor(
    protocol: Protocol<State, In, Out, Query, Answer>,
    handler: Handler<Query, Answer>,
    limits: DriverLimits,
    log: Log,
  ) {
    this.protocol = protocol;
    this.handler = handler;
    this.limits = limits;
    this.log = log;
    this.#sweep = setInterval(() => this.#check(), 1000);
    this.#sweep.unref();
  }

  /** Number of open connections. */
  get open(): number {
    return this.#open.size;
  }

  /** Serves every connection that this server accepts from now on. */
  attach(server: Server): void {
    this.#servers.push(server);
    server.on('connection', (socket) => this.accept(socket));
    server.on('error', (error) => this.log.bug(`${this.protocol.name} listener`, error));
  }

  accept(socket: Socket): void {
    const client = socket.remoteAddress ?? '';
    const peer = client === '' ? 'unix' : `${client}:${socket.remotePort ?? 0}`;
    if (this.#overLimit(client, peer)) {
      socket.destroy();
      return;
    }
    this.counters.opened++;
    const connection = new Connection(this, socket, peer);
    (socket as Tracked)[CONNECTION] = connection as unknown as Connection<
      unknown,
      unknown,
      unknown,
      unknown,
      unknown
    >;
    this.#open.add(connection);
    if (client !== '') this.#perClient.set(client, (this.#perClient.get(client) ?? 0) + 1);
    this.log.connOpen(this.protocol.name, connection.conn, peer);
    socket.on('data', onData);
    socket.on('end', onEnd);
    socket.on('drain', onDrain);
    socket.on('error', onError);
    socket.on('close', onClose);
  }

  #overLimit(client: string, peer: string): boolean {
    const { maxConnections, maxConnectionsPerClient } = this.limits;
    let limit = '';
    let value = 0;
    if (this.#open.size >= maxConnections) [limit, value] = ['max-connections', maxConnections];
    else if (client !== '' && (this.#perClient.get(client) ?? 0) >= maxConnectionsPerClient) {
      [limit, value] = ['max-connections-per-client', maxConnectionsPerClient];
    }
    if (limit === '') return false;
    this.counters.refused++;
    this.log.limit(this.protocol.name, 0, peer, limit, value);
    return true;
  }

  /** The peer will send no more; what it asked for is already answered. */
  ended(connection: Connection<State, In, Out, Query, Answer>): void {
    if (!connection.closing && connection.decoder.partial()) {
      this.counters.wireErrors++;
      this.log.wireError(
        this.protocol.name,
        connection.conn,
        connection.peer,
        `${this.protocol.name}-truncated`,
        0,
        'end of stream inside a message',
      );
    }
    connection.finish();
  }

  closed(connection: Connection<State, In, Out, Query, Answer>): void {
    if (!this.#open.delete(connection)) return;
    this.log.connClose(this.protocol.name, connection.conn, connection.peer);
    const client =
      connection.peer === 'unix' ? '' : connection.peer.slice(0, connection.peer.lastIndexOf(':'));
    const count = this.#perClient.get(client);
    if (count === undefined) return;
    if (count <= 1) this.#perClient.delete(client);
    else this.#perClient.set(client, count - 1);
  }

  #check(): void {
    const now = ++this.clock;
    const { idleTimeoutSeconds, requestTimeoutSeconds } = this.limits;
    for (const connection of this.#open) {
      const stalled = connection.socket.writableLength > 0 || connection.closing;
      if (stalled) connection.waitingSince ||= now;
      if (
        connection.waitingSince > 0 &&
        !connection.busy &&
        now - connection.waitingSince > requestTimeoutSeconds
      ) {
        if (!connection.closing)
          this.log.limit(
            this.protocol.name,
            connection.conn,
            connection.peer,
            'request-timeout',
            requestTimeoutSeconds,
          );
        connection.socket.destroy();
      } else if (now - connection.lastActive > idleTimeoutSeconds && !connection.busy) {
        this.log.limit(
          this.protocol.name,
          connection.conn,
          connection.peer,
          'idle-timeout',
          idleTimeoutSeconds,
        );
        connection.socket.destroy();
      }
    }
  }

  /** Stops accepting; idle connections close now, others when their transaction ends. Resolves to how many were cut off. */
  async drain(limitSeconds: number): Promise<number> {
    this.draining = true;
    for (const server of this.#servers) server.close();
    for (const connection of this.#open) {
      if (!connection.busy && !connection.decoder.partial() && this.protocol.idle(connection.state))
        connection.finish();
    }
    const end = performance.now() + limitSeconds * 1000;
    while (this.#open.size > 0 && performance.now() < end)
      await new Promise((resolve) => setTimeout(resolve, 20));
    const cutOff = this.#open.size;
    for (const connection of this.#open) connection.socket.destroy();
    clearInterval(this.#sweep);
    return cutOff;
  }
}
