/**
 * The TLS session that each process of an MTA has, by program and process id, within a limit in bytes.
 *
 * The MTA names a TLS session in a line without a queue id, just before the deliveries that it is used for. So the
 * line belongs to the deliveries of the same process to the same relay that follow, of one message in one attempt.
 * Postfix logs such a line again for each further message over a connection that it kept; a connection
 * in plaintext it reuses without a line. (Compared with what the receivers saw: see test/e2e/collect.test.ts.)
 *
 * "No line" only proves plaintext when such lines are logged at all, and when every line of the process since the
 * delivery began was read; otherwise the answer is `unknown`, with the reason.
 */
import type { MemoryUse } from '../core/memorySize.ts';
import { ENTRY_BYTES, ownText, textBytes } from '../core/memorySize.ts';
import { BoundedMap } from './boundedMap.ts';
import type { OutboundTls } from './produced.ts';
import { parseTlsFeature, saysPlain, saysTls } from './tlsFeature.ts';
import { encrypts, type TlsSession } from './tlsLine.ts';

interface Process {
  /** null: no TLS session holds. */
  readonly session: TlsSession | null;
  /** What the session was used for first; null: for nothing yet. */
  readonly used: Use | null;
  /** Something was logged since that may mean that it holds no more. */
  readonly doubtful: boolean;
  readonly time: number;
}

/** What tells the delivery request of an agent from others; recipients of one request share all of it. */
interface Use {
  readonly queueId: string;
  readonly attempt: number;
  /** The first three of `delays=`: before the queue manager, in it, until the connection stood. */
  readonly begun: string;
  /** What the server said when it took the message; null: it has not. */
  readonly reply: string | null;
}

/** One recipient of a delivery, as the agent logged it. */
interface Delivered {
  readonly program: string;
  readonly pid: string;
  readonly time: number;
  readonly queueId: string;
  readonly attempt: number;
  /** As in the TLS line. */
  readonly relay: string;
  readonly delays: string;
  readonly sent: boolean;
  readonly reply: string;
  /** `tls=` of Postfix 3.11 and later. */
  readonly feature: string | null;
  /** `joined` or `sendmail`. */
  readonly how: string;
}

const MAX_PROCESSES_BYTES = 4 * 1_048_576;
/** Without a TLS line for so long, a program may have been told to log none. */
const LOGS_TLS_MS = 86_400_000;
/** Stamps may be whole seconds, and lines of two processes cross. */
const SLACK_MS = 5000;
const MAX_PROGRAMS = 64;
const MAX_REPLY = 512;

export class Processes {
  readonly #processes = new BoundedMap<Process>(
    'processes of the MTA',
    MAX_PROCESSES_BYTES,
    sizeOf,
    (lost) => {
      if (lost.session !== null) this.#since = Math.max(this.#since, lost.time);
    },
  );
  /** When each program logged its last TLS line. */
  readonly #logsTls = new Map<string, number>();
  /** Programs that name each connection that they make. */
  readonly #saysConnects = new Set<string>();
  /** Every line since then was read; milliseconds. */
  #since = Number.POSITIVE_INFINITY;

  get memory(): MemoryUse {
    return this.#processes.memory;
  }

  /** Lines were missed; from the next one on they are read without a hole. */
  begin(): void {
    this.#processes.clear();
    this.#since = Number.POSITIVE_INFINITY;
  }

  /** The first line that was read, unless reading began before. */
  seen(time: number): void {
    if (this.#since === Number.POSITIVE_INFINITY) this.#since = time;
  }

  /** A process ended before it logged all that it did: its number will be that of another one. */
  died(pid: string): void {
    // only programs that logged TLS have sessions
    for (const program of this.#logsTls.keys()) this.#processes.delete(`${program}[${pid}]`);
  }

  /** A TLS line. */
  established(program: string, pid: string, time: number, session: TlsSession): void {
    const own: TlsSession = {
      ...session,
      relay: ownText(session.relay),
      protocol: ownText(session.protocol),
      cipher: ownText(session.cipher),
    };
    if (this.#logsTls.size >= MAX_PROGRAMS && !this.#logsTls.has(program)) return;
    this.#logsTls.set(program, time);
    this.#processes.set(`${program}[${pid}]`, { session: own, used: null, doubtful: false, time });
  }

  /** A connection failed, or something else happened: whether a session still holds is not known. */
  trouble(program: string, pid: string, time: number): void {
    const key = `${program}[${pid}]`;
    const process = this.#processes.get(key) ?? { session: null, used: null };
    this.#processes.set(key, { ...process, doubtful: process.session !== null, time });
  }

  /** A connection begins without TLS, or ends (Sendmail says so). */
  connecting(program: string, pid: string, time: number, begins: boolean): void {
    if (begins && this.#saysConnects.size < MAX_PROGRAMS) this.#saysConnects.add(program);
    this.#processes.set(`${program}[${pid}]`, { session: null, used: null, doubtful: false, time });
  }

  /** How the message went over the connection, as far as it is known. */
  delivered(one: Delivered): OutboundTls {
    const key = `${one.program}[${one.pid}]`;
    const process = this.#processes.get(key);
    const session = process?.session ?? null;
    if (process === undefined || session === null || session.relay !== one.relay) {
      // the next message needs a connection, or a line, of its own
      if (session !== null) this.#forget(key, one);
      return this.#withoutLine(one, process !== undefined);
    }
    const { used } = process;
    const begun = begunOf(one.delays);
    if (used !== null && used.queueId !== one.queueId && one.how !== 'sendmail') {
      this.#forget(key, one);
      return this.#withoutLine(one, true);
    }
    if (process.doubtful)
      return unknown(one, 'after the TLS line of this process something failed: it may have connected anew');
    if (used === null) {
      const reply = one.sent ? ownText(one.reply.slice(0, MAX_REPLY)) : null;
      const use = { queueId: ownText(one.queueId), attempt: one.attempt, begun: ownText(begun), reply };
      this.#processes.set(key, { ...process, used: use, time: one.time });
      return withLine(session, one);
    }
    if (one.how === 'sendmail') {
      // it keeps a connection for other messages; that it made no new one is only known where it names them
      if (this.#saysConnects.has(one.program)) return withLine(session, one);
      // all recipients that a server took in one transaction are in one line
      if (used.queueId === one.queueId && !(one.sent && used.reply !== null)) {
        this.#takeReply(key, process, used, one);
        return withLine(session, one);
      }
      return unknown(one, 'whether the connection was kept is not logged (LogLevel below 12)');
    }
    if (used.attempt !== one.attempt)
      return unknown(one, 'the TLS line of this process belongs to an earlier attempt');
    const other = used.begun !== begun || differs(used, one);
    if (other) return unknown(one, 'the TLS line of this process belongs to another part of the message');
    this.#takeReply(key, process, used, one);
    return withLine(session, one);
  }

  /** Keeps what the server said when it took the message. */
  #takeReply(key: string, process: Process, used: Use, one: Delivered): void {
    if (!one.sent || used.reply !== null) return;
    const reply = ownText(one.reply.slice(0, MAX_REPLY));
    this.#processes.set(key, { ...process, used: { ...used, reply }, time: one.time });
  }

  #forget(key: string, { time }: Delivered): void {
    this.#processes.set(key, { session: null, used: null, doubtful: false, time });
  }

  /** `known`: the process was seen before, so nothing of it was missed. */
  #withoutLine(one: Delivered, known: boolean): OutboundTls {
    if (one.relay === 'none' || one.relay === '') return unknown(one, 'no connection was made');
    if (!one.sent) return unknown(one, 'nothing was handed over, and no TLS line was logged');
    const feature = one.feature === null ? null : parseTlsFeature(one.feature);
    if (feature !== null && saysPlain(feature)) return { state: 'plain', how: 'tls=' };
    if (feature !== null && saysTls(feature))
      return unknown(one, `tls=${one.feature!.slice(0, 60)}, but there is no TLS line`);
    const begun = one.time - durationOf(one.delays) * 1100 - SLACK_MS;
    if (!known && begun < this.#since)
      return unknown(one, 'the log was not read from when the delivery began');
    const logged = this.#logsTls.get(one.program);
    if (logged === undefined || one.time - logged > LOGS_TLS_MS)
      return unknown(one, `${one.program} has logged no TLS line within a day: its log level may be 0`);
    return { state: 'plain', how: one.how };
  }

  save(): {
    readonly since: number | null;
    readonly logsTls: readonly (readonly [string, number])[];
    readonly saysConnects: readonly string[];
    readonly processes: readonly (readonly [string, Process])[];
  } {
    return {
      since: Number.isFinite(this.#since) ? this.#since : null,
      logsTls: [...this.#logsTls],
      saysConnects: [...this.#saysConnects],
      processes: [...this.#processes.entries()],
    };
  }

  restore(saved: ReturnType<Processes['save']>): void {
    this.#since = saved.since ?? Number.POSITIVE_INFINITY;
    for (const [program, time] of saved.logsTls) this.#logsTls.set(program, time);
    for (const program of saved.saysConnects) this.#saysConnects.add(program);
    for (const [key, process] of saved.processes) this.#processes.set(key, process);
  }
}

function withLine(session: TlsSession, one: Delivered): OutboundTls {
  const feature = one.feature === null ? null : parseTlsFeature(one.feature);
  if (one.sent && feature !== null && saysPlain(feature))
    return unknown(one, `tls=${one.feature!.slice(0, 60)}, but there is a TLS line`);
  const { protocol, cipher, bits, peer, reused } = session;
  const facts = { protocol, cipher, bits, peer, ...(reused ? { reused } : {}), how: one.how };
  if (encrypts(session)) return { state: 'tls', ...facts };
  return { state: 'plain', ...facts, why: 'the cipher encrypts nothing' };
}

/**
 * Was the message taken with other words? One transaction has one reply to the message; over LMTP each recipient
 * has its own (RFC 2033 section 4.2).
 */
function differs({ reply }: Use, one: Delivered): boolean {
  if (!one.sent || reply === null || one.program.endsWith('/lmtp')) return false;
  return reply !== one.reply.slice(0, MAX_REPLY);
}

function unknown({ how }: Delivered, why: string): OutboundTls {
  return { state: 'unknown', how, why };
}

/** `a/b/c` of `a/b/c/d`. */
function begunOf(delays: string): string {
  return delays.slice(0, Math.max(delays.lastIndexOf('/'), 0));
}

/** Seconds that the agent had the message: c and d of `a/b/c/d`. */
function durationOf(delays: string): number {
  const parts = delays.split('/', 5);
  const seconds = Number(parts[2] ?? 0) + Number(parts[3] ?? 0);
  return Number.isFinite(seconds) ? seconds : 0;
}

function sizeOf(key: string, { session, used }: Process): number {
  let bytes = ENTRY_BYTES + textBytes(key);
  if (session !== null)
    bytes += textBytes(session.relay) + textBytes(session.protocol) + textBytes(session.cipher) + 64;
  if (used !== null)
    bytes += textBytes(used.queueId) + textBytes(used.begun) + textBytes(used.reply ?? '') + 64;
  return bytes;
}
