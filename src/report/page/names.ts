/**
 * Names of domains as a reader may trust them: the A-label, which cannot look like another name, and the name
 * in its own letters as a hint, only where those cannot be mistaken: one script a label, and no label that
 * could be read as ASCII.
 * Sources: RFC 5890 section 2.3.2.1, UTS 39 sections 4 and 5.2.
 */
import { domainToUnicode } from 'node:url';
import { mixedScripts } from '../../config/ini/lookalike.ts';
import { skeleton } from '../../mail/confusables.ts';
import { partnerWord } from '../answer.ts';
import { foreign, type Html, html } from './markup.ts';

/** Characters of a domain name (RFC 1035 section 2.3.4), with a leading dot. */
const MAX_NAME = 254;
/** Beside labels from left to right these change their places, and so what belongs to what. */
const RIGHT_TO_LEFT =
  /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}]/u;

/** A domain, or whatever stands in the place of one. */
export function domainName(name: string): Html {
  if (name === '' || name === '<>') return html`<span class="soft">${partnerWord(name)}</span>`;
  const own = ownLetters(name);
  return own === null ? foreign(name) : html`<span title="${own}">${name}</span>`;
}

/** The U-label form of a name; null where it is not safe to show, or says nothing more. */
export function ownLetters(name: string): string | null {
  if (name.length > MAX_NAME || !/(?:^|\.)xn--/.test(name) || !/^[a-z0-9._-]+$/.test(name)) return null;
  if (mixedScripts(name) !== null) return null;
  const own = domainToUnicode(name);
  if (own === '' || !own.split('.').every(safeLabel)) return null;
  return own;
}

function safeLabel(label: string): boolean {
  if (/^[a-z0-9_-]*$/.test(label)) return !label.startsWith('xn--');
  if (!/^(?:[\p{L}\p{N}-]\p{M}?)+$/u.test(label)) return false;
  if (RIGHT_TO_LEFT.test(label)) return false;
  return /\p{Script=Latin}/u.test(label) ? accented(label) : !/^[\x20-\x7e]*$/.test(skeleton(label));
}

/** Letters with accents are read as such; a letter that is only drawn like another one is not. */
function accented(label: string): boolean {
  return [...label].every(
    (char) => /[a-z0-9-]/.test(char) || char.normalize('NFD').length > 1 || 'ßæœøđþ'.includes(char),
  );
}
