/**
 * Processes and ports of a server under test: who belongs to a session, is a port still open, has a child ended, and
 * what happens to it when the test process dies first.
 *
 * A test MTA is started as leader of its own session (`detached`), so every process it forks carries the leader's id in
 * the session field of /proc/PID/stat; that is how `stop` proves that nothing was left behind, and how it ends what
 * was, without ever matching by name. Linux only. Source: proc(5), field 6 of /proc/[pid]/stat.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';

export interface ProcessInfo {
  readonly pid: number;
  /** Program name, at most 15 characters. */
  readonly name: string;
  readonly parent: number;
}

/** Every live process of a session, the leader included. Zombies are not counted. */
export function sessionMembers(session: number): ProcessInfo[] {
  const found: ProcessInfo[] = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    let stat: string;
    try {
      stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
    } catch {
      continue; // it ended between the two calls
    }
    // "PID (name) state ppid pgrp session ..."; the name may hold spaces and parentheses.
    const close = stat.lastIndexOf(')');
    const [state, parent, , owner] = stat.slice(close + 2).split(' ');
    if (Number(owner) !== session || state === 'Z') continue;
    found.push({
      pid: Number(entry),
      name: stat.slice(stat.indexOf('(') + 1, close),
      parent: Number(parent),
    });
  }
  return found;
}

/** Signals a process that may have ended meanwhile. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Has it a TCP connection, or one whose peer has gone? Source: proc(5), /proc/net/tcp (state 0A: a listener). */
export function isConnected(pid: number): boolean {
  try {
    const inodes = ['tcp', 'tcp6'].flatMap((table) =>
      readFileSync(`/proc/${pid}/net/${table}`, 'utf8')
        .split('\n')
        .map((line) => line.trim().split(/\s+/))
        .flatMap((fields) => (fields[3] === '0A' ? [] : [`socket:[${fields[9]}]`])),
    );
    const own = `/proc/${pid}/fd`;
    return readdirSync(own).some((name) => inodes.includes(readlinkSync(`${own}/${name}`)));
  } catch {
    return false; // it has ended, or closed one of them meanwhile
  }
}

/** True when something accepts connections on this loopback port. */
export function portOpen(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host });
    const done = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
  });
}

/** What was asked for already: it may be bound any moment. */
const given = new Set<number>();

function bindable(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/**
 * `count` different ports that nobody listens on, below the range Linux hands out to clients (32768 and up), so that no
 * outgoing connection of another test can take one between this check and its use. A process gives out each once, and
 * takes them from a part of the range that the test file beside it has hardly got as well. Another server still could take one: whoever
 * can, retries with new ones when binding fails.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  const first = 10_000 + (process.pid % 20) * 1100;
  while (ports.length < count) {
    const port = first + Math.floor(Math.random() * 1100);
    if (given.has(port)) continue;
    given.add(port);
    if (given.size > 1000) given.clear();
    if (await bindable(port)) ports.push(port);
  }
  return ports;
}

/** Resolves when the child has ended, at once when it already has (or never started). */
export function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
}

/**
 * End `pid` with SIGTERM should this process die without doing so itself (a test killed at its time limit). A shell waits
 * on a pipe that only we hold open: end of file means we are gone. PR_SET_PDEATHSIG would be simpler, but the kernel
 * drops it when Postfix's master changes its effective user. `release` ends the shell and leaves `pid` alone.
 */
export function guardProcess(pid: number): { release(): void } {
  const script = 'read -r word; [ "$word" = release ] || kill -TERM "$0"';
  const guard = spawn('/bin/sh', ['-c', script, String(pid)], {
    detached: true, // a signal to our process group must not end the guard before it has done its work
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.unref();
  guard.stdin.on('error', () => {}); // the guard is gone already
  return { release: () => void guard.stdin.end('release\n') };
}
