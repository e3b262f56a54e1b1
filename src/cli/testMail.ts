/**
 * `tlsward test-mail ADDRESS`: sends one message through the MTA of this host and follows it to its delivery.
 *
 *   tlsward test-mail ADDRESS [--from ADDRESS] [--log FILE] [--wait SECONDS] [--sendmail PROGRAM] [--json]
 *
 * The log is read from where it ends when the message is sent: FILE, else `maillog_file` of Postfix, else the
 * journal. Exit status: 0 delivered under TLS, 1 delivered without or the log does not tell, 2 not delivered
 * in time, deferred or bounced, 65 FILE cannot be read, 69 sendmail(1) or the journal cannot be used.
 */

import { randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { DeliveryTrace, type Outcome, type TracedDelivery } from '../collect/deliveryTrace.ts';
import { quote } from '../config/ini/problem.ts';
import { parsePath } from '../core/address.ts';
import { canonicalDomain } from '../core/domain.ts';
import { escapeText } from '../core/escape.ts';
import { count } from '../core/plural.ts';
import { type Ran, runProgram } from '../mta/runProgram.ts';
import { asciiJson } from './asciiJson.ts';
import { EXIT, type Io, label, paint, parseCommand, reportError, UsageError, unreadable } from './command.ts';
import { COMMANDS } from './commands.ts';
import { followedLines, JournalError, mailJournal } from './logSource.ts';

const STATUS: Readonly<Record<Outcome, number>> = { protected: 0, unknown: 1, undelivered: 2 };
const COLOURS = { protected: 'green', unknown: 'yellow', undelivered: 'red' } as const;
const MAX_WAIT = 86_400;
const LIMITS = { timeoutMs: 30_000, maxBytes: 65_536 } as const;
const MAX_LINE = 400;

/** `tlsward test-mail`; see the file comment. */
export async function run(argv: string[], io: Io): Promise<number> {
  const { values, positionals } = parseCommand(argv, COMMANDS['test-mail']);
  const to = addressOf('ADDRESS', positionals[0]!);
  const from =
    values.from === undefined || values.from === '<>' ? values.from : addressOf('--from', values.from);
  const seconds = secondsOf(values.wait);
  const file = values.log ?? (await maillogFile());
  const stop = new AbortController();
  try {
    const sentAt = Date.now();
    const lines =
      file === null
        ? mailJournal(sentAt, stop.signal)
        : followedLines(file, (await stat(file)).size, stop.signal);
    const messageId = newMessageId();
    const args = ['-i', ...(from === undefined ? [] : ['-f', from]), '--', to];
    const ran = await runProgram(values.sendmail, args, {
      ...LIMITS,
      input: messageText(messageId, to, from),
    });
    if (!ran.ok) {
      reportError(io, values.json, `tlsward test-mail: ${refused(values.sendmail, ran)}`);
      return EXIT.unavailable;
    }
    const trace = new DeliveryTrace(messageId);
    const timer = setTimeout(() => stop.abort(), seconds * 1000);
    try {
      for await (const line of lines) {
        trace.push(line);
        if (trace.settled) break;
      }
    } finally {
      clearTimeout(timer);
    }
    show(io, values.json, { trace, messageId, to, seconds, source: file ?? 'the journal' });
    return STATUS[trace.outcome];
  } catch (error) {
    if (error instanceof JournalError) {
      const said = escapeText(error.message, 500);
      reportError(io, values.json, `tlsward test-mail: ${said}; name the log with --log FILE`);
      return EXIT.unavailable;
    }
    if (file === null) throw error;
    return unreadable(io, values.json, file, error);
  }
}

/** An address that means the same on a command line, in a header field and in the log. */
function addressOf(what: string, text: string): string {
  if (parsePath(text).kind === 'mailbox' && /^[!-~]{3,320}$/.test(text) && !/[<>",\\]/.test(text))
    return text;
  throw new UsageError(`${what}: found ${quote(text)}, expected an address such as "someone@example.org"`);
}

function secondsOf(text: string): number {
  const seconds = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  if (seconds >= 1 && seconds <= MAX_WAIT) return seconds;
  throw new UsageError(`--wait: found ${quote(text)}, expected seconds, 1 to ${MAX_WAIT}`);
}

/** Where Postfix writes its log itself; null: to syslog, or there is no Postfix. */
async function maillogFile(): Promise<string | null> {
  const ran = await runProgram('postconf', ['-hx', 'maillog_file'], LIMITS);
  const file = ran.ok ? ran.stdout.trim() : '';
  return file.startsWith('/') && file !== '/dev/stdout' ? file : null;
}

/** 128 random bits: no line of the log that others cause has them. */
function newMessageId(): string {
  return `<tlsward-test.${randomBytes(16).toString('hex')}@${canonicalDomain(hostname()) ?? 'localhost.invalid'}>`;
}

function messageText(messageId: string, to: string, from: string | undefined): string {
  const author = from === undefined || from === '<>' ? [] : [`From: ${from}`];
  return [
    ...author,
    `To: ${to}`,
    'Subject: Test of mail delivery',
    `Message-ID: ${messageId}`,
    'Auto-Submitted: auto-generated',
    '',
    'This message was sent by "tlsward test-mail" to see how mail to this address is delivered.',
    'Nobody has to answer it.',
    '',
  ].join('\n');
}

function refused(program: string, ran: Ran & { ok: false }): string {
  const name = escapeText(program, 200);
  const why = {
    absent: 'there is no such program',
    denied: 'it may not be run',
    timeout: `it has not ended after ${count(LIMITS.timeoutMs / 1000, 'second')}`,
    tooMuch: 'it printed too much',
    failed: 'it did not take the message',
  }[ran.why];
  const said = ran.stderr.trim();
  return `${name}: ${why}${said === '' ? '' : `: ${escapeText(said.replaceAll('\n', '; '), 500)}`}`;
}

interface Followed {
  readonly trace: DeliveryTrace;
  readonly messageId: string;
  readonly to: string;
  readonly seconds: number;
  readonly source: string;
}

function show(io: Io, json: boolean | undefined, followed: Followed): void {
  const { trace, messageId, to } = followed;
  const { outcome, queueIds } = trace;
  const deliveries = trace.deliveries();
  if (json) {
    io.out(`${asciiJson({ ok: outcome === 'protected', messageId, queueIds, outcome, deliveries })}\n`);
    return;
  }
  io.out(`${paint(io, COLOURS[outcome], `${to}: ${sentence(followed, deliveries)}`)}\n\n`);
  io.out(`${label('message-id')}${messageId}\n`);
  io.out(`${label('queue id')}${queueIds.length === 0 ? 'none was seen' : queueIds.join(', ')}\n`);
  for (const delivery of deliveries) showDelivery(io, delivery);
}

function sentence({ trace, seconds, source }: Followed, deliveries: readonly TracedDelivery[]): string {
  if (trace.outcome === 'protected') return 'delivered under TLS';
  if (trace.outcome === 'unknown') {
    if (deliveries.every(({ tls }) => tls.kind === 'line'))
      return `sent under TLS, but the message was still in the queue after ${count(seconds, 'second')}`;
    return 'sent; nothing proves that it was sent under TLS';
  }
  const failed = deliveries.find(({ status }) => status !== 'sent');
  if (failed !== undefined) return `not delivered: ${escapeText(failed.status, 40)}`;
  const seen =
    trace.queueIds.length === 0
      ? `${escapeText(source, 300)} does not show the message`
      : 'still in the queue';
  return `not delivered after ${count(seconds, 'second')}: ${seen}`;
}

/** No more than the log proves. */
function tlsWords({ tls, status, relay }: TracedDelivery): string {
  if (tls.kind === 'line') return escapeText(tls.text, MAX_LINE);
  if (tls.kind === 'unsure')
    return `a line that does not prove how this delivery was made: ${escapeText(tls.text, MAX_LINE)}`;
  const seen = 'no TLS line was seen';
  if (status !== 'sent') return seen;
  return relay.includes('[')
    ? `${seen}: the delivery was in plaintext, or smtp_tls_loglevel is 0`
    : `${seen}: no other server is named as relay`;
}

function showDelivery(io: Io, delivery: TracedDelivery): void {
  const { queueId, to, relay, status, dsn, reply } = delivery;
  io.out(
    [
      '',
      `${label('to')}${escapeText(to, MAX_LINE)} (${queueId})`,
      `${label('relay')}${escapeText(relay, MAX_LINE)}`,
      `${label('status')}${escapeText(status, 40)} (${escapeText(reply, MAX_LINE)})`,
      `${label('dsn')}${escapeText(dsn, 40)}`,
      `${label('TLS')}${tlsWords(delivery)}`,
      '',
    ].join('\n'),
  );
}
