/**
 * The types of the daemon's replies to control commands (wire/controlLines.ts), shared by the daemon and the
 * commands that print them. Any reply may also be `{"ok":false,"error":...}`.
 */
import type { ShownProblem } from '../config/ini/problem.ts';
import type { Difference } from '../config/load/tableDiff.ts';
import type { MemoryUse } from '../core/memorySize.ts';
import type { DiscoveryReply, DiscoveryStatus } from '../discovery/discoveryService.ts';
import type { VerdictFields } from '../log/verdictFields.ts';
import type { DriverCounters } from '../net/connection.ts';
import type { LoopDelay } from '../net/loopWatch.ts';
import type { EvidenceStatus } from './evidence.ts';
import type { MapCounters } from './mapListeners.ts';
import type { RouteCounters } from './messageRouting.ts';
import type { TlsCounters } from './tlsCounters.ts';
import type { VerdictCounters } from './verdictListeners.ts';

/** Each command with its reply. */
export interface ControlReplies {
  readonly status: StatusReply;
  readonly reload: ReloadReply;
  readonly 'reload-dry-run': ReloadReply;
  readonly lookup: LookupReply;
  readonly recent: RecentReply;
  readonly published: DiscoveryReply;
  readonly 'published-refresh': DiscoveryReply;
  readonly 'published-forget': DiscoveryReply;
}

export interface ReloadReply {
  readonly ok: boolean;
  readonly error?: string;
  /** Set when only a certain configuration was to be put in force, and the files are another one. */
  readonly differs?: true;
  /** Set when nothing was put in force, because the question was only what would change. */
  readonly dryRun?: true;
  readonly problems?: readonly ShownProblem[];
  /** The number of all problems; the reply has the first thousand. */
  readonly count?: number;
  readonly notices?: readonly string[];
  readonly generation?: number;
  readonly rows?: number;
  readonly hash?: string;
  readonly changes?: Difference;
  /** Keys whose values differ from those at the start of the daemon, and that only a restart applies. */
  readonly restartNeeded?: readonly string[];
}

export type LookupReply =
  | { readonly ok: false; readonly error?: string }
  | { readonly ok: true; readonly verdict: VerdictFields };

/** The latest verdicts, the newest first. */
interface RecentReply {
  readonly ok: boolean;
  /** Absent from a daemon that does not know the command. */
  readonly verdicts?: readonly VerdictFields[];
}

/**
 * Begins the address of a listener whose socket systemd handed over. It stands for every address of its
 * protocol: what systemd does not hold, the daemon opens itself or does not start.
 */
export const INHERITED = 'inherited descriptor';

export interface StatusReply {
  readonly ok: true;
  readonly version: string;
  readonly node: string;
  readonly pid: number;
  readonly config: string;
  readonly startedAt: string;
  readonly table: {
    readonly generation: number;
    readonly hash: string;
    readonly rows: number;
    readonly loadedAt: string;
    /** Lines about sections past their `until`. */
    readonly overdue: readonly string[];
    /** '' unless the last reload was refused. */
    readonly lastReload: string;
    /** Changed keys that need a restart. */
    readonly restartNeeded: readonly string[];
  };
  readonly listeners: readonly {
    readonly name: string;
    /** In the syntax of main.cf; begins with `INHERITED` where systemd holds the socket. */
    readonly address: string;
    readonly trouble?: string;
  }[];
  readonly connections: Readonly<Record<string, DriverCounters & { readonly open: number }>>;
  readonly verdicts: VerdictCounters;
  /** By interface. */
  readonly verdictsByTls: Readonly<Record<string, TlsCounters>>;
  readonly loopDelay: LoopDelay;
  readonly maps: MapCounters;
  readonly routes: RouteCounters;
  readonly published: DiscoveryStatus;
  readonly postfix: PostfixStatus;
  /** null: none is kept. */
  readonly evidence: EvidenceStatus | null;
  readonly memoryMiB: number;
  /** Everything that is kept in memory, with its limit. */
  readonly memory: readonly MemoryUse[];
  readonly openFiles: {
    /** null: the system does not provide it. */
    readonly limit: number | null;
    readonly used: number | null;
    /** The maximum number of open connections. */
    readonly connections: number;
    readonly maxConnections: number;
  };
  /** The number of lost lines, and the error of write(2). */
  readonly log: { readonly dropped: number; readonly failure: string };
}

export interface PostfixStatus {
  /** '' when postconf gave none. */
  readonly version: string;
  readonly tlsRequiredEnable: string;
  /** Versions that MTAs reported to the milter. */
  readonly seen: readonly string[];
  readonly warnings: readonly string[];
}
