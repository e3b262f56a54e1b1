/**
 * Every function of src that reads foreign text, by its file and name, with the largest input that its limits allow and a
 * way to call it. Text comes as one character a byte, as everywhere in src. `around` are texts that the hostile part is
 * put into besides standing alone (`~` is its place): they lead it past what would turn it away at once.
 */
import { splitNotes } from '../../src/archive/checkpoints.ts';
import { Collector } from '../../src/collect/collector.ts';
import { endOfAddress, parseDelivery } from '../../src/collect/deliveryFields.ts';
import { DeliveryTrace, parseTraced } from '../../src/collect/deliveryTrace.ts';
import { parseJournalEntry } from '../../src/collect/journalLine.ts';
import { LogClock } from '../../src/collect/logClock.ts';
import { parseLogLine } from '../../src/collect/logLine.ts';
import { parseLoss } from '../../src/collect/lossLine.ts';
import { shown } from '../../src/collect/outbound.ts';
import { parsePostfixLine } from '../../src/collect/postfixLines.ts';
import { parseRefusal } from '../../src/collect/refusalLine.ts';
import { parseSendmailLine } from '../../src/collect/sendmailLines.ts';
import { parseTlsFeature } from '../../src/collect/tlsFeature.ts';
import { parseTlsLine } from '../../src/collect/tlsLine.ts';
import { parseTlsrpt } from '../../src/collect/tlsrptDatagram.ts';
import { parsePath } from '../../src/core/address.ts';
import type { HeaderField } from '../../src/core/messageEdit.ts';
import type { Rule } from '../../src/core/rule.ts';
import { DEFAULTS } from '../../src/core/settings.ts';
import { verdictOf } from '../../src/core/verdict.ts';
import { allAtOnce } from '../../src/core/work.ts';
import { parseServers } from '../../src/dns/resolvConf.ts';
import { messageEdits } from '../../src/edits/messageEdits.ts';
import { replyTokenEdit } from '../../src/edits/replyTokenEdit.ts';
import { subjectEdits } from '../../src/edits/subjectEdits.ts';
import { parseCheckpoint } from '../../src/evidence/checkpoint.ts';
import { finishedLine, foreignText, withoutLocalParts } from '../../src/evidence/lineText.ts';
import { openNote, parseBase64, parseVerifier } from '../../src/evidence/note.ts';
import { checkProofFile } from '../../src/evidence/proof.ts';
import { addressOf } from '../../src/evidence/pseudonym.ts';
import { readChain } from '../../src/hops/chain.ts';
import { hopsJson, hopsLines } from '../../src/hops/hopsText.ts';
import { dateFromWords } from '../../src/hops/receivedDate.ts';
import { parseReceived } from '../../src/hops/receivedField.ts';
import { receivedPieces } from '../../src/hops/receivedTokens.ts';
import { keywordSays, protocolName, tlsClaimOf } from '../../src/hops/tlsClaim.ts';
import { verdictEvent } from '../../src/http/eventStreams.ts';
import { isOwnHost } from '../../src/http/hostHeader.ts';
import { reportPolicy } from '../../src/http/reportPolicy.ts';
import { routeOf } from '../../src/http/route.ts';
import { shownFields, shownVerdict } from '../../src/http/shownVerdict.ts';
import { leaveByHeader, putBodyBanner, takeBodyBanners } from '../../src/mail/bodyBanner.ts';
import { charsetOf, decodeText, decodeWindows1252 } from '../../src/mail/charset.ts';
import { skeleton } from '../../src/mail/confusables.ts';
import {
  decodeHeaderText,
  decodeWords,
  encodeHeaderText,
  encodePieces,
  encodeWords,
  isStrict,
} from '../../src/mail/encodedWords.ts';
import { endOfComment, endOfRaw, endOfTag, escapeHtml, findStart, maskJis } from '../../src/mail/html.ts';
import { htmlBanners } from '../../src/mail/htmlBanners.ts';
import { readStructure } from '../../src/mail/mime.ts';
import { parseParameterized } from '../../src/mail/parameters.ts';
import { bodyFacts, parsePartHeader } from '../../src/mail/partHeader.ts';
import { ownLines, plainBanner } from '../../src/mail/plainText.ts';
import { refold } from '../../src/mail/refold.ts';
import { isSigned, signatureCovers } from '../../src/mail/signatures.ts';
import { retagSubject } from '../../src/mail/subject.ts';
import { cleanValue, ownBanners, parseTemplate, renderTemplate } from '../../src/mail/template.ts';
import { decodeTransfer, encodeQuotedPrintable, splice } from '../../src/mail/transfer.ts';
import { MessageSplitter } from '../../src/mailfile/messageSplitter.ts';
import { authservIdOf, claimsToBeOurs, formatAuthResults } from '../../src/mark/authResults.ts';
import { BodyDigest, SavedBody } from '../../src/mark/bodyDigest.ts';
import { parseMark } from '../../src/mark/markFields.ts';
import { decodeMarkText, encodeMarkText } from '../../src/mark/markText.ts';
import { checkReplyTokens, findReplyTokens, verifiedDomains } from '../../src/mark/replyToken.ts';
import { signMark, verifyMark } from '../../src/mark/signMark.ts';
import { fieldNameKey, stripMarks } from '../../src/mark/stripMarks.ts';
import { canonicalMark, formatMark, WrittenMark } from '../../src/mark/writtenMark.ts';
import { authorOf } from '../../src/notices/author.ts';
import { waitingOf } from '../../src/notices/waitingMessage.ts';
import { NOTHING_YET, takeReply } from '../../src/probe/reply.ts';
import { nextHopOfAddress } from '../../src/queue/demand.ts';
import { isMailqHeading, MailqReader } from '../../src/queue/mailqText.ts';
import { parsePostqueueLine } from '../../src/queue/postqueueLine.ts';
import type { QueuedMessage } from '../../src/queue/queued.ts';
import { waitCause } from '../../src/queue/waitCause.ts';
import { reasonsOf } from '../../src/receive/describeVerdict.ts';
import { carriedNeed, fenceStands } from '../../src/rules/fence.ts';
import { needsOf } from '../../src/rules/matchRules.ts';
import { messageFacts, tokenValues } from '../../src/rules/messageFacts.ts';
import { hopToLabels, labelsToHop, labelsToLiteral, literalToLabels } from '../../src/rules/nextHopLabels.ts';
import { readRoute, writeRoute } from '../../src/rules/recipientSuffix.ts';
import { routedPath, routeInPath } from '../../src/rules/routedPath.ts';
import { asksForPlain, saysNo } from '../../src/rules/tlsRequired.ts';
import { judgeAddress } from '../../src/sts/addressFilter.ts';
import { parseStored } from '../../src/sts/folder.ts';
import { parseStsPolicy } from '../../src/sts/policyFile.ts';
import { isStsId, readStsRecords } from '../../src/sts/record.ts';
import { parseJson } from '../../src/tlsrpt/boundedJson.ts';
import { crc32 } from '../../src/tlsrpt/crc32.ts';
import { dkimClaimOf } from '../../src/tlsrpt/dkimClaim.ts';
import { ownOf, ownPolicies } from '../../src/tlsrpt/ownPolicies.ts';
import { parseReport } from '../../src/tlsrpt/parseReport.ts';
import { isBareReport } from '../../src/tlsrpt/readReport.ts';
import { ReportRefused } from '../../src/tlsrpt/refusal.ts';
import { reportParts } from '../../src/tlsrpt/reportParts.ts';
import { instantOf } from '../../src/tlsrpt/reportTime.ts';
import { chooseDestinations } from '../../src/tlsrpt/send/destinations.ts';
import { ownSignature } from '../../src/tlsrpt/send/ownSignature.ts';
import { readTlsrptRecords } from '../../src/tlsrpt/send/txtRecord.ts';
import { formOf } from '../../src/tlsrpt/unpack.ts';
import { ControlDecoder } from '../../src/wire/controlLines.ts';
import { decodeAnswer } from '../../src/wire/dnsDecode.ts';
import { readName } from '../../src/wire/dnsName.ts';
import { decodeXtext, utf8OrLatin1 } from '../../src/wire/foreignText.ts';
import { ReplyDecoder } from '../../src/wire/milterClient.ts';
import { isNamed, MilterDecoder } from '../../src/wire/milterDecode.ts';
import { headerProblem, quarantine, replyCode, shownReply } from '../../src/wire/milterEncode.ts';
import { MilterFramer } from '../../src/wire/milterFrame.ts';
import { macroPairs, macroValue } from '../../src/wire/milterMacros.ts';
import { addedPathProblem, deletedPathProblem, parametersProblem } from '../../src/wire/milterRecipient.ts';
import { isWireText } from '../../src/wire/milterWriter.ts';
import { NetstringDecoder } from '../../src/wire/netstring.ts';
import { PolicyAnswerDecoder, parseAction } from '../../src/wire/policyClient.ts';
import { PolicyDecoder } from '../../src/wire/policyDecode.ts';
import { formatAction } from '../../src/wire/policyEncode.ts';
import { SocketmapReplyDecoder } from '../../src/wire/socketmapClient.ts';
import { SocketmapDecoder } from '../../src/wire/socketmapDecode.ts';
import { formatSocketmapReply } from '../../src/wire/socketmapEncode.ts';
import { parseTlsPolicy } from '../../src/wire/tlsPolicyParse.ts';
import { excerpt } from '../../src/wire/wireError.ts';
import { key, SAMPLE } from '../mark/sample.ts';
import { TRACE_PIECES } from './inputs.ts';

/** A request of a browser here. */
const ASKED = { method: 'GET', hasBody: false, fetchSite: '', fetchMode: '', local: '127.0.0.1' };

/** Every text of a verdict the same. */
function verdictWith(text: string): Record<string, unknown> {
  return {
    action: 'reject',
    sender: text,
    recipients: [text],
    row: text,
    tls: text,
    because: [text],
    reply: text,
  };
}

export interface Reader {
  /** Largest input, in bytes. */
  readonly largest: number;
  readonly read: (text: string) => unknown;
  readonly around?: readonly string[];
  /** More pieces than those for all. */
  readonly pieces?: readonly string[];
}

/** A packet of the MTA; the header fields of a message. */
const PACKET = 1_048_576;
/** A policy request, a TCP answer of a name server, an MTA-STS policy. */
const KIB_64 = 65_536;
/** A body that is kept, by default. */
const BODY = 2 * 1_048_576;
/** Bytes that TCP hands over at once. */
const SEGMENT = 1460;
/** What the MTA hands on as one address or word of its own. */
const LINE = 2048;

/** Where what a stranger said stands in a line of Postfix. */
const LOG_AROUND = [
  'AAAAA1: to=<~>, relay=r, status=sent (x)',
  'AAAAA1: to=<a>, relay=r, dsn=2.0.0, status=sent (~)',
  'AAAAA1: from=<~>, size=1',
  'AAAAA1: client=~',
  'AAAAA1: reject: RCPT from a[b]: 450 4.7.1 <~>: x; from=<~> to=<b>',
  'TLSRPT: status=failure, ~',
];
const LOG_PIECES = [', status=sent (', '>, relay=', '"', '\\"', '; from=<', ', ', 'a=', '@'];
const LOG_PROGRAMS = ['smtp', 'local', 'qmgr', 'cleanup', 'smtpd', 'bounce'].map((name) => `postfix/${name}`);

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
/** What refuses most of what it reads has read it all the same. */
const orRefused = (read: () => unknown): unknown => {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ReportRefused)) throw error;
    return null;
  }
};
/** A report that has the text wherever one may stand. */
const reportOf = (text: string) => {
  const policy = {
    'policy-domain': text,
    'policy-type': text,
    'policy-string': text,
    'mx-host': [text, text],
  };
  const row = { 'result-type': text, 'sending-mta-ip': text, 'additional-information': text };
  const range = { 'start-datetime': '2026-11-30', 'end-datetime': '2026-11-30' };
  return parseReport({
    'organization-name': text,
    'date-range': range,
    policies: [{ policy, 'failure-details': [row, row] }],
  }).report;
};
const field = (name: string, value: string): HeaderField => ({ name, value });

interface AnyDecoder {
  push(chunk: Uint8Array): void;
  next(): unknown;
  keep?(): void;
}

/** In one chunk, and in small ones. */
function decoded(make: () => AnyDecoder): (text: string) => void {
  return (text) => {
    const all = bytes(text);
    for (const step of [all.length, all.length > KIB_64 ? SEGMENT : 61]) {
      const decoder = make();
      try {
        for (let at = 0; at < all.length; at += step) {
          decoder.push(all.subarray(at, at + step));
          // null, or false of one that only frames: more bytes are needed
          for (let got = decoder.next(); got !== null && got !== false; got = decoder.next());
        }
      } catch {
        // the peer's mistake; how long it took to find counts
      }
    }
  };
}

/** Reads that may refuse. */
function tried(read: (text: string) => unknown): (text: string) => unknown {
  return (text) => {
    try {
      return read(text);
    } catch (error) {
      return error;
    }
  };
}

/** The text in one field, in fields of 100 bytes, and in the shortest that a message can have. */
function inFields(text: string, ...names: readonly string[]): HeaderField[] {
  const step = Math.max(1, Math.ceil(text.length / 5000));
  const many: HeaderField[] = [];
  for (let at = 0; at < text.length / 2; at += step + 64)
    many.push(field(names[many.length % names.length]!, text.slice(at, at + step)));
  return [...names.map((name) => field(name, text.slice(0, text.length / (2 * names.length)))), ...many];
}

const TEMPLATE = parseTemplate('This message came from {domain} over {tls} to {host}.');
const BANNER = 'This message came from bank.example over TLSv1.3 to mx.example.org.';
const OWN = ownBanners(TEMPLATE.kind === 'template' ? [TEMPLATE.template] : []);
const UTF8 = charsetOf('utf-8')!;
const PLAIN_BANNER = plainBanner([BANNER], UTF8, 'utf-8', false, false)!;
const SENDER = parsePath('<a@bank.example>');

const row = {
  number: 0,
  pattern: 'bank.example',
  at: { file: 't.ini', line: 1 },
  settings: {
    ...DEFAULTS,
    banner: ['header', 'subject', 'body'] as const,
    bannerText: 'This message came from {domain} over {tls} to {host}.',
    bannerSigned: 'edit' as const,
  },
};
const TLS = {
  kind: 'tls',
  protocol: 'TLSv1.3',
  cipher: 'TLS_AES_256_GCM_SHA384',
  bits: 256,
  certificate: { kind: 'none' },
} as const;
const VERIFIER = { name: 'a', publicKey: Buffer.alloc(32) };
const VERDICT = verdictOf([{ side: 'sender', address: SENDER, row: row as never, breach: null }], TLS);
export const TRANSACTION = {
  protocol: 'milter',
  stage: 'END-OF-MESSAGE',
  arrival: 'smtp',
  clientAddress: '192.0.2.1',
  clientName: 'c.example',
  clientPort: 4711,
  heloName: 'c.example',
  sender: SENDER,
  recipients: [SENDER],
  unseenRecipients: false,
  queueId: 'Q1',
  saslUsername: '',
  mtaName: 'mx.example.org',
  tls: TLS,
} as const;
export const EDITS = {
  markName: 'X-TLS-Ward',
  bannerName: 'X-TLS-Banner',
  routeHeader: 'X-TLS-Ward-Route',
  replyToken: 'always',
  hostName: 'mx.example.org',
  authservId: 'mx.example.org',
  keys: [key(1)],
  tags: ['[TLS]', '[Unprotected]'],
  maxBodyBytes: BODY,
  bannerTexts: ['This message came from {domain} over {tls} to {host}.'],
  bannerForged: 'remove',
  bindsBody: true,
} as const;

function edited(headers: readonly HeaderField[], body: string): unknown {
  const message = { transaction: TRANSACTION, verdict: VERDICT, code: 'AB12CD34', timeMs: 1 } as const;
  return allAtOnce(messageEdits({ ...message, headers, body: [bytes(body)] }, EDITS));
}

const EDITED_NAMES = [
  'Subject',
  'X-TLS-Ward',
  'X-TLS-Banner',
  'Authentication-Results',
  'References',
  'In-Reply-To',
  'DKIM-Signature',
  'Content-Type',
];

const RULES = Array.from({ length: 20 }, (_, i): Rule => {
  const when = {
    subjectTags: [{ text: `[${i}]`, folded: `[${i}]` }],
    headers: [{ name: 'x-secure', value: `yes ${i}` }],
    requireTls: false,
    replyToMarked: true,
    senders: ['a@bank.example'],
    recipients: [],
    users: [],
  };
  const at = { file: 't.ini', line: i };
  const more = { cannot: 'reject', fallback: null, requestRequireTls: false, help: null } as const;
  return {
    name: `r${i}`,
    at,
    when: i % 2 === 0 ? { ...when, subjectTags: [] } : when,
    level: 'encrypt',
    ...more,
  };
});

function ruled(headers: readonly HeaderField[]): unknown {
  const input = {
    sender: SENDER,
    user: '',
    mailParameters: [],
    headers,
    recipients: [SENDER],
    keys: [key(1)],
  };
  return allAtOnce(needsOf(RULES, messageFacts(RULES, input)));
}

/** A DNS answer: header, no question, the text as what follows. */
function dnsAnswer(text: string): unknown {
  return decodeAnswer(bytes(`\0\x01\x81\x80\0\0\xff\xff\0\0\0\0${text}`));
}

function split(text: string): unknown {
  const splitter = new MessageSplitter();
  const all = bytes(text);
  const messages = [];
  for (let at = 0; at < all.length; at += 65_536) messages.push(splitter.push(all.subarray(at, at + 65_536)));
  return [messages, splitter.end()];
}

const inPart = (name: string) => (text: string) =>
  allAtOnce(
    putBodyBanner(
      [field('Content-Type', name.split('|')[0]!), field('Content-Transfer-Encoding', name.split('|')[1]!)],
      bytes(text),
      {
        text: BANNER,
        own: OWN,
      },
    ),
  );

const MULTIPART = 'multipart/mixed; boundary=b';
const structured = (text: string): unknown =>
  allAtOnce(readStructure([field('Content-Type', MULTIPART)], bytes(text)));

/** A message that waits for want of TLS, to this address. */
function queuedFor(address: string): QueuedMessage {
  const recipients = [{ address, reason: 'TLS is required, but was not offered by host a[1]' }];
  return { id: 'A', state: 'deferred', arrived: 0, sender: 'a@our.example', recipients, moreRecipients: 0 };
}
const DEMANDED = { level: 'encrypt', pattern: 'x', at: '', byRule: false, exception: false } as const;

/** By `file.function`. */
export const COVERED: Readonly<Record<string, Reader>> = {
  // bytes to messages
  'controlLines.ControlDecoder': {
    largest: 4096,
    read: decoded(() => new ControlDecoder()),
    around: ['~\n', '{"command":"~"}\n'],
  },
  'dnsDecode.decodeAnswer': {
    largest: KIB_64 - 12,
    read: tried(dnsAnswer),
    pieces: [
      '\0\0\x10\0\x01\0\0\0\0\0\x04\x03abc',
      '\xc0\x0c',
      '\xc0\x0c\0\x10\0\x01\0\0\0\0\0\x01\0',
      '\x01a',
      '\x01a\0\0\x05\0\x01\0\0\0\0\0\x02\xc0\x0c',
    ],
  },
  'dnsName.readName': {
    largest: KIB_64,
    read: tried((text) => readName(bytes(text), 0)),
    around: ['\0\0\0\0\0\0\0\0\0\0\0\0~'],
    pieces: ['\x01a', '\xc0\x0c'],
  },
  'foreignText.utf8OrLatin1': { largest: PACKET, read: utf8OrLatin1 },
  'foreignText.decodeXtext': { largest: PACKET, read: decodeXtext },
  'milterClient.ReplyDecoder': {
    largest: KIB_64,
    read: decoded(() => new ReplyDecoder()),
    pieces: ['\0\0\0\x01c', '\0\0\0\x06h\0a\0b\0'],
  },
  'milterDecode.isNamed': {
    largest: PACKET,
    read: (text) => isNamed({ kind: 'HEADER', name: text, value: '' }, 'subject'),
    around: ['~x', 'subject~', 'subject~x'],
  },
  'milterDecode.MilterDecoder': {
    largest: PACKET,
    read: decoded(() => new MilterDecoder()),
    pieces: ['\0\0\0\x01N', '\0\0\0\x06L\0a\0b\0', '\0\0\0\x02Ba', '\0\0\0\x05R<a>\0'],
    around: ['\0\x0f\0\0L~', '\0\x0f\0\0DR~', '\0\x0f\0\0R~'],
  },
  'milterEncode.headerProblem': {
    largest: PACKET,
    read: (text) => headerProblem('Subject', text),
    around: ['a\n ~'],
  },
  'milterEncode.replyCode': { largest: KIB_64, read: tried((text) => replyCode(550, '5.7.1', text)) },
  'milterEncode.quarantine': { largest: PACKET, read: quarantine },
  'milterEncode.shownReply': { largest: PACKET, read: shownReply },
  'milterFrame.MilterFramer': {
    largest: PACKET,
    read: decoded(() => new MilterFramer()),
    pieces: ['\0\0\0\x01N'],
    around: ['\0\x0f\0\0L~'],
  },
  'milterMacros.macroValue': {
    largest: PACKET,
    read: (text) => macroValue(text, 'tls_version'),
    pieces: ['a\0b\0', '{tls_versio}\0\0'],
  },
  'milterMacros.macroPairs': { largest: PACKET, read: macroPairs, pieces: ['a\0b\0'] },
  'milterRecipient.addedPathProblem': {
    largest: PACKET,
    read: addedPathProblem,
    around: ['<~>', '<~@b.example>', '<"~"@b.example>'],
  },
  'milterRecipient.deletedPathProblem': { largest: PACKET, read: deletedPathProblem, around: ['<~>'] },
  'milterRecipient.parametersProblem': {
    largest: PACKET,
    read: parametersProblem,
    around: ['NOTIFY=~'],
    pieces: ['NOTIFY=a ORCPT=b '],
  },
  'milterWriter.isWireText': { largest: PACKET, read: isWireText },
  'netstring.NetstringDecoder': {
    largest: KIB_64,
    read: decoded(() => new NetstringDecoder({ bytes: 100_000, rule: 'dns-cut' })),
    pieces: ['1:a,'],
    around: ['60000:~'],
  },
  'policyClient.parseAction': { largest: 4096, read: parseAction, around: ['550 ~', '550 5.7.1 ~'] },
  'policyClient.PolicyAnswerDecoder': {
    largest: KIB_64,
    read: decoded(() => new PolicyAnswerDecoder()),
    pieces: ['action=DUNNO\n\n'],
    around: ['action=~\n\n'],
  },
  'policyDecode.PolicyDecoder': {
    largest: KIB_64,
    read: decoded(() => new PolicyDecoder()),
    around: [
      'request=smtpd_access_policy\n~',
      'request=smtpd_access_policy\nprotocol_state=RCPT\nsender=~\n\n',
    ],
    pieces: ['request=smtpd_access_policy\nprotocol_state=RCPT\n\n'],
  },
  'policyEncode.formatAction': {
    largest: KIB_64,
    read: tried((text) => formatAction({ verb: 'reply', code: 550, dsn: '5.7.1', text })),
  },
  'socketmapClient.SocketmapReplyDecoder': {
    largest: KIB_64,
    read: decoded(() => new SocketmapReplyDecoder()),
    pieces: ['3:OK ,', '4:OK a,'],
    around: ['60000:OK ~'],
  },
  'socketmapDecode.SocketmapDecoder': {
    largest: KIB_64,
    read: decoded(() => new SocketmapDecoder()),
    pieces: ['3:a b,'],
    around: ['16000:a ~'],
  },
  'socketmapEncode.formatSocketmapReply': {
    largest: KIB_64,
    read: tried((text) => formatSocketmapReply({ status: 'OK', value: text })),
  },
  'tlsPolicyParse.parseTlsPolicy': {
    largest: 100_000,
    read: (text) => parseTlsPolicy(text, { major: 3, minor: 10 }),
    around: ['secure ~', 'secure match=~', 'secure {policy_string = ~}'],
    pieces: ['{policy_string = a}', ' mx_host_pattern=a.b', ' match=a.b', 'a=b ', '{{', '}'],
  },
  'wireError.excerpt': { largest: PACKET, read: (text) => excerpt(bytes(text)) },

  // mail
  'bodyBanner.leaveByHeader': {
    largest: PACKET,
    read: (text) =>
      leaveByHeader(
        inFields(text, 'Content-Type', 'Content-Transfer-Encoding', 'Content-Disposition'),
        false,
      ),
  },
  'bodyBanner.putBodyBanner plain': { largest: BODY, read: inPart('text/plain; charset=utf-8|8bit') },
  'bodyBanner.putBodyBanner flowed': { largest: BODY, read: inPart('text/plain; format=flowed|8bit') },
  'bodyBanner.putBodyBanner html': {
    largest: BODY,
    read: inPart('text/html; charset=utf-8|8bit'),
    around: ['<html><head>~'],
  },
  'bodyBanner.putBodyBanner jis': { largest: BODY, read: inPart('text/html; charset=iso-2022-jp|7bit') },
  'bodyBanner.putBodyBanner base64': { largest: BODY, read: inPart('text/html; charset=utf-8|base64') },
  'bodyBanner.putBodyBanner qp': {
    largest: BODY,
    read: inPart('text/plain; charset=utf-8|quoted-printable'),
  },
  'bodyBanner.putBodyBanner multipart': {
    largest: BODY,
    read: inPart(`${MULTIPART}|8bit`),
    around: ['--b\r\n\r\n~\r\n--b--\r\n', '--b\r\nContent-Type: ~\r\n\r\nx\r\n--b--\r\n'],
    pieces: ['--b\r\n\r\nx\r\n'],
  },
  'boundaries.BoundaryReader': {
    largest: BODY,
    read: structured,
    around: ['--b\r\n\r\n~\r\n--b--\r\n'],
    pieces: ['--b\r\n\r\nx\r\n', '--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n'],
  },
  'mime.readStructure': {
    largest: BODY,
    read: structured,
    around: ['--b\r\nContent-Type: ~\r\n\r\n\r\n--b--\r\n', '--b\r\n~\r\n--b--\r\n'],
  },
  'charset.charsetOf': { largest: PACKET, read: charsetOf },
  'charset.decodeText': {
    largest: KIB_64,
    read: (text) =>
      ['utf-8', 'utf-7', 'iso-2022-jp', 'gb18030', 'x'].map((label) => decodeText(bytes(text), label)),
    around: ['+~'],
  },
  'charset.decodeWindows1252': { largest: KIB_64, read: (text) => decodeWindows1252(bytes(text)) },
  'confusables.skeleton': { largest: KIB_64, read: skeleton },
  'encodedWords.decodeWords': {
    largest: KIB_64,
    read: decodeWords,
    around: ['=?utf-8?Q?~?=', '=?utf-8?B?~?='],
  },
  'encodedWords.isStrict': { largest: KIB_64, read: (text) => isStrict({ encoded: true, raw: text, text }) },
  'encodedWords.decodeHeaderText': { largest: KIB_64, read: decodeHeaderText, around: ['=?utf-8?Q?~?='] },
  'encodedWords.encodeWords': { largest: KIB_64, read: (text) => encodeWords(text) },
  'encodedWords.encodePieces': {
    largest: KIB_64,
    read: (text) => [encodePieces('Subject', [{ text }]), encodePieces('Subject', [{ raw: text }])],
    around: ['=?a?q?b?=~', '\xe9~'],
  },
  'encodedWords.encodeHeaderText': { largest: KIB_64, read: (text) => encodeHeaderText('Subject', text) },
  'html.endOfTag': { largest: BODY, read: (text) => endOfTag(text, 0) },
  'html.findStart': {
    largest: BODY,
    read: findStart,
    around: ['<html><head>~', '<title>~', '<script>~</script>'],
  },
  'html.maskJis': { largest: BODY, read: maskJis },
  'html.escapeHtml': { largest: KIB_64, read: escapeHtml },
  'parameters.parseParameterized': {
    largest: PACKET,
    read: (text) => parseParameterized(text, 'type'),
    around: ['text/plain; ~', 'text/plain; a=~', 'text/plain; a*=~'],
    pieces: ['a*1=b;', ';a*10=x'],
  },
  'partHeader.bodyFacts': {
    largest: PACKET,
    read: (text) => bodyFacts(inFields(text, 'Content-Type', 'Content-Transfer-Encoding')),
  },
  'partHeader.parsePartHeader': {
    largest: BODY,
    read: (text) => parsePartHeader(bytes(text), 0),
    around: ['a: ~\r\n\r\n'],
    pieces: ['a: b\r\n', 'a: b\r\n c\r\n'],
  },
  'plainText.ownLines': {
    largest: BODY,
    read: (text) => ownLines(bytes(text), 0, PLAIN_BANNER, OWN),
    pieces: [`${BANNER}\r\n\r\n`, `${BANNER}\r\n`],
  },
  'subject.retagSubject': {
    largest: KIB_64,
    read: (text) => retagSubject(text, ['[TLS]', '[TLS]]', 'LS]'], '[TLS]'),
    around: ['[TLS] ~', '\n ~', 'a~\n b'],
  },
  'template.cleanValue': { largest: PACKET, read: cleanValue },
  'template.renderTemplate': {
    largest: KIB_64,
    read: (text) =>
      TEMPLATE.kind === 'template' && renderTemplate(TEMPLATE.template, { tls: text }, 'header'),
  },
  'bodyBanner.takeBodyBanners': {
    largest: BODY,
    read: (text) =>
      ['text/plain', 'text/html'].map((type) =>
        allAtOnce(takeBodyBanners([field('Content-Type', type)], bytes(text), { own: OWN })),
      ),
    around: ['<div class="tlsward-banner">~', '<p>This message came from ~'],
  },
  'htmlBanners.htmlBanners': {
    largest: BODY,
    read: (text) =>
      htmlBanners(
        text,
        0,
        (latin1) => latin1,
        (one) => OWN.matches(one),
      ),
    around: ['<p>~'],
  },
  'html.endOfComment': { largest: BODY, read: (text) => endOfComment(`<!--${text}`, 0) },
  'html.endOfRaw': { largest: BODY, read: (text) => endOfRaw(text, 'title', 0) },
  'refold.refold': { largest: KIB_64, read: refold },
  'signatures.isSigned': { largest: PACKET, read: (text) => isSigned(inFields(text, 'DKIM-Signature', 'X')) },
  'signatures.signatureCovers': {
    largest: PACKET / 8,
    read: (text) => signatureCovers([field('DKIM-Signature', text)], 'Subject'),
    around: ['h=~', 'v=1; h=~; b=x'],
  },
  'subjectEdits.subjectEdits': {
    largest: PACKET / 4,
    read: (text) =>
      subjectEdits(inFields(text, 'Subject'), { tags: ['[TLS]', '[t]'], tag: '[TLS]', signed: false }, []),
  },
  'template.ownBanners': {
    largest: KIB_64,
    read: (text) => OWN.matches(text),
    around: ['This message came from ~'],
  },
  'transfer.decodeTransfer': {
    largest: BODY,
    read: (text) => [decodeTransfer(bytes(text), 'base64'), decodeTransfer(bytes(text), 'quoted-printable')],
  },
  'transfer.splice': {
    largest: BODY,
    read: (text) =>
      (['base64', 'quoted-printable'] as const).map((encoding) =>
        splice(bytes(text), decodeTransfer(bytes(text), encoding) ?? Buffer.alloc(0), encoding, 0, 0, () =>
          bytes('x\r\n'),
        ),
      ),
  },
  'transfer.encodeQuotedPrintable': { largest: KIB_64, read: (text) => encodeQuotedPrintable(bytes(text)) },

  // marks
  'authResults.formatAuthResults': {
    largest: KIB_64,
    read: (text) => formatAuthResults('mx.example.org', { ...SAMPLE, protocol: text, cipher: text }),
  },
  'authResults.authservIdOf': { largest: PACKET, read: authservIdOf, around: ['"~'] },
  'authResults.claimsToBeOurs': {
    largest: PACKET,
    read: (text) => claimsToBeOurs(text, ['mx.example.org', '.example.net']),
    around: ['a~', 'a~; x'],
  },
  'writtenMark.canonicalMark': {
    largest: KIB_64,
    read: tried((text) => canonicalMark({ ...SAMPLE, cipher: text, host: text }, 'bank.example', '01234567')),
  },
  'writtenMark.formatMark': {
    largest: KIB_64,
    read: tried((text) => formatMark({ ...SAMPLE, cipher: text, certificateName: text })),
  },
  'writtenMark.WrittenMark': {
    largest: KIB_64,
    read: tried((text) => new WrittenMark({ ...SAMPLE, cipher: text, host: text }).sealed(null)),
  },
  'markFields.parseMark': {
    largest: PACKET,
    read: parseMark,
    around: ['v=1; ~', 'v=1; leg=receive; state=~'],
    pieces: ['leg=receive; '],
  },
  'markText.encodeMarkText': { largest: KIB_64, read: encodeMarkText },
  'markText.decodeMarkText': { largest: KIB_64, read: decodeMarkText },
  'replyToken.findReplyTokens': {
    largest: PACKET,
    read: (text) => findReplyTokens([text, ...(text.match(/.{1,50}/gs) ?? [])]),
    around: ['<tw1.20261120.A.01234567.aaaaaaaaaaaaaaaaaaaaaa@~'],
  },
  'replyToken.checkReplyTokens': {
    largest: PACKET,
    read: (text) => checkReplyTokens([text], ['bank.example'], [key(1)]),
  },
  'replyToken.verifiedDomains': {
    largest: PACKET,
    read: (text) => verifiedDomains([text], ['bank.example'], [key(1)]),
  },
  'signMark.signMark': {
    largest: KIB_64,
    read: tried((text) => signMark({ ...SAMPLE, cipher: text }, 'bank.example', [key(1)])),
  },
  'signMark.verifyMark': { largest: PACKET, read: (text) => verifyMark(text, 'bank.example', [key(1)]) },
  'stripMarks.fieldNameKey': { largest: PACKET, read: fieldNameKey, around: ['a~b'] },
  'stripMarks.stripMarks': {
    largest: PACKET,
    read: (text) => allAtOnce(stripMarks(inFields(text, 'X-TLS-Ward', 'X'), ['X-TLS-Ward'])),
  },

  // edits and rules
  'messageEdits.messageEdits': {
    largest: PACKET / 4,
    read: (text) => edited(inFields(text, ...EDITED_NAMES), text),
  },
  'messageEdits.messageEdits one field': {
    largest: PACKET / 8,
    read: (text) => EDITED_NAMES.map((name) => edited([field(name, text)], 'x')),
  },
  'replyTokenEdit.replyTokenEdit': {
    largest: PACKET,
    read: (text) =>
      ['References', 'In-Reply-To', 'DKIM-Signature'].map((name) =>
        replyTokenEdit([field(name, text)], 'unsigned', {
          domain: 'bank.example',
          code: 'A',
          timeMs: 1,
          host: 'mx.example.org',
          keys: [key(1)],
        }),
      ),
    around: ['<a@b>~', '<a@b>~x', 'h=~'],
  },
  'messageFacts.messageFacts': {
    largest: PACKET / 4,
    read: (text) => ruled(inFields(text, 'Subject', 'X-Secure', 'References')),
  },
  'messageFacts.messageFacts one field': {
    largest: PACKET,
    read: (text) => ruled([field('X-Secure', text)]),
  },
  'tlsRequired.saysNo': { largest: PACKET, read: saysNo, around: ['no~', '(~', '~no', '(~)no'] },
  'tlsRequired.asksForPlain': {
    largest: PACKET / 4,
    read: (text) => asksForPlain(inFields(text, 'TLS-Required', 'X')),
  },
  'messageFacts.tokenValues': {
    largest: PACKET,
    read: (text) => tokenValues(inFields(text, 'References', text.slice(0, 100))),
  },
  'fence.carriedNeed': {
    largest: PACKET,
    read: (text) => carriedNeed([...inFields(text, 'X-TLS-Ward-Route')], 'X-TLS-Ward-Route', RULES),
    around: ['again; level=~', 'again; level=encrypt; rule=~'],
  },
  'fence.fenceStands': { largest: PACKET, read: (text) => fenceStands(text, 'X-TLS-Ward-Route') },
  'nextHopLabels.hopToLabels': { largest: LINE, read: hopToLabels, around: ['[~]:25', '~:25'] },
  'nextHopLabels.labelsToHop': { largest: LINE, read: labelsToHop, around: ['b-25.~', 'm.~', 'b.ipv6-~'] },
  'nextHopLabels.literalToLabels': { largest: LINE, read: literalToLabels, around: ['[IPv6:~]'] },
  'nextHopLabels.labelsToLiteral': { largest: LINE, read: labelsToLiteral, around: ['ipv6-~'] },
  'recipientSuffix.readRoute': {
    largest: LINE,
    read: readRoute,
    around: ['~.tlsward-encrypt', 'a.tlsward-via.~', '~.tlsward-literal.tlsward-encrypt'],
  },
  'recipientSuffix.writeRoute': {
    largest: LINE,
    read: (text) => writeRoute(text, { end: 'encrypt' }),
    around: ['b.example~'],
  },
  'bodyDigest.BodyDigest': { largest: BODY, read: (text) => BodyDigest.start.with(bytes(text)).value() },
  'bodyDigest.SavedBody': {
    largest: BODY,
    read: (text) => {
      const body = new SavedBody();
      body.push(bytes(text));
      return body.values();
    },
    around: ['>From ~', '\n>~From '],
  },
  'routedPath.routeInPath': { largest: LINE, read: routeInPath, around: ['<a@~>', '<"~"@b.example>'] },
  'routedPath.routedPath': {
    largest: PACKET,
    read: (text) =>
      routedPath(
        { address: parsePath(text), path: text, parameters: [text], mailer: 'smtp', nextHop: text },
        { end: 'encrypt' },
      ),
    around: ['<a@~>', '<~@b.example>', '<"~"@b.example>'],
  },

  // saved messages
  'chain.readChain': {
    largest: PACKET,
    read: (text) => readChain(text.match(/.{1,1000}/gs) ?? [], { names: ['mx.example.org'], networks: [] }),
  },
  'hopsText.hopsLines': {
    largest: KIB_64,
    read: (text) => hopsLines(readChain([text], { names: [text], networks: [] }), ['mx.example.org']),
    around: ['from ~ by ~'],
  },
  'hopsText.hopsJson': {
    largest: KIB_64,
    read: (text) => hopsJson(readChain([text], { names: [text], networks: [] }), ['mx.example.org']),
  },
  'receivedDate.dateFromWords': {
    largest: KIB_64,
    read: (text) => [dateFromWords([text], 0), dateFromWords(['1', 'Jan', '2020', text, text], 0)],
    around: ['10:00:00.~'],
  },
  'receivedField.parseReceived': {
    largest: PACKET,
    read: parseReceived,
    around: ['(~', 'from x (y [192.0.2.1]) by z with ~; 1 Jan 2020 10:00:00 +0000', 'from x (~)', 'from ~'],
    pieces: TRACE_PIECES,
  },
  'receivedTokens.receivedPieces': {
    largest: PACKET,
    read: receivedPieces,
    around: ['(~'],
    pieces: TRACE_PIECES,
  },
  'tlsClaim.protocolName': { largest: KIB_64, read: protocolName },
  'tlsClaim.keywordSays': { largest: KIB_64, read: keywordSays },
  'tlsClaim.tlsClaimOf': {
    largest: KIB_64,
    read: (text) => tlsClaimOf([...receivedPieces(text), { kind: 'comment', text }], text),
    around: ['using ~ with cipher ~ (~', 'TLS: ~', 'version=~', 'Client CN ~'],
  },
  'messageSplitter.MessageSplitter': {
    largest: PACKET,
    read: split,
    around: ['From a\na: b\n\n~', 'a: ~\n\n', 'a: b\n~', 'From a\n\n\nFrom ~'],
    pieces: ['From a Mon Jan 1 10:00:00 2020 +0100\n\n', 'a: b\n c\n'],
  },

  // the live page: a head has at most 8 KiB
  'hostHeader.isOwnHost': {
    largest: 8192,
    read: (text) => isOwnHost(text, ['mx.example.org'], '192.0.2.1'),
    around: ['[~]:80', 'localhost:~'],
  },
  'route.routeOf': {
    largest: 8192,
    read: (text) => routeOf({ ...ASKED, target: text, hosts: [text] }, []),
    around: ['/lookup?code=~', '/lookup?~&code=A'],
    pieces: ['&', '%', '%0d'],
  },
  'reportPolicy.reportPolicy': {
    largest: KIB_64,
    read: (text) => reportPolicy(Buffer.from(text, 'latin1')),
    around: [`<meta http-equiv="Content-Security-Policy" content="default-src 'none'~">`],
    pieces: ["; style-src 'none'", ' data:'],
  },
  'shownVerdict.shownVerdict': {
    largest: KIB_64,
    read: (text) => shownVerdict(verdictWith(text), '', 'hashed'),
    around: ['~@bank.example', 'sender ~: row "x" (f:1): met'],
  },
  'shownVerdict.shownFields': { largest: KIB_64, read: (text) => shownFields(verdictWith(text), 'domains') },
  'eventStreams.verdictEvent': {
    largest: KIB_64,
    read: (text) => verdictEvent(verdictWith(text), '', 'full'),
  },

  // published policies
  'resolvConf.parseServers': {
    largest: KIB_64,
    read: parseServers,
    around: ['nameserver ~', 'nameserver ::1~'],
    pieces: ['nameserver 127.0.0.1\n'],
  },
  'addressFilter.judgeAddress': { largest: LINE, read: (text) => judgeAddress(text, null) },
  'folder.parseStored': {
    largest: KIB_64 * 2,
    read: (text) => parseStored(text, 'bank.example'),
    around: ['{"a":"~"}'],
  },
  'policyFile.parseStsPolicy': {
    largest: KIB_64,
    read: parseStsPolicy,
    around: ['version: ~', 'version: a~b', 'mx: ~', 'version:~\nmode: none\nmax_age: 1\n'],
  },
  'record.isStsId': { largest: KIB_64, read: isStsId },
  'record.readStsRecords': {
    largest: KIB_64,
    read: (text) => readStsRecords([text, ...(text.match(/.{1,100}/gs) ?? [])]),
    around: ['v=STSv1; ~', 'v=STSv1; id=a~b', 'v=STSv1; id=a;~', 'v=STSv1~'],
  },

  // lines of an MTA's log
  'collector.Collector': {
    largest: KIB_64,
    read: (text) => {
      const options = { host: 'h', kind: 'file', now: () => 0, saved: null, resume: null };
      const collector = new Collector(options);
      for (const line of text.split('\n')) collector.push(`2026-11-22T18:47:31Z mx ${line}`, 'p');
      return [collector.lost(text, 1, text), collector.lost(text, null, null)];
    },
    around: [
      ...LOG_AROUND.map((text) => `postfix/smtp[1]: ${text}`),
      'postfix/master[1]: warning: process ~ pid 1 killed by signal 9',
    ],
    pieces: LOG_PIECES,
  },
  'deliveryTrace.parseTraced': {
    largest: KIB_64,
    read: parseTraced,
    around: LOG_AROUND.map((text) => `x postfix/smtp[1]: ${text}`),
    pieces: LOG_PIECES,
  },
  'deliveryTrace.DeliveryTrace': {
    largest: KIB_64,
    read: (text) => {
      const trace = new DeliveryTrace('<1@x>');
      for (const line of text.split('\n')) trace.push(`x postfix/smtp[1]: ${line}`);
      return trace.outcome;
    },
  },
  'deliveryFields.parseDelivery': {
    largest: KIB_64,
    read: parseDelivery,
    around: ['to=<~>, relay=r, status=sent (x)', 'to=<a>, relay=~', 'to=<a>, relay=r, ~'],
    pieces: LOG_PIECES,
  },
  'deliveryFields.endOfAddress': { largest: KIB_64, read: (text) => endOfAddress(text, 0), around: ['"~"'] },
  'journalLine.parseJournalEntry': {
    largest: 8 * KIB_64,
    read: parseJournalEntry,
    around: ['{"__CURSOR":"~"}', '{"__CURSOR":"c","MESSAGE":"~","_COMM":"x","__REALTIME_TIMESTAMP":"1"}'],
  },
  'logClock.LogClock': {
    largest: KIB_64,
    read: (text) => new LogClock(() => 0).read(text),
    around: ['2026-~'],
  },
  'logLine.parseLogLine': {
    largest: KIB_64,
    read: (text) => parseLogLine(text, new LogClock(() => 0)),
    around: ['~', '2026-11-22T18:47:31Z mx ~', '<22>1 2026-11-22T18:47:31Z mx a 1 - [~'],
  },
  'lossLine.parseLoss': {
    largest: KIB_64,
    read: (text) => ['systemd-journald', 'rsyslogd'].map((program) => parseLoss({ program, text })),
    around: ['Suppressed ~', 'lost 1 messages ~ rate-limit', 'rate-limit lost ~'],
  },
  'reply.takeReply': {
    largest: KIB_64,
    read: (text) => takeReply(NOTHING_YET, text),
    around: ['250-~', '250 ~', '250-x\n250-~\n250 x\n'],
  },
  'outbound.shown': { largest: KIB_64, read: (text) => shown(text), around: ['a@~'] },
  'postfixLines.parsePostfixLine': {
    largest: KIB_64,
    read: (text) => LOG_PROGRAMS.map((program) => parsePostfixLine({ program, text })),
    around: LOG_AROUND,
    pieces: LOG_PIECES,
  },
  'refusalLine.parseRefusal': {
    largest: KIB_64,
    read: (text) => parseRefusal(text, null, 0),
    around: [
      'reject: ~',
      'reject: RCPT from a[b]: 450 4.7.1 <~>: x; from=<a> to=<b>',
      'reject: RCPT from a: ~',
    ],
    pieces: LOG_PIECES,
  },
  'sendmailLines.parseSendmailLine': {
    largest: KIB_64,
    read: parseSendmailLine,
    around: ['6AMImj05019694: to=~', '6AMImj05019694: from=~', 'STARTTLS=client, ~', 'ruleset=~, reject=x'],
    pieces: ['<a>,', ', stat=', ', reply=', ...LOG_PIECES],
  },
  'tlsFeature.parseTlsFeature': { largest: KIB_64, read: parseTlsFeature, around: ['may:~', '~/requiretls'] },
  'tlsLine.parseTlsLine': {
    largest: KIB_64,
    read: parseTlsLine,
    around: [
      'Trusted TLS connection established to ~',
      'Trusted TLS connection established to a: b with cipher ~',
    ],
  },

  // what a peer says on its way into a record
  'lineText.withoutLocalParts': {
    largest: KIB_64,
    read: withoutLocalParts,
    around: ['<~@x.example>', '"~"@x.example'],
    pieces: ['"@', 'a@', '" @'],
  },
  'lineText.foreignText': {
    largest: KIB_64,
    read: foreignText,
    around: ['~'],
    pieces: ['\\', '"', '\u00e9'],
  },
  'lineText.finishedLine': {
    largest: KIB_64,
    read: (text) => finishedLine(0, `"a":${text}}`, (address) => address),
    around: ['\0~\0'],
    pieces: ['\0a\0', '\0'],
  },
  'pseudonym.addressOf': {
    largest: KIB_64,
    read: (text) => addressOf(text, 'full', null),
    around: ['<~@x.example>', '"~"@x.example', 'a@~'],
    pieces: ['\\', '"', '@', '.'],
  },

  // proofs and heads that a stranger shows
  'checkpoints.splitNotes': {
    largest: PACKET,
    read: splitNotes,
    around: ['a\n\n\u2014 ~'],
    pieces: ['a\n\n\u2014 a b\n', '\n\n\u2014 ', '\u2014 a\n', '\n\n'],
  },
  'checkpoint.parseCheckpoint': {
    largest: KIB_64,
    read: parseCheckpoint,
    around: ['a/2026-11-30\n1\n~', 'a/2026-11-30\n1\nAAAA\nbytes 1\nfrontier~'],
    pieces: [' AAAA', ` ${'A'.repeat(43)}=`],
  },
  'note.openNote': {
    largest: KIB_64,
    read: (text) => openNote(text, VERIFIER),
    around: ['~\n\u2014 a AAAAAAAA\n', 'a\n\n\u2014 ~', 'a\n\n\u2014 a ~\n', 'a\n\n~'],
    pieces: ['\u2014 a AAAAAAAA\n', '\n\n\u2014 '],
  },
  'note.parseVerifier': { largest: KIB_64, read: parseVerifier, around: ['a+~', 'a+00000000+~'] },
  'note.parseBase64': { largest: PACKET, read: parseBase64 },
  'proof.checkProofFile': {
    largest: PACKET,
    read: (text) => checkProofFile(bytes(text), [VERIFIER]),
    around: [
      '{"format":"tlsward-proof/1","proofs":[~]}',
      '{"format":"tlsward-proof/1","proofs":[{"line":"~"}]}',
    ],
    pieces: ['{"line":', '{},', '[', '{"a":[', '"\\ud800"'],
  },

  'tlsrptDatagram.parseTlsrpt': {
    largest: 4 * KIB_64,
    read: parseTlsrpt,
    around: [
      '{"d":"~"}',
      '{"d":"a.b","policies":[{"policy-type":9,"f":1,"failure-details":[{"a":"~"}]}]}',
      '[~',
    ],
    pieces: ['[', '{"a":', '"a",'],
  },

  // reports about us: up to 5 MiB, of which one is enough to see a square, and takes a fifth of the time
  'boundedJson.parseJson': {
    largest: PACKET,
    read: (text) => orRefused(() => parseJson(bytes(text))),
    around: ['{"a":"~"}', '{"a":[~]}', '[~'],
    pieces: ['[', '{"a":', '"a",', '{},', '\\"'],
  },
  'crc32.crc32': { largest: PACKET, read: (text) => crc32(bytes(text)) },
  'dkimClaim.dkimClaimOf': {
    largest: PACKET,
    read: (text) => dkimClaimOf([{ name: 'Authentication-Results', value: text }]),
    around: ['mx; dkim=~', 'mx; dkim=pass header.d=~', 'mx (~'],
    pieces: ['dkim=', '= ', '; dkim=pass'],
  },
  'txtRecord.readTlsrptRecords': {
    largest: KIB_64,
    read: (text) => readTlsrptRecords([text, ...(text.match(/.{1,100}/gs) ?? [])]),
    around: ['v=TLSRPTv1;~', 'v=TLSRPTv1; rua=~', 'v=TLSRPTv1; a=b;~', 'v=TLSRPTv1~'],
    pieces: [';', ',', ' ', 'rua='],
  },
  'destinations.chooseDestinations': {
    largest: KIB_64,
    read: (text) =>
      chooseDestinations([text, `mailto:${text}`, `https://a.example/${text}`], {
        https: true,
        isOwn: () => false,
        domain: 'a.example',
      }),
    around: ['mailto:~', 'mailto:~@a.example', 'https://~/', 'https://a.example/~'],
    pieces: ['%41', '@', 'mailto:', '.'],
  },
  'ownSignature.ownSignature': {
    largest: PACKET,
    read: (text) => ownSignature([{ name: 'DKIM-Signature', value: text }], 'a.example'),
    around: ['v=1; d=~', 'd=a.example; h=~', 'b=~'],
    pieces: ['h=', ';', ':', ' \t'],
  },
  'ownPolicies.ownPolicies': {
    largest: PACKET,
    read: (text) =>
      orRefused(() =>
        ownPolicies({ report: reportOf(text), namedDomain: text }, ownOf(['example.org']).isOwn, ''),
      ),
    around: ['~.example.org'],
  },
  'parseReport.parseReport': {
    largest: PACKET,
    read: (text) => orRefused(() => reportOf(text)),
    around: ['~.example.org'],
  },
  'readReport.isBareReport': { largest: PACKET, read: (text) => isBareReport(bytes(text)) },
  'reportParts.reportParts': {
    largest: PACKET / 2,
    read: (text) => orRefused(() => reportParts([field('Content-Type', MULTIPART)], bytes(text))),
    around: ['--b\r\n\r\n~\r\n--b--', '--b\r\nContent-Type: application/tlsrpt+gzip\r\n\r\n~\r\n--b--'],
    pieces: ['--b\r\n\r\n{\r\n'],
  },
  'reportTime.instantOf': {
    largest: PACKET,
    read: instantOf,
    around: ['2026-11-30T~', '2026-11-30T00:00:00~'],
  },
  'unpack.formOf': { largest: PACKET, read: (text) => formOf(bytes(text)), around: [' ~{'] },

  // the queue
  'postqueueLine.parsePostqueueLine': {
    largest: PACKET,
    read: parsePostqueueLine,
    around: ['{"queue_name":"hold","queue_id":"a","arrival_time":1,"recipients":[~]}'],
    pieces: ['{"address":"a","delay_reason":"b"},', '[', '{"a":'],
  },
  'mailqText.isMailqHeading': { largest: PACKET, read: isMailqHeading, around: ['\t\t~ (1 request)'] },
  'mailqText.MailqReader': {
    largest: PACKET,
    read: (text) => {
      const reader = new MailqReader(0);
      for (const line of text.split('\n')) reader.push(line);
      return reader.end();
    },
    around: ['6AU6J9uD030872 5 Nov 30 06:19 a\n~', '6AU6J9uD030872~ 5 Nov 30 06:19 a'],
    pieces: ['\t\t\ta\n', '\t\t (a)\n', '6AU6J9uD030872 5 Nov 30 06:19 a\n', '('],
  },
  'demand.nextHopOfAddress': {
    largest: PACKET,
    read: nextHopOfAddress,
    around: ['a@~', 'a@~.tlsward-encrypt'],
  },
  'waitCause.waitCause': {
    largest: LINE,
    read: (text) => [waitCause(text, false), waitCause(text, true)],
    around: ['host a[1] said: ~', 'Server certificate not ~', '4.7.4 ~'],
  },

  // notices to authors
  'author.authorOf': {
    largest: KIB_64,
    read: (text) => authorOf(text, ['our.example', '.our.example']),
    around: ['~@our.example', 'a+~@our.example', 'prvs=0000=~@our.example', 'list-return-~@our.example'],
  },
  'waitingMessage.waitingOf': {
    largest: KIB_64,
    read: (text) => waitingOf(queuedFor(text), () => DEMANDED, false),
    around: ['~@bank.example', 'a@~.tlsward-encrypt'],
  },

  // decisions
  'describeVerdict.reasonsOf': {
    largest: KIB_64,
    read: (text) =>
      reasonsOf(verdictOf([{ side: 'recipient', address: parsePath(text), row: null, breach: null }], TLS)),
  },
};
