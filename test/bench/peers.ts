/**
 * Starts the servers that are compared: tlsward and its peers.
 *
 * tlsward is started as its unit file starts it (two options of Node.js, MALLOC_MMAP_THRESHOLD_), bundled from the build that
 * this file belongs to. Each writes its log to a file, which nobody syncs to the disk; those that do equal work write one line
 * a message. All serve on SERVER_CORE unless the row says otherwise.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BUNDLE, root } from '../root.ts';
import type { Bed } from './bed.ts';
import { SERVER_CORE } from './bed.ts';
import { need } from './programs.ts';
import type { Server } from './servers.ts';
import { startServer } from './servers.ts';
import type { Sockets } from './tables.ts';

/** As it is installed; run.ts makes it anew. */
export const MAIN = join(BUNDLE, 'main.js');

/** tlsward on a configuration that names these sockets; the others it has are not waited for. */
export function startTlsward(
  dir: string,
  config: string,
  core: number | null,
  sockets: Pick<Sockets, 'milter' | 'policy'>,
): Promise<Server> {
  return startServer({
    name: 'tlsward',
    argv: [
      'env',
      'MALLOC_MMAP_THRESHOLD_=1048576',
      process.execPath,
      '--max-semi-space-size=4',
      '--v8-pool-size=1',
      MAIN,
      'serve',
      '--config',
      config,
    ],
    sockets: [sockets.milter, sockets.policy],
    logFile: join(dir, 'tlsward.log'),
    core,
  });
}

function startPeer(
  name: string,
  argv: readonly string[],
  socket: string,
  core: number | null = SERVER_CORE,
): Promise<Server> {
  return startServer({ name, argv, sockets: [socket], logFile: `${socket}.log`, core });
}

/** The C filter that does the same work; `key`: the file with the key of the marks. */
export function startEqual(bed: Bed, socket: string, domains: string, key: string): Promise<Server> {
  return startPeer('equal', [need(bed.programs.libmilterPeer), socket, domains, 'equal', key], socket);
}

/** The C filter that does less: `envelope` takes what it needs, `every` takes every event. */
export function startBare(
  bed: Bed,
  socket: string,
  domains: string,
  mode: 'envelope' | 'every' = 'envelope',
  core: number | null = SERVER_CORE,
): Promise<Server> {
  return startPeer('bare', [need(bed.programs.libmilterPeer), socket, domains, mode], socket, core);
}

/** The same work in Python, by pymilter. */
export function startPython(bed: Bed, socket: string, domains: string, key: string): Promise<Server> {
  const script = fileURLToPath(new URL('test/bench/pymilter-peer.py', root));
  return startPeer('python', [need(bed.programs.pymilter), script, socket, domains, key], socket);
}

/** A C responder: `floor` only frames, with `domains` it does the same work. */
export function startResponder(
  bed: Bed,
  protocol: 'policy' | 'socketmap',
  socket: string,
  domains: string | null,
): Promise<Server> {
  const program = need(protocol === 'policy' ? bed.programs.policyPeer : bed.programs.socketmapPeer);
  const mode = domains === null ? ['floor'] : ['equal', domains];
  return startPeer(mode[0]!, [program, socket, ...mode], socket);
}

/** postfix-mta-sts-resolver with a policy in its cache for each domain of the list. */
export function startMtaSts(bed: Bed, socket: string, domains: string): Promise<Server> {
  const script = fileURLToPath(new URL('test/bench/mta-sts-peer.py', root));
  return startPeer('mta-sts', [need(bed.programs.mtaSts), script, socket, domains], socket);
}

/** postgrey with its own database, and the client that the generator plays on its whitelist. */
export function startPostgrey(bed: Bed, socket: string): Promise<Server> {
  const path = need(bed.programs.postgrey);
  const db = `${socket}.db`;
  mkdirSync(db);
  const clients = join(db, 'clients');
  const recipients = join(db, 'recipients');
  writeFileSync(clients, 'client.example.net\n');
  writeFileSync(recipients, '');
  const user = userInfo().username;
  const whitelists = [`--whitelist-clients=${clients}`, `--whitelist-recipients=${recipients}`];
  const who = [`--user=${user}`, `--group=${user}`];
  return startPeer('postgrey', [path, `--unix=${socket}`, `--dbdir=${db}`, ...whitelists, ...who], socket);
}
