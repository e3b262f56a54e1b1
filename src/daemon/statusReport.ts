/**
 * The reply to `tlsward status`: one plain object made from the daemon's parts.
 */

import { type Dated, daysBetween, overdueOf } from '../config/keys/day.ts';
import { escapeText } from '../core/escape.ts';
import { count } from '../core/plural.ts';
import { formatPosition } from '../core/position.ts';
import type { PolicyTable } from '../core/table.ts';
import type { DriverCounters } from '../net/connection.ts';
import type { StatusReply } from './controlReplies.ts';
import type { OpenListener } from './listeners.ts';
import { packageVersion } from './version.ts';

/** Parts that the reply contains unchanged. */
type Shown =
  | 'config'
  | 'verdicts'
  | 'verdictsByTls'
  | 'loopDelay'
  | 'maps'
  | 'published'
  | 'routes'
  | 'postfix'
  | 'evidence'
  | 'memory'
  | 'openFiles'
  | 'log';

interface StatusParts extends Pick<StatusReply, Shown> {
  readonly startedAt: Date;
  readonly loadedAt: Date;
  /** '' unless the last reload was refused. */
  readonly lastReload: string;
  /** Keys that wait for a restart. */
  readonly restartNeeded: readonly string[];
  /** Sections with `until`, sorted by that date. */
  readonly dated: readonly Dated[];
  /** YYYY-MM-DD */
  readonly today: string;
  readonly table: PolicyTable;
  readonly listeners: readonly OpenListener[];
  readonly drivers: ReadonlyMap<string, { readonly open: number; readonly counters: DriverCounters }>;
}

/** The reply to the control command `status`. */
export function statusReport(parts: StatusParts): StatusReply {
  const { table } = parts;
  const connections: Record<string, DriverCounters & { open: number }> = {};
  for (const [name, driver] of parts.drivers) connections[name] = { open: driver.open, ...driver.counters };
  return {
    ok: true,
    version: packageVersion(),
    node: process.versions.node,
    pid: process.pid,
    config: parts.config,
    startedAt: parts.startedAt.toISOString(),
    table: {
      generation: table.generation,
      hash: table.hash,
      rows: table.rows,
      loadedAt: parts.loadedAt.toISOString(),
      overdue: overdueRows(parts.dated, parts.today),
      lastReload: parts.lastReload,
      restartNeeded: parts.restartNeeded,
    },
    listeners: parts.listeners.map(({ name, address, socket, closed }) => {
      const trouble = closed ?? socket?.trouble ?? '';
      return trouble === '' ? { name, address } : { name, address, trouble };
    }),
    connections,
    verdicts: parts.verdicts,
    verdictsByTls: parts.verdictsByTls,
    maps: parts.maps,
    published: parts.published,
    routes: parts.routes,
    loopDelay: parts.loopDelay,
    postfix: parts.postfix,
    evidence: parts.evidence,
    memory: parts.memory,
    openFiles: parts.openFiles,
    log: parts.log,
    memoryMiB: Math.round(process.memoryUsage.rss() / 1024 / 1024),
  };
}

/** The most overdue sections in `status`; one more line counts the rest. */
const MAX_OVERDUE = 100;

/** Sections past their `until`; they stay in force until the administrator changes them. */
function overdueRows(dated: readonly Dated[], today: string): string[] {
  const overdue = overdueOf(dated, today);
  const lines = overdue.slice(0, MAX_OVERDUE).map(({ file, line, where, until, reason }) => {
    const why = reason === null ? '' : ` (${escapeText(reason, 300)})`;
    return `${formatPosition({ file, line })}: ${where} until ${until}, ${count(daysBetween(until, today), 'day')} ago${why}`;
  });
  const more = overdue.length - lines.length;
  return more > 0 ? [...lines, `${more} more`] : lines;
}
