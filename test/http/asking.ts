/** Asks the HTTP server of a daemon by bytes on a socket, so that a test can send what no client would. */
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Test } from 'tap';
import { startDaemon, type TestDaemon } from '../daemon/startDaemon.ts';

export interface HttpReply {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** A daemon with a live page on a unix socket; `text` follows in `[service]`. */
export function startLive(t: Test, text: string): Promise<TestDaemon> {
  return startDaemon(t, `http-listen = unix:http.sock\n${text}`);
}

/** A connection to its live page. */
export function dial(daemon: TestDaemon): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(join(daemon.folder, 'http.sock'), () => resolve(socket));
    socket.on('error', reject);
  });
}

/** All that comes until the server closes. */
export function rest(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    socket.on('data', (piece: Buffer) => {
      text += piece.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });
}

/** Sends the bytes, and resolves to all that comes until the server closes. */
export async function send(daemon: TestDaemon, bytes: string): Promise<string> {
  const socket = await dial(daemon);
  const all = rest(socket);
  socket.write(bytes);
  return await all;
}

/** One request on a connection of its own; `more`: further header fields. */
export async function get(
  daemon: TestDaemon,
  target: string,
  more = '',
  method = 'GET',
  host = 'localhost',
): Promise<HttpReply> {
  const text = await send(
    daemon,
    `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${more}\r\n`,
  );
  return parseReply(text);
}

/** The first answer in the text. */
export function parseReply(text: string): HttpReply {
  const end = text.indexOf('\r\n\r\n');
  const [first = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return { status: Number(first.split(' ')[1]), headers: new Map(headers), body: text.slice(end + 4) };
}
