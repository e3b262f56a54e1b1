/**
 * A verdict as a record of the evidence, with the texts that its log line has wherever both have the same field.
 * Written by hand, field by field, because there is one for each message: less than 4 µs (test/bench). The fields
 * are in src/evidence/recordSchema.ts.
 */
import type { EnvelopeAddress } from '../core/address.ts';
import { canonicalDomain } from '../core/domain.ts';
import { escapeText } from '../core/escape.ts';
import { formatPosition } from '../core/position.ts';
import type { Row } from '../core/table.ts';
import type { TlsState } from '../core/tls.ts';
import type { Transaction } from '../core/transaction.ts';
import {
  addressText,
  foreignText,
  lineHead,
  patternText,
  quoted,
  withoutLocalParts,
} from '../evidence/lineText.ts';
import { shownRoute, type VerdictFields, type VerdictRecord } from '../log/verdictFields.ts';

const MAX_RECIPIENTS = 50;
/** Of all recipients that are named, in characters. */
const MAX_NAMED = 12_288;
const MAX_DOMAINS = 500;
/** Of all domains that are named, in characters. */
const MAX_DOMAIN_TEXT = 16_384;
/** Characters of one text of a peer. */
const MAX_TEXT = 256;
const MAX_PORT = 65_535;

/** Of the head that was made last: under load there are many records in a millisecond. */
let stampedMs = Number.NaN;

/** Texts of what many records have in common, by what they are made of; bounded, and begun anew when it is full. */
class Made<K, V> {
  readonly #texts = new Map<K, V>();

  get(key: K): V | undefined {
    return this.#texts.get(key);
  }

  set(key: K, value: V): V {
    if (this.#texts.size === MAX_MADE) this.#texts.clear();
    this.#texts.set(key, value);
    return value;
  }
}

const MAX_MADE = 1024;
/** Longest key of one, in characters. */
const MAX_KEY = 256;

/**
 * The record without its beginning (evidence/lineText.ts); `fields`: those of the log line, null for a plain accept,
 * which has no reasons.
 */
export function verdictText(record: VerdictRecord, fields: VerdictFields | null, host: string): string {
  const { transaction: tx, verdict, reply } = record;
  const { decisive } = verdict;
  let text = `${head(record.timeMs, host)}${record.code}","leg":"inbound","protocol":"${tx.protocol}","stage":"${tx.stage}"`;
  if (tx.queueId !== '') text += `,"queueId":${foreignText(tx.queueId)}`;
  if (tx.clientAddress !== '') text += `,"client":${foreignText(tx.clientAddress)}`;
  if (tx.clientPort > 0 && tx.clientPort <= MAX_PORT) text += `,"clientPort":${tx.clientPort}`;
  if (tx.heloName !== '') text += `,"helo":${heloText(tx.heloName)}`;
  if (tx.saslUsername !== '') text += ',"login":true';
  if (tx.sender !== null) {
    // a canonical domain has nothing that JSON would escape
    const { text: written, domain } = tx.sender;
    text += `,"sender":${addressText(written)}${domain === '' ? '' : `,"senderDomain":"${domain}"`}`;
  }
  const tls = tlsText(verdict.judged === 'judged' ? verdict.tls : tx.tls);
  const row = decisive?.row;
  text += `${recipientsText(tx.recipients)}${doubtsText(tx)}${tls}${row == null ? '' : rowText(row)}${tableText(record)}${verdict.action}"`;
  if (verdict.wouldBe !== null) text += `,"would":"${verdict.wouldBe}"`;
  if (verdict.tagged) text += ',"tagged":true';
  if (verdict.judged !== 'judged') text += `,"notJudged":"${verdict.judged}"`;
  if (decisive?.breach != null) {
    text += `,"breach":"${decisive.breach.kind}"`;
    const because = fields?.because as readonly string[] | undefined;
    if (because !== undefined)
      text += `,"because":[${because.map((one) => quoted(reasonText(one))).join(',')}]`;
  }
  if (record.route !== undefined) {
    const { rule, route } = shownRoute(record.route);
    text += `,"rule":${quoted(rule)},"route":${quoted(withoutLocalParts(route))}`;
  }
  if (record.mark !== undefined) text += `,"mark":${quoted(record.mark)}`;
  if (reply !== null)
    text += `,"reply":${quoted(withoutLocalParts(`${reply.code} ${reply.dsn} ${reply.text}`))}`;
  return `${text}}`;
}

function heloText(helo: string): string {
  return helo.includes('@') ? quoted(withoutLocalParts(escapeText(helo))) : foreignText(helo);
}

/** Sides with which a reason begins, and what stands behind the address (receive/describeVerdict.ts). */
const SIDES = ['sender ', 'recipient '];
const BEHIND_ADDRESS = ': row "';
/** An address of which `withoutLocalParts` takes all that must not stay. */
const ORDINARY = /^<?[^\s<>"'(),;:[\]\\%!@]*@[^\s<>"'(),;:[\]\\%!@]+>?$/;
const POSTMASTER = /^<?postmaster>?$/i;

/** A reason without local parts: of an unusual or cut address only a whole domain stays. */
function reasonText(reason: string): string {
  const side = SIDES.find((word) => reason.startsWith(word));
  // the last one: an address may have it, too
  const end = side === undefined ? -1 : reason.lastIndexOf(BEHIND_ADDRESS);
  if (side === undefined || end < side.length) return withoutLocalParts(reason);
  const address = reason.slice(side.length, end);
  return `${side}${addressIn(address)}${withoutLocalParts(reason.slice(end))}`;
}

function addressIn(address: string): string {
  if (POSTMASTER.test(address) || address === '<>') return address;
  if (ORDINARY.test(address)) return withoutLocalParts(address);
  const written = address.slice(address.lastIndexOf('@') + 1).replace(/>$/, '');
  return address.includes('@') ? `@${canonicalDomain(written) ?? ''}` : '@';
}

function recipientsText(recipients: readonly EnvelopeAddress[]): string {
  const [first] = recipients;
  if (recipients.length === 1 && first !== undefined) {
    const domain = first.domain === '' ? '' : `"${first.domain}"`;
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
    shown.push(`"${domain}"`);
  }
  const more = domains.size > shown.length ? `,"moreDomains":${domains.size - shown.length}` : '';
  return `,"recipients":[${named.join(',')}],"recipientDomains":[${shown.join(',')}]${more},"recipientCount":${recipients.length}`;
}

/** What the addresses in the record do not show, and what counted for the verdict. */
function doubtsText({ sender, recipients, unseenRecipients }: Transaction): string {
  const ambiguous = (sender !== null && hasReadings(sender)) || recipients.some(hasReadings);
  return `${unseenRecipients ? ',"unseen":true' : ''}${ambiguous ? ',"ambiguous":true' : ''}`;
}

function hasReadings({ readings }: EnvelopeAddress): boolean {
  return readings.length > 0;
}

let headOf = '';
let headHost = '';

/** Time, type and host, and the name of the code. */
function head(timeMs: number, host: string): string {
  if (timeMs !== stampedMs || host !== headHost) {
    headHost = host;
    stampedMs = timeMs;
    headOf = flat(`${lineHead(new Date(timeMs).toISOString(), 'verdict', host)},"code":"`);
  }
  return headOf;
}

/** One piece: a text of many would be put together again in each record. */
function flat(text: string): string {
  return Buffer.from(text).toString();
}

const tables = new Made<string, { readonly generation: number; readonly text: string }>();

/** The table, and the name of the action. */
function tableText({ tableHash: hash, generation }: VerdictRecord): string {
  const known = tables.get(hash);
  if (known?.generation === generation) return known.text;
  const text = flat(`,"table":{"hash":"${hash}","generation":${generation}},"action":"`);
  return tables.set(hash, { generation, text }).text;
}

interface MadeTls {
  readonly protocol: string;
  readonly bits: number | null;
  readonly certificate: string;
  readonly text: string;
}

/** By cipher. */
const sessions = new Made<string, MadeTls>();

function tlsText(tls: TlsState): string {
  if (tls.kind !== 'tls')
    return tls.kind === 'plain' ? ',"tls":{"state":"plain"}' : ',"tls":{"state":"unknown"}';
  const { protocol, cipher, bits, certificate } = tls;
  const { kind } = certificate;
  if (kind === 'trusted' || kind === 'untrusted' || cipher.length > MAX_KEY) return sessionText(tls);
  const known = sessions.get(cipher);
  if (known?.protocol === protocol && known.bits === bits && known.certificate === kind) return known.text;
  return sessions.set(cipher, { protocol, bits, certificate: kind, text: flat(sessionText(tls)) }).text;
}

function sessionText(tls: Extract<TlsState, { kind: 'tls' }>): string {
  const { certificate } = tls;
  let text = `,"tls":{"state":"tls","protocol":${quoted(escapeText(tls.protocol, MAX_TEXT))},"cipher":${quoted(escapeText(tls.cipher, MAX_TEXT))}`;
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

/** Not kept: with a row for each domain, one is seldom the same as before, and making it is cheaper than to keep it. */
function rowText({ pattern, at, settings }: Row): string {
  const shown = pattern.length > MAX_TEXT && !pattern.includes('@') ? pattern.slice(0, MAX_TEXT) : pattern;
  return `,"row":{"pattern":${patternText(shown)},"at":${quoted(formatPosition(at))},"level":"${settings.receive}","mode":"${settings.mode}"}`;
}
