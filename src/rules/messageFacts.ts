/**
 * From a message as the MTA sent it to the facts that rules compare (core/rule.ts). Pure except for the HMAC
 * of tokens.
 *
 *   headerNamesFor(rules) -> names               header fields that a milter must be shown for these rules, lower case
 *   messageFacts(rules, input) -> MessageFacts   then core/rules.ts: needsOf(rules, facts)
 *
 * Subjects are decoded (RFC 2047, raw bytes, any character set) and folded to what they look like, as banner
 * tags from outside are recognised (mail/subject.ts): "［ＳＥＣＵＲＥ］", "[s e c u r e]" in encoded words and "RE:
 * AW: [Secure] offer" all have the tag [secure]. A tag counts anywhere in the subject, because mail programs
 * and lists put words before it, and so that a reply to a tagged message gets the same protection.
 *
 * Facts that no rule needs are not computed. Limits: 16 KiB of each subject, 64 KiB of all; tokens as in
 * mark/replyToken.ts.
 */
import type { EnvelopeAddress } from '../core/address.ts';
import type { HeaderField } from '../core/messageEdit.ts';
import type { MessageFacts, Rule } from '../core/rule.ts';
import { skeleton } from '../mail/confusables.ts';
import { decodeHeaderText } from '../mail/encodedWords.ts';
import { verifiedDomains } from '../mark/replyToken.ts';
import type { MarkKey } from '../mark/signMark.ts';
import { fieldNameKey } from '../mark/stripMarks.ts';

export interface FactsInput {
  readonly sender: EnvelopeAddress;
  /** SASL login; '' for none. */
  readonly user: string;
  /** Parameters of MAIL as they came: `SIZE=99`, `REQUIRETLS`. */
  readonly mailParameters: readonly string[];
  /** In order of arrival; null: not shown, as if there were none. */
  readonly headers: readonly HeaderField[] | null;
  readonly recipients: readonly EnvelopeAddress[];
  /** Keys that sign tokens (`mark-key`). */
  readonly keys: readonly MarkKey[];
}

const TOKEN_FIELDS: readonly string[] = ['references', 'in-reply-to'];
const MAX_SUBJECT = 16_384;
const MAX_OF_SUBJECTS = 65_536;

/** Lower-case names of the header fields that the rules look at, each once. */
export function headerNamesFor(rules: readonly Rule[]): readonly string[] {
  const names = new Set<string>();
  for (const { when } of rules) {
    if (when.subjectTags.length > 0) names.add('subject');
    for (const { name } of when.headers) names.add(name);
    if (when.replyToMarked) for (const name of TOKEN_FIELDS) names.add(name);
  }
  return [...names];
}

/** See the file comment. Never throws. */
export function messageFacts(rules: readonly Rule[], input: FactsInput): MessageFacts {
  const names = new Set(headerNamesFor(rules));
  const fields = (input.headers ?? [])
    .map(({ name, value }) => ({ name: fieldNameKey(name), value }))
    .filter(({ name }) => names.has(name));
  const tagged = rules.some(({ when }) => when.subjectTags.length > 0);
  const replies = rules.some(({ when }) => when.replyToMarked);
  return {
    sender: input.sender,
    user: input.user,
    requireTls: input.mailParameters.some((parameter) => parameter.toUpperCase() === 'REQUIRETLS'),
    subjects: tagged ? subjectsOf(fields) : [],
    headers: fields,
    repliesTo: replies ? verifiedDomains(tokenValues(fields), domainsOf(input.recipients), input.keys) : [],
    recipients: input.recipients,
  };
}

function subjectsOf(fields: readonly HeaderField[]): string[] {
  let room = MAX_OF_SUBJECTS;
  const subjects: string[] = [];
  for (const { name, value } of fields) {
    if (name !== 'subject' || room <= 0) continue;
    const read = value.slice(0, Math.min(MAX_SUBJECT, room));
    room -= read.length;
    subjects.push(skeleton(decodeHeaderText(read)));
  }
  return subjects;
}

/** Values of the fields in which tokens stand. */
export function tokenValues(headers: readonly HeaderField[]): string[] {
  return headers.filter(({ name }) => TOKEN_FIELDS.includes(fieldNameKey(name))).map(({ value }) => value);
}

/** Canonical domains of the addresses, those that a malformed one might mean included; each once. */
export function domainsOf(addresses: readonly EnvelopeAddress[]): string[] {
  const domains = new Set<string>();
  for (const { domain, readings } of addresses) {
    if (domain !== '') domains.add(domain);
    for (const reading of readings) domains.add(reading.slice(reading.lastIndexOf('@') + 1));
  }
  return [...domains];
}
