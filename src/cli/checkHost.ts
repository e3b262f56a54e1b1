/**
 * What `serve` would meet on this host beside a right configuration, for `check`: the key file, and for each
 * socket its folder, its group, and who else has it. What is tried is what `serve` tries, but nothing is
 * made: a port is bound for a moment, a unix socket only looked for in the kernel's list, because to connect to
 * one that systemd holds would start the daemon. Sockets of our own running daemon are in order.
 */
import { accessSync, constants, lstatSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { type ShownProblem, shownProblem } from '../config/ini/problem.ts';
import { formatListen, type ListenAddress } from '../config/keys/listenAddress.ts';
import type { ServiceSettings } from '../config/keys/serviceSettings.ts';
import { escapeText } from '../core/escape.ts';
import { keyProblem } from '../daemon/active.ts';
import { INHERITED, type StatusReply } from '../daemon/controlReplies.ts';
import { codeOf, fileError } from '../files/systemError.ts';
import { KeyFileError, missingKeyFile, readKeyFile } from '../mark/keyFile.ts';
import { askDaemon } from '../net/controlClient.ts';
import { boundSockets, groupId, listenOn, newServer } from '../net/listen.ts';
import { controlSocket } from './daemon.ts';

/** What keeps `serve` from starting, and what cannot be told. */
interface Tried {
  readonly problems: readonly ShownProblem[];
  readonly notices: readonly string[];
}

export const NOTHING_TRIED: Tried = { problems: [], notices: [] };
/** A daemon that is busy for longer is not waited for. */
const ANSWER_MS = 3000;

const LISTEN = [
  ['policy', 'policyListen'],
  ['milter', 'milterListen'],
  ['socketmap', 'socketmapListen'],
  ['control', 'controlListen'],
  ['http', 'httpListen'],
] as const;

/** Can the key file be used? A missing one is made at the first start, and never again. */
export async function tryKeyFile(file: string | null): Promise<Tried> {
  if (file === null) return NOTHING_TRIED;
  try {
    // root looks at what another user's daemon owns
    await readKeyFile(file, process.geteuid?.() === 0 ? 'tool' : 'daemon');
    return NOTHING_TRIED;
  } catch (error) {
    if (!(error instanceof KeyFileError)) throw error;
    const code = codeOf(error.cause);
    if (code === 'EACCES' || code === 'EPERM')
      return { problems: [], notices: [`${error.message}, so it was not checked`] };
    const wrong = code === 'ENOENT' ? await missingKey(file) : error;
    return wrong === null ? NOTHING_TRIED : { problems: [keyProblem(wrong)], notices: [] };
  }
}

async function missingKey(file: string): Promise<KeyFileError | null> {
  const folder = dirname(file);
  if (statSync(folder, { throwIfNoEntry: false }) === undefined)
    return new KeyFileError(file, 0, `cannot be created: the folder ${folder} does not exist`);
  return await missingKeyFile(file);
}

/** Can every socket of the configuration be opened? */
export async function trySockets(config: string, service: ServiceSettings): Promise<Tried> {
  const ours = await ownListeners(config);
  const problems: ShownProblem[] = [];
  const notices: string[] = [];
  for (const [name, setting] of LISTEN) {
    // what systemd hands over is listened on instead of the addresses of the configuration
    if (ours.some((one) => one.name === name && one.address.startsWith(INHERITED))) continue;
    const group = name === 'control' ? null : service.socketGroup;
    for (const address of service[setting]) {
      if (ours.some((one) => one.name === name && one.address === formatListen(address))) continue;
      const open = address.kind === 'unix' ? unknownFolder(address.path) : null;
      if (open !== null) {
        notices.push(`${name}-listen = ${formatListen(address)} was not checked: ${open}`);
        continue;
      }
      const why = address.kind === 'unix' ? unixFault(address.path, group) : await portFault(address);
      if (why !== null) problems.push(problemOf(config, `[service] ${name}-listen`, address, why));
    }
  }
  return { problems, notices };
}

/** Why it cannot be told what `serve` will meet there; null: it can. */
function unknownFolder(path: string): string | null {
  const folder = dirname(path);
  const root = process.geteuid?.() === 0;
  // RuntimeDirectory= of the unit, or tmpfiles.d: there as long as the service runs
  if (dirname(folder) === '/run' && statSync(folder, { throwIfNoEntry: false }) === undefined)
    return `systemd makes ${folder} when the service starts`;
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return null;
  } catch (error) {
    const code = codeOf(error);
    const may = root || (code !== 'EACCES' && code !== 'EPERM');
    return may ? null : `only root and the user of the service may make files in ${folder}`;
  }
}

function problemOf(file: string, where: string, address: ListenAddress, why: string): ShownProblem {
  const found = `${escapeText(formatListen(address), 400)}, ${escapeText(why, 400)}`;
  return shownProblem({ file, line: 0, where, found, expected: 'a socket that serve can open', hint: '' });
}

/** Where the daemon of this configuration listens; nothing when none is running. */
async function ownListeners(config: string): Promise<StatusReply['listeners']> {
  try {
    const reply = await askDaemon<Partial<StatusReply>>(controlSocket(config), 'status', '', ANSWER_MS);
    return reply.listeners ?? [];
  } catch {
    return [];
  }
}

function unixFault(path: string, group: string | null): string | null {
  const folder = dirname(path);
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found === undefined) return `whose folder ${folder} does not exist`;
  if (!found.isDirectory()) return `and ${folder} is no folder`;
  if (group !== null && groupId(group) === null)
    return `and socket-group = ${group} is no group of this host`;
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    return `in whose folder this user may not make files (${fileError(error)})`;
  }
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there === undefined) return null;
  if (!there.isSocket()) return 'where a file is that is no socket';
  // false where the kernel does not tell
  const taken = boundSockets().some((socket) => socket.listening && socket.path === path);
  return taken ? 'on which another process listens (ss -xlp names it)' : null;
}

async function portFault(address: ListenAddress): Promise<string | null> {
  const server = newServer();
  try {
    await listenOn(server, address, { mode: 0o600, group: null });
    return null;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return text.replace(/^cannot bind \S+: /, '');
  } finally {
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}
