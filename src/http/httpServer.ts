/**
 * The HTTP server of the live page, the metrics and the health checks: node:http within limits of its own, so that
 * nothing that is asked here takes from the mail.
 *
 * Limits: 64 connections, heads of 8 KiB, 10 s for a head, 30 s without progress, 60 s for an answer (streams and the
 * report apart), one request at a time on a connection: pipelined ones (RFC 9112 section 9.3.2) are dropped with the
 * connection once the first is answered. Every limit that closes something is counted; `status` shows the counts.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Server, Socket } from 'node:net';
import type { Log } from '../log/log.ts';
import type { DriverCounters } from '../net/connection.ts';
import { closeServer } from '../net/listen.ts';
import type { LoopWatch } from '../net/loopWatch.ts';
import { type Answer, headersOf, plainAnswer } from './answer.ts';
import { type Asked, type Route, routeOf } from './route.ts';

const MAX_CONNECTIONS = 64;
const MAX_HEAD_BYTES = 8192;
/** Fields of a head; Node leaves out the rest. */
const MAX_FIELDS = 100;
const HEAD_MS = 10_000;
const SILENT_MS = 30_000;
const ANSWER_SECONDS = 60;
/** For what is longer than MAX_ANSWER_BYTES. */
const LONG_ANSWER_SECONDS = 600;
/** Above the usual interval of a scrape, so that its connection can stay. */
const KEEP_ALIVE_MS = 65_000;
const MAX_REQUESTS_PER_SOCKET = 10_000;
/** Bytes of one answer, the report apart. */
const MAX_ANSWER_BYTES = 512 * 1024;

/** What the connections may hold. */
export const CONNECTIONS_LIMIT_BYTES = MAX_CONNECTIONS * (MAX_ANSWER_BYTES + MAX_HEAD_BYTES);

/** Answers a request; a stream takes the response itself and gives null. Never rejects. */
type Respond = (route: Route, response: ServerResponse) => Promise<Answer | null> | Answer | null;

interface HttpParts {
  /** Canonical names of this host. */
  readonly names: () => readonly string[];
  readonly respond: Respond;
  readonly log: Log;
  readonly watch: Pick<LoopWatch, 'worked'>;
  /** How long a head may take. Default: 10 s. */
  readonly headMs?: number;
}

interface Connection {
  readonly conn: number;
  readonly peer: string;
  /** The response that is under way. */
  response: ServerResponse | null;
  /** Until when it must be read, in seconds of the sweep; null: it is a stream, or is not made yet. */
  until: number | null;
}

let connections = 0;

export class HttpServer {
  readonly counters: DriverCounters = { opened: 0, refused: 0, messages: 0, wireErrors: 0, bugs: 0 };
  readonly #parts: HttpParts;
  readonly #open = new Map<Socket, Connection>();
  readonly #servers = new Set<Server>();
  readonly #sweep: NodeJS.Timeout;
  #clock = 0;
  /** Refusals since the last line about them. */
  #refused = { peer: '', times: 0 };

  constructor(parts: HttpParts) {
    this.#parts = parts;
    this.#sweep = setInterval(() => this.#check(), 1000).unref();
  }

  get open(): number {
    return this.#open.size;
  }

  /** Bytes of answers that clients have not read; a report is one for all. */
  get usedBytes(): number {
    let bytes = 0;
    for (const socket of this.#open.keys()) bytes += Math.min(socket.writableLength, MAX_ANSWER_BYTES);
    return bytes;
  }

  /** A server that does not listen yet. */
  server(): Server {
    const { headMs = HEAD_MS } = this.#parts;
    const server = createServer({
      maxHeaderSize: MAX_HEAD_BYTES,
      headersTimeout: headMs,
      requestTimeout: headMs,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: Math.min(1000, headMs),
      insecureHTTPParser: false,
      // Host is checked here, with an answer that says more
      requireHostHeader: false,
      noDelay: true,
    });
    server.maxHeadersCount = MAX_FIELDS;
    server.maxRequestsPerSocket = MAX_REQUESTS_PER_SOCKET;
    server.timeout = SILENT_MS;
    server.on('connection', (socket) => this.#accept(socket));
    server.on('request', (request, response) => void this.#handle(request, response));
    // nobody is asked to send a body
    server.on('checkContinue', (request, response) => void this.#handle(request, response));
    server.on('clientError', (error: NodeJS.ErrnoException, socket) =>
      this.#mistake(error, socket as Socket),
    );
    server.on('connect', (_request, socket) => socket.destroy());
    server.on('timeout', (socket) => socket.destroy());
    server.on('close', () => this.#servers.delete(server));
    this.#servers.add(server);
    return server;
  }

  /** Stops accepting, and closes every connection. Resolves to how many answers were cut off. */
  async drain(limitSeconds: number): Promise<number> {
    for (const server of this.#servers) closeServer(server);
    const end = performance.now() + Math.min(limitSeconds, 1) * 1000;
    const busy = (): number => [...this.#open.values()].filter(({ response }) => response !== null).length;
    while (busy() > 0 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
    const cutOff = busy();
    for (const socket of this.#open.keys()) socket.destroy();
    clearInterval(this.#sweep);
    return cutOff;
  }

  #accept(socket: Socket): void {
    const { remoteAddress = '', remotePort = 0 } = socket;
    const peer = remoteAddress === '' ? 'unix' : `${remoteAddress}:${remotePort}`;
    if (this.#open.size >= MAX_CONNECTIONS) {
      this.counters.refused++;
      if (this.#refused.times++ === 0)
        this.#parts.log.limit('http', 0, peer, 'http-connections', MAX_CONNECTIONS);
      this.#refused.peer = peer;
      socket.destroy();
      return;
    }
    this.counters.opened++;
    const connection: Connection = { conn: ++connections, peer, response: null, until: null };
    this.#open.set(socket, connection);
    this.#parts.log.connOpen('http', connection.conn, peer);
    socket.on('close', () => {
      this.#open.delete(socket);
      this.#parts.log.connClose('http', connection.conn, peer);
    });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request;
    const connection = this.#open.get(socket);
    if (connection === undefined) return;
    if (connection.response !== null) {
      this.#pipelined(socket, connection);
      return;
    }
    connection.response = response;
    connection.until = null;
    response.on('close', () => {
      connection.response = null;
    });
    this.counters.messages++;
    const { method = '', url = '' } = request;
    try {
      const route = routeOf(askedOf(request), this.#parts.names());
      const answer =
        route.kind === 'refused'
          ? plainAnswer(route.status, route.why)
          : await this.#parts.respond(route, response);
      this.#parts.log.httpRequest(connection.conn, connection.peer, method, url, answer?.status ?? 200);
      if (answer !== null) this.#send(request, response, answer, connection);
    } catch (error) {
      this.counters.bugs++;
      this.#parts.log.bug('http', error);
      if (response.headersSent) socket.destroy();
      else this.#send(request, response, plainAnswer(500, 'Internal error; the log says more.'), connection);
    }
  }

  #send(request: IncomingMessage, response: ServerResponse, answer: Answer, connection: Connection): void {
    const begun = performance.now();
    const long = answer.body.length > MAX_ANSWER_BYTES;
    connection.until = this.#clock + (long ? LONG_ANSWER_SECONDS : ANSWER_SECONDS);
    // what follows is not to be taken for a request
    if (hasBody(request)) response.shouldKeepAlive = false;
    response.writeHead(answer.status, headersOf(answer));
    response.end(answer.body);
    const { conn, peer } = connection;
    this.#parts.watch.worked(begun, { protocol: 'http', conn, peer });
  }

  /** A request before the one before it is answered. */
  #pipelined(socket: Socket, connection: Connection): void {
    socket.pause();
    if (connection.response?.writableEnded === true) socket.destroySoon();
    else if (connection.response !== null) connection.response.shouldKeepAlive = false;
  }

  /** What cannot be parsed, is too long or comes too slowly. */
  #mistake(error: NodeJS.ErrnoException, socket: Socket): void {
    this.counters.wireErrors++;
    const connection = this.#open.get(socket);
    this.#parts.log.socketError('http', connection?.conn ?? 0, connection?.peer ?? '', error);
    const status = MISTAKES[error.code ?? ''] ?? '400 Bad Request';
    if (socket.writable && connection?.response === null)
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    socket.destroySoon();
  }

  #check(): void {
    this.#clock++;
    const { peer, times } = this.#refused;
    if (times > 1) this.#parts.log.limit('http', 0, peer, 'http-connections', MAX_CONNECTIONS, times - 1);
    this.#refused = { peer: '', times: 0 };
    for (const [socket, { response, until }] of this.#open)
      if (response !== null && until !== null && this.#clock > until) socket.destroy();
  }
}

const MISTAKES: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0;
}

function askedOf(request: IncomingMessage): Asked {
  const { method = '', url = '', headers, rawHeaders, socket } = request;
  const one = (name: string): string => String(headers[name] ?? '');
  return {
    method,
    target: url,
    hosts: rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === 'host'),
    hasBody: hasBody(request),
    fetchSite: one('sec-fetch-site'),
    fetchMode: one('sec-fetch-mode'),
    local: socket.localAddress ?? '',
  };
}
