/**
 * The connection of a played MTA to the filter: commands go out, and replies are awaited one by one.
 */
import type { Socket } from 'node:net';
import type { ListenAddress } from '../config/keys/listenAddress.ts';
import { encodeCommands, ReplyDecoder } from '../wire/milterClient.ts';
import type { MilterCommand } from '../wire/milterDecode.ts';
import type { MilterReply } from '../wire/milterEncode.ts';
import { connectTo, PlayError } from './daemonSocket.ts';

/** All that a filter may say about one message: the largest body that can be edited, twice over. */
const MAX_REPLY_BYTES = 64 * 1024 * 1024;

/** One connection to the filter: send, and wait for the next reply. */
export class FilterConnection {
  readonly #socket: Socket;
  readonly #decoder = new ReplyDecoder();
  readonly #timeoutMs: number;
  #wake: (() => void) | null = null;
  #failure: Error | null = null;

  static open(address: ListenAddress, timeoutMs: number): Promise<FilterConnection> {
    return new Promise((resolve, reject) => {
      const socket = connectTo(address);
      socket.once('connect', () => resolve(new FilterConnection(socket, timeoutMs)));
      socket.once('error', (error) => reject(new PlayError(`cannot reach the filter: ${error.message}`)));
    });
  }

  constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    const fail = (error: Error): void => {
      this.#failure ??= error;
      this.#wake?.();
    };
    let received = 0;
    socket.on('data', (chunk) => {
      received += chunk.length;
      if (received > MAX_REPLY_BYTES) {
        fail(new PlayError(`the filter said more than ${MAX_REPLY_BYTES} bytes about one message`));
        socket.destroy();
        return;
      }
      this.#decoder.push(Uint8Array.from(chunk));
      this.#wake?.();
    });
    socket.on('error', (error) => fail(new PlayError(error.message)));
    socket.on('close', () => fail(new PlayError('the filter closed the connection')));
  }

  send(commands: readonly MilterCommand[]): void {
    this.#socket.write(encodeCommands(commands));
  }

  async reply(): Promise<MilterReply> {
    for (;;) {
      const reply = this.#decoder.next();
      if (reply !== null) return reply;
      if (this.#failure !== null) throw this.#failure;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => {
          this.#failure ??= new PlayError(`no reply within ${this.#timeoutMs / 1000} s`);
          resolve();
        }, this.#timeoutMs);
        this.#wake = () => {
          clearTimeout(timer);
          this.#wake = null;
          resolve();
        };
      });
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}
