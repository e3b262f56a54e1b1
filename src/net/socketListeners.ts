/**
 * The listeners of a connection's net.Socket.
 *
 * Postfix opens a connection for each SMTP session, so the cost per connection limits the rate. All sockets
 * therefore share these functions, which find their owner through the socket.
 */
import type { Socket } from 'node:net';

/** Whom a socket serves. */
export interface SocketOwner {
  /** The chunk may be valid only until this returns. */
  receive(chunk: Uint8Array): void;
  /** The peer will send no more. */
  end(): void;
  /** The peer has read what it was slow to read. */
  drained(): void;
  /** An error of the socket; `closed` follows. */
  failed(error: Error): void;
  closed(): void;
}

const OWNER = Symbol('owner');
type Tracked = Socket & { [OWNER]?: SocketOwner };

/** Tells the owner what happens on the socket, except for the data. */
export function track(socket: Socket, owner: SocketOwner): void {
  (socket as Tracked)[OWNER] = owner;
  socket.on('end', onEnd);
  socket.on('drain', onDrain);
  socket.on('error', onError);
  socket.on('close', onClose);
}

/** The same with the data: for a socket that does not read into the buffer of all. */
export function trackAndRead(socket: Socket, owner: SocketOwner): void {
  track(socket, owner);
  socket.on('data', onData);
}

function onData(this: Tracked, chunk: Uint8Array): void {
  this[OWNER]?.receive(chunk);
}

function onEnd(this: Tracked): void {
  this[OWNER]?.end();
}

function onDrain(this: Tracked): void {
  this[OWNER]?.drained();
}

function onError(this: Tracked, error: Error): void {
  this[OWNER]?.failed(error);
}

function onClose(this: Tracked): void {
  this[OWNER]?.closed();
}
