/**
 * The mail that waits, by the records: what `tlsward queue --recorded --json` says, in a process of its own
 * (reportMaker.ts), at most every five minutes and only while somebody looks. The daemon asks no MTA.
 */
import { escapeText } from '../core/escape.ts';
import { type ReportCommand, ReportMaker, type Turn } from './reportMaker.ts';

const FRESH_MS = 300_000;
/** Of what the process says: read on the main thread, in some milliseconds. */
export const WAITING_LIMIT_BYTES = 2 * 1024 * 1024;
/** Groups that are shown. */
const MAX_GROUPS = 50;

interface WaitingGroup {
  readonly domain: string;
  readonly cause: string;
  /** For want of TLS, or of a TLS policy. */
  readonly tls: boolean;
  readonly level: string;
  readonly recipients: number;
  /** ISO 8601. */
  readonly since: string;
}

export interface WaitingFacts {
  /** null: nothing was read yet, or it cannot be. */
  readonly read: {
    /** When it was; milliseconds since the epoch. */
    readonly atMs: number;
    readonly recipients: number;
    readonly groups: readonly WaitingGroup[];
    /** Groups that are left out. */
    readonly others: number;
  } | null;
  /** Why it could not be read last; ''. */
  readonly trouble: string;
}

export class WaitingMail {
  readonly #maker: ReportMaker;
  #facts: WaitingFacts = { read: null, trouble: '' };
  #asked = false;

  /** `failed` is told how long it took and why there is nothing. */
  constructor(command: ReportCommand, turn: Turn, failed: (ms: number, why: string) => void) {
    this.#maker = new ReportMaker(
      command,
      { made: () => {}, failed: (ms, why) => failed(ms, `waiting mail: ${why}`) },
      // 1: something waits for want of TLS
      { freshMs: FRESH_MS, maxBytes: WAITING_LIMIT_BYTES, statuses: [0, 1], turn },
    );
  }

  /** What is known now; it is read again when it is old. */
  look(): WaitingFacts {
    void this.#refresh();
    return this.#facts;
  }

  get usedBytes(): number {
    return this.#maker.usedBytes;
  }

  close(): void {
    this.#maker.close();
  }

  async #refresh(): Promise<void> {
    if (this.#asked) return;
    this.#asked = true;
    const before = this.#maker.last;
    const made = await this.#maker.get();
    this.#asked = false;
    if (made === before) return;
    const read = made.page === null ? null : parsed(made.page, made.atMs);
    const trouble = read !== null ? '' : `The records cannot be read: ${made.why || 'no answer'}.`;
    this.#facts = { read: read ?? this.#facts.read, trouble };
  }
}

/** null: it is not what the command prints. */
function parsed(text: Buffer, atMs: number): WaitingFacts['read'] {
  try {
    const { ok, recipients, groups } = JSON.parse(text.toString('utf8')) as Readonly<Record<string, unknown>>;
    if (ok !== true || !Array.isArray(groups)) return null;
    return {
      atMs,
      recipients: Number(recipients),
      groups: groups.slice(0, MAX_GROUPS).map(groupOf),
      others: Math.max(0, groups.length - MAX_GROUPS),
    };
  } catch {
    return null;
  }
}

function groupOf({
  domain,
  cause,
  tls,
  level,
  recipients,
  oldest,
}: Readonly<Record<string, unknown>>): WaitingGroup {
  return {
    domain: escapeText(String(domain)),
    cause: escapeText(String(cause), 120),
    tls: tls === true,
    level: escapeText(String(level), 40),
    recipients: Number(recipients),
    since: new Date(String(oldest)).toISOString(),
  };
}
