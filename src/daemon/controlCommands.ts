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
  readonly recent: Pick<RecentVerdicts, 'find' | 'latest'>;
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
    ['recent', (most) => ({ ok: true, verdicts: daemon.recent.latest(mostOf(most)) })],
    ['published', (nextHop) => daemon.discovery.control('show', nextHop)],
    ['published-refresh', (nextHop) => daemon.discovery.control('refresh', nextHop)],
    ['published-forget', (nextHop) => daemon.discovery.control('forget', nextHop)],
  ]);
  return ({ command, argument }) =>
    commands.get(command)?.(argument) ?? { ok: false, error: `no control command "${command}"` };
}

/** Verdicts in one answer to `recent`: as many are parsed in some 5 ms. */
const MAX_RECENT = 500;

function mostOf(text: string): number {
  return /^[0-9]{1,3}$/.test(text) ? Math.min(Number(text), MAX_RECENT) : MAX_RECENT;
}

function lookup(recent: Controlled['recent'], code: string): LookupReply {
  const verdict = recent.find(code);
  return verdict === undefined ? { ok: false } : { ok: true, verdict };
}
