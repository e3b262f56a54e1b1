/**
 * HTML that cannot be forgotten to be escaped: `html` is a template whose values are text unless they are HTML
 * already, and text is always escaped. Nothing else in this folder makes HTML of a text.
 *
 * Names, reasons and replies come from outside. Beside the five characters of markup, everything that is
 * invisible or turns the direction of what follows is shown as `\u{hex}`: controls, format characters (bidi,
 * zero width, tags), line and paragraph separators, unpaired surrogates, private and unassigned code points,
 * spaces that look like others, and more than two combining marks in a row. Letters beyond ASCII stay,
 * isolated by `bdi`, so that a text from right to left does not move its neighbours. Everything is linear in
 * the text, which `MAX_TEXT` bounds.
 * Sources: HTML section 13.1.2, UAX 9, UTS 36 section 3, UTS 55.
 */

import { htmlEntities } from '../../core/escape.ts';

/** Characters of one foreign text; more is cut, and said. */
const MAX_TEXT = 2000;

/** Nearly every text: nothing to isolate, nothing to show as a code. */
const ASCII = /^[\x20-\x7e]*$/;
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|(?![ \u00a0\u202f])\p{Zs}/gu;
/** The third mark in a row and those after it. */
const HEAPED = /(?<=\p{M}\p{M})\p{M}/gu;

/** HTML that is safe to put between tags, or as it was made. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  toString(): string {
    return this.text;
  }
}

type Value = Html | string | number | null | undefined | false | readonly Html[];

/**
 * A template of HTML. Strings and numbers are escaped; null, undefined and false are nothing; lists are
 * joined.
 */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Html {
  let text = parts[0]!;
  for (let i = 0; i < values.length; i++) text += written(values[i]) + parts[i + 1]!;
  return new Html(text);
}

function written(value: Value): string {
  if (value instanceof Html) return value.text;
  if (value === null || value === undefined || value === false) return '';
  if (typeof value === 'object') return value.map((one) => one.text).join('');
  return htmlEntities(visible(String(value)));
}

export const NOTHING = new Html('');

/** Joins pieces of HTML with HTML between them. */
export function joined(pieces: readonly Html[], between: string): Html {
  return new Html(pieces.map((piece) => piece.text).join(between));
}

/** A text from outside, isolated where it has more than ASCII. */
export function foreign(text: string): Html {
  return ASCII.test(text) ? html`${text}` : html`<bdi>${text}</bdi>`;
}

/** Sentences of ours, in which a name or a command stands between back quotes. */
export function prose(text: string): Html {
  const pieces = text.slice(0, MAX_TEXT).split('`');
  // a quote that is not closed is a character like any other
  const closed = pieces.length - (pieces.length % 2 === 0 ? 1 : 0);
  const made = pieces.map((piece, i) => {
    if (i >= closed) return html`\`${foreign(piece)}`;
    return i % 2 === 0 ? foreign(piece) : html`<code>${command(piece)}</code>`;
  });
  return html`${made}${text.length > MAX_TEXT && ' (cut)'}`;
}

/** Lines to paste: line ends stay, nothing is cut, and no line breaks within an option. */
export function lines(text: string): Html {
  return joined(text.split('\n').map(command), '\n');
}

/** A command line, which breaks before an option and not within it. */
export function command(line: string): Html {
  return new Html(htmlEntities(shown(line)).replace(/(^| )(--[a-z-]+)/g, '$1<span>$2</span>'));
}

/**
 * As text in a style: a CSS string in quotes that ends neither itself nor the style (CSS Syntax section
 * 4.3.5).
 */
export function cssString(text: string): string {
  const safe = visible(text).replace(
    /[^A-Za-z0-9 .,:_-]/gu,
    (char) => `\\${char.codePointAt(0)!.toString(16)} `,
  );
  return `"${safe}"`;
}

function visible(text: string): string {
  return text.length > MAX_TEXT ? `${shown(text.slice(0, MAX_TEXT))} (cut)` : shown(text);
}

function shown(text: string): string {
  if (ASCII.test(text)) return text;
  return text.replace(UNSEEN, code).replace(HEAPED, code);
}

function code(char: string): string {
  return `\\u{${char.codePointAt(0)!.toString(16)}}`;
}
