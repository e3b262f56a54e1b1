/**
 * All edits made at the end of one message: forged marks, banners and tags are removed, ours are added. Pure
 * except for the HMAC.
 *
 * Order: the body, then changes, then deletions from the highest index down (right in Postfix, which
 * renumbers at once, and in Sendmail, which does not), then additions. Marks from outside are removed from
 * every message, even from one that gets no mark of ours. A client in `trusted-clients` (a content filter
 * that re-injects) keeps a mark whose HMAC verifies for the sender's domain. Fields of a name that the MTA
 * was not asked to send cannot be counted, so none of that name is added either: a mark beside a forged one
 * is worse than none. (A connection opened before a reload sends only what the old table needed.) Mail that
 * arrived protected may get a reply token. An edit that cannot be encoded is skipped.
 */
import type { Edit, HeaderField } from '../core/messageEdit.ts';
import type { Transaction } from '../core/transaction.ts';
import type { Verdict } from '../core/verdict.ts';
import { AT_ONCE, type Work } from '../core/work.ts';
import { SIGNATURE_HEADERS, signatureCovers } from '../mail/signatures.ts';
import { renderTemplate } from '../mail/template.ts';
import { AUTH_RESULTS_NAME, claimsToBeOurs, formatAuthResults } from '../mark/authResults.ts';
import { BodyDigest } from '../mark/bodyDigest.ts';
import { markOf, markSenderDomain, stateOf } from '../mark/markOf.ts';
import { type MarkKey, signMark, verifyMark } from '../mark/signMark.ts';
import { fieldNameKey, stripMarks } from '../mark/stripMarks.ts';
import { formatMark } from '../mark/writtenMark.ts';
import { headerProblem } from '../wire/milterEncode.ts';
import { asksForBanner, type ChosenBanner, chooseBanner } from './bannerChoice.ts';
import { type BannerFacts, bannerValues, templateOf } from './bannerWords.ts';
import { type BodyTask, bodyEdits, type ForgedBanners } from './bodyEdits.ts';
import { replyTokenEdit, TOKEN_HEADERS, type TokenMode } from './replyTokenEdit.ts';
import { subjectEdits } from './subjectEdits.ts';

export interface EditSettings {
  /** Header name of the mark. */
  readonly markName: string;
  readonly bannerName: string;
  /** Header name of the route of a message that a rule matches. */
  readonly routeHeader: string;
  readonly replyToken: TokenMode;
  /** `host-name`; '' means the MTA's own name. */
  readonly hostName: string;
  /** '' for no Authentication-Results. */
  readonly authservId: string;
  /** The first signs; if there is none, the mark is not signed. */
  readonly keys: readonly MarkKey[];
  /** Every subject tag of the table, to recognise forged ones. */
  readonly tags: readonly string[];
  /** Every text of a body banner of the table, for the same. */
  readonly bannerTexts: readonly string[];
  readonly bannerForged: ForgedBanners;
  readonly maxBodyBytes: number;
  /** Whether a mark binds the body. */
  readonly bindsBody: boolean;
}

export interface Message {
  readonly transaction: Transaction;
  readonly verdict: Verdict;
  /** null: the header fields were not seen. */
  readonly headers: readonly HeaderField[] | null;
  /** Which fields the MTA sends in `headers`, by lower-case name; all when omitted. */
  readonly shown?: 'none' | 'all' | readonly string[];
  /** null: the body was not seen, or was too large to keep. */
  readonly body: readonly Uint8Array[] | null;
  /** Digest of the received body; null or omitted when not known. */
  readonly bodyDigest?: string | null;
  /** false when the MTA does not allow it. */
  readonly replacesBody?: boolean;
  /** The code for `tlsward lookup`. */
  readonly code: string;
  readonly timeMs: number;
}

interface MessageEdits {
  readonly edits: readonly Edit[];
  /** Edits that were wanted but not made, and why; for the log. */
  readonly notes: readonly string[];
}

const NONE: readonly Edit[] = [];
const NOTHING: MessageEdits = { edits: NONE, notes: [] };

/** The edits for one message; see the file comment for their order. */
export function* messageEdits(message: Message, settings: EditSettings): Work<MessageEdits> {
  const { verdict, headers } = message;
  // in a message that is judged again, all of this has been done
  if (verdict.judged === 'no-mail' || verdict.judged === 'again') return NOTHING;
  if (headers === null) return verdict.mark && message.shown === 'none' ? unmarked(settings) : NOTHING;
  const ours = verdict.judged === 'judged';
  const notes: string[] = [];
  const sees = (name: string): boolean => isShown(name, message, notes);
  let banner: ChosenBanner | null = null;
  if (ours && asksForBanner(verdict)) {
    banner = yield* chooseBanner(message.transaction, verdict);
    yield;
  }
  let body = NONE;
  if (ours && (banner !== null || settings.bannerTexts.length > 0)) {
    body = yield* bodyEdits(headers, message.body, bodyTask(message, banner, settings), notes);
    yield;
  }
  const tag = banner?.kinds.has('subject') === true ? banner.tag : '';
  let subject = NONE;
  if (ours && (settings.tags.length > 0 || tag !== '') && sees('Subject')) {
    const signed =
      banner?.breakSignatures !== true &&
      (!SIGNATURE_HEADERS.every(sees) || signatureCovers(headers, 'Subject'));
    subject = subjectEdits(headers, { tags: settings.tags, tag, signed }, notes);
    yield;
  }
  const token =
    settings.replyToken === 'no'
      ? NONE
      : tokenEdits(message, headers, settings, settings.replyToken, sees, notes);
  const bound = settings.bindsBody && ours && verdict.mark ? boundBody(message, body, notes) : '';
  if (token !== NONE || bound !== '') yield;
  const forged = headers.length === 0 ? NONE : yield* strips(message, headers, settings, notes);
  // a mark tells the weakest result of all recipients
  if (forged.length > 0 || verdict.findings.length > AT_ONCE) yield;
  const added = additions(message, banner, settings, sees, bound);
  const edits = inOrder(body, subject, token, forged, added);
  return { edits: edits.filter((edit) => canBeSent(edit, notes)), notes };
}

/** Was the field of this name requested at negotiation? Notes it when not. */
function isShown(name: string, { shown = 'all' }: Message, notes: string[]): boolean {
  if (shown === 'all' || (shown !== 'none' && shown.includes(name.toLowerCase()))) return true;
  notes.push(`${name} left alone: the connection was opened before the reload that requires it`);
  return false;
}

/** All edits in the order of the file comment; most messages only get additions. */
function inOrder(
  body: readonly Edit[],
  subject: readonly Edit[],
  token: readonly Edit[],
  forged: readonly Edit[],
  added: readonly Edit[],
): readonly Edit[] {
  if (body.length + subject.length + token.length + forged.length === 0) return added;
  const of = (edits: readonly Edit[], kind: Edit['kind']) => edits.filter((edit) => edit.kind === kind);
  return [
    ...body,
    ...of(subject, 'changeHeader'),
    ...of(token, 'changeHeader'),
    ...of(subject, 'deleteHeader'),
    ...forged,
    ...of(subject, 'addHeader'),
    ...of(token, 'addHeader'),
    ...added,
  ];
}

function unmarked({ markName }: EditSettings): MessageEdits {
  return {
    edits: [],
    notes: [`${markName} left alone: no header field was asked for when the MTA connected`],
  };
}

/** An edit that the encoder would refuse is skipped with a note; the other edits are made. */
function canBeSent(edit: Edit, notes: string[]): boolean {
  if (!('value' in edit)) return true;
  const problem = edit.value === '' ? 'the value is empty' : headerProblem(edit.name, edit.value);
  if (problem !== null) notes.push(`${edit.name} left alone: ${problem}`);
  return problem === null;
}

/** The digest of the outgoing body, for the mark; '' when it is not known. */
function boundBody(message: Message, body: readonly Edit[], notes: string[]): string {
  const [edit] = body;
  if (edit?.kind === 'replaceBody')
    return edit.chunks.reduce<BodyDigest>((digest, chunk) => digest.with(chunk), BodyDigest.start).value();
  const digest = message.bodyDigest ?? '';
  if (digest === '')
    notes.push(
      'the mark does not bind the body: the connection was opened before the reload that requires it',
    );
  return digest;
}

function* strips(
  message: Message,
  headers: readonly HeaderField[],
  settings: EditSettings,
  notes: string[],
): Work<Edit[]> {
  const { verdict, transaction } = message;
  const { markName, bannerName, routeHeader, authservId, keys } = settings;
  const markKey = fieldNameKey(markName);
  const resultsKey = fieldNameKey(AUTH_RESULTS_NAME);
  const routeKey = fieldNameKey(routeHeader);
  const senderDomain = markSenderDomain(transaction.sender);
  const names = [markName, bannerName, routeHeader];
  if (authservId !== '') names.push(AUTH_RESULTS_NAME);
  const trusted = verdict.judged === 'trusted-client';
  return yield* stripMarks(headers, names, (field) => {
    const key = fieldNameKey(field.name);
    if (key === resultsKey) return trusted || !claimsToBeOurs(field.value, [authservId]);
    // re-injected by a program of this host that received it from us; it can only ask for more
    if (key === routeKey && verdict.judged === 'local') return true;
    if (!trusted) return false;
    // a filter that re-injects returns what we added before: the banner stays, and so does the route, which a
    // message that needs it would otherwise lose
    if (key !== markKey) return true;
    const check = verifyMark(field.value, senderDomain, keys);
    if (!check.ok) return false;
    const { bodyDigest } = check.fields;
    const same = bodyDigest === '' || message.bodyDigest == null || bodyDigest === message.bodyDigest;
    if (!same) notes.push('the mark was removed: it was made for a different body');
    return same;
  });
}

/** A reply token for mail that came from outside and arrived protected. */
function tokenEdits(
  message: Message,
  headers: readonly HeaderField[],
  settings: EditSettings,
  mode: Exclude<TokenMode, 'no'>,
  sees: (name: string) => boolean,
  notes: string[],
): readonly Edit[] {
  const { verdict, transaction, code, timeMs } = message;
  const domain = markSenderDomain(transaction.sender);
  const outside = verdict.judged === 'judged' && transaction.saslUsername === '';
  if (!outside || domain === '' || stateOf(verdict) !== 'protected') return NONE;
  if (!TOKEN_HEADERS.every(sees)) return NONE;
  const host = hostOf(transaction, settings);
  const { edit, note } = replyTokenEdit(headers, mode, { domain, code, timeMs, host, keys: settings.keys });
  if (note !== null) notes.push(note);
  return edit === null ? NONE : [edit];
}

function additions(
  message: Message,
  banner: ChosenBanner | null,
  settings: EditSettings,
  sees: (name: string) => boolean,
  bodyDigest: string,
): readonly Edit[] {
  const { transaction, verdict, code, timeMs } = message;
  const { markName, bannerName, keys, authservId } = settings;
  const edits: Edit[] = [];
  // several fields inserted at one index end up in reverse order, so the topmost one comes last
  if (banner?.kinds.has('header') && sees(bannerName)) {
    const values = bannerValues(factsOf(message, settings), banner);
    const value = renderTemplate(templateOf(banner.text), values, 'header', bannerName);
    edits.push({ kind: 'insertHeader', name: bannerName, index: 1, value });
  }
  if (!verdict.mark) return edits;
  const fields = markOf(verdict, {
    host: hostOf(transaction, settings),
    queueId: transaction.queueId,
    code,
    timeMs,
    recipients: transaction.recipients.length,
    bodyDigest,
  });
  if (authservId !== '' && sees(AUTH_RESULTS_NAME))
    edits.push({
      kind: 'insertHeader',
      name: AUTH_RESULTS_NAME,
      index: 1,
      value: formatAuthResults(authservId, fields),
    });
  if (!sees(markName)) return edits;
  const value =
    keys.length === 0
      ? formatMark(fields, null, markName)
      : signMark(fields, markSenderDomain(transaction.sender), keys, markName);
  edits.push({ kind: 'insertHeader', name: markName, index: 1, value });
  return edits;
}

function bodyTask(message: Message, banner: ChosenBanner | null, settings: EditSettings): BodyTask {
  const { bannerTexts: texts, bannerForged: forged, maxBodyBytes: limitBytes } = settings;
  const wanted =
    banner?.kinds.has('body') === true
      ? { chosen: banner, values: bannerValues(factsOf(message, settings), banner) }
      : null;
  const allowed = message.replacesBody !== false;
  return { banner: wanted, texts, forged, limitBytes, allowed };
}

function factsOf(message: Message, settings: EditSettings): BannerFacts {
  const { transaction, verdict, timeMs } = message;
  return { transaction, verdict, host: hostOf(transaction, settings), timeMs };
}

function hostOf(transaction: Transaction, settings: EditSettings): string {
  return settings.hostName === '' ? transaction.mtaName : settings.hostName;
}
