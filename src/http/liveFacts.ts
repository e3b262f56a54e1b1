/**
 * What the daemon tells the live page and the metrics: the answer of `tlsward status`, as far as they use it, and
 * some more. The daemon's own types fit into these.
 */
import type { MemoryUse } from '../core/memorySize.ts';
import type { DriverCounters } from '../net/connection.ts';

type Actions = Readonly<Record<'accept' | 'hold' | 'defer' | 'reject', number>>;

/** Verdicts by protocol, then by the mode of the row that decided, then by action. */
type ModeCounters = Readonly<Record<string, Readonly<Record<'enforce' | 'observe' | 'none', Actions>>>>;

/** The stream of evidence; null: none is kept. */
interface EvidenceFacts {
  readonly writer: string;
  readonly onFailure: 'continue' | 'defer';
  readonly day: string;
  readonly records: number;
  readonly waitingBytes: number;
  readonly handedBytes: number;
  /** Milliseconds since the epoch; 0: not yet. */
  readonly lastSyncMs: number;
  readonly failures: number;
  /** '' while records can be written. */
  readonly failure: string;
  readonly gaps: number;
  readonly lost: number;
  readonly held: number;
}

interface StatusFacts {
  readonly version: string;
  readonly node: string;
  readonly startedAt: string;
  readonly table: {
    readonly generation: number;
    readonly hash: string;
    readonly rows: number;
    readonly loadedAt: string;
    readonly overdue: readonly string[];
    readonly lastReload: string;
    readonly restartNeeded: readonly string[];
  };
  readonly listeners: readonly {
    readonly name: string;
    readonly address: string;
    readonly trouble?: string;
  }[];
  readonly connections: Readonly<Record<string, DriverCounters & { readonly open: number }>>;
  readonly verdicts: {
    readonly accept: number;
    readonly hold: number;
    readonly defer: number;
    readonly reject: number;
    readonly tagged: number;
    readonly wouldRefuse: number;
  };
  /** By protocol, then by the TLS of the session. */
  readonly verdictsByTls: Readonly<Record<string, { readonly [tls: string]: Actions | undefined }>>;
  readonly loopDelay: {
    readonly longestMs: number;
    readonly at: string;
    readonly overThreshold: number;
    readonly thresholdMs: number;
  };
  readonly maps: { readonly ok: number; readonly notFound: number; readonly temp: number };
  readonly routes: Readonly<Record<'routed' | 'held' | 'refused' | 'deferred', number>>;
  readonly published: { readonly kind: 'own' | 'other'; readonly counters: object; readonly sts?: object };
  readonly postfix: { readonly warnings: readonly string[] };
  readonly evidence: EvidenceFacts | null;
  readonly memory: readonly MemoryUse[];
  readonly openFiles: {
    readonly limit: number | null;
    readonly used: number | null;
    readonly connections: number;
  };
  readonly log: { readonly dropped: number; readonly failure: string };
}

/** An exception of the table, in force or overdue. */
interface ExceptionFacts {
  readonly pattern: string;
  /** YYYY-MM-DD, the last day. */
  readonly until: string;
  readonly reason: string;
  readonly changes: readonly string[];
}

/** A policy of MTA-STS that is kept. */
interface PolicyFacts {
  readonly domain: string;
  readonly mode: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** Why it could not be refreshed last; '' when it could. */
  readonly trouble: string;
}

/** An alarm that fires. */
interface AlarmFacts {
  readonly kind: string;
  readonly subject: string;
  readonly since: string;
  readonly text: string;
}

/** What others report about sessions to us, as the alarms counted it. */
export interface ReportedFacts {
  readonly reports: number;
  /** Sessions. */
  readonly successful: number;
  readonly failed: number;
  /** The end of the latest hours that were reported; milliseconds since the epoch; null: not known. */
  readonly newestEndMs: number | null;
  /** Of the last seven days of reports. */
  readonly week: { readonly reporters: number; readonly successful: number; readonly failed: number };
}

/** What the collector counted since its start; times are milliseconds since the epoch. */
interface CollectorFacts {
  readonly startedAtMs: number;
  readonly lines: number;
  readonly unreadable: number;
  readonly records: number;
  readonly gapRecords: number;
  /** null: none was read yet. */
  readonly newestLineMs: number | null;
  /** null: not known yet. */
  readonly lagMs: number | null;
  /** By TLS, then by outcome. */
  readonly deliveries: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export interface LiveFacts {
  readonly host: string;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
  /** YYYY-MM-DD, in the time zone of the machine. */
  readonly today: string;
  readonly status: StatusFacts;
  /** What somebody should look at. */
  readonly findings: readonly { readonly id: string; readonly text: string }[];
  readonly byMode: ModeCounters;
  readonly reloads: { readonly accepted: number; readonly refused: number };
  readonly exceptions: readonly ExceptionFacts[];
  readonly policies: readonly PolicyFacts[];
  /** null: there is nothing that watches. */
  readonly alarms: {
    readonly lookedAtMs: number;
    readonly firing: readonly AlarmFacts[];
    readonly reported: ReportedFacts | null;
  } | null;
  /** null: none has ever run here; `absent`: one has, and none does now. */
  readonly collector: CollectorFacts | 'absent' | null;
}

/** Why the daemon is not ready to serve mail servers; empty when it is. */
export function notReady({ status }: Pick<LiveFacts, 'status'>): string[] {
  const { listeners, evidence } = status;
  const why = listeners.flatMap(({ name, address, trouble }) =>
    trouble === undefined || name === 'http' ? [] : [`${name} ${address}: ${trouble}`],
  );
  if (listeners.every(({ name }) => name === 'control' || name === 'http'))
    why.push('no socket for the mail server is open');
  if (evidence !== null && evidence.onFailure === 'defer' && evidence.failure !== '')
    why.push(`evidence cannot be written: ${evidence.failure}`);
  return why;
}
