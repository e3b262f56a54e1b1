/**
 * What a program writes with syslog(3), read by a test.
 *
 * syslog(3) wants a datagram socket at /dev/log, which Node cannot make, but glibc takes a stream socket when it finds one
 * there: it connects anew with SOCK_STREAM after EPROTOTYPE and ends each record with NUL. The program must see this
 * socket as /dev/log (sendmail-process.ts). Source: glibc misc/syslog.c.
 */
import { PeerServer } from './peer-server.ts';

export class Syslog {
  /** Everything logged so far, one record a line, without the `<priority>` in front. */
  text = '';
  readonly #server = new PeerServer((socket) => {
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      this.text += chunk.replaceAll('\0', '\n').replace(/^<\d+>/gm, '');
    });
  });

  private constructor() {}

  /** Listens at `path`. */
  static async listen(path: string): Promise<Syslog> {
    const syslog = new Syslog();
    await syslog.#server.listen(path);
    return syslog;
  }

  close(): Promise<void> {
    return this.#server.close();
  }
}
