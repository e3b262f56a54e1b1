/**
 * As much of a ClickHouse server as `ship` asks: one ReplacingMergeTree table in memory. Each INSERT may be told to go
 * wrong: refused before or after its rows are stored, cut, never answered.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import type { Test } from 'tap';
import { ALL_COLUMNS } from '../../src/ship/columns.ts';
import { type Credentials, type Target, targetOf } from '../../src/ship/target.ts';

interface Row {
  readonly day: string;
  readonly host: string;
  readonly stream: string;
  readonly n: number;
  readonly line: string;
}

/** What becomes of an INSERT. `lost`: stored, and the connection ends before the answer. */
export type Trouble =
  | { readonly status: number; readonly text?: string; readonly code?: string }
  | 'lost'
  | 'cut'
  | 'silent'
  | 'strange';

export class FakeClickhouse {
  readonly rows = new Map<string, Row>();
  /** Of each INSERT that came: the first record, how many, and its settings. */
  readonly inserts: { readonly from: number; readonly count: number; readonly url: URL }[] = [];
  /** Of the next INSERTs, in their order. */
  readonly troubles: Trouble[] = [];
  engine = 'ReplacingMergeTree';
  readonly columns = new Map(ALL_COLUMNS.map(({ name, type }) => [name, type as string]));
  settings = [
    'insert_deduplicate',
    'async_insert',
    'insert_distributed_sync',
    'distributed_foreground_insert',
  ];
  credentials: Credentials | null = null;
  questions = 0;
  readonly #server;
  readonly #scheme;
  port = 0;

  /** `tls`: over https, with this certificate. */
  constructor(tls: { readonly cert: string; readonly key: string } | null = null) {
    const serve = (request: IncomingMessage, response: ServerResponse) => void this.#serve(request, response);
    this.#server = tls === null ? createServer(serve) : createTlsServer(tls, serve);
    this.#scheme = tls === null ? 'http' : 'https';
  }

  async listen(port = 0): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.port = (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${this.port}`;
  }

  target(timeoutMs = 30_000): Target {
    const names = { database: 'tlsward', table: 'evidence' };
    return { ...targetOf(this.url, names, this.credentials, false), timeoutMs };
  }

  /** The lines of a day, in the order of their numbers. */
  lines(day: string, stream: string): string[] {
    const found = [...this.rows.values()].filter((row) => row.day === day && row.stream === stream);
    return found.sort((a, b) => a.n - b.n).map(({ line }) => line);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    this.questions++;
    const url = new URL(request.url ?? '', 'http://x');
    const query = url.searchParams.get('query') ?? '';
    const { 'x-clickhouse-user': user, 'x-clickhouse-key': key } = request.headers;
    if (this.credentials !== null && (user !== this.credentials.user || key !== this.credentials.password))
      return answer(response, 401, 'Code: 193, e.displayText() = DB::Exception: Wrong password');
    if (query.startsWith('INSERT INTO tlsward.evidence FORMAT JSONEachRow'))
      return this.#insert(url, gunzipSync(Buffer.concat(chunks)).toString(), response);
    if (query.startsWith("SELECT 'setting'")) return answer(response, 200, this.#about());
    if (query.startsWith('SELECT toString(count())')) {
      const ns = this.#asked(query).map(({ n }) => n);
      return answer(response, 200, `${ns.length}\t${ns.length === 0 ? 0 : Math.max(...ns)}\n`);
    }
    if (!query.startsWith('SELECT n, line')) return answer(response, 400, 'Code: 62, Syntax error');
    const found = this.#asked(query).sort((a, b) => a.n - b.n);
    answer(response, 200, Buffer.concat(found.map(binaryRow)));
  }

  #about(): string {
    const data = [
      ...this.settings.map((name) => ['setting', name, '']),
      ...(this.engine === '' ? [] : [['engine', this.engine, '']]),
      ...[...this.columns].map(([name, type]) => ['column', name, type]),
    ];
    return JSON.stringify({ data });
  }

  #asked(query: string): Row[] {
    const of = (name: string) => new RegExp(`${name} = '([^']*)'`).exec(query)?.[1];
    const from = Number(/n >= (\d+)/.exec(query)?.[1] ?? 0);
    const to = Number(/n < (\d+)/.exec(query)?.[1] ?? Number.POSITIVE_INFINITY);
    return [...this.rows.values()].filter(
      ({ day, host, stream, n }) =>
        day === of('day') && host === of('host') && stream === of('stream') && n >= from && n < to,
    );
  }

  #insert(url: URL, text: string, response: ServerResponse): void {
    const rows = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Row);
    this.inserts.push({ from: rows[0]!.n, count: rows.length, url });
    const trouble = this.troubles.shift();
    if (trouble === undefined || trouble === 'lost' || trouble === 'cut')
      for (const row of rows) this.rows.set([row.day, row.host, row.stream, row.n].join(), row);
    if (trouble === 'silent') return;
    if (trouble === 'lost') response.destroy();
    else if (trouble === 'cut') {
      response.writeHead(200, { 'Content-Length': 10 });
      response.write('x');
      setTimeout(() => response.destroy(), 20);
    } else if (trouble === 'strange') answer(response, 200, '<html>welcome</html>');
    else if (trouble !== undefined) {
      if (trouble.code !== undefined) response.setHeader('X-ClickHouse-Exception-Code', trouble.code);
      answer(response, trouble.status, trouble.text ?? '');
    } else answer(response, 200, '');
  }
}

function answer(response: ServerResponse, status: number, body: string | Buffer): void {
  response.statusCode = status;
  response.end(body);
}

function binaryRow({ n, line }: Row): Buffer {
  const bytes = Buffer.from(line);
  const head = Buffer.alloc(4);
  head.writeUInt32LE(n);
  const length: number[] = [];
  let rest = bytes.length;
  for (; rest >= 0x80; rest >>= 7) length.push((rest & 0x7f) | 0x80);
  return Buffer.concat([head, Buffer.from([...length, rest]), bytes]);
}

export async function startFake(t: Test): Promise<FakeClickhouse> {
  const fake = new FakeClickhouse();
  await fake.listen();
  t.teardown(() => fake.close().catch(() => undefined));
  return fake;
}
