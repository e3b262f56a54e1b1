/**
 * The subject tag: puts one tag in front and removes copies that came from outside.
 *
 * A copy is anything that looks like the tag to a reader (confusables.ts): in any case, full width, with
 * look-alike letters or invisible characters, raw or in encoded words of any character set, split over
 * several of them or over folds, anywhere in the subject, so also after "Re:" and "AW:", where replies
 * collect them. If removing a copy forms another one ("[T[TLS]LS]"), that is removed as well. Where direction
 * controls could make a reader see a tag in characters of another order, those controls are removed.
 *
 * Removal keeps what it does not need to touch: a subject without a copy stays byte for byte, and in one with
 * a copy the well-formed encoded words that contain no part of it stay as they are; the rest is re-encoded in
 * utf-8 (encodedWords.ts). Putting the tag in front does not touch the rest either. The operation is
 * idempotent.
 *
 * A tag must begin and end with a bracket or another sign (`checkTag`), because copies are removed anywhere,
 * and "TLS" occurs inside other words.
 */
import { skeleton, skeletonChar } from './confusables.ts';
import { decodeWords, encodePieces, encodeWords, isStrict, type Piece, type Token } from './encodedWords.ts';

/** Longest tag, in characters. */
const MAX_TAG = 40;
const NAME = 'Subject';
const MAX_LINE = 76;
/** The room on the first line after the field name. */
const FIRST_LINE = MAX_LINE - NAME.length - 2;

/** What is wrong with a tag, as the end of a sentence; null when it can be used. */
export function checkTag(tag: string): string | null {
  const characters = Array.from(tag);
  if (characters.length > MAX_TAG) return `is longer than ${MAX_TAG} characters`;
  if (tag !== tag.trim() || /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u.test(tag))
    return 'has white space around it or contains control characters';
  if (skeleton(tag) === '') return 'has no visible character';
  if (/^[!-/:-@[-`{-~]*$/.test(skeleton(tag))) return 'contains no letter, digit or pictograph';
  const sign = /^[^\p{L}\p{N}\p{M}\s]/u;
  const lastBase = characters.findLast((char) => skeletonChar(char) !== '') ?? '';
  if (!sign.test(tag) || !sign.test(lastBase))
    return 'must begin and end with a bracket or another punctuation character, such as [via TLS]';
  if (tag.includes('=?')) return 'must not contain =?';
  return null;
}

interface Character {
  readonly char: string;
  /** Index of the token it comes from. */
  readonly token: number;
  removed: boolean;
}

function isBlank(char: string): boolean {
  return /^\s$/u.test(char);
}

/** Folded tags by their last character. */
type Tags = ReadonlyMap<string, readonly string[]>;

function tagsOf(tags: readonly string[]): Tags {
  const byLast = new Map<string, string[]>();
  for (const folded of new Set(tags.map(skeleton))) {
    const last = folded.at(-1);
    if (last === undefined) continue;
    const others = byLast.get(last);
    if (others === undefined) byLast.set(last, [folded]);
    else others.push(folded);
  }
  return byLast;
}

function endsWith(units: readonly string[], tag: string): boolean {
  const from = units.length - tag.length;
  if (from < 0) return false;
  for (let at = 0; at < tag.length; at++) if (units[from + at] !== tag[at]) return false;
  return true;
}

/**
 * Marks every copy of the tags with a stack of folded characters: when its top is a tag, those characters are
 * popped, so that what came before them is adjacent to what comes next.
 */
function markCopies(characters: readonly Character[], tags: Tags): void {
  const units: string[] = [];
  const owners: number[] = [];
  for (const [index, { char }] of characters.entries()) {
    for (const unit of skeletonChar(char).split('')) {
      units.push(unit);
      owners.push(index);
      const tag = tags.get(unit)?.find((one) => endsWith(units, one));
      if (tag === undefined) continue;
      const from = units.length - tag.length;
      for (const owner of owners.slice(from)) characters[owner]!.removed = true;
      units.length = from;
      owners.length = from;
    }
  }
}

/**
 * Controls that make a reader show characters in another order than the stored one (Unicode UAX 9): after
 * U+202E "[SLT]" is displayed as "[TLS]". U+200E is not one of them: by itself it reorders nothing.
 */
const REORDERING = /[\u061c\u200f\u202a-\u202e\u2066-\u2069]/;
const MIRRORED: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{', '>': '<' };

/** How often each character occurs; the brackets of a pair count as the same character. */
function countsOf(folded: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const unit of folded.split('')) {
    const key = MIRRORED[unit] ?? unit;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/**
 * Could reordering make a tag appear? A text with such controls can be displayed in any order that its author
 * chooses, so what counts is whether all characters of a tag are present.
 */
function canBeReordered(text: string, folded: string, tags: Tags): boolean {
  if (!REORDERING.test(text)) return false;
  const there = countsOf(folded);
  return [...tags.values()]
    .flat()
    .some((tag) => [...countsOf(tag)].every(([unit, count]) => (there.get(unit) ?? 0) >= count));
}

/** What is left, in pieces; null when there was no copy. Encoded words that lost nothing stay raw. */
function withoutCopies(tokens: readonly Token[], tags: Tags): Piece[] | null {
  const whole = tokens.map(({ text }) => text).join('');
  const folded = skeleton(whole);
  const reordered = canBeReordered(whole, folded, tags);
  if (!reordered && ![...tags.values()].flat().some((tag) => folded.includes(tag))) return null;
  const characters: Character[] = [];
  const touched = new Set<number>();
  for (const [token, { text }] of tokens.entries()) {
    for (const char of text) {
      if (reordered && REORDERING.test(char)) touched.add(token);
      else characters.push({ char, token, removed: false });
    }
  }
  markCopies(characters, tags);
  const kept: Character[] = [];
  /** After a copy: spaces and invisible characters are removed with it. */
  let behind = false;
  let blanks = false;
  for (const character of characters) {
    if (character.removed) {
      behind = true;
      blanks = false;
    } else if (behind && skeletonChar(character.char) === '') {
      blanks ||= isBlank(character.char);
      character.removed = true;
    } else {
      const before = kept.at(-1);
      // One space stays between the texts on both sides.
      if (behind && blanks && before !== undefined && !isBlank(before.char)) {
        kept.push({ char: ' ', token: -1, removed: false });
      }
      behind = false;
      kept.push(character);
    }
    if (character.removed) touched.add(character.token);
  }
  const pieces: Piece[] = [];
  const raws = tokens.map((token, index) => !touched.has(index) && isStrict(token));
  let text = '';
  let lastRaw = -1;
  for (const { char, token } of kept) {
    if (token < 0 || !raws[token]) {
      text += char;
    } else if (token !== lastRaw) {
      if (text !== '') pieces.push({ text });
      text = '';
      pieces.push({ raw: tokens[token]!.raw });
      lastRaw = token;
    }
  }
  text = text.trimEnd();
  if (text !== '') pieces.push({ text });
  return pieces;
}

/** The tag as written in front, without the space that follows. */
function writtenTag(tag: string, beforeEncodedWord: boolean): string {
  if (/^[!-~ ]*$/.test(tag)) return tag;
  // A space between two encoded words is not shown, so it goes into the first.
  return encodeWords(beforeEncodedWord ? `${tag} ` : tag, FIRST_LINE).join('\n ');
}

/**
 * A subject (bytes as latin1, folds as LF and white space, with or without the blank behind the colon)
 * without any copy of any of the tags, and with `put`, unless that is '', in front. The result is the
 * argument itself when there is nothing to do; '' when nothing is left. All tags have passed `checkTag`. They
 * are removed together, because removing one can form another ("[T[OK]LS]").
 */
export function retagSubject(value: string, tags: readonly string[], put: string): string {
  const lead = /^[ \t]*/.exec(value)![0];
  const original = value.slice(lead.length);
  const rest = stripped(original, put === '' ? tags : [put, ...tags], put);
  if (put === '') return rest === original ? value : rest === '' ? '' : `${lead}${rest}`;
  const body = rest.replace(/^[ \t\r\n]+/, '');
  if (body === '') return `${lead}${writtenTag(put, false)}`;
  const front = writtenTag(put, body.startsWith('=?'));
  const firstLine = body.split('\n', 1)[0]!;
  const width = front.includes('\n') ? MAX_LINE : FIRST_LINE;
  const used = front.length - front.lastIndexOf('\n') - 1;
  return `${lead}${front}${used + 1 + firstLine.length > width ? '\n ' : ' '}${body}`;
}

/**
 * The subject without copies; its own bytes when there is none but the tag `put`, as we write it, in front.
 */
function stripped(value: string, tags: readonly string[], put: string): string {
  let rest = value;
  for (const front of put === '' ? [] : [writtenTag(put, false), writtenTag(put, true)]) {
    if (!rest.startsWith(front)) continue;
    const next = rest.slice(front.length);
    if (next === '' || /^[ \t\n]/.test(next)) {
      rest = next;
      break;
    }
  }
  const pieces = withoutCopies(decodeWords(rest), tagsOf(tags));
  return pieces === null ? rest : encodePieces(NAME, pieces);
}
