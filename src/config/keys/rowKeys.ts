/**
 * The keys that `[policy]`, `[domain]` and `[exception]` sections share, one entry for each field of
 * `Settings`, in the order of the reference.
 */
import {
  BANNERS,
  DEFAULTS,
  DELIVER_LEVELS,
  MODES,
  RECEIVE_LEVELS,
  type Settings,
  VIOLATIONS,
} from '../../core/settings.ts';
import { MAX_CONTACT, MAX_REASON, MAX_REPLY } from '../ini/limits.ts';
import { Invalid } from '../ini/problem.ts';
import { parseTag, parseTemplateText } from './bannerValues.ts';
import { anything, type Check, key, listOf, showValue, type TypedKey, words, wordsOr } from './key.ts';
import * as values from './values.ts';

/** What one section says itself. */
export type Own = { -readonly [K in keyof Settings]?: Settings[K] };

type Field = Exclude<keyof Settings, 'lineage'>;

const REPLY_TEXT: Check<string | null> = anything('printable ASCII', (text) =>
  values.parsePlainText(text, MAX_CONTACT),
);

export const ROW_KEYS: { readonly [K in Field]: TypedKey<Settings[K]> } = {
  receive: key('receive', 'may', 'how inbound mail from or to the domain must arrive', words(RECEIVE_LEVELS)),
  deliver: key(
    'deliver',
    '',
    "how outbound mail to the domain must leave; empty: at the MTA's own default level",
    wordsOr(DELIVER_LEVELS, null),
  ),
  deliverFloor: key(
    'deliver-floor',
    '',
    'lowest level that `deliver = auto` answers; empty: no lower limit, only what the domain publishes',
    wordsOr(['encrypt', 'verify'], 'none'),
  ),
  minProtocol: key(
    'min-protocol',
    'TLSv1.2',
    'lowest TLS version where TLS is required',
    words(['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']),
  ),
  minBits: key(
    'min-bits',
    '128',
    'fewest bits of the session key where TLS is required',
    anything('a whole number from 0 to 512', values.parseBits),
  ),
  denyCiphers: key(
    'deny-ciphers',
    '',
    'parts of the names of ciphers that are not allowed; case does not matter',
    listOf('parts of cipher names', values.parseCipherFragment),
  ),
  clientNames: key(
    'client-names',
    '',
    "names accepted in a client certificate, `.suffix` for all names below; empty: the row's domain and " +
      'all names below',
    listOf('domain names or .suffix', values.parseClientName),
  ),
  clientIssuers: key(
    'client-issuers',
    '',
    'accepted issuers of the client certificate (`\\,` is a comma in a name); empty: any trusted issuer',
    anything<readonly string[]>('issuer names', values.parseList),
  ),
  serverNames: key(
    'server-names',
    '',
    'names accepted in the server certificate at `deliver = verify` or `secure`, `.suffix` for all names ' +
      "below; empty: Postfix's own rules",
    listOf('domain names or .suffix', values.parseServerName),
  ),
  fingerprints: key(
    'fingerprint',
    '',
    'pinned digests of certificates or public keys, in hex',
    listOf('digests in hex', values.parseFingerprint),
  ),
  violation: key('violation', 'reject', 'what happens on a violation', words(VIOLATIONS)),
  mode: key('mode', 'enforce', '`observe`: decide and log, but let the mail pass', words(MODES)),
  mark: key('mark', 'header', 'whether to add the mark to messages', words(['header', 'none'])),
  banner: key(
    'banner',
    '',
    `banners to add: any of ${BANNERS.join(', ')}`,
    listOf(`any of ${BANNERS.join(', ')}`, (word) => values.parseWord(word, BANNERS)),
  ),
  bannerText: key(
    'banner-text',
    DEFAULTS.bannerText,
    'text of header and body banner on protected mail; a template, see "Marks and banners"',
    anything('a template', parseTemplateText),
  ),
  bannerTag: key(
    'banner-tag',
    DEFAULTS.bannerTag,
    'subject tag on protected mail',
    anything('a tag such as [via TLS]', parseTag),
  ),
  bannerUnprotectedText: key(
    'banner-unprotected-text',
    '',
    'text on mail that was not protected; empty: none',
    anything('a template', parseTemplateText),
  ),
  bannerUnprotectedTag: key(
    'banner-unprotected-tag',
    '',
    'subject tag on mail that was not protected; empty: none',
    anything('a tag such as [PLAIN]', parseTag),
  ),
  bannerSigned: key(
    'banner-signed',
    DEFAULTS.bannerSigned,
    '`edit`: add body banner and subject tag even to mail whose DKIM signature this breaks',
    words(['leave', 'edit']),
  ),
  reply: key(
    'reply',
    '',
    'text of a refusal, with the fields {domain} {required} {seen} {help} {contact} {code}; empty: the ' +
      'standard text',
    anything('printable ASCII', (text) => values.parseReply(text, MAX_REPLY)),
  ),
  help: key('help', '', 'address or link where the sender of refused mail finds help', REPLY_TEXT),
  contact: key('contact', '', 'contact for questions about the domain', REPLY_TEXT),
  reason: key(
    'reason',
    '',
    'why the row has these settings',
    anything('text', (text) => values.parseText(text, MAX_REASON)),
  ),
  until: key(
    'until',
    '',
    'last day on which the row is valid (YYYY-MM-DD); afterwards it is reported as expired, but stays in ' +
      'force',
    anything('a date', values.parseDay),
  ),
};

const FIELDS = Object.keys(ROW_KEYS) as readonly Field[];
const FIELD_OF_KEY: ReadonlyMap<string, Field> = new Map(FIELDS.map((field) => [ROW_KEYS[field].key, field]));

/**
 * One line of a section as the setting it makes; nothing for the keys that say what the section starts from.
 */
export function parseRowKey(name: string, text: string): Own | Invalid {
  const field = FIELD_OF_KEY.get(name);
  if (field === undefined) return {};
  const value = ROW_KEYS[field].parse(text);
  return value instanceof Invalid ? value : { [field]: value };
}

/** `receive encrypt → may`, one for each key in which two settings differ. */
export function changedKeys(old: Settings, next: Settings): string[] {
  const show = <K extends Field>(field: K, settings: Settings): string =>
    showValue<Settings[K]>(ROW_KEYS[field], settings[field]);
  return FIELDS.flatMap((field) => {
    const before = show(field, old);
    const after = show(field, next);
    return before === after ? [] : [`${ROW_KEYS[field].key} ${before} → ${after}`];
  });
}
