/**
 * The test bed that every row uses: directory, programs, options, and how to start each server.
 *
 * One core serves, the other loads: SERVER_CORE and LOAD_CORE. tlsward is started as its unit file starts it
 * (`--max-semi-space-size=4`, MALLOC_MMAP_THRESHOLD_), from the build that this file belongs to, with its log in a file; the peers do not log.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Programs } from './programs.ts';
import { need } from './programs.ts';
import type { Finding, Say } from './report.ts';
import type { Server } from './servers.ts';
import { startServer } from './servers.ts';
import type { Sockets } from './tables.ts';
import { writeDomains } from './tables.ts';

export const SERVER_CORE = 0;
export const LOAD_CORE = 1;

export interface Bed {
  readonly dir: string;
  readonly programs: Programs;
  readonly rounds: number;
  readonly seconds: number;
  readonly say: Say;
  /** Tells that others used so many cores while a row was measured; said again at the end when it was too much. */
  readonly disturbed: (row: string, cores: number) => void;
}

/** One row of the benchmark: measures, says the details, returns what it found. */
export interface Row {
  readonly name: string;
  readonly title: string;
  run(bed: Bed): Promise<Finding[]>;
}

let directories = 0;
/** A fresh directory inside the bed; short, since socket paths are limited to 107 bytes. */
export function freshDirectory(bed: Bed): string {
  const path = join(bed.dir, String(directories++));
  mkdirSync(path);
  return path;
}

export function socketsIn(dir: string): Sockets {
  return { milter: join(dir, 'm'), policy: join(dir, 'p'), control: join(dir, 'c') };
}

const listed = new Map<number, string>();
/** The list of the first `rows` domains, made once. */
export function domainList(bed: Bed, rows: number): string {
  let path = listed.get(rows);
  if (path === undefined) {
    path = join(bed.dir, `domains-${rows}`);
    writeDomains(path, rows);
    listed.set(rows, path);
  }
  return path;
}

export function startTlsward(dir: string, config: string, core: number | null): Promise<Server> {
  const main = fileURLToPath(new URL('../../src/main.js', import.meta.url));
  const { milter, policy } = socketsIn(dir);
  return startServer({
    name: 'tlsward',
    argv: [
      'env',
      'MALLOC_MMAP_THRESHOLD_=1048576',
      process.execPath,
      '--max-semi-space-size=4',
      main,
      'serve',
      '--config',
      config,
    ],
    sockets: [milter, policy],
    logFile: join(dir, 'tlsward.log'),
    core,
  });
}

/** The C filter; `session` makes it take connect and HELO events too. */
export function startLibmilter(bed: Bed, dir: string, domains: string, session: boolean): Promise<Server> {
  const socket = join(dir, session ? 'ls' : 'l');
  return startServer({
    name: session ? 'libmilter-session' : 'libmilter',
    argv: [need(bed.programs.libmilterPeer), socket, domains, ...(session ? ['session'] : [])],
    sockets: [socket],
    logFile: `${socket}.log`,
    core: SERVER_CORE,
  });
}

export function startFloor(bed: Bed, dir: string): Promise<Server> {
  const socket = join(dir, 'f');
  return startServer({
    name: 'floor',
    argv: [need(bed.programs.policyFloor), socket],
    sockets: [socket],
    logFile: `${socket}.log`,
    core: SERVER_CORE,
  });
}

/** postgrey with its own database, and the client that the generator plays on its whitelist. */
export function startPostgrey(bed: Bed, dir: string): Promise<Server> {
  const path = need(bed.programs.postgrey);
  const db = join(dir, 'g');
  mkdirSync(db);
  const clients = join(db, 'clients');
  const recipients = join(db, 'recipients');
  writeFileSync(clients, 'client.example.net\n');
  writeFileSync(recipients, '');
  const user = userInfo().username;
  const socket = join(db, 's');
  return startServer({
    name: 'postgrey',
    argv: [
      path,
      `--unix=${socket}`,
      `--dbdir=${db}`,
      `--whitelist-clients=${clients}`,
      `--whitelist-recipients=${recipients}`,
      `--user=${user}`,
      `--group=${user}`,
    ],
    sockets: [socket],
    logFile: join(db, 'log'),
    core: SERVER_CORE,
  });
}
