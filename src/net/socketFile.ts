/**
 * Watches the file of one unix socket. When the file is removed (by a clean-up of /run, a second instance or
 * a mistake), the daemon still listens, but no client can reach it.
 *
 * Each check every few seconds costs one lstat(2). If the file is gone, or is a socket on which no process
 * answers, the socket is created again as at the start; open connections are not affected. If another process
 * answers there, or the file is no socket, it is left alone and reported, and checked again until it is gone.
 * A changed owner or mode is reported and not corrected, because the change may be intended.
 *
 * A socket that systemd created cannot be created again by the daemon: the log line says what to do.
 */
import type { Stats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import type { Server } from 'node:net';
import type { Log } from '../log/log.ts';
import { closeServer, listenOn, socketAnswers, type UnixOptions } from './listen.ts';

const ASK_OTHER_MS = 30_000;

interface SocketFileOptions {
  /** `policy`, `milter`, `socketmap`, `control`. */
  readonly name: string;
  readonly path: string;
  /** Creates a server for it; null: systemd created the socket. */
  readonly make: (() => Server) | null;
  readonly unix: UnixOptions;
  readonly log: Log;
}

export class SocketFile {
  /** What is wrong with it, for `status`; '' when nothing is. */
  trouble = '';
  readonly #options: SocketFileOptions;
  #server: Server;
  /** The file's status when it was created. */
  #made: Stats | null = null;
  /** The socket of another process that answered, and how long that result is used. */
  #other = { ino: -1, until: 0 };
  #checking = false;
  #closed = false;

  /** `server` listens on it. */
  constructor(options: SocketFileOptions, server: Server) {
    this.#options = options;
    this.#server = server;
  }

  /** Records the file's status just after it was created. */
  async learn(): Promise<void> {
    this.#made = await lstat(this.#options.path).catch(() => null);
  }

  /** From now on the socket is not created again. */
  close(): void {
    this.#closed = true;
  }

  /** Checks the file, and creates the socket again if necessary. Never rejects. */
  async check(): Promise<void> {
    if (this.#checking || this.#closed) return;
    this.#checking = true;
    try {
      await this.#check();
    } catch (error) {
      this.#say(error instanceof Error ? error.message : String(error));
    } finally {
      this.#checking = false;
    }
  }

  async #check(): Promise<void> {
    const { path, make, name } = this.#options;
    let found: Stats | null;
    try {
      found = await lstat(path);
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENOTDIR') {
        this.#say(`its file cannot be checked (${code})`);
        return;
      }
      found = null;
    }
    const made = this.#made;
    if (found !== null && made !== null && found.ino === made.ino && found.dev === made.dev) {
      this.#compare(found, made);
      return;
    }
    if (make === null) {
      const what = found === null ? 'its file is gone' : 'another file has taken its place';
      const unit = `tlsward-${name}.socket`;
      this.#say(
        `${what}; systemd holds this socket: systemctl stop tlsward.service; systemctl restart ${unit}; systemctl start tlsward.service`,
      );
      return;
    }
    if (found !== null && !found.isSocket()) {
      this.#say(
        'its file was replaced by one that is not a socket: remove that file, and the socket is created again',
      );
      return;
    }
    if (found !== null && (await this.#answers(path, found.ino))) {
      this.#say('another process has bound its path and answers there; it is left alone');
      return;
    }
    if (this.#closed) return;
    this.#say(
      found === null ? 'its file is gone' : 'its file was replaced by a socket on which no process answers',
    );
    await this.#makeAnew(make);
  }

  /** The socket of another process is probed rarely, because each probe appears in its log. */
  async #answers(path: string, ino: number): Promise<boolean> {
    const now = performance.now();
    if (ino === this.#other.ino && now < this.#other.until) return true;
    const answers = await socketAnswers(path);
    this.#other = { ino, until: answers ? now + ASK_OTHER_MS : 0 };
    return answers;
  }

  async #makeAnew(make: () => Server): Promise<void> {
    const { name, path, unix, log } = this.#options;
    // closing removes whatever file is at the path, so it must come before the new socket is created
    closeServer(this.#server);
    const server = make();
    try {
      await listenOn(server, { kind: 'unix', path }, unix);
    } catch (error) {
      this.#say(error instanceof Error ? error.message : String(error));
      return;
    }
    this.#server = server;
    if (this.#closed) {
      closeServer(server);
      return;
    }
    await this.learn();
    this.trouble = '';
    log.listenerOpen(name, `unix:${path}`);
  }

  #compare(found: Stats, made: Stats): void {
    const changes: string[] = [];
    const bits = ({ mode }: Stats): string => `0${(mode & 0o7777).toString(8)}`;
    if (found.mode !== made.mode) changes.push(`its permissions are ${bits(found)}, and were ${bits(made)}`);
    if (found.uid !== made.uid) changes.push(`its owner is user ${found.uid}, and was ${made.uid}`);
    if (found.gid !== made.gid) changes.push(`its group is ${found.gid}, and was ${made.gid}`);
    if (changes.length === 0) this.trouble = '';
    else this.#say(changes.join('; '));
  }

  #say(trouble: string): void {
    if (trouble === this.trouble) return;
    this.trouble = trouble;
    const { name, path, log } = this.#options;
    log.listenerTrouble(name, `unix:${path}`, trouble);
  }
}
