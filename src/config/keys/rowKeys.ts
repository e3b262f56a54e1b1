/**
 * The keys that rows and policies share, each to its field of `Settings`; words of a fixed list were checked by the schema.
 */
import { BANNERS, type Settings } from '../../core/settings.ts';
import { MAX_CONTACT, MAX_REASON, MAX_REPLY } from '../ini/limits.ts';
import { Invalid } from '../ini/problem.ts';
import { parseTag, parseTemplateText } from './bannerValues.ts';
import * as values from './values.ts';

/** What one section says itself. */
export type Own = { -readonly [K in keyof Settings]?: Settings[K] };

export const FIELDS: Readonly<Record<string, (text: string) => Own | Invalid>> = {
  receive: (text) => ({ receive: text as Settings['receive'] }),
  deliver: (text) => ({ deliver: text === '' ? null : (text as Settings['deliver']) }),
  'deliver-floor': (text) => ({ deliverFloor: text === '' ? 'none' : (text as Settings['deliverFloor']) }),
  'min-protocol': (text) => ({ minProtocol: text }),
  'min-bits': (text) => as('minBits', values.parseBits(text)),
  'deny-ciphers': (text) => as('denyCiphers', values.parseListOf(text, values.parseCipherFragment)),
  'client-names': (text) => as('clientNames', values.parseListOf(text, values.parseClientName)),
  'client-issuers': (text) => as('clientIssuers', values.parseList(text)),
  'server-names': (text) => as('serverNames', values.parseListOf(text, values.parseServerName)),
  fingerprint: (text) => as('fingerprints', values.parseListOf(text, values.parseFingerprint)),
  violation: (text) => ({ violation: text as Settings['violation'] }),
  mode: (text) => ({ mode: text as Settings['mode'] }),
  mark: (text) => ({ mark: text as Settings['mark'] }),
  banner: (text) =>
    as(
      'banner',
      values.parseListOf(text, (word) => values.parseWord(word, BANNERS)),
    ),
  'banner-text': (text) => as('bannerText', parseTemplateText(text)),
  'banner-tag': (text) => as('bannerTag', parseTag(text)),
  'banner-unprotected-text': (text) => as('bannerUnprotectedText', parseTemplateText(text)),
  'banner-unprotected-tag': (text) => as('bannerUnprotectedTag', parseTag(text)),
  'banner-signed': (text) => ({ bannerSigned: text as Settings['bannerSigned'] }),
  reply: (text) => as('reply', values.parseReply(text, MAX_REPLY)),
  help: (text) => as('help', values.parsePlainText(text, MAX_CONTACT)),
  contact: (text) => as('contact', values.parsePlainText(text, MAX_CONTACT)),
  reason: (text) => as('reason', values.parseText(text, MAX_REASON)),
  until: (text) => as('until', values.parseDay(text)),
};

function as<K extends keyof Settings>(field: K, value: Settings[K] | Invalid): Own | Invalid {
  return value instanceof Invalid ? value : ({ [field]: value } as Own);
}
