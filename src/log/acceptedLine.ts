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

/** From behind the code to the stage. */
const OF_PROTOCOL = {
  policy: '","protocol":"policy","stage":"',
  milter: '","protocol":"milter","stage":"',
} as const;
const END = '","msg":"accepted"}\n';

/** The line with its end, of a record for which `briefFields` are written; `time`: as pino's time field, `,"time":"..."`. */
export function acceptedLine(record: VerdictRecord, time: string): string {
  const { transaction: tx, verdict } = record;
  const { recipients } = tx;
  // the quotes stand in the constant parts: the fewer parts, the less there is to join, and to collect
  let line =
    `{"level":30${time},"event":"tx.verdict","code":"${record.code}${OF_PROTOCOL[tx.protocol]}${tx.stage}` +
    `","action":"accept","conn":${record.conn},"client":"${foreign(tx.clientAddress)}","sender":"${tx.sender === null ? '' : foreign(tx.sender.text)}`;
  line +=
    recipients.length === 1
      ? `","recipients":"${foreign(recipients[0]!.text)}","tls":"${session(tx.tls)}`
      : `","recipients":${addresses(recipients)},"tls":"${session(tx.tls)}`;
  const pattern = patternOf(verdict);
  if (pattern !== undefined) line += `","row":"${own(pattern)}`;
  if (tx.queueId !== '') line += `","queueId":"${foreign(tx.queueId)}`;
  if (tx.saslUsername !== '') line += `","saslUsername":"${foreign(tx.saslUsername)}`;
  if (tx.tls.kind === 'tls' && tx.tls.certificate.kind !== 'none') {
    const { certificate } = tx.tls;
    line += `","certificate":"${certificate.kind}`;
    if (certificate.kind === 'trusted') line += `","commonName":"${foreign(certificate.commonName)}`;
  }
  if (record.route !== undefined) {
    const { rule, route } = shownRoute(record.route);
    line += `","rule":"${own(rule)}","route":"${own(route)}`;
  }
  if (record.notes.length === 0) return line + END;
  return `${line}","notes":${JSON.stringify(shownNotes(record.notes))},"msg":"accepted"}\n`;
}

/** A text of a peer as it stands between the quotes of a JSON string. */
function foreign(text: string): string {
  return text.length <= MAX_PLAIN && PLAIN.test(text) ? text : own(escapeText(text));
}

/** A text of ours between quotes, as pino writes it: a short one without control characters in a simpler way. */
function own(text: string): string {
  if (text.length <= MAX_PLAIN && PLAIN.test(text)) return text;
  if (text.length > 100 || CONTROL.test(text)) return JSON.stringify(text).slice(1, -1);
  return text.replace(/["\\]/g, '\\$&');
}

function addresses(recipients: readonly EnvelopeAddress[]): string {
  const shown = recipients.slice(0, MAX_RECIPIENTS).map(({ text }) => escapeText(text));
  return JSON.stringify(listed(shown, MAX_RECIPIENTS, recipients.length));
}

/** The last TLS session, and how it is shown: most clients have the same. */
let seen = { protocol: '', cipher: '', bits: null as number | null, shown: '  ?' };

function session(tls: TlsState): string {
  if (tls.kind !== 'tls') return describeTls(tls);
  const { protocol, cipher, bits } = tls;
  if (seen.bits === bits && seen.protocol === protocol && seen.cipher === cipher) return seen.shown;
  // tried one by one: a text put together would have to be copied to be looked at
  const plain = protocol.length <= MAX_PLAIN && cipher.length <= MAX_PLAIN;
  if (!plain || !PLAIN.test(protocol) || !PLAIN.test(cipher)) return own(describeTls(tls));
  seen = { protocol, cipher, bits, shown: `${protocol} ${cipher} ${bits ?? '?'}` };
  return seen.shown;
}
