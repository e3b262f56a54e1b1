/**
 * Starts and ends the servers under test, and runs the load generators against them.
 *
 * A server is "listening" when all its sockets accept a connection; `startMs` is the time from spawn to then, seen by
 * connecting every millisecond. Its standard output and error go to a file in the benchmark's directory (logging stays
 * on), and the end of that file is shown when it fails. Only processes started here are ended, by their own handle; a
 * handler ends what is left when the benchmark itself ends.
 *
 * With `core` the process runs on that one core, through taskset(1) which then becomes the process, so the pid is
 * the server's own.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const LISTEN_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 10_000;

export interface Server {
  readonly name: string;
  readonly pid: number;
  readonly startMs: number;
  readonly logFile: string;
  /** Sends a signal to the server. */
  signal(name: NodeJS.Signals): void;
  /** SIGTERM, then SIGKILL after ten seconds; returns once it is gone. */
  stop(): Promise<void>;
}

export interface Command {
  readonly name: string;
  readonly argv: readonly string[];
  readonly sockets: readonly string[];
  readonly logFile: string;
  /** The core to run on; null lets the kernel choose. */
  readonly core: number | null;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

let pinning = true;
/** Called once when taskset(1) is missing. */
export function withoutPinning(): void {
  pinning = false;
}

function pinned(argv: readonly string[], core: number | null): [string, string[]] {
  const [command, ...rest] = core === null || !pinning ? argv : ['taskset', '-c', String(core), ...argv];
  return [command!, rest];
}

function tail(file: string): string {
  return readFileSync(file, 'utf8').split('\n').slice(-15).join('\n');
}

async function answers(socket: string): Promise<boolean> {
  const stream = connect(socket);
  try {
    await once(stream, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    stream.destroy();
  }
}

/** Starts a server and waits until it listens. */
export async function startServer(command: Command): Promise<Server> {
  const log = openSync(command.logFile, 'w');
  const from = performance.now();
  const child = spawn(...pinned(command.argv, command.core), { stdio: ['ignore', log, log] });
  closeSync(log);
  running.add(child);
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => {
      running.delete(child);
      resolve();
    });
    child.once('error', () => resolve());
  });
  for (const socket of command.sockets) {
    while (!(await answers(socket))) {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) {
        throw new Error(`${command.name} ended at once:\n${tail(command.logFile)}`);
      }
      if (performance.now() - from > LISTEN_LIMIT_MS) {
        child.kill('SIGKILL');
        throw new Error(`${command.name} does not listen on ${socket}:\n${tail(command.logFile)}`);
      }
      await sleep(1);
    }
  }
  const startMs = performance.now() - from;
  return {
    name: command.name,
    pid: child.pid!,
    startMs,
    logFile: command.logFile,
    signal: (name) => void child.kill(name),
    stop: async () => {
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
      child.kill('SIGTERM');
      await gone;
      clearTimeout(timer);
    },
  };
}

/** Resident memory of a server in MiB. */
export function rssMib(server: Server): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'));
  return Number(line![1]) / 1024;
}

/** The load generator saw something that the protocol does not allow, or a verdict that is wrong. */
export class ProtocolError extends Error {}

/** Runs a load generator to its end and returns the JSON it printed; throws ProtocolError when it found fault. */
export async function runLoad<T>(argv: readonly string[], core: number | null): Promise<T> {
  const child = spawn(...pinned(argv, core), { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  running.delete(child);
  if (code !== 0) throw new ProtocolError(err.trim() || `${argv[0]} ended with status ${code}`);
  return JSON.parse(out) as T;
}
