/**
 * The line of an accepted message, written by hand: there is one for each message, and a general serializer takes as
 * long for it as the decision. It is what pino would write for `briefFields`, byte by byte (test/log/acceptedLine.test.ts).
 */
import type { EnvelopeAddress } from '../core/address.ts';
import { escapeText } from '../core/escape.ts';
import type { TlsState } from '../core/tls.ts';
import { describeTls } from '../receive/describeVerdict.ts';
import { listed } from './listed.ts';
import { MAX_RECIPIENTS, patternOf, shownNotes, shownRoute, type VerdictRecord } from './verdictFields.ts';

/** Longest text that is looked at to see whether it needs no escaping. */
const MAX_PLAIN = 128;
/** Printable ASCII that neither `escapeText` nor JSON writes in another way. */
const PLAIN = /^[\x20-\x21\x23-\x5b\x5d-\x7e]*$/;
const CONTROL = /[\0-\x1f]/;

/** The line with its end, of a record for which `briefFields` are written; `time`: as pino's time field, `,"time":"..."`. */
export function acceptedLine(record: VerdictRecord, time: string): string {
  const { transaction: tx, verdict } = record;
  const sender = tx.sender === null ? '""' : address(tx.sender);
  let line =
    `{"level":30${time},"event":"tx.verdict","code":"${record.code}","protocol":"${tx.protocol}","stage":"${tx.stage}",` +
    `"action":"${verdict.action}","conn":${record.conn},"client":${foreign(tx.clientAddress)},"sender":${sender},` +
    `"recipients":${addresses(tx.recipients)},"tls":${session(tx.tls)}`;
  const pattern = patternOf(verdict);
  if (pattern !== undefined) line += `,"row":${own(pattern)}`;
  if (tx.queueId !== '') line += `,"queueId":${foreign(tx.queueId)}`;
  if (tx.saslUsername !== '') line += `,"saslUsername":${foreign(tx.saslUsername)}`;
  if (tx.tls.kind === 'tls' && tx.tls.certificate.kind !== 'none') {
    const { certificate } = tx.tls;
    line += `,"certificate":"${certificate.kind}"`;
    if (certificate.kind === 'trusted') line += `,"commonName":${foreign(certificate.commonName)}`;
  }
  if (record.route !== undefined) {
    const { rule, route } = shownRoute(record.route);
    line += `,"rule":${own(rule)},"route":${own(route)}`;
  }
  if (record.notes.length > 0) line += `,"notes":${JSON.stringify(shownNotes(record.notes))}`;
  return `${line},"msg":"accepted"}\n`;
}

/** A text of a peer as a JSON string. */
function foreign(text: string): string {
  return text.length <= MAX_PLAIN && PLAIN.test(text) ? `"${text}"` : own(escapeText(text));
}

/** A text of ours as a JSON string, as pino writes it: a short one without control characters in a simpler way. */
function own(text: string): string {
  if (text.length > 100 || CONTROL.test(text)) return JSON.stringify(text);
  return PLAIN.test(text) ? `"${text}"` : `"${text.replace(/["\\]/g, '\\$&')}"`;
}

function address({ text }: EnvelopeAddress): string {
  return foreign(text);
}

function addresses(recipients: readonly EnvelopeAddress[]): string {
  if (recipients.length === 1) return address(recipients[0]!);
  const shown = recipients.slice(0, MAX_RECIPIENTS).map(({ text }) => escapeText(text));
  return JSON.stringify(listed(shown, MAX_RECIPIENTS, recipients.length));
}

function session(tls: TlsState): string {
  if (tls.kind !== 'tls') return `"${describeTls(tls)}"`;
  const { protocol, cipher, bits } = tls;
  // tried one by one: a text put together would have to be copied to be looked at
  const plain = protocol.length <= MAX_PLAIN && cipher.length <= MAX_PLAIN;
  if (plain && PLAIN.test(protocol) && PLAIN.test(cipher)) return `"${protocol} ${cipher} ${bits ?? '?'}"`;
  return own(describeTls(tls));
}
