/**
 * A verdict as a record of the evidence, made from the fields of its log line wherever these have the same text.
 * Written by hand, field by field, because there is one for each message: less than 4 µs (test/bench). The fields
 * are in src/evidence/recordSchema.ts.
 */
import type { EnvelopeAddress } from '../core/address.ts';
import { escapeText } from '../core/escape.ts';
import { formatPosition } from '../core/position.ts';
import type { Row } from '../core/table.ts';
import type { TlsState } from '../core/tls.ts';
import { addressText, lineHead, patternText, quoted, withoutLocalParts } from '../evidence/lineText.ts';
import type { VerdictFields, VerdictRecord } from '../log/verdictFields.ts';

const MAX_RECIPIENTS = 50;
/** Of all recipients that are named, in characters. */
const MAX_NAMED = 12_288;
const MAX_DOMAINS = 500;
/** Of all domains that are named, in characters. */
const MAX_DOMAIN_TEXT = 16_384;
/** Characters of one text of a peer. */
const MAX_TEXT = 256;

let stampedMs = Number.NaN;
let stamp = '';

/** ISO 8601; made once per millisecond, because under load there are many records in one. */
function isoTime(timeMs: number): string {
  if (timeMs !== stampedMs) {
    stamp = new Date(timeMs).toISOString();
    stampedMs = timeMs;
  }
  return stamp;
}

/** The record without its beginning (evidence/lineText.ts); `fields`: those of the log line. */
export function verdictText(record: VerdictRecord, fields: VerdictFields, host: string): string {
  const { transaction: tx, verdict, reply } = record;
  const { decisive } = verdict;
  let text = `${lineHead(isoTime(record.timeMs), 'verdict', host)},"code":"${record.code}","leg":"inbound","protocol":"${tx.protocol}","stage":"${tx.stage}"`;
  if (fields.queueId !== undefined) text += `,"queueId":${quoted(fields.queueId as string)}`;
  if (tx.clientAddress !== '') text += `,"client":${quoted(fields.client as string)}`;
  if (tx.heloName !== '') text += `,"helo":${quoted(escapeText(tx.heloName))}`;
  if (tx.sender !== null) {
    text += `,"sender":${addressText(tx.sender.text)}`;
    if (tx.sender.domain !== '') text += `,"senderDomain":${quoted(tx.sender.domain)}`;
  }
  text += recipientsText(tx.recipients);
  text += `,"tls":${tlsText(verdict.judged === 'judged' ? verdict.tls : tx.tls)}`;
  const row = decisive?.row;
  if (row != null) text += `,"row":${rowText(row)}`;
  text += `,"table":{"hash":"${record.tableHash}","generation":${record.generation}},"action":"${verdict.action}"`;
  if (verdict.wouldBe !== null) text += `,"would":"${verdict.wouldBe}"`;
  if (verdict.tagged) text += ',"tagged":true';
  if (verdict.judged !== 'judged') text += `,"notJudged":"${verdict.judged}"`;
  if (decisive?.breach != null) {
    text += `,"breach":"${decisive.breach.kind}"`;
    const because = fields.because as readonly string[] | undefined;
    if (because !== undefined)
      text += `,"because":[${because.map((one) => quoted(withoutLocalParts(one))).join(',')}]`;
  }
  if (fields.rule !== undefined)
    text += `,"rule":${quoted(fields.rule as string)},"route":${quoted(withoutLocalParts(fields.route as string))}`;
  if (record.mark !== undefined) text += `,"mark":${quoted(record.mark)}`;
  if (reply !== null)
    text += `,"reply":${quoted(withoutLocalParts(`${reply.code} ${reply.dsn} ${reply.text}`))}`;
  return `${text}}`;
}

function recipientsText(recipients: readonly EnvelopeAddress[]): string {
  const [first] = recipients;
  if (recipients.length === 1 && first !== undefined) {
    const domain = first.domain === '' ? '' : quoted(first.domain);
    return `,"recipients":[${addressText(first.text)}],"recipientDomains":[${domain}],"recipientCount":1`;
  }
  const named: string[] = [];
  let room = MAX_NAMED;
  for (const { text } of recipients) {
    room -= text.length;
    if (named.length === MAX_RECIPIENTS || (room < 0 && named.length > 0)) break;
    named.push(addressText(text));
  }
  const domains = new Set<string>();
  for (const { domain } of recipients) if (domain !== '') domains.add(domain);
  const shown: string[] = [];
  room = MAX_DOMAIN_TEXT;
  for (const domain of domains) {
    room -= domain.length;
    if (shown.length === MAX_DOMAINS || room < 0) break;
    shown.push(quoted(domain));
  }
  const more = domains.size > shown.length ? `,"moreDomains":${domains.size - shown.length}` : '';
  return `,"recipients":[${named.join(',')}],"recipientDomains":[${shown.join(',')}]${more},"recipientCount":${recipients.length}`;
}

function tlsText(tls: TlsState): string {
  if (tls.kind !== 'tls') return tls.kind === 'plain' ? '{"state":"plain"}' : '{"state":"unknown"}';
  const { certificate } = tls;
  let text = `{"state":"tls","protocol":${quoted(escapeText(tls.protocol, MAX_TEXT))},"cipher":${quoted(escapeText(tls.cipher, MAX_TEXT))}`;
  if (tls.bits !== null) text += `,"bits":${tls.bits}`;
  text += `,"certificate":"${certificate.kind}"`;
  if (certificate.kind === 'trusted' && certificate.commonName !== '')
    text += `,"commonName":${quoted(withoutLocalParts(escapeText(certificate.commonName, MAX_TEXT)))}`;
  if (certificate.kind === 'trusted' || certificate.kind === 'untrusted') {
    // the last is the one with the strongest digest that the MTA reports
    const digest = certificate.fingerprints.at(-1);
    if (digest !== undefined) text += `,"fingerprint":${quoted(escapeText(digest, MAX_TEXT))}`;
  }
  return `${text}}`;
}

function rowText({ pattern, at, settings }: Row): string {
  const shown = pattern.length > MAX_TEXT && !pattern.includes('@') ? pattern.slice(0, MAX_TEXT) : pattern;
  return `{"pattern":${patternText(shown)},"at":${quoted(formatPosition(at))},"level":"${settings.receive}","mode":"${settings.mode}"}`;
}
