/**
 * What the daemon's own answer to `status` says. When it does not answer nothing of this is known, except that.
 */
import { count } from '../core/plural.ts';
import type { StatusReply } from '../daemon/controlReplies.ts';
import type { Condition, Kind, Look } from './condition.ts';

/** What came of asking; null: nobody is to be asked (`control-listen` is empty). */
export type Answer = { readonly status: StatusReply } | { readonly error: string } | null;

const OF_STATUS: readonly Kind[] = ['evidence', 'reload-refused', 'exception-expired', 'log-lost'];
/** Records that wait for the disk for longer than this lag behind. */
const LAG_MS = 60_000;
const MAX_OVERDUE = 5;

/** What is kept of the daemon's log through a restart. */
export interface KnownDrops {
  /** Of the daemon. */
  readonly startedAt: string;
  /** Dropped since, as the last look saw it. */
  readonly lines: number;
  /** When more were dropped last; milliseconds, 0: never. */
  readonly at: number;
}

export class DaemonFacts {
  #drops: KnownDrops | null;
  readonly #windowMs: number;

  constructor(windowMs: number, drops: KnownDrops | null) {
    this.#windowMs = windowMs;
    this.#drops = drops;
  }

  /** To be kept through a restart. */
  get drops(): KnownDrops | null {
    return this.#drops;
  }

  look(answer: Answer, nowMs: number): Look {
    if (answer === null) return { conditions: [], unjudged: ['daemon-down', ...OF_STATUS] };
    if ('error' in answer) return { conditions: [down(answer.error)], unjudged: OF_STATUS };
    const { status } = answer;
    const found = [evidence(status, nowMs), reload(status), overdue(status), this.#log(status, nowMs)];
    return { conditions: found.filter((one) => one !== null), unjudged: [] };
  }

  #log({ log, startedAt }: StatusReply, nowMs: number): Condition | null {
    const before = this.#drops?.startedAt === startedAt ? this.#drops.lines : 0;
    const at = log.dropped > before ? nowMs : (this.#drops?.at ?? 0);
    this.#drops = { startedAt, lines: log.dropped, at };
    if (log.failure === '' && nowMs - at >= this.#windowMs) return null;
    const why = log.failure === '' ? 'the reader was too slow' : `it cannot be written (${log.failure})`;
    return bad(
      'log-lost',
      'warning',
      `${count(log.dropped, 'line')} of the log of tlsward were dropped: ${why}`,
      ['tlsward status --check', 'journalctl -u systemd-journald -n 20'],
    );
  }
}

function bad(
  kind: Kind,
  severity: Condition['severity'],
  summary: string,
  advice: readonly string[],
): Condition {
  return { kind, subject: '', severity, level: 'bad', clearMs: 0, summary, count: 0, domains: [], advice };
}

function down(error: string): Condition {
  return bad('daemon-down', 'critical', `the daemon does not answer, so mail waits: ${error}`, [
    'systemctl status tlsward',
    'journalctl -u tlsward -n 50',
    'systemctl restart tlsward',
  ]);
}

function evidence({ evidence: kept }: StatusReply, nowMs: number): Condition | null {
  if (kept === null) return null;
  const { failure, waitingBytes, lastSyncMs, onFailure, directory } = kept;
  const waits = onFailure === 'defer' ? 'mail waits' : 'mail goes on without records';
  const advice = [`df -h ${directory}`, 'tlsward status --check', 'journalctl -u tlsward -g evidence -n 20'];
  if (failure !== '')
    return bad(
      'evidence',
      onFailure === 'defer' ? 'critical' : 'warning',
      `evidence cannot be written (${failure}): ${waits}`,
      advice,
    );
  const late = lastSyncMs === 0 ? 0 : nowMs - lastSyncMs;
  if (waitingBytes === 0 || late < LAG_MS) return null;
  return bad(
    'evidence',
    'warning',
    `evidence lags behind: ${waitingBytes} bytes wait for the disk since ${Math.round(late / 1000)} s`,
    advice,
  );
}

function reload({ table }: StatusReply): Condition | null {
  if (table.lastReload === '') return null;
  return bad(
    'reload-refused',
    'warning',
    `the last reload was refused, and the old table stays: ${table.lastReload}`,
    ['tlsward check', 'systemctl reload tlsward'],
  );
}

function overdue({ table }: StatusReply): Condition | null {
  const { overdue: lines } = table;
  if (lines.length === 0) return null;
  const more = lines.length > MAX_OVERDUE ? `; and ${lines.length - MAX_OVERDUE} more` : '';
  const what = lines.slice(0, MAX_OVERDUE).join('; ');
  return {
    ...bad('exception-expired', 'warning', `past its date and still in force: ${what}${more}`, [
      'tlsward exceptions',
      'tlsward except DOMAIN --remove    (or --until with a later day)',
    ]),
    count: lines.length,
  };
}
