/**
 * The lines of Postfix's log that tell what became of a message. Pure; each program's lines by a function of its
 * own. Lines are read from the left, because what strangers said stands at their end.
 *
 * Addresses are taken as `info_log_addr_form = quoted`, the default since Postfix 3.5, writes them.
 */
import { type DeliveryFields, endOfAddress, parseDelivery } from './deliveryFields.ts';
import type { LogLine } from './logLine.ts';
import { parseRefusal, type Refusal } from './refusalLine.ts';
import { parseTlsLine, type TlsSession } from './tlsLine.ts';

/** What Postfix 3.10 and later say of a handshake for TLSRPT (RFC 8460), without a queue id. */
interface TlsrptLine {
  readonly ok: boolean;
  readonly domain: string;
  readonly mx: string;
  /** `certificate_host_mismatch`; null when it succeeded. */
  readonly failure: string | null;
  readonly reason: string | null;
}

export type PostfixEvent =
  | { readonly kind: 'tls'; readonly session: TlsSession }
  | { readonly kind: 'delivery'; readonly queueId: string; readonly delivery: DeliveryFields }
  /** Looks like a delivery and cannot be read. */
  | { readonly kind: 'unreadable'; readonly queueId: string }
  /** A connection failed, or anything else that is logged while one is used. */
  | { readonly kind: 'trouble' }
  | { readonly kind: 'tlsrpt'; readonly report: TlsrptLine }
  /** Why the server's certificate did not verify; `relay` as in `relay=`. */
  | { readonly kind: 'certificate'; readonly relay: string; readonly reason: string }
  | { readonly kind: 'active'; readonly queueId: string; readonly sender: string }
  | { readonly kind: 'expired'; readonly queueId: string }
  | { readonly kind: 'removed'; readonly queueId: string }
  | { readonly kind: 'messageId'; readonly queueId: string; readonly messageId: string }
  | {
      readonly kind: 'client';
      readonly queueId: string;
      readonly client: string;
      readonly origQueueId: string | null;
    }
  /** A notification about `of` was made under `queueId`. */
  | { readonly kind: 'notification'; readonly queueId: string; readonly of: string }
  | { readonly kind: 'refusal'; readonly refusal: Refusal };

const QUEUE_ID = /^[0-9A-Za-z]{5,40}$/;
/** What every program may write in front of its own words. */
const LEVELS = new Set(['warning', 'error', 'fatal', 'panic', 'TLSRPT', 'statistics', 'NOQUEUE']);

type Reader = (text: string) => PostfixEvent | null;

/** By the last part of the program's name. tlsproxy repeats what smtp says. */
const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['smtp', clientLine],
  ['lmtp', clientLine],
  ['local', agentLine],
  ['virtual', agentLine],
  ['pipe', agentLine],
  ['error', agentLine],
  ['retry', agentLine],
  ['discard', agentLine],
  ['qmgr', queueLine],
  ['oqmgr', queueLine],
  ['nqmgr', queueLine],
  ['cleanup', cleanupLine],
  ['smtpd', serverLine],
  ['bounce', bounceLine],
]);

/** The part of a program's name that says which program it is: `smtp` of `postfix-out/smtp`. */
export function postfixProgram(program: string): string | null {
  const slash = program.lastIndexOf('/');
  return slash < 0 ? null : program.slice(slash + 1);
}

/** null: it says nothing of this, or is no line of Postfix. */
export function parsePostfixLine({ program, text }: Pick<LogLine, 'program' | 'text'>): PostfixEvent | null {
  const name = postfixProgram(program);
  const reader = name === null ? undefined : READERS.get(name);
  return reader === undefined ? null : reader(text);
}

/** Length of the queue id that the text begins with; 0: none. */
function queueIdLength(text: string): number {
  const colon = text.indexOf(': ');
  if (colon < 5 || colon > 40) return 0;
  const id = text.slice(0, colon);
  return QUEUE_ID.test(id) && !LEVELS.has(id) ? colon : 0;
}

/** smtp, lmtp */
function clientLine(text: string): PostfixEvent | null {
  const session = parseTlsLine(text);
  if (session !== null) return { kind: 'tls', session };
  const length = queueIdLength(text);
  if (length > 0) {
    const delivery = deliveryLine(text, length);
    if (delivery !== null) return delivery;
    // also what a host said of a recipient: the next try may go to the same address again, without TLS
    return { kind: 'trouble' };
  }
  if (text.startsWith('TLSRPT: ')) return tlsrptLine(text);
  const certificate = certificateLine(text);
  if (certificate !== null) return certificate;
  if (text.startsWith('warning: ') && text.includes('cleartext fallback')) return { kind: 'trouble' };
  return null;
}

/** Delivery agents that have no connection. */
function agentLine(text: string): PostfixEvent | null {
  const length = queueIdLength(text);
  return length === 0 ? null : deliveryLine(text, length);
}

function deliveryLine(text: string, length: number): PostfixEvent | null {
  if (!text.startsWith('to=', length + 2)) return null;
  const queueId = text.slice(0, length);
  const delivery = parseDelivery(text.slice(length + 2));
  return delivery === null ? { kind: 'unreadable', queueId } : { kind: 'delivery', queueId, delivery };
}

/** qmgr */
function queueLine(text: string): PostfixEvent | null {
  const length = queueIdLength(text);
  if (length === 0) return null;
  const queueId = text.slice(0, length);
  const at = length + 2;
  if (text.length === at + 7 && text.endsWith('removed')) return { kind: 'removed', queueId };
  if (!text.startsWith('from=<', at)) return null;
  const end = endOfAddress(text, at + 6);
  if (end < 0) return null;
  if (text.startsWith(', status=', end + 1)) {
    const status = text.slice(end + 10);
    return status.startsWith('expired') || status.startsWith('force-expired')
      ? { kind: 'expired', queueId }
      : null;
  }
  return { kind: 'active', queueId, sender: text.slice(at + 6, end) };
}

function cleanupLine(text: string): PostfixEvent | null {
  const length = queueIdLength(text);
  if (length === 0) return text.startsWith('NOQUEUE: ') ? refusalLine(text, null, 9) : null;
  const queueId = text.slice(0, length);
  if (text.startsWith('message-id=', length + 2))
    return { kind: 'messageId', queueId, messageId: text.slice(length + 13) };
  return refusalLine(text, queueId, length + 2);
}

function serverLine(text: string): PostfixEvent | null {
  if (text.startsWith('NOQUEUE: ')) return refusalLine(text, null, 9);
  const length = queueIdLength(text);
  if (length === 0) return null;
  const queueId = text.slice(0, length);
  if (!text.startsWith('client=', length + 2)) return refusalLine(text, queueId, length + 2);
  const fields = text.slice(length + 9).split(', ', 10);
  // only a name of ours may stand in front of it: `sasl_sender` is what a client wrote behind AUTH=
  const original = fields[1]?.startsWith('orig_queue_id=') === true ? fields[1].slice(14) : '';
  const origQueueId = QUEUE_ID.test(original) ? original : null;
  return { kind: 'client', queueId, client: fields[0]!, origQueueId };
}

function refusalLine(text: string, queueId: string | null, at: number): PostfixEvent | null {
  const refusal = parseRefusal(text, queueId, at);
  return refusal === null ? null : { kind: 'refusal', refusal };
}

const NOTIFICATION =
  /^(?:sender|postmaster) (?:non-)?deliver[a-z]* (?:status )?notification: ([0-9A-Za-z]{5,40})$/;
const DELAY_NOTICE = /^sender delay notification: ([0-9A-Za-z]{5,40})$/;

function bounceLine(text: string): PostfixEvent | null {
  const length = queueIdLength(text);
  if (length === 0 || text.length > length + 120) return null;
  const rest = text.slice(length + 2);
  const match = NOTIFICATION.exec(rest) ?? DELAY_NOTICE.exec(rest);
  return match === null ? null : { kind: 'notification', queueId: match[1]!, of: text.slice(0, length) };
}

const FAILED = 'certificate verification failed for ';
const MAX_RELAY = 400;

/** `[server ]certificate verification failed for HOST[ADDRESS]:PORT: REASON` (tls_verify.c, tls_client.c) */
function certificateLine(text: string): PostfixEvent | null {
  const at = text.startsWith('server ') ? 'server '.length : 0;
  if (!text.startsWith(FAILED, at)) return null;
  const begin = at + FAILED.length;
  const end = text.indexOf(': ', begin);
  if (end < 0 || end - begin > MAX_RELAY) return null;
  return { kind: 'certificate', relay: text.slice(begin, end), reason: text.slice(end + 2) };
}

/** `TLSRPT: status=S, domain=D, receiving_mx=M[, failure_type=F[, failure_reason=TEXT]]` */
function tlsrptLine(text: string): PostfixEvent | null {
  const fields = new Map<string, string>();
  let at = 'TLSRPT: '.length;
  while (at < text.length) {
    const equals = text.indexOf('=', at);
    if (equals < 0 || equals - at > 40) break;
    const name = text.slice(at, equals);
    // the reason is the other server's, to the end
    const comma = name === 'failure_reason' ? -1 : text.indexOf(', ', equals);
    const end = comma < 0 ? text.length : comma;
    if (!fields.has(name)) fields.set(name, text.slice(equals + 1, end));
    at = end + 2;
  }
  const status = fields.get('status');
  const domain = fields.get('domain');
  if ((status !== 'success' && status !== 'failure') || domain === undefined) return null;
  const report = {
    ok: status === 'success',
    domain,
    mx: fields.get('receiving_mx') ?? '',
    failure: fields.get('failure_type') ?? null,
    reason: fields.get('failure_reason') ?? null,
  };
  return { kind: 'tlsrpt', report };
}
