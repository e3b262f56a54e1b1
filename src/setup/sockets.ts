/**
 * How Postfix names the sockets of tlsward, and whether it can reach them.
 *
 * The daemons of Postfix work in the queue folder, and a chrooted one sees nothing else. So a path below that
 * folder is written relative to it, which is right with and without chroot (SMTPD_POLICY_README,
 * MILTER_README).
 */
import { formatListen, type ListenAddress } from '../config/keys/listenAddress.ts';
import type { Invalid, Socket } from '../mta/endpoint.ts';
import { type MasterEntry, type PostfixConfig, valueFor } from '../mta/postfixConfig.ts';
import { serviceOf } from './draft.ts';
import type { Listener, Wanted } from './wanted.ts';

/** The name of a socket in main.cf, or why there is none. */
type Named = { readonly ok: true; readonly name: string } | { readonly ok: false; readonly why: string };

/**
 * The name by which these entries of master.cf reach the listener. Of several sockets one inside the queue
 * folder is preferred, because only its folder says who may connect.
 */
export function nameSocket(
  config: PostfixConfig,
  { listen, configFile }: Wanted,
  listener: Listener,
  entries: readonly MasterEntry[],
): Named {
  const addresses = listen[listener];
  const queue = valueFor(config, 'queue_directory');
  for (const address of addresses) {
    const inside = address.kind === 'unix' ? below(address.path, queue) : null;
    if (inside !== null) return { ok: true, name: `unix:${inside}` };
  }
  const [first] = addresses;
  if (first === undefined) return { ok: false, why: `${configFile} has no ${listener}-listen` };
  const inet = addresses.find((address) => address.kind === 'inet') ?? first;
  if (inet.kind === 'inet') {
    if (inet.port === 0)
      return { ok: false, why: `${listener}-listen has port 0: give it a port of its own` };
    const host = inet.host === '0.0.0.0' ? '127.0.0.1' : inet.host === '::' ? '::1' : inet.host;
    return { ok: true, name: formatListen({ ...inet, host }) };
  }
  const jailed = entries.find(({ chroot }) => chroot);
  if (jailed === undefined) return { ok: true, name: `unix:${inet.path}` };
  return {
    ok: false,
    why: `${serviceOf(jailed)} is chrooted to ${queue} and cannot see ${inet.path}: write ${listener}-listen = unix:${queue}/tlsward/${listener}.sock`,
  };
}

/** The rest of a path below a folder; null when it is not below it. */
function below(path: string, folder: string): string | null {
  return path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : null;
}

/** Is a socket that Postfix names one of these? Other spellings of a path or host count. */
export function isSocketOf(
  config: PostfixConfig,
  socket: Socket | Invalid,
  addresses: readonly ListenAddress[],
): boolean {
  if ('invalid' in socket) return false;
  return addresses.some((address) => {
    if (address.kind !== socket.kind) return false;
    if (address.kind === 'unix') return pathsOf(config, socket).includes(address.path);
    return (
      socket.kind === 'inet' && socket.port === String(address.port) && reaches(socket.host, address.host)
    );
  });
}

/** What a path may mean: as it is, below the queue folder, or inside the chroot. */
function pathsOf(config: PostfixConfig, socket: Socket): string[] {
  if (socket.kind !== 'unix') return [];
  const queue = valueFor(config, 'queue_directory');
  return socket.path.startsWith('/') ? [socket.path, `${queue}${socket.path}`] : [`${queue}/${socket.path}`];
}

function reaches(host: string, listening: string): boolean {
  const plain = (one: string): string => (one === 'localhost' || one === '0.0.0.0' ? '127.0.0.1' : one);
  return plain(host) === plain(listening);
}
