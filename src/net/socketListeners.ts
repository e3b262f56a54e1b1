/**
 * The listeners of a connection's socket.
 *
 * Cost per connection decides the rate (Postfix opens one per SMTP session), so they are functions that all sockets share,
 * and find their connection through the socket.
 */
import type { Socket } from 'node:net';
import type { AnyConnection } from './connection.ts';

const CONNECTION = Symbol('connection');
type Tracked = Socket & { [CONNECTION]?: AnyConnection };

/** Starts to listen to the connection's socket; what it reads comes by itself when reads are shared. */
export function track(connection: AnyConnection, shared: boolean): void {
  const socket: Tracked = connection.socket;
  socket[CONNECTION] = connection;
  if (!shared) socket.on('data', onData);
  socket.on('end', onEnd);
  socket.on('drain', onDrain);
  socket.on('error', onError);
  socket.on('close', onClose);
}

/** `this` is the socket; the chunk is only good until this returns when reads are shared. */
export function onData(this: Tracked, chunk: Uint8Array): void {
  this[CONNECTION]?.receive(chunk);
}

function onEnd(this: Tracked): void {
  this[CONNECTION]?.end();
}

function onDrain(this: Tracked): void {
  const connection = this[CONNECTION];
  if (connection === undefined) return;
  connection.count();
  if (!connection.busy) this.resume();
}

function onError(this: Tracked, error: Error): void {
  const connection = this[CONNECTION];
  if (connection === undefined) return;
  const { log, protocol } = connection.driver;
  log.socketError(protocol.name, connection.conn, connection.peer, error);
}

function onClose(this: Tracked): void {
  const connection = this[CONNECTION];
  connection?.driver.closed(connection);
}
