/**
 * The commands of the control socket by name. A new command is one more entry, and a line in
 * wire/controlLines.ts.
 */
import type { DiscoveryService } from '../discovery/discoveryService.ts';
import type { ControlRequest } from '../wire/controlLines.ts';
import type { LookupReply, ReloadReply, StatusReply } from './controlReplies.ts';
import type { RecentVerdicts } from './recentVerdicts.ts';

/** What the commands act on. */
interface Controlled {
  status(): Promise<StatusReply>;
  reload(hash: string): Promise<ReloadReply>;
  tryReload(): Promise<ReloadReply>;
  readonly recent: Pick<RecentVerdicts, 'find'>;
  readonly discovery: Pick<DiscoveryService, 'control'>;
}

type Answer = object | Promise<object>;

/** The handler of control requests. */
export function controlCommands(daemon: Controlled): (request: ControlRequest) => Answer {
  const commands = new Map<string, (argument: string) => Answer>([
    ['status', () => daemon.status()],
    ['reload', (hash) => daemon.reload(hash)],
    ['reload-dry-run', () => daemon.tryReload()],
    ['lookup', (code) => lookup(daemon.recent, code)],
    ['published', (nextHop) => daemon.discovery.control('show', nextHop)],
    ['published-refresh', (nextHop) => daemon.discovery.control('refresh', nextHop)],
    ['published-forget', (nextHop) => daemon.discovery.control('forget', nextHop)],
  ]);
  return ({ command, argument }) =>
    commands.get(command)?.(argument) ?? { ok: false, error: `no control command "${command}"` };
}

function lookup(recent: Controlled['recent'], code: string): LookupReply {
  const verdict = recent.find(code);
  return verdict === undefined ? { ok: false } : { ok: true, verdict };
}
