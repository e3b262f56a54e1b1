/**
 * The records of the evidence: what one line of a day's file says, by type. The same fields as JSON schema are in
 * recordSchema.ts, for people in contrib/doc/evidence-fields.md.
 *
 * A field that does not apply, or that nobody reported, is left out; it is never guessed. Text of peers was
 * escaped (core/escape.ts). An `Address` is what `privacy` leaves of a mailbox (pseudonym.ts).
 */

/** Version of the fields, `v`. */
export const RECORD_VERSION = 1;

/** `@bank.example`, `h:2026-11:BASE64URL@bank.example`, `alice@bank.example`, or `<>`. */
export type Address = string;

/** What every record has. */
interface Common<Type extends string> {
  readonly v: typeof RECORD_VERSION;
  /** Its place in its day, from 0: the index of its leaf in the tree. */
  readonly n: number;
  /** ISO 8601, UTC, milliseconds. */
  readonly time: string;
  readonly type: Type;
  /** The host that saw it. */
  readonly host: string;
}

/** `unknown`: nobody reported it; that is never `plain`. */
type TlsWord = 'plain' | 'tls' | 'unknown';

/** First of each file: it ties the days together. */
interface DayRecord extends Common<'day'> {
  /** The day before that has records, and its last head; left out in the first file of a stream. */
  readonly previous?: { readonly day: string; readonly size: number; readonly root: string };
  /** The verifier of the stream's key: `NAME+KEYHASH+BASE64`. */
  readonly key: string;
}

interface TableFacts {
  /** SHA-256 of the table, hex. */
  readonly hash: string;
  /** Which table of this run of the daemon. */
  readonly generation: number;
}

interface StartRecord extends Common<'start'> {
  readonly version: string;
  readonly node: string;
  readonly config?: string;
  readonly table?: TableFacts;
  readonly rows?: number;
}

type StopRecord = Common<'stop'>;

interface RowFacts {
  readonly pattern: string;
  /** `FILE:LINE`. */
  readonly at: string;
  readonly level: string;
  readonly mode: string;
}

interface InboundTls {
  readonly state: TlsWord;
  readonly protocol?: string;
  readonly cipher?: string;
  readonly bits?: number;
  readonly certificate?: string;
  readonly commonName?: string;
  readonly fingerprint?: string;
}

export interface VerdictEvidence extends Common<'verdict'> {
  readonly code: string;
  readonly leg: 'inbound';
  readonly protocol: 'policy' | 'milter';
  readonly stage: string;
  readonly queueId?: string;
  readonly client?: string;
  /** With `client` it tells connections apart; left out where the MTA does not say it. */
  readonly clientPort?: number;
  readonly helo?: string;
  readonly login?: true;
  readonly sender?: Address;
  readonly senderDomain?: string;
  readonly recipients: readonly Address[];
  readonly recipientDomains: readonly string[];
  /** Domains that `recipientDomains` leaves out. */
  readonly moreDomains?: number;
  readonly recipientCount: number;
  readonly unseen?: true;
  readonly ambiguous?: true;
  readonly tls: InboundTls;
  readonly row?: RowFacts;
  readonly table: TableFacts;
  readonly action: 'accept' | 'hold' | 'defer' | 'reject';
  readonly would?: string;
  readonly tagged?: true;
  readonly notJudged?: string;
  readonly breach?: string;
  readonly because?: readonly string[];
  readonly rule?: string;
  readonly route?: string;
  readonly mark?: string;
  readonly reply?: string;
}

/** An answer to a question of the MTA: each that makes mail wait, and what a row demands once a day and when it changes. */
export interface MapEvidence extends Common<'map'> {
  readonly leg: 'outbound';
  readonly map: string;
  readonly key: Address;
  readonly status: 'OK' | 'TEMP' | 'PERM';
  readonly reply: string;
  readonly row?: Pick<RowFacts, 'pattern' | 'at'>;
  readonly table: TableFacts;
}

interface ReloadRecord extends Common<'reload'> {
  readonly ok: boolean;
  readonly table: TableFacts;
  readonly rows?: number;
  readonly added?: number;
  readonly removed?: number;
  readonly changed?: number;
  /** Lines about rows and rules that changed, or the first mistake. */
  readonly lines?: readonly string[];
}

interface ExceptionRecord extends Common<'exception'> {
  /** `in-force`: at a start. */
  readonly change: 'set' | 'changed' | 'removed' | 'in-force';
  readonly pattern: Address;
  readonly until: string;
  readonly reason: string;
  readonly contact?: Address;
  readonly changes?: readonly string[];
  readonly at: string;
}

interface OutboundTls {
  readonly state: TlsWord;
  readonly protocol?: string;
  readonly cipher?: string;
  readonly bits?: number;
  /** What the MTA says of the server: `anonymous`, `untrusted`, `trusted`, `verified`. */
  readonly peer?: string;
  readonly reused?: boolean;
  /** How it is known: `joined`, `tlsrpt`, `sendmail`. */
  readonly how?: string;
  /** Why it is not known; with `tls`, why the certificate of the server did not verify. */
  readonly why?: string;
}

/** Where a line of the MTA's log was read. */
interface SourcePlace {
  readonly kind: string;
  readonly position: string;
}

/** One recipient at one attempt. */
export interface DeliveryRecord extends Common<'delivery'> {
  readonly leg: 'outbound';
  readonly queueId: string;
  readonly sender?: Address;
  readonly recipient: Address;
  readonly recipientDomain?: string;
  readonly origTo?: Address;
  readonly nextHop?: string;
  readonly relay?: { readonly host?: string; readonly address?: string; readonly port?: number };
  readonly tls: OutboundTls;
  readonly demanded?: { readonly level: string; readonly from: string };
  readonly outcome: 'sent' | 'deferred' | 'bounced' | 'expired' | 'filtered';
  readonly dsn?: string;
  readonly reply?: string;
  /** Seconds. */
  readonly delay?: number;
  readonly agent?: string;
  readonly source: SourcePlace;
}

/** What joins the passages of one message. */
interface MessageRecord extends Common<'message'> {
  readonly queueId: string;
  readonly messageId?: string;
  readonly origQueueId?: string;
  readonly client?: string;
  readonly sender?: Address;
  readonly source: SourcePlace;
}

/** Mail that the MTA refused before it had a queue id, or at any later command. */
interface RefusalRecord extends Common<'refusal'> {
  readonly leg: 'inbound';
  readonly queueId?: string;
  readonly stage?: string;
  readonly client?: string;
  readonly helo?: string;
  readonly sender?: Address;
  readonly recipient?: Address;
  readonly recipientDomain?: string;
  readonly dsn?: string;
  readonly reply?: string;
  readonly source: SourcePlace;
}

/** Records that are missing, or may be. */
interface GapRecord extends Common<'gap'> {
  readonly from: string;
  readonly to: string;
  /** null: not known. */
  readonly count: number | null;
  readonly why: string;
  /** Of the line that told of it. */
  readonly source?: SourcePlace;
}

/** A fragment at the end of the file, which was set aside. */
interface TornRecord extends Common<'torn'> {
  readonly bytes: number;
  readonly file: string;
}

/** The clock was set. */
interface ClockRecord extends Common<'clock'> {
  /** Forward, or back when negative. */
  readonly stepMs: number;
}

interface AlarmRecord extends Common<'alarm'> {
  readonly kind: string;
  readonly state: string;
  readonly subject?: string;
  readonly text?: string;
}

/** What Postfix reported of one TLS handshake for RFC 8460: a datagram of libtlsrpt. */
interface TlsrptRecord extends Common<'tlsrpt'> {
  readonly leg: 'outbound';
  /** Domain that publishes where reports go. */
  readonly domain: string;
  readonly policies: readonly TlsrptPolicy[];
  readonly source: SourcePlace;
}

interface TlsrptPolicy {
  /** `tlsa`, `sts`, `no-policy-found`. */
  readonly policy: string;
  readonly domain?: string;
  readonly strings?: readonly string[];
  readonly mxHosts?: readonly string[];
  readonly ok: boolean;
  readonly failures?: readonly TlsrptFailure[];
  /** Failures that `failures` leaves out. */
  readonly moreFailures?: number;
}

interface TlsrptFailure {
  /** A result type of RFC 8460 section 4.3, or `code-N`. */
  readonly result: string;
  readonly sendingAddress?: string;
  readonly mxHost?: string;
  readonly mxHelo?: string;
  readonly mxAddress?: string;
  readonly information?: string;
  readonly reason?: string;
}

export type EvidenceRecord =
  | DayRecord
  | StartRecord
  | StopRecord
  | VerdictEvidence
  | MapEvidence
  | ReloadRecord
  | ExceptionRecord
  | DeliveryRecord
  | MessageRecord
  | RefusalRecord
  | GapRecord
  | TornRecord
  | ClockRecord
  | TlsrptRecord
  | AlarmRecord;

export type RecordType = EvidenceRecord['type'];
