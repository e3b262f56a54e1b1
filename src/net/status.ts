/**
 * What `tlsward status` is told: one plain object out of the daemon's parts.
 */
import type { PolicyTable } from '../core/table.ts';
import type { DriverCounters } from './connection.ts';
import type { VerdictCounters } from './judge.ts';
import type { MapCounters } from './maps.ts';
import { packageVersion } from './version.ts';

export interface OpenListener {
  /** `policy`, `milter`, `socketmap`, `control`. */
  readonly name: string;
  /** As main.cf would have it, with the real port. */
  readonly address: string;
}

export interface StatusParts {
  readonly config: string;
  readonly startedAt: Date;
  readonly loadedAt: Date;
  /** '' unless the last reload was refused. */
  readonly lastReload: string;
  readonly table: PolicyTable;
  readonly listeners: readonly OpenListener[];
  readonly drivers: ReadonlyMap<string, { readonly open: number; readonly counters: DriverCounters }>;
  readonly verdicts: VerdictCounters;
  readonly maps: MapCounters;
}

/** The reply to the control command `status`. */
export function statusReport(parts: StatusParts): object {
  const { table } = parts;
  const connections: Record<string, object> = {};
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
      overdue: overdueRows(table, new Date().toISOString().slice(0, 10)),
      lastReload: parts.lastReload,
    },
    listeners: parts.listeners,
    connections,
    verdicts: parts.verdicts,
    maps: parts.maps,
    memoryMiB: Math.round(process.memoryUsage.rss() / 1024 / 1024),
  };
}

/** Rows past their `until`; they stay in force, and somebody should decide about them. `today` is YYYY-MM-DD. */
function overdueRows(table: PolicyTable, today: string): string[] {
  return table.packed.settings
    .filter((settings) => settings.until !== null && settings.until < today)
    .map(
      (settings) =>
        `${settings.lineage[0] ?? ''}: until ${settings.until}${settings.reason === null ? '' : ` (${settings.reason})`}`,
    );
}
