/**
 * From the lines of a log to records: joins TLS sessions to deliveries (processes.ts), and what is known of a
 * message to each of its recipients (queues.ts). A state machine without I/O and without a clock: the same lines
 * give the same records, which is what makes reading again after a crash safe.
 */
import { escapeText } from '../core/escape.ts';
import { type MemoryUse, ownText } from '../core/memorySize.ts';
import { Deaths } from './deaths.ts';
import type { DeliveryFields } from './deliveryFields.ts';
import { Gaps, gap } from './gaps.ts';
import { message, refusal } from './inbound.ts';
import type { LogLine } from './logLine.ts';
import { parseLoss } from './lossLine.ts';
import {
  type About,
  outcomeOf,
  postfixDelivery,
  sendmailDelivery,
  sendmailOutcome,
  shown,
} from './outbound.ts';
import { type PostfixEvent, parsePostfixLine, postfixProgram } from './postfixLines.ts';
import { Processes } from './processes.ts';
import type { OutboundTls, Produced } from './produced.ts';
import { Queues } from './queues.ts';
import { hostOf, isSendmail, parseSendmailLine, type SendmailEvent } from './sendmailLines.ts';
import type { TlsSession } from './tlsLine.ts';

const UNREADABLE = 'a line that looks like a delivery cannot be read';
/** How the words begin with which Postfix puts a delivery off at a level that verifies the server (smtp_proto.c). */
const NOT_VERIFIED = 'Server certificate not ';
/** Processes that said something; each note has at most 300 characters. */
const MAX_NOTES = 1000;
const NONE: readonly Produced[] = [];

interface JoinCounts {
  /** Lines that say something of a message. */
  readonly lines: number;
  readonly deliveries: number;
  readonly unreadable: number;
}

export class Join {
  readonly #queues = new Queues();
  readonly #processes = new Processes();
  readonly #gaps = new Gaps();
  readonly #deaths = new Deaths();
  /**
   * What a process said about the message that it is about to send: a rule set of Sendmail, or why there is no TLS
   * session, which Postfix says for TLSRPT.
   */
  readonly #notes = new Map<string, string>();
  /** Why the certificate did not verify that a process was shown last, and by which server. */
  readonly #certificates = new Map<string, { readonly relay: string; readonly reason: string }>();
  #unreadableLine: string | null = null;
  /** Time of the line before. */
  #before = Number.POSITIVE_INFINITY;
  #lines = 0;
  #deliveries = 0;
  #unreadable = 0;

  get counts(): JoinCounts {
    return { lines: this.#lines, deliveries: this.#deliveries, unreadable: this.#unreadable };
  }

  get memory(): readonly MemoryUse[] {
    return [this.#queues.map.memory, this.#processes.memory];
  }

  /** A sample of a line that could not be read since the last call, escaped; null: there was none. */
  takeUnreadable(): string | null {
    const line = this.#unreadableLine;
    this.#unreadableLine = null;
    return line;
  }

  /** The records that a line completes. */
  push(line: LogLine): readonly Produced[] {
    this.#processes.seen(line.time);
    const due = this.#gaps.due(line.time);
    const death = this.#deaths.push(line);
    // of all: some may still be alive, with a session that is not known any more
    if (death?.pid === null) this.#processes.begin();
    else if (death !== null) this.#processes.died(death.pid);
    const made = this.#line(line);
    this.#before = line.time;
    if (due.length === 0 && death === null) return made;
    return [...due, ...(death === null ? NONE : [death.gap]), ...made];
  }

  #line(line: LogLine): readonly Produced[] {
    if (postfixProgram(line.program) !== null) {
      const event = parsePostfixLine(line);
      if (event === null) return NONE;
      this.#lines++;
      return this.#postfix(line, event);
    }
    if (isSendmail(line.program)) {
      const event = parseSendmailLine(line.text);
      if (event === null) return NONE;
      this.#lines++;
      return this.#sendmail(line, event);
    }
    const loss = parseLoss(line);
    if (loss === null) return NONE;
    return this.lost(loss.why, Math.min(this.#before, line.time - loss.withinMs), line.time, loss.count);
  }

  /** Lines of between two times are missing: what was known of the processes holds no more. */
  lost(why: string, from: number, to: number, count: number | null): readonly Produced[] {
    this.#processes.begin();
    if (count === null) return [gap(escapeText(why), from, to, null)];
    const made = this.#gaps.add(escapeText(why), from, to, count);
    return made === null ? NONE : [made];
  }

  #postfix(line: LogLine, event: PostfixEvent): readonly Produced[] {
    const { program, pid, time } = line;
    switch (event.kind) {
      case 'tls':
        this.#processes.established(program, pid, time, event.session);
        this.#otherServer(`${program}[${pid}]`, event.session);
        return NONE;
      case 'certificate':
        this.#certificate(`${program}[${pid}]`, event);
        return NONE;
      case 'trouble':
        this.#processes.trouble(program, pid, time);
        return NONE;
      case 'delivery':
        return this.#postfixDelivery(line, event.queueId, event.delivery);
      case 'unreadable':
        return this.#cannotRead(line);
      case 'active': {
        const queued = this.#queues.begin(event.queueId, event.sender);
        return queued.recorded ? NONE : [this.#message(line, event.queueId)];
      }
      case 'expired':
        return this.#expired(line, event.queueId);
      case 'removed':
        this.#queues.delete(event.queueId);
        return NONE;
      case 'messageId':
        if (this.#queues.get(event.queueId)?.messageId !== event.messageId)
          this.#begins(event.queueId, 'messageId');
        this.#queues.update(event.queueId, { messageId: event.messageId });
        return NONE;
      case 'client':
        this.#begins(event.queueId, 'client');
        this.#queues.update(event.queueId, { client: event.client, origQueueId: event.origQueueId });
        return NONE;
      case 'notification':
        this.#queues.update(event.queueId, { origQueueId: event.of });
        return [this.#message(line, event.queueId)];
      case 'refusal':
        return [refusal(line, event.refusal)];
      case 'tlsrpt': {
        const { ok, failure, reason } = event.report;
        if (ok) return NONE;
        const why = reason === null ? '' : ` (${reason})`;
        return this.#note(`${program}[${pid}]`, `TLSRPT: ${failure ?? 'failure'}${why}`);
      }
      default:
        return event satisfies never;
    }
  }

  /** A queue id that comes again, and whose last message was not seen to end, is another message. */
  #begins(queueId: string, what: 'client' | 'messageId'): void {
    if ((this.#queues.get(queueId)?.[what] ?? null) !== null) this.#queues.delete(queueId);
  }

  #postfixDelivery(line: LogLine, queueId: string, delivery: DeliveryFields): readonly Produced[] {
    const outcome = outcomeOf(delivery.status);
    const queued = this.#queues.get(queueId);
    const name = postfixProgram(line.program);
    const overNetwork = name === 'smtp' || name === 'lmtp';
    const known: OutboundTls = overNetwork
      ? this.#processes.delivered({
          program: line.program,
          pid: line.pid,
          time: line.time,
          queueId,
          attempt: queued?.attempt ?? 0,
          relay: delivery.relay,
          delays: delivery.delays,
          sent: outcome === 'sent',
          reply: delivery.text,
          feature: delivery.tls,
          how: 'joined',
        })
      : { state: 'unknown', how: 'local', why: `${name} makes no connection` };
    const note = this.#notes.get(`${line.program}[${line.pid}]`);
    if (note !== undefined) this.#notes.delete(`${line.program}[${line.pid}]`);
    const failed = overNetwork ? this.#failed(line, known, delivery) : null;
    // a session that is known belongs to another server than the one that failed
    const tls =
      failed !== null
        ? { ...known, why: failed }
        : note === undefined || known.why === undefined
          ? known
          : { ...known, why: `${known.why}; ${note}` };
    if (outcome === null) return NONE;
    this.#queues.wait(queueId, delivery.to, outcome === 'deferred');
    const about = { queueId, sender: queued?.sender ?? null, agent: line.program, outcome, tls };
    return [this.#delivery(line, postfixDelivery(about, delivery))];
  }

  #certificate(key: string, { relay, reason }: { readonly relay: string; readonly reason: string }): void {
    if (this.#certificates.size >= MAX_NOTES) this.#certificates.clear();
    this.#certificates.set(key, { relay: ownText(relay), reason: ownText(reason.slice(0, 300)) });
  }

  /** A session with another server, or one whose certificate verified: what failed before is past. */
  #otherServer(key: string, { relay, peer }: TlsSession): void {
    if (peer !== 'untrusted' || this.#certificates.get(key)?.relay !== relay) this.#certificates.delete(key);
  }

  /** Why the message was not handed over in the session that is known; null: not because of the certificate. */
  #failed({ program, pid }: LogLine, known: OutboundTls, { relay, text }: DeliveryFields): string | null {
    const found = this.#certificates.get(`${program}[${pid}]`);
    if (found === undefined || found.relay !== relay || known.peer !== 'untrusted') return null;
    return text.startsWith(NOT_VERIFIED) ? `certificate verification failed: ${found.reason}` : null;
  }

  #delivery({ time, host }: LogLine, fields: Produced['fields']): Produced {
    this.#deliveries++;
    return { time, type: 'delivery', host, fields };
  }

  #note(key: string, text: string): readonly Produced[] {
    if (this.#notes.size >= MAX_NOTES) this.#notes.clear();
    this.#notes.set(key, ownText(text.slice(0, 300)));
    return NONE;
  }

  /** qmgr gave a message up; it names no recipients: those that waited. */
  #expired(line: LogLine, queueId: string): readonly Produced[] {
    const queued = this.#queues.get(queueId);
    const waiting = queued?.deferred ?? [];
    if (waiting.length === 0)
      return this.#gap(`${line.program} gave up a message; its recipients are not known`, line);
    const about: About = {
      queueId,
      sender: queued?.sender ?? null,
      agent: line.program,
      outcome: 'expired',
      tls: { state: 'unknown', why: 'it was given up' },
    };
    const none = { origTo: null, relay: 'none', delay: null, delays: '', tls: null, dsn: null };
    return waiting.map((to) =>
      this.#delivery(line, postfixDelivery(about, { ...none, to, status: 'expired', text: 'expired' })),
    );
  }

  #message(line: LogLine, queueId: string): Produced {
    return message(line, queueId, this.#queues.update(queueId, { recorded: true }));
  }

  #cannotRead(line: LogLine): readonly Produced[] {
    this.#unreadable++;
    this.#unreadableLine ??= shown(`${line.program}[${line.pid}]: ${line.text}`);
    return this.#gap(UNREADABLE, line);
  }

  #gap(why: string, { time }: LogLine): readonly Produced[] {
    const made = this.#gaps.add(why, time, time, 1);
    return made === null ? NONE : [made];
  }

  #sendmail(line: LogLine, event: SendmailEvent): readonly Produced[] {
    const { program, pid, time } = line;
    const key = `${program}[${pid}]`;
    switch (event.kind) {
      case 'tls':
        this.#processes.established(program, pid, time, event.session);
        return NONE;
      case 'connect':
      case 'closed':
        this.#processes.connecting(program, pid, time, event.kind === 'connect');
        return NONE;
      case 'unreadable':
        return this.#cannotRead(line);
      case 'from': {
        const { queueId, sender, messageId, client } = event;
        const recorded = this.#queues.get(queueId)?.recorded === true;
        this.#queues.update(queueId, { sender, messageId, client });
        return recorded ? NONE : [this.#message(line, queueId)];
      }
      case 'removed':
        this.#queues.delete(event.queueId);
        return NONE;
      case 'notification':
        this.#queues.update(event.queueId, { origQueueId: event.of });
        return [this.#message(line, event.queueId)];
      case 'rejected': {
        const { ruleset, argument, relay, reply, queueId } = event;
        if (!ruleset.startsWith('tls_') && ruleset !== 'try_tls') {
          const recipient = ruleset === 'check_rcpt' ? argument : null;
          const sender = ruleset === 'check_mail' ? argument : null;
          const none = { stage: ruleset, dsn: null, helo: null };
          return [refusal(line, { ...none, queueId, client: relay, reply, sender, recipient })];
        }
        return this.#note(key, `${ruleset}: ${reply}`);
      }
      case 'delivery': {
        const { queueId, delivery } = event;
        const outcome = sendmailOutcome(delivery);
        const why = outcome === 'sent' ? null : (this.#notes.get(key) ?? null);
        this.#notes.delete(key);
        // sent, with a code that says it was not
        if (outcome === null && delivery.stat.startsWith('Sent')) return this.#cannotRead(line);
        if (outcome === null) return NONE;
        const queued = this.#queues.get(queueId);
        const overNetwork = delivery.mailer.includes('smtp') || delivery.mailer === 'relay';
        const tls = overNetwork
          ? this.#processes.delivered({
              program,
              pid,
              time,
              queueId,
              attempt: 0,
              relay: hostOf(delivery.relay),
              delays: `0/0/${delivery.attempt ?? 0}/0`,
              sent: outcome === 'sent',
              reply: delivery.stat,
              feature: null,
              how: 'sendmail',
            })
          : ({ state: 'unknown', how: 'local', why: `mailer ${delivery.mailer}` } as const);
        const about = { queueId, sender: queued?.sender ?? null, agent: program, outcome, tls };
        const made = delivery.recipients.map((one) =>
          this.#delivery(line, sendmailDelivery(about, delivery, one, why)),
        );
        const more = delivery.more ? this.#gap('a line names more recipients than it shows', line) : NONE;
        return [...made, ...more];
      }
      default:
        return event satisfies never;
    }
  }

  save() {
    return {
      queues: this.#queues.save(),
      processes: this.#processes.save(),
      gaps: this.#gaps.save(),
      deaths: this.#deaths.save(),
    };
  }

  /** Throws when it is no state that `save` gave. */
  restore(saved: JoinState): void {
    this.#queues.restore(saved.queues);
    this.#processes.restore(saved.processes);
    this.#gaps.restore(saved.gaps);
    this.#deaths.restore(saved.deaths);
  }
}

export type JoinState = ReturnType<Join['save']>;
