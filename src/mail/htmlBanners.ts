/**
 * Our banners at the top of an HTML text that came from outside: blocks of our class, and our text in any
 * markup.
 *
 * The top is everything up to the end of the first text that is not ours: a text ends at a tag that is not
 * inline, `<br>` may stand inside it. A `<blockquote>` ends the top too, because what is quoted is the
 * author's. Only text is removed (a block of our class as a whole); tags, comments and spaces stay, so that
 * the markup stays balanced.
 *
 * A reader can be deceived in HTML by other means (a picture of our text): a banner proves nothing. One pass
 * over at most MAX_PIECES tags, comments and texts.
 */
import { behindLine, CLASS, endOfComment, endOfRaw, endOfTag, RAW_TAGS, TAG } from './html.ts';

/** Tags, comments and pieces of text that are looked at. */
const MAX_PIECES = 4000;
const CLOSE = /<\/div[ \t\r\n]*>/gi;
/** Longest text that is compared. */
const MAX_TEXT = 4000;
const INLINE = new Set(
  'a abbr b bdi bdo big br center cite code em font i ins kbd label mark o:p q s small span strike strong sub sup tt u var wbr'.split(
    ' ',
  ),
);

interface HtmlBanners {
  /** Offset behind the last of them. */
  readonly end: number;
  /** What is kept of the text from the start to `end`. */
  readonly kept: string;
}

/** How far the banners go, and how many of the pieces before that stay. */
interface Stretch {
  readonly end: number;
  readonly pieces: number;
}

/** A text with its character references resolved, as far as a forgery of our text needs them. */
function unescapeHtml(text: string): string {
  const named: Readonly<Record<string, string>> = {
    amp: '&',
    lt: '<',
    gt: '>',
    quot: '"',
    apos: "'",
    nbsp: ' ',
  };
  return text.replace(
    /&(?:#(\d{1,7})|#[xX]([0-9A-Fa-f]{1,6})|([a-z]{2,4}));?/g,
    (found, decimal: string | undefined, hex: string | undefined, name: string | undefined) => {
      if (name !== undefined) return Object.hasOwn(named, name) ? named[name]! : found;
      const code = decimal === undefined ? Number.parseInt(hex!, 16) : Number(decimal);
      return code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd';
    },
  );
}

/**
 * Banners at the top of `text` (latin1) from `from` on; `decode` reads it in its character set. null: there
 * are none.
 */
export function htmlBanners(
  text: string,
  from: number,
  decode: (latin1: string) => string,
  matches: (text: string) => boolean,
): HtmlBanners | null {
  const kept: string[] = [];
  let found = null as Stretch | null;
  let run = '';
  /** Ends a text; false when it is not ours. */
  const endText = (end: number): boolean => {
    const read = run;
    run = '';
    if (read.trim() === '') return true;
    if (read.length > MAX_TEXT || !matches(unescapeHtml(decode(read)))) return false;
    found = { end, pieces: kept.length };
    return true;
  };
  let at = from;
  for (let left = MAX_PIECES; left > 0 && at < text.length; left--) {
    TAG.lastIndex = at;
    const [head, slash, written] = text[at] === '<' ? (TAG.exec(text) ?? []) : [];
    if (head === undefined || written === undefined) {
      if (text.startsWith('<!--', at)) {
        const end = endOfComment(text, at);
        if (end < 0) break;
        kept.push(text.slice(at, end));
        at = end;
        continue;
      }
      const next = text.indexOf('<', at + 1);
      const end = next < 0 ? text.length : next;
      const piece = text.slice(at, Math.min(end, at + MAX_TEXT + 1));
      run += piece;
      if (piece.trim() === '') kept.push(piece);
      at = end;
      continue;
    }
    const name = written.toLowerCase();
    let end = endOfTag(text, at + head.length);
    if (end < 0 || name === 'blockquote') break;
    const tag = text.slice(at, end);
    if (slash === '' && name === 'div' && tag.includes(CLASS)) {
      if (!endText(at)) return result(found, kept);
      CLOSE.lastIndex = end;
      if (!CLOSE.test(text)) break;
      // spaces before the rest would only grow from pass to pass
      if (kept.every((piece) => piece.trim() === '')) kept.length = 0;
      at = behindLine(text, CLOSE.lastIndex);
      found = { end: at, pieces: kept.length };
      continue;
    }
    if (!INLINE.has(name) && !endText(at)) return result(found, kept);
    if (name === 'br') run += ' ';
    if (slash === '' && RAW_TAGS.has(name)) end = endOfRaw(text, name, end);
    if (end < 0) break;
    kept.push(text.slice(at, end));
    at = end;
  }
  if (at >= text.length) endText(text.length);
  return result(found, kept);
}

/** What is kept ends with a line end, so that lines are not joined. */
function result(found: Stretch | null, kept: readonly string[]): HtmlBanners | null {
  if (found === null) return null;
  const markup = kept.slice(0, found.pieces).join('');
  return { end: found.end, kept: markup === '' || markup.endsWith('\r\n') ? markup : `${markup}\r\n` };
}
