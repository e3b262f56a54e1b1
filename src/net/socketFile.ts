/**
 * The file of one unix socket, watched: when it is removed (a clean-up of /run, a second instance, a mistake), the daemon
 * still listens, but no client can reach it.
 *
 * A look every few seconds costs one lstat(2). A file that is gone, or that is a socket on which no process answers, is made
 * anew as at the start; connections that are open go on. What somebody else has put there and answers, or is no socket,
 * is left alone and said, and looked at again until it is gone. Another owner or other permissions are said and not changed:
 * somebody may mean it.
 *
 * A socket that systemd made is not ours to make again: there the line says what to do.
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
  /** Makes a server for it; null: it is systemd's. */
  readonly make: (() => Server) | null;
  readonly unix: UnixOptions;
  readonly log: Log;
}

export class SocketFile {
  /** What is wrong with it, for `status`; '' when nothing is. */
  trouble = '';
  readonly #options: SocketFileOptions;
  #server: Server;
  /** As it was when it was made. */
  #made: Stats | null = null;
  /** Another process's socket that answered, and until when that is assumed. */
  #other = { ino: -1, until: 0 };
  #checking = false;
  #closed = false;

  /** `server` listens on it. */
  constructor(options: SocketFileOptions, server: Server) {
    this.#options = options;
    this.#server = server;
  }

  /** Notes what the file is like, just after it was made. */
  async learn(): Promise<void> {
    this.#made = await lstat(this.#options.path).catch(() => null);
  }

  /** From now on it is not made anew. */
  close(): void {
    this.#closed = true;
  }

  /** Looks at it, and makes it anew when it must be. Never rejects. */
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

  /** Another process's socket is only probed now and then, because each probe shows in its log. */
  async #answers(path: string, ino: number): Promise<boolean> {
    const now = performance.now();
    if (ino === this.#other.ino && now < this.#other.until) return true;
    const answers = await socketAnswers(path);
    this.#other = { ino, until: answers ? now + ASK_OTHER_MS : 0 };
    return answers;
  }

  async #makeAnew(make: () => Server): Promise<void> {
    const { name, path, unix, log } = this.#options;
    // node removes what lies at the path when it closes, whosever it is: so before the new one is made
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
