/**
 * The handler behind both mail protocols: a session's question to the core's verdict, and on the way out the code, the
 * reply text, the log line, the counters and the list of recent verdicts.
 *
 * A transaction is decided by one table from its first question to its last: the milter session carries the table, the
 * policy protocol finds it again under `instance`.
 */
import { decide, type Facts } from '../core/decide.ts';
import type { Rule } from '../core/rule.ts';
import type { PolicyTable } from '../core/table.ts';
import type { ClientCertificate } from '../core/tls.ts';
import type { Transaction } from '../core/transaction.ts';
import { combine, type Verdict } from '../core/verdict.ts';
import { type Reply, reasonsOf, replyFor } from '../core/words.ts';
import { type EditSettings, messageEdits } from '../edits/messageEdits.ts';
import type { Log, VerdictRecord } from '../log/log.ts';
import type {
  EventsAnswer,
  EventsQuery,
  JudgeAnswer,
  JudgeQuery,
  MessageAnswer,
  MessageQuery,
} from '../session/judging.ts';
import type { Ways } from '../session/transportMap.ts';
import type { PostfixVersion } from '../wire/tlsPolicyValue.ts';
import type { Peer } from './connection.ts';
import { TransactionMemory } from './memory.ts';
import type { RecentVerdicts } from './recent.ts';

export interface VerdictCounters {
  accept: number;
  hold: number;
  defer: number;
  reject: number;
  /** Accepted although unprotected, by `violation = tag`. */
  tagged: number;
  /** Would have been held, deferred or refused, were the row not in observe mode. */
  wouldRefuse: number;
}

/** What is in force now; one reference, swapped by a reload. */
export interface Active {
  readonly table: PolicyTable;
  readonly facts: Facts;
  readonly edits: EditSettings;
  /** What single messages must have beyond their recipients' rows; in the order of the files. */
  readonly rules: readonly Rule[];
  /** What a milter must show us for those edits. */
  readonly events: EventsAnswer;
  /** Whose grammar answers on the deliver leg have. */
  readonly postfixVersion: PostfixVersion;
  /** Where mail that a rule marked goes. */
  readonly ways: Ways;
}

export class Judge {
  readonly counters: VerdictCounters = { accept: 0, hold: 0, defer: 0, reject: 0, tagged: 0, wouldRefuse: 0 };
  active: Active;
  readonly #memory = new TransactionMemory();
  readonly #degraded = new Set<string>();
  readonly #code: () => string;
  readonly #log: Log;
  readonly #recent: RecentVerdicts;

  constructor(active: Active, code: () => string, log: Log, recent: RecentVerdicts) {
    this.active = active;
    this.#code = code;
    this.#log = log;
    this.#recent = recent;
  }

  /** Forgets what is too old; call it now and then. */
  sweep(): void {
    this.#memory.sweep(Date.now());
  }

  /** One policy delegation request. */
  policy(query: JudgeQuery, peer: Peer): JudgeAnswer {
    const now = Date.now();
    const { transaction: asked, instance } = query;
    const known = instance === '' ? undefined : this.#memory.instance(instance, now);
    const table = known?.table ?? this.active.table;
    const seen = asked.unseenRecipients && known !== undefined ? known.recipients() : [];
    // more than we were asked about: some passed RCPT by a restriction before ours, or while we were down
    const unseenRecipients = (known?.asked ?? 0) < (query.recipientCount ?? 0);
    const transaction = seen.length > 0 ? { ...asked, recipients: seen, unseenRecipients } : asked;
    const answer = this.#answer(transaction, decide(transaction, table, this.active.facts), table, peer);
    if (instance !== '' && (asked.stage === 'MAIL' || asked.stage === 'RCPT')) {
      const memory = known ?? this.#memory.begin(instance, table, now, peer);
      if (answer.verdict.action === 'accept' || answer.verdict.action === 'hold') {
        memory.add(asked.recipients);
        this.#rememberPins(asked, now);
      }
    } else if (asked.stage === 'END-OF-MESSAGE') this.#memory.end(instance);
    return answer;
  }

  #rememberPins(transaction: Transaction, now: number): void {
    const { tls } = transaction;
    if (tls.kind !== 'tls') return;
    const { certificate } = tls;
    if (certificate.kind !== 'trusted' && certificate.kind !== 'untrusted') return;
    if (certificate.fingerprints.length > 0)
      this.#memory.rememberPins(transaction, certificate.fingerprints, now);
  }

  /** Milter, negotiation: what the table in use needs to see. */
  events(query: EventsQuery, peer: Peer): EventsAnswer {
    for (const what of query.missing) {
      // an MTA offers the same at each connection: once is enough
      if (this.#degraded.has(what)) continue;
      this.#degraded.add(what);
      this.#log.degraded(peer.conn, what);
    }
    return this.active.events;
  }

  /** Milter, one recipient. */
  recipient(query: JudgeQuery, peer: Peer): JudgeAnswer {
    const table = query.table ?? this.active.table;
    const transaction = this.#withPins(query.transaction);
    const verdict = decide(transaction, table, this.active.facts);
    // recipients that stay in the message are spoken of once, at its end
    if (verdict.action === 'accept' || verdict.action === 'hold')
      return { kind: 'judge', verdict, table, reply: null, holdReason: '' };
    return this.#answer(transaction, verdict, table, peer);
  }

  #withPins(transaction: Transaction): Transaction {
    const { tls } = transaction;
    if (tls.kind !== 'tls') return transaction;
    const { certificate } = tls;
    if (certificate.kind === 'none' || certificate.kind === 'unknown') return transaction;
    const fingerprints = this.#memory.takePins(transaction, Date.now());
    if (fingerprints.length === 0) return transaction;
    const enriched: ClientCertificate =
      certificate.kind === 'trusted' ? { ...certificate, fingerprints } : { kind: 'untrusted', fingerprints };
    return { ...transaction, tls: { ...tls, certificate: enriched } };
  }

  /** Milter, end of message: the verdict of all accepted recipients, and the edits. */
  message(query: MessageQuery, peer: Peer): MessageAnswer {
    const table = query.table ?? this.active.table;
    const { transaction } = query;
    const verdict =
      query.verdicts.length > 0 ? combine(query.verdicts) : decide(transaction, table, this.active.facts);
    const code = this.#code();
    const now = Date.now();
    const { edits, notes } = refuses(verdict)
      ? { edits: [], notes: [] }
      : messageEdits(
          {
            transaction,
            verdict,
            headers: query.headers,
            shown: query.shown,
            body: query.body,
            code,
            timeMs: now,
          },
          this.active.edits,
        );
    const reply = this.#record(transaction, verdict, table, peer, code, notes);
    return { kind: 'message', verdict, reply, holdReason: holdReason(verdict, code), edits };
  }

  #answer(transaction: Transaction, verdict: Verdict, table: PolicyTable, peer: Peer): JudgeAnswer {
    const code = this.#code();
    const reply = this.#record(transaction, verdict, table, peer, code);
    return { kind: 'judge', verdict, table, reply, holdReason: holdReason(verdict, code) };
  }

  /** Counts, logs and keeps a verdict; returns the reply when it is a refusal. */
  #record(
    transaction: Transaction,
    verdict: Verdict,
    table: PolicyTable,
    peer: Peer,
    code: string,
    notes: readonly string[] = [],
  ): Reply | null {
    const { action, decisive, tls } = verdict;
    const would = verdict.wouldBe === 'defer' || verdict.wouldBe === 'reject' ? verdict.wouldBe : null;
    const said = action === 'defer' || action === 'reject' ? action : would;
    const reply = said !== null && decisive !== null ? replyFor(decisive, said, tls, code) : null;
    this.counters[action]++;
    if (verdict.tagged) this.counters.tagged++;
    if (verdict.wouldBe !== null) this.counters.wouldRefuse++;
    const record: VerdictRecord = {
      code,
      timeMs: Date.now(),
      transaction,
      verdict,
      reply,
      generation: table.generation,
      conn: peer.conn,
      notes,
    };
    this.#recent.add(record);
    this.#log.verdict(record);
    return refuses(verdict) ? reply : null;
  }
}

function holdReason(verdict: Verdict, code: string): string {
  return verdict.action === 'hold'
    ? `tlsward: ${reasonsOf({ ...verdict, findings: verdict.decisive === null ? [] : [verdict.decisive] }).join('; ')} [${code}]`
    : '';
}

function refuses(verdict: Verdict): boolean {
  return verdict.action === 'defer' || verdict.action === 'reject';
}
