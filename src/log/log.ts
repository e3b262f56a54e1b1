/**
 * The log: one pino root, JSON lines on standard output, one function per event. The functions are the
 * vocabulary: each has a constant event name and a constant message, and everything that varies is a field.
 * Text that came from a peer passes through `escapeText`, so a log reader or terminal never receives a raw
 * control or bidi character.
 *
 * Lines are written in batches (lineWriter.ts). The journal records time and pid, so `base` is off; `time` is
 * kept for logs in a file. Events and fields: contrib/doc/log.md.
 */

import { type DestinationStream, type Logger, pino } from 'pino';
import { escapeText } from '../core/escape.ts';
import type { MemoryUse } from '../core/memorySize.ts';
import { formatPosition } from '../core/position.ts';
import type { StsFailure, StsMode } from '../core/publishedFacts.ts';
import type { Row } from '../core/table.ts';
import type { WireRule } from '../wire/wireRules.ts';
import { acceptedLine } from './acceptedLine.ts';
import { isJournal, type LogFormat, shapeLine } from './lineShape.ts';
import { LineWriter } from './lineWriter.ts';
import { listed } from './listed.ts';
import { withModules } from './stackModules.ts';
import { type VerdictFields, type VerdictRecord, verdictFields } from './verdictFields.ts';

interface StsTroubleFields {
  readonly domain: string;
  readonly id: string;
  readonly failure: StsFailure;
  readonly why: string;
}

/** Limit for a stack, in characters; its message may quote foreign text. */
const MAX_STACK = 8192;

let stampedMs = 0;
let stamp = '';

/**
 * pino's time field in ISO 8601, made once per millisecond, because under load there are many lines in one.
 */
function timestamp(now = Date.now()): string {
  if (now !== stampedMs) {
    stampedMs = now;
    stamp = `,"time":"${new Date(now).toISOString()}"`;
  }
  return stamp;
}

export class Log {
  readonly #pino: Logger;
  readonly #out: DestinationStream;
  /** Are lines of accepted messages written, and of answers that make no mail wait? Asked once a message. */
  #accepts: boolean;
  #answers: boolean;
  readonly #flush: () => void;
  readonly #writer: LineWriter | null;
  readonly #journal = isJournal(1, process.env);

  /** `destination`: default standard output. */
  constructor(level: string, destination?: DestinationStream & { flushSync?(): void }) {
    const writer = destination === undefined ? new LineWriter(1) : null;
    const out = destination ?? writer!;
    this.#writer = writer;
    this.#out = out;
    this.#pino = pino({ level, base: null, timestamp: () => timestamp() }, out);
    this.#accepts = this.#pino.isLevelEnabled('info');
    this.#answers = this.#pino.isLevelEnabled('debug');
    this.#flush = () => out.flushSync?.();
  }

  /** How lines are written to standard output from now on. */
  setFormat(format: LogFormat): void {
    if (this.#writer === null) return;
    const journal = this.#journal;
    this.#writer.shape =
      format === 'json' && !journal ? (line) => line : (line) => shapeLine(line, format, journal);
  }

  setLevel(level: string): void {
    this.#pino.level = level;
    this.#accepts = this.#pino.isLevelEnabled('info');
    this.#answers = this.#pino.isLevelEnabled('debug');
  }

  /** Writes all waiting lines before the process ends. */
  flush(): void {
    try {
      this.#flush();
    } catch {
      // standard output is closed: the error cannot be reported
    }
  }

  /** For `status`: dropped lines, the error of standard output, and the size of waiting lines. */
  get output(): {
    readonly dropped: number;
    readonly failure: string;
    readonly memory: readonly MemoryUse[];
  } {
    const writer = this.#writer;
    if (writer === null) return { dropped: 0, failure: '', memory: [] };
    return { dropped: writer.dropped, failure: writer.failure, memory: [writer.memory] };
  }

  serviceStart(version: string, node: string, config: string): void {
    this.#pino.info({ event: 'service.start', version, node, config }, 'tlsward starts');
  }

  /** It cannot start; `problems`: mistakes of the configuration. */
  serviceFailed(why: string, problems: readonly string[]): void {
    const fields = problems.length === 0 ? {} : { problems: listed(problems, 100, problems.length, 16_384) };
    this.#pino.error({ event: 'service.failed', why, ...fields }, 'not started');
  }

  listenerOpen(listener: string, address: string): void {
    this.#pino.info({ event: 'listener.open', listener, address }, 'listening');
  }

  /** The file of a socket has changed. */
  listenerTrouble(listener: string, address: string, why: string): void {
    this.#pino.warn({ event: 'listener.trouble', listener, address, why }, 'trouble with a socket file');
  }

  /** Connections are served by net.Sockets, which works as well and takes more CPU time. */
  handlesUnusable(node: string): void {
    this.#pino.info(
      { event: 'handles.unusable', node },
      'connections are served in the slower way: this version of Node.js failed the test of the quicker one',
    );
  }

  /** Fewer connections than `max-connections` can be opened. */
  filesLow(limit: number, connections: number, maxConnections: number): void {
    this.#pino.warn(
      { event: 'files.low', limit, connections, maxConnections },
      'max-connections is more than the limit of open files permits (LimitNOFILE=, ulimit -n)',
    );
  }

  /** No file can be opened and no connection accepted. */
  filesExhausted(code: string, limit: number | null, open: number): void {
    this.#pino.error(
      { event: 'files.exhausted', code, limit, connections: open },
      'no more files can be opened: connections are dropped',
    );
  }

  serviceStop(signal: string, open: number): void {
    this.#pino.info({ event: 'service.stop', signal, open }, 'stopping: no new connections');
  }

  serviceEnd(cutOff: number): void {
    this.#pino.info({ event: 'service.end', cutOff }, 'stopped');
  }

  connOpen(protocol: string, conn: number, peer: string): void {
    this.#pino.debug({ event: 'conn.open', protocol, conn, peer }, 'connection opened');
  }

  connClose(protocol: string, conn: number, peer: string): void {
    this.#pino.debug({ event: 'conn.close', protocol, conn, peer }, 'connection closed');
  }

  /** The peer violated the protocol. */
  wireError(protocol: string, conn: number, peer: string, rule: WireRule, offset: number, got: string): void {
    this.#pino.warn(
      { event: 'wire.error', protocol, conn, peer, rule, offset, got },
      'peer broke the protocol; connection closed',
    );
  }

  /**
   * A limit was reached: the connection was closed or refused. With `times`, so many were; `peer` is the last
   * of them.
   */
  limit(protocol: string, conn: number, peer: string, limit: string, value: number, times = 1): void {
    const more = times === 1 ? null : { times };
    this.#pino.warn(
      { event: 'conn.limit', protocol, conn, peer, limit, value, ...more },
      'limit reached; connection closed',
    );
  }

  socketError(protocol: string, conn: number, peer: string, error: Error): void {
    this.#pino.debug(
      { event: 'conn.error', protocol, conn, peer, error: escapeText(error.message) },
      'connection failed',
    );
  }

  /** A request to the live page; `target`: as it was sent. */
  httpRequest(conn: number, peer: string, method: string, target: string, status: number): void {
    if (!this.#pino.isLevelEnabled('debug')) return;
    this.#pino.debug(
      { event: 'http.request', conn, peer, method: escapeText(method), target: escapeText(target), status },
      'answered over HTTP',
    );
  }

  httpReport(ms: number, bytes: number): void {
    this.#pino.info({ event: 'http.report', ms, bytes }, 'report made for the live page');
  }

  httpReportFailed(ms: number, why: string): void {
    this.#pino.warn({ event: 'http.report-failed', ms, why }, 'no report for the live page');
  }

  /** An internal error: the fail-safe reply was sent, and service continues. */
  bug(where: string, error: unknown): void {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#pino.error(
      { event: 'bug', where, stack: withModules(stack.slice(0, MAX_STACK)) },
      'internal error; the fail-safe reply was given',
    );
  }

  /** The event loop was blocked for so long; `served` is the connection that caused it, if known. */
  loopDelay(
    ms: number,
    served: { readonly protocol: string; readonly conn: number; readonly peer: string } | null,
    leftOut: number,
  ): void {
    const about = served === null ? {} : { protocol: served.protocol, conn: served.conn, peer: served.peer };
    this.#pino.warn(
      { event: 'loop.delay', ms: Math.round(ms), ...about, leftOut },
      'the event loop was blocked; all connections waited',
    );
  }

  /** Returns the fields of the line; null for a plain accept, whose line is written without them. */
  verdict(record: VerdictRecord): VerdictFields | null {
    const { action, wouldBe, tagged, judged } = record.verdict;
    const plain = action === 'accept' && wouldBe === null && !tagged;
    if (plain && judged === 'judged') {
      if (this.#accepts) this.#out.write(acceptedLine(record, timestamp(record.timeMs)));
      return null;
    }
    const fields = verdictFields(record);
    this.#pino.info(fields, plain ? 'accepted' : 'violation');
    return fields;
  }

  /** One answer to a table question: at info if it makes mail wait (`failed`), otherwise at debug. */
  mapAnswer(
    answer: {
      readonly conn: number;
      readonly map: string;
      readonly key: string;
      readonly reply: string;
      readonly row: Row | null;
    },
    failed: boolean,
  ): void {
    if (!failed && !this.#answers) return;
    const { conn, map, key, reply, row } = answer;
    const fields: Record<string, unknown> = {
      event: 'map.answer',
      conn,
      map: escapeText(map),
      key: escapeText(key),
      reply: escapeText(reply, 1024),
    };
    if (row !== null) {
      fields.row = row.pattern;
      fields.at = formatPosition(row.at);
    }
    if (failed) this.#pino.info(fields, 'the answer makes mail wait');
    else this.#pino.debug(fields, 'answered');
  }

  stsPolicy(domain: string, id: string, mode: StsMode, expiresAt: number): void {
    const expires = new Date(expiresAt).toISOString();
    this.#pino.info({ event: 'sts.policy', domain, id, mode, expires }, 'MTA-STS policy fetched');
  }

  /**
   * `mode`: that of the cached policy, which stays in force; null without one. With `none` this is not a
   * warning.
   */
  stsFailed(about: StsTroubleFields & { readonly mode: StsMode | null }): void {
    const { domain, id, mode, failure, why } = about;
    const fields = { event: 'sts.failed', domain, id, failure, why: escapeText(why), kept: mode };
    if (mode === 'none') this.#pino.info(fields, 'MTA-STS policy not fetched');
    else this.#pino.warn(fields, 'MTA-STS policy not fetched');
  }

  stsExpired(about: StsTroubleFields & { readonly mode: StsMode }): void {
    const { domain, id, mode, failure, why } = about;
    const fields = { event: 'sts.expired', domain, id, mode, failure, why: escapeText(why) };
    if (mode === 'none') this.#pino.info(fields, 'MTA-STS policy expired');
    else this.#pino.warn(fields, 'MTA-STS policy expired and could not be refreshed');
  }

  /**
   * `patterns`: the first of `count` patterns that are not compared; `left`: the number that are. If none
   * are, mail to the domain waits when its policy is enforced.
   */
  stsPatterns(about: {
    readonly domain: string;
    readonly id: string;
    readonly mode: StsMode;
    readonly patterns: readonly string[];
    readonly count: number;
    readonly left: number;
  }): void {
    const { domain, id, mode, patterns, count, left } = about;
    const fields = { event: 'sts.patterns', domain, id, mode, patterns, count, left };
    if (left > 0 || mode !== 'enforce') this.#pino.info(fields, 'patterns of a policy are not compared');
    else this.#pino.warn(fields, 'no pattern of a policy can be compared: mail for the domain waits');
  }

  stsCache(file: string, why: string): void {
    this.#pino.warn(
      { event: 'sts.cache', file: escapeText(file), why: escapeText(why) },
      'problem with the folder of MTA-STS policies',
    );
  }

  /** TLSA records are left to Postfix. */
  daneOff(why: string): void {
    this.#pino.warn({ event: 'dane.off', why: escapeText(why) }, 'DANE is left to the MTA');
  }

  /** The trusted resolver does not answer. */
  daneUntested(why: string): void {
    this.#pino.warn(
      { event: 'dane.untested', why: escapeText(why) },
      'mail for rows with deliver = auto waits',
    );
  }

  daneOn(): void {
    this.#pino.info({ event: 'dane.on' }, 'the resolver validates: DANE is looked up');
  }

  configLoaded(fields: { config: string; generation: number; hash: string; rows: number; ms: number }): void {
    this.#pino.info({ event: 'config.loaded', ...fields }, 'table in use');
  }

  configRejected(config: string, problems: readonly string[]): void {
    this.#pino.error(
      {
        event: 'config.rejected',
        config,
        count: problems.length,
        problems: listed(problems, 100, problems.length, 16_384),
      },
      'mistakes; the old table stays',
    );
  }

  configNotice(notice: string): void {
    this.#pino.warn({ event: 'config.notice', notice }, 'configuration notice');
  }

  /** A setting of the MTA that breaks a guarantee of the table. */
  postfixWarning(what: string): void {
    this.#pino.warn({ event: 'postfix.warning', what }, 'the MTA does not enforce what the table requires');
  }

  /** Rows require TLS, and none of this many judged sessions had TLS. Logged once. */
  tlsNeverSeen(verdicts: number): void {
    this.#pino.warn({ event: 'tls.never-seen', verdicts }, 'no session had TLS yet, and rows demand it');
  }

  /** A row whose `until` has passed, once a day. */
  rowOverdue(where: string, at: string, until: string, days: number, reason: string | null): void {
    this.#pino.warn(
      { event: 'row.overdue', where, at, until, days, reason },
      'a row has expired and is still in force',
    );
  }

  configChanged(added: number, removed: number, changed: number, lines: readonly string[]): void {
    this.#pino.info(
      { event: 'config.changed', added, removed, changed, lines: listed(lines, 100, lines.length, 16_384) },
      'rows changed',
    );
  }

  listenersUnchanged(keys: readonly string[]): void {
    this.#pino.warn({ event: 'config.restart-needed', keys }, 'these settings take effect at the next start');
  }

  /** Records cannot be written. */
  evidenceTrouble(directory: string, why: string, onFailure: 'continue' | 'defer'): void {
    this.#pino.error(
      { event: 'evidence.trouble', directory: escapeText(directory), why: escapeText(why), onFailure },
      onFailure === 'defer'
        ? 'evidence cannot be written: mail waits'
        : 'evidence cannot be written: mail goes on',
    );
  }

  evidenceWell(directory: string): void {
    this.#pino.info(
      { event: 'evidence.well', directory: escapeText(directory) },
      'evidence is written again',
    );
  }

  /** The last head of a day that ended; `head`: a signed note. */
  evidenceHead(day: string, head: string): void {
    this.#pino.info({ event: 'evidence.head', day, head }, 'the last head of a day of evidence');
  }

  /** It could not be taken to somebody else. */
  evidenceHeadKept(day: string, to: string, why: string): void {
    this.#pino.warn(
      { event: 'evidence.head-kept', day, to: escapeText(to), why: escapeText(why, 300) },
      'a head of evidence could not be sent',
    );
  }

  /** The daemon did not answer itself through its own sockets; the service manager is not told that it lives. */
  selfCheckFailed(why: string): void {
    this.#pino.error(
      { event: 'selfcheck.failed', why: escapeText(why, 500) },
      'the daemon does not answer itself',
    );
  }

  notifyFailed(why: string): void {
    this.#pino.warn(
      { event: 'notify.failed', why: escapeText(why, 500) },
      'the service manager cannot be told',
    );
  }

  alarmsStart(version: string, node: string, config: string): void {
    this.#pino.info({ event: 'alarms.start', version, node, config }, 'tlsward alarms starts');
  }

  /** Something in the process of the alarms itself; `what`: `state`, `records`, `evidence`. */
  alarmsTrouble(what: string, why: string): void {
    this.#pino.error({ event: 'alarms.trouble', what, why: escapeText(why, 500) }, 'alarms are in trouble');
  }

  /** An alarm began or is over. `fields`: texts of records, which were escaped. */
  alarm(fields: {
    readonly kind: string;
    readonly subject: string;
    readonly state: 'firing' | 'resolved';
    readonly severity: 'critical' | 'warning';
    readonly summary: string;
    readonly since: string;
    readonly count: number;
    readonly domains: readonly string[];
    readonly advice: readonly string[];
  }): void {
    const { state, ...rest } = fields;
    if (state === 'resolved') this.#pino.info({ event: 'alarm.resolved', ...rest }, 'an alarm is over');
    else if (fields.severity === 'critical') this.#pino.error({ event: 'alarm.firing', ...rest }, 'alarm');
    else this.#pino.warn({ event: 'alarm.firing', ...rest }, 'alarm');
  }

  /** An output did not take an alarm. */
  alarmUntold(output: string, kind: string, subject: string, why: string): void {
    this.#pino.warn(
      { event: 'alarm.untold', output, kind, subject, why: escapeText(why, 500) },
      'an alarm could not be told',
    );
  }

  noticesStart(version: string, node: string, config: string): void {
    this.#pino.info({ event: 'notices.start', version, node, config }, 'tlsward notices starts');
  }

  /** `what`: `state`, `queue`, `records`, `mail`; `why`: '' when it is over. */
  noticesTrouble(what: string, why: string): void {
    if (why === '') this.#pino.info({ event: 'notices.well', what }, 'notices to authors go on');
    else
      this.#pino.error(
        { event: 'notices.trouble', what, why: escapeText(why, 500) },
        'notices to authors are in trouble',
      );
  }

  /** Authors of messages that wait, and who are not told: how many messages, by the reason. */
  noticesLeftOut(counts: Readonly<Record<string, number>>): void {
    this.#pino.info({ event: 'notices.left-out', ...counts }, 'authors who are not told');
  }

  /** An author was told. No local part is logged. */
  noticeSent(fields: {
    readonly kind: string;
    readonly domain: string;
    readonly messages: number;
    readonly queueIds: readonly string[];
    /** The connection was lost when the whole letter was there. */
    readonly unsure: boolean;
  }): void {
    this.#pino.info({ event: 'notice.sent', ...fields }, 'an author was told');
  }

  noticeRefused(fields: {
    readonly kind: string;
    readonly domain: string;
    readonly messages: number;
    readonly why: string;
    /** It is not tried again. */
    readonly givenUp: boolean;
  }): void {
    this.#pino.warn(
      { event: 'notice.refused', ...fields, why: escapeText(fields.why, 500) },
      'the MTA did not take a notice to an author',
    );
  }

  degraded(conn: number, what: string): void {
    this.#pino.warn({ event: 'milter.degraded', conn, what }, 'the MTA does not offer what a setting needs');
  }
}
