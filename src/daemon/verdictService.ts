/**
 * The handlers of both mail protocols: they turn a session's question into a verdict, and add the code and
 * the text of the reply. Every verdict is reported to the listeners (verdictListeners.ts).
 *
 * One table decides all questions of a transaction: the milter session carries the table, and for the policy
 * protocol it is found by `instance`, as long as its connection is open.
 */
import type { MemoryUse } from '../core/memorySize.ts';
import type { Edit } from '../core/messageEdit.ts';
import { steadyClock } from '../core/steadyClock.ts';
import type { PolicyTable } from '../core/table.ts';
import type { Transaction } from '../core/transaction.ts';
import { combine, type Verdict } from '../core/verdict.ts';
import { AT_ONCE, type Work } from '../core/work.ts';
import { readsBody } from '../edits/bodyEdits.ts';
import { messageEdits } from '../edits/messageEdits.ts';
import type { Log } from '../log/log.ts';
import type { Peer } from '../net/connection.ts';
import { decide, decideInSteps } from '../receive/decide.ts';
import { reasonsOf } from '../receive/describeVerdict.ts';
import { asksForPin } from '../receive/interfaces.ts';
import { type Reply, replyFor } from '../receive/smtpReply.ts';
import type { Routed } from '../rules/route.ts';
import type { MilterAnswer, MilterQuery } from '../session/milterEvents.ts';
import type {
  EventsAnswer,
  EventsQuery,
  Handlers,
  JudgeAnswer,
  JudgeQuery,
  MessageAnswer,
  MessageQuery,
} from '../session/queries.ts';
import type { Active } from './active.ts';
import { type Routing, requestsRequireTls } from './messageRouting.ts';
import { type Instance, TransactionMemory } from './transactionMemory.ts';
import type { VerdictListeners } from './verdictListeners.ts';

const NO_EDITS: readonly Edit[] = [];
const CANNOT_ROUTE = 'cannot change recipients: messages that a rule reroutes are deferred';

export class VerdictService {
  readonly routing: Routing;
  /** Called with what each MTA calls itself. */
  sawMta: (mta: string) => void = () => {};
  #active: Active;
  /** What was in force with each earlier table: a message keeps what it began with. */
  readonly #earlier = new WeakMap<PolicyTable, Active>();
  readonly #memory = new TransactionMemory();
  /** The clock for expiring remembered data. */
  readonly #steady = steadyClock(Date.now, () => performance.now());
  readonly #degraded = new Set<string>();
  /** Number of the newest milter connection that has been negotiated. */
  #newestMilter = 0;
  /** Handlers of the questions of both mail protocols, by the names of the questions. */
  readonly policy = {
    judge: (query: JudgeQuery, peer: Peer) => this.#policyRequest(query, peer),
  } satisfies Handlers<JudgeQuery, JudgeAnswer, Peer>;
  readonly milter = {
    events: (query: EventsQuery, peer: Peer) => this.#events(query, peer),
    judge: (query: JudgeQuery, peer: Peer) => this.#recipient(query, peer),
    message: (query: MessageQuery, peer: Peer) => this.#message(query, peer),
  } satisfies Handlers<MilterQuery, MilterAnswer, Peer>;
  readonly #code: () => string;
  readonly #log: Pick<Log, 'degraded'>;
  readonly #listeners: Pick<VerdictListeners, 'tell' | 'mayTell'>;

  constructor(
    active: Active,
    code: () => string,
    log: Pick<Log, 'degraded'>,
    listeners: Pick<VerdictListeners, 'tell' | 'mayTell'>,
    routing: Routing,
  ) {
    this.#active = active;
    this.#earlier.set(active.table, active);
    this.routing = routing;
    this.#code = code;
    this.#log = log;
    this.#listeners = listeners;
  }

  get active(): Active {
    return this.#active;
  }

  set active(active: Active) {
    this.#active = active;
    this.#earlier.set(active.table, active);
  }

  /** For `status`. */
  get memory(): readonly MemoryUse[] {
    return [...this.#memory.memory, this.routing.memory];
  }

  /** Removes expired data; called periodically. */
  sweep(): void {
    this.#memory.sweep(this.#steady());
    this.routing.sweep(Date.now());
  }

  /** A connection of the policy protocol is closed. */
  policyClosed(peer: Peer): void {
    this.#memory.closed(peer, this.#steady());
  }

  /** One policy delegation request; work where it is about all recipients of a message. */
  #policyRequest(query: JudgeQuery, peer: Peer): JudgeAnswer | Work<JudgeAnswer> {
    const now = this.#steady();
    const { transaction: asked, instance } = query;
    const known = instance === '' ? undefined : this.#memory.instance(instance, now);
    if (known !== undefined && asked.unseenRecipients) {
      if (asked.stage === 'END-OF-MESSAGE') this.#memory.end(instance);
      this.#memory.forgetCertificate(asked);
      return this.#allRecipients(query, known, peer);
    }
    const table = known?.table ?? this.active.table;
    const answer = this.#answer(asked, decide(asked, table, this.active.facts), table, peer);
    let memory = known;
    if (instance !== '' && (asked.stage === 'MAIL' || asked.stage === 'RCPT')) {
      memory ??= this.#memory.begin(instance, table, now, peer);
      if (answer.verdict.action === 'accept' || answer.verdict.action === 'hold') {
        this.#memory.add(instance, memory, asked.recipients);
      }
    } else if (asked.stage === 'END-OF-MESSAGE') this.#memory.end(instance);
    if (asked.stage === 'RCPT' && asksForPin(answer.verdict))
      this.#memory.rememberCertificate(asked, this.#newestMilter, now);
    else this.#memory.forgetCertificate(asked);
    if (asked.stage !== 'RCPT' || answer.verdict.action !== 'accept' || memory?.requireTls === true)
      return answer;
    if (!requestsRequireTls(this.#with(table), asked)) return answer;
    // one header field requests it for the whole message
    if (memory !== undefined) memory.requireTls = true;
    return { ...answer, requireTls: true };
  }

  /** DATA or END-OF-MESSAGE: Postfix names no recipient, but asked about each before. */
  *#allRecipients(
    { transaction: asked, recipientCount = 0 }: JudgeQuery,
    known: Instance,
    peer: Peer,
  ): Work<JudgeAnswer> {
    const table = known.table ?? this.active.table;
    // more recipients than questions: some were accepted by an earlier restriction, or while the daemon was
    // down
    const unseenRecipients = known.asked < recipientCount;
    const recipients = yield* known.recipients();
    const transaction = recipients.length > 0 ? { ...asked, recipients, unseenRecipients } : asked;
    const verdict = yield* decideInSteps(transaction, table, this.active.facts);
    yield;
    return this.#answer(transaction, verdict, table, peer);
  }

  /** What was in force with this table. */
  #with(table: PolicyTable): Active {
    return this.#earlier.get(table) ?? this.#active;
  }

  /** Milter, negotiation: what the current table needs to see. */
  #events(query: EventsQuery, peer: Peer): EventsAnswer {
    this.#newestMilter = Math.max(this.#newestMilter, peer.conn);
    const { routes } = this.active.events;
    const missing =
      routes === 'recipient' && !query.changesRecipients ? [...query.missing, CANNOT_ROUTE] : query.missing;
    for (const what of missing) {
      // an MTA offers the same on each connection, so it is logged once
      if (this.#degraded.has(what)) continue;
      this.#degraded.add(what);
      this.#log.degraded(peer.conn, what);
    }
    return this.active.events;
  }

  /** Milter, one recipient. */
  #recipient(query: JudgeQuery, peer: Peer): JudgeAnswer {
    const table = query.table ?? this.active.table;
    const transaction = this.#withCertificate(query.transaction, peer);
    const verdict = decide(transaction, table, this.active.facts, query.before);
    // recipients that stay in the message are reported once, at its end
    if (verdict.action === 'accept' || verdict.action === 'hold') {
      const answer = { kind: 'judge', verdict, table, reply: null, holdReason: '' } as const;
      return this.#readsBody(verdict) ? answer : { ...answer, ignoresBody: true };
    }
    return this.#answer(transaction, verdict, table, peer);
  }

  /** Where bodies are not asked for, nobody wants to know. */
  #readsBody(verdict: Verdict): boolean {
    const { events, edits } = this.active;
    if (events.bodyLimitBytes === 0) return true;
    return readsBody(verdict, { texts: edits.bannerTexts, forged: edits.bannerForged });
  }

  /** Adds the client certificate that the policy service saw, where Postfix does not show it to a milter. */
  #withCertificate(transaction: Transaction, peer: Peer): Transaction {
    const { tls } = transaction;
    // the milter connection shows when the session began only for its first session
    if (tls.kind !== 'tls' || transaction.laterSession === true || !this.#memory.knowsCertificates)
      return transaction;
    if (tls.certificate.kind !== 'unproven' && tls.certificate.kind !== 'trusted') return transaction;
    const certificate = this.#memory.takeCertificate(transaction, peer.conn, this.#steady());
    return certificate === null ? transaction : { ...transaction, tls: { ...tls, certificate } };
  }

  /** Milter, end of message: the verdict of all accepted recipients, and the edits. */
  *#message(query: MessageQuery, peer: Peer): Work<MessageAnswer> {
    const table = query.table ?? this.active.table;
    const { transaction } = query;
    this.sawMta(query.mta);
    const judged =
      query.verdicts.length > 0
        ? combine(query.verdicts)
        : yield* decideInSteps(transaction, table, this.active.facts);
    // the verdicts of a few recipients are combined, and their addresses written, in no time
    const many = transaction.recipients.length > AT_ONCE;
    if (many) yield;
    const code = this.#code();
    if (!this.#listeners.mayTell()) {
      const held = { verdict: deferred(judged), reply: notRecorded(code), holdReason: '' };
      return { kind: 'message', ...held, edits: NO_EDITS, routes: NO_EDITS };
    }
    const now = Date.now();
    const routed = refuses(judged) ? null : yield* this.routing.message(query, this.#with(table), code, now);
    const verdict = withRoute(judged, routed);
    const { edits, notes } = refuses(verdict)
      ? { edits: [], notes: [] }
      : yield* messageEdits(
          {
            transaction,
            // the mark describes how the message arrived
            verdict: judged,
            headers: query.headers,
            shown: query.shown,
            body: query.body,
            bodyDigest: query.bodyDigest,
            replacesBody: query.replacesBody,
            code,
            timeMs: now,
          },
          this.active.edits,
        );
    if (many) yield;
    const reply = this.#record(transaction, verdict, table, peer, code, notes, routed, this.#markIn(edits));
    const byRule =
      routed !== null && routed.holdReason !== '' ? `tlsward: ${routed.holdReason} [${code}]` : '';
    const byRow = holdReason(judged, code);
    const reason = byRow !== '' && byRule !== '' ? `${byRow}; ${byRule}` : byRow + byRule;
    return { kind: 'message', verdict, reply, holdReason: reason, edits, routes: routed?.edits ?? NO_EDITS };
  }

  /** Id of the key of the mark among the edits, `unsigned`, or '' when there is no mark. */
  #markIn(edits: readonly Edit[]): string {
    const { markName, keys } = this.active.edits;
    const marked = edits.some((edit) => edit.kind === 'insertHeader' && edit.name === markName);
    return marked ? (keys[0]?.id ?? 'unsigned') : '';
  }

  #answer(transaction: Transaction, verdict: Verdict, table: PolicyTable, peer: Peer): JudgeAnswer {
    const code = this.#code();
    if (!this.#listeners.mayTell())
      return { kind: 'judge', verdict: deferred(verdict), table, reply: notRecorded(code), holdReason: '' };
    const reply = this.#record(transaction, verdict, table, peer, code);
    return { kind: 'judge', verdict, table, reply, holdReason: holdReason(verdict, code) };
  }

  /** Tells the listeners of a verdict; returns the reply when it is a refusal. */
  #record(
    transaction: Transaction,
    verdict: Verdict,
    table: PolicyTable,
    peer: Peer,
    code: string,
    notes: readonly string[] = [],
    routed: Routed | null = null,
    mark = '',
  ): Reply | null {
    const { action, decisive, tls } = verdict;
    const would = verdict.wouldBe === 'defer' || verdict.wouldBe === 'reject' ? verdict.wouldBe : null;
    const said = action === 'defer' || action === 'reject' ? action : would;
    const byRow = said !== null && decisive !== null ? replyFor(decisive, said, tls, code) : null;
    const reply = routed?.reply ?? byRow;
    this.#listeners.tell({
      code,
      timeMs: Date.now(),
      transaction,
      verdict,
      reply,
      generation: table.generation,
      tableHash: table.hash,
      conn: peer.conn,
      notes: routed === null || routed.notes.length === 0 ? notes : [...notes, ...routed.notes],
      // all records have one shape, which makes them several times cheaper to make and to read
      mark: mark === '' ? undefined : mark,
      route: routed === null ? undefined : { rules: routed.rules, ways: routed.ways, outcome: routed.kind },
    });
    return refuses(verdict) ? reply : null;
  }
}

function deferred(verdict: Verdict): Verdict {
  return { ...verdict, action: 'defer' };
}

/** The reply to mail that waits until answers can be recorded (`evidence-failure = defer`). */
function notRecorded(code: string): Reply {
  const text = `this server cannot keep its records at the moment; try again later [${code}]`;
  return { code: 451, dsn: '4.3.0', text };
}

function holdReason(verdict: Verdict, code: string): string {
  return verdict.action === 'hold'
    ? `tlsward: ${reasonsOf({ ...verdict, findings: verdict.decisive === null ? [] : [verdict.decisive] }).join('; ')} [${code}]`
    : '';
}

/** The verdict with what a rule adds to it. */
function withRoute(verdict: Verdict, routed: Routed | null): Verdict {
  switch (routed?.kind) {
    case 'refused':
      return { ...verdict, action: 'reject' };
    case 'deferred':
      return { ...verdict, action: 'defer' };
    case 'held':
      return { ...verdict, action: 'hold' };
    default:
      return verdict;
  }
}

function refuses(verdict: Verdict): boolean {
  return verdict.action === 'defer' || verdict.action === 'reject';
}
