/**
 * A DNS server that says what a test wants, over UDP and TCP on one free port of 127.0.0.1.
 *
 * The test's function gets each query with a way to answer it: `query.send(bytes)` as it is, `query.answer({...})` with the
 * id and the question put in. It may answer late, twice, or not at all. `queries` lists what was asked, in order.
 */
import type { Buffer } from 'node:buffer';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { createServer, type Server, type Socket as Stream } from 'node:net';
import type { Test } from 'tap';
import type { DnsServer } from '../../src/dns/exchange.ts';
import { message, NUMBER, type Written } from '../wire/dnsBytes.ts';
import { bytes, u16 } from '../wire/milterBytes.ts';

export interface Query {
  readonly over: 'udp' | 'tcp';
  readonly id: number;
  /** As it came. */
  readonly name: string;
  /** `MX`; the number for a type that is not in `NUMBER`. */
  readonly type: string;
  /** Name, type and class as bytes. */
  readonly question: Buffer;
  readonly raw: Buffer;
  /** UDP: where it came from. */
  readonly from: RemoteInfo | null;
  send(bytes: Buffer): void;
  /** The connection, to write to it without a length in front; null over UDP. */
  readonly stream: Stream | null;
  answer(written: Written): void;
}

export type Handler = (query: Query, server: FakeServer) => void;

const TYPE_NAMES = new Map<number, string>(Object.entries(NUMBER).map(([type, number]) => [number, type]));
const HEAD = 12;

export class FakeServer implements DnsServer {
  readonly host = '127.0.0.1';
  port = 0;
  readonly queries: Query[] = [];
  readonly #handler: Handler;
  readonly #streams = new Set<Stream>();
  #udp: Socket | null = null;
  #tcp: Server | null = null;

  constructor(handler: Handler) {
    this.#handler = handler;
  }

  /** Type, name and way of each query, in order: "MX bank.example udp". */
  get asked(): string[] {
    return this.queries.map(({ type, name, over }) => `${type} ${name} ${over}`);
  }

  /** `wanted`: the port; 0: any that is free. */
  async start(wanted = 0): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const udp = createSocket('udp4');
      await new Promise<void>((resolve) => udp.bind(wanted, this.host, resolve));
      const { port } = udp.address();
      const tcp = createServer((stream) => this.#serve(stream));
      const free = await new Promise<boolean>((resolve) => {
        tcp.once('error', () => resolve(false));
        tcp.listen(port, this.host, () => resolve(true));
      });
      if (free) {
        udp.on('message', (raw, from) =>
          this.#handle(raw, from, null, (reply) => {
            // a late answer of a test that is over
            if (this.#udp !== null) udp.send(reply, from.port, from.address);
          }),
        );
        this.#udp = udp;
        this.#tcp = tcp;
        this.port = port;
        return;
      }
      udp.close();
      if (attempt === 10) throw new Error('no port that is free for UDP and TCP');
    }
  }

  /** May be called again. */
  async stop(): Promise<void> {
    const udp = this.#udp;
    this.#udp = null;
    if (udp !== null) await new Promise<void>((resolve) => udp.close(() => resolve()));
    this.hangUp();
    await this.withoutTcp();
  }

  /** Ends TCP for good, so that connecting is refused. */
  async withoutTcp(): Promise<void> {
    const tcp = this.#tcp;
    this.#tcp = null;
    if (tcp !== null) await new Promise<void>((resolve) => tcp.close(() => resolve()));
  }

  /** Ends the TCP connections that are open. */
  hangUp(): void {
    for (const stream of this.#streams) stream.destroy();
  }

  #serve(stream: Stream): void {
    this.#streams.add(stream);
    stream.on('error', () => {});
    stream.on('close', () => this.#streams.delete(stream));
    stream.once('data', (chunk: Buffer) =>
      this.#handle(
        chunk.subarray(2),
        null,
        stream,
        (reply) => void stream.write(bytes(u16(reply.length), reply)),
      ),
    );
  }

  #handle(raw: Buffer, from: RemoteInfo | null, stream: Stream | null, send: Query['send']): void {
    const labels: string[] = [];
    let at = HEAD;
    for (let length = raw[at]!; length > 0; length = raw[at]!) {
      labels.push(raw.toString('latin1', at + 1, at + 1 + length));
      at += 1 + length;
    }
    const type = raw.readUInt16BE(at + 1);
    const question = raw.subarray(HEAD, at + 5);
    const id = raw.readUInt16BE(0);
    const query: Query = {
      over: stream === null ? 'udp' : 'tcp',
      id,
      name: labels.join('.'),
      type: TYPE_NAMES.get(type) ?? String(type),
      question,
      raw,
      from,
      send,
      stream,
      answer: (written) => send(message({ id, question, ...written })),
    };
    this.queries.push(query);
    this.#handler(query, this);
  }
}

/** A started server, stopped in a teardown of `t`. */
export async function fakeServer(t: Test, handler: Handler): Promise<FakeServer> {
  const server = new FakeServer(handler);
  await server.start();
  t.teardown(() => server.stop());
  return server;
}
