/**
 * What a program writes with syslog(3), read by a test.
 *
 * syslog(3) wants a datagram socket at /dev/log, which Node cannot make, but glibc takes a stream socket when it finds one
 * there: it connects anew with SOCK_STREAM after EPROTOTYPE and ends each record with NUL. The program must see this
 * socket as /dev/log (sendmail-process.ts). Source: glibc misc/syslog.c.
 */
import { createServer, type Server, type Socket } from 'node:net';

export class Syslog {
  /** Everything logged so far, one record a line, without the `<priority>` in front. */
  text = '';
  readonly #server: Server;
  readonly #clients = new Set<Socket>();

  private constructor() {
    this.#server = createServer((socket) => {
      this.#clients.add(socket);
      socket.on('close', () => this.#clients.delete(socket));
      socket.on('error', () => {}); // the writer was killed; what it wrote is kept
      socket.setEncoding('latin1');
      socket.on('data', (chunk: string) => {
        this.text += chunk.replaceAll('\0', '\n').replace(/^<\d+>/gm, '');
      });
    });
  }

  /** Listens at `path`. */
  static async listen(path: string): Promise<Syslog> {
    const syslog = new Syslog();
    await new Promise<void>((resolve, reject) => {
      syslog.#server.once('error', reject);
      syslog.#server.listen(path, resolve);
    });
    return syslog;
  }

  async close(): Promise<void> {
    for (const socket of this.#clients) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
