/**
 * Opens the listening sockets of all protocols: those that systemd passed, and those of the configuration
 * that are not among them.
 */
import type { Server } from 'node:net';
import { formatListen } from '../config/keys/listenAddress.ts';
import type { ServiceSettings } from '../config/keys/serviceSettings.ts';
import type { Log } from '../log/log.ts';
import {
  inheritedSockets,
  ListenError,
  listenOn,
  listenOnInherited,
  type UnixOptions,
} from '../net/listen.ts';
import { SocketFile } from '../net/socketFile.ts';
import { INHERITED } from './controlReplies.ts';
import type { Served } from './protocols.ts';
import type { Target } from './selfCheck.ts';

export interface OpenListener {
  /** `policy`, `milter`, `socketmap`, `control`, `http`. */
  readonly name: string;
  /** In the syntax of main.cf, with the actual port. */
  readonly address: string;
  /** Where the daemon itself reaches it. */
  readonly target: Target;
  /** Connections that a limit has refused. */
  readonly refused: () => number;
  /** Watches its file, if it is a unix socket. */
  readonly socket: SocketFile | null;
  /** Why it could not be opened; null: it is open. */
  readonly closed: string | null;
}

/** A unix socket from systemd whose path is unknown: it may be any of the configured ones. */
const UNKNOWN = 'unix:';

/**
 * Opens the listeners of each protocol in turn and calls `opened` for each one. Rejects with ListenError at
 * the first that cannot be opened; one that mail does not need is left closed, and says why.
 */
export async function openListeners(
  protocols: readonly Served[],
  service: ServiceSettings,
  env: NodeJS.ProcessEnv,
  log: Log,
  opened: (listener: OpenListener) => void,
): Promise<void> {
  const inherited = inheritedSockets(env, process.pid);
  for (const protocol of protocols) {
    const { name, driver } = protocol;
    const held = new Set<string>();
    for (const fd of inherited.get(name) ?? []) {
      const server = driver.server();
      const address = await listenOnInherited(server, fd);
      held.add(address === null ? UNKNOWN : formatListen(address));
      const file = address?.kind === 'unix' ? address.path : null;
      opened(await openListener(protocol, server, `${INHERITED} ${fd}`, file, null, log));
    }
    for (const address of service[protocol.listen]) {
      if (held.has(formatListen(address)) || (address.kind === 'unix' && held.has(UNKNOWN))) continue;
      const server = driver.server();
      const unix = protocol.unixOptions(service);
      try {
        await listenOn(server, address, unix);
      } catch (error) {
        if (protocol.needed || !(error instanceof ListenError)) throw error;
        opened(closedListener(protocol, formatListen(address), error.message, log));
        continue;
      }
      const file = address.kind === 'unix' ? address.path : null;
      const again = { make: () => driver.server(), unix };
      opened(await openListener(protocol, server, formatListen(address), file, again, log));
    }
  }
}

function closedListener({ name }: Served, address: string, closed: string, log: Log): OpenListener {
  log.listenerTrouble(name, address, closed);
  return { name, address, target: null, refused: () => 0, socket: null, closed };
}

/**
 * `file`: the path of a unix socket; `again`: creates the server again; null when systemd created the socket.
 */
async function openListener(
  { name, driver }: Served,
  server: Server,
  address: string,
  file: string | null,
  again: { readonly make: () => Server; readonly unix: UnixOptions } | null,
  log: Log,
): Promise<OpenListener> {
  const watched = (one: Server): Server => one.on('error', (error) => log.bug(`${name} listener`, error));
  watched(server);
  const bound = server.address();
  const real =
    typeof bound === 'object' && bound !== null && address.startsWith('inet:')
      ? address.replace(/[0-9]+$/, String(bound.port))
      : address;
  let socket: SocketFile | null = null;
  if (file !== null) {
    const make = again === null ? null : () => watched(again.make());
    const unix = again?.unix ?? { mode: 0, group: null };
    socket = new SocketFile({ name, path: file, make, unix, log }, server);
    await socket.learn();
  }
  log.listenerOpen(name, real);
  const target = file === null ? targetOf(bound) : { path: file };
  return { name, address: real, target, refused: () => driver.counters.refused, socket, closed: null };
}

/** What listens on every address is reached by loopback. */
function targetOf(bound: ReturnType<Server['address']>): Target {
  if (typeof bound !== 'object' || bound === null) return null;
  const { address, port } = bound;
  return { host: address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address, port };
}
