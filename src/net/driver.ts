/**
 * The one driver: it serves any protocol value on a node server and owns everything impure about a
 * connection.
 *
 * This file manages all connections together: limits, deadlines, counters, shutdown. One connection is in
 * `connection.ts`. Deadlines are checked once a second for all connections, by a counter of seconds instead
 * of a clock.
 */
import type { Server, Socket } from 'node:net';
import type { Log } from '../log/log.ts';
import type { Protocol } from '../session/protocol.ts';
import { Connection, type DriverCounters, type Handler, type Owner, type Peer } from './connection.ts';
import { ConnectionBudget } from './connectionBudget.ts';
import { DirectSocket, takeHandles } from './directSocket.ts';
import { closeServer, newServer } from './listen.ts';
import type { LoopWatch } from './loopWatch.ts';
import { trackAndRead } from './socketListeners.ts';

export interface DriverLimits {
  readonly maxConnections: number;
  /** TCP only. */
  readonly maxConnectionsPerClient: number;
  /** For a connection without a transaction, in seconds. */
  readonly idleTimeoutSeconds: number;
  /** For an incomplete message of the peer, or an answer that it does not read, in seconds. */
  readonly requestTimeoutSeconds: number;
}

/** Time between the end of accepting and the closing of idle connections. */
const GRACE_MS = 50;

interface DriverParts<State, In, Out, Query, Answer> {
  readonly protocol: Protocol<State, In, Out, Query, Answer>;
  readonly handler: Handler<Query, Answer>;
  readonly limits: DriverLimits;
  readonly log: Log;
  /** Are connections DirectSockets (directSocket.ts)? Default: no. */
  readonly direct?: boolean;
  /** Measures how long each piece of work takes. */
  readonly watch?: LoopWatch | null;
  /** Default: a separate one, without limits. */
  readonly budget?: ConnectionBudget;
  /** Called when a connection is closed. */
  readonly closed?: ((peer: Peer) => void) | undefined;
}

export class Driver<State, In, Out, Query, Answer> implements Owner<State, In, Out, Query, Answer> {
  readonly protocol: Protocol<State, In, Out, Query, Answer>;
  readonly handler: Handler<Query, Answer>;
  readonly log: Log;
  readonly watch: LoopWatch | null;
  readonly counters: DriverCounters = { opened: 0, refused: 0, messages: 0, wireErrors: 0, bugs: 0 };
  readonly budget: ConnectionBudget;
  limits: DriverLimits;
  draining = false;
  /** Seconds since the start, counted by the sweep. */
  clock = 1;
  readonly #open = new Set<Connection<State, In, Out, Query, Answer>>();
  readonly #perClient = new Map<string, number>();
  /** Limits that refused a connection within the last second, and how often since the last line about it. */
  readonly #refused = new Map<string, { peer: string; value: number; times: number }>();
  readonly #servers = new Set<Server>();
  readonly #sweep: NodeJS.Timeout;
  readonly #direct: boolean;
  readonly #closed: ((peer: Peer) => void) | undefined;

  constructor(parts: DriverParts<State, In, Out, Query, Answer>) {
    const { protocol, handler, limits, log, direct = false, watch = null } = parts;
    this.protocol = protocol;
    this.handler = handler;
    this.limits = limits;
    this.log = log;
    this.watch = watch;
    this.budget = parts.budget ?? new ConnectionBudget();
    this.budget.join(() => this.#open);
    this.#direct = direct;
    this.#closed = parts.closed;
    this.#sweep = setInterval(() => this.#check(), 1000);
    this.#sweep.unref();
  }

  /** Number of open connections. */
  get open(): number {
    return this.#open.size;
  }

  /** A server whose connections this driver serves; it does not listen yet. */
  server(): Server {
    const server = newServer();
    this.#servers.add(server);
    server.on('close', () => this.#servers.delete(server));
    server.on('connection', (socket) => this.#accept(socket));
    if (this.#direct) takeHandles(server, (handle) => this.#accept(new DirectSocket(handle)));
    return server;
  }

  #accept(socket: Socket | DirectSocket): void {
    const client = socket.remoteAddress ?? '';
    const peer = client === '' ? 'unix' : `${client}:${socket.remotePort ?? 0}`;
    if (this.#overLimit(client, peer)) {
      socket.destroy();
      return;
    }
    this.counters.opened++;
    const connection = new Connection(this, socket, peer);
    this.#open.add(connection);
    this.budget.open++;
    if (client !== '') this.#perClient.set(client, (this.#perClient.get(client) ?? 0) + 1);
    this.log.connOpen(this.protocol.name, connection.conn, peer);
    if (socket instanceof DirectSocket) socket.serve(connection, this.protocol.largePackets);
    else trackAndRead(socket, connection);
  }

  #overLimit(client: string, peer: string): boolean {
    const { maxConnections, maxConnectionsPerClient } = this.limits;
    let limit = '';
    let value = 0;
    const { open, maxByFiles } = this.budget;
    if (open >= maxConnections) [limit, value] = ['max-connections', maxConnections];
    else if (open >= maxByFiles) [limit, value] = ['open-files', maxByFiles];
    else if (client !== '' && (this.#perClient.get(client) ?? 0) >= maxConnectionsPerClient) {
      [limit, value] = ['max-connections-per-client', maxConnectionsPerClient];
    }
    if (limit === '') return false;
    this.counters.refused++;
    const refused = this.#refused.get(limit);
    if (refused === undefined) {
      this.log.limit(this.protocol.name, 0, peer, limit, value);
      this.#refused.set(limit, { peer, value, times: 0 });
    } else this.#refused.set(limit, { peer, value, times: refused.times + 1 });
    return true;
  }

  /** A refused client connects again at once, so a limit is logged once a second. */
  #sayRefused(): void {
    for (const [limit, { peer, value, times }] of [...this.#refused]) {
      this.#refused.delete(limit);
      if (times === 0) continue;
      this.log.limit(this.protocol.name, 0, peer, limit, value, times);
      this.#refused.set(limit, { peer, value, times: 0 });
    }
  }

  closed(connection: Connection<State, In, Out, Query, Answer>): void {
    if (!this.#open.delete(connection)) return;
    this.budget.open--;
    this.budget.add(-connection.held);
    connection.held = 0;
    this.log.connClose(this.protocol.name, connection.conn, connection.peer);
    this.#closed?.(connection);
    const client =
      connection.peer === 'unix' ? '' : connection.peer.slice(0, connection.peer.lastIndexOf(':'));
    const count = this.#perClient.get(client);
    if (count === undefined) return;
    if (count <= 1) this.#perClient.delete(client);
    else this.#perClient.set(client, count - 1);
  }

  #check(): void {
    const now = ++this.clock;
    this.#sayRefused();
    const { idleTimeoutSeconds, requestTimeoutSeconds } = this.limits;
    for (const connection of this.#open) {
      const stalled = connection.socket.writableLength > 0 || connection.closing;
      if (stalled) connection.waitingSince ||= now;
      // the peer has now read what it was slow to read
      else if (!connection.decoder.partial()) connection.waitingSince = 0;
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

  /**
   * Stops accepting; idle connections close now, others when their transaction ends. Resolves to how many
   * were cut off.
   */
  async drain(limitSeconds: number): Promise<number> {
    this.draining = true;
    for (const server of this.#servers) closeServer(server);
    // the request of a connection accepted just now is still to be read
    if (limitSeconds > 0) await new Promise((resolve) => setTimeout(resolve, GRACE_MS));
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
