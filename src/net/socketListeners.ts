/**
 * The listeners of a connection's socket.
 *
 * Postfix opens a connection for each SMTP session, so the cost per connection limits the rate. All sockets
 * therefore share these functions, which find their connection through the socket.
 */
import type { Socket } from 'node:net';
import type { AnyConnection } from './connection.ts';

const CONNECTION = Symbol('connection');
type Tracked = Socket & { [CONNECTION]?: AnyConnection };

/** Attaches the listeners to the connection's socket; with shared reads, data does not come by an event. */
export function track(connection: AnyConnection, shared: boolean): void {
  const socket: Tracked = connection.socket;
  socket[CONNECTION] = connection;
  if (!shared) socket.on('data', onData);
  socket.on('end', onEnd);
  socket.on('drain', onDrain);
  socket.on('error', onError);
  socket.on('close', onClose);
}

/** `this` is the socket; with shared reads, the chunk is valid only until this returns. */
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
