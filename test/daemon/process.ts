/**
 * The daemon as a process of its own, for what only shows there: its heap, its descriptors, its standard output.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { askDaemon } from '../../src/net/controlClient.ts';

export const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));

export interface DaemonProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly folder: string;
  /** Exit code and signal. */
  readonly ended: Promise<unknown[]>;
  /** Standard error so far, the last 4,000 characters. */
  readonly said: () => string;
  readonly ask: (command: string, argument?: string) => Promise<Record<string, unknown>>;
  /** Waits until a line of the log has all these fields; rejects after a minute. */
  readonly logged: (
    fields: Readonly<Record<string, unknown>>,
    from?: number,
  ) => Promise<Record<string, unknown>>;
  /** Lines of the log so far. */
  readonly log: Record<string, unknown>[];
}

export interface ProcessOptions {
  /** Another program than the compiled modules. */
  readonly main?: string;
  /** Of node. */
  readonly flags?: readonly string[];
  /** Of a shell, before it becomes the daemon: `ulimit -n 300`. */
  readonly shell?: string;
  /** Standard output is read and parsed; else nobody reads it. */
  readonly read?: boolean;
  /** Called with each line as it came, which is then not kept. */
  readonly line?: (line: string) => void;
}

/** Starts it; `text` begins inside `[service]`, after sockets `m`, `p` and `c`. Resolves when it listens, or has ended. */
export async function daemonProcess(
  t: Test,
  text: string,
  { main = MAIN, flags = [], shell = '', read = true, line }: ProcessOptions = {},
): Promise<DaemonProcess> {
  // tap's own folders have names too long for a socket
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-'));
  const config = join(folder, 'tlsward.ini');
  const sockets = 'policy-listen = unix:p\nmilter-listen = unix:m\ncontrol-listen = unix:c\n';
  writeFileSync(config, `[service]\n${sockets}${text}`);
  const args = [...flags, main, 'serve', '--config', config];
  // tap puts NODE_OPTIONS into every program it sees started, and what they load handles signals: the shell takes them out
  const program = `unset NODE_OPTIONS; ${shell === '' ? '' : `${shell};`} exec "$0" "$@"`;
  const child = spawn('/bin/sh', ['-c', program, process.execPath, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.teardown(() => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  const ended = once(child, 'exit');
  const log: Record<string, unknown>[] = [];
  const stdout = child.stdout as Readable;
  if (read) {
    let rest = '';
    stdout.setEncoding('utf8');
    stdout.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop()!;
      for (const one of lines) {
        if (line !== undefined) line(one);
        else log.push(JSON.parse(one) as Record<string, unknown>);
      }
    });
  }
  let said = '';
  const stderr = child.stderr as Readable;
  stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4000);
  });
  let gone = false;
  void ended.then(() => {
    gone = true;
  });
  while (!said.includes('control listening') && !gone) await Promise.race([once(stderr, 'data'), ended]);
  const logged: DaemonProcess['logged'] = async (fields, from = 0) => {
    const end = performance.now() + 60_000;
    while (performance.now() < end) {
      for (const one of log.slice(from))
        if (Object.entries(fields).every(([name, value]) => one[name] === value)) return one;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`no line with ${JSON.stringify(fields)} in ${JSON.stringify(log.slice(-5))}`);
  };
  return {
    child,
    pid: child.pid!,
    folder,
    ended,
    said: () => said,
    ask: (command, argument) => askDaemon(join(folder, 'c'), command, argument),
    logged,
    log,
  };
}

/** A connection to a unix socket of the daemon; later errors of it are nobody's. */
export async function opened(path: string): Promise<Socket> {
  const socket = connect(path);
  await once(socket, 'connect');
  socket.on('error', () => {});
  return socket;
}
