/**
 * The socket of an accepted connection without the streams of Node.
 *
 * For each connection Node makes a `net.Socket`: two streams, with their states and listeners. For each read
 * it allocates a block of 64 KiB and shrinks it to the bytes received. In a short SMTP session both cost more
 * than all decisions. A connection that reads, and whose answers the kernel takes at once, needs neither: a
 * DirectSocket works on the handle that a net.Socket would have. It reads into one buffer for all connections
 * and writes to the descriptor. When anything else happens (the peer ends the stream or does not read, an
 * error), it makes the net.Socket of this handle, which from then on does everything.
 *
 * Handles are the only internals of Node that this program uses, and only after a test in this process
 * (directSocketTest.ts). If that fails, connections are net.Sockets from the beginning.
 *
 * The buffer is valid until the callback returns. Decoders copy the rest of a chunk when it holds no complete
 * message, and when an answer must be awaited (`keep`).
 */
import { writeSync } from 'node:fs';
import { type Server, Socket, type SocketConstructorOpts } from 'node:net';
import { type SocketOwner, track } from './socketListeners.ts';

const LARGE = Buffer.allocUnsafeSlow(131_072);
/** What one read brings is always answered, also when the peer does not read: thus not too much of it. */
const SMALL = LARGE.subarray(0, 65_536);

/** Views of the first bytes by their number, for the lengths that most requests have: each is made once. */
const VIEWS: (Buffer | undefined)[] = Array.from({ length: 2048 }, () => undefined);

function firstBytes(buffer: Buffer, bytes: number): Buffer {
  if (bytes >= VIEWS.length) return buffer.subarray(0, bytes);
  // both buffers begin at the same byte
  VIEWS[bytes] ??= LARGE.subarray(0, bytes);
  return VIEWS[bytes];
}

/** What a connection needs of its socket; a net.Socket has all of it. */
export interface ConnectionSocket {
  readonly destroyed: boolean;
  /** Bytes that the kernel has not taken yet. */
  readonly writableLength: number;
  readonly writableNeedDrain: boolean;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  isPaused(): boolean;
  pause(): unknown;
  resume(): unknown;
  write(bytes: Uint8Array): boolean;
  destroySoon(): void;
  destroy(): unknown;
}

/** An accepted connection as Node's net module has it inside; the last two only with TCP. */
interface Handle {
  readonly fd: number;
  /** Bytes read since the connection was accepted. */
  readonly bytesRead: number;
  /** Where net.Socket keeps whether it has called readStart. */
  reading: boolean;
  /** Called after each read, and for the end of the stream and errors. */
  onread: (this: Handle, nothing: unknown) => void;
  readStart(): number;
  readStop(): number;
  useUserBuffer(buffer: Uint8Array): void;
  close(closed: () => void): void;
  setNoDelay?(on: boolean): number;
  getpeername?(found: { address?: string; port?: number }): number;
}

interface ListeningHandle {
  onconnection?: (this: ListeningHandle, status: number, handle: Handle | undefined) => void;
}

/**
 * Once `server` listens, `take` gets the handle of each connection, and there is no event for it; errors
 * remain with Node. In a version of Node that keeps handles elsewhere nothing is taken.
 */
export function takeHandles(server: Server, take: (handle: Handle) => void): void {
  server.on('listening', () => {
    const { _handle: listening } = server as unknown as { _handle?: ListeningHandle };
    const onconnection = listening?.onconnection;
    if (listening === undefined || onconnection === undefined) return;
    listening.onconnection = function (status, handle) {
      if (status === 0 && handle !== undefined) take(handle);
      else onconnection.call(this, status, handle);
    };
  });
}

export class DirectSocket implements ConnectionSocket {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly #handle: Handle;
  #buffer = SMALL;
  #owner: SocketOwner | null = null;
  #bytesRead = 0;
  #closed = false;
  /** What does everything once it is there. */
  #socket: Socket | null = null;

  constructor(handle: Handle) {
    this.#handle = handle;
    if (handle.getpeername === undefined) return;
    const peer: { address?: string; port?: number } = {};
    handle.getpeername(peer);
    this.remoteAddress = peer.address;
    this.remotePort = peer.port;
    handle.setNoDelay?.(true);
  }

  /** Begins to read for `owner`, whose `receive` gets views of the common buffer. `large`: packets may have 64 KiB. */
  serve(owner: SocketOwner, large = false): void {
    const handle = this.#handle;
    this.#owner = owner;
    if (large) this.#buffer = LARGE;
    handle.onread = (nothing) => this.#onRead(nothing);
    handle.useUserBuffer(this.#buffer);
    handle.reading = false;
    this.resume();
  }

  #onRead(nothing: unknown): void {
    const handle = this.#handle;
    const bytes = handle.bytesRead - this.#bytesRead;
    if (bytes > 0) {
      this.#bytesRead += bytes;
      this.#owner!.receive(firstBytes(this.#buffer, bytes));
      return;
    }
    // what it was instead, Node knows: the socket gets the call as if it had been there
    this.#becomeSocket();
    handle.onread(nothing);
  }

  /** From now on a net.Socket does everything. */
  #becomeSocket(): Socket {
    const owner = this.#owner!;
    const paused = this.isPaused();
    const buffer = this.#buffer;
    const onread = {
      buffer,
      callback(bytes: number): boolean {
        owner.receive(buffer.subarray(0, bytes));
        return true;
      },
    };
    const options = { handle: this.#handle, allowHalfOpen: true, onread };
    const socket = new Socket(options as SocketConstructorOpts);
    this.#socket = socket;
    track(socket, owner);
    if (paused) socket.pause();
    return socket;
  }

  get destroyed(): boolean {
    return this.#socket?.destroyed ?? this.#closed;
  }

  get writableLength(): number {
    return this.#socket?.writableLength ?? 0;
  }

  get writableNeedDrain(): boolean {
    return this.#socket?.writableNeedDrain ?? false;
  }

  isPaused(): boolean {
    return this.#socket?.isPaused() ?? !this.#handle.reading;
  }

  pause(): void {
    if (this.#socket !== null) this.#socket.pause();
    else if (!this.#closed && this.#handle.reading) {
      this.#handle.reading = false;
      this.#handle.readStop();
    }
  }

  resume(): void {
    if (this.#socket !== null) this.#socket.resume();
    else if (!this.#closed && !this.#handle.reading) {
      // a socket that cannot start either reports why
      if (this.#handle.readStart() === 0) this.#handle.reading = true;
      else this.#becomeSocket().resume();
    }
  }

  /** False: the peer is slow to read, and should be sent no more before `drained`. */
  write(bytes: Uint8Array): boolean {
    if (this.#socket !== null) return this.#socket.write(bytes);
    if (this.#closed) return true;
    // asked for each time: a number that was kept could be that of another connection by now
    const written = writtenAtOnce(this.#handle.fd, bytes);
    return written === bytes.length || this.#becomeSocket().write(bytes.subarray(written));
  }

  destroySoon(): void {
    if (this.#socket !== null) this.#socket.destroySoon();
    // all was written
    else this.destroy();
  }

  destroy(): void {
    if (this.#socket !== null) this.#socket.destroy();
    else if (!this.#closed) {
      this.#closed = true;
      this.#handle.close(() => this.#owner?.closed());
    }
  }
}

/** How many of the bytes the kernel takes. An error comes again when the socket writes the rest. */
function writtenAtOnce(fd: number, bytes: Uint8Array): number {
  try {
    return writeSync(fd, bytes, 0, bytes.length);
  } catch {
    return 0;
  }
}
