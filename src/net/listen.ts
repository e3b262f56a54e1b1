/**
 * Opens listening sockets: unix paths, TCP ports, and sockets that systemd hands over (socket activation).
 *
 * A unix socket is created with mode 0600 and then given its group and mode, so that no other user can
 * connect in between. An existing file is replaced only if it is a socket on which no process answers;
 * anything else is reported as an error. A socket that this process created is removed when it is closed.
 * Node removes it by its path, even if another file has taken its place, so a server whose file was replaced
 * is never closed (`closeServer`). A socket that systemd created is not removed.
 *
 * Sources: sd_listen_fds(3) for LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES; node:net for `fd`,
 * `allowHalfOpen`.
 */
import { chmodSync, chownSync, existsSync, fstatSync, lstatSync, readFileSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { dirname } from 'node:path';
import { formatListen, type ListenAddress } from '../config/keys/listenAddress.ts';

/** `message` tells the administrator what went wrong and how to fix it. */
export class ListenError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ListenError';
  }
}

export interface UnixOptions {
  /** Permission bits, e.g. 0o660. */
  readonly mode: number;
  /** Group name; null keeps the group of the process. */
  readonly group: string | null;
}

/**
 * Descriptors handed over by systemd: name (FileDescriptorName=) to descriptor numbers; empty without
 * activation.
 */
export function inheritedSockets(env: NodeJS.ProcessEnv, pid: number): Map<string, number[]> {
  const found = new Map<string, number[]>();
  if (env.LISTEN_PID !== String(pid)) return found;
  const count = Number(env.LISTEN_FDS ?? 0);
  const names = (env.LISTEN_FDNAMES ?? '').split(':');
  for (let i = 0; i < count; i++) {
    const name = names[i] ?? '';
    const list = found.get(name) ?? [];
    list.push(3 + i);
    found.set(name, list);
  }
  return found;
}

/** Numeric group id from /etc/group, or null. */
export function groupId(name: string): number | null {
  if (/^[0-9]+$/.test(name)) return Number(name);
  for (const line of readFileSync('/etc/group', 'utf8').split('\n')) {
    const fields = line.split(':');
    if (fields[0] === name) return Number(fields[2]);
  }
  return null;
}

interface MadeFile {
  readonly path: string;
  readonly dev: number;
  readonly ino: number;
}

/** The socket files that this process created. */
const made = new WeakMap<Server, MadeFile>();
let left = false;

/**
 * Stops listening. When another file has taken the place of the server's socket, the server is left open,
 * because closing it would remove that file. No client can reach the server any more, and it does not keep
 * the process alive (but see `mustExit`).
 */
export function closeServer(server: Server): void {
  const file = made.get(server);
  const found = file === undefined ? undefined : lstatSync(file.path, { throwIfNoEntry: false });
  if (file !== undefined && found !== undefined && (found.dev !== file.dev || found.ino !== file.ino))
    leave(server);
  else server.close();
}

function leave(server: Server): void {
  server.unref();
  left = true;
}

/**
 * Was a server left open? Then the process must end by `process.exit`. If it ended by itself, Node would
 * close the server and remove the file at its path.
 */
export function mustExit(): boolean {
  return left;
}

/** Does a process answer on the unix socket at this path? */
export async function socketAnswers(path: string): Promise<boolean> {
  return (await probe(path)) === 'yes';
}

/** Does a process answer on this unix socket? `no` means refused: the process that made the file is gone. */
function probe(path: string): Promise<'yes' | 'no' | 'absent'> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve('yes');
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') resolve('no');
      else if (error.code === 'ENOENT') resolve('absent');
      else if (error.code === 'EAGAIN') resolve('yes');
      else reject(new ListenError(`cannot bind unix:${path}: ${error.message}`, error));
    });
  });
}

async function clearStale(path: string): Promise<void> {
  // libuv reports a missing folder as "permission denied"
  if (!existsSync(dirname(path)))
    throw new ListenError(`cannot bind unix:${path}: the folder does not exist`);
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket())
    throw new ListenError(`cannot bind unix:${path}: the file exists and is not a socket`);
  const answer = await probe(path);
  if (answer === 'yes') {
    throw new ListenError(
      `cannot bind unix:${path}: it exists and answers: another instance? (systemctl status tlsward)`,
    );
  }
  if (answer === 'no') unlinkSync(path);
}

function started(server: Server, listen: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.removeListener('error', reject);
      resolve();
    });
    listen();
  });
}

/**
 * A server that keeps half-closed connections open: Node's default would drop an answer that is still
 * awaited.
 */
export function newServer(): Server {
  return createServer({ allowHalfOpen: true, noDelay: true });
}

/** Starts `server` on the address. Rejects with ListenError. */
export async function listenOn(server: Server, address: ListenAddress, unix: UnixOptions): Promise<void> {
  try {
    if (address.kind === 'inet') {
      await started(server, () => server.listen({ host: address.host, port: address.port, exclusive: true }));
      return;
    }
    if (Buffer.byteLength(address.path) > 107) {
      throw new ListenError(
        `cannot bind unix:${address.path}: longer than the 107 bytes a socket path may have`,
      );
    }
    await clearStale(address.path);
    // the file is created before `listen` returns; the umask belongs to the whole process, so it is restored
    // at once
    await started(server, () => {
      const before = process.umask(0o177);
      try {
        server.listen({ path: address.path, exclusive: true });
      } finally {
        process.umask(before);
      }
    });
    const { dev, ino } = lstatSync(address.path);
    made.set(server, { path: address.path, dev, ino });
    if (unix.group !== null) {
      const gid = groupId(unix.group);
      if (gid === null)
        throw new ListenError(`cannot give unix:${address.path} to group ${unix.group}: no such group`);
      chownSync(address.path, -1, gid);
    }
    chmodSync(address.path, unix.mode);
  } catch (error) {
    closeServer(server);
    if (error instanceof ListenError) throw error;
    throw new ListenError(
      `cannot bind ${formatListen(address)}: ${explain(error as NodeJS.ErrnoException)}`,
      error,
    );
  }
}

/**
 * Starts `server` on a descriptor that systemd opened. Resolves to its address; null for a unix socket whose
 * path cannot be determined.
 */
export async function listenOnInherited(server: Server, fd: number): Promise<ListenAddress | null> {
  await started(server, () => server.listen({ fd, exclusive: true }));
  const bound = server.address();
  if (typeof bound === 'object' && bound !== null)
    return { kind: 'inet', host: bound.address, port: bound.port };
  const path = inheritedPath(fd);
  return path === null ? null : { kind: 'unix', path };
}

/** Node does not know the path of a socket that it did not bind; the kernel lists it with its inode. */
function inheritedPath(fd: number): string | null {
  const { ino } = fstatSync(fd);
  return boundSockets().find(({ inode }) => inode === ino)?.path ?? null;
}

/** A unix socket of any process, as the kernel lists it. */
interface BoundSocket {
  readonly inode: number;
  readonly path: string;
  readonly listening: boolean;
}

/** `__SO_ACCEPTCON` among the flags. */
const LISTENING = 0x10000;

/**
 * The unix sockets that are bound to a path; none where the kernel does not tell. Format: unix(7), proc(5).
 */
export function boundSockets(): BoundSocket[] {
  let table: string;
  try {
    table = readFileSync('/proc/self/net/unix', 'utf8');
  } catch {
    return [];
  }
  return table.split('\n').flatMap((line) => {
    // address, references, protocol, flags, type, state, inode, path
    const found = /^(?:\S+ +){3}([0-9A-F]+) +(?:\S+ +){2}(\d+) (\/.*)$/i.exec(line);
    if (found === null) return [];
    const [, flags = '', inode = '', path = ''] = found;
    return [{ inode: Number(inode), path, listening: (Number.parseInt(flags, 16) & LISTENING) !== 0 }];
  });
}

function explain(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return 'the port is in use: another instance? (systemctl status tlsward, ss -ltnp)';
    case 'EACCES':
      return 'permission denied: may this user write in that folder, or use that port?';
    case 'EADDRNOTAVAIL':
      return 'this machine has no such address';
    case 'EPERM':
      return 'not allowed to change the group: the daemon must be a member of socket-group';
    default:
      return error.message;
  }
}
