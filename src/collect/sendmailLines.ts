/**
 * The lines of Sendmail's log that tell what became of a message (8.15 to 8.18). Pure, read from the left.
 *
 *   STARTTLS=client, relay=mx.example., version=TLSv1.3, verify=OK, cipher=NAME, bits=256/256
 *   ID: to=<A>,<B>, ctladdr=..., delay=00:00:01, ..., relay=mx.example. [192.0.2.1], dsn=2.0.0, stat=Sent (TEXT)
 *   ID: from=<A>, size=1, class=0, nrcpts=1, msgid=<M>, proto=ESMTP, daemon=MTA, relay=HOST [ADDR]
 */
import { endOfAddress } from './deliveryFields.ts';
import type { TlsSession } from './tlsLine.ts';

export interface SendmailDelivery {
  readonly recipients: readonly string[];
  /** Recipients that were not kept: there were too many, or Sendmail cut the list. */
  readonly more: boolean;
  /** `HOST. [ADDRESS]`; '' when none is named. */
  readonly relay: string;
  readonly mailer: string;
  readonly dsn: string | null;
  /** Seconds since it came, and of this attempt. */
  readonly delay: number | null;
  readonly attempt: number | null;
  /** `Sent (TEXT)`, `Deferred: TEXT`, `User unknown`. */
  readonly stat: string;
}

export type SendmailEvent =
  | { readonly kind: 'tls'; readonly session: TlsSession }
  /** A new connection begins, or one ends: nothing of an earlier one holds. */
  | { readonly kind: 'connect' | 'closed' }
  | { readonly kind: 'delivery'; readonly queueId: string; readonly delivery: SendmailDelivery }
  | { readonly kind: 'unreadable'; readonly queueId: string }
  | {
      readonly kind: 'from';
      readonly queueId: string;
      readonly sender: string;
      readonly messageId: string | null;
      readonly client: string | null;
    }
  /** A rule set turned something away; with a queue id and `tls_`, what is about to be sent. */
  | {
      readonly kind: 'rejected';
      readonly queueId: string | null;
      readonly ruleset: string;
      readonly argument: string;
      readonly relay: string;
      readonly reply: string;
    }
  | { readonly kind: 'notification'; readonly queueId: string; readonly of: string }
  | { readonly kind: 'removed'; readonly queueId: string };

/** `sm-mta`, `sm-msp-queue`, `sendmail`, `sm-mta-rx`. */
export function isSendmail(program: string): boolean {
  return program.startsWith('sm-m') || program.startsWith('sendmail');
}

/** confOPERATORS: letters and digits, then the process id (queue.c, 8.12 and later). */
const QUEUE_ID = /^[0-9A-Za-z]{8,24}$/;
const MAX_RECIPIENTS = 500;
const MAX_VALUE = 4096;

export function parseSendmailLine(text: string): SendmailEvent | null {
  if (text.startsWith('STARTTLS=client, ')) return tlsLine(text);
  if (text.startsWith('ruleset=')) return rulesetLine(text, null, 0);
  const colon = text.indexOf(': ');
  if (colon < 8 || colon > 24) return null;
  const queueId = text.slice(0, colon);
  if (!QUEUE_ID.test(queueId)) return null;
  const at = colon + 2;
  if (text.startsWith('to=', at)) {
    const delivery = deliveryOf(text, at + 3);
    return delivery === null ? { kind: 'unreadable', queueId } : { kind: 'delivery', queueId, delivery };
  }
  if (text.startsWith('from=', at)) return fromLine(text, queueId, at + 5);
  if (text.startsWith('SMTP outgoing connect on ', at)) return { kind: 'connect' };
  if (text.startsWith('ruleset=', at)) return rulesetLine(text, queueId, at);
  if (text.startsWith('done; ', at)) return { kind: 'removed', queueId };
  const second = text.indexOf(': ', at);
  const made = second < 0 ? '' : text.slice(at, second);
  if (
    QUEUE_ID.test(made) &&
    /^(?:DSN|return to sender|postmaster notify): /.test(text.slice(second + 2, second + 24))
  )
    return { kind: 'notification', queueId: made, of: queueId };
  return null;
}

/** `verify=` in the words that Postfix uses: NO and NOT say that the server sent no certificate, or none was asked for. */
const PEERS: Readonly<Record<string, string>> = { OK: 'trusted', TRUSTED: 'verified', NO: 'anonymous' };

function tlsLine(text: string): SendmailEvent | null {
  // a session that failed: what comes next is another one, or none
  if (/^STARTTLS=client, (?:SSL_shutdown|error)/.test(text)) return { kind: 'closed' };
  const fields = fieldsOf(text, 'STARTTLS=client, '.length, 12);
  const relay = fields.get('relay');
  const cipher = fields.get('cipher');
  const bits = /^([0-9]{1,5})\//.exec(fields.get('bits') ?? '');
  if (relay === undefined || cipher === undefined || bits === null) return null;
  const peer = PEERS[fields.get('verify') ?? ''] ?? 'untrusted';
  const protocol = fields.get('version') ?? '';
  const session = { relay: hostOf(relay), peer, reused: false, protocol, cipher, bits: Number(bits[1]) };
  return { kind: 'tls', session };
}

/** `HOST. [ADDRESS]` to the host, lower case, without the dot. */
export function hostOf(relay: string): string {
  const space = relay.indexOf(' ');
  const host = space < 0 ? relay : relay.slice(0, space);
  return (host.endsWith('.') ? host.slice(0, -1) : host).toLowerCase();
}

function deliveryOf(text: string, start: number): SendmailDelivery | null {
  const recipients: string[] = [];
  let more = false;
  let at = start;
  while (text[at] === '<') {
    const end = endOfAddress(text, at + 1);
    if (end < 0) return null;
    if (recipients.length < MAX_RECIPIENTS) recipients.push(text.slice(at + 1, end));
    else more = true;
    at = end + 1;
    if (text[at] !== ',' || text[at + 1] === ' ') break;
    at++;
  }
  if (recipients.length === 0 || !text.startsWith(', ', at)) {
    // a local name, a program, a file: up to the next field
    const end = text.indexOf(', ', at);
    if (end < 0) return null;
    if (recipients.length === 0) recipients.push(text.slice(at, end));
    else more = true;
    at = end;
  }
  // a controlling address may hold what looks like fields
  if (text.startsWith(', ctladdr=<', at)) {
    const end = endOfAddress(text, at + ', ctladdr=<'.length);
    if (end < 0) return null;
    at = text.indexOf(', ', end);
    if (at < 0) return null;
  }
  const said = saidAt(text, at);
  if (said < 0) return null;
  const fields = fieldsOf(text.slice(0, said), at + 2, 30);
  return {
    recipients,
    more,
    relay: fields.get('relay') ?? '',
    mailer: fields.get('mailer') ?? '',
    dsn: fields.get('dsn') ?? null,
    delay: secondsOf(fields.get('delay')),
    attempt: secondsOf(fields.get('xdelay')),
    stat: text.slice(said + (text.startsWith(', stat=', said) ? ', stat='.length : ', '.length)),
  };
}

/** `00:00:01`, `2+00:00:01` with days. */
function secondsOf(text = ''): number | null {
  const match = /^(?:([0-9]{1,4})\+)?([0-9]{2}):([0-9]{2}):([0-9]{2})$/.exec(text);
  if (match === null) return null;
  const [, days = 0, hours, minutes, seconds] = match;
  return Number(days) * 86_400 + Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}

/** Where the words of the other server begin: at `, reply=`, which newer releases write first, or `, stat=`. */
function saidAt(text: string, at: number): number {
  const stat = text.indexOf(', stat=', at);
  const reply = text.indexOf(', reply=', at);
  return reply >= 0 && reply < stat ? reply : stat;
}

/** `NAME=VALUE, NAME=VALUE`; the first of each name counts. */
function fieldsOf(text: string, start: number, most: number): Map<string, string> {
  const fields = new Map<string, string>();
  let at = start;
  for (let i = 0; i < most && at < text.length; i++) {
    const comma = text.indexOf(', ', at);
    const end = comma < 0 ? text.length : comma;
    const equals = text.indexOf('=', at);
    if (equals > at && equals < end && end - equals <= MAX_VALUE) {
      const name = text.slice(at, equals);
      if (!fields.has(name)) fields.set(name, text.slice(equals + 1, end));
    }
    at = end + 2;
  }
  return fields;
}

const RELAY = ', relay=';

function fromLine(text: string, queueId: string, start: number): SendmailEvent | null {
  const bracket = text[start] === '<';
  const end = bracket ? endOfAddress(text, start + 1) : text.indexOf(', ', start);
  if (end < 0) return null;
  const sender = text.slice(bracket ? start + 1 : start, end);
  // the sender chose the Message-ID: only behind it is the client named, last
  const fields = fieldsOf(text, end + (bracket ? 3 : 2), 20);
  const messageId = fields.get('msgid') ?? null;
  const relay = text.lastIndexOf(RELAY);
  const client = relay < end ? null : text.slice(relay + RELAY.length);
  return { kind: 'from', queueId, sender, messageId, client };
}

/** `ruleset=NAME, arg1=A, [arg2=B,] relay=R, reject=REPLY` */
function rulesetLine(text: string, queueId: string | null, at: number): SendmailEvent | null {
  const reject = text.indexOf(', reject=', at);
  if (reject < 0) return null;
  const fields = fieldsOf(text.slice(0, reject), at, 8);
  const ruleset = fields.get('ruleset') ?? '';
  const argument = fields.get('arg1') ?? '';
  return {
    kind: 'rejected',
    queueId,
    ruleset,
    argument: argument.startsWith('<') && argument.endsWith('>') ? argument.slice(1, -1) : argument,
    relay: fields.get('relay') ?? '',
    reply: text.slice(reject + ', reject='.length),
  };
}
