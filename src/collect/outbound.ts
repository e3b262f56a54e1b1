/**
 * Delivery lines as fields of records.
 */
import { canonicalDomain, canonicalLiteral } from '../core/domain.ts';
import { escapeText } from '../core/escape.ts';
import { Mailbox, withoutLocalParts } from '../evidence/lineText.ts';
import type { DeliveryFields } from './deliveryFields.ts';
import type { OutboundTls, Produced } from './produced.ts';
import { hostOf, type SendmailDelivery } from './sendmailLines.ts';
import { parseTlsFeature } from './tlsFeature.ts';

type Outcome = 'sent' | 'deferred' | 'bounced' | 'expired';

const OUTCOMES: ReadonlyMap<string, Outcome> = new Map<string, Outcome>([
  ['sent', 'sent'],
  ['deferred', 'deferred'],
  ['bounced', 'bounced'],
  ['expired', 'expired'],
  ['SOFTBOUNCE', 'deferred'],
]);

const MAX_REPLY = 512;
const MAX_WHY = 256;

/** null: no delivery of a message, such as a probe of an address (verify(8)). */
export function outcomeOf(status: string): Outcome | null {
  return OUTCOMES.get(status) ?? null;
}

/** By the enhanced status code (RFC 3463), else by Sendmail's word; null: nothing happened yet (`queued`). */
export function sendmailOutcome({ dsn, stat }: SendmailDelivery): Outcome | null {
  if (stat.startsWith('queued')) return null;
  if (stat.startsWith('Sent')) return dsn === null || dsn.startsWith('2') ? 'sent' : null;
  if (dsn?.startsWith('2')) return 'sent';
  if (dsn?.startsWith('4') || stat.startsWith('Deferred')) return 'deferred';
  return 'bounced';
}

/**
 * The part of a text that records may hold: no local parts, printable, bounded. `addresses`: whose local parts must
 * not stand in it by themselves either, as in `<alice>: User unknown`.
 */
export function shown(text: string, addresses: readonly (string | null)[] = [], limit = MAX_REPLY): string {
  let said = withoutLocalParts(text.slice(0, 2 * limit));
  for (const address of addresses) if (address !== null) said = withoutWord(said, localPartOf(address));
  return escapeText(said, limit);
}

function localPartOf(address: string): string {
  const at = address.lastIndexOf('@');
  const local = at < 0 ? address : address.slice(0, at);
  return local.length > 1 && local.startsWith('"') && local.endsWith('"') ? local.slice(1, -1) : local;
}

/** Of a word, for one that a local part is compared with. */
const WORD = /[\p{L}\p{N}]/u;
/** An address that everybody has is no secret (RFC 5321 section 4.5.1). */
const NO_SECRET = /^(?:postmaster|mailer-daemon)$/i;

/** A shorter one would hit other words (`type=A`), so it counts in angle brackets only. */
const SHORT = 3;

/** `*` in place of the word wherever it stands by itself, in upper or lower case. */
function withoutWord(text: string, word: string): string {
  if (word === '' || word.length > text.length || NO_SECRET.test(word)) return text;
  const lower = text.toLowerCase();
  const sought = word.toLowerCase();
  // few letters change their length with their case; such a text is compared as it is
  const [where, what] = lower.length === text.length ? [lower, sought] : [text, word];
  let kept = '';
  let from = 0;
  for (let at = where.indexOf(what); at >= 0; at = where.indexOf(what, at + 1)) {
    const before = where[at - 1] ?? '';
    const behind = where[at + what.length] ?? '';
    const alone =
      what.length < SHORT ? before === '<' && behind === '>' : !WORD.test(before) && !WORD.test(behind);
    if (at < from || !alone) continue;
    kept += `${text.slice(from, at)}*`;
    from = at + what.length;
  }
  return kept + text.slice(from);
}

/** Canonical domain or literal of an address as Postfix logs it. */
export function domainOfAddress(address: string): string | undefined {
  const at = address.lastIndexOf('@');
  if (at < 0 || address.length - at > 1024) return undefined;
  const written = address.slice(at + 1);
  return (written.startsWith('[') ? canonicalLiteral(written) : canonicalDomain(written)) ?? undefined;
}

type Fields = Produced['fields'];

/** `HOST[ADDRESS]:PORT` or `HOST[ADDRESS]`; undefined: no host. */
function relayOf(text: string): Record<string, string | number> | undefined {
  const open = text.lastIndexOf('[');
  const close = text.indexOf(']', open);
  if (open <= 0 || close < 0) return undefined;
  const port = /^:([0-9]{1,5})$/.exec(text.slice(close + 1, close + 7));
  return {
    host: escapeText(text.slice(0, open)),
    address: escapeText(text.slice(open + 1, close)),
    ...(port === null ? {} : { port: Number(port[1]) }),
  };
}

/** `HOST. [ADDRESS]` of Sendmail. */
function sendmailRelay(text: string): Record<string, string | number> | undefined {
  if (text === '') return undefined;
  const open = text.indexOf(' [');
  const close = text.indexOf(']', open);
  const host = escapeText(hostOf(text));
  return open < 0 || close < 0 ? { host } : { host, address: escapeText(text.slice(open + 2, close)) };
}

export interface About {
  readonly queueId: string;
  readonly sender: string | null;
  readonly agent: string;
  readonly outcome: Outcome;
  readonly tls: OutboundTls;
}

function common(about: About, recipient: string): Fields {
  return {
    leg: 'outbound',
    queueId: about.queueId,
    sender: about.sender === null ? undefined : new Mailbox(about.sender),
    recipient: new Mailbox(recipient),
    recipientDomain: domainOfAddress(recipient),
  };
}

export function postfixDelivery(about: About, delivery: DeliveryFields): Fields {
  const feature = delivery.tls === null ? null : parseTlsFeature(delivery.tls);
  return {
    ...common(about, delivery.to),
    origTo: delivery.origTo === null ? undefined : new Mailbox(delivery.origTo),
    relay: relayOf(delivery.relay),
    tls: tlsFields(about.tls),
    demanded:
      feature === null || feature.level === 'unknown' ? undefined : { level: feature.level, from: 'tls=' },
    outcome: about.outcome,
    dsn: dsnOf(delivery.dsn),
    reply: shown(delivery.text, [about.sender, delivery.to, delivery.origTo]),
    delay: delivery.delay ?? undefined,
    agent: escapeText(about.agent),
  };
}

/** `why`: what a rule set of this host said before. */
export function sendmailDelivery(
  about: About,
  delivery: SendmailDelivery,
  recipient: string,
  why: string | null,
): Fields {
  return {
    ...common(about, recipient),
    relay: sendmailRelay(delivery.relay),
    tls: tlsFields(about.tls),
    outcome: about.outcome,
    dsn: dsnOf(delivery.dsn),
    reply: shown(why === null ? delivery.stat : `${delivery.stat}; ${why}`, [about.sender, recipient]),
    delay: delivery.delay ?? undefined,
    agent: escapeText(about.agent),
  };
}

/** The words of a TLS line come from the MTA's own library, but a relay name or cipher is bounded and escaped all the same. */
function tlsFields(tls: OutboundTls): Record<string, string | number | boolean | undefined> {
  return {
    ...tls,
    protocol: tls.protocol === undefined ? undefined : escapeText(tls.protocol),
    cipher: tls.cipher === undefined ? undefined : escapeText(tls.cipher),
    why: tls.why === undefined ? undefined : shown(tls.why, [], MAX_WHY),
  };
}

function dsnOf(dsn: string | null): string | undefined {
  return dsn !== null && /^[245]\.[0-9]{1,3}\.[0-9]{1,3}$/.test(dsn) ? dsn : undefined;
}
